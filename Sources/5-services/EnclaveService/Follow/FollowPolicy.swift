internal import Digests
public import Encodings
internal import LightClients
public import WireBytes

/// Why text is no policy of a follower.
public enum FollowPolicyError: Error, Hashable, Sendable {
  case json(JSONError)
  case schema(String?)
  /// A member is absent or not of its form.
  case member(String)
  /// A member that is not known: it might be a condition that would not be checked.
  case unknownMember(String)
}

/// From what, and how, an enclave follows a CometBFT chain: measured like a case's policy, so that a destination that names
/// its hash knows what the enclave's signature stands for.
///
/// Canonical JSON, schema `causeway-enclave-follow/1`.
public struct FollowPolicy: Hashable, Sendable {
  public static let schema = "causeway-enclave-follow/1"
  public static let textSizeMax = 16 << 10
  /// What the launch log and the keys name as the program: there is no WASM, the rules are those of
  /// `light.Verify` as this version of the runtime has them.
  public static let program = SHA256Hash.hash([UInt8]("causeway/enclave-follow/cometbft/v1".utf8))

  public let chainID: String
  /// How long after its time a header may be built upon.
  public let trustingPeriodSeconds: UInt64
  public let clockDriftSeconds: UInt64
  /// SHA-256 of the binding of the client that the transitions are for (docs/spec/attestation.md): origin, router, client.
  public let binding: Bytes32
  /// The header that is vouched for by whoever accepts this policy: its height, its hash, its time, and the hash of the set
  /// that signs the next height.
  public let start: FollowedState

  public init(
    chainID: String, trustingPeriodSeconds: UInt64, clockDriftSeconds: UInt64, binding: Bytes32,
    start: FollowedState
  ) throws(FollowPolicyError) {
    guard (1...50).contains(chainID.utf8.count) else { throw .member("chainId") }
    guard (1...(10 * 365 * 86_400)).contains(trustingPeriodSeconds) else {
      throw .member("trustingPeriodSeconds")
    }
    guard clockDriftSeconds <= 3_600 else { throw .member("clockDriftSeconds") }
    guard start.chainID == chainID else { throw .member("start") }
    self.chainID = chainID
    self.trustingPeriodSeconds = trustingPeriodSeconds
    self.clockDriftSeconds = clockDriftSeconds
    self.binding = binding
    self.start = start
  }

  public var text: String { json.text() }

  public var json: JSONValue {
    [
      "schema": .string(Self.schema), "chainId": .string(chainID),
      "trustingPeriodSeconds": .number(String(trustingPeriodSeconds)),
      "clockDriftSeconds": .number(String(clockDriftSeconds)), "binding": .string(Hex.encode(binding.span)),
      "start": [
        "height": .number(String(start.height)), "header": .string(Hex.encode(start.header.span)),
        "nextValidators": .string(Hex.encode(start.nextValidators.span)),
        "seconds": .number(String(start.seconds)), "nanoseconds": .number(String(start.nanoseconds)),
      ],
    ]
  }

  /// SHA-256 of the canonical text.
  public var hash: Bytes32 { SHA256Hash.hash([UInt8](text.utf8)) }

  /// Reads untrusted JSON; white space and the order of members are free, unknown members are not.
  public init(decoding text: [UInt8]) throws(FollowPolicyError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: 4))
    } catch {
      throw .json(error)
    }
    let members = try Self.object(
      json, "", ["schema", "chainId", "trustingPeriodSeconds", "clockDriftSeconds", "binding", "start"])
    guard members["schema"]?.string == Self.schema else { throw .schema(members["schema"]?.string) }
    guard let chainID = members["chainId"]?.string else { throw .member("chainId") }
    let parts = try Self.object(
      members["start"] ?? .null, "start", ["height", "header", "nextValidators", "seconds", "nanoseconds"])
    let height = try Self.integer(parts, "height", "start.height")
    let header = try Self.hash(parts, "header", "start.header")
    let next = try Self.hash(parts, "nextValidators", "start.nextValidators")
    let seconds = try Self.integer(parts, "seconds", "start.seconds")
    let nanoseconds = try Self.integer(parts, "nanoseconds", "start.nanoseconds")
    let start: FollowedState
    do throws(FollowedStateError) {
      start = try FollowedState(
        chainID: chainID, height: height, header: header, nextValidators: next, seconds: seconds,
        nanoseconds: UInt32(clamping: nanoseconds))
    } catch { throw .member("start") }
    try self.init(
      chainID: chainID,
      trustingPeriodSeconds: try Self.integer(members, "trustingPeriodSeconds", "trustingPeriodSeconds"),
      clockDriftSeconds: try Self.integer(members, "clockDriftSeconds", "clockDriftSeconds"),
      binding: try Self.hash(members, "binding", "binding"), start: start)
  }

  private static func object(
    _ json: JSONValue, _ path: String, _ known: Set<String>
  ) throws(FollowPolicyError) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path) }
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(stranger)
    }
    return members
  }

  private static func integer(
    _ members: [String: JSONValue], _ name: String, _ path: String
  ) throws(FollowPolicyError) -> UInt64 {
    guard case .number(let text)? = members[name], let value = UInt64(text), text == String(value) else {
      throw .member(path)
    }
    return value
  }

  private static func hash(
    _ members: [String: JSONValue], _ name: String, _ path: String
  ) throws(FollowPolicyError) -> Bytes32 {
    guard let text = members[name]?.string, text == text.lowercased(), text.hasPrefix("0x"),
      let hash = try? Bytes32(hex: text)
    else { throw .member(path) }
    return hash
  }

  var options: CometBFT.ClientOptions {
    CometBFT.ClientOptions(
      trustingPeriod: .seconds(Int64(trustingPeriodSeconds)),
      clockDriftMax: .seconds(Int64(clockDriftSeconds)))
  }
}
