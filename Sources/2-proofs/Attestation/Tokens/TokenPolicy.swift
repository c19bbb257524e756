public import Encodings

/// What is asked of tokens of other verifiers.
public struct TokenPolicy: Hashable, Sendable {
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    _ = try PolicyMembers.object(json, path: path, known: [])
  }

  public var json: JSONValue { .object([:]) }
}
