import Encodings
import Foundation
import SignerAccess
import SignerWire
import SigningRules
import Testing
import WireBytes

/// Signers whose secrets a TPM seals, and signers whose epoch a TPM counts.
@Suite(
  "causeway-signer bound to a TPM", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: SoftTPM.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TokenSealTests {
  @Test("opens its secrets by the TPM alone, on its own machine and on no other")
  func alone() async throws {
    let chip = try SoftTPM()
    let home = try TokenHome(.chip(chip), options: ["--seal-with-tpm"], isSealed: true)
    #expect(home.made.code == 0, "\(home.made.complaint)")
    let mode = try FileManager.default.attributesOfItem(atPath: home.signer + "/secrets.sealed")[
      .posixPermissions]
    #expect(mode as? Int == 0o600)
    let making = try home.serve(passphrase: false)
    #expect(making.ready.hasPrefix("ready"), "\(making.complaints)")
    #expect(try home.generate(.secp256k1, on: "file").code == 0)
    let key = try #require(try home.keys().first)
    #expect(making.stop() == 0)
    try home.grantAll([key], passphrase: false)
    let serving = try home.serve(passphrase: false)
    let client = try home.client()
    let claim = try Claims.attestation(height: 5)
    try Claims.check(try await client.sign(claim, key: key.id), of: claim, by: key)
    await client.close()
    #expect(serving.stop() == 0)

    let unwanted = try home.open(["run"])
    #expect(
      unwanted.code == 2 && unwanted.complaint.contains("leave --passphrase-file out"),
      "\(unwanted.complaint)")

    // The directory is carried to another machine.
    try chip.exchange()
    let carried = try home.open(["run"], passphrase: false)
    #expect(carried.code == 1 && carried.output.isEmpty, "\(carried.complaint)")
    #expect(carried.complaint.contains("another TPM sealed what opens"), "\(carried.complaint)")
    #expect(carried.complaint.contains("backup restore"))
    #expect(try home.open(["anchor", "show"], passphrase: false).code == 1)
    try chip.bringBack()
    let again = try home.serve(passphrase: false)
    #expect(again.ready.hasPrefix("ready"), "\(again.complaints)")
    #expect(try home.keys() == [key])
    #expect(again.stop() == 0)

    chip.stop()
    let unreachable = try home.open(["run"], passphrase: false)
    #expect(
      unreachable.code == 3
        && unreachable.complaint.contains("the TPM that opens the secrets cannot be reached"),
      "\(unreachable.complaint)")
    try chip.start()
    let sealed = home.signer + "/secrets.sealed"
    let whole = try Data(contentsOf: URL(fileURLWithPath: sealed))
    for (change, words) in [(whole.dropLast(), "is damaged"), (Data([9]) + whole.dropFirst(), "is damaged")] {
      try change.write(to: URL(fileURLWithPath: sealed))
      let damaged = try home.open(["run"], passphrase: false)
      #expect(damaged.code == 2 && damaged.complaint.contains(words), "\(damaged.complaint)")
    }
    try FileManager.default.removeItem(atPath: sealed)
    let missing = try home.open(["run"], passphrase: false)
    #expect(
      missing.code == 2 && missing.complaint.contains("secrets.sealed is missing"), "\(missing.complaint)")
  }

  @Test("opens its secrets by TPM and passphrase, and by neither without the other")
  func both() throws {
    let chip = try SoftTPM()
    let home = try TokenHome(.chip(chip), options: ["--seal-with-tpm"])
    #expect(home.made.code == 0, "\(home.made.complaint)")
    let serving = try home.serve()
    #expect(serving.ready.hasPrefix("ready"), "\(serving.complaints)")
    #expect(serving.stop() == 0)
    let wrong = home.folder.path + "/wrong"
    try SignerStoryTests.Home.write("another\n", to: wrong)
    let refused = try home.open(["run", "--passphrase-file", wrong], passphrase: false)
    #expect(refused.code == 1 && refused.complaint.contains("does not open"), "\(refused.complaint)")
    try chip.exchange()
    let carried = try home.open(["run"])
    #expect(carried.code == 1 && carried.complaint.contains("another TPM sealed"), "\(carried.complaint)")
  }

  @Test(
    "does not open its secrets on a machine that was started otherwise",
    .enabled(if: Tool.find("tpm2_pcrextend") != nil, "tpm2-tools are not installed"))
  func registers() throws {
    let chip = try SoftTPM()
    let home = try TokenHome(
      .chip(chip), options: ["--seal-with-tpm", "--seal-registers", "0,7"], isSealed: true)
    #expect(home.made.code == 0, "\(home.made.complaint)")
    #expect(try home.open(["anchor", "show"], passphrase: false).code == 0)
    try Tool.run(
      "tpm2_pcrextend", ["7:sha256=" + String(repeating: "11", count: 32)],
      environment: ["TPM2TOOLS_TCTI": chip.transport, "TSS2_LOG": "all+none"])
    let changed = try home.open(["run"], passphrase: false)
    #expect(
      changed.code == 1 && changed.complaint.contains("was not started as it was"), "\(changed.complaint)")
    // Started as it was.
    chip.stop()
    try chip.start()
    #expect(try home.open(["anchor", "show"], passphrase: false).code == 0)
  }

  @Test("comes back from its backup with a passphrase, where its TPM is no more")
  func restored() throws {
    let chip = try SoftTPM()
    let home = try TokenHome(
      .chip(chip), options: ["--seal-with-tpm", "--key", "secp256k1:attestation:attester-0"], isSealed: true)
    #expect(home.made.code == 0, "\(home.made.complaint)")
    let (backup, shares) = (home.folder.path + "/backup", home.folder.path + "/shares")
    try FileManager.default.createDirectory(atPath: shares, withIntermediateDirectories: false)
    let sealed = try home.open(
      ["backup", "create", "--needed", "2", "--parties", "3", "--out", backup, "--shares", shares],
      passphrase: false)
    #expect(sealed.code == 0, "\(sealed.complaint)")
    chip.stop()
    let (place, anchors) = (home.folder.path + "/restored", home.folder.path + "/elsewhere")
    let restored = try SignerProgram.run([
      "backup", "restore", backup, "--directory", place, "--anchor-directory", anchors,
      "--passphrase-file", home.passphrase, "--domain", "operator", "--share", shares + "/share-1", "--share",
      shares + "/share-3",
    ])
    #expect(restored.code == 0, "\(restored.complaint)")
    let configuration = try String(contentsOfFile: place + "/signer.json", encoding: .utf8)
    #expect(!configuration.contains("seal"))
    #expect(!FileManager.default.fileExists(atPath: place + "/secrets.sealed"))
    // Its secrets open; that it has no records is what is refused now.
    let shown = try SignerProgram.run([
      "anchor", "show", "--directory", place, "--passphrase-file", home.passphrase,
    ])
    #expect(shown.code == 1 && shown.complaint.contains("watermarks is gone"), "\(shown.complaint)")
  }

  @Test(
    "asks for a TPM where something is to be sealed or counted",
    arguments: [["--seal-with-tpm"], ["--tpm-counter", "auto"]])
  func withoutChip(options: [String]) throws {
    let folder = try Folder()
    defer { folder.remove() }
    let run = try SignerProgram.run(
      [
        "init", "--directory", folder.path + "/signer", "--domain", "operator", "--client",
        "a=0x\(String(repeating: "11", count: 32)):sign",
      ] + options)
    #expect(run.code != 0 && run.complaint.contains("--tpm device:/dev/tpmrm0"), "\(run.complaint)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/signer"))
  }

  @Test("notices by the TPM's counter that directory and anchor were put back together")
  func counter() throws {
    let chip = try SoftTPM()
    let home = try TokenHome(.chip(chip), options: ["--tpm-counter", "auto"])
    #expect(home.made.code == 0, "\(home.made.complaint)")
    func start() throws {
      let serving = try home.serve()
      #expect(serving.ready.hasPrefix("ready"), "\(serving.complaints)")
      #expect(serving.stop() == 0)
    }
    try start()
    let files = FileManager.default
    let places = ["signer", "anchors"].map { home.folder.path + "/" + $0 }
    for place in places { try files.copyItem(atPath: place, toPath: place + ".old") }
    try start()
    for place in places {
      try files.removeItem(atPath: place)
      try files.moveItem(atPath: place + ".old", toPath: place)
    }
    let old = try home.open(["run"])
    #expect(old.code == 1 && old.output.isEmpty, "\(old.complaint)")
    #expect(old.complaint.contains("the TPM's counter is at"), "\(old.complaint)")
    #expect(old.complaint.contains("anchor adopt"), "\(old.complaint)")
    // People decide what was lost, and it goes on.
    let adopted = try home.open(["anchor", "adopt", "--reason", "test", "--i-know-what-was-signed"])
    #expect(adopted.code == 0, "\(adopted.complaint)")
    try start()
    // Nor does another TPM pass for the one that counted.
    try chip.exchange()
    let carried = try home.open(["run"])
    #expect(carried.code == 1 && carried.complaint.contains("counter"), "\(carried.complaint)")
  }
}
