public import Encodings

/// What is asked of quotes of SGX and TDX.
public struct IntelPolicy: Hashable, Sendable {
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    _ = try PolicyMembers.object(json, path: path, known: [])
  }

  public var json: JSONValue { .object([:]) }
}
