/// Why nothing can be signed for an origin, a router and a client.
public enum AttestationBindingError: Error, Hashable, Sendable {
  case routerLength(max: Int, actual: Int)
  /// The origin has no ERC-7930 form.
  case origin(InteroperableAddressError)
}

/// What our attestations are made for: the origin, its packet router, and the client that tracks it.
public struct AttestationBinding: Hashable, Sendable {
  public static let tag = "causeway/attestation/v1"
  public static let routerSizeMax = 64

  public let origin: DomainID
  /// The host of packets on the origin: a contract address, a store name; the bytes as the origin writes them.
  public let router: [UInt8]
  /// The client of the origin, on the destination.
  public let client: ClientID
  /// The origin's ERC-7930 form, chain only.
  let originBytes: [UInt8]

  /// - Throws: ``AttestationBindingError``.
  public init(origin: DomainID, router: [UInt8], client: ClientID) throws(AttestationBindingError) {
    guard router.count <= Self.routerSizeMax else {
      throw .routerLength(max: Self.routerSizeMax, actual: router.count)
    }
    do { originBytes = try InteroperableAddress(chain: origin).encoded() } catch { throw .origin(error) }
    self.origin = origin
    self.router = router
    self.client = client
  }
}
