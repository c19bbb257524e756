public import Encodings
public import Messages
import WireBytes

/// The public state of a client that a policy judges: `causeway.gate.v1.PolicyClientState {policy_json 1,
/// origin 2, router 3, latest_height 4, frozen 5, proof_specs 6}`.
public struct PolicyClientState: Hashable, Sendable {
  public static let typeURL = "/causeway.gate.v1.PolicyClientState"
  public static let sizeMax = 1 << 18
  public static let specCountMax = 4

  /// The policy's JSON text.
  public var policyText: [UInt8]
  /// The origin's CAIP-2 id.
  public var origin: String
  /// On an EVM chain the router's 20 bytes.
  public var router: [UInt8]
  /// Zero when no state is known yet.
  public var latestHeight: Height
  public var frozen: Bool
  /// ICS-23 specs of the origin's stores, lowest first, in protobuf; none stands for one sparse Merkle tree,
  /// and an EVM chain (CAIP-2 namespace `eip155`) has none.
  public var proofSpecs: [[UInt8]]

  public init(
    policyText: [UInt8], origin: String, router: [UInt8], latestHeight: Height = Height(0),
    frozen: Bool = false,
    proofSpecs: [[UInt8]] = []
  ) {
    self.policyText = policyText
    self.origin = origin
    self.router = router
    self.latestHeight = latestHeight
    self.frozen = frozen
    self.proofSpecs = proofSpecs
  }

  /// Decodes untrusted bytes, in canonical protobuf only; the policy in it is not looked at.
  ///
  /// - Throws: `ProtobufError`; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(ProtobufError) {
    self.init(policyText: [], origin: "", router: [])
    let rules = ProtobufRules(singular: [1, 2, 3, 4, 5], repeated: [6])
    var reader = ProtobufReader(rules, sizeBytesMax: Self.sizeMax)
    while let field = try reader.next(in: bytes) {
      switch field.number {
      case 1: policyText = try field.bytes(in: bytes)
      case 2: origin = try field.string(in: bytes)
      case 3: router = try field.bytes(in: bytes)
      case 4: latestHeight = try Height(protobuf: bytes.extracting(try field.message()))
      case 5: frozen = try field.boolean()
      default:
        // Counted so that a long list costs nothing; one too many is enough to be refused later.
        if proofSpecs.count <= Self.specCountMax {
          proofSpecs.append([UInt8](copying: bytes.extracting(try field.message())))
        }
      }
    }
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, policyText)
    writer.string(2, origin)
    writer.bytes(3, router)
    if latestHeight != Height(0) { writer.height(4, latestHeight) }
    writer.boolean(5, frozen)
    for spec in proofSpecs { writer.alwaysBytes(6, spec) }
    return writer.bytes
  }
}
