import EnclaveService
import Foundation
import Messages
import WireBytes

/// The emulated TPM and the enclave of a devnet: two processes, which end with this one.
///
/// What the emulator keeps lies in its folder like the flash of a chip: another start of it is another boot of the same
/// machine.
actor EnclaveProcesses {
  /// A socket's path has at most so many bytes.
  static let socketPathMax = 107

  nonisolated let folder: String
  nonisolated let socket: String
  private let options: EnclaveOptions
  private let executable: String
  private let emulator: String
  private let domain: InteroperableAddress
  private let account: InteroperableAddress
  private var chip: SignerProcess?
  private var enclave: SignerProcess?

  init(
    _ options: EnclaveOptions, in directory: DevnetDirectory, domain: InteroperableAddress,
    operator account: InteroperableAddress
  ) throws(EnclaveSideError) {
    self.options = options
    self.domain = domain
    self.account = account
    folder = directory.enclave
    socket = folder + "/enclave.sock"
    guard socket.utf8.count <= Self.socketPathMax else {
      throw .socketPath(max: Self.socketPathMax, actual: socket.utf8.count)
    }
    if let program = options.executable {
      executable = program
    } else {
      executable = try Self.besideThisProgram()
    }
    guard let emulator = options.emulator ?? Self.find("swtpm") else { throw .emulatorMissing }
    self.emulator = emulator
    for path in [folder, state] {
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch { throw .file(path) }
    }
  }

  private nonisolated var state: String { folder + "/tpm" }
  private nonisolated var chipSocket: String { folder + "/tpm.sock" }
  nonisolated var policyFile: String { folder + "/policy.json" }
  nonisolated var attestationFile: String { folder + "/attestation.json" }
  nonisolated var log: String { folder + "/enclave.log" }
  private nonisolated var platform: [String] { ["--platform", "tpm", "--tpm", "swtpm:path=\(chipSocket)"] }

  /// Whether the emulator of TPMs is installed.
  static var isEmulatorInstalled: Bool { find("swtpm") != nil }

  private static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private static func besideThisProgram() throws(EnclaveSideError) -> String {
    let own =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? Bundle.main.executablePath ?? CommandLine.arguments[0]
    let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(
      "causeway-enclave"
    ).path
    guard FileManager.default.isExecutableFile(atPath: path) else { throw .program(path) }
    return path
  }

  /// Starts the emulator when it does not run.
  func startChip() async throws(EnclaveSideError) {
    guard chip?.identifier == nil else { return }
    chip?.stop()
    // The emulator does not know whose it is: the shell before it ends with our end of its input, and ends it. By a signal
    // that nobody can block, as these two inherit what the starting thread has blocked; a TPM bears a power cut.
    let script = """
      "$@" >&2 &
      child=$!
      trap 'kill -9 "$child" 2>/dev/null' TERM INT
      tries=0
      while [ ! -S "$SOCKET" ] || [ ! -S "$SOCKET.ctrl" ]; do
        kill -0 "$child" 2>/dev/null || exit 1
        tries=$((tries + 1)); [ "$tries" -lt 400 ] || exit 1
        sleep 0.05
      done
      echo ready
      cat >/dev/null
      kill -9 "$child" 2>/dev/null
      """
    for suffix in ["", ".ctrl"] { try? FileManager.default.removeItem(atPath: chipSocket + suffix) }
    let arguments = [
      "SOCKET=\(chipSocket)", "/bin/sh", "-c", script, "sh", emulator, "socket", "--tpm2", "--tpmstate",
      "dir=\(state)", "--ctrl", "type=unixio,path=\(chipSocket).ctrl", "--server",
      "type=unixio,path=\(chipSocket)",
      "--flags", "not-need-init,startup-clear",
    ]
    chip = try await start("/usr/bin/env", arguments, log: folder + "/tpm.log")
  }

  private func start(
    _ executable: String, _ arguments: [String], log: String
  ) async throws(EnclaveSideError) -> SignerProcess {
    do { return try await SignerProcess(executable: executable, arguments: arguments, log: log) } catch {
      switch error {
      case .signer(.program(let path)): throw .program(path)
      case .unwritable(let path): throw .file(path)
      default: throw .notReady(log: log)
      }
    }
  }

  /// What evidence of this enclave must be like: the attestation policy, as the enclave's own program says it.
  func attestationPolicy() throws(EnclaveSideError) -> [UInt8] {
    let printed: [UInt8]
    do {
      printed = try SignerProcess.output(
        of: executable,
        ["policy", options.program, "--policy", policyFile] + platform + ["--folder", folder], log: log)
    } catch {
      if case .signer(.program(let path)) = error { throw .program(path) }
      throw .notReady(log: log)
    }
    return printed
  }

  /// Starts the enclave when it does not run.
  ///
  /// - Returns: whether it was started: then it has no keys yet.
  func startEnclave() async throws(EnclaveSideError) -> Bool {
    guard enclave?.identifier == nil else { return false }
    enclave?.stop()
    let arguments =
      ["run", options.program, "--policy", policyFile] + platform + [
        "--folder", folder, "--socket", socket, "--domain", Hex.encode(domain.encoded()), "--operator",
        Hex.encode(account.encoded()), "--lifetime", String(options.lifetimeSeconds), "--exit-with-parent",
      ]
    enclave = try await start(executable, arguments, log: log)
    return true
  }

  nonisolated var client: EnclaveClient { EnclaveClient(path: socket) }

  /// The enclave's process; nil while there is none.
  var identifier: Int32? { enclave?.identifier }

  func stop() {
    enclave?.stop()
    enclave = nil
    chip?.stop()
    chip = nil
  }
}
