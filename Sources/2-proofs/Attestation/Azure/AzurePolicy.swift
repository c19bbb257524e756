public import Encodings

/// What is asked of evidence of Azure's confidential machines.
public struct AzurePolicy: Hashable, Sendable {
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    _ = try PolicyMembers.object(json, path: path, known: [])
  }

  public var json: JSONValue { .object([:]) }
}
