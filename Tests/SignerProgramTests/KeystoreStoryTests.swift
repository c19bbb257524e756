import Crypto
import Encodings
import Foundation
import SigningRules
import Testing
import WireBytes

/// Keys and marks as they move between signers, and between programs.
@Suite("causeway-signer keystores and interchange", .timeLimit(.minutes(10)))
struct KeystoreStoryTests {
  private typealias Home = SignerStoryTests.Home
  private typealias Serving = SignerStoryTests.Serving

  /// EIP-2335, "Test Cases", "PBKDF2"; its password is there, and its secret.
  private static let keystore = """
    {"crypto": {"kdf": {"function": "pbkdf2", "params": {"dklen": 32, "c": 262144, "prf": "hmac-sha256",
      "salt": "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"}, "message": ""},
      "checksum": {"function": "sha256", "params": {},
      "message": "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1"},
      "cipher": {"function": "aes-128-ctr", "params": {"iv": "264daa3f303d7259501c93d997d84fe6"},
      "message": "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad"}},
     "description": "This is a test keystore that uses PBKDF2 to secure the secret.",
     "pubkey": "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07",
     "path": "m/12381/60/0/0", "uuid": "64625def-3331-4eea-ab6f-782f3ed16a83", "version": 4}
    """
  private static let password = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑"
  private static let secret = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"

  private static func refusal(_ run: SignerProgram.Run, _ code: Int32, _ text: String) {
    #expect(run.code == code && run.complaint == "causeway-signer: \(text)\n", "\(run.code) \(run.complaint)")
    #expect(run.output.isEmpty)
  }

  /// The public half of an Ed25519 key, by swift-crypto.
  private static func publicKey(_ seed: String) throws -> String {
    let key = try Curve25519.Signing.PrivateKey(rawRepresentation: try Hex.decode(seed))
    return Hex.encode([UInt8](key.publicKey.rawRepresentation))
  }

  @Test(
    "takes a published keystore in, gives it out sealed after approval, and gets the same key again elsewhere"
  )
  func thereAndBack() throws {
    let home = try Home()
    try Home.write(Self.keystore, to: home.file("keystore"))
    try Home.write(Self.password + "\n", to: home.file("password"))
    let order = "ed25519:vote:validator@demo-1"
    func take(_ home: Home, _ file: String, _ password: String, as order: String) throws -> SignerProgram.Run
    {
      try home.open(["keys", "import-eip2335", file, order, "--password-file", password, "--json"])
    }
    let taken = try take(home, home.file("keystore"), home.file("password"), as: order)
    #expect(taken.code == 0, "\(taken.complaint)")
    let id = try #require(try taken.json()["id"]?.string)
    Self.refusal(
      try take(home, home.file("keystore"), home.file("password"), as: order), 1,
      "a key of that label exists: `keys rotate` makes its successor")

    let serving = try Serving(home)
    let shown = try home.ask(["keys", "show", "validator"]).json()
    #expect(shown["id"]?.string == id && shown["state"]?.string == "active")
    #expect(shown["publicKey"]?.string == (try Self.publicKey(Self.secret)))
    // Not while it runs: the passphrase opens what is stopped.
    let busy = try take(home, home.file("keystore"), home.file("password"), as: "ed25519:vote:second@demo-1")
    #expect(busy.code == 3 && busy.complaint.contains("is in use: stop the signer that runs there"))

    // Out: sealed to one recipient, after both have approved that recipient.
    let recipient = try SignerProgram.run(["keys", "recipient", "--out", home.file("recipient"), "--json"])
    let sealedTo = try #require(try recipient.json()["public"]?.string)
    #expect(try SignerProgram.run(["keys", "recipient", "--out", home.file("other")]).code == 0)
    let proposed = try home.ask(["keys", "export-eip2335", "validator", "--recipient", sealedTo])
    #expect(proposed.code == 0, "\(proposed.complaint)")
    #expect(try proposed.json()["sealedTo"]?.string == sealedTo)
    let early = try home.ask(["execute", "1"])
    #expect(early.code == 1 && early.complaint.contains("tooFewApprovals (848)"))
    for approver in ["alice", "bob"] {
      #expect(try home.ask(["approve", "1", "--approver", home.file(approver)]).code == 0)
    }
    let exported = try home.ask(["execute", "1"])
    #expect(exported.code == 0, "\(exported.complaint)")
    try Home.write(exported.output, to: home.file("export"))
    let again = try home.ask(["execute", "1"])
    #expect(again.code == 1 && again.complaint.contains("notPending (843)"))
    #expect(serving.stop() == 0)

    try Home.write("another\n", to: home.file("new-password"))
    func open(_ export: String, with recipient: String) throws -> SignerProgram.Run {
      try SignerProgram.run([
        "keys", "open-export", home.file(export), "--recipient-file", home.file(recipient), "--password-file",
        home.file("new-password"), "--out", home.file("new-keystore"),
      ])
    }
    Self.refusal(
      try open("export", with: "other"), 1,
      "the export is sealed to another recipient, is of another key, or was changed")
    let sealed = try #require(try exported.json()["sealed"]?.string)
    let flipped = sealed.dropLast() + (sealed.hasSuffix("0") ? "1" : "0")
    try Home.write(exported.output.replacing(sealed, with: flipped), to: home.file("flipped"))
    Self.refusal(
      try open("flipped", with: "recipient"), 1,
      "the export is sealed to another recipient, is of another key, or was changed")
    try Home.write(
      exported.output.replacing(id, with: "0x" + String(repeating: "11", count: 32)), to: home.file("renamed")
    )
    Self.refusal(
      try open("renamed", with: "recipient"), 1,
      "the export is sealed to another recipient, is of another key, or was changed")
    Self.refusal(
      try open("password", with: "recipient"), 2,
      "'\(home.file("password"))' is not JSON: " + "\(try #require(Self.jsonError(Self.password + "\n")))")
    let opened = try open("export", with: "recipient")
    #expect(opened.code == 0, "\(opened.complaint)")

    let elsewhere = try Home(approvers: [])
    let arrived = try take(elsewhere, home.file("new-keystore"), home.file("new-password"), as: order)
    #expect(arrived.code == 0, "\(arrived.complaint)")
    // A key is named by its suite and public half: it is the same.
    #expect(try arrived.json()["id"]?.string == id)
  }

  private static func jsonError(_ text: String) -> JSONError? {
    do throws(JSONError) {
      _ = try JSONValue(decoding: [UInt8](text.utf8))
      return nil
    } catch { return error }
  }

  @Test("refuses keystores whose password is another, that were changed, or that are none")
  func refusedKeystores() throws {
    let home = try Home(approvers: [], keys: [])
    try Home.write(Self.password + "\n", to: home.file("password"))
    try Home.write("testpassword\n", to: home.file("wrong"))
    func take(
      _ text: String, _ order: String = "ed25519:vote:validator@demo-1", password: String = "password"
    ) throws -> SignerProgram.Run {
      try? FileManager.default.removeItem(atPath: home.file("k"))
      try Home.write(text, to: home.file("k"))
      return try home.open([
        "keys", "import-eip2335", home.file("k"), order, "--password-file", home.file(password),
      ])
    }
    let file = home.file("k")
    let closed = "the password does not open \(file), or somebody has changed the file"
    Self.refusal(try take(Self.keystore, password: "wrong"), 1, closed)
    // One digit of the checksum, one of the sealed secret.
    Self.refusal(try take(Self.keystore.replacing("8a9f5d99", with: "8a9f5d98")), 1, closed)
    Self.refusal(try take(Self.keystore.replacing("cee03fde", with: "cee03fdf")), 1, closed)
    func none(_ reason: String) -> String { "\(file) is no EIP-2335 keystore that is read here: \(reason)" }
    Self.refusal(
      try take(Self.keystore.replacing("\"version\": 4", with: "\"version\": 3")), 1, none("version"))
    Self.refusal(
      try take(Self.keystore.replacing("\"uuid\"", with: "\"id\"")), 1, none("unknownMember(\"id\")")
    )
    Self.refusal(
      try take(Self.keystore.replacing("aes-128-ctr", with: "aes-256-ctr")), 1, none("function(\"cipher\")"))
    Self.refusal(
      try take(Self.keystore.replacing("\"c\": 262144", with: "\"c\": 0")), 1, none("cost"))
    Self.refusal(
      try take(Self.keystore, "p384:vote:validator"), 1,
      "an EIP-2335 keystore holds 32 bytes, and a key of that suite has more")
    Self.refusal(
      try take(Self.keystore, "frost-ed25519:vote:validator"), 1,
      "an EIP-2335 keystore holds 32 bytes, and a key of that suite has more")
    // The order of secp256k1 is larger: this secret is a key of it, too, but not of a label that is none.
    Self.refusal(
      try take(Self.keystore, "secp256k1:vote:Not a label"), 1,
      "a label has 1 to 64 characters of a-z 0-9 . _ - and is used once")
    #expect(
      try home.open([
        "keys", "import-eip2335", home.file("none"), "ed25519:vote:v", "--password-file",
        home.file("password"),
      ]).code == 2)
    // Nothing of it was taken in.
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    #expect(try home.ask(["keys", "list"]).json()["keys"]?.array?.isEmpty == true)
  }

  // MARK: EIP-3076

  private static func interchange(root: String = "01", _ attestations: [(Int, Int, String)]) -> String {
    let signed = attestations.map { source, target, signingRoot in
      """
      {"source_epoch": "\(source)", "target_epoch": "\(target)", "signing_root": "0x\(String(repeating: signingRoot, count: 32))"}
      """
    }
    return """
      {"metadata": {"interchange_format_version": "5",
        "genesis_validators_root": "0x\(String(repeating: root, count: 32))"},
       "data": [{"pubkey": "0x\(String(repeating: "ab", count: 48))", "signed_blocks": [{"slot": "81952"}],
        "signed_attestations": [\(signed.joined(separator: ", "))]}]}
      """
  }

  @Test("keeps slashing protection of files in EIP-3076, adds to it, and refuses another chain's")
  func slashing() throws {
    let home = try Home()
    let serving = try Serving(home)
    defer { _ = serving.stop() }
    func take(_ text: String) throws -> SignerProgram.Run {
      try? FileManager.default.removeItem(atPath: home.file("i"))
      try Home.write(text, to: home.file("i"))
      return try home.ask(["eip3076", "import", home.file("i")])
    }
    Self.refusal(
      try home.ask(["eip3076", "export"]), 1,
      "no slashing protection is kept here: `eip3076 import` brings some")
    let first = try take(Self.interchange([(1, 2, "aa"), (2, 3, "bb")]))
    #expect(first.code == 0, "\(first.complaint)")
    #expect(try first.json() == ["added": .number("3"), "slashable": .number("0")])
    #expect(try take(Self.interchange([(1, 2, "aa")])).json()["added"] == .number("0"))
    let other = try take(Self.interchange(root: "02", [(5, 6, "cc")]))
    Self.refusal(other, 1, "refused: interchangeConflict (827): the file is of another chain")
    // A second attestation of one target, and one that surrounds: both are known from now on.
    let conflicting = try take(Self.interchange([(1, 2, "dd"), (0, 4, "ee")]))
    #expect(try conflicting.json() == ["added": .number("2"), "slashable": .number("2")])
    for text in [
      "{}", Self.interchange([(1, 2, "aa")]).replacing("\"5\"", with: "\"4\""),
    ] {
      Self.refusal(try take(text), 1, "refused: interchangeForm (826): that is no EIP-3076 file")
    }
    let exported = try home.ask(["eip3076", "export", "--out", home.file("out")])
    #expect(exported.code == 0, "\(exported.complaint)")
    let text = try Data(contentsOf: URL(fileURLWithPath: home.file("out")))
    let file = try SlashingInterchange(decoding: [UInt8](text))
    #expect(file.genesisValidatorsRoot == Bytes32 { _ in 1 })
    #expect(
      file.validators.count == 1 && file.validators[0].blocks == [SignedBlock(slot: 81_952, signingRoot: nil)]
    )
    #expect(file.validators[0].attestations.count == 4)
    // What was exported is known: nothing is added by it, and nothing lost.
    #expect(
      try take(String(decoding: text, as: UTF8.self)).json() == [
        "added": .number("0"), "slashable": .number("0"),
      ])
    let refused = try home.ask(["eip3076", "import", home.file("out")], as: "client")
    #expect(refused.code == 1 && refused.complaint.contains("role"), "\(refused.complaint)")
  }
}
