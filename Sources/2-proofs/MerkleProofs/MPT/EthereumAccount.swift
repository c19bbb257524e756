private import Digests
public import Encodings
public import WireBytes

/// An account as the state trie holds it: RLP of `[nonce, balance, storageRoot, codeHash]`.
public struct EthereumAccount: Hashable, Sendable {
  public let nonce: UInt64
  /// In wei.
  public let balance: UInt256
  /// The root of the account's storage trie.
  public let storageRoot: Bytes32
  /// Keccak-256 of the account's code.
  public let codeHash: Bytes32

  /// The code hash of an account without code: Keccak-256 of nothing.
  public static let emptyCodeHash = Keccak256.hash([])

  public init(nonce: UInt64, balance: UInt256, storageRoot: Bytes32, codeHash: Bytes32) {
    self.nonce = nonce
    self.balance = balance
    self.storageRoot = storageRoot
    self.codeHash = codeHash
  }

  /// Decodes the value of a state trie's leaf.
  ///
  /// - Throws: ``RLPError``: other than four items, integers with a leading zero or too wide, hashes of another length,
  ///   trailing bytes. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(RLPError) {
    let items = try RLP.listItems(bytes)
    guard items.count == 4 else { throw .itemCount(expected: 4, actual: items.count) }
    nonce = try items[0].uint64(in: bytes)
    balance = try items[1].uint256(in: bytes)
    storageRoot = try items[2].fixed(in: bytes)
    codeHash = try items[3].fixed(in: bytes)
  }

  /// The value of the state trie's leaf.
  public func encoded() -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      writer.integer(nonce)
      writer.integer(balance)
      writer.string(storageRoot)
      writer.string(codeHash)
    }
    return writer.bytes
  }
}

/// The value of a storage slot as a storage trie holds it: RLP of the shortest big-endian integer.
public enum EthereumStorageValue {
  /// Decodes the value of a storage trie's leaf.
  ///
  /// - Throws: ``RLPError``, also for zero, which is never stored (as a string of length 0 where 1 is the least).
  public static func decode(_ bytes: Span<UInt8>) throws(RLPError) -> UInt256 {
    let slice = try RLP.slice(bytes)
    let value = try slice.uint256(in: bytes)
    guard value != .zero else { throw .length(offset: 0, expected: 1, actual: 0) }
    return value
  }

  /// The value of the storage trie's leaf; nil for zero, which is never stored.
  public static func encode(_ value: UInt256) -> [UInt8]? {
    guard value != .zero else { return nil }
    var writer = RLPWriter()
    writer.integer(value)
    return writer.bytes
  }
}
