/// What an execution client means by an error of its JSON-RPC.
///
/// Codes are little help: most clients answer -32000 to everything and say the rest in words, each in its own. The
/// words are of geth, reth, erigon, nethermind and besu, and of services in front of them.
public enum EVMFault: Hashable, Sendable {
  /// It no longer has the state or the block.
  case pruned
  /// It does not know the block, or not yet.
  case blockUnknown
  /// The block that a read was pinned to has been rolled back.
  case notCanonical
  /// A query of logs spans too many blocks or finds too much.
  case logsTooMany
  /// A list of calls is too long, or lists are not taken.
  case batchRefused
  /// The answer would be too large.
  case answerTooLarge
  /// It does not have the method, or not with these parameters.
  case methodUnknown
  /// The parameters are not of the kind it takes.
  case parametersRefused
  /// The call reverts, with these bytes.
  case reverted([UInt8])
  case nonceTooLow
  case nonceTooHigh
  case known
  case underpriced
  case replacementUnderpriced
  case fundsMissing
  case gasTooLow
  case gasTooHigh
  /// Too many questions; ask later.
  case limited
  /// It is still synchronising.
  case syncing
  case timedOut
  case other

  /// - Parameters:
  ///   - code: of JSON-RPC, or the status of HTTP.
  ///   - revert: the bytes in `data`, when there are any.
  public init(code: Int, message: String, revert: [UInt8]? = nil) {
    let words = message.lowercased()
    func says(_ parts: String...) -> Bool { parts.contains { words.contains($0) } }
    // Besu and nethermind give what a call reverted with as `data` under other codes than geth's 3.
    if code == 3 || says("execution reverted", "vm execution error", "transaction execution error: revert") {
      self = .reverted(revert ?? [])
    } else if says(
      "already known", "alreadyknown", "already imported", "transaction already exists", "already in mempool",
      "already in the pool") || words.hasPrefix("known transaction")
    {
      self = .known
    } else if says(
      "replacement transaction underpriced", "replacement transaction gas price", "feetoolowtocompete",
      "replacementnotallowed", "gas price too low to replace", "could not replace existing",
      "transaction gas price too low. there is another")
    {
      self = .replacementUnderpriced
    } else if says(
      "nonce too low", "nonce is too low", "oldnonce", "invalid transaction nonce", "nonce below current",
      "transaction nonce is too low")
    {
      self = .nonceTooLow
    } else if says(
      "nonce too high", "nonce too far in the future", "noncegap", "nonce is too high", "nonce gap")
    {
      self = .nonceTooHigh
    } else if says("insufficient funds", "insufficientfunds", "upfront cost exceeds", "insufficient balance")
    {
      self = .fundsMissing
    } else if says(
      "transaction underpriced", "underpriced", "feetoolow", "max fee per gas less than block base fee",
      "fee cap less than block base fee", "fee cap cannot be lower than the block base fee",
      "gas price below",
      "gas price is less than", "tip too low", "less than block base fee")
    {
      self = .underpriced
    } else if says("intrinsic gas too low", "intrinsic gas exceeds", "gas limit too low", "floor data gas") {
      self = .gasTooLow
    } else if says(
      "exceeds block gas limit", "gas limit is too high", "gas limit too high", "gaslimitexceeded")
    {
      self = .gasTooHigh
    } else if says("not currently canonical", "not canonical", "hash is not canonical") {
      self = .notCanonical
    } else if says(
      "missing trie node", "historical state", "state unavailable", "proof window", "pruned", "pruning",
      "state is not available", "state not available", "no state available", "state at block",
      "state of block",
      "old data not available", "history has been", "is not available: blocknum", "data before txnum",
      "ancient block", "world state unavailable", "not supported for historical")
    {
      self = .pruned
    } else if code == 4444 {
      // EIP-4444: history that is no longer served.
      self = .pruned
    } else if says(
      "query returned more than", "block range", "range too large", "range is too", "too many results",
      "exceeds limit of", "bigger than range limit", "response size exceeded", "response size should not",
      "limited to a", "max results", "too many blocks", "exceed max", "exceeds max",
      "maximum allowed number of",
      "query timeout exceeded", "log limit", "logs matched")
    {
      self = .logsTooMany
    } else if says("batch", "too many calls", "too many requests in") {
      self = .batchRefused
    } else if code == 413 || says("too large", "too big", "content length", "larger than") {
      self = .answerTooLarge
    } else if code == 429 || code == -32_005
      || says("rate limit", "too many requests", "compute units", "throttl")
    {
      self = .limited
    } else if code == -32_601
      || says("method not found", "does not exist/is not available", "unsupported method")
    {
      self = .methodUnknown
    } else if says(
      "header not found", "block not found", "unknown block", "header for hash not found",
      "resource not found",
      "block with number", "cannot find block", "could not find block", "requested block")
    {
      self = .blockUnknown
    } else if says("timeout", "timed out", "deadline", "took too long") {
      self = .timedOut
    } else if says("syncing", "not synced", "in sync") {
      self = .syncing
    } else if code == -32_602 || says("invalid argument", "invalid params", "cannot unmarshal") {
      self = .parametersRefused
    } else {
      self = .other
    }
  }

  /// The dotted name under which a refused transaction is told; nil for what says nothing about the transaction.
  public var refusal: String? {
    switch self {
    case .reverted: "evm.reverted"
    case .nonceTooLow: "sequence"
    case .nonceTooHigh: "evm.nonceTooHigh"
    case .known: "known"
    case .underpriced: "evm.underpriced"
    case .replacementUnderpriced: "evm.replacementUnderpriced"
    case .fundsMissing: "evm.fundsMissing"
    case .gasTooLow: "evm.gasTooLow"
    case .gasTooHigh: "evm.gasTooHigh"
    default: nil
    }
  }
}
