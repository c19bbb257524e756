public import Attestation
internal import Digests
public import Secrets
public import SignerJournal
public import TPMAccess
public import WireBytes

/// An AWS Nitro enclave: what runs is measured into a register of the Nitro Secure Module, which is closed after it, and
/// documents bind the report data as user data.
///
/// A Nitro enclave has no disk of its own and no counter: its log lives as long as it does, and results that were lost with
/// it are reclaimed on the ledger.
public struct NitroPlatform: EnclavePlatform {
  /// The first of the registers that are free for applications (16 to 31).
  public static let launchRegister: UInt16 = 16

  public let name = "nitro"
  public let isSimulated = false
  public let chip: TPMConnection? = nil
  public let counter: (any MonotonicCounter)? = nil
  private let client: NSMClient

  public init(_ device: any NSMDevice = SystemNSMDevice()) { client = NSMClient(device) }

  public func measure(_ identity: EnclaveIdentity, at start: UInt64) throws(EnclavePlatformError) {
    // The time is left out: a document's policy names the register's value.
    let measured = identity.program.array + identity.policy.array
    do { _ = try client.measure(measured, into: Self.launchRegister) } catch { throw .nitro(error) }
  }

  /// The value of ``launchRegister`` after ``measure(_:at:)``: what a policy should demand of it, 48 bytes.
  public static func launchValue(_ identity: EnclaveIdentity) -> [UInt8] {
    SecureHashes.sha384(
      ([UInt8](repeating: 0, count: 48) + identity.program.array + identity.policy.array).span
    ).array
  }

  public func attest(_ reportData: Bytes64) throws(EnclavePlatformError) -> AttestationEvidence {
    do {
      return AttestationEvidence(
        platform: .nitro, statement: try client.attestation(userData: reportData.array), collateral: [])
    } catch { throw .nitro(error) }
  }

  /// From the module's random numbers, mixed with this process': good as long as the enclave lives.
  public func storageSecret() throws(EnclavePlatformError) -> Secrets.SharedSecret {
    Secrets.SharedSecret(SecretBytes(random: 32))
  }
}

/// A confidential virtual machine (SEV-SNP, TDX) whose kernel gives reports in a folder.
///
/// The machine's image is what is measured, by its maker's firmware; the program and policy are in the keys that the report
/// binds, and the image must be one whose runtime measures them honestly.
public struct ReportFolderPlatform: EnclavePlatform {
  public let name: String
  public let isSimulated = false
  public let chip: TPMConnection? = nil
  public let counter: (any MonotonicCounter)? = nil
  private let folder: ReportFolder
  private let collateral: @Sendable (KernelReport) -> [UInt8]

  /// - Parameters:
  ///   - provider: what the kernel must say that it is.
  ///   - collateral: what goes beside a report so that it can be judged without asking anybody: certificates from its
  ///     auxiliary blob, or what a collateral service gave for this machine. None unless told otherwise.
  public init(
    _ provider: KernelReport.Provider, folder: ReportFolder = ReportFolder(),
    collateral: @escaping @Sendable (KernelReport) -> [UInt8] = { _ in [] }
  ) {
    name = provider == .snp ? "snp" : "tdx"
    self.folder = folder
    self.collateral = collateral
  }

  public func measure(_ identity: EnclaveIdentity, at start: UInt64) {}

  public func attest(_ reportData: Bytes64) throws(EnclavePlatformError) -> AttestationEvidence {
    let report: KernelReport
    do { report = try folder.report(binding: reportData.array) } catch { throw .report(error) }
    guard (report.provider == .snp) == (name == "snp") else {
      throw .report(.provider(report.provider.rawValue))
    }
    return AttestationEvidence(
      platform: report.provider == .snp ? .sevSNP : .tdx, statement: report.report,
      collateral: collateral(report))
  }

  public func storageSecret() throws(EnclavePlatformError) -> Secrets.SharedSecret { throw .noSealing }
}
