import Digests
public import Encodings
public import Messages
import WireBytes

/// Why text is no account of this kind of domain.
public enum AccountTextError: Error, Hashable, Sendable {
  case bech32(Bech32Error)
  case prefix(String)
  /// Bech32m, which account addresses are not written in.
  case variant
  case length(Int)
}

extension AccountAddress {
  /// The human-readable part of account addresses.
  public static let prefix = "cause"

  /// Reads bech32 (BIP-173), as Cosmos chains write accounts.
  public init(text: String) throws(AccountTextError) {
    let decoded: Bech32
    do { decoded = try Bech32(decoding: text) } catch { throw .bech32(error) }
    guard decoded.prefix == Self.prefix else { throw .prefix(decoded.prefix) }
    guard decoded.variant == .bech32 else { throw .variant }
    let bytes: [UInt8]
    do { bytes = try decoded.bytes() } catch { throw .bech32(error) }
    guard let address = AccountAddress(bytes: bytes) else { throw .length(bytes.count) }
    self = address
  }

  /// Bech32.
  public var text: String {
    let bytes = bytes
    // 32 bytes under a short prefix stay under bech32's limit.
    guard let text = try? Bech32(prefix: Self.prefix, bytes: bytes.span).encoded() else {
      preconditionFailure("an address fits bech32")
    }
    return text
  }

  /// The account of a module or a program: it has no key. The first 20 bytes of SHA-256 over a tag and its
  /// name.
  public init(module name: String) {
    let hash = SHA256Hash.hash([UInt8]("causeway/module/\(name)".utf8))
    self.init(Bytes20 { hash[$0] })
  }
}

extension AccountAddress: CustomStringConvertible {
  public var description: String { text }
}
