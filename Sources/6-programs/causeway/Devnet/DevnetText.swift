import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Foundation
import LedgerService
import LightClients
import LocalKeys
import Messages
import RelayEngine

/// Failures of a devnet in words, each with what to do next.
enum DevnetText {
  static func text(_ error: DevnetError.Signer) -> String {
    switch error {
    case .program(let path):
      "\(path) cannot be started: build it (swift build -c release --product causeway-signer), or say --signer PATH"
    case .notMade(let log): "a signer's keys could not be made: \(log) says why"
    case .notReady(let log): "a signer did not start: \(log) says why"
    case .clientKey(let path): "\(path), the key of a signer's client, cannot be read: restore it, or begin anew with --fresh"
    case .unreachable(let domain, let reason):
      "the signer of \(domain) keys does not answer (\(reason)): does `causeway up` run?"
    case .keyMissing(let label): "the signers have no key '\(label)': restore it, or begin anew with --fresh"
    }
  }

  static func text(_ error: DevnetError) -> String {
    switch error {
    case .unwritable(let path): "\(path) cannot be written: choose another --directory, or free it"
    case .running(let process):
      "a devnet runs in this directory already\(process.map { " (process \($0))" } ?? ""): "
        + "stop it, or choose another --directory"
    case .keys(let cause): "the keys cannot be used (\(cause)): restore them, or begin anew with --fresh"
    case .validators(let cause):
      "the validators' keys cannot be used (\(cause)): restore them, or begin anew with --fresh"
    case .signer(let cause): text(cause)
    case .evm(let cause): text(cause)
    case .enclave(let cause): text(cause)
    case .genesis(let domain):
      "the genesis file of \(domain) was not written by this program: restore it, or begin anew with --fresh"
    case .contracts(let domain):
      "\(domain) has contracts, and there is no wasmtime to run them: script/setup installs it, and CAUSEWAY_WASMTIME names a library elsewhere"
    case .domain(let domain, .otherGenesis):
      "the ledger of \(domain) began with another genesis than its file says: begin anew with --fresh"
    case .domain(let domain, let cause):
      "\(domain) cannot go on (\(cause)): nothing decided is lost; see that the disk has room, and start again"
    case .port(let domain, let port):
      "\(domain)'s RPC cannot listen on port \(port): choose another, or 0 for any free one"
    case .lanes(let cause): "the lanes are not complete (\(text(cause))): start again, it goes on from there"
    case .relayer(let code): "the relayer cannot start (\(code))"
    case .attester(let number): "attester \(number) cannot open its record: see that the disk has room"
    case .started: "it runs already"
    }
  }

  static func text(_ error: LaneSetupError) -> String {
    switch error {
    case .access(let domain, let cause): text(cause, domain)
    case .send(let domain, let step, let cause): "\(domain) did not take \(step.rawValue): \(cause.code)"
    case .refused(let domain, let step, let log): "\(domain) refused \(step.rawValue): \(log)"
    case .missing(let domain, let step): "\(domain) does not show what \(step.rawValue) made"
    case .attesters(let domain, let agreed, let needed):
      "\(agreed) attesters agreed about \(domain), \(needed) are needed"
    case .policy(let cause): "the policy has no sense: \(cause)"
    case .identifier: "an identifier has no right form"
    case .chain(let cause): text(cause)
    case .kind(let kind): "a lane of kind \(kind.rawValue) is not between two ledgers"
    case .interrupted(let step): "stopped before \(step.rawValue)"
    case .clientCount(let max): "a domain has more than \(max) clients"
    }
  }

  static func text(_ error: AccessError, _ domain: String) -> String {
    switch error {
    case .unreachable, .timedOut:
      "\(domain) does not answer: see whether `causeway up` still runs, or is busy"
    case .refused(let code, _, _, let log): "\(domain) refused the transaction: \(log.isEmpty ? code : log)"
    case .heightPruned(let height): "\(domain) no longer keeps height \(height)"
    case .halted: "\(domain) has stopped: start `causeway up` again"
    default: "\(domain) gave no usable answer (\(error.code))"
    }
  }

  static func text(_ error: EnclaveSideError) -> String {
    switch error {
    case .program(let path):
      "\(path) cannot be started: build it (swift build -c release --product causeway-enclave), or name it with --enclave"
    case .emulatorMissing: "there is no swtpm, which an enclave's TPM is emulated with: run script/setup"
    case .notReady(let log): "the enclave or its TPM did not start: \(log) says why"
    case .socketPath(let max, let actual):
      "the directory's path is too long: a socket's may have \(max) bytes, and this one would have \(actual)"
    case .file(let path): "\(path) cannot be read or written"
    case .noSettlement(let domain):
      "\(domain) was made by a version without settlement: begin anew with --fresh"
    case .policy(let reason): "the enclave's policy cannot be used: \(reason)"
    case .enclave(let code): "the enclave does not answer as it should: \(code)"
    case .refused(let message, let code): "harbor did not take \(message): \(code)"
    case .coordinator(let code): "the coordinator cannot be opened: \(code)"
    }
  }

  static func text(_ error: EVMSideError) -> String {
    switch error {
    case .node(let path): "the EVM node \(path) cannot be started: run script/setup, or name a node with --evm-rpc"
    case .nodeNotReady(let log): "the EVM node did not start, or has ended: \(log) says why"
    case .file(let path): "\(path) cannot be read or written: free it, or begin anew with --fresh"
    case .contractMissing(let name, let folder): "\(folder) has no \(name): run script/contracts"
    case .otherChain(let contract, let address):
      "this chain has no \(contract) at \(address), where the directory says that it is: it is another chain, or was begun "
        + "anew; begin anew here too, with --fresh"
    case .balance(let account, let address, let needed):
      "\(account) (\(address)) has less than \(needed) wei on the EVM chain: send it some"
    case .access(let cause): text(cause, DevnetNames.reef)
    case .send(let contract, let cause): "\(DevnetNames.reef) did not take a transaction for \(contract): \(cause.code)"
    case .answer(let what): "\(DevnetNames.reef) answered something else than \(what) should: are the contracts up to date?"
    case .keyMissing(let label): "the signers have no key '\(label)' for the EVM chain: begin anew with --fresh"
    case .endpoint(let address): "\(address) is no address of an EVM node"
    case .interrupted: "stopped"
    }
  }

  static func text(_ step: LaneSetup.Step, on domain: String) -> String {
    switch step {
    case .registerEnclave: "\(domain): starts the enclave on its TPM, and registers its keys"
    case .deployContracts: "\(domain): starts the chain, and makes router and applications"
    case .createAttested:
      "\(domain): makes a client that believes \(DevnetNames.quorum) of \(DevnetDirectory.attesterCount) attesters"
    case .createLight: "\(domain): makes a light client of the other domain"
    case .registerAttested: "\(domain): tells the attested client whom it speaks with"
    case .registerLight: "\(domain): tells the light client whom it speaks with"
    case .updateAttested: "\(domain): takes the first statement of the attesters"
    }
  }
}

/// Numbers and times as people read them.
enum Show {
  /// Milliseconds below ten seconds, tenths below ten minutes.
  static func duration(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    let size = abs(milliseconds)
    let sign = milliseconds < 0 ? "-" : ""
    if size < 10_000 { return "\(sign)\(size / 1_000).\(padded(size % 1_000, 3).prefix(2)) s" }
    if size < 600_000 { return "\(sign)\(size / 1_000).\(size % 1_000 / 100) s" }
    return "\(sign)\(size / 60_000) min"
  }

  /// Hours to milliseconds, UTC.
  static func clock(_ time: CometBFT.Timestamp) -> String {
    let day = ((time.seconds % 86_400) + 86_400) % 86_400
    return "\(padded(day / 3_600, 2)):\(padded(day / 60 % 60, 2)):\(padded(day % 60, 2))."
      + padded(Int64(time.nanoseconds) / 1_000_000, 3)
  }

  static func padded(_ number: Int64, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// The first digits of a hash.
  static func short(_ hash: some CustomStringConvertible) -> String {
    String(hash.description.prefix(14)) + "…"
  }

  /// Rows with columns that line up; numbers stand right.
  static func table(_ rows: [[String]], right: Set<Int> = [], indent: String = "  ") -> String {
    var widths: [Int] = []
    for row in rows {
      for (index, cell) in row.enumerated() {
        if index == widths.count { widths.append(0) }
        widths[index] = max(widths[index], cell.count)
      }
    }
    return rows.map { row in
      var line = indent
      for (index, cell) in row.enumerated() {
        let space = String(repeating: " ", count: widths[index] - cell.count)
        let isLast = index == row.count - 1
        line += right.contains(index) ? space + cell : isLast ? cell : cell + space
        if !isLast { line += "  " }
      }
      var end = line.endIndex
      while end > line.startIndex, line[line.index(before: end)] == " " { end = line.index(before: end) }
      return String(line[..<end])
    }.joined(separator: "\n")
  }
}

/// A length of time as arguments give it: `200ms`, `60s`, `5m`, `2h`; a bare number counts seconds.
struct Span: ExpressibleByArgument {
  let duration: Duration

  init?(argument: String) {
    let units: [(String, Int64)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let count = Int64(argument.dropLast(suffix.count)), count >= 0, count < 1 << 40 else {
        return nil
      }
      duration = .milliseconds(count * scale)
      return
    }
    guard let count = Int64(argument), count >= 0, count < 1 << 32 else { return nil }
    duration = .seconds(count)
  }

  init(_ duration: Duration) { self.duration = duration }

  var defaultValueDescription: String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    return milliseconds % 1_000 == 0 ? "\(seconds)s" : "\(milliseconds)ms"
  }
}
