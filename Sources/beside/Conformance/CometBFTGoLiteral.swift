import Digests
import Foundation
import LightClients
import WireBytes

/// Members of a Go struct literal in a test source: `Key: value,` with nested parentheses and braces.
struct CometBFTGoLiteral {
  private var members: [String: String] = [:]

  /// Reads `Key: value, Key: value` up to the end.
  init(members text: String) { read(Substring(text)) }

  /// Reads from after an opening brace to the one that closes it; nil when it is not closed.
  init?(_ text: Substring) {
    var depth = 1
    for index in text.indices {
      switch text[index] {
      case "{": depth += 1
      case "}": depth -= 1
      default: break
      }
      if depth == 0 {
        read(text[..<index])
        return
      }
    }
    return nil
  }

  subscript(name: String) -> String? { members[name] }

  private mutating func read(_ text: Substring) {
    var depth = 0
    var start = text.startIndex
    func member(_ part: Substring) -> (String, String)? {
      guard let colon = part.firstIndex(of: ":") else { return nil }
      return (
        part[..<colon].trimmingCharacters(in: .whitespacesAndNewlines),
        part[part.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
      )
    }
    for index in text.indices {
      switch text[index] {
      case "(", "{", "[": depth += 1
      case ")", "}", "]": depth -= 1
      case "," where depth == 0:
        if let (name, value) = member(text[start..<index]) { members[name] = value }
        start = text.index(after: index)
      default: break
      }
    }
    if let (name, value) = member(text[start...]) { members[name] = value }
  }

  /// The arguments of a call to `function`.
  private func arguments(_ name: String, _ function: String) throws -> String {
    guard let value = members[name], value.hasPrefix(function + "("), value.hasSuffix(")") else {
      throw CometBFTRecordings.Difference(description: "\(name) is \(members[name] ?? "absent")")
    }
    return String(value.dropFirst(function.count + 1).dropLast())
  }

  /// `tmhash.Sum([]byte("text"))`, or nil.
  private func hash(_ name: String, _ function: String = "tmhash.Sum") throws -> Bytes32? {
    if members[name] == "nil" { return nil }
    let argument = try arguments(name, function)
    guard argument.hasPrefix("[]byte(\""), argument.hasSuffix("\")") else {
      throw CometBFTRecordings.Difference(description: "\(name) is \(argument)")
    }
    return SHA256Hash.hash([UInt8](argument.dropFirst(8).dropLast(2).utf8))
  }

  /// The header that a literal of CometBFT's TestHeaderHash describes.
  func header() throws -> CometBFT.Header {
    func numbers(_ text: some StringProtocol) -> [Int64] {
      text.split { !($0.isASCII && $0.isNumber) }.compactMap { Int64($0) }
    }
    let version = numbers(members["Version"] ?? "")
    let date = numbers(try arguments("Time", "time.Date"))
    let parts = try arguments("LastBlockID", "makeBlockID").split(separator: ",")
    guard version.count == 2, date.count == 7, parts.count == 5, let total = numbers(parts[2]).first,
      let height = Int64(members["Height"] ?? "")
    else { throw CometBFTRecordings.Difference(description: "not the literal of a header") }
    func pad(_ value: Int64, _ width: Int) -> String {
      String(repeating: "0", count: max(0, width - String(value).count)) + String(value)
    }
    let time =
      "\(pad(date[0], 4))-\(pad(date[1], 2))-\(pad(date[2], 2))T\(pad(date[3], 2)):\(pad(date[4], 2)):"
      + "\(pad(date[5], 2)).\(pad(date[6], 9))Z"
    let proposer = try hash("ProposerAddress", "crypto.AddressHash") ?? Bytes32()
    return CometBFT.Header(
      version: CometBFT.Header.Version(
        block: UInt64(clamping: version[0]), app: UInt64(clamping: version[1])),
      chainID: (members["ChainID"] ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "\"")),
      height: height, time: try CometBFT.Timestamp(rfc3339: time),
      lastBlockID: CometBFT.BlockID(
        hash: Bytes32(), parts: CometBFT.PartSetHeader(total: UInt32(clamping: total), hash: Bytes32())),
      lastCommitHash: try hash("LastCommitHash"), dataHash: try hash("DataHash"),
      validatorsHash: try hash("ValidatorsHash"), nextValidatorsHash: try hash("NextValidatorsHash"),
      consensusHash: try hash("ConsensusHash"), appHash: try hash("AppHash")?.array ?? [],
      lastResultsHash: try hash("LastResultsHash"), evidenceHash: try hash("EvidenceHash"),
      proposerAddress: Bytes20 { proposer[$0] })
  }
}
