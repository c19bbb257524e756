import Attestation
import Encodings
import WireBytes

/// Evidence of Nitro, SGX, TDX, SEV-SNP, TPMs, Azure and verifiers' tokens, with the verdicts that others
/// recorded.
///
/// Recorded verdicts come in three schemas of expected results, in pairs of files (a quote with its signature
/// and values), and in names (`neg_`, `-ko`, `missing`). What has no recorded verdict is checked by what it
/// holds itself: signatures by keys beside it, values that logs replay to, digests that reports name; or it
/// is read, and counted so.
public enum AttestationSuite: ConformanceSuite {
  public static let name = "attestation"
  public static let summary =
    "attestation evidence: expected results of Nitro documents, SEV-SNP reports and dcap-qvl, TPM quotes as recorded by "
    + "tpm2-tools, go-attestation and go-tpm-tools, event logs, Azure's HCL reports and evidence, EAR tokens"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    let folder = AttestationFolder(corpus)
    for file in corpus.files {
      guard let bytes = try? corpus.bytes(file) else {
        report.skip(file, "file", reason: "unreadable")
        continue
      }
      run(AttestationFile(path: file, bytes: bytes), in: folder, into: &report)
    }
  }

  /// The first schema that the file is of runs it.
  private static func run(
    _ file: AttestationFile, in folder: AttestationFolder, into report: inout ConformanceReport
  ) {
    let before = report.results.count
    for part in [
      AttestationExpectedCases.run, AttestationTPMCases.run, AttestationTokenCases.run,
      AttestationAzureCases.run,
      AttestationEventLogCases.run, AttestationDocumentCases.run,
    ] as [(AttestationFile, AttestationFolder, inout ConformanceReport) -> Void] {
      part(file, folder, &report)
      if report.results.count > before { return }
    }
    report.skip(file.path, "file", reason: AttestationDocumentCases.reason(file))
  }
}

/// One file of the corpus.
struct AttestationFile {
  let path: String
  let bytes: [UInt8]
  /// The JSON value that fills it; nil for anything else.
  let json: JSONValue?

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    let opens = bytes.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
    json = opens == UInt8(ascii: "{") || opens == UInt8(ascii: "[") ? try? JSONValue(decoding: bytes) : nil
  }

  /// The last part of the path.
  var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  /// The path up to the last part.
  var folder: String { String(path.dropLast(name.count)) }

  /// Part of the name in front of a suffix; nil when it has another one.
  func stem(_ suffix: String) -> String? {
    name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil
  }

  /// Words of a name that say that the file is wrong.
  var isNamedWrong: Bool {
    let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
    return words.contains {
      ["neg", "ko", "bad", "invalid", "missing", "short", "malformed", "wrong"].contains($0)
    }
  }
}

/// The corpus with what other files need of it.
struct AttestationFolder {
  let corpus: CorpusDirectory

  init(_ corpus: CorpusDirectory) { self.corpus = corpus }

  func bytes(_ path: String) -> [UInt8]? { try? corpus.bytes(path) }

  /// Files in one folder, not below it.
  func files(in folder: String) -> [String] {
    corpus.files.filter { $0.hasPrefix(folder) && !$0.dropFirst(folder.count).contains("/") }
  }

  /// The bytes that a file stands for: text of hex or base 64 is decoded, anything else is taken as it is.
  static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.allSatisfy({ $0 < 0x80 && ($0 >= 0x20 || [0x09, 0x0a, 0x0d].contains($0)) }) else {
      return bytes
    }
    let characters = bytes.filter { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
    let text = String(decoding: characters, as: UTF8.self)
    if let hex = try? Hex.decode(text) { return hex }
    if let base64 = try? Base64.standard.decode(text) { return base64 }
    if let base64 = try? Base64.url.decode(text) { return base64 }
    return bytes
  }

  /// Certificates of a file: PEM, or one in DER.
  static func certificates(_ bytes: [UInt8]) -> [X509Certificate]? {
    if let list = try? X509PEM.certificates(bytes.span) { return list }
    return (try? X509Certificate(decoding: bytes.span)).map { [$0] }
  }

  /// Flips what a case says: `{offset, xor}`, negative offsets counted from the end. Nil when it points
  /// outside.
  static func mutated(_ bytes: [UInt8], _ mutation: JSONValue?) -> [UInt8]? {
    guard let mutation, !mutation.isNull else { return bytes }
    guard let offset: Int = mutation["offset"]?.integer(), let mask: UInt8 = mutation["xor"]?.integer(),
      bytes.count < 1 << 30, (-bytes.count..<bytes.count).contains(offset)
    else { return nil }
    var changed = bytes
    changed[offset < 0 ? bytes.count + offset : offset] ^= mask
    return changed
  }

  /// A time in RFC 3339, UTC, to the second: `2026-01-20T00:00:00Z`.
  static func seconds(_ text: String) -> Int64? {
    let parts = text.utf8.split { !(0x30...0x39).contains($0) }.map {
      Int(String(decoding: $0, as: UTF8.self))
    }
    guard parts.count == 6, text.hasSuffix("Z"), let year = parts[0], let month = parts[1],
      let day = parts[2],
      let hour = parts[3], let minute = parts[4], let second = parts[5]
    else { return nil }
    return CivilTime.seconds(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second)
  }
}
