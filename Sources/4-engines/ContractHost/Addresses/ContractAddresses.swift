private import Digests
private import Encodings
public import WireBytes

/// Why an address of a contract cannot be told before it exists.
public enum ContractAddressError: Error, Hashable, Sendable {
  /// A salt has 1 to 64 bytes.
  case salt(length: Int, limit: Int)
  /// A creator's address has 1 to 255 bytes.
  case creator(length: Int, limit: Int)
  /// The prefix or the address do not make a text of Bech32.
  case text
  /// Text that is not Bech32, or not in its plain lower-case form (CWA-2022-002).
  case notNormalized
  /// The address has another prefix than this chain's.
  case prefix(actual: String)
}

/// The addresses and ports of contracts, by wasmd's rules (x/wasm/keeper/addresses.go, ibc.go).
public enum ContractAddresses {
  /// The longest salt (x/wasm/types/validation.go, MaxSaltSize).
  public static let saltBytesMax = 64
  /// The longest address (Cosmos SDK, types/address, MaxAddrLen).
  public static let addressBytesMax = 255

  /// The address of the instance with this number of all instances; both counters start at 1.
  public static func classic(codeID: UInt64, instanceID: UInt64) -> Bytes32 {
    var key: [UInt8] = []
    key.append(bigEndian: codeID)
    key.append(bigEndian: instanceID)
    return module(key)
  }

  /// The address of a contract made with `instantiate2`.
  ///
  /// - Parameters:
  ///   - checksum: SHA-256 of the code.
  ///   - message: the message of instantiation, when the address is to depend on it; contracts never ask for that.
  /// - Throws: ``ContractAddressError``: a salt or a creator of a wrong length.
  public static func predictable(
    checksum: Bytes32, creator: [UInt8], salt: [UInt8], message: [UInt8]? = nil
  ) throws(ContractAddressError) -> Bytes32 {
    guard (1...saltBytesMax).contains(salt.count) else {
      throw .salt(length: salt.count, limit: saltBytesMax)
    }
    guard (1...addressBytesMax).contains(creator.count) else {
      throw .creator(length: creator.count, limit: addressBytesMax)
    }
    var key: [UInt8] = []
    for part in [checksum.array, creator, salt, message ?? []] {
      key.append(bigEndian: UInt64(part.count))
      key += part
    }
    return module(key)
  }

  /// sha256(sha256("module") || "wasm" || 0 || key) (Cosmos SDK types/address, ADR 028).
  private static func module(_ key: [UInt8]) -> Bytes32 {
    SHA256Hash.hash(SHA256Hash.hash([UInt8]("module".utf8)).array + [UInt8]("wasm".utf8) + [0] + key)
  }

  /// The address as Bech32 text.
  public static func text(_ address: [UInt8], prefix: String) throws(ContractAddressError) -> String {
    guard (1...addressBytesMax).contains(address.count),
      let text = try? Bech32(prefix: prefix, bytes: address.span).encoded(textMax: textMax)
    else { throw .text }
    return text
  }

  /// The address in Bech32 text with this chain's prefix.
  ///
  /// - Throws: ``ContractAddressError/notNormalized`` for text that is not exactly what ``text(_:prefix:)`` writes.
  public static func canonical(_ text: String, prefix: String) throws(ContractAddressError) -> [UInt8] {
    guard let decoded = try? Bech32(decoding: text, textMax: textMax), decoded.variant == .bech32,
      let bytes = try? decoded.bytes(), (1...addressBytesMax).contains(bytes.count),
      (try? decoded.encoded(textMax: textMax)) == text
    else { throw .notNormalized }
    guard decoded.prefix == prefix else { throw .prefix(actual: decoded.prefix) }
    return bytes
  }

  /// The port of a contract in IBC v1.
  public static func port(_ address: String) -> String { "wasm." + address }

  /// The port of a contract in IBC v2: its address without the chain's prefix.
  public static func port2(_ address: String, prefix: String) -> String {
    "wasm2" + (address.hasPrefix(prefix) ? String(address.dropFirst(prefix.count)) : address)
  }

  /// The address behind a port of IBC v2; nil when the port is no contract's.
  public static func address(port2 port: String, prefix: String) -> String? {
    port.hasPrefix("wasm2") ? prefix + port.dropFirst(5) : nil
  }

  /// 83 characters of prefix, the separator, 255 bytes in groups of five bits, and the checksum.
  private static let textMax = 83 + 1 + 408 + 6
}
