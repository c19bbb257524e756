import ArgumentParser
import Encodings
import Foundation
import SignerService
import SigningRules
import Synchronization
import WireBytes

/// `causeway-signer run`.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Serve the keys of a directory, until it is told to stop.",
    discussion: """
      Hardens the process, opens the secrets, checks the records against their anchor, and listens. Then it prints one line \
      on standard output, `ready …`, and nothing more; what it has to say goes to standard error. SIGTERM or Ctrl-C: it \
      takes nothing more, answers what it has promised, and ends with 0.

        causeway-signer run --directory ./operator --passphrase-file pass
      """)

  @OptionGroup var place: PlaceArguments
  @OptionGroup var passphrase: PassphraseArguments
  @Option(help: ArgumentHelp("Listen on this socket, instead of the directory's.", valueName: "path"))
  var socket: String?
  @OptionGroup var filter: FilterArguments
  @Option(
    help: ArgumentHelp("How long to wait for a signer that still stops, in seconds.", valueName: "seconds"))
  var wait = 0
  @Flag(help: "Stop when standard input ends: whoever started it is gone.")
  var exitWithParent = false

  func run() async throws {
    Interruption.watch()
    let directory = SignerDirectory(place.directory)
    let configuration = try OfflineText.configuration(directory)
    let report = configuration.hardening(filter.seccomp).apply()
    for line in report.lines where line.outcome != .done {
      Terminal.complain("causeway-signer: \(HardeningText.line(line))")
    }
    let secret = try passphrase.read(
      "passphrase of the \(configuration.domain.rawValue) signer", for: configuration)
    if exitWithParent { Interruption.followInput() }
    let signer = try await start(directory, secret, report)
    printReady(signer)
    while !Interruption.isAsked { try? await Task.sleep(for: .milliseconds(50)) }
    await signer.stop()
    if let reason = signer.haltReason {
      throw Complaint(
        "it had halted: \(reason). It has signed nothing since; docs/operations/keys.md says how to go on",
        code: Complaint.refused)
    }
  }

  private func start(
    _ directory: SignerDirectory, _ secret: borrowing Passphrase, _ report: HardeningReport
  ) async throws -> SignerProcess {
    let deadline = ContinuousClock.now + .seconds(wait)
    while true {
      do throws(SignerStartError) {
        return try await SignerProcess.start(
          directory, anchors: place.anchorDirectory, socket: socket, passphrase: secret, hardening: report)
      } catch {
        guard SignerText.mayPass(error), ContinuousClock.now < deadline, !Interruption.isAsked else {
          throw Complaint(SignerText.text(error, place.directory), code: SignerText.code(error))
        }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func printReady(_ signer: SignerProcess) {
    let configuration = signer.configuration
    let address =
      switch signer.address {
      case .unix(let path): path
      case .tls(let host, let port, _): "tls://\(HostPort(host: host, port: signer.port ?? port))"
      }
    if place.json {
      let event: JSONValue = [
        "event": "ready", "address": .string(address), "domain": .string(configuration.domain.rawValue),
        "vault": .string(configuration.vault.description),
        "identity": .string(configuration.identity.description),
      ]
      Terminal.print(event.text())
    } else {
      Terminal.print(
        "ready \(address) domain=\(configuration.domain.rawValue) vault=\(configuration.vault) identity=\(configuration.identity)"
      )
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
