package import Gate
package import WireBytes

/// Attesters' evidence in the bytes that an attested client on an EVM chain reads.
///
/// `body ‖ signatures`: the packets body of docs/spec/attestation.md, and for each signature the attester's position (1
/// byte) with `r ‖ s ‖ v`. Positions ascend, and there are as many as the quorum asks for.
package struct PackedEvidence: Hashable, Sendable {
  package let bytes: [UInt8]
  /// What the attesters have signed: the name of the evidence within one transaction.
  package let digest: Bytes32

  /// - Parameter signatures: ascending by attester, whose positions are below 256.
  package init(body: [UInt8], digest: Bytes32, signatures: [AttestedEvidence.Signature]) {
    var bytes = body
    for signature in signatures {
      bytes.append(UInt8(truncatingIfNeeded: signature.attester))
      bytes += signature.bytes
    }
    self.bytes = bytes
    self.digest = digest
  }

  /// What the first packet of a transaction gives as its proof: `02 ‖ evidence`.
  package var inline: [UInt8] { [2] + bytes }

  /// What those after it give: `01 ‖ digest`.
  package var reference: [UInt8] { [1] + digest.array }
}
