import Attestation
import Crypto
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// SHA-256 in the tests' own words.
private func sha256(_ bytes: [UInt8]) -> [UInt8] { [UInt8](SHA256.hash(data: bytes)) }

@Suite("Event logs of firmware")
struct TCGEventLogTests {
  private static let corpus = Corpora.directory("attestation")

  @Test("replay to the values of other tools", .enabled(if: corpus != nil, "corpus attestation is absent"))
  func replay() throws {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/eventlogs.json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: path)))
    var logs: [String: [UInt8]] = [:]
    let folder = try #require(Self.corpus)
    for case let name as String in try #require(FileManager.default.enumerator(atPath: folder)) {
      guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) else { continue }
      let log = [UInt8](bytes)
      logs[Hex.encode(sha256(log))] = log
    }
    var (replayed, refused) = (0, 0)
    for entry in try #require(json["cases"]?.array) {
      let digest = try #require(entry["sha256"]?.string)
      let bytes = try #require(logs[digest], "\(entry["name"]?.string ?? "")")
      guard entry["error"] == nil else {
        #expect(throws: TCGEventLog.DecodingError.specification(size: 17)) {
          try TCGEventLog(decoding: bytes.span)
        }
        refused += 1
        continue
      }
      let log = try TCGEventLog(decoding: bytes.span)
      let bank = try #require(TPM2.Hash.allCases.first { $0.name == entry["bank"]?.string })
      let values = try log.replay(bank)
      let want = try #require(entry["want"]?.object)
      #expect(
        Dictionary(uniqueKeysWithValues: values.map { (String($0.register), Hex.encode($0.value)) })
          == want.compactMapValues(\.string))
      #expect(log.events.count == entry["events"]?.integer(Int.self))
      #expect(log.startupLocality == entry["startupLocality"]?.integer(UInt8.self))
      replayed += 1
    }
    #expect(replayed == 14)
    #expect(refused == 1)
  }

  // MARK: Logs made here

  private static func u16(_ value: UInt16) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
  private static func u32(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> ($0 * 8) & 255) } }

  private static func header(banks: [(UInt16, UInt16)] = [(0x000b, 32)], vendor: [UInt8] = []) -> [UInt8] {
    let content =
      [UInt8]("Spec ID Event03\0".utf8) + u32(0) + [0, 2, 0, 2] + u32(banks.count)
      + banks.flatMap { u16($0.0) + u16($0.1) } + [UInt8(vendor.count)] + vendor
    return u32(0) + u32(3) + [UInt8](repeating: 0, count: 20) + u32(content.count) + content
  }

  private static func event(
    _ register: Int, _ type: Int, _ content: [UInt8], digest: [UInt8]? = nil, bank: UInt16 = 0x000b
  ) -> [UInt8] {
    u32(register) + u32(type) + u32(1) + u16(bank) + (digest ?? sha256(content)) + u32(content.count)
      + content
  }

  private static let zero = [UInt8](repeating: 0, count: 32)

  @Test("extend no register by events of no action")
  func noAction() throws {
    let bytes =
      Self.header() + (Self.event(0, 3, [1, 2, 3], digest: Self.zero))
      + (Self.event(4, 4, [0, 0, 0, 0])) + (Self.event(-1, 3, [9], digest: Self.zero))
    let log = try TCGEventLog(decoding: bytes.span)
    #expect(log.events.count == 3)
    #expect(try log.replay(.sha256).map(\.register) == [4])
    #expect(log.events[1].describesItself(in: .sha256) == true)
    #expect(log.events[0].describesItself(in: .sha256) == nil)
    #expect(throws: TCGEventLog.ReplayError.bank(0x0004)) { try log.replay(.sha1) }
  }

  @Test("start PCR 0 from the startup locality, which comes first and once")
  func locality() throws {
    func startup(_ level: UInt8, extra: [UInt8] = []) -> [UInt8] {
      Self.event(0, 3, [UInt8]("StartupLocality\0".utf8) + [level] + extra, digest: Self.zero)
    }
    let separator = Self.event(0, 4, [0, 0, 0, 0])
    let bytes = Self.header() + (startup(3)) + separator
    let log = try TCGEventLog(decoding: bytes.span)
    #expect(log.startupLocality == 3)
    let joined = [UInt8](repeating: 0, count: 31) + [3] + sha256([0, 0, 0, 0])
    #expect(try log.replay(.sha256)[0].value == sha256(joined))
    let start = Self.header().count
    for (wrong, offset) in [
      (Self.header() + (startup(1)), start), (Self.header() + (startup(3, extra: [0])), start),
      (Self.header() + separator + (startup(3)), start + separator.count),
      (Self.header() + (startup(3)) + (startup(3)), start + (startup(3)).count),
    ] {
      #expect(throws: TCGEventLog.DecodingError.startupLocality(offset: offset)) {
        try TCGEventLog(decoding: wrong.span)
      }
    }
  }

  @Test("say what is wrong with their form")
  func refusals() throws {
    let good = Self.header() + (Self.event(4, 4, [0, 0, 0, 0]))
    let start = Self.header().count
    let cases: [([UInt8], TCGEventLog.DecodingError)] = [
      ([], .empty),
      (Self.header(banks: []), .banks(count: 0)),
      (Self.header(banks: [(11, 32), (11, 32)]), .duplicateBank(11)),
      (Self.header(banks: [(11, 20)]), .bankSize(algorithm: 11, size: 20)),
      (Self.header() + (Self.event(4, 4, [0], bank: 12)), .digestBank(offset: start, 12)),
      (Self.header() + (Self.event(32, 4, [0])), .register(offset: start, 32)),
      (
        Self.header(banks: [(11, 32), (4, 20)]) + (Self.event(4, 4, [0])),
        .digestCount(offset: start + 4, expected: 2, actual: 1)
      ),
      (good + [1], .wire(.truncated(offset: good.count, needed: 4))),
    ]
    for (bytes, error) in cases {
      #expect(throws: error) { try TCGEventLog(decoding: bytes.span) }
    }
  }

  @Test("cut short inside of an event are refused")
  func truncations() throws {
    let first = Self.header(vendor: [7])
    let whole = first + (Self.event(4, 4, [1, 2, 3, 4])) + (Self.event(5, 5, [UInt8]("x".utf8)))
    let middle = first.count + (Self.event(4, 4, [1, 2, 3, 4])).count
    for count in 0..<whole.count where count != first.count && count != middle {
      let cut = [UInt8](whole.prefix(count))
      #expect(throws: TCGEventLog.DecodingError.self, "\(count)") { try TCGEventLog(decoding: cut.span) }
    }
    let log = try TCGEventLog(decoding: whole.span)
    #expect(log.events.count == 2 && log.padding == 0)
  }

  @Test("end in padding of one kind of byte", arguments: [UInt8(0), 0xff])
  func padding(byte: UInt8) throws {
    let good = Self.header() + (Self.event(4, 4, [0, 0, 0, 0]))
    let padded = good + [UInt8](repeating: byte, count: 100)
    #expect(try TCGEventLog(decoding: padded.span).padding == 100)
    let mixed = padded + [byte ^ 1]
    #expect(throws: TCGEventLog.DecodingError.self) { try TCGEventLog(decoding: mixed.span) }
  }

  @Test("are compared with values register by register")
  func comparison() throws {
    let bytes = Self.header() + (Self.event(4, 4, [0, 0, 0, 0])) + (Self.event(7, 4, [0, 0, 0, 0]))
    let log = try TCGEventLog(decoding: bytes.span)
    let values = try log.replay(.sha256).map { TPMStatement.PCR(index: $0.register, value: $0.value) }
    try log.verify(.sha256, values: values + [TPMStatement.PCR(index: 9, value: Self.zero)])
    #expect(throws: TCGEventLog.ReplayError.missing(register: 7)) {
      try log.verify(.sha256, values: [values[0]])
    }
    #expect(
      throws: TCGEventLog.ReplayError.mismatch(register: 7, expected: values[1].value, actual: Self.zero)
    ) {
      try log.verify(.sha256, values: [values[0], TPMStatement.PCR(index: 7, value: Self.zero)])
    }
  }
}
