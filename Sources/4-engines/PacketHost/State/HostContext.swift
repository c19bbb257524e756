public import Messages

/// The block that is being executed: its height and its own time, which is the only clock that execution has.
public struct BlockMoment: Hashable, Sendable {
  public let height: UInt64
  public let time: UnixTime

  public init(height: UInt64, time: UnixTime) {
    self.height = height
    self.time = time
  }
}

/// Why execution cannot go on, whatever the caller would prefer.
public enum ExecutionHalt: Error, Hashable, Sendable {
  case outOfGas(GasMeter.OutOfGas)
  /// The committed state below cannot be read; see ``StateFailure``.
  case state(StateFailure)
  /// The code that runs broke a rule; an attempt around it goes on without it.
  case breach(ExecutionBreach)
}

/// All that a host, an application or a program may touch while it executes: state, gas, events, and the
/// moment.
///
/// Every read and write is charged. ``attempt(gasLimit:_:)`` runs something that may fail, and undoes it if
/// it does.
public struct HostContext: Sendable {
  public let moment: BlockMoment
  public private(set) var state: WorkingState
  public private(set) var gas: GasMeter
  public private(set) var events: [Event] = []
  /// Evidence that was verified in this transaction; never stored.
  private(set) var verifiedEvidence: [VerifiedEvidence.Reference: VerifiedEvidence] = [:]
  /// What was noted in this transaction; never stored, and not undone with a layer.
  private var notes: Set<[UInt8]> = []
  /// Who carried the packet that is being handled; nil when none is.
  public var relayer: AccountAddress?

  public init(moment: BlockMoment, state: WorkingState, gas: GasMeter) {
    self.moment = moment
    self.state = state
    self.gas = gas
  }

  /// Uses gas for work other than storage.
  public mutating func charge(_ amount: UInt64) throws(ExecutionHalt) {
    do { try gas.charge(amount) } catch { throw .outOfGas(error) }
  }

  public mutating func read(_ key: [UInt8]) throws(ExecutionHalt) -> [UInt8]? {
    try charge(GasSchedule.readFlat)
    let value: [UInt8]?
    do { value = try state.value(for: key) } catch { throw .state(error) }
    try charge(GasSchedule.readPerByte * UInt64(key.count + (value?.count ?? 0)))
    return value
  }

  /// Writes what a commit can hold, and refuses anything else: a block that cannot be committed would stop
  /// the domain.
  public mutating func write(_ value: [UInt8], to key: [UInt8]) throws(ExecutionHalt) {
    try charge(GasSchedule.writeFlat + GasSchedule.writePerByte * UInt64(key.count + value.count))
    do {
      try ExecutionBreach.check(key: key)
      try ExecutionBreach.check(value: value)
    } catch { throw .breach(error) }
    state.set(value, for: key)
  }

  public mutating func remove(_ key: [UInt8]) throws(ExecutionHalt) {
    try charge(GasSchedule.delete)
    do { try ExecutionBreach.check(key: key) } catch { throw .breach(error) }
    state.set(nil, for: key)
  }

  /// Keys with `prefix` after `start`, in byte order; at most `limit`.
  public mutating func entries(
    prefix: [UInt8], after start: [UInt8]? = nil, limit: Int
  ) throws(ExecutionHalt) -> [(key: [UInt8], value: [UInt8])] {
    let found: [(key: [UInt8], value: [UInt8])]
    do { found = try state.entries(prefix: prefix, after: start, limit: limit) } catch { throw .state(error) }
    for entry in found {
      let size = UInt64(entry.key.count + entry.value.count)
      try charge(GasSchedule.iterationPerEntry + GasSchedule.readPerByte * size)
    }
    return found
  }

  /// Keys from `start`, inclusive, to `end`, exclusive, in byte order or against it; at most `limit`. Each costs
  /// what it costs in ``entries(prefix:after:limit:)``.
  public mutating func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool = false, limit: Int
  ) throws(ExecutionHalt) -> [(key: [UInt8], value: [UInt8])] {
    let found = try page(from: start, until: end, descending: descending, limit: limit)
    for entry in found { try chargeStep(key: entry.key, value: entry.value) }
    return found
  }

  /// What ``range(from:until:descending:limit:)`` gives, free of charge: for iterators, which read ahead a
  /// little and pay for each entry with ``chargeStep(key:value:)`` when it is taken.
  public mutating func page(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int
  ) throws(ExecutionHalt) -> [(key: [UInt8], value: [UInt8])] {
    do {
      return try state.range(from: start, until: end, descending: descending, limit: limit)
    } catch { throw .state(error) }
  }

  /// Pays for one entry of an iteration.
  public mutating func chargeStep(key: [UInt8], value: [UInt8]) throws(ExecutionHalt) {
    let size = UInt64(key.count + value.count)
    try charge(GasSchedule.iterationPerEntry + GasSchedule.readPerByte * size)
  }

  public mutating func emit(_ event: Event) throws(ExecutionHalt) {
    try charge(GasSchedule.eventFlat)
    events.append(event)
  }

  /// Writes without charge what was paid for in another way, as the code of a contract is by its upload.
  public mutating func writePrepaid(_ value: [UInt8], to key: [UInt8]) throws(ExecutionHalt) {
    do {
      try ExecutionBreach.check(key: key)
      try ExecutionBreach.check(value: value)
    } catch { throw .breach(error) }
    state.set(value, for: key)
  }

  /// Rewrites what was emitted after the first `count` events: who lets others run may sort out their events.
  public mutating func rewriteEvents(after count: Int, _ body: ([Event]) -> [Event]) {
    events.replaceSubrange(count..., with: body(Array(events[count...])))
  }

  /// Notes something for the rest of the transaction; tells whether it is new.
  public mutating func note(_ name: [UInt8]) -> Bool { notes.insert(name).inserted }

  /// Moves the context out, and leaves one that has written nothing: what runs code that keeps it for a while
  /// gives it back by assignment. Two holders would copy every layer at the next write.
  public mutating func take() -> HostContext {
    let taken = self
    _ = state.take()
    events = []
    verifiedEvidence = [:]
    notes = []
    return taken
  }

  mutating func remember(_ verified: VerifiedEvidence, as reference: VerifiedEvidence.Reference) {
    verifiedEvidence[reference] = verified
  }

  mutating func forgetVerifiedEvidence(of client: ClientID) {
    verifiedEvidence = verifiedEvidence.filter { $0.key.client != client }
  }

  /// Gives up the state, for the next transaction of the block.
  public consuming func finish() -> (state: WorkingState, gasUsed: UInt64, events: [Event]) {
    (state, gas.used, events)
  }
}

/// How an attempt ended that was allowed to fail.
public enum Attempt<Value: Sendable, Failure: Error & Hashable>: Sendable {
  case succeeded(Value)
  /// The body threw; what it wrote and emitted is undone.
  case failed(Failure)
  /// The body ran out of its own share of gas, while the caller has some left; undone likewise.
  case outOfGas(GasMeter.OutOfGas)
  /// The body broke a rule of execution; undone likewise.
  case breach(ExecutionBreach)
}

/// What a body of an attempt throws: its own failure, or a halt.
public enum AttemptFailure<Failure: Error & Hashable & Sendable>: Error, Hashable, Sendable {
  case failure(Failure)
  case halt(ExecutionHalt)
}

extension HostContext {
  /// Runs `body` in a layer of its own with at most `gasLimit` of the gas that is left: kept when it
  /// succeeds, undone when it fails. The gas that it used stays used either way.
  ///
  /// - Throws: ``ExecutionHalt`` when the state cannot be read, when the depth is used up here, or when the
  ///   whole transaction is out of gas; never for a failure or a breach of the body's own.
  public mutating func attempt<Value: Sendable, Failure: Error & Hashable & Sendable>(
    gasLimit: UInt64 = .max, _ body: (inout HostContext) throws(AttemptFailure<Failure>) -> Value
  ) throws(ExecutionHalt) -> Attempt<Value, Failure> {
    guard state.depth < WorkingState.depthMax else { throw .breach(.depth(max: WorkingState.depthMax)) }
    let outer = gas
    let share = min(gasLimit, outer.remaining)
    let eventCount = events.count
    let remembered = verifiedEvidence
    gas = GasMeter(limit: share)
    state.open()
    let outcome: Attempt<Value, Failure>
    var halt: ExecutionHalt?
    do {
      outcome = .succeeded(try body(&self))
      state.keep()
    } catch {
      state.drop()
      events.removeSubrange(eventCount...)
      verifiedEvidence = remembered
      switch error {
      case .failure(let failure): outcome = .failed(failure)
      case .halt(.outOfGas(let shortage)):
        outcome = .outOfGas(shortage)
        // The body's share was all that the transaction had left: nothing can go on.
        if share == outer.remaining { halt = .outOfGas(shortage) }
      case .halt(.breach(let breach)): outcome = .breach(breach)
      case .halt(.state(let failure)): throw .state(failure)
      }
    }
    let used = gas.used
    gas = outer
    do { try gas.charge(used) } catch { throw .outOfGas(error) }
    if let halt { throw halt }
    return outcome
  }

  /// Runs `body` in a layer of its own with all the gas that is left: kept as a whole, or undone and the
  /// failure thrown.
  public mutating func whole<Value: Sendable, Failure: Error & Hashable & Sendable>(
    _ body: (inout HostContext) throws(AttemptFailure<Failure>) -> Value
  ) throws(AttemptFailure<Failure>) -> Value {
    let attempt: Attempt<Value, Failure>
    do { attempt = try self.attempt(body) } catch { throw .halt(error) }
    switch attempt {
    case .succeeded(let value): return value
    case .failed(let failure): throw .failure(failure)
    // The layer had all the gas, so the attempt has thrown instead.
    case .outOfGas(let shortage): throw .halt(.outOfGas(shortage))
    case .breach(let breach): throw .halt(.breach(breach))
    }
  }
}
