import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// Tests/Vectors/attestation/intel.json: verdicts of dcap-qvl 0.7.0 (tools/vectors/attestation_intel.py).
enum IntelVectors {
  struct Verdict: Sendable {
    let status: String?
    let advisories: [String]
    let error: String?

    init(_ json: JSONValue) {
      status = json["status"]?.string
      advisories = json["advisories"]?.array?.compactMap(\.string) ?? []
      error = json["error"]?.string
    }
  }

  struct Made: Sendable, CustomTestStringConvertible {
    let name: String
    let time: Int64
    let quote: [UInt8]
    let collateral: [String: String]
    let verdict: Verdict
    var testDescription: String { name }

    var document: [UInt8] {
      JSONValue.object(collateral.mapValues { .string($0) }).encodedForTests
    }
  }

  struct Recorded: Sendable {
    let quote: String
    let collateral: String
    let time: Int64
    let flips: [(offset: Int, xor: UInt8)]
    let verdict: Verdict

    var name: String { "\(quote) \(collateral) \(time) \(flips)" }
  }

  static let file: JSONValue = {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/intel.json")
    guard let bytes = try? Data(contentsOf: url), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return .null
    }
    return json
  }()

  static let root: X509Certificate? = {
    guard let text = file["root"]?.string, let bytes = try? Hex.decode(text) else { return nil }
    return try? X509Certificate(decoding: bytes)
  }()

  static let made: [Made] = {
    let texts = file["texts"]?.array?.compactMap(\.string) ?? []
    return (file["made"]?.array ?? []).map { json in
      var quote: [UInt8] = []
      for part in json["quote"]?.array ?? [] {
        let text = texts[part.integer(Int.self) ?? 0]
        quote += text.hasPrefix("x") ? (try? Hex.decode(String(text.dropFirst()))) ?? [] : [UInt8](text.utf8)
      }
      if let first = json["first"]?.integer(Int.self) { quote = [UInt8](quote.prefix(first)) }
      return Made(
        name: json["name"]?.string ?? "", time: json["at"]?.integer() ?? 0, quote: quote,
        collateral: (json["collateral"]?.object ?? [:]).mapValues { texts[$0.integer(Int.self) ?? 0] },
        verdict: Verdict(json))
    }
  }()

  static func made(_ name: String) throws -> Made { try #require(made.first { $0.name == name }) }

  static let recorded: [Recorded] = (file["corpus"]?.array ?? []).map { json in
    Recorded(
      quote: json["quote"]?.string ?? "", collateral: json["collateral"]?.string ?? "",
      time: json["at"]?.integer() ?? 0,
      flips: (json["flips"]?.array ?? []).map {
        ($0["offset"]?.integer() ?? 0, $0["xor"]?.integer() ?? 0)
      }, verdict: Verdict(json))
  }

  static var corpus: URL? {
    Corpora.directory("attestation").map { URL(fileURLWithPath: $0).appendingPathComponent("sgx-tdx") }
  }

  static func corpusFile(_ path: String) throws -> [UInt8] {
    let folder = try #require(corpus)
    let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(path)))
    guard path.hasSuffix(".hex") else { return bytes }
    return try Hex.decode(
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// Nil when our answer is that of the verdict, else what differs.
  static func difference(_ answer: DcapComparison.Answer, _ verdict: Verdict) -> String? {
    switch (answer, verdict.error) {
    case (.accepted(let status, let advisories), nil):
      status == verdict.status && advisories == verdict.advisories
        ? nil : "\(status) \(advisories), wanted \(verdict.status ?? "") \(verdict.advisories)"
    case (.refused(let refusal), let error?):
      DcapComparison.agrees(refusal, with: error) ? nil : "\(refusal), wanted \(error)"
    case (.accepted(let status, _), let error?): "accepted as \(status), wanted \(error)"
    case (.refused(let refusal), nil): "\(refusal), wanted \(verdict.status ?? "")"
    }
  }
}

extension JSONValue {
  /// JSON text with sorted members.
  var encodedForTests: [UInt8] {
    func escaped(_ text: String) -> String {
      "\""
        + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        .replacingOccurrences(of: "\n", with: "\\n").replacingOccurrences(of: "\r", with: "\\r") + "\""
    }
    func write(_ value: JSONValue) -> String {
      switch value {
      case .null: "null"
      case .boolean(let flag): flag ? "true" : "false"
      case .number(let text): text
      case .string(let text): escaped(text)
      case .array(let items): "[" + items.map(write).joined(separator: ",") + "]"
      case .object(let members):
        "{"
          + members.keys.sorted().map { escaped($0) + ":" + write(members[$0] ?? .null) }.joined(
            separator: ",")
          + "}"
      }
    }
    return [UInt8](write(self).utf8)
  }
}
