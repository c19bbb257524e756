import Attestation
import Ledger

extension AttestationRefusal {
  /// Whether good collateral of now says that the evidence does not count any more: a level that was revoked or has fallen
  /// behind, or a certificate on an issuer's list.
  ///
  /// Anything else may be the fault of whoever brought the collateral: text that does not read, a signature that is not its
  /// issuer's, a document that is not in force. That says nothing about a registration.
  var isAboutStanding: Bool { Self.standing.contains(CaseNames.of(self).joined(separator: ".")) }

  private static let standing: Set<String> = [
    "intel.revoked", "intel.rootRevoked", "intel.noLevel", "intel.revocation.revoked", "sevSNP.revocation.revoked",
    "azure.sevSNP.revocation.revoked", "azure.intel.revoked", "azure.intel.noLevel",
  ]
}
