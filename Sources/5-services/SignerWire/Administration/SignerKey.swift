public import Encodings
public import Messages
public import SigningRules
import WireBytes

/// A key as a signer lists it: one element of `keys` in the answer to ``AdminRequest/keys``.
public struct SignerKey: Hashable, Sendable {
  public let id: KeyID
  public let label: String
  public let suite: KeySuite
  public let publicKey: [UInt8]
  public let purposes: Set<KeyPurpose>
  /// `active`, `retiring`, `retired`, `revoked`, `destroyed`, or `locked`.
  public let state: String
  public let backEnd: String
  public let origin: DomainID?
  public let chainIDs: Set<String>?

  public init(
    label: String, suite: KeySuite, publicKey: [UInt8], purposes: Set<KeyPurpose>, state: String,
    backEnd: String, origin: DomainID? = nil, chainIDs: Set<String>? = nil
  ) {
    id = KeyID(suite: suite, publicKey: publicKey)
    self.label = label
    self.suite = suite
    self.publicKey = publicKey
    self.purposes = purposes
    self.state = state
    self.backEnd = backEnd
    self.origin = origin
    self.chainIDs = chainIDs
  }

  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(id.description), "label": .string(label), "suite": .string(suite.rawValue),
      "publicKey": .string(Hex.encode(publicKey)),
      "purposes": .array(purposes.map(\.rawValue).sorted().map(JSONValue.string)), "state": .string(state),
      "backEnd": .string(backEnd),
    ]
    if let origin { members["origin"] = .string(origin.text) }
    if let chainIDs { members["chainIDs"] = .array(chainIDs.sorted().map(JSONValue.string)) }
    return .object(members)
  }

  /// - Throws: ``AdminRequestError``; also when the id is not the one of suite and public key.
  public init(json: JSONValue) throws(AdminRequestError) {
    var fields = try AdminFields(json)
    let id = KeyID(try fields.fixed("id"))
    self.init(
      label: try fields.text("label"), suite: try fields.suite(), publicKey: try fields.hex("publicKey"),
      purposes: try fields.purposes(), state: try fields.text("state"), backEnd: try fields.text("backEnd"),
      origin: try fields.origin(), chainIDs: try fields.chainIDs())
    guard id == self.id else { throw .member("id") }
    try fields.finish()
  }
}
