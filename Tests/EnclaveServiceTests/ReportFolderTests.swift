import Attestation
import EnclaveService
import Foundation
import TestSupport
import Testing
import WireBytes

/// The kernel's report folder, played by pipes: what is written and read meets in the order of the real one.
@Suite("The kernel's report folder")
struct ReportFolderTests {
  /// A provider in a thread of its own: takes what is bound, counts, gives a report.
  private final class Provider: Sendable {
    let root: String

    init(
      _ folder: Folder, name: String = "sev_guest", report: [UInt8], auxiliary: [UInt8]?,
      steps: [UInt64] = [1]
    ) throws {
      root = folder.path
      let place = root + "/causeway"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      for pipe in ["inblob", "outblob"] { #expect(unsafe mkfifo(place + "/" + pipe, 0o600) == 0) }
      try Data((name + "\n").utf8).write(to: URL(fileURLWithPath: place + "/provider"))
      try Data("0\n".utf8).write(to: URL(fileURLWithPath: place + "/generation"))
      if let auxiliary { try Data(auxiliary).write(to: URL(fileURLWithPath: place + "/auxblob")) }
      let thread = Thread {
        var generation: UInt64 = 0
        for step in steps {
          guard let input = FileHandle(forReadingAtPath: place + "/inblob"),
            let bound = try? input.readToEnd()
          else { return }
          try? input.close()
          try? Data(bound).write(to: URL(fileURLWithPath: place + "/bound"))
          generation += step
          try? Data("\(generation)\n".utf8).write(to: URL(fileURLWithPath: place + "/generation"))
          guard let output = FileHandle(forWritingAtPath: place + "/outblob") else { return }
          try? output.write(contentsOf: Data(report))
          try? output.close()
        }
      }
      thread.start()
    }

    var bound: [UInt8] {
      get throws { [UInt8](try Data(contentsOf: URL(fileURLWithPath: root + "/causeway/bound"))) }
    }
  }

  private static let reportData = [UInt8](0..<64)

  @Test("gives the report for what was written, with its certificates")
  func report() throws {
    let folder = try Folder()
    let report = [UInt8](repeating: 3, count: 1_184)
    let provider = try Provider(folder, report: report, auxiliary: [1, 2, 3])
    let answer = try ReportFolder(root: folder.path).report(binding: Self.reportData)
    #expect(answer == KernelReport(provider: .snp, report: report, auxiliary: [1, 2, 3]))
    #expect(try provider.bound == Self.reportData)
  }

  @Test("asks again when somebody else wrote meanwhile, and gives up after four times")
  func generation() throws {
    let folder = try Folder()
    _ = try Provider(folder, report: [9], auxiliary: nil, steps: [2, 3, 1])
    #expect(try ReportFolder(root: folder.path).report(binding: [1]).report == [9])
    let other = try Folder()
    _ = try Provider(other, report: [9], auxiliary: nil, steps: [2, 2, 2, 2])
    #expect(throws: ReportFolderError.generation(expected: 7, actual: 8)) {
      try ReportFolder(root: other.path).report(binding: [1])
    }
  }

  @Test("is evidence of the platform that it says, and of no other")
  func platform() throws {
    let folder = try Folder()
    let report = [UInt8](repeating: 4, count: 1_184)
    let provider = try Provider(folder, report: report, auxiliary: nil)
    let evidence = try ReportFolderPlatform(.snp, folder: ReportFolder(root: folder.path)).attest(
      Bytes64 { UInt8($0) })
    #expect(evidence == AttestationEvidence(platform: .sevSNP, statement: report))
    #expect(try provider.bound == Self.reportData)
    let other = try Folder()
    _ = try Provider(other, name: "tdx_guest", report: report, auxiliary: nil)
    #expect(throws: EnclavePlatformError.report(.provider("tdx_guest"))) {
      try ReportFolderPlatform(.snp, folder: ReportFolder(root: other.path)).attest(Bytes64())
    }
    #expect(throws: EnclavePlatformError.noSealing) { try ReportFolderPlatform(.tdx).storageSecret() }
  }

  @Test(
    "carries recorded reports",
    .enabled(if: Corpora.directory("attestation") != nil, "corpus attestation is absent"))
  func recorded() throws {
    let corpus = try #require(Corpora.directory("attestation"))
    let report = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: corpus + "/sev-snp/trustee_test-report.bin")))
    let folder = try Folder()
    _ = try Provider(folder, report: report, auxiliary: nil)
    let evidence = try ReportFolderPlatform(.snp, folder: ReportFolder(root: folder.path)).attest(Bytes64())
    #expect(evidence.statement == report)
  }

  @Test("refuses what no kernel gives")
  func refusals() throws {
    let folder = try Folder()
    let reader = ReportFolder(root: folder.path)
    #expect(throws: ReportFolderError.reportData(0)) { try reader.report(binding: []) }
    #expect(throws: ReportFolderError.reportData(65)) {
      try reader.report(binding: [UInt8](repeating: 0, count: 65))
    }
    // A folder without the kernel's files.
    #expect(throws: ReportFolderError.part(.provider, errno: 2)) { try reader.report(binding: [1]) }
    #expect(throws: ReportFolderError.part(.folder, errno: 2)) {
      try ReportFolder(root: "/nonexistent/tsm").report(binding: [1])
    }
    let stranger = try Folder()
    _ = try Provider(stranger, name: "arm_cca", report: [1], auxiliary: nil)
    #expect(throws: ReportFolderError.provider("arm_cca")) {
      try ReportFolder(root: stranger.path).report(binding: [1])
    }
    let large = try Folder()
    _ = try Provider(large, report: [UInt8](repeating: 0, count: (32 << 10) + 1), auxiliary: nil)
    let refusal = #expect(throws: ReportFolderError.self) {
      try ReportFolder(root: large.path).report(binding: [1])
    }
    guard case .length(.outblob, max: 32_768, actual: _) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
  }
}
