import Encodings
import ForeignProtocols
import WireBytes

/// The forms in which people hold a VAA, and guardian sets.
enum WormholeInput {
  private static let wanted =
    "a VAA as hex or base 64 text, as bytes, or as JSON with 'vaa', 'vaaBytes' or 'data.vaa'"

  static func bytes(_ input: [UInt8]) throws(InputError) -> [UInt8] {
    // Version 1 opens a VAA; no text starts with that byte.
    if let first = input.first, first < 0x09 { return input }
    let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
    var text = input.drop(while: isSpace)
    while let last = text.last, isSpace(last) { text.removeLast() }
    guard let first = text.first else { throw .form(wanted: wanted) }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "\"") {
      let json: JSONValue
      do { json = try JSONValue(decoding: Array(text)) } catch { throw .json(error) }
      if let text = json.string { return try decode(text) }
      for path in ["vaa", "vaaBytes", "data.vaa", "data.vaaBytes", "bytes"] {
        if let text = json.member(path)?.string { return try decode(text) }
      }
      throw .form(wanted: wanted)
    }
    return try decode(String(decoding: text, as: UTF8.self))
  }

  /// Hex is tried first; a base 64 VAA opens with `AQ`, which hex cannot be.
  private static func decode(_ text: String) throws(InputError) -> [UInt8] {
    if let bytes = try? Hex.decode(text) { return bytes }
    if let bytes = try? Base64.decode(text) { return bytes }
    throw .form(wanted: wanted)
  }

  /// `{index: [keys]}`; `{network: {index: [keys]}}`, where `network` names one of several and the mainnet is taken
  /// otherwise; or one `{index, keys}`.
  static func sets(_ json: JSONValue) throws(InputError) -> (network: String, sets: GuardianSetChain) {
    let names = ["mainnet", "testnet", "devnet"].filter { json[$0]?.object != nil }
    let network = json["network"]?.string ?? names.first
    let members: [String: JSONValue]
    if let network, let sets = json[network]?.object {
      members = sets
    } else if let keys = json["keys"] ?? json["addresses"], let index = json["index"]?.integer(UInt32.self) {
      members = [String(index): keys]
    } else {
      members = (json.object ?? [:]).filter { UInt32($0.key) != nil }
    }
    var sets: [GuardianSet] = []
    let last = members.keys.compactMap { UInt32($0) }.max()
    for (text, value) in members {
      guard let index = UInt32(text) else { throw .member(path: text, wanted: "the index of a guardian set") }
      let keys = value.array?.compactMap { key in key.string.flatMap { try? Bytes20(hex: $0) } }
      guard let keys, keys.count == value.array?.count else {
        throw .member(path: text, wanted: "a list of guardian addresses of 20 bytes in hex")
      }
      do {
        let standing: GuardianSet.Standing = index == last ? .current : .replaced(expires: nil)
        sets.append(try GuardianSet(index: index, keys: keys, standing: standing))
      } catch {
        throw .member(path: text, wanted: "at most 255 distinct guardian addresses that are not zero")
      }
    }
    guard let chain = GuardianSetChain(sets: sets.sorted { $0.index < $1.index }) else {
      throw .form(wanted: "guardian sets as {index: [keys]}, or that under 'mainnet', 'testnet' or 'devnet'")
    }
    return (network ?? "the caller's", chain)
  }
}
