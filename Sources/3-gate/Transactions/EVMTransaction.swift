private import Digests
public import Encodings
public import SignatureSchemes
public import WireBytes

/// Why fields or bytes are no EIP-1559 transaction.
public enum EVMTransactionError: Error, Hashable, Sendable {
  case tooLarge(max: Int, actual: Int)
  /// The first byte is not 2; nil for no bytes at all.
  case type(UInt8?)
  case rlp(part: Part, RLPError)
  /// A transaction for any chain is for none.
  case chainIDZero
  /// EIP-2681: a nonce is below 2^64 - 1.
  case nonce
  /// `to` is neither empty nor an address.
  case recipientLength(Int)
  case priorityFeeAboveMaxFee
  /// Gas limit times fee is over 256 bits.
  case feeOverflow
  /// EIP-3860: what makes a contract has at most 49,152 bytes.
  case initCode(max: Int, actual: Int)
  case parity(UInt64)
  case signature(Secp256k1.VerificationError)

  public enum Part: String, Hashable, Sendable {
    case transaction
    case accessList
    case accessEntry
    case signature
  }
}

/// A contract and the slots of its storage that a transaction says it will touch (EIP-2930).
public struct EVMAccess: Hashable, Sendable {
  public let address: Bytes20
  public let storageKeys: [Bytes32]

  public init(address: Bytes20, storageKeys: [Bytes32]) {
    self.address = address
    self.storageKeys = storageKeys
  }
}

/// What an account of an EVM chain orders, without its signature: EIP-1559, type 2 of EIP-2718.
///
/// Fees are in wei; whatever exists satisfies the rules of the chain that need no state.
///
/// - SeeAlso: EIP-1559; EIP-2681 (nonces), EIP-2930 (access lists), EIP-3860 (code that makes contracts).
public struct EVMTransaction: Hashable, Sendable {
  /// What go-ethereum's pool takes (`core/txpool`, four slots of 32 KiB).
  public static let sizeMax = 128 << 10
  /// EIP-3860, `MAX_INITCODE_SIZE`.
  public static let initCodeSizeMax = 49_152
  /// EIP-1559.
  public static let type: UInt8 = 2

  /// EIP-155: the number of the one chain that it is for.
  public let chainID: UInt64
  /// How many transactions the account has sent before.
  public let nonce: UInt64
  public let maxPriorityFeePerGas: UInt256
  public let maxFeePerGas: UInt256
  public let gasLimit: UInt64
  /// Nil makes a contract of `input`.
  public let to: Bytes20?
  /// In wei.
  public let value: UInt256
  /// The call's bytes: a selector and its arguments.
  public let input: [UInt8]
  public let accessList: [EVMAccess]

  /// - Throws: ``EVMTransactionError`` for what no chain takes whatever its state is.
  public init(
    chainID: UInt64, nonce: UInt64, maxPriorityFeePerGas: UInt256, maxFeePerGas: UInt256, gasLimit: UInt64,
    to: Bytes20?, value: UInt256 = .zero, input: [UInt8] = [], accessList: [EVMAccess] = []
  ) throws(EVMTransactionError) {
    guard chainID > 0 else { throw .chainIDZero }
    guard nonce < UInt64.max else { throw .nonce }
    guard maxPriorityFeePerGas <= maxFeePerGas else { throw .priorityFeeAboveMaxFee }
    guard !maxFeePerGas.multipliedReportingOverflow(by: gasLimit).overflow else { throw .feeOverflow }
    guard to != nil || input.count <= Self.initCodeSizeMax else {
      throw .initCode(max: Self.initCodeSizeMax, actual: input.count)
    }
    // Of the whole, without adding up what could overflow: encodings are longer than this.
    let sizeMin = accessList.reduce(into: input.count) { $0 += 20 + $1.storageKeys.count * 32 }
    guard sizeMin <= Self.sizeMax else { throw .tooLarge(max: Self.sizeMax, actual: sizeMin) }
    self.chainID = chainID
    self.nonce = nonce
    self.maxPriorityFeePerGas = maxPriorityFeePerGas
    self.maxFeePerGas = maxFeePerGas
    self.gasLimit = gasLimit
    self.to = to
    self.value = value
    self.input = input
    self.accessList = accessList
  }

  /// Decodes untrusted bytes: what ``encoded()`` gives, `02 ‖ RLP` of the nine fields.
  ///
  /// - Throws: ``EVMTransactionError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(EVMTransactionError) {
    let items = try Self.items(of: bytes, count: Self.fieldCount)
    try self.init(items, in: bytes.extracting(droppingFirst: 1))
  }

  /// Decodes untrusted bytes: what ``encoded()`` gives.
  public init(decoding bytes: [UInt8]) throws(EVMTransactionError) { try self.init(decoding: bytes.span) }

  /// The bytes whose hash is signed: `02 ‖ RLP` of the nine fields.
  public func encoded() -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in write(to: &writer) }
    return [Self.type] + writer.bytes
  }

  /// What the account's key signs: Keccak-256 of ``encoded()``.
  public var signingHash: Bytes32 { Keccak256.hash(encoded()) }

  /// The gas that is used before anything runs, by the prices of Cancun; Prague asks for more where much is in `input`
  /// (EIP-7623, ``floorGas``).
  ///
  /// - SeeAlso: yellow paper, appendix G; EIP-2028, EIP-2930, EIP-3860.
  public var intrinsicGas: UInt64 {
    var gas: UInt64 = to == nil ? 53_000 + 2 * UInt64((input.count + 31) / 32) : 21_000
    for byte in input { gas += byte == 0 ? 4 : 16 }
    for access in accessList { gas += 2_400 + 1_900 * UInt64(access.storageKeys.count) }
    return gas
  }

  /// The least that Prague charges, whatever runs (EIP-7623).
  public var floorGas: UInt64 {
    input.reduce(into: 21_000) { gas, byte in gas += byte == 0 ? 10 : 40 }
  }

  // MARK: Coding

  static let fieldCount = 9

  func write(to writer: inout RLPWriter) {
    writer.integer(chainID)
    writer.integer(nonce)
    writer.integer(maxPriorityFeePerGas)
    writer.integer(maxFeePerGas)
    writer.integer(gasLimit)
    if let to { writer.string(to) } else { writer.string([]) }
    writer.integer(value)
    writer.string(input)
    writer.list { writer in
      for access in accessList {
        writer.list { writer in
          writer.string(access.address)
          writer.list { writer in
            for key in access.storageKeys { writer.string(key) }
          }
        }
      }
    }
  }

  /// The fields after the type; offsets in them and in errors count from the byte after it.
  static func items(of bytes: Span<UInt8>, count: Int) throws(EVMTransactionError) -> [RLPSlice] {
    guard bytes.count <= sizeMax else { throw .tooLarge(max: sizeMax, actual: bytes.count) }
    guard bytes.count > 0, bytes[0] == type else { throw .type(bytes.count > 0 ? bytes[0] : nil) }
    do { return try RLP.record(bytes.extracting(droppingFirst: 1), count: count) } catch {
      throw .rlp(part: .transaction, error)
    }
  }

  /// - Parameter items: at least the nine fields.
  init(_ items: [RLPSlice], in bytes: Span<UInt8>) throws(EVMTransactionError) {
    let recipient: [UInt8]
    let (chainID, nonce, gasLimit): (UInt64, UInt64, UInt64)
    let (priorityFee, maxFee, value): (UInt256, UInt256, UInt256)
    let input: [UInt8]
    do throws(RLPError) {
      chainID = try items[0].uint64(in: bytes)
      nonce = try items[1].uint64(in: bytes)
      priorityFee = try items[2].uint256(in: bytes)
      maxFee = try items[3].uint256(in: bytes)
      gasLimit = try items[4].uint64(in: bytes)
      recipient = try items[5].bytes(in: bytes)
      value = try items[6].uint256(in: bytes)
      input = try items[7].bytes(in: bytes)
    } catch { throw .rlp(part: .transaction, error) }
    let to = try? Bytes20(recipient)
    guard to != nil || recipient.isEmpty else { throw .recipientLength(recipient.count) }
    try self.init(
      chainID: chainID, nonce: nonce, maxPriorityFeePerGas: priorityFee, maxFeePerGas: maxFee,
      gasLimit: gasLimit, to: to, value: value, input: input,
      accessList: try Self.accessList(items[8], in: bytes))
  }

  private static func accessList(
    _ list: RLPSlice, in bytes: Span<UInt8>
  ) throws(EVMTransactionError) -> [EVMAccess] {
    var accesses: [EVMAccess] = []
    let entries: [RLPSlice]
    // An entry has at least an address and an empty list, a key 33 bytes: the size bounds both counts.
    do { entries = try RLP.items(of: list, in: bytes, max: sizeMax / 23) } catch {
      throw .rlp(part: .accessList, error)
    }
    for entry in entries {
      do throws(RLPError) {
        let parts = try RLP.items(of: entry, in: bytes, max: 2)
        guard parts.count == 2 else { throw .itemCount(expected: 2, actual: parts.count) }
        let address: Bytes20 = try parts[0].fixed(in: bytes)
        var keys: [Bytes32] = []
        for key in try RLP.items(of: parts[1], in: bytes, max: sizeMax / 33) {
          keys.append(try key.fixed(in: bytes))
        }
        accesses.append(EVMAccess(address: address, storageKeys: keys))
      } catch { throw .rlp(part: .accessEntry, error) }
    }
    return accesses
  }
}
