internal import KeyVault
internal import SignerJournal
internal import TPMAccess

/// The TPMs that a configuration names, each with one connection: without a resource manager two of a process would take
/// each other's room.
struct SignerChips: Sendable {
  private let connections: [String: Result<TPMConnection, TPMConfigurationError>]

  /// Connects to none yet: that comes with the first use.
  init(_ configuration: SignerConfiguration, _ secrets: FileBackEnd) {
    var connections: [String: Result<TPMConnection, TPMConfigurationError>] = [:]
    for transport in [configuration.chip?.transport, configuration.counter?.transport] {
      guard let transport, connections[transport] == nil else { continue }
      do {
        let description = try TPMConfiguration(
          transport: transport, ownerAuthorisation: secrets.secret(named: SignerSecret.chipAuthorisation))
        connections[transport] = .success(TPMConnection(description))
      } catch { connections[transport] = .failure(error) }
    }
    self.connections = connections
  }

  func connection(_ transport: String) throws(TPMConfigurationError) -> TPMConnection {
    guard let connection = connections[transport] else { throw .transport }
    return try connection.get()
  }
}

/// The counter of a directory, where its configuration names one.
enum OpenCounter {
  /// Asks the TPM nothing yet. Nil when none is named.
  ///
  /// - Throws: ``MonotonicCounterError/authorisation(code:)`` when the vault has none for it.
  static func open(
    _ configuration: SignerConfiguration, _ secrets: FileBackEnd, _ chips: SignerChips
  ) throws(MonotonicCounterError) -> ChipCounter? {
    guard let named = configuration.counter else { return nil }
    guard let authorisation = secrets.secret(named: SignerSecret.counterAuthorisation) else {
      throw .authorisation(code: 0)
    }
    let connection: TPMConnection
    do { connection = try chips.connection(named.transport) } catch { throw .malformed }
    do {
      return ChipCounter(
        counter: try TPMCounter(connection, index: named.index, authorisation: authorisation))
    } catch { throw MonotonicCounterError(error) }
  }

  /// Makes the counter that the configuration names, with an authorisation that only this vault has, and gives its value.
  ///
  /// An index that was there is not touched: ``MonotonicCounterError/refused(code:)`` with TPM_RC_NV_DEFINED (0x14c).
  @discardableResult
  static func make(
    _ configuration: SignerConfiguration, _ secrets: FileBackEnd, _ chips: SignerChips
  ) throws(MonotonicCounterError) -> UInt64 {
    do {
      _ = try secrets.secret(named: SignerSecret.counterAuthorisation, orMaking: 32)
    } catch { throw .authorisation(code: 0) }
    guard let counter = try open(configuration, secrets, chips) else { throw .missing }
    do { return try counter.counter.define() } catch { throw MonotonicCounterError(error) }
  }
}

/// A TPM's counter as the records ask it.
struct ChipCounter: MonotonicCounter {
  let counter: TPMCounter

  func read() throws(MonotonicCounterError) -> UInt64 {
    do { return try counter.read() } catch { throw MonotonicCounterError(error) }
  }

  func increment() throws(MonotonicCounterError) -> UInt64 {
    do { return try counter.increment() } catch { throw MonotonicCounterError(error) }
  }
}

extension MonotonicCounterError {
  init(_ error: TPMCounterError) {
    self =
      switch error {
      case .index, .answer: .malformed
      case .otherIndex: .foreign
      case .undecided: .undecided
      case .device(.unavailable(let code)): .unavailable(code: code)
      case .device(.missing): .missing
      case .device(.authorisation(let code)): .authorisation(code: code)
      case .device(.refused(let code)): .refused(code: code)
      case .device(.malformed): .malformed
      }
  }
}
