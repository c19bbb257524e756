import Digests
import Messages
public import WireBytes

/// What happened to a case or a registration, one link each.
public enum CustodyKind: UInt8, Hashable, Sendable, CaseIterable {
  case opened = 1
  case input = 2
  case closed = 3
  case registration = 4
  case token = 5
  case receipt = 6
  case settled = 7
  case reclaimed = 8
  case invalidated = 9
}

/// Hashes over everything that happened, in order: the ledger keeps the head, an auditor walks the links.
public enum CustodyChain {
  /// The head before the first link.
  public static let start = Bytes32()

  /// `S(tag("causeway/custody/v1") ‖ previous link ‖ u8 kind ‖ S(content))`.
  public static func link(after previous: Bytes32, kind: CustodyKind, content: [UInt8]) -> Bytes32 {
    var preimage = EnclaveTag.bytes("causeway/custody/v1")
    preimage.append(previous)
    preimage.append(kind.rawValue)
    preimage.append(SHA256Hash.hash(content))
    return SHA256Hash.hash(preimage)
  }

  /// The head after `links`, from ``start``.
  public static func head(of links: [(kind: CustodyKind, content: [UInt8])]) -> Bytes32 {
    links.reduce(start) { link(after: $0, kind: $1.kind, content: $1.content) }
  }
}
