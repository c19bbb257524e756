public import Attestation
public import Secrets
public import SignerJournal
internal import Synchronization
public import TPMAccess
public import WireBytes

/// A platform that nobody vouches for: what it says, it says of itself. For development and demonstrations.
///
/// Policies for production refuse its evidence by name. The key of its log lies beside the log in a file, so that whoever
/// has the folder reads it, and there is no counter: an older copy of the folder passes for the newest.
public final class SimulatedPlatform: EnclavePlatform {
  /// What is said wherever it starts.
  public static let warning =
    "SIMULATED PLATFORM: nothing vouches for this enclave. Its operator can read every input, and policies for production refuse it."

  public let name = "simulated"
  public let isSimulated = true
  public let chip: TPMConnection? = nil
  public let counter: (any MonotonicCounter)? = nil
  private let folder: String
  private let files: any DurableFiles
  private let clock: @Sendable () -> UInt64
  private let measured = Mutex<EnclaveIdentity?>(nil)

  /// - Parameters:
  ///   - folder: exists, and belongs to this process alone.
  ///   - clock: UNIX seconds.
  public init(
    folder: String, files: any DurableFiles = SystemFiles(),
    clock: @escaping @Sendable () -> UInt64 = EnclaveClock.system
  ) {
    self.folder = folder
    self.files = files
    self.clock = clock
  }

  public func measure(_ identity: EnclaveIdentity, at start: UInt64) throws(EnclavePlatformError) {
    let isFirst = measured.withLock { measured in
      guard measured == nil else { return false }
      measured = identity
      return true
    }
    guard isFirst else { throw .sequence }
  }

  public func attest(_ reportData: Bytes64) throws(EnclavePlatformError) -> AttestationEvidence {
    guard let identity = measured.withLock({ $0 }) else { throw .sequence }
    return SimulatedStatement(
      program: identity.program, policy: identity.policy, reportData: reportData.array,
      issued: Int64(clamping: clock())
    ).evidence
  }

  public func storageSecret() throws(EnclavePlatformError) -> Secrets.SharedSecret {
    let path = "\(folder)/\(PlatformFile.storageKey.rawValue)"
    var kept: [UInt8]?
    do { kept = try StateFile.read(path, files) } catch { throw .files(error) }
    if var bytes = kept {
      kept = nil
      guard bytes.count == 32 else { throw .damaged(.storageKey) }
      return Secrets.SharedSecret(SecretBytes(wiping: &bytes))
    }
    let secret = SecretBytes(random: 32)
    let bytes = secret.withSpan { [UInt8](copying: $0) }
    do { try StateFile.replace(path, in: folder, with: bytes, files) } catch { throw .files(error) }
    return Secrets.SharedSecret(secret)
  }
}
