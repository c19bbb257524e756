public import Encodings
public import WireBytes

/// Why bytes are not a receipt. `log` is the position in the receipt's list of logs.
public enum EthereumReceiptError: Error, Hashable, Sendable {
  case empty
  /// A type byte of a network that was not asked for, or one that can open neither a typed nor a legacy receipt.
  case type(UInt8)
  case encoding(RLPError)
  /// The first field is neither empty, nor 0x01, nor a 32-byte root; `length` in bytes.
  case status(length: Int)
  /// A log that is malformed, or has more than the four topics that the EVM writes (`overLimit`).
  case log(log: Int, RLPError)
}

/// The transaction types whose receipts are accepted, beside legacy ones.
public struct EthereumReceiptTypes: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// 0x01 access list (EIP-2930), 0x02 dynamic fee (EIP-1559), 0x03 blob (EIP-4844), 0x04 set code (EIP-7702).
  public static let ethereum = EthereumReceiptTypes(rawValue: 1)
  /// 0x7e, deposits of the OP Stack; such receipts may carry a nonce and a version.
  public static let optimismDeposits = EthereumReceiptTypes(rawValue: 2)
  /// 0x64, 0x65, 0x66, 0x68, 0x69, 0x6a and 0x78 of Arbitrum Nitro (its fork of go-ethereum, core/types).
  public static let arbitrum = EthereumReceiptTypes(rawValue: 4)

  func accepts(_ type: UInt8) -> Bool {
    switch type {
    case 0x01...0x04: contains(.ethereum)
    case 0x7e: contains(.optimismDeposits)
    case 0x64...0x66, 0x68...0x6a, 0x78: contains(.arbitrum)
    default: false
    }
  }
}

/// One log of a receipt: RLP of `[address, topics, data]`.
public struct EthereumLog: Hashable, Sendable {
  /// The EVM writes at most so many.
  public static let topicCountMax = 4

  /// The contract that emitted it.
  public let address: Bytes20
  /// At most four.
  public let topics: [Bytes32]
  /// The part that is not indexed.
  public let payload: [UInt8]

  public init(address: Bytes20, topics: [Bytes32], payload: [UInt8]) {
    self.address = address
    self.topics = topics
    self.payload = payload
  }

  init(_ slice: RLPSlice, in bytes: Span<UInt8>) throws(RLPError) {
    let items = try RLP.items(of: slice, in: bytes, max: 3)
    guard items.count == 3 else { throw .itemCount(expected: 3, actual: items.count) }
    address = try items[0].fixed(in: bytes)
    var topics: [Bytes32] = []
    for topic in try RLP.items(of: items[1], in: bytes, max: Self.topicCountMax) {
      topics.append(try topic.fixed(in: bytes))
    }
    self.topics = topics
    payload = try items[2].bytes(in: bytes)
  }
}

/// A transaction's receipt: RLP of `[status or root, cumulativeGas, bloom, logs]`, after a type byte unless legacy.
public struct EthereumReceipt: Hashable, Sendable {
  /// What became of the transaction.
  public enum Outcome: Hashable, Sendable {
    /// Since Byzantium (EIP-658).
    case succeeded
    /// Since Byzantium (EIP-658): the transaction reverted; what it logged does not count.
    case failed
    /// Before Byzantium: the state root after the transaction, which does not tell whether it succeeded.
    case stateRoot(Bytes32)
  }

  /// More logs than a block's gas could pay for (375 each, in 96 million).
  public static let logCountMax = 1 << 18

  /// 0 for a legacy receipt, the transaction's EIP-2718 type otherwise.
  public let type: UInt8
  public let outcome: Outcome
  /// Gas used in the block up to and including this transaction.
  public let cumulativeGas: UInt64
  public let bloom: FixedBytes<256>
  public let logs: [EthereumLog]
  /// OP Stack deposits since Regolith, nil otherwise.
  public let depositNonce: UInt64?
  /// OP Stack deposits since Canyon, nil otherwise.
  public let depositVersion: UInt64?

  public init(
    type: UInt8, outcome: Outcome, cumulativeGas: UInt64, bloom: FixedBytes<256>, logs: [EthereumLog],
    depositNonce: UInt64? = nil, depositVersion: UInt64? = nil
  ) {
    self.type = type
    self.outcome = outcome
    self.cumulativeGas = cumulativeGas
    self.bloom = bloom
    self.logs = logs
    self.depositNonce = depositNonce
    self.depositVersion = depositVersion
  }

  /// Decodes a receipt as the receipts trie holds it (EIP-2718).
  ///
  /// - Parameter types: which typed receipts are accepted; legacy ones always are.
  /// - Throws: ``EthereumReceiptError`` and nothing else. The input is untrusted; no input traps.
  public init(
    decoding bytes: Span<UInt8>, types: EthereumReceiptTypes = .ethereum
  ) throws(EthereumReceiptError) {
    guard bytes.count > 0 else { throw .empty }
    var offset = 0
    var type: UInt8 = 0
    if bytes[0] < 0xc0 {
      type = bytes[0]
      guard types.accepts(type) else { throw .type(type) }
      offset = 1
    }
    let items: [RLPSlice]
    let logSlices: [RLPSlice]
    do {
      items = try Self.fields(bytes, at: offset, countMax: type == 0x7e ? 6 : 4)
      cumulativeGas = try items[1].uint64(in: bytes)
      bloom = try items[2].fixed(in: bytes)
      depositNonce = items.count > 4 ? try items[4].uint64(in: bytes) : nil
      depositVersion = items.count > 5 ? try items[5].uint64(in: bytes) : nil
      logSlices = try RLP.items(of: items[3], in: bytes, max: Self.logCountMax)
    } catch {
      throw .encoding(error)
    }
    self.type = type
    outcome = try Self.outcome(items[0], in: bytes)
    var logs: [EthereumLog] = []
    logs.reserveCapacity(logSlices.count)
    for (index, slice) in logSlices.enumerated() {
      do { logs.append(try EthereumLog(slice, in: bytes)) } catch { throw .log(log: index, error) }
    }
    self.logs = logs
  }

  /// Four fields, and up to `countMax`, in a list that starts at `offset` and ends the input.
  private static func fields(
    _ bytes: Span<UInt8>, at offset: Int, countMax: Int
  ) throws(RLPError) -> [RLPSlice] {
    let list = try RLP.slice(bytes, at: offset, end: bytes.count)
    let end = list.encoded.upperBound
    guard end == bytes.count else { throw .trailingBytes(offset: end, count: bytes.count - end) }
    let items = try RLP.items(of: list, in: bytes, max: countMax)
    guard items.count >= 4 else { throw .itemCount(expected: 4, actual: items.count) }
    return items
  }

  private static func outcome(
    _ slice: RLPSlice, in bytes: Span<UInt8>
  ) throws(EthereumReceiptError) -> Outcome {
    let range = slice.payload
    guard !slice.isList else { throw .encoding(.expectedString(offset: slice.encoded.lowerBound)) }
    switch range.count {
    case 0: return .failed
    case 1 where bytes[range.lowerBound] == 1: return .succeeded
    case 32: return .stateRoot(Bytes32(bytes, at: range.lowerBound))
    default: throw .status(length: range.count)
    }
  }

  /// The receipt as the receipts trie holds it.
  public func encoded() -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      switch outcome {
      case .succeeded: writer.integer(UInt64(1))
      case .failed: writer.integer(UInt64(0))
      case .stateRoot(let root): writer.string(root)
      }
      writer.integer(cumulativeGas)
      writer.string(bloom)
      writer.list { writer in
        for log in logs {
          writer.list { writer in
            writer.string(log.address)
            writer.list { writer in
              for topic in log.topics { writer.string(topic) }
            }
            writer.string(log.payload)
          }
        }
      }
      if let depositNonce { writer.integer(depositNonce) }
      if let depositVersion { writer.integer(depositVersion) }
    }
    return type == 0 ? writer.bytes : [type] + writer.bytes
  }
}
