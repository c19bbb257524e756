public import Ledger
import LightClients
public import Messages
public import WireBytes

/// A domain behind several endpoints, of which `needed` must say the same, byte for byte.
///
/// Endpoints that lie, sleep or are gone do no harm while fewer than `needed` lie together and `needed` others
/// answer. All are asked at once, and nobody waits for more answers than it takes.
public struct QuorumAccess: DomainAccess {
  public static let endpointsMax = 16

  public struct Limits: Hashable, Sendable {
    /// For one question; what has not been answered then counts as no answer.
    public var deadline = Duration.seconds(15)
    /// How long the head waits for the slower ones, once there are enough.
    public var grace = Duration.milliseconds(200)
    /// Repetitions of a question about now when endpoints differ: they may stand at different blocks.
    public var attemptsMax = 3

    public init() {}
  }

  /// Why these endpoints make no quorum.
  public enum FormError: Error, Hashable, Sendable {
    case count(max: Int, actual: Int)
    /// At least one must agree with itself, and at most all.
    case needed(Int, of: Int)
    /// The endpoint at `index` serves another domain.
    case domain(index: Int, DomainID)
  }

  public let domain: DomainID
  public let commitmentLag: UInt64
  public let needed: Int
  private let endpoints: [any DomainAccess]
  private let limits: Limits
  private let standings: QuorumStandings

  /// - Parameter names: of the endpoints, for operators; their addresses, for instance.
  public init(
    _ needed: Int, of endpoints: [any DomainAccess], names: [String] = [], limits: Limits = Limits()
  ) throws(FormError) {
    guard let first = endpoints.first, endpoints.count <= Self.endpointsMax else {
      throw .count(max: Self.endpointsMax, actual: endpoints.count)
    }
    guard (1...endpoints.count).contains(needed) else { throw .needed(needed, of: endpoints.count) }
    for (index, endpoint) in endpoints.enumerated() where endpoint.domain != first.domain {
      throw .domain(index: index, endpoint.domain)
    }
    domain = first.domain
    commitmentLag = first.commitmentLag
    standings = QuorumStandings(
      names: endpoints.indices.map { names.indices.contains($0) ? names[$0] : String($0) })
    self.needed = needed
    self.endpoints = endpoints
    self.limits = limits
  }

  /// What each endpoint has given so far, in their order: who lags, who answers nothing, and who was outvoted or
  /// caught, by name.
  public var endpointStandings: [EndpointStanding] { standings.all }

  public func hash(of transaction: [UInt8]) -> Bytes32 { endpoints[0].hash(of: transaction) }

  // MARK: Asking

  private struct Voice<Value: Sendable>: Sendable {
    let index: Int
    let result: Result<Value, AccessError>
  }

  private typealias Question<Value> = @Sendable (any DomainAccess) async throws(AccessError) -> Value

  /// Answers of all endpoints as they come; ends with the last, or at the deadline. Those who read no more leave the
  /// rest to be cancelled, unless `isFinishing`.
  private func answers<Value: Sendable>(
    within limit: Duration, isFinishing: Bool = false, _ question: @escaping Question<Value>
  ) -> AsyncStream<Voice<Value>> {
    let endpoints = endpoints
    let standings = standings
    return AsyncStream { continuation in
      let left = AnswerCount(endpoints.count)
      let tasks = endpoints.enumerated().map { index, endpoint in
        Task {
          do throws(AccessError) {
            let value = try await question(endpoint)
            standings.note(answer: index)
            continuation.yield(Voice(index: index, result: .success(value)))
          } catch {
            // Who was not waited for is not to blame.
            if !Task.isCancelled { standings.note(fault: error, of: index) }
            continuation.yield(Voice(index: index, result: .failure(error)))
          }
          if await left.takeOne() == 0 { continuation.finish() }
        }
      }
      let timer = Task {
        try await Task.sleep(for: limit)
        continuation.finish()
      }
      continuation.onTermination = { _ in
        timer.cancel()
        if !isFinishing { for task in tasks { task.cancel() } }
      }
    }
  }

  private actor AnswerCount {
    private var left: Int
    init(_ left: Int) { self.left = left }
    func takeOne() -> Int {
      left -= 1
      return left
    }
  }

  /// What enough endpoints say; `key` is what they must agree on. That a height is not there can be agreed on too.
  private func agreed<Value: Sendable, Key: Hashable>(
    on key: (Value) -> Key, _ question: @escaping Question<Value>
  ) async throws(AccessError) -> Value {
    var votes: [Key: [Int]] = [:]
    var refusals: [AccessError: Int] = [:]
    var answered = 0
    for await voice in answers(within: limits.deadline, question) {
      switch voice.result {
      case .success(let value):
        answered += 1
        let said = key(value)
        let voices = votes[said, default: []] + [voice.index]
        votes[said] = voices
        if voices.count >= needed {
          for (other, indices) in votes where other != said { standings.note(outvoted: indices) }
          return value
        }
      case .failure(let error):
        switch error {
        case .heightUnknown, .heightPruned:
          let count = refusals[error, default: 0] + 1
          refusals[error] = count
          if count >= needed { throw error }
        default: continue
        }
      }
    }
    guard votes.count < 2 else { throw .disagreement }
    throw .quorum(needed: needed, answered: answered)
  }

  private func agreed<Value: Hashable & Sendable>(
    _ question: @escaping Question<Value>
  ) async throws(AccessError) -> Value {
    try await agreed(on: { $0 }, question)
  }

  /// As ``agreed(_:)`` for what changes with every block: asked again when endpoints differ.
  private func agreedNow<Value: Hashable & Sendable>(
    _ question: @escaping Question<Value>
  ) async throws(AccessError) -> Value {
    var attempt = 1
    while true {
      do { return try await agreed(question) } catch {
        guard error == .disagreement, attempt < limits.attemptsMax else { throw error }
        attempt += 1
      }
    }
  }

  // MARK: Blocks

  public func head() async throws(AccessError) -> ChainHead {
    try await head(above: nil, limit: limits.deadline) { endpoint throws(AccessError) in
      try await endpoint.head()
    }
  }

  public func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    try await head(above: height, limit: patience + limits.deadline) { endpoint throws(AccessError) in
      try await endpoint.head(above: height, patience: patience)
    }
  }

  /// The highest head that enough endpoints have reached.
  private func head(
    above height: UInt64?, limit: Duration, _ question: @escaping Question<ChainHead>
  ) async throws(AccessError) -> ChainHead {
    var heads: [ChainHead] = []
    let clock = ContinuousClock()
    var end: ContinuousClock.Instant?
    // A stream of its own, so that the grace can end it.
    let (stream, continuation) = AsyncStream.makeStream(of: Voice<ChainHead>?.self)
    let reader = Task {
      for await answer in answers(within: limit, question) { continuation.yield(answer) }
      continuation.finish()
    }
    defer { reader.cancel() }
    var timer: Task<Void, any Error>?
    defer { timer?.cancel() }
    for await voice in stream {
      if case .success(let head)? = voice?.result {
        heads.append(head)
        if let voice { standings.note(height: head.height, of: voice.index) }
      }
      if let end, clock.now >= end { break }
      guard end == nil, heads.count >= needed else { continue }
      // Enough answered; those who wait for a block above go on until it has been reached.
      let reached = heads.map(\.height).sorted(by: >)[needed - 1]
      guard height.map({ reached > $0 }) ?? true else { continue }
      let grace = limits.grace
      end = clock.now + grace
      timer = Task {
        try await Task.sleep(for: grace)
        continuation.yield(nil)
      }
    }
    guard heads.count >= needed else { throw .quorum(needed: needed, answered: heads.count) }
    let newest = heads.sorted { $0.height > $1.height }[needed - 1]
    let final = heads.sorted { $0.finalHeight > $1.finalHeight }[needed - 1]
    guard needed > 1 else {
      return ChainHead(
        height: newest.height, time: newest.time, finalHeight: final.finalHeight, finalTime: final.finalTime,
        revision: newest.revision, hash: newest.hash)
    }
    // Nobody's word alone tells which block it is, and when it was: deadlines depend on it.
    let newestHeader = try await agreedHeader(at: newest.height)
    let finalHeader =
      final.finalHeight == newest.height ? newestHeader : try await agreedHeader(at: final.finalHeight)
    return ChainHead(
      height: newest.height, time: newestHeader?.time ?? newest.time, finalHeight: final.finalHeight,
      finalTime: finalHeader?.time ?? final.finalTime, revision: newest.revision,
      hash: newest.hash == nil ? nil : newestHeader?.hash)
  }

  /// The header that enough endpoints have; nil before the first block, where there is none.
  private func agreedHeader(at height: UInt64) async throws(AccessError) -> StateHeader? {
    guard height > 0 || commitmentLag == 0 else { return nil }
    return try await stateHeader(at: height)
  }

  public func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    try await agreed { endpoint throws(AccessError) in try await endpoint.block(at: height) }
  }

  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    try await agreed { endpoint throws(AccessError) in try await endpoint.stateHeader(at: height) }
  }

  /// What two endpoints must agree on in a light block: votes may be others, since each keeps those that it has seen.
  private struct Signed: Hashable {
    let header: CometBFT.Header
    let validators: CometBFT.ValidatorSet
    let next: CometBFT.ValidatorSet
  }

  public func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    try await agreed(
      on: { Signed(header: $0.signedHeader.header, validators: $0.validators, next: $0.nextValidators) }
    ) { endpoint throws(AccessError) in try await endpoint.signedHeader(at: height) }
  }

  // MARK: State

  public func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    try await agreed { endpoint throws(AccessError) in
      try await endpoint.values(of: keys, at: version, proven: proven)
    }
  }

  public func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    try await agreed { endpoint throws(AccessError) in
      try await endpoint.packets(kind, of: client, after: last, limit: limit, at: version)
    }
  }

  public func nextSequence(of client: ClientID, at version: UInt64) async throws(AccessError) -> UInt64 {
    try await agreed { endpoint throws(AccessError) in
      try await endpoint.nextSequence(of: client, at: version)
    }
  }

  public func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    try await agreedNow { endpoint throws(AccessError) in try await endpoint.client(id) }
  }

  public func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    try await agreedNow { endpoint throws(AccessError) in try await endpoint.balances(of: address) }
  }

  public func supplies() async throws(AccessError) -> [Coin] {
    try await agreedNow { endpoint throws(AccessError) in try await endpoint.supplies() }
  }

  /// The sequence is the highest that enough endpoints have reached: what waits is not the same everywhere.
  public func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    var views: [AccountView] = []
    var absent = 0
    for await answer in answers(
      within: limits.deadline, { endpoint throws(AccessError) in try await endpoint.account(address) })
    {
      switch answer.result {
      case .success(let view?): views.append(view)
      case .success(nil): absent += 1
      case .failure: continue
      }
      if absent >= needed { return nil }
      let known = views.filter { view in views.count { $0.number == view.number } >= needed }
      if known.count >= needed {
        return AccountView(
          number: known[0].number, sequence: known.map(\.sequence).sorted(by: >)[needed - 1])
      }
    }
    guard views.isEmpty || absent == 0, Set(views.map(\.number)).count < 2 else { throw .disagreement }
    throw .quorum(needed: needed, answered: views.count + absent)
  }

  // MARK: Transactions

  /// Every endpoint gets the transaction; the first that takes it is the answer. It is refused when enough refuse it.
  public func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    let hash = hash(of: transaction)
    var refusals: [AccessError] = []
    let answers = answers(within: limits.deadline, isFinishing: true) {
      endpoint throws(AccessError) in try await endpoint.submit(transaction)
    }
    for await answer in answers {
      switch answer.result {
      case .success(hash): return hash
      case .failure(.refused(let code, let codespace, let number, let log)):
        refusals.append(.refused(code: code, codespace: codespace, number: number, log: log))
        // Repeats are told as such by those that have it.
        if code == "known" { return hash }
        // Logs are for people, and may differ.
        let same = refusals.filter { $0.code == code }
        if same.count >= needed { throw same[0] }
      default: continue
      }
    }
    throw .quorum(needed: needed, answered: refusals.count)
  }

  public func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    try await agreedNow { endpoint throws(AccessError) in try await endpoint.transaction(hash) }
  }

  public func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    try await found(limit: limit) { endpoint throws(AccessError) in
      try await endpoint.transactions(matching: query, limit: limit)
    }
  }

  public func packetTransactions(
    _ step: PacketStep, client: ClientID, sequence: Sequence, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    try await found(limit: limit) { endpoint throws(AccessError) in
      try await endpoint.packetTransactions(step, client: client, sequence: sequence, limit: limit)
    }
  }

  /// Those that enough endpoints have found.
  private func found(
    limit: Int, _ question: @escaping Question<[ObservedTransaction]>
  ) async throws(AccessError) -> [ObservedTransaction] {
    var counts: [ObservedTransaction: Int] = [:]
    var order: [ObservedTransaction] = []
    var answered = 0
    for await answer in answers(within: limits.deadline, question) {
      guard case .success(let found) = answer.result else { continue }
      answered += 1
      for transaction in found.prefix(limit) {
        if counts[transaction] == nil { order.append(transaction) }
        counts[transaction, default: 0] += 1
      }
      // The same from enough of them: no more is needed.
      if answered >= needed, found.allSatisfy({ counts[$0, default: 0] >= needed }) { break }
    }
    guard answered >= needed else { throw .quorum(needed: needed, answered: answered) }
    return order.filter { counts[$0, default: 0] >= needed }
  }
}
