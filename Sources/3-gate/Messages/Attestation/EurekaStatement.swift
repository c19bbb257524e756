public import WireBytes

/// What an attester says to an Eureka attestation client, which is told neither origin nor router nor client.
///
/// - SeeAlso: docs/spec/attestation.md.
public enum EurekaStatement: Hashable, Sendable {
  /// A height and its time in seconds.
  case state(height: UInt64, timestamp: UInt64)
  /// What is stored under some paths at a height.
  case packets(height: UInt64, [StoredEntry])

  public var form: AttestationForm {
    switch self {
    case .state: .state
    case .packets: .packets
    }
  }

  /// A state is `abi.encode(uint64 height, uint64 seconds)`; packets are `abi.encode` of one tuple
  /// `(uint64 height, (bytes32 path, bytes32 commitment)[])`.
  public var attestation: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .state(let height, let timestamp):
      bytes.append(Bytes32(bigEndian: height))
      bytes.append(Bytes32(bigEndian: timestamp))
    case .packets(let height, let entries):
      bytes.reserveCapacity(128 + entries.count * 64)
      // Where the tuple starts, and where in it the list does.
      bytes.append(Bytes32(bigEndian: 32))
      bytes.append(Bytes32(bigEndian: height))
      bytes.append(Bytes32(bigEndian: 64))
      bytes.append(Bytes32(bigEndian: UInt64(entries.count)))
      for entry in entries {
        bytes.append(entry.pathHash)
        bytes.append(entry.commitment)
      }
    }
    return bytes
  }

  /// The digest that is signed.
  public var digest: Bytes32 { AttestationDigest.eureka(form: form, attestation: attestation) }
}
