public import WireBytes

/// What an attester says of an origin at one height, and for whom.
public struct AttestedStatement: Hashable, Sendable {
  public let binding: AttestationBinding
  public let height: Height
  /// The header's own time.
  public let timestamp: UnixTime
  public let body: AttestedBody

  public init(binding: AttestationBinding, height: Height, timestamp: UnixTime, body: AttestedBody) {
    self.binding = binding
    self.height = height
    self.timestamp = timestamp
    self.body = body
  }

  /// The digest that is signed: what a signer computes from the fields that it was shown.
  ///
  /// - SeeAlso: docs/spec/attestation.md.
  public var digest: Bytes32 {
    let bytes: [UInt8]
    switch body {
    case .state(let root):
      bytes = AttestationDigest.stateBody(height: height, timestamp: timestamp, root: root)
    case .packets(let entries):
      bytes = AttestationDigest.packetsBody(height: height, timestamp: timestamp, entries: entries)
    }
    return AttestationDigest.of(form: body.form, binding: binding, body: bytes)
  }
}
