public import Encodings

/// What is asked of SEV-SNP reports.
public struct SEVSNPPolicy: Hashable, Sendable {
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    _ = try PolicyMembers.object(json, path: path, known: [])
  }

  public var json: JSONValue { .object([:]) }
}
