import Encodings
import Foundation
import Testing

/// What approvers sign, and what a stopped signer does without them.
@Suite("causeway-signer approvals", .timeLimit(.minutes(10)))
struct ApprovalStoryTests {
  private typealias Home = SignerStoryTests.Home
  private typealias Serving = SignerStoryTests.Serving

  @Test("shows the overlap that approvers sign, and takes approvals of one rotation for no other")
  func overlap() throws {
    let home = try Home()
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    for seconds in ["60", "61"] {
      let proposed = try home.ask(["keys", "rotate", "attester-0", "--overlap", seconds])
      #expect(proposed.code == 0, "\(proposed.complaint)")
      #expect(try proposed.json()["overlapSeconds"]?.integer(UInt64.self) == UInt64(seconds))
    }
    let waiting = try #require(try home.ask(["pending"]).json()["pending"]?.array)
    #expect(waiting.map { $0["overlapSeconds"]?.integer(Int.self) } == [60, 61])
    #expect(waiting[0]["policy"]?.string?.hasPrefix("0x") == true)
    #expect(waiting[0]["identifier"] != waiting[1]["identifier"])
    // Whoever was told one identifier does not sign the other.
    let told = try #require(waiting[0]["identifier"]?.string)
    let other = try home.ask([
      "approve", "2", "--approver", home.file("alice"), "--identifier", told,
    ])
    #expect(other.code == 1)
    #expect(
      other.complaint
        == "causeway-signer: proposal 2 is \(waiting[1]["identifier"]?.string ?? "?"), not the one you named\n"
    )
    for approver in ["alice", "bob"] {
      #expect(
        try home.ask(["approve", "1", "--approver", home.file(approver), "--identifier", told]).code == 0)
    }
    let unapproved = try home.ask(["execute", "2"])
    #expect(unapproved.code == 1 && unapproved.complaint.contains("tooFewApprovals (848)"))
    #expect(try home.ask(["execute", "1"]).code == 0)
    // The other one waits on, and its key rotates no second time.
    let late = try home.ask(["execute", "2"])
    #expect(late.code == 1 && late.complaint.contains("keyState (801)"), "\(late.complaint)")
    #expect(try home.ask(["pending"]).json()["pending"]?.array?.count == 1)
  }

  @Test(
    "makes a backup only with the approvals of its very arrangement, once, and shows the proposal when it runs"
  )
  func backup() throws {
    let home = try Home()
    func create(_ needed: Int, _ parties: Int, _ approvals: [String], to name: String) throws
      -> SignerProgram.Run
    {
      try home.open(
        [
          "backup", "create", "--needed", "\(needed)", "--parties", "\(parties)", "--out", home.file(name),
          "--shares", home.file(name + "-shares"),
        ] + approvals.flatMap { ["--approval", $0] })
    }
    let alone = try create(2, 3, [], to: "a")
    #expect(alone.code == 1)
    #expect(
      alone.complaint
        == "causeway-signer: nothing of this very content waits for approval (backup): propose it first with the same options (`backup propose`, `anchor propose`)\n"
    )
    for (parties, name) in [("3", "three"), ("5", "five")] {
      let proposed = try home.open([
        "backup", "propose", "--needed", "2", "--parties", parties, "--out", home.file(name),
      ])
      #expect(proposed.code == 0 && proposed.output.contains("parties\":\(parties)"), "\(proposed.output)")
    }
    let twice = try home.open([
      "backup", "propose", "--needed", "2", "--parties", "3", "--out", home.file("again"),
    ])
    #expect(twice.code == 1)
    #expect(twice.complaint == "causeway-signer: the same change waits already, as number 1\n")

    let alice = try home.sign("three", as: "alice", to: "alice-3")
    let bob = try home.sign("three", as: "bob", to: "bob-3")
    let same = try create(2, 3, [alice, alice], to: "a")
    #expect(same.code == 1 && same.complaint.contains("two approvals are by the one approver 0x"))
    let one = try create(2, 3, [alice], to: "a")
    #expect(one.code == 1 && one.complaint == "causeway-signer: 1 of 2 approvers have approved it\n")
    let other = try create(2, 5, [alice, bob], to: "a")
    #expect(
      other.code == 1 && other.complaint.contains("an approval is for the proposal 0x"), "\(other.complaint)")
    // Somebody's key that the policy does not name.
    #expect(try SignerProgram.run(["approver", "new", "--out", home.file("eve")]).code == 0)
    let eve = try create(2, 3, [try home.sign("three", as: "eve", to: "eve-3")], to: "a")
    #expect(eve.code == 1 && eve.complaint.contains("the policy in force does not name the approver 0x"))
    // A signature that was put beside another's name.
    let slip = try String(contentsOfFile: bob, encoding: .utf8)
    let name = try #require(try JSONValue(decoding: [UInt8](slip.utf8))["approver"]?.string)
    let wrong = try #require(
      try JSONValue(decoding: [UInt8](Data(contentsOf: URL(fileURLWithPath: alice))))["approver"]?.string)
    try Home.write(slip.replacing(name, with: wrong), to: home.file("forged"))
    let forged = try create(
      2, 5, [try home.sign("five", as: "bob", to: "bob-5"), home.file("forged")], to: "a")
    #expect(forged.code == 1 && forged.complaint.contains("an approval is for the proposal 0x"))
    #expect(!FileManager.default.fileExists(atPath: home.file("a")))

    // Both are in the records: a signer that runs shows them, and does not carry them out.
    let serving = try Serving(home)
    let waiting = try #require(try home.ask(["pending"]).json()["pending"]?.array)
    #expect(waiting.map { $0["change"]?.string } == ["backup", "backup"])
    #expect(waiting.map { $0["content"]?["parties"]?.integer(Int.self) } == [3, 5])
    #expect(waiting[0]["approvals"]?.array?.count == 1)
    let online = try home.ask(["execute", "1"])
    #expect(online.code == 1 && online.complaint.contains("notOffered (861)"))
    #expect(try home.ask(["approve", "2", "--approver", home.file("alice")]).code == 0)
    #expect(try home.ask(["cancel", "2", "--approver", home.file("bob")]).code == 0)
    #expect(serving.stop() == 0)

    let made = try create(2, 3, [alice, bob], to: "a")
    #expect(made.code == 0, "\(made.complaint)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: home.file("a-shares")).count == 3)
    let again = try create(2, 3, [alice, bob], to: "b")
    #expect(again.code == 1 && again.complaint.contains("nothing of this very content waits"))
    let log = try SignerProgram.run(["audit", "tail", "--count", "40", "--directory", home.signer]).output
    for operation in ["propose backup", "approve backup", "execute backup"] {
      #expect(log.contains(operation))
    }
  }

  @Test("holds the delay of a backup: what is approved takes effect only after it")
  func delay() throws {
    let home = try Home(delaySeconds: 3_600)
    let arrangement = ["--needed", "2", "--parties", "2"]
    #expect(try home.open(["backup", "propose", "--out", home.file("p")] + arrangement).code == 0)
    let slips = try ["alice", "bob"].map { ["--approval", try home.sign("p", as: $0, to: $0 + "-p")] }
    let create = ["backup", "create", "--out", home.file("b"), "--shares", home.file("s")] + arrangement
    for slips in [slips.flatMap(\.self), []] {
      let early = try home.open(create + slips)
      #expect(early.code == 3, "\(early.complaint)")
      #expect(
        early.complaint.hasPrefix("causeway-signer: it is approved, and its delay runs until 20"),
        "\(early.complaint)")
    }
    #expect(!FileManager.default.fileExists(atPath: home.file("b")))
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    let entry = try home.ask(["pending"]).json()["pending"]?[0]
    #expect(entry?["approvals"]?.array?.count == 2 && entry?["ready"]?.boolean == false)
    #expect(try home.ask(["status"]).json()["approvers"]?["delaySeconds"]?.integer(Int.self) == 3_600)
  }

  @Test("adopts contradicted records only with approvals of these records, these marks and this reason")
  func adoption() throws {
    let home = try Home()
    try home.turnBack()
    func adopt(_ reason: String, _ slips: [String]) throws -> SignerProgram.Run {
      try home.open(
        ["anchor", "adopt", "--reason", reason, "--i-know-what-was-signed"]
          + slips.flatMap { ["--approval", $0] })
    }
    let alone = try adopt("disk lost", [])
    #expect(alone.code == 1)
    #expect(alone.complaint.contains("nothing of this very content waits for approval (adoptAnchor)"))
    let proposed = try home.open([
      "anchor", "propose", "--reason", "disk lost", "--out", home.file("p"),
    ])
    #expect(proposed.code == 0, "\(proposed.complaint)")
    #expect(proposed.output.contains("restoredOlderState") && proposed.output.contains("disk lost"))
    let slips = try ["alice", "bob"].map { try home.sign("p", as: $0, to: $0 + "-p") }
    let few = try adopt("disk lost", [slips[0]])
    #expect(few.code == 1 && few.complaint == "causeway-signer: 1 of 2 approvers have approved it\n")
    let other = try adopt("something else", slips)
    #expect(other.code == 1)
    #expect(other.complaint.contains("nothing of this very content waits for approval (adoptAnchor)"))
    #expect(try home.open(["run"]).complaint.contains("older than the anchor"))
    // The first approval was kept.
    let done = try adopt("disk lost", [slips[1]])
    #expect(done.code == 0, "\(done.complaint)")
    #expect(try home.open(["anchor", "show"]).code == 0)
    let log = try SignerProgram.run(["audit", "tail", "--count", "20", "--directory", home.signer]).output
    for operation in ["anchor adopt", "approve adoptAnchor", "execute adoptAnchor"] {
      #expect(log.contains(operation))
    }
    let over = try adopt("disk lost", slips)
    #expect(over.code == 0 && over.output == "records and anchor agree: there is nothing to adopt\n")
  }

  @Test("signs no proposal that was changed on its way, and reads no other file as one")
  func papers() throws {
    let home = try Home()
    #expect(
      try home.open(["backup", "propose", "--needed", "2", "--parties", "3", "--out", home.file("p")]).code
        == 0)
    let text = try String(contentsOfFile: home.file("p"), encoding: .utf8)
    for (old, new) in [
      ("\"parties\": 3", "\"parties\": 4"), ("\"proposer\": \"offline\"", "\"proposer\": \"admin\""),
    ] {
      #expect(text.contains(old), "\(text)")
      try? FileManager.default.removeItem(atPath: home.file("q"))
      try Home.write(text.replacing(old, with: new), to: home.file("q"))
      let run = try SignerProgram.run([
        "approve", "file", home.file("q"), "--approver", home.file("alice"), "--out", home.file("s"),
      ])
      #expect(run.code == 1)
      #expect(
        run.complaint
          == "causeway-signer: '\(home.file("q"))' shows a proposal that does not have the identifier it gives\n"
      )
    }
    let run = try SignerProgram.run([
      "approve", "file", home.signer + "/policy.json", "--approver", home.file("alice"), "--out",
      home.file("s"),
    ])
    #expect(run.code == 1 && run.complaint.contains("is no file of its kind"))
    #expect(!FileManager.default.fileExists(atPath: home.file("s")))
  }

  @Test("says in its status that nobody approves where the policy names no approvers")
  func nobody() throws {
    let home = try Home(approvers: [])
    let proposed = try home.open([
      "backup", "propose", "--needed", "2", "--parties", "3", "--out", home.file("p"),
    ])
    #expect(proposed.code == 1)
    #expect(
      proposed.complaint
        == "causeway-signer: the policy names no approvers: whoever has the passphrase decides alone, and there is nothing to propose or approve\n"
    )
    let made = try home.open([
      "backup", "create", "--needed", "2", "--parties", "3", "--out", home.file("b"), "--shares",
      home.file("s"),
    ])
    #expect(made.code == 0, "\(made.complaint)")
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    #expect(try home.ask(["status"]).json()["approvers"]?["of"]?.integer(Int.self) == 0)
    let text = try SignerProgram.run(["status", "--directory", home.signer, "--key", home.file("admin")])
    #expect(
      text.output.contains("NONE: whoever has the passphrase decides alone about policy, backup and anchor"))
  }
}
