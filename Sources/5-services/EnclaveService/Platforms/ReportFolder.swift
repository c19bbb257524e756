import Foundation

/// Why the kernel's report folder gave no evidence.
public enum ReportFolderError: Error, Hashable, Sendable {
  /// What of the folder is meant.
  public enum Part: String, Hashable, Sendable {
    case folder, inblob, outblob, auxblob, provider, generation
  }

  /// A part cannot be made, written or read; `errno` of the call, 0 where the system said none.
  case part(Part, errno: Int32)
  /// 1 to 64 bytes are bound.
  case reportData(Int)
  case length(Part, max: Int, actual: Int)
  /// The text of a part is none that the kernel writes.
  case text(Part)
  /// Somebody else wrote to the report while it was read, more often than ``ReportFolder/triesMax``.
  case generation(expected: UInt64, actual: UInt64)
  /// A maker of reports that is not known here.
  case provider(String)
}

/// A report as the kernel gave it.
public struct KernelReport: Hashable, Sendable {
  /// Who makes it: the kernel's name.
  public enum Provider: String, Hashable, Sendable, CaseIterable {
    /// AMD SEV-SNP: an attestation report; the auxiliary blob is the certificate table of the guest-host ABI.
    case snp = "sev_guest"
    /// Intel TDX: a quote.
    case tdx = "tdx_guest"
  }

  public let provider: Provider
  public let report: [UInt8]
  /// Certificates that go with it, where the host gave any.
  public let auxiliary: [UInt8]

  public init(provider: Provider, report: [UInt8], auxiliary: [UInt8]) {
    self.provider = provider
    self.report = report
    self.auxiliary = auxiliary
  }
}

/// Linux's folder of attestation reports: configfs, `tsm/report`.
///
/// A folder is made for one report; `inblob` takes what is bound, `outblob` gives the report, `generation` counts writes, so
/// that a reader knows that the report is about what it wrote. Source: Linux, Documentation/ABI/testing/configfs-tsm-report,
/// include/linux/tsm.h (sizes).
public struct ReportFolder: Sendable {
  public static let systemPath = "/sys/kernel/config/tsm/report"
  /// `TSM_REPORT_INBLOB_MAX`.
  public static let reportDataSizeMax = 64
  /// `TSM_REPORT_OUTBLOB_MAX`.
  public static let reportSizeMax = 32 << 10
  static let auxiliarySizeMax = 32 << 10
  static let triesMax = 4

  private let root: String
  private let name: String

  /// - Parameters:
  ///   - root: where configfs has the folder.
  ///   - name: of the folder that is made; another process uses another.
  public init(root: String = Self.systemPath, name: String = "causeway") {
    self.root = root
    self.name = name
  }

  /// A report that binds `reportData`.
  public func report(binding reportData: [UInt8]) throws(ReportFolderError) -> KernelReport {
    guard (1...Self.reportDataSizeMax).contains(reportData.count) else { throw .reportData(reportData.count) }
    let folder = root + "/" + name
    let made = unsafe mkdir(folder, 0o700) == 0
    guard made || errno == EEXIST else { throw .part(.folder, errno: errno) }
    // Only an empty name is removed; configfs takes a report's own files along.
    defer { if made { _ = unsafe rmdir(folder) } }
    let providerText = try text(folder, .provider)
    guard let provider = KernelReport.Provider(rawValue: providerText) else { throw .provider(providerText) }
    var last: (expected: UInt64, actual: UInt64) = (0, 0)
    for _ in 0..<Self.triesMax {
      let before = try generation(folder)
      try write(folder, .inblob, reportData)
      let report = try read(folder, .outblob, max: Self.reportSizeMax)
      let auxiliary = try read(folder, .auxblob, max: Self.auxiliarySizeMax, mayBeAbsent: true)
      let after = try generation(folder)
      // One write was ours.
      guard after == before &+ 1 else {
        last = (before &+ 1, after)
        continue
      }
      guard !report.isEmpty else { throw .length(.outblob, max: Self.reportSizeMax, actual: 0) }
      return KernelReport(provider: provider, report: report, auxiliary: auxiliary)
    }
    throw .generation(expected: last.expected, actual: last.actual)
  }

  private func generation(_ folder: String) throws(ReportFolderError) -> UInt64 {
    let text = try text(folder, .generation)
    guard let value = UInt64(text), text == String(value) else { throw .text(.generation) }
    return value
  }

  /// A line of ASCII without the line's end.
  private func text(_ folder: String, _ part: ReportFolderError.Part) throws(ReportFolderError) -> String {
    var bytes = try read(folder, part, max: 64)
    if bytes.last == 0x0a { bytes.removeLast() }
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw .text(part) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(
    _ folder: String, _ part: ReportFolderError.Part, _ bytes: [UInt8]
  ) throws(ReportFolderError) {
    // A string of Swift's ends with a zero for the call.
    let file = unsafe open(folder + "/" + part.rawValue, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw .part(part, errno: errno) }
    defer { close(file) }
    // Binary attributes are taken in one write.
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Foundation.write(file, buffer.baseAddress, buffer.count)
    }
    guard count == bytes.count else { throw .part(part, errno: errno) }
  }

  private func read(
    _ folder: String, _ part: ReportFolderError.Part, max: Int, mayBeAbsent: Bool = false
  ) throws(ReportFolderError) -> [UInt8] {
    let file = unsafe open(folder + "/" + part.rawValue, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else {
      if mayBeAbsent, errno == ENOENT { return [] }
      throw .part(part, errno: errno)
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4_096)
    while true {
      // `piece` is ours, and no more than it has is read.
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Foundation.read(file, $0.baseAddress, $0.count)
      }
      guard count >= 0 else {
        if errno == EINTR { continue }
        // The kernel refuses to give what the provider does not have.
        if mayBeAbsent, bytes.isEmpty { return [] }
        throw .part(part, errno: errno)
      }
      guard count > 0 else { return bytes }
      bytes += piece.prefix(count)
      guard bytes.count <= max else { throw .length(part, max: max, actual: bytes.count) }
    }
  }
}
