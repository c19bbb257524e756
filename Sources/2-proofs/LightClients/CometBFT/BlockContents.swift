import Digests
import Encodings
public import WireBytes

extension CometBFT {
  /// The `data_hash` of a block with these raw transactions: leaves are their SHA-256.
  public static func dataHash(transactions: [[UInt8]]) -> Bytes32 {
    merkleRoot(transactions.map { SHA256Hash.hash($0).array })
  }

  /// The `evidence_hash` of a block with these encoded pieces of evidence.
  public static func evidenceHash(_ evidence: [[UInt8]]) -> Bytes32 { merkleRoot(evidence) }

  /// The `consensus_hash` of a chain with these limits: a plain SHA-256 of `HashedParams`.
  public static func consensusHash(blockBytesMax: Int64, blockGasMax: Int64) -> Bytes32 {
    var writer = ProtobufWriter()
    writer.int64(1, blockBytesMax)
    writer.int64(2, blockGasMax)
    return SHA256Hash.hash(writer.bytes)
  }

  /// What of a transaction's result the next header covers.
  public struct TransactionResult: Hashable, Sendable {
    public let code: UInt32
    public let returned: [UInt8]
    public let gasWanted: Int64
    public let gasUsed: Int64

    public init(code: UInt32, returned: [UInt8], gasWanted: Int64, gasUsed: Int64) {
      self.code = code
      self.returned = returned
      self.gasWanted = gasWanted
      self.gasUsed = gasUsed
    }

    /// {code 1, data 2, gas_wanted 5, gas_used 6}; all zero is no bytes.
    public func leaf() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.varint(1, UInt64(code))
      writer.bytes(2, returned)
      writer.int64(5, gasWanted)
      writer.int64(6, gasUsed)
      return writer.bytes
    }
  }

  /// The `last_results_hash` of the block after the one with these results.
  public static func resultsHash(_ results: [TransactionResult]) -> Bytes32 {
    merkleRoot(results.map { $0.leaf() })
  }

  /// The part set of a whole encoded block: cut every 65,536 bytes, root over the raw parts.
  public static func partSet(block: [UInt8]) -> PartSetHeader {
    let parts = stride(from: 0, to: block.count, by: partBytes).map { start in
      [UInt8](block[start..<min(start + partBytes, block.count)])
    }
    return PartSetHeader(total: UInt32(clamping: parts.count), hash: merkleRoot(parts))
  }

  /// A whole block, protobuf: {header 1, data 2 {txs 1}, evidence 3 {evidence 1}, last_commit 4}.
  ///
  /// - Parameter evidence: encoded `Evidence` messages.
  public static func encodedBlock(
    header: Header, transactions: [[UInt8]], evidence: [[UInt8]] = [], lastCommit: Commit?
  ) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.message(1) { header.write(to: &$0) }
    writer.message(2) { for transaction in transactions { $0.alwaysBytes(1, transaction) } }
    writer.message(3) { for piece in evidence { $0.alwaysBytes(1, piece) } }
    if let lastCommit { writer.message(4) { lastCommit.write(to: &$0) } }
    return writer.bytes
  }
}
