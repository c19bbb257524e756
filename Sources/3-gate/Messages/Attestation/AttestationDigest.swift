private import Digests
public import WireBytes

/// The bytes that our attesters sign: `S(form ‖ S(binding) ‖ S(body))`.
///
/// The hash of the binding is constant for a client, so that a contract can hold it as an immutable.
///
/// - SeeAlso: docs/spec/attestation.md.
public enum AttestationDigest {
  /// The first byte of the signed preimage.
  public static func formByte(_ form: AttestationForm) -> UInt8 {
    switch form {
    case .state: 1
    case .packets: 2
    }
  }

  /// SHA-256 of the binding: tag, origin, router and client, each behind its length.
  public static func bindingHash(_ binding: AttestationBinding) -> Bytes32 {
    let tag = [UInt8](AttestationBinding.tag.utf8)
    var bytes: [UInt8] = [UInt8(truncatingIfNeeded: tag.count)]
    bytes += tag
    // An ERC-7930 address has at most 516 bytes.
    bytes.append(bigEndian: UInt16(truncatingIfNeeded: binding.originBytes.count))
    bytes += binding.originBytes
    bytes.append(UInt8(truncatingIfNeeded: binding.router.count))
    bytes += binding.router
    bytes.append(UInt8(truncatingIfNeeded: binding.client.bytes.count))
    bytes += binding.client.bytes
    return SHA256Hash.hash(bytes)
  }

  /// `u64 revision ‖ u64 height ‖ u64 seconds ‖ root`.
  public static func stateBody(height: Height, timestamp: UnixTime, root: Bytes32) -> [UInt8] {
    var body = head(height, timestamp)
    body.append(root)
    return body
  }

  /// `u64 revision ‖ u64 height ‖ u64 seconds ‖ u32 count ‖ (path hash ‖ commitment)…`.
  public static func packetsBody(height: Height, timestamp: UnixTime, entries: [StoredEntry]) -> [UInt8] {
    var body = head(height, timestamp)
    body.reserveCapacity(body.count + 4 + entries.count * 64)
    body.append(bigEndian: UInt32(truncatingIfNeeded: entries.count))
    for entry in entries {
      body.append(entry.pathHash)
      body.append(entry.commitment)
    }
    return body
  }

  private static func head(_ height: Height, _ timestamp: UnixTime) -> [UInt8] {
    var body: [UInt8] = []
    body.reserveCapacity(56)
    body.append(bigEndian: height.revision)
    body.append(bigEndian: height.number)
    body.append(bigEndian: timestamp.seconds)
    return body
  }

  /// The signed digest of `body` in `form` under `binding`.
  public static func of(form: AttestationForm, binding: AttestationBinding, body: [UInt8]) -> Bytes32 {
    var preimage: [UInt8] = [formByte(form)]
    preimage.append(bindingHash(binding))
    preimage.append(SHA256Hash.hash(body))
    return SHA256Hash.hash(preimage)
  }

  /// The digest of the Eureka client: `S(tag ‖ S(attestation))`, tag 1 for states and 2 for packets.
  public static func eureka(form: AttestationForm, attestation: [UInt8]) -> Bytes32 {
    var preimage: [UInt8] = [formByte(form)]
    preimage.append(SHA256Hash.hash(attestation))
    return SHA256Hash.hash(preimage)
  }
}
