private import Encodings
public import WireBytes

/// Why a receipt, or a log in it, is not proven.
public enum EthereumReceiptProofError: Error, Hashable, Sendable {
  case proof(MerklePatriciaError)
  /// The block provably has no transaction of that index.
  case absent(MerklePatriciaDivergence)
  case receipt(EthereumReceiptError)
  /// The transaction reverted.
  case failed
  /// The receipt is older than Byzantium and does not tell whether the transaction succeeded.
  case unknownOutcome
  /// The receipt has fewer logs.
  case logIndex(count: Int, actual: Int)
  /// Another contract emitted the log.
  case emitter(expected: Bytes20, actual: Bytes20)
  /// The log's first topic, which names the event, is another one, or the log has none.
  case event(expected: Bytes32, actual: Bytes32?)
}

/// The proof that a block has a receipt, unchecked.
public struct EthereumReceiptProof: Hashable, Sendable {
  /// The transaction's position in its block.
  public let transactionIndex: UInt64
  /// Nodes of the receipts trie, root first.
  public let nodes: [[UInt8]]

  public init(transactionIndex: UInt64, nodes: [[UInt8]]) {
    self.transactionIndex = transactionIndex
    self.nodes = nodes
  }

  /// The key of the receipt, or the transaction, at `index`: RLP of the index, not hashed.
  public static func key(_ index: UInt64) -> [UInt8] { RLPItem.integer(index).encoded() }

  /// The receipt under `receiptsRoot`.
  ///
  /// - Parameters:
  ///   - receiptsRoot: from a header that the caller trusts.
  ///   - types: the typed receipts that are accepted.
  ///   - convention: how embedded nodes are listed.
  /// - Throws: ``EthereumReceiptProofError``: a proof of absence is ``EthereumReceiptProofError/absent(_:)``.
  public func verify(
    receiptsRoot: Bytes32, types: EthereumReceiptTypes = .ethereum,
    convention: MerklePatriciaConvention = .geth
  ) throws(EthereumReceiptProofError) -> ProvenEthereumReceipt {
    let key = Self.key(transactionIndex)
    let result: MerklePatriciaResult
    do {
      result = try MerklePatriciaProof.verify(
        root: receiptsRoot, key: key.span, nodes: nodes, convention: convention)
    } catch {
      throw .proof(error)
    }
    switch result {
    case .excluded(let divergence):
      throw .absent(divergence)
    case .included(let leaf):
      do {
        let receipt = try EthereumReceipt(decoding: leaf.span, types: types)
        return ProvenEthereumReceipt(
          receiptsRoot: receiptsRoot, transactionIndex: transactionIndex, receipt: receipt)
      } catch {
        throw .receipt(error)
      }
    }
  }
}

/// A receipt, proven under a receipts root.
public struct ProvenEthereumReceipt: Hashable, Sendable {
  /// The root for which this holds; the caller vouched for it.
  public let receiptsRoot: Bytes32
  public let transactionIndex: UInt64
  public let receipt: EthereumReceipt

  /// The log at `index` of the receipt, which must be of a transaction that succeeded.
  ///
  /// - Parameters:
  ///   - index: the position in this receipt, not the position in the block that JSON-RPC calls `logIndex`.
  ///   - emitter: the contract that must have emitted it.
  ///   - event: the first topic that it must have; any when nil.
  public func log(
    at index: Int, from emitter: Bytes20, event: Bytes32? = nil
  ) throws(EthereumReceiptProofError) -> EthereumLog {
    switch receipt.outcome {
    case .succeeded: break
    case .failed: throw .failed
    case .stateRoot: throw .unknownOutcome
    }
    guard receipt.logs.indices.contains(index) else {
      throw .logIndex(count: receipt.logs.count, actual: index)
    }
    let log = receipt.logs[index]
    guard log.address == emitter else { throw .emitter(expected: emitter, actual: log.address) }
    if let event, log.topics.first != event { throw .event(expected: event, actual: log.topics.first) }
    return log
  }
}
