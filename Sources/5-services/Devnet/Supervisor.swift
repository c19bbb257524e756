/// Keeps agents going: one that fails is started again, after a pause that doubles.
actor Supervisor {
  /// How an agent does.
  enum State: Hashable, Sendable {
    case running
    /// It has failed `times` in a row, last for this reason, and is started again after the pause.
    case waiting(reason: String, times: Int, pause: Duration)
    case stopped
  }

  static let pauseFirst = Duration.milliseconds(250)
  static let pauseMax = Duration.seconds(10)
  /// An agent that ran for so long is well: its next pause is a first one.
  static let wellAfter = Duration.seconds(30)

  private var states: [String: State] = [:]
  private var tasks: [Task<Void, Never>] = []
  private let tell: @Sendable (String, State) -> Void

  init(tell: @escaping @Sendable (String, State) -> Void) { self.tell = tell }

  /// Runs `body` until it returns or the supervisor is stopped; again each time that it throws.
  func keep(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
    set(name, .running)
    tasks.append(
      Task { [weak self] in
        let clock = ContinuousClock()
        var failures = 0
        while !Task.isCancelled {
          let start = clock.now
          do {
            try await body()
            break
          } catch {
            guard !Task.isCancelled else { break }
            failures = clock.now - start > Self.wellAfter ? 1 : failures + 1
            let pause = min(Self.pauseFirst * (1 << min(failures - 1, 10)), Self.pauseMax)
            await self?.set(name, .waiting(reason: "\(error)", times: failures, pause: pause))
            do { try await Task.sleep(for: pause) } catch { break }
            await self?.set(name, .running)
          }
        }
        await self?.set(name, .stopped)
      })
  }

  /// Cancels every agent and waits for them, the newest first.
  func stop() async {
    let ending = tasks.reversed()
    tasks = []
    for task in ending { task.cancel() }
    for task in ending { await task.value }
  }

  func state(of name: String) -> State? { states[name] }
  var all: [(name: String, state: State)] {
    states.sorted { $0.key < $1.key }.map { (name: $0.key, state: $0.value) }
  }

  private func set(_ name: String, _ state: State) {
    let before = states.updateValue(state, forKey: name)
    // The first start is no news.
    if let before, before != state { tell(name, state) }
  }
}
