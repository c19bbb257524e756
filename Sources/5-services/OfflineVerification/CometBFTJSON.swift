public import Encodings
import Foundation
public import LightClients
import WireBytes

/// Reads the JSON of CometBFT's RPC and of tools that write like it.
///
/// 64-bit integers are decimal strings (numbers are taken too), hashes and addresses hex, keys and signatures base64,
/// times RFC 3339 in UTC. Errors name the dotted path.
public enum CometBFTJSON {
  /// A light block: {signed_header, validator_set or validators, next_validator_set or next_validators}.
  public static func lightBlock(
    _ json: JSONValue, at path: String = ""
  ) throws(InputError) -> CometBFT.UncheckedLightBlock {
    let place = JSONPlace(json, path)
    guard let validators = place.first("validator_set", "validators") else {
      throw .member(path: place.path(of: "validator_set"), wanted: "a validator set")
    }
    return CometBFT.UncheckedLightBlock(
      signedHeader: try signedHeader(try place.at("signed_header")), validators: try set(validators),
      nextValidators: try place.first("next_validator_set", "next_validators").map(set))
  }

  /// {header, commit}.
  public static func signedHeader(
    _ json: JSONValue, at path: String = ""
  ) throws(InputError) -> CometBFT.SignedHeader {
    try signedHeader(JSONPlace(json, path))
  }

  public static func header(_ json: JSONValue, at path: String = "") throws(InputError) -> CometBFT.Header {
    try header(JSONPlace(json, path))
  }

  public static func commit(_ json: JSONValue, at path: String = "") throws(InputError) -> CometBFT.Commit {
    try commit(JSONPlace(json, path))
  }

  public static func blockID(_ json: JSONValue, at path: String = "") throws(InputError) -> CometBFT.BlockID {
    try blockID(JSONPlace(json, path))
  }

  /// {type, height, round, block_id, timestamp, validator_address, validator_index, signature}.
  public static func vote(_ json: JSONValue, at path: String = "") throws(InputError) -> CometBFT.Vote {
    let place = JSONPlace(json, path)
    return CometBFT.Vote(
      type: try place.integer("type"), height: try place.integer("height"),
      round: try place.integer("round"), blockID: try blockID(try place.at("block_id")),
      timestamp: try place.time("timestamp"),
      validatorAddress: try place.fixed("validator_address", Bytes20.self),
      validatorIndex: try place.integer("validator_index"), signature: try place.base64("signature"))
  }

  /// An array of validators, or an object that holds one as `validators`; put into the order of consensus, as not
  /// every tool writes it. The hash in the header decides whether it is the right set.
  public static func validatorSet(
    _ json: JSONValue, at path: String = ""
  ) throws(InputError) -> CometBFT.ValidatorSet {
    try set(JSONPlace(json, path))
  }

  /// {address, pub_key {type, value}, voting_power}.
  public static func validator(
    _ json: JSONValue, at path: String = ""
  ) throws(InputError) -> CometBFT.Validator {
    try validator(JSONPlace(json, path))
  }

  /// RFC 3339 in UTC.
  public static func time(_ json: JSONValue, at path: String = "") throws(InputError) -> CometBFT.Timestamp {
    try JSONPlace(json, path).time()
  }

  /// A Go duration: nanoseconds, or text such as `336h` or `1h30m10s`.
  public static func duration(_ json: JSONValue, at path: String = "") throws(InputError) -> Duration {
    if let nanoseconds = json.integer(Int64.self) { return .nanoseconds(nanoseconds) }
    guard let text = json.string, let duration = duration(text) else {
      throw .member(path: path, wanted: "nanoseconds or a duration such as 336h")
    }
    return duration
  }

  /// {numerator, denominator}, or `1/3`.
  public static func threshold(
    _ json: JSONValue, at path: String = ""
  ) throws(InputError) -> CometBFT.TrustThreshold {
    let place = JSONPlace(json, path)
    let parts: (UInt64, UInt64)
    if let text = json.string {
      let halves = text.split(separator: "/", omittingEmptySubsequences: false).map { UInt64($0) }
      guard halves.count == 2, let numerator = halves[0], let denominator = halves[1] else {
        throw .member(path: path, wanted: "a fraction such as 1/3")
      }
      parts = (numerator, denominator)
    } else {
      parts = (try place.integer("numerator"), try place.integer("denominator"))
    }
    do { return try CometBFT.TrustThreshold(parts.0, parts.1) } catch {
      throw .member(path: path, wanted: "a fraction from 1/3 to 1")
    }
  }
}

// MARK: Parts

extension CometBFTJSON {
  private static func signedHeader(_ place: JSONPlace) throws(InputError) -> CometBFT.SignedHeader {
    CometBFT.SignedHeader(
      header: try header(try place.at("header")), commit: try commit(try place.at("commit")))
  }

  private static func header(_ place: JSONPlace) throws(InputError) -> CometBFT.Header {
    let version = try place.at("version")
    let chainID = try place.string("chain_id")
    guard chainID.utf8.count <= CometBFT.chainIDBytesMax else {
      throw .member(path: place.path(of: "chain_id"), wanted: "at most 50 bytes")
    }
    let appHash = try place.hex("app_hash")
    guard appHash.count <= CometBFT.appHashBytesMax else {
      throw .member(path: place.path(of: "app_hash"), wanted: "at most 256 bytes")
    }
    return CometBFT.Header(
      version: CometBFT.Header.Version(
        block: try version.integerOrZero("block"), app: try version.integerOrZero("app")),
      chainID: chainID, height: try place.integer("height"), time: try place.time("time"),
      lastBlockID: try place.first("last_block_id").map(blockID) ?? .none,
      lastCommitHash: try place.hash("last_commit_hash"), dataHash: try place.hash("data_hash"),
      validatorsHash: try place.hash("validators_hash"),
      nextValidatorsHash: try place.hash("next_validators_hash"),
      consensusHash: try place.hash("consensus_hash"), appHash: appHash,
      lastResultsHash: try place.hash("last_results_hash"), evidenceHash: try place.hash("evidence_hash"),
      proposerAddress: try place.emptyOrFixed("proposer_address", Bytes20.self))
  }

  private static func blockID(_ place: JSONPlace) throws(InputError) -> CometBFT.BlockID {
    guard let parts = place.first("parts", "part_set_header") else {
      throw .member(path: place.path(of: "parts"), wanted: "an object with total and hash")
    }
    return CometBFT.BlockID(
      hash: try place.hash("hash"),
      parts: CometBFT.PartSetHeader(total: try parts.integer("total"), hash: try parts.hash("hash")))
  }

  private static func commit(_ place: JSONPlace) throws(InputError) -> CometBFT.Commit {
    let entries = try place.elements("signatures", max: CometBFT.validatorsMax)
    return CometBFT.Commit(
      height: try place.integer("height"), round: try place.integer("round"),
      blockID: try blockID(try place.at("block_id")), signatures: try entries.map(signature))
  }

  private static func signature(_ place: JSONPlace) throws(InputError) -> CometBFT.CommitSignature {
    do {
      let flag: Int32 = try place.integer("block_id_flag")
      var timestamp = try place.time("timestamp")
      // Tools in other languages write 1970 where Go writes year 1.
      if flag == 1, timestamp.sinceEpoch == .zero { timestamp = .goZero }
      return try CometBFT.CommitSignature(
        flag: flag, address: try place.emptyOrFixed("validator_address", Bytes20.self), timestamp: timestamp,
        signature: try place.base64("signature"))
    } catch let error as InputError {
      throw error
    } catch {
      throw .member(
        path: place.path, wanted: "an empty entry with flag 1, or a vote with flag 2 or 3 and a signature")
    }
  }

  private static func set(_ place: JSONPlace) throws(InputError) -> CometBFT.ValidatorSet {
    let elements =
      try place.value.array == nil
      ? place.elements("validators", max: CometBFT.validatorsMax)
      : place.elements(max: CometBFT.validatorsMax)
    let validators = try elements.map(validator)
    do { return try CometBFT.ValidatorSet(sorting: validators) } catch {
      throw .member(
        path: place.path, wanted: "distinct validators with at most (2^63-1)/8 of voting power in all")
    }
  }

  private static func validator(_ place: JSONPlace) throws(InputError) -> CometBFT.Validator {
    let key = try place.at("pub_key")
    guard key.value["type"]?.string == "tendermint/PubKeyEd25519",
      let publicKey = try? Bytes32(try key.base64("value"))
    else { throw .member(path: key.path, wanted: "a tendermint/PubKeyEd25519 of 32 bytes in base64") }
    guard let power = place.first("voting_power", "power") else {
      throw .member(path: place.path(of: "voting_power"), wanted: "an integer")
    }
    let validator = CometBFT.Validator(
      publicKey: publicKey, power: try power.integer(),
      proposerPriority: try place.first("proposer_priority")?.integer() ?? 0)
    if let stated = try place.emptyOrFixed("address", Bytes20.self), stated != validator.address {
      throw .member(path: place.path(of: "address"), wanted: "the address of the validator's key")
    }
    return validator
  }

  private static func duration(_ text: String) -> Duration? {
    let units: [(suffix: String, seconds: Int64)] = [("h", 3600), ("m", 60), ("s", 1)]
    var rest = Substring(text)
    var seconds: Int64 = 0
    for unit in units {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let after = rest.dropFirst(digits.count)
      guard !digits.isEmpty, after.hasPrefix(unit.suffix) else { continue }
      guard let count = Int64(digits) else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: unit.seconds)
      let (sum, carry) = seconds.addingReportingOverflow(product)
      guard !overflow, !carry else { return nil }
      seconds = sum
      rest = after.dropFirst()
    }
    return rest.isEmpty && !text.isEmpty ? .seconds(seconds) : nil
  }
}

/// A value in a JSON text and the dotted path to it.
private struct JSONPlace {
  let value: JSONValue
  let path: String

  init(_ value: JSONValue, _ path: String) {
    self.value = value
    self.path = path
  }

  func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// The first of these members that is there and not null.
  func first(_ names: String...) -> JSONPlace? {
    for name in names {
      if let member = value[name], !member.isNull { return JSONPlace(member, path(of: name)) }
    }
    return nil
  }

  func at(_ name: String) throws(InputError) -> JSONPlace {
    guard let member = first(name), member.value.object != nil else {
      throw .member(path: path(of: name), wanted: "an object")
    }
    return member
  }

  /// The elements of this array.
  func elements(max: Int) throws(InputError) -> [JSONPlace] {
    guard let elements = value.array, elements.count <= max else {
      throw .member(path: path, wanted: "an array of at most \(max)")
    }
    return elements.enumerated().map { JSONPlace($0.element, "\(path).\($0.offset)") }
  }

  /// The elements of a member; null, which Go writes for an empty list, is none.
  func elements(_ name: String, max: Int) throws(InputError) -> [JSONPlace] {
    guard let member = value[name] else { throw .member(path: path(of: name), wanted: "an array") }
    return member.isNull ? [] : try JSONPlace(member, path(of: name)).elements(max: max)
  }

  func string(_ name: String) throws(InputError) -> String {
    guard let text = value[name]?.string else { throw .member(path: path(of: name), wanted: "a string") }
    return text
  }

  func integer<Value: FixedWidthInteger>() throws(InputError) -> Value {
    guard let number = value.integer(Value.self) else { throw .member(path: path, wanted: "an integer") }
    return number
  }

  func integer<Value: FixedWidthInteger>(_ name: String) throws(InputError) -> Value {
    guard let number = value[name]?.integer(Value.self) else {
      throw .member(path: path(of: name), wanted: "an integer")
    }
    return number
  }

  /// Zero where the writer left the member out.
  func integerOrZero<Value: FixedWidthInteger>(_ name: String) throws(InputError) -> Value {
    value[name] == nil ? 0 : try integer(name)
  }

  func time() throws(InputError) -> CometBFT.Timestamp {
    guard let text = value.string, let time = try? CometBFT.Timestamp(rfc3339: text) else {
      throw .member(path: path, wanted: "a time such as 2026-01-01T00:00:01.5Z")
    }
    return time
  }

  func time(_ name: String) throws(InputError) -> CometBFT.Timestamp {
    guard let member = value[name] else { throw .member(path: path(of: name), wanted: "a time") }
    return try JSONPlace(member, path(of: name)).time()
  }

  /// Hex bytes; an absent member is empty.
  func hex(_ name: String) throws(InputError) -> [UInt8] {
    guard let member = first(name) else { return [] }
    guard let text = member.value.string, let bytes = try? Hex.decode(text) else {
      throw .member(path: member.path, wanted: "hex digits")
    }
    return bytes
  }

  /// 32 bytes of hex, or nothing.
  func hash(_ name: String) throws(InputError) -> Bytes32? { try emptyOrFixed(name, Bytes32.self) }

  func emptyOrFixed<let length: Int>(
    _ name: String, _ type: FixedBytes<length>.Type
  ) throws(InputError) -> FixedBytes<length>? {
    let bytes = try hex(name)
    if bytes.isEmpty { return nil }
    guard let fixed = try? FixedBytes<length>(bytes) else {
      throw .member(path: path(of: name), wanted: "\(length) bytes in hex, or nothing")
    }
    return fixed
  }

  func fixed<let length: Int>(
    _ name: String, _ type: FixedBytes<length>.Type
  ) throws(InputError) -> FixedBytes<length> {
    guard let fixed = try emptyOrFixed(name, type) else {
      throw .member(path: path(of: name), wanted: "\(length) bytes in hex")
    }
    return fixed
  }

  /// Base64 in its one form; null and absent are empty.
  func base64(_ name: String) throws(InputError) -> [UInt8] {
    guard let member = first(name) else { return [] }
    guard let text = member.value.string, let bytes = Data(base64Encoded: text),
      bytes.base64EncodedString() == text
    else { throw .member(path: member.path, wanted: "base64") }
    return [UInt8](bytes)
  }
}
