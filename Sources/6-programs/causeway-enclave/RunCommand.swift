import ArgumentParser
import EnclaveService
import Encodings
import Foundation
import Messages
import Synchronization
import WireBytes

/// `causeway-enclave run`.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Measure a program, load it, and compute what is asked over a socket, until told to stop.",
    discussion: """
      In this order: hardens the process, opens the platform, measures program and policy, opens the log, compiles the \
      program, listens, closes the list of system calls. Then it prints one line on standard output, `ready …`. It has no \
      keys yet: `rotate` makes them. SIGTERM or Ctrl-C: it answers what it computes, and ends with 0.

        causeway-enclave run auction.wasm --policy auction.json --platform simulated \\
          --folder ./enclave --socket ./enclave/s --domain cosmos:demo-1 --operator 0xACCOUNT
        causeway-enclave run --follow demo-1.json --platform tpm --folder ./follower --socket ./follower/s \\
          --domain cosmos:demo-2 --operator 0xACCOUNT
      """)

  @OptionGroup var workload: WorkloadArguments
  @OptionGroup var platform: PlatformArguments
  @Option(
    help: ArgumentHelp("The enclave's folder: its log, and what its platform keeps.", valueName: "path"))
  var folder: String
  @Option(help: ArgumentHelp("Where the log's anchor lies: best on another medium.", valueName: "path"))
  var anchors: String?
  @Option(
    help: ArgumentHelp("Listen on this socket, in a directory that is closed to others.", valueName: "path"))
  var socket: String
  @Option(
    help: ArgumentHelp(
      "The settlement domain: cosmos:demo-1, or ERC-7930 in hexadecimal.", valueName: "chain"))
  var domain: String
  @Option(
    help: ArgumentHelp("The account that registers the keys: ERC-7930 in hexadecimal.", valueName: "account"))
  var `operator`: String
  @Option(
    help:
      "What receipts are signed with: p256, ethereum (checked by EVM contracts) or tpm (P-256 in the TPM).")
  var signing: SigningName = .p256
  @Option(help: "What inputs are sealed with: xwing or x25519.")
  var sealing: SealingName = .xwing
  @Option(help: ArgumentHelp("How long keys live, in seconds.", valueName: "seconds"))
  var lifetime: UInt64 = 86_400
  @Flag(
    help:
      "Raise the TPM's counter at starts alone: fewer writes, and an older copy of the last start goes unnoticed."
  )
  var counterAtStarts = false
  @Option(help: "The list of system calls: enforce, log or off.")
  var filter: FilterName = .enforce
  @Flag(help: "Stop when standard input ends: whoever started it is gone.")
  var exitWithParent = false
  @Flag(help: "JSON on standard output.")
  var json = false

  enum SigningName: String, CaseIterable, ExpressibleByArgument { case p256, ethereum, tpm }
  enum SealingName: String, CaseIterable, ExpressibleByArgument { case x25519, xwing }
  enum FilterName: String, CaseIterable, ExpressibleByArgument { case enforce, log, off }

  func run() async throws {
    Interruption.watch()
    if exitWithParent { Interruption.followInput() }
    report(EnclaveHardening.begin())
    try EnclaveFolder.make(folder)
    let workload = try workload.load()
    let machine = try platform.open(folder: folder)
    if machine.isSimulated { Terminal.complain("causeway-enclave: \(SimulatedPlatform.warning)") }
    let configuration = EnclaveConfiguration(
      folder: folder, anchors: anchors, domain: try HexArgument.address(domain, "--domain"),
      operator: try HexArgument.address(`operator`, "--operator"),
      signing: signing == .p256 ? .p256 : signing == .tpm ? .tpm : .ethereum,
      sealing: sealing == .xwing ? .xWing : .x25519, lifetimeSeconds: lifetime,
      raisesCounterWithEachAnswer: !counterAtStarts)
    let enclave: Enclave
    do { enclave = try Enclave(configuration, workload: workload, platform: machine) } catch {
      throw Complaint("it does not start: \(error)", code: Complaint.refused)
    }
    let server: EnclaveServer
    do { server = try await EnclaveServer.start(path: socket, enclave: enclave) } catch {
      throw Complaint("it cannot listen on \(socket): \(error)", code: Complaint.notNow)
    }
    let mode: EnclaveHardening.FilterMode = filter == .enforce ? .enforce : filter == .log ? .log : .off
    report([EnclaveHardening(filter: mode, usesChip: machine.chip != nil).close()])
    printReady(enclave, machine)
    while !Interruption.isAsked { try? await Task.sleep(for: .milliseconds(50)) }
    await server.stop()
  }

  private func report(_ lines: [EnclaveHardening.Line]) {
    for line in lines where !line.isDone {
      Terminal.complain("causeway-enclave: \(line.measure) is not in force (errno \(line.errno))")
    }
  }

  private func printReady(_ enclave: Enclave, _ machine: any EnclavePlatform) {
    let program = Hex.encode(enclave.identity.program.span)
    let policy = Hex.encode(enclave.identity.policy.span)
    if json {
      let event: JSONValue = [
        "event": "ready", "socket": .string(socket), "platform": .string(machine.name),
        "program": .string(program),
        "policy": .string(policy),
      ]
      Terminal.print(event.text())
    } else {
      Terminal.print("ready \(socket) platform=\(machine.name) program=\(program) policy=\(policy)")
    }
  }
}

/// Whether somebody wants the program to end: Ctrl-C, or a polite kill. A third one ends it at once.
enum Interruption {
  private static let asked = Atomic<Int>(0)

  static func watch() {
    _ = isAsked
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interruption.asked.add(1, ordering: .relaxed).newValue > 2 { _exit(130) }
      }
    }
    // A client that goes away while it is answered is no reason to end.
    signal(SIGPIPE, SIG_IGN)
  }

  /// The end of standard input counts as being asked.
  static func followInput() {
    let thread = Thread {
      while let more = try? FileHandle.standardInput.read(upToCount: 1), !more.isEmpty {}
      Interruption.asked.add(1, ordering: .relaxed)
    }
    thread.start()
  }

  static var isAsked: Bool { asked.load(ordering: .relaxed) > 0 }
}
