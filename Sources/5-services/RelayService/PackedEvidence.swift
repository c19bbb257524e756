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
  private let signatures: [UInt8]
  /// Whether it lists one path only.
  private let isSingle: Bool

  /// - Parameters:
  ///   - body: of the packets form.
  ///   - signatures: ascending by attester, whose positions are below 256.
  package init(body: [UInt8], digest: Bytes32, signatures: [AttestedEvidence.Signature]) {
    var packed: [UInt8] = []
    for signature in signatures {
      packed.append(UInt8(truncatingIfNeeded: signature.attester))
      packed += signature.bytes
    }
    bytes = body + packed
    self.digest = digest
    self.signatures = packed
    isSingle = body.count == Self.headSize + 4 + 64
  }

  /// Revision, height and seconds.
  private static let headSize = 24

  /// What the first packet of a transaction gives as its proof: `02 ‖ evidence`, or `04 ‖ revision ‖ height ‖ seconds ‖
  /// signatures` when it lists nothing but what is asked.
  package var inline: [UInt8] {
    isSingle ? [4] + bytes.prefix(Self.headSize) + signatures : update
  }

  /// What an update of the client gives, whatever it lists: `02 ‖ evidence`.
  package var update: [UInt8] { [2] + bytes }

  /// What those after it give: `01 ‖ digest`.
  package var reference: [UInt8] { [1] + digest.array }
}
