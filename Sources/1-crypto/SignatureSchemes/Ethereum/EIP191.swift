private import Digests
public import WireBytes

/// Digests of signed data on Ethereum (EIP-191).
public enum EIP191 {
  /// Version 0x45, `personal_sign`: Keccak-256 of `0x19 "Ethereum Signed Message:\n" decimal(length) message`.
  public static func personalMessage(_ message: Span<UInt8>) -> Bytes32 {
    var hasher = Keccak256()
    let prefix = [UInt8]("\u{19}Ethereum Signed Message:\n\(message.count)".utf8)
    hasher.update(prefix.span)
    hasher.update(message)
    return hasher.finalize()
  }

  /// As ``personalMessage(_:)`` over 32 bytes: OpenZeppelin's `toEthSignedMessageHash(bytes32)`.
  public static func personalMessage(_ digest: Bytes32) -> Bytes32 { personalMessage(digest.span) }

  /// Version 0x00: Keccak-256 of `0x19 0x00 validator message`.
  public static func intendedValidator(_ validator: Bytes20, _ message: Span<UInt8>) -> Bytes32 {
    var hasher = Keccak256()
    let prefix: [UInt8] = [0x19, 0x00]
    hasher.update(prefix.span)
    hasher.update(validator.span)
    hasher.update(message)
    return hasher.finalize()
  }
}
