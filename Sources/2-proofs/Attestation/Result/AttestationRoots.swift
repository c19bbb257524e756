import WireBytes

/// The keys that evidence must lead back to. Production is the vendors'; tests hand in their own.
public struct AttestationRoots: Hashable, Sendable {
  /// AWS Nitro Enclaves.
  public let nitro: X509Roots
  /// AMD's root and signing keys, product by product.
  public let amd: [AMDProductRoots]
  /// Intel's provisioning.
  public let intel: X509Roots

  public init(nitro: X509Roots, amd: [AMDProductRoots], intel: X509Roots) {
    self.nitro = nitro
    self.amd = amd
    self.intel = intel
  }

  public static let production = AttestationRoots(
    nitro: NitroRoots.production, amd: AMDProductRoots.production, intel: IntelRoots.production)
}
