public import WireBytes

/// An EVM chain behind several endpoints, of which `needed` must agree on what a sender of transactions believes.
///
/// Transactions go to all; counts and fees are such that no single endpoint can push them up or down at will.
public struct EVMQuorumChain: EVMChainAccess {
  /// Why these endpoints make no quorum.
  public enum FormError: Error, Hashable, Sendable {
    case quorum(QuorumAccess.FormError)
  }

  public let chainID: UInt64
  /// The same endpoints as a domain: blocks, states and packets.
  public let domain: QuorumAccess
  private let endpoints: [EVMDomainAccess]
  private let needed: Int
  private let deadline: Duration

  public init(
    _ needed: Int, of endpoints: [EVMDomainAccess], limits: QuorumAccess.Limits = QuorumAccess.Limits()
  ) throws(FormError) {
    do {
      domain = try QuorumAccess(needed, of: endpoints, names: endpoints.map(\.address), limits: limits)
    } catch { throw .quorum(error) }
    // A quorum has endpoints, all of one domain.
    chainID = endpoints[0].chainID
    self.endpoints = endpoints
    self.needed = needed
    deadline = limits.deadline
  }

  // MARK: Asking all

  /// What all endpoints say within the deadline, in the order of the endpoints.
  private func all<Value: Sendable>(
    _ question: @escaping @Sendable (EVMDomainAccess) async throws(AccessError) -> Value
  ) async -> [Result<Value, AccessError>] {
    let deadline = deadline
    return await withTaskGroup(of: (Int, Result<Value, AccessError>).self) { group in
      for (index, endpoint) in endpoints.enumerated() {
        group.addTask {
          do throws(AccessError) { return (index, .success(try await question(endpoint))) } catch {
            return (index, .failure(error))
          }
        }
      }
      group.addTask {
        // Cut short when everybody has answered.
        try? await Task.sleep(for: deadline)
        return (-1, .failure(.timedOut))
      }
      var answers: [Result<Value, AccessError>] = endpoints.map { _ in .failure(.timedOut) }
      var left = endpoints.count
      for await (index, answer) in group {
        if index < 0 { break }
        answers[index] = answer
        left -= 1
        if left == 0 { break }
      }
      group.cancelAll()
      return answers
    }
  }

  private static func values<Value>(_ answers: [Result<Value, AccessError>]) -> [Value] {
    answers.compactMap { if case .success(let value) = $0 { value } else { nil } }
  }

  private func enough<Value>(_ answers: [Result<Value, AccessError>]) throws(AccessError) -> [Value] {
    let values = Self.values(answers)
    guard values.count >= needed else { throw .quorum(needed: needed, answered: values.count) }
    return values
  }

  /// What enough endpoints say alike; a refusal that enough share is thrown.
  private func agreed<Value: Hashable>(_ answers: [Result<Value, AccessError>]) throws(AccessError) -> Value {
    var votes: [Value: Int] = [:]
    var refusals: [String: Int] = [:]
    for answer in answers {
      switch answer {
      case .success(let value):
        votes[value, default: 0] += 1
        if votes[value] == needed { return value }
      case .failure(let error):
        guard case .refused(let code, _, _, _) = error else { continue }
        refusals[code, default: 0] += 1
        // Words differ from client to client.
        if refusals[code] == needed { throw error }
      }
    }
    guard votes.count < 2 else { throw .disagreement }
    throw .quorum(needed: needed, answered: votes.values.reduce(0, +))
  }

  // MARK: The chain

  public func head() async throws(AccessError) -> ChainHead { try await domain.head() }

  public func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    try await domain.head(above: height, patience: patience)
  }

  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    try await domain.stateHeader(at: height)
  }

  /// The highest count that enough endpoints have reached.
  public func transactionCount(of account: Bytes20, isPending: Bool) async throws(AccessError) -> UInt64 {
    let counts = try enough(
      await all { endpoint throws(AccessError) in
        try await endpoint.transactionCount(of: account, isPending: isPending)
      })
    return counts.sorted(by: >)[needed - 1]
  }

  /// The highest balance that enough endpoints have.
  public func balance(of account: Bytes20) async throws(AccessError) -> UInt256 {
    let balances = try enough(
      await all { endpoint throws(AccessError) in try await endpoint.balance(of: account) })
    return balances.sorted(by: >)[needed - 1]
  }

  /// The history whose next base fee is in the middle of all.
  public func feeHistory(blocks: Int, percentile: Int) async throws(AccessError) -> EVMFeeHistory {
    let histories = try enough(
      await all { endpoint throws(AccessError) in
        try await endpoint.feeHistory(blocks: blocks, percentile: percentile)
      }
    ).sorted { ($0.baseFees.last ?? .zero) < ($1.baseFees.last ?? .zero) }
    return histories[histories.count / 2]
  }

  /// The highest of what enough endpoints say; a revert counts when enough of them see it.
  public func estimateGas(_ call: EVMCall, from sender: Bytes20) async throws(AccessError) -> UInt64 {
    let answers = await all { endpoint throws(AccessError) in
      try await endpoint.estimateGas(call, from: sender)
    }
    let values = Self.values(answers)
    guard values.count >= needed else { return try agreed(answers) }
    return values.sorted(by: >)[needed - 1]
  }

  public func call(
    _ call: EVMCall, from sender: Bytes20?, at height: UInt64?
  ) async throws(AccessError) -> EVMCallAnswer {
    try agreed(
      await all { endpoint throws(AccessError) in try await endpoint.call(call, from: sender, at: height) })
  }

  // MARK: Transactions

  /// Every endpoint gets the transaction; it waits when one takes it, and is refused when none does and enough refuse.
  public func offer(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    let answers = await all { endpoint throws(AccessError) in try await endpoint.offer(transaction) }
    if let hash = Self.values(answers).first { return hash }
    var isKnown: AccessError?
    for case .failure(let error) in answers {
      if case .refused("known", _, _, _) = error { isKnown = error }
    }
    if let isKnown { throw isKnown }
    return try agreed(answers)
  }

  /// The receipt that enough endpoints have; nil when enough have none.
  public func receipt(of transaction: Bytes32) async throws(AccessError) -> EVMReceipt? {
    try agreed(await all { endpoint throws(AccessError) in try await endpoint.receipt(of: transaction) })
  }

  /// Whether one has it: what another lacks, it will hear of.
  public func knows(_ transaction: Bytes32) async throws(AccessError) -> Bool {
    try enough(await all { endpoint throws(AccessError) in try await endpoint.knows(transaction) }).contains(
      true)
  }
}
