/// The enclave of a devnet that has one: a process of `causeway-enclave` on an emulated TPM 2.0, with a coordinator.
public struct EnclaveOptions: Sendable {
  /// `causeway-enclave`; nil for the one beside this program.
  public var executable: String?
  /// The program that it runs: WASM with a `query`.
  public var program: String
  /// `swtpm`; nil finds it on the path.
  public var emulator: String?
  /// How long its keys live.
  public var lifetimeSeconds: UInt64 = 86_400

  public init(program: String) { self.program = program }
}

/// Why a devnet's enclave, or its coordinator, is not there.
public enum EnclaveSideError: Error, Hashable, Sendable {
  /// There is no program at this path, or it cannot be started.
  case program(String)
  /// swtpm is not installed.
  case emulatorMissing
  /// It ended before it was ready; the file says why.
  case notReady(log: String)
  /// The path of a socket is longer than the system takes, in bytes.
  case socketPath(max: Int, actual: Int)
  /// A file that cannot be read or written.
  case file(String)
  /// The directory was made by a version without settlement: begin anew.
  case noSettlement(domain: String)
  /// What a program of ours has printed is no policy.
  case policy(String)
  /// The enclave does not answer: the name of the reason.
  case enclave(code: String)
  /// The ledger did not take a message: its type, and the name of the refusal.
  case refused(message: String, code: String)
  /// The coordinator's file or key cannot be used.
  case coordinator(code: String)
}
