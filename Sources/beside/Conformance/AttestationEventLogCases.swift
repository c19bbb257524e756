import Attestation
import Encodings
import WireBytes

/// Event logs of firmware, and of TDs as dstack writes them.
enum AttestationEventLogCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    if isLog(file.bytes) {
      log(file, &report)
    } else if let json = file.json, let quote = json["quote"]?.string, let text = json["event_log"]?.string {
      dstack(file, quote, text, &report)
    }
  }

  /// A first event in PCR 0 or 1, of no action with no digest or of the firmware's version, that lies inside.
  private static func isLog(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 32, bytes[0] <= 1, bytes[1..<4].allSatisfy({ $0 == 0 }),
      bytes[5..<8].allSatisfy({ $0 == 0 })
    else { return false }
    let size = (28..<32).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
    guard size <= bytes.count - 32 else { return false }
    return bytes[4] == 8 || bytes[4] == 3 && bytes[8..<28].allSatisfy { $0 == 0 }
  }

  private static func log(_ file: AttestationFile, _ report: inout ConformanceReport) {
    let log: TCGEventLog
    do { log = try TCGEventLog(decoding: file.bytes.span) } catch {
      if file.isNamedWrong { return report.pass(file.path, "event log refused: \(error)") }
      return report.fail(file.path, "event log", expected: "read", actual: "refused: \(error)")
    }
    if file.isNamedWrong { return report.fail(file.path, "event log", expected: "refused", actual: "read") }
    for bank in log.banks {
      let nothing: [UInt8] = []
      guard let hash = bank.hash, hash.digest(nothing.span) != nil else {
        report.skip(file.path, "bank \(bank.algorithm)", reason: "its hash is not computed here")
        continue
      }
      do {
        let values = try log.replay(hash)
        // Separators and versions say what was hashed: a wrong reading of the log would show here.
        let told = log.events.compactMap { event in
          event.type == .separator ? event.describesItself(in: hash) : nil
        }
        report.expect(
          file.path, "\(hash.name): \(values.count) registers", "\(told.count)", "\(told.count { $0 })")
      } catch {
        report.fail(file.path, hash.name, expected: "replayed", actual: "refused: \(error)")
      }
    }
  }

  /// Compares a log with values that somebody recorded.
  static func compare(
    _ raw: [UInt8], _ banks: [TPM2.Hash: [TPMStatement.PCR]], file: String, _ report: inout ConformanceReport
  ) {
    let log: TCGEventLog
    do { log = try TCGEventLog(decoding: raw.span) } catch {
      return report.fail(file, "event log", expected: "read", actual: "refused: \(error)")
    }
    for bank in log.banks {
      guard let hash = bank.hash, let values = banks[hash], !values.isEmpty else { continue }
      do {
        try log.verify(hash, values: values)
        report.pass(file, "event log replays to \(hash.name)")
      } catch {
        report.fail(file, "event log replays to \(hash.name)", expected: "equal", actual: "\(error)")
      }
    }
  }

  /// `{quote: hex, event_log: "[{imr, event_type, digest, event, event_payload}]"}`: the events replay to the
  /// quote's RTMRs.
  private static func dstack(
    _ file: AttestationFile, _ quote: String, _ text: String, _ report: inout ConformanceReport
  ) {
    guard let bytes = try? Hex.decode(quote), let events = try? JSONValue(decoding: [UInt8](text.utf8)).array
    else {
      return report.skip(file.path, "event log", reason: "members are not of their form")
    }
    do {
      let decoded = try IntelQuote(decoding: bytes.span)
      guard case .trustDomain(let body) = decoded.body else {
        return report.skip(
          file.path, "event log", reason: "the quote is of an enclave, which has no registers")
      }
      var registers = [[UInt8]](repeating: [UInt8](repeating: 0, count: 48), count: 4)
      for event in events {
        guard let register: Int = event["imr"]?.integer(), registers.indices.contains(register),
          let digest = event["digest"]?.string.flatMap({ try? Hex.decode($0) }), digest.count == 48
        else { return report.skip(file.path, "event log", reason: "an event has no digest of 48 bytes") }
        let joined = registers[register] + digest
        registers[register] = TPM2.Hash.sha384.digest(joined.span) ?? []
      }
      for (index, register) in registers.enumerated() {
        report.expect(
          file.path, "RTMR\(index)", Hex.encode(body.rtmrs[index].array), Hex.encode(register))
      }
    } catch {
      report.fail(file.path, "quote", expected: "read", actual: "refused: \(error)")
    }
  }
}
