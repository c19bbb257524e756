import Attestation
import EnclaveService
import Enclaves
import Encodings
import Foundation
import Messages
import Synchronization
import TestSupport
import Testing
import WireBytes

/// The built command, as a person or a coordinator runs it.
@Suite(
  "causeway-enclave", .serialized, .timeLimit(.minutes(5)),
  .enabled(if: FixedProgram.library != nil, Comment(rawValue: FixedProgram.absence)))
struct ProgramTests {
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent()
    .appendingPathComponent("causeway-enclave").path

  /// Files that a person has: a program and its policy.
  private struct Desk {
    let folder: Folder
    let wasm: [UInt8]
    var enclave: String { folder.path + "/enclave" }
    var socket: String { enclave + "/s" }
    var client: EnclaveClient { EnclaveClient(path: socket) }

    init() throws {
      folder = try Folder()
      wasm = try FixedProgram.wasm()
      try Data(wasm).write(to: URL(fileURLWithPath: folder.path + "/program.wasm"))
      try Data(try Bench.policy().text.utf8).write(to: URL(fileURLWithPath: folder.path + "/policy.json"))
    }

    var workload: [String] { [folder.path + "/program.wasm", "--policy", folder.path + "/policy.json"] }

    func run(_ arguments: [String]) throws -> (code: Int32, output: String, complaint: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: ProgramTests.path)
      process.arguments = arguments
      let output = Pipe()
      let complaint = Pipe()
      process.standardOutput = output
      process.standardError = complaint
      try process.run()
      let said = try output.fileHandleForReading.readToEnd() ?? Data()
      let complained = try complaint.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      return (
        process.terminationStatus, String(decoding: said, as: UTF8.self),
        String(decoding: complained, as: UTF8.self)
      )
    }

    /// A running enclave, once it has said that it is ready.
    func start(_ platform: [String] = ["--platform", "simulated"], _ more: [String] = []) throws -> Running {
      let domain = Hex.encode(try Bench.domain.encoded())
      let account = Hex.encode(try Bench.account(9).encoded())
      return try Running(
        ["run"] + workload + platform + [
          "--folder", enclave, "--socket", socket, "--domain", domain, "--operator", account, "--sealing",
          "x25519",
          "--lifetime", "86400",
        ] + more)
    }
  }

  /// A process that is killed when it is let go.
  private final class Running: Sendable {
    let process: Process
    let ready: String

    init(_ arguments: [String]) throws {
      process = Process()
      process.executableURL = URL(fileURLWithPath: ProgramTests.path)
      process.arguments = arguments
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      var line: [UInt8] = []
      while line.last != 0x0a, let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
        line += byte
      }
      ready = String(decoding: line, as: UTF8.self)
    }

    func kill(_ signal: Int32) {
      Foundation.kill(process.processIdentifier, signal)
      process.waitUntilExit()
    }

    deinit { if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) } }
  }

  private static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970) }

  /// A case whose times are about the machine's clock, which the program reads.
  private static func job(_ number: UInt64, _ body: [UInt8], for registration: EnclaveRegistration) throws
    -> ComputationJob
  {
    let id = try CaseIdentity.id(domain: Bench.domain, number: number)
    let sender = try Bench.account(20)
    let envelope = try SealedEnvelope(
      sealing: SealedInput(
        reply: try EphemeralSealingKey(.x25519).publicKey, body: body, salt: Bytes32 { UInt8($0 + 1) }),
      to: registration.keys, case: id, sender: sender, nonce: 1, expires: now() + 20_000)
    let opening = try CaseOpening(
      number: number, opener: Bench.account(1), program: registration.keys.program,
      policy: registration.keys.policy,
      attestationPolicy: Bytes32 { UInt8($0) }, coordinator: registration.keys.signing, opened: now() - 200,
      closes: now() - 100, expires: now() + 10_000, maximumInputs: 4, accepts: [])
    return try ComputationJob(
      opening: opening,
      inputs: [CaseInput(sender: sender, nonce: 1, commitment: envelope.commitment, coins: [])],
      envelopes: [envelope], ledger: nil)
  }

  @Test("measures, and writes the policy for what it measured")
  func measure() throws {
    let desk = try Desk()
    let measured = try desk.run(["measure"] + desk.workload + ["--json"])
    #expect(measured.code == 0)
    let json = try JSONValue(decoding: [UInt8](measured.output.utf8))
    let workload = try Bench.cases(desk.wasm)
    #expect(try json.text("program") == Hex.encode(workload.identity.program.span))
    #expect(try json.text("policy") == Hex.encode(workload.identity.policy.span))
    let written = try desk.run(
      ["policy"] + desk.workload + ["--platform", "simulated", "--folder", desk.enclave])
    #expect(written.complaint.contains("SIMULATED"))
    let policy = try AttestationPolicy(decoding: [UInt8](written.output.utf8))
    #expect(policy == (try EnclaveDemands.simulated(workload.identity)))
    #expect(!policy.isProduction)
  }

  @Test("serves behind a list of system calls, and says so when asked for keys it does not have")
  func serve() async throws {
    let desk = try Desk()
    let running = try desk.start()
    #expect(running.ready.hasPrefix("ready \(desk.socket) platform=simulated program=0x"))
    let none = try desk.run(["evidence", "--socket", desk.socket])
    #expect(none.code == 1 && none.complaint.contains("noKeys"))
    let hash = "0x" + String(repeating: "ab", count: 32)
    let rotated = try desk.run(["rotate", "--socket", desk.socket, "--height", "7", "--hash", hash, "--json"])
    #expect(rotated.code == 0)
    let registration = try await desk.client.keys()
    let json = try JSONValue(decoding: [UInt8](rotated.output.utf8))
    #expect(try json.text("registration") == Hex.encode(registration.id.span))
    let answer = try await desk.client.compute(try Self.job(1, [1], for: registration))
    try EnclaveSignature.verify(
      digest: answer.receipt.digest(domain: Bench.domain), signature: answer.signature,
      key: registration.keys.signing,
      at: Self.now())
    let status = try desk.run(["status", "--socket", desk.socket])
    #expect(status.output.contains("answers   1"))
    // Filtered, and with no socket of the internet.
    let state = try String(
      contentsOfFile: "/proc/\(running.process.processIdentifier)/status", encoding: .utf8)
    #expect(state.contains("Seccomp:\t2"))
    #expect(state.contains("NoNewPrivs:\t1"))
    running.kill(SIGTERM)
    #expect(running.process.terminationStatus == 0)
    #expect(try desk.run(["status", "--socket", desk.socket]).code == 3)
  }

  @Test("gives the same answer after it was killed between writing it down and answering", arguments: 0..<6)
  func killed(turn: Int) async throws {
    let desk = try Desk()
    let journal = desk.enclave + "/log/watermarks/records.journal"
    func size() -> Int {
      ((try? FileManager.default.attributesOfItem(atPath: journal))?[.size] as? NSNumber)?.intValue ?? 0
    }
    let first = try desk.start()
    let registration = try await desk.client.rotate(Bench.anchor())
    let job = try Self.job(1, [UInt8(turn)], for: registration)
    let before = size()
    // Asked by somebody who never reads, and killed as soon as anything is on disk.
    let client = desk.client
    let asking = Task { try? await client.compute(job) }
    let patience = ContinuousClock.now + .seconds(20)
    while size() == before, first.process.isRunning, ContinuousClock.now < patience {
      usleep(UInt32(turn) * 50)
    }
    first.kill(SIGKILL)
    _ = await asking.value
    #expect(size() > before)
    let running = try desk.start()
    let answer = try await desk.client.compute(job)
    #expect(try await desk.client.compute(job) == answer)
    let fresh = try await desk.client.rotate(Bench.anchor())
    let other = try Self.job(1, [99], for: fresh)
    do {
      _ = try await desk.client.compute(other)
      Issue.record("computed twice")
    } catch {
      guard case .refused(.otherInputs, _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    running.kill(SIGKILL)
  }

  @Test("says how to use it when it is used wrongly")
  func usage() throws {
    let desk = try Desk()
    #expect(try desk.run(["measure", desk.folder.path + "/program.wasm"]).code == 2)
    #expect(
      try desk.run(["measure", "/nonexistent", "--policy", desk.folder.path + "/policy.json"]).code == 2)
    #expect(try desk.run(["run"] + desk.workload).code == 2)
    #expect(try desk.run(["rotate", "--socket", desk.socket, "--height", "1", "--hash", "0x00"]).code == 2)
    #expect(try desk.run(["status", "--socket", desk.socket]).code == 3)
    let help = try desk.run(["--help"])
    #expect(help.code == 0 && help.output.contains("causeway-enclave measure auction.wasm"))
  }

  @Test(
    "runs on a TPM behind its list of system calls, and its evidence satisfies the policy that it wrote",
    .enabled(if: TPMSimulator.isInstalled, "swtpm is absent"))
  func onTPM() async throws {
    let simulator = try TPMSimulator()
    let desk = try Desk()
    let machine = ["--platform", "tpm", "--tpm", simulator.transport]
    let written = try desk.run(["policy"] + desk.workload + machine + ["--folder", desk.enclave])
    #expect(written.code == 0, "\(written.complaint)")
    let policy = try AttestationPolicy(decoding: [UInt8](written.output.utf8))
    #expect(policy.isProduction)
    let running = try desk.start(machine, ["--signing", "tpm"])
    let registration = try await desk.client.rotate(Bench.anchor())
    let result = try AttestationVerifier.verify(
      registration.evidence, under: policy, at: .live(Int64(Self.now())))
    #expect(result.reportData == registration.keys.reportData.array)
    let answer = try await desk.client.compute(try Self.job(1, [1], for: registration))
    try EnclaveSignature.verify(
      digest: answer.receipt.digest(domain: Bench.domain), signature: answer.signature,
      key: registration.keys.signing,
      at: Self.now())
    running.kill(SIGTERM)
    #expect(running.process.terminationStatus == 0)
  }
}
