public import Attestation
public import Secrets
public import SignerJournal
internal import Synchronization
public import TPMAccess
public import WireBytes

/// A machine with a TPM 2.0: what runs is measured into PCR 14, quotes are by a restricted key of the owner hierarchy, the
/// log's key is sealed to the boot's registers, and a counter in the TPM says whether the log is the newest.
///
/// In its folder are the attestation key's blob, the launch log and the sealed key. **The launch log is written before the
/// register is extended:** after a crash between the two, the register says which of the two logs is right.
public final class TPMPlatform: EnclavePlatform {
  /// How a TPM is used.
  public struct Configuration: Sendable {
    /// The register that launches are measured into.
    public let launchRegister: Int
    /// What the log's key is sealed to: another boot does not open it.
    public let bootRegisters: TPMRegisters
    /// The index of the counter, 0x01000000 to 0x01bfffff; nil for none.
    public let counterIndex: UInt32?
    /// Certificates of the attestation key, in DER, its own first.
    public let certificates: [[UInt8]]

    /// PCR 14, sealing to PCR 7 (keys and state of secure boot), and an index of the project's unless told otherwise.
    public init(
      launchRegister: Int = TPMLaunchLog.pcr, bootRegisters: TPMRegisters? = nil,
      counterIndex: UInt32? = 0x0143_4557,
      certificates: [[UInt8]] = []
    ) {
      precondition((0..<TPMRegisters.count).contains(launchRegister))
      self.launchRegister = launchRegister
      self.bootRegisters = bootRegisters ?? TPMRegisters(bits: 1 << 7)
      self.counterIndex = counterIndex
      self.certificates = certificates
    }
  }

  public let name = "tpm"
  public let isSimulated = false
  public var chip: TPMConnection? { connection }
  public let counter: (any MonotonicCounter)?

  private let connection: TPMConnection
  private let configuration: Configuration
  private let folder: String
  private let files: any DurableFiles
  private let register: TPMRegisters
  private let key: TPMAttestationKey
  private let launches = Mutex<TPMLaunchLog?>(nil)

  /// Opens the platform's folder, or fills it: the attestation key is made at first.
  ///
  /// - Parameter folder: exists, and belongs to this process alone.
  public init(
    _ connection: TPMConnection, folder: String, configuration: Configuration = Configuration(),
    files: any DurableFiles = SystemFiles()
  ) throws(EnclavePlatformError) {
    self.connection = connection
    self.configuration = configuration
    self.folder = folder
    self.files = files
    register = TPMRegisters(bits: 1 << UInt32(configuration.launchRegister))
    key = try Self.openKey(connection, folder, files)
    guard let index = configuration.counterIndex else {
      counter = nil
      return
    }
    do throws(TPMCounterError) {
      let counter = try TPMCounter(connection, index: index)
      // A new vault begins with a new counter, or one that an earlier vault left; which value it has does not matter.
      do throws(TPMCounterError) { _ = try counter.read() } catch {
        guard error == .device(.missing) else { throw error }
        _ = try counter.define()
      }
      self.counter = ChipCounter(counter)
    } catch { throw .counter(error) }
  }

  private static func openKey(
    _ connection: TPMConnection, _ folder: String, _ files: any DurableFiles
  ) throws(EnclavePlatformError) -> TPMAttestationKey {
    let path = "\(folder)/\(PlatformFile.attestationKey.rawValue)"
    let kept: [UInt8]?
    do { kept = try StateFile.read(path, files) } catch { throw .files(error) }
    let key: TPMAttestationKey
    do throws(TPMKeyError) {
      if let kept {
        key = try TPMAttestationKey(connection, blob: kept)
        try key.confirm()
        return key
      }
      key = try TPMAttestationKey.create(connection)
    } catch { throw .tpm(error) }
    do { try StateFile.replace(path, in: folder, with: key.blob, files) } catch { throw .files(error) }
    return key
  }

  /// The public area of the key that quotes: what a verifier takes down when the machine is enrolled.
  public var attestationKey: TPMPublicArea { key.publicArea }

  // MARK: Measuring

  public func measure(_ identity: EnclaveIdentity, at start: UInt64) throws(EnclavePlatformError) {
    guard launches.withLock({ $0 == nil }) else { throw .sequence }
    var log = try readLog()
    let found = try readRegister()
    if found.isZero {
      // The machine was restarted since.
      log = TPMLaunchLog()
    } else if found != log.pcrValue {
      // The last start wrote its launch and did not come to extend the register.
      var shorter = log
      if !shorter.launches.isEmpty { shorter.launches.removeLast() }
      guard found == shorter.pcrValue else {
        throw .register(number: configuration.launchRegister, logged: log.pcrValue, found: found)
      }
      log = shorter
    }
    guard log.launches.count < TPMLaunchLog.launchesMax else {
      throw .launches(max: TPMLaunchLog.launchesMax)
    }
    let launch = TPMLaunchLog.Launch(program: identity.program, policy: identity.policy, start: start)
    log.launches.append(launch)
    do throws(FileCallError) {
      try StateFile.replace(path(.launches), in: folder, with: log.encoded(), files)
    } catch {
      throw .files(error)
    }
    do throws(TPMError) {
      try TPMRegisterBank(connection).extend(configuration.launchRegister, with: launch.measurement)
    } catch { throw .registers(error) }
    let now = try readRegister()
    guard now == log.pcrValue else {
      throw .register(number: configuration.launchRegister, logged: log.pcrValue, found: now)
    }
    launches.withLock { $0 = log }
  }

  private func readLog() throws(EnclavePlatformError) -> TPMLaunchLog {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(path(.launches), files) } catch { throw .files(error) }
    guard let bytes else { return TPMLaunchLog() }
    do { return try TPMLaunchLog(decoding: bytes.span) } catch { throw .damaged(.launches) }
  }

  private func readRegister() throws(EnclavePlatformError) -> Bytes32 {
    let values: [TPMRegisterValue]
    do { values = try TPMRegisterBank(connection).read(register) } catch { throw .registers(error) }
    guard values.count == 1 else { throw .registers(.malformed(.registers)) }
    return values[0].value
  }

  private func path(_ file: PlatformFile) -> String { "\(folder)/\(file.rawValue)" }

  // MARK: Attesting

  public func attest(_ reportData: Bytes64) throws(EnclavePlatformError) -> AttestationEvidence {
    guard let log = launches.withLock({ $0 }) else { throw .sequence }
    let quote: TPMQuote
    do { quote = try key.quote(register, qualifying: reportData.array) } catch { throw .tpm(error) }
    // Evidence that no verifier takes is not handed out.
    guard quote.values.first?.value == log.pcrValue else {
      throw .register(
        number: configuration.launchRegister, logged: log.pcrValue,
        found: quote.values.first?.value ?? Bytes32())
    }
    let statement = TPMStatement(
      quote: quote.attestation, signature: quote.signature,
      attestationKey: Self.sized(key.publicArea.encoded()),
      pcrs: quote.values.map { TPMStatement.PCR(index: UInt32($0.number), value: $0.value.array) },
      launchLog: log.encoded(), certificates: configuration.certificates)
    return AttestationEvidence(platform: .tpm, statement: statement.encoded(), collateral: [])
  }

  /// TPM2B: two bytes of length before the bytes.
  private static func sized(_ bytes: [UInt8]) -> [UInt8] {
    var sized: [UInt8] = []
    sized.append(bigEndian: UInt16(truncatingIfNeeded: bytes.count))
    return sized + bytes
  }

  // MARK: Sealing

  public func storageSecret() throws(EnclavePlatformError) -> Secrets.SharedSecret {
    let seal = TPMSeal(connection)
    let kept: [UInt8]?
    do { kept = try StateFile.read(path(.storageKey), files) } catch { throw .files(error) }
    if let kept {
      let secret: SecretBytes
      do { secret = try seal.unseal(kept) } catch { throw .seal(error) }
      guard secret.count == 32 else { throw .damaged(.storageKey) }
      return Secrets.SharedSecret(secret)
    }
    let secret = SecretBytes(random: 32)
    let blob: [UInt8]
    let opens: Bool
    do throws(TPMSealError) {
      blob = try seal.seal(secret, registers: configuration.bootRegisters)
      opens = try seal.unseal(blob).matches(secret)
    } catch { throw .seal(error) }
    // What does not open again, here and now, is not relied on.
    guard opens else { throw .damaged(.storageKey) }
    do { try StateFile.replace(path(.storageKey), in: folder, with: blob, files) } catch {
      throw .files(error)
    }
    return Secrets.SharedSecret(secret)
  }
}

/// A TPM's counter as the records ask it.
struct ChipCounter: MonotonicCounter {
  private let counter: TPMCounter

  init(_ counter: TPMCounter) { self.counter = counter }

  func read() throws(MonotonicCounterError) -> UInt64 {
    do { return try counter.read() } catch { throw Self.reason(error) }
  }

  func increment() throws(MonotonicCounterError) -> UInt64 {
    do { return try counter.increment() } catch { throw Self.reason(error) }
  }

  private static func reason(_ error: TPMCounterError) -> MonotonicCounterError {
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
