import Encodings
import Foundation
import Testing

/// A signer as people make, run, change and lose it.
@Suite("causeway-signer", .timeLimit(.minutes(10)))
struct SignerStoryTests {
  /// A directory with a signer of one key, an administrator, and two approvers who must both agree.
  final class Home {
    let folder: Folder
    var signer: String { folder.path + "/signer" }
    var anchors: String { folder.path + "/anchors" }
    var passphrase: String { folder.path + "/pass" }

    /// - Parameters:
    ///   - domain: with one key; none for domains without attestations.
    ///   - approvers: by name; all of them must agree.
    init(
      domain: String = "operator", approvers: [String] = ["alice", "bob"], delaySeconds: Int = 0,
      keys: [String] = ["secp256k1:attestation:attester-0@cosmos:demo-1"]
    ) throws {
      folder = try Folder()
      try Self.write("a passphrase\n", to: passphrase)
      let admin = try Self.made(["client", "new", "--out", folder.path + "/admin"])
      let client = try Self.made(["client", "new", "--out", folder.path + "/client"])
      var named: [String] = []
      for name in approvers {
        named += ["--approver", try Self.made(["approver", "new", "--out", folder.path + "/" + name])]
      }
      let run = try SignerProgram.run(
        [
          "init", "--directory", signer, "--domain", domain, "--passphrase-file", passphrase,
          "--anchor-directory", anchors, "--scrypt-log-n", "14", "--json",
          "--client", "admin=\(admin):admin+observe", "--client", "attester=\(client):sign",
        ] + keys.flatMap { ["--key", $0] } + named
          + (approvers.isEmpty ? [] : ["--approval-delay", String(delaySeconds)]))
      #expect(run.code == 0, "\(run.complaint)")
      #expect(try run.json()["keys"]?.array?.count == keys.count)
    }

    deinit { folder.remove() }

    static func write(_ text: String, to path: String) throws {
      #expect(
        FileManager.default.createFile(
          atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
    }

    private static func made(_ arguments: [String]) throws -> String {
      let run = try SignerProgram.run(arguments)
      #expect(run.code == 0, "\(run.complaint)")
      return run.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func ask(_ arguments: [String], as key: String = "admin") throws -> SignerProgram.Run {
      try SignerProgram.run(arguments + ["--directory", signer, "--key", folder.path + "/" + key, "--json"])
    }

    func open(_ arguments: [String]) throws -> SignerProgram.Run {
      try SignerProgram.run(arguments + ["--directory", signer, "--passphrase-file", passphrase])
    }

    /// A file of this home.
    func file(_ name: String) -> String { folder.path + "/" + name }

    /// Has `approver` sign the proposal of a file.
    func sign(_ proposal: String, as approver: String, to name: String) throws -> String {
      let run = try SignerProgram.run([
        "approve", "file", file(proposal), "--approver", file(approver), "--out", file(name),
      ])
      #expect(run.code == 0, "\(run.complaint)")
      return file(name)
    }

    /// Puts an older copy of the directory in its place.
    func turnBack() throws {
      #expect(try open(["anchor", "show"]).code == 0)
      let copy = folder.path + "/copy"
      try FileManager.default.copyItem(atPath: signer, toPath: copy)
      let serving = try Serving(self)
      #expect(serving.ready.hasPrefix("ready "))
      #expect(serving.stop() == 0)
      try FileManager.default.removeItem(atPath: signer)
      try FileManager.default.moveItem(atPath: copy, toPath: signer)
    }
  }

  /// A signer that serves, in a process of its own.
  final class Serving {
    let process = Process()
    let ready: String

    /// - Parameter directory: another than the home's own signer.
    init(_ home: Home, directory: String? = nil) throws {
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: SignerProgram.path)
      process.arguments = [
        "run", "--directory", directory ?? home.signer, "--passphrase-file", home.passphrase,
      ]
      process.environment = SignerProgram.environment
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      ready = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    }

    /// A test that failed has not stopped it.
    deinit {
      if process.isRunning { process.terminate() }
    }

    /// SIGTERM, and the exit code.
    func stop() -> Int32 {
      process.terminate()
      process.waitUntilExit()
      return process.terminationStatus
    }
  }

  @Test("serves under its filter, says how it is, and ends with 0 when it is told to stop")
  func serves() throws {
    let home = try Home()
    let serving = try Serving(home)
    #expect(serving.ready.hasPrefix("ready \(home.signer)/signer.sock domain=operator vault=0x"))
    let status = try home.ask(["status"])
    #expect(status.code == 0, "\(status.complaint)")
    let answer = try status.json()
    #expect(answer["domain"]?.string == "operator")
    #expect(answer["keys"]?["active"]?.integer(Int.self) == 1)
    #expect(answer["halted"] == .null)
    #expect(answer["backEnds"]?[0]?["healthy"]?.boolean == true)
    // Who may only sign may not look.
    let other = try home.ask(["status"], as: "client")
    #expect(other.code == 1 && other.complaint.contains("role"))
    #expect(serving.stop() == 0)
    #expect(try home.ask(["status"]).code == 3)
    #expect(try SignerProgram.run(["audit", "verify", "--directory", home.signer]).code == 0)
  }

  @Test("rotates a key when both approvers have signed, once, and grants the successor what the old one had")
  func rotation() throws {
    let home = try Home()
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    #expect(try home.ask(["keys", "rotate", "attester-0", "--overlap", "60"]).code == 0)
    #expect(try home.ask(["execute", "1"]).complaint.contains("tooFewApprovals"))
    #expect(try home.ask(["approve", "1", "--approver", home.folder.path + "/alice"]).code == 0)
    let again = try home.ask(["approve", "1", "--approver", home.folder.path + "/alice"])
    #expect(again.code == 1 && again.complaint.contains("approvedAlready"))
    #expect(try home.ask(["execute", "1"]).complaint.contains("tooFewApprovals"))
    #expect(try home.ask(["approve", "1", "--approver", home.folder.path + "/bob"]).code == 0)
    let done = try home.ask(["execute", "1"])
    let successor = try #require(try done.json()["newKey"]?.string)
    #expect(try home.ask(["execute", "1"]).complaint.contains("notPending"))
    let keys = try #require(try home.ask(["keys", "list"]).json()["keys"]?.array)
    #expect(keys.compactMap { $0["state"]?.string } == ["active", "retiring"])
    #expect(keys[0]["id"]?.string == successor)
    let policy = try home.ask(["policy", "show"])
    #expect(policy.output.contains(successor))
  }

  @Test("locks a key at once, and unlocks it only with approvals")
  func locking() throws {
    let home = try Home()
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    #expect(
      try home.ask(["keys", "lock", "attester-0", "--reason", "test"]).json()["state"]?.string == "locked")
    #expect(try home.ask(["keys", "unlock", "attester-0"]).code == 0)
    #expect(try home.ask(["keys", "show", "attester-0"]).json()["state"]?.string == "locked")
    for approver in ["alice", "bob"] {
      #expect(try home.ask(["approve", "1", "--approver", home.folder.path + "/" + approver]).code == 0)
    }
    #expect(try home.ask(["execute", "1"]).code == 0)
    #expect(try home.ask(["keys", "show", "attester-0"]).json()["state"]?.string == "active")
  }

  @Test("lets one approver stop a change")
  func cancelling() throws {
    let home = try Home()
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    #expect(try home.ask(["keys", "destroy", "attester-0"]).code == 0)
    #expect(try home.ask(["cancel", "1", "--approver", home.folder.path + "/bob"]).code == 0)
    #expect(try home.ask(["pending"]).json()["pending"]?.array?.isEmpty == true)
  }

  @Test(
    "does not start on an older copy of its directory, says why, and goes on after the decision of people")
  func olderCopy() throws {
    let home = try Home(approvers: [])
    try home.turnBack()
    let refused = try home.open(["run"])
    #expect(refused.code == 1 && refused.complaint.contains("older than the anchor"), "\(refused.complaint)")
    #expect(refused.complaint.contains("anchor adopt"))
    let unsure = try home.open(["anchor", "adopt", "--reason", "test"])
    #expect(unsure.code == 1 && unsure.complaint.contains("--i-know-what-was-signed"))
    let adopted = try home.open(["anchor", "adopt", "--reason", "test", "--i-know-what-was-signed"])
    #expect(adopted.code == 0, "\(adopted.complaint)")
    #expect(try home.open(["anchor", "show"]).code == 0)
  }

  @Test("uses no policy that somebody else wrote into its directory")
  func foreignPolicy() throws {
    let home = try Home()
    let path = home.signer + "/policy.json"
    let policy = try String(contentsOfFile: path, encoding: .utf8)
    try Data(
      policy.replacing("200000", with: "200001").utf8
    )
    .write(to: URL(fileURLWithPath: path))
    let run = try home.open(["run"])
    #expect(run.code == 1 && run.complaint.contains("not the policy in force"), "\(run.complaint)")
  }

  @Test("refuses a wrong passphrase, one that others may read, and a directory without a signer")
  func unopened() throws {
    let home = try Home()
    let wrong = home.folder.path + "/wrong"
    try Home.write("another\n", to: wrong)
    let run = try SignerProgram.run(["run", "--directory", home.signer, "--passphrase-file", wrong])
    #expect(run.code == 1 && run.complaint.contains("does not open"), "\(run.complaint)")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: home.passphrase)
    let open = try home.open(["run"])
    #expect(open.code == 2 && open.complaint.contains("chmod 600"), "\(open.complaint)")
    let absent = try SignerProgram.run(["run", "--directory", "/nonexistent", "--passphrase-file", wrong])
    #expect(absent.code == 2 && absent.complaint.contains("causeway-signer init"))
  }

  @Test("never makes a second signer where there is one")
  func twice() throws {
    let home = try Home()
    let run = try SignerProgram.run([
      "init", "--directory", home.signer, "--domain", "user", "--passphrase-file", home.passphrase,
      "--anchor-directory", home.anchors, "--client", "a=0x\(String(repeating: "11", count: 32)):sign",
    ])
    #expect(run.code == 1 && run.complaint.contains("already"), "\(run.complaint)")
  }

  @Test("does not change the policy of a stopped signer that has approvers")
  func policySet() throws {
    let home = try Home()
    let run = try home.open(["policy", "set", home.signer + "/policy.json"])
    #expect(run.code == 1 && run.complaint.contains("2 approvers decide"), "\(run.complaint)")
  }

  @Test("rehearses loss and recovery for every key domain", arguments: ["user", "operator", "settlement"])
  func drill(domain: String) throws {
    let run = try SignerProgram.run(["drill", "--domain", domain, "--json"])
    #expect(run.code == 0, "\(run.output) \(run.complaint)")
    let report = try run.json()
    #expect(report["passed"]?.boolean == true)
    #expect((report["lines"]?.array?.count ?? 0) >= 16)
  }

  @Test(
    "teaches by an example in its help",
    arguments: ["init", "run", "status", "keys", "policy", "anchor", "backup", "drill"])
  func help(verb: String) throws {
    let run = try SignerProgram.run([verb, "--help"])
    #expect(run.code == 0 && run.output.contains("causeway-signer \(verb)"))
  }
}
