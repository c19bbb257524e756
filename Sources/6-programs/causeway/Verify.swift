import ArgumentParser
import Encodings
import OfflineVerification
import WireBytes

/// `causeway verify KIND FILE`: is this message valid, and whom am I trusting?
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Is this message valid, and whom am I trusting?",
    discussion: """
      Reads one message, checks it step by step and says what must hold for the verdict to be true. FILE may be \
      '-' for standard input. The files under examples/messages show the form that each kind reads.

        causeway verify wormhole examples/messages/wormhole-mainnet-vaa.json
        causeway verify hyperlane delivery.json --json | jq .assumptions
      """,
    subcommands: [
      VerifyWormhole.self, VerifyHyperlane.self, VerifyICS23.self, VerifyCometBFT.self, VerifyMPT.self,
      VerifyPolicy.self, VerifyNitro.self, VerifySGX.self, VerifyTDX.self, VerifySNP.self, VerifyTPM.self,
      VerifyAzure.self, VerifyEAR.self,
    ])

  /// No kind was named: help, and the exit code of wrong usage.
  func run() throws {
    Terminal.complain(Self.helpMessage())
    throw ExitCode(2)
  }
}

/// What every kind takes.
struct VerifyOptions: ParsableArguments {
  @Argument(help: "The message; '-' reads standard input.", completion: .file())
  var file: String

  @Flag(help: "Print the report as JSON (schema causeway.report/1, see docs/spec/report.md).")
  var json = false
}

extension VerifyOptions {
  /// Reads the input, runs `verify`, prints the report and ends with its exit code.
  func run(_ verify: ([UInt8]) throws -> VerificationReport) throws {
    let report: VerificationReport
    do {
      report = try verify(try Terminal.read(file))
    } catch let error as InputFailure {
      throw unreadable("\(error)")
    } catch let error as InputError {
      throw unreadable("\(file): \(error.text)")
    }
    Terminal.print(json ? report.json.text(pretty: true) : ReportText(report).text)
    throw ExitCode(report.exitCode)
  }

  /// Like ``run(_:)`` for kinds whose input is JSON.
  func runJSON(_ verify: (JSONValue) throws -> VerificationReport) throws {
    try run { bytes in
      try verify(try Self.parse(bytes))
    }
  }

  static func parse(_ bytes: [UInt8]) throws(InputError) -> JSONValue {
    do { return try JSONValue(decoding: bytes) } catch { throw .json(error) }
  }

  private func unreadable(_ text: String) -> ExitCode {
    if json {
      let report: JSONValue = [
        "schema": "causeway.report/1", "outcome": "unreadable",
        "reason": ["code": "unreadable", "text": .string(text)],
      ]
      Terminal.print(report.text(pretty: true))
    } else {
      Terminal.complain("causeway: \(text)")
    }
    return ExitCode(2)
  }
}

/// A Unix time in seconds, or an RFC 3339 time in UTC.
struct Moment: ExpressibleByArgument {
  let seconds: UInt64

  init?(argument: String) {
    if let seconds = UInt64(argument) {
      self.seconds = seconds
    } else if let date = try? ISO8601(argument) {
      seconds = date.seconds
    } else {
      return nil
    }
  }
}

/// 32 bytes in hex.
struct Root: ExpressibleByArgument {
  let bytes: Bytes32

  init?(argument: String) {
    guard let bytes = try? Bytes32(hex: argument) else { return nil }
    self.bytes = bytes
  }
}
