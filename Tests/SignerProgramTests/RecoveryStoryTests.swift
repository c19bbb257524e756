import Encodings
import Foundation
import Messages
import SignerAccess
import SignerWire
import SigningRules
import Testing
import WireBytes

/// A signer that is lost, and one that goes on in its place.
@Suite("causeway-signer recovery", .timeLimit(.minutes(10)))
struct RecoveryStoryTests {
  private typealias Home = SignerStoryTests.Home
  private typealias Serving = SignerStoryTests.Serving

  private static func request(_ height: UInt64, root: UInt8) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try AttestationBinding(
          origin: DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: ClientID("client-0")),
        height: Height(height), timestamp: UnixTime(seconds: 1_700_000_000 + height),
        body: .state(root: Bytes32 { _ in root })))
  }

  /// A signer that runs, and the client of it that may sign.
  private final class Running {
    private let serving: Serving
    private let client: SignerClient
    let identity: String

    init(_ home: Home, directory: String) throws {
      serving = try Serving(home, directory: directory)
      let word = try #require(serving.ready.split(separator: " ").first { $0.hasPrefix("identity=") })
      identity = String(word.dropFirst(9).prefix { !$0.isWhitespace })
      let key = try ClientKeyFile.open(home.file("client")).key
      client = SignerClient(
        endpoint: .unix(path: directory + "/signer.sock"), key: key, signer: try Bytes32(hex: identity),
        domain: .operator)
    }

    /// The signature, or the name of the refusal.
    func sign(_ height: UInt64, root: UInt8, _ key: KeyID) async throws -> Result<[UInt8], SignerRefusal> {
      let asked = try request(height, root: root)
      do throws(SignerClientError) {
        return .success(try await client.sign(asked, key: key))
      } catch {
        guard case .refused(let refusal) = error else { throw error }
        return .failure(refusal)
      }
    }

    func stop() async -> Int32 {
      await client.close()
      return serving.stop()
    }
  }

  private static func name(_ answer: Result<[UInt8], SignerRefusal>) -> String {
    switch answer {
    case .success: "signed"
    case .failure(let refusal): "\(refusal.name) (\(refusal.code))"
    }
  }

  @Test(
    "signs on after recovery with the same keys, and refuses second claims at heights before and after the backup"
  )
  func recovery() async throws {
    let home = try Home(approvers: [])
    let lost = home.signer
    let first = try Running(home, directory: lost)
    let list = try home.ask(["keys", "list"])
    let keys = try #require(try list.json()["keys"])
    let key = KeyID(try Bytes32(hex: try #require(keys[0]?["id"]?.string)))
    let before = try await first.sign(10, root: 1, key).get()
    #expect(await first.stop() == 0)
    let sealed = try home.open([
      "backup", "create", "--needed", "2", "--parties", "3", "--out", home.file("backup"), "--shares",
      home.file("shares"),
    ])
    #expect(sealed.code == 0, "\(sealed.complaint)")
    // After the backup it signs more; its newest marks are kept by somebody else.
    let second = try Running(home, directory: lost)
    _ = try await second.sign(11, root: 1, key).get()
    let kept = try home.ask(["watermarks", "export", "--out", home.file("marks")])
    #expect(kept.code == 0, "\(kept.complaint)")
    #expect(await second.stop() == 0)

    try FileManager.default.removeItem(atPath: lost)
    try FileManager.default.removeItem(atPath: home.anchors)
    let place = home.file("restored")
    func restore(
      _ shares: [Int], domain: String = "operator", into place: String = place, _ more: [String] = []
    ) throws -> SignerProgram.Run {
      try SignerProgram.run(
        [
          "backup", "restore", home.file("backup"), "--domain", domain, "--directory", place,
          "--passphrase-file", home.passphrase,
        ] + shares.flatMap { ["--share", home.file("shares/share-\($0)")] } + more)
    }
    func refused(_ run: SignerProgram.Run, _ text: String) {
      #expect(run.code == 1 && run.complaint == "causeway-signer: \(text)\n", "\(run.code) \(run.complaint)")
      #expect(!FileManager.default.fileExists(atPath: place))
    }
    refused(
      try restore([2]),
      "the backup cannot be used (shares: 1, needed: 2). Bring the shares of 1 more recovery parties.")
    refused(
      try restore([2, 2]),
      "the backup cannot be used (repeatedMember(group: 0, member: 1)). Read the words again: each share is one line of words, and each party has one."
    )
    refused(
      try restore([1, 2, 3]), "the backup cannot be used (shares: 3, needed: 2). Use exactly 2 shares.")
    refused(
      try restore([1, 3], ["--known-epoch", "1000"]),
      """
      the backup cannot be used (olderEpoch(backup: \(try Self.epoch(home)), known: 1000)). Keys restored with old watermarks could \
      sign a second claim for a height. Restore the newest backup, or give a watermark export of epoch 1000 or later, from the old \
      state directory or a replica of it. If there is none, do not restore: make new keys and revoke these.
      """)
    let run = try restore([1, 3])
    #expect(run.code == 0, "\(run.complaint)")
    let twice = try restore([1, 3])
    #expect(
      twice.code == 2 && twice.complaint.hasSuffix("/secrets.vault exists already\n"), "\(twice.complaint)")

    // Not by itself, and not without what the backup says was signed.
    let alone = try SignerProgram.run(["run", "--directory", place, "--passphrase-file", home.passphrase])
    #expect(
      alone.code == 1 && alone.complaint.contains("is gone, and the anchor knows of records"),
      "\(alone.complaint)")
    let adopt = [
      "anchor", "adopt", "--directory", place, "--passphrase-file", home.passphrase, "--reason",
      "the disk died",
      "--i-know-what-was-signed",
    ]
    let marks = place + "/restored-watermarks.json"
    let aside = home.file("aside")
    try FileManager.default.moveItem(atPath: marks, toPath: aside)
    for text in [nil, try String(contentsOfFile: home.file("marks"), encoding: .utf8)] {
      if let text { try Home.write(text, to: marks) }
      let without = try SignerProgram.run(adopt)
      #expect(without.code == 1)
      #expect(without.complaint.contains("restored-watermarks.json is not what the restore brought (0x"))
      try? FileManager.default.removeItem(atPath: marks)
    }
    try FileManager.default.moveItem(atPath: aside, toPath: marks)
    let adopted = try SignerProgram.run(adopt + ["--watermarks", home.file("marks")])
    #expect(adopted.code == 0, "\(adopted.complaint)")

    let third = try Running(home, directory: place)
    #expect(third.identity == first.identity)
    let listed = try SignerProgram.run([
      "keys", "list", "--directory", place, "--key", home.file("admin"), "--json",
    ])
    #expect(try listed.json()["keys"] == keys)
    #expect(Self.name(try await third.sign(10, root: 2, key)) == "otherRoot (401)")
    #expect(Self.name(try await third.sign(11, root: 2, key)) == "otherRoot (401)")
    // The same claim again is the same signature (RFC 6979): it is the same private key.
    #expect(try await third.sign(10, root: 1, key).get() == before)
    #expect(Self.name(try await third.sign(12, root: 2, key)) == "signed")
    #expect(await third.stop() == 0)
  }

  /// Of the backup, as its public part says: behind magic (8), version, domain and vault (32); docs/spec/backup.md.
  private static func epoch(_ home: Home) throws -> UInt64 {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: home.file("backup")))
    return bytes[42..<50].reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test("keeps the newer of marks, also when those that are given are older than the backup's")
  func olderMarks() async throws {
    let home = try Home(approvers: [])
    let first = try Running(home, directory: home.signer)
    let key = KeyID(
      try Bytes32(hex: try #require(try home.ask(["keys", "list"]).json()["keys"]?[0]?["id"]?.string)))
    #expect(try home.ask(["watermarks", "export", "--out", home.file("old-marks")]).code == 0)
    _ = try await first.sign(10, root: 1, key).get()
    #expect(await first.stop() == 0)
    #expect(
      try home.open([
        "backup", "create", "--needed", "2", "--parties", "2", "--out", home.file("backup"), "--shares",
        home.file("shares"),
      ]).code == 0)
    let place = home.file("restored")
    let run = try SignerProgram.run([
      "backup", "restore", home.file("backup"), "--domain", "operator", "--directory", place,
      "--passphrase-file", home.passphrase, "--share", home.file("shares/share-1"), "--share",
      home.file("shares/share-2"), "--watermarks", home.file("old-marks"), "--anchor-directory",
      home.file("new-anchors"),
    ])
    #expect(run.code == 0, "\(run.complaint)")
    let adopted = try SignerProgram.run([
      "anchor", "adopt", "--directory", place, "--passphrase-file", home.passphrase, "--reason", "test",
      "--i-know-what-was-signed",
    ])
    #expect(adopted.code == 0, "\(adopted.complaint)")
    let second = try Running(home, directory: place)
    #expect(Self.name(try await second.sign(10, root: 2, key)) == "otherRoot (401)")
    // An export of before is no news, and takes nothing away.
    let older = try SignerProgram.run([
      "watermarks", "import", home.file("old-marks"), "--directory", place, "--key", home.file("admin"),
      "--json",
    ])
    #expect(
      try older.json() == [
        "added": .number("0"), "olderEpoch": .boolean(true), "otherVault": .boolean(false),
      ])
    #expect(Self.name(try await second.sign(10, root: 2, key)) == "otherRoot (401)")
    #expect(await second.stop() == 0)
  }

  @Test("refuses an export that contradicts what was signed here, as a whole")
  func contradiction() async throws {
    let home = try Home(approvers: [])
    let first = try Running(home, directory: home.signer)
    let key = KeyID(
      try Bytes32(hex: try #require(try home.ask(["keys", "list"]).json()["keys"]?[0]?["id"]?.string)))
    let clone = home.file("clone")
    #expect(await first.stop() == 0)
    try FileManager.default.copyItem(atPath: home.signer, toPath: clone)
    // A clone with an anchor of its own is what no signer notices; their exports do.
    try FileManager.default.copyItem(atPath: home.anchors, toPath: home.file("clone-anchors"))
    let one = try Running(home, directory: home.signer)
    _ = try await one.sign(10, root: 1, key).get()
    _ = try await one.sign(11, root: 1, key).get()
    #expect(try home.ask(["watermarks", "export", "--out", home.file("marks")]).code == 0)
    #expect(await one.stop() == 0)
    let configuration = try String(contentsOfFile: clone + "/signer.json", encoding: .utf8)
    try Data(configuration.replacing(home.anchors, with: home.file("clone-anchors")).utf8).write(
      to: URL(fileURLWithPath: clone + "/signer.json"))
    let two = try Running(home, directory: clone)
    _ = try await two.sign(10, root: 2, key).get()
    let run = try SignerProgram.run([
      "watermarks", "import", home.file("marks"), "--directory", clone, "--key", home.file("admin"), "--json",
    ])
    #expect(run.code == 1)
    #expect(
      run.complaint
        == "causeway-signer: refused: watermarkConflict (825): the export contradicts what was signed here: nothing was added. Look at who signed the other claim\n"
    )
    // Not even the height that does not contradict.
    #expect(Self.name(try await two.sign(11, root: 2, key)) == "signed")
    #expect(await two.stop() == 0)
  }

  @Test("never opens a backup of users' keys as operators', nor with the shares of another")
  func domains() throws {
    let operators = try Home(approvers: [])
    let users = try Home(domain: "user", approvers: [], keys: ["secp256k1:transaction:user-0"])
    for home in [operators, users] {
      let run = try home.open([
        "backup", "create", "--needed", "2", "--parties", "2", "--out", home.file("backup"), "--shares",
        home.file("shares"),
      ])
      #expect(run.code == 0, "\(run.complaint)")
    }
    func restore(_ backup: Home, _ domain: String, shares: Home) throws -> SignerProgram.Run {
      try SignerProgram.run([
        "backup", "restore", backup.file("backup"), "--domain", domain, "--directory",
        backup.file("restored"),
        "--passphrase-file", backup.passphrase, "--share", shares.file("shares/share-1"), "--share",
        shares.file("shares/share-2"),
      ])
    }
    for (home, own, other) in [(operators, "operator", "user"), (users, "user", "operator")] {
      let run = try restore(home, other, shares: home)
      #expect(run.code == 1)
      #expect(
        run.complaint
          == "causeway-signer: the backup cannot be used (it is of the \(own) domain, and this is the \(other) domain). Restore it with the signer of the \(own) domain, on that domain's machine.\n",
        "\(run.complaint)")
      let mixed = try restore(home, own, shares: own == "user" ? operators : users)
      #expect(mixed.code == 1 && mixed.complaint.contains("(otherWords(identifier: "), "\(mixed.complaint)")
      #expect(
        mixed.complaint.hasSuffix(
          "Compare the shares with the backup that they were made for; one is of another.\n"))
      #expect(!FileManager.default.fileExists(atPath: home.file("restored")))
    }
    // Nor into a directory that has a signer.
    let into = try SignerProgram.run([
      "backup", "restore", operators.file("backup"), "--domain", "operator", "--directory", users.signer,
      "--passphrase-file", users.passphrase, "--share", operators.file("shares/share-1"), "--share",
      operators.file("shares/share-2"),
    ])
    #expect(into.code == 2)
    #expect(
      into.complaint == "causeway-signer: \(users.signer)/secrets.vault exists already\n", "\(into.complaint)"
    )
    #expect(try users.open(["anchor", "show"]).code == 0)
  }
}
