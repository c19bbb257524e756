public import Attestation
public import Secrets
public import SignerJournal
public import TPMAccess
public import WireBytes

/// What runs, as it is measured before it is loaded.
public struct EnclaveIdentity: Hashable, Sendable {
  /// SHA-256 of the program's WASM.
  public let program: Bytes32
  /// SHA-256 of the enclave policy's canonical text.
  public let policy: Bytes32

  public init(program: Bytes32, policy: Bytes32) {
    self.program = program
    self.policy = policy
  }
}

/// Why a platform did not do its part.
public enum EnclavePlatformError: Error, Hashable, Sendable {
  case tpm(TPMKeyError)
  case registers(TPMError)
  case seal(TPMSealError)
  case counter(TPMCounterError)
  case nitro(NSMError)
  case report(ReportFolderError)
  case files(FileCallError)
  /// A file of the platform's folder is damaged.
  case damaged(PlatformFile)
  /// A file of the folder is missing while others of the same start are there.
  case absent(PlatformFile)
  /// The register is not what the launch log leads to: something else extended it, or the log was put back. The machine has
  /// to be restarted.
  case register(number: Int, logged: Bytes32, found: Bytes32)
  /// The log has as many launches as one may have; the machine has to be restarted.
  case launches(max: Int)
  /// The platform was asked for something before it measured what runs, or measures twice.
  case sequence
  /// The platform has nothing that binds a secret to it.
  case noSealing
}

/// Files that a platform keeps.
public enum PlatformFile: String, Hashable, Sendable {
  case attestationKey = "attestation-key"
  case launches = "launches"
  case storageKey = "storage-key"
}

/// A machine that says what runs on it.
///
/// Calls block and are made from one thread at a time.
public protocol EnclavePlatform: Sendable {
  /// The platform's name in evidence and policies.
  var name: String { get }
  /// Whether nothing but this process vouches for what it says.
  var isSimulated: Bool { get }
  /// Where TPM-resident keys are made; nil where there is none.
  var chip: TPMConnection? { get }
  /// What notices that an older state was put back; nil where there is no such thing.
  var counter: (any MonotonicCounter)? { get }

  /// Measures what runs, once, before it is loaded.
  ///
  /// - Parameter start: UNIX seconds by the machine's clock.
  func measure(_ identity: EnclaveIdentity, at start: UInt64) throws(EnclavePlatformError)

  /// Evidence that binds `reportData` to what was measured.
  func attest(_ reportData: Bytes64) throws(EnclavePlatformError) -> AttestationEvidence

  /// The 32 bytes that the log is encrypted under: made at first, and the same at each start of this machine after it, as
  /// long as it was started in the same way.
  func storageSecret() throws(EnclavePlatformError) -> Secrets.SharedSecret
}
