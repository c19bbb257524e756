import Encodings
import Foundation
import KeyVault
import Messages
import Secrets
import SigningRules
import Testing
import WireBytes

@Suite("The encrypted file of secrets")
struct FileBackEndTests {
  static let cost = ScryptCost.least
  /// In a request, because only the rules make payloads.
  static func payload() throws -> SigningPayload {
    SigningRequest.foreignAttestation(origin: try DomainID("cosmos:demo-1"), .state(height: 5, timestamp: 6))
      .payload
  }

  static func open(_ place: Place, _ passphrase: String = "pass", domain: KeyDomain = .operator) throws
    -> FileBackEnd
  {
    try FileBackEnd.open(path: place.vault, domain: domain, passphrase: secret(passphrase))
  }

  static func create(_ place: Place, _ passphrase: String = "pass", domain: KeyDomain = .operator) throws
    -> FileBackEnd
  {
    try FileBackEnd.create(path: place.vault, domain: domain, passphrase: secret(passphrase), cost: cost)
  }

  @Test("is read as an independent program writes it, and refused for the reason that it gives")
  func vectors() throws {
    let file = try VectorFile("vaults")
    #expect(file.cases.count == 47)
    let passphrase = SharedSecret(try file.json.secret("passphrase"))
    let vaultID = try Bytes32(file.json.bytes("vault"))
    var refused = 0
    for json in file.cases {
      let place = try Place()
      try place.write(try json.bytes("file"), to: place.vault)
      if let wanted = json["error"]?.string {
        let error = #expect(throws: FileVaultError.self, "\(json.name)") {
          _ = try FileBackEnd.open(
            path: place.vault, domain: .operator, vaultID: vaultID, passphrase: passphrase.copy())
        }
        #expect(error.map { caseName($0) } == wanted, "\(json.name): \(error.map { "\($0)" } ?? "")")
        refused += 1
        continue
      }
      let files = try FileBackEnd.open(
        path: place.vault, domain: .operator, vaultID: vaultID, passphrase: passphrase.copy())
      let keys = try #require(json["want"]?["keys"]?.array)
      #expect(files.keys.count == keys.count)
      for (key, wanted) in zip(files.keys, keys) {
        #expect(key.suite.rawValue == (try wanted.text("suite")))
        #expect(key.reference == (try wanted.bytes("reference")))
        #expect(key.publicKey == (try wanted.bytes("public")))
        #expect(exposed(try files.exportKey(key).copy()) == (try wanted.bytes("secret")))
        let payload = try Self.payload()
        let signature = try files.sign(payload, with: key)
        try SignatureCheck.check(signature, over: payload, by: key)
      }
      let secrets = try #require(json["want"]?["secrets"]?.array)
      #expect(files.secretNames == (try secrets.map { try $0.text("name") }))
      for wanted in secrets {
        let found = try #require(files.secret(named: try wanted.text("name")))
        #expect(exposed(found.copy()) == (try wanted.bytes("secret")))
      }
    }
    #expect(refused == 44)
  }

  @Test("keeps keys and secrets from one opening to the next")
  func keeps() throws {
    let place = try Place()
    var made: [BackEndKey] = []
    var vaultID = Bytes32()
    do {
      let files = try Self.create(place)
      vaultID = files.vaultID
      for suite in KeySuite.allCases where suite != .frostEd25519 {
        made.append(try files.generate(suite, label: "key.1"))
      }
      try files.store(secret("one"), named: "a")
      try files.store(secret("two"), named: "a")
      try files.store(secret("three"), named: "b")
      try files.removeSecret(named: "b")
      #expect(throws: FileVaultError.missing) { try files.removeSecret(named: "b") }
      try files.checkHealth()
      #expect(try place.mode(place.vault) == 0o600)
      #expect(try place.mode(place.vault + ".lock") == 0o600)
    }
    let files = try Self.open(place)
    #expect(files.vaultID == vaultID)
    #expect(Set(files.keys) == Set(made))
    #expect(files.secretNames == ["a"])
    #expect(exposed(try #require(files.secret(named: "a")).copy()) == [UInt8]("two".utf8))
    let payload = try Self.payload()
    for key in made {
      let signature = try files.sign(payload, with: key)
      try SignatureCheck.check(signature, over: payload, by: key)
      #expect(try files.location(of: key, challenge: Bytes32()) == .file)
      #expect(signature.count == 65 || key.suite != .secp256k1)
    }
  }

  @Test("forgets a key that is destroyed")
  func destroys() throws {
    let place = try Place()
    let key: BackEndKey
    do {
      let files = try Self.create(place)
      key = try files.generate(.ed25519, label: "k")
      try files.destroy(key)
      #expect(throws: KeyBackEndError.missing) { try files.destroy(key) }
    }
    let files = try Self.open(place)
    #expect(files.keys.isEmpty)
    let payload = try Self.payload()
    #expect(throws: KeyBackEndError.missing) { _ = try files.sign(payload, with: key) }
    #expect(throws: KeyBackEndError.missing) { try files.confirm(key) }
    #expect(throws: FileVaultError.missing) { _ = try files.exportKey(key) }
  }

  @Test("does not sign with a key whose reference and public half do not belong together")
  func mixed() throws {
    let place = try Place()
    let files = try Self.create(place)
    let one = try files.generate(.ed25519, label: "a")
    let other = try files.generate(.ed25519, label: "b")
    let mixed = BackEndKey(suite: .ed25519, publicKey: one.publicKey, reference: other.reference)
    let payload = try Self.payload()
    #expect(throws: KeyBackEndError.missing) { _ = try files.sign(payload, with: mixed) }
    let share = #expect(throws: KeyBackEndError.self) { _ = try files.generate(.frostEd25519, label: "a") }
    #expect(share == .unsupported(.frostEd25519))
    let label = #expect(throws: KeyBackEndError.self) { _ = try files.generate(.p256, label: "A") }
    #expect(label == .malformed(step: "label"))
  }

  @Test("takes a key that was made elsewhere, once")
  func imports() throws {
    let place = try Place()
    let files = try Self.create(place)
    let bytes = [UInt8](repeating: 7, count: 32)
    let key = try files.importKey(.secp256k1, secret: SecretBytes(copying: bytes.span), label: "k")
    #expect(exposed(try files.exportKey(key).copy()) == bytes)
    #expect(throws: FileVaultError.duplicate) {
      _ = try files.importKey(.secp256k1, secret: SecretBytes(copying: bytes.span), label: "k2")
    }
    #expect(throws: FileVaultError.key(.range(.p256))) {
      _ = try files.importKey(.p256, secret: SecretBytes(zeroed: 32), label: "k3")
    }
    #expect(throws: FileVaultError.name("")) {
      _ = try files.importKey(.p256, secret: SecretBytes(random: 32), label: "")
    }
    #expect(files.keys == [key])
  }

  @Test("refuses names and secrets out of bounds")
  func bounds() throws {
    let place = try Place()
    let files = try Self.create(place)
    for name in ["", "A", "a b", "ü", String(repeating: "a", count: 65), "a/b"] {
      #expect(throws: FileVaultError.name(name)) { try files.store(SecretBytes(random: 1), named: name) }
    }
    #expect(throws: FileVaultError.secretLength(0)) {
      try files.store(SecretBytes(zeroed: 0), named: "a")
    }
    #expect(throws: FileVaultError.secretLength(65537)) {
      try files.store(SecretBytes(zeroed: 65537), named: "a")
    }
    try files.store(SecretBytes(zeroed: 65536), named: String(repeating: "a", count: 64))
    #expect(files.secretNames.count == 1)
  }

  @Test("makes a named secret once")
  func making() throws {
    let place = try Place()
    let files = try Self.create(place)
    let one = try files.secret(named: "x", orMaking: 32)
    let again = try files.secret(named: "x", orMaking: 32)
    let other = try files.secret(named: "y", orMaking: 32)
    #expect(one.count == 32)
    #expect(exposed(one.copy()) == exposed(again.copy()))
    #expect(exposed(one.copy()) != exposed(other.copy()))
  }

  @Test("has another passphrase after that is changed, and all that it held")
  func passphrase() throws {
    let place = try Place()
    let key: BackEndKey
    do {
      let files = try Self.create(place)
      key = try files.generate(.p384, label: "k")
      try files.changePassphrase(secret("other"), cost: Self.cost)
      // Written again under the new one.
      try files.store(secret("s"), named: "s")
    }
    #expect(throws: FileVaultError.passphrase) { _ = try Self.open(place) }
    #expect(throws: FileVaultError.passphraseLength(0)) { _ = try Self.open(place, "") }
    let long = String(repeating: "p", count: 1025)
    #expect(throws: FileVaultError.passphraseLength(1025)) { _ = try Self.open(place, long) }
    let files = try Self.open(place, "other")
    #expect(files.keys == [key])
    #expect(files.secretNames == ["s"])
  }

  @Test("is another domain's or another vault's, and says so")
  func belongs() throws {
    let place = try Place()
    let vaultID = try Self.create(place, domain: .user).vaultID
    #expect(throws: FileVaultError.domain(expected: .operator, found: 1)) { _ = try Self.open(place) }
    #expect(throws: FileVaultError.vaultID(vaultID)) {
      _ = try FileBackEnd.open(
        path: place.vault, domain: .user, vaultID: Bytes32(), passphrase: secret("pass"))
    }
    let files = try FileBackEnd.open(
      path: place.vault, domain: .user, vaultID: vaultID, passphrase: secret("pass"))
    #expect(files.domain == .user)
  }

  @Test("is open once at a time")
  func locked() throws {
    let place = try Place()
    do {
      let files = try Self.create(place)
      #expect(throws: FileVaultError.file(.inUse)) { _ = try Self.open(place) }
      #expect(throws: FileVaultError.file(.inUse)) { _ = try Self.create(place) }
      #expect(files.keys.isEmpty)
    }
    #expect(throws: FileVaultError.exists) { _ = try Self.create(place) }
    _ = try Self.open(place)
  }

  @Test("is not read when others may read it, through a link, or when it is no file")
  func permissions() throws {
    let place = try Place()
    #expect(throws: FileVaultError.absent) { _ = try Self.open(place) }
    _ = try Self.create(place)
    for mode in [0o640, 0o604, 0o660, 0o601] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place.vault)
      #expect(throws: FileVaultError.file(.permissions(mode: UInt32(mode)))) { _ = try Self.open(place) }
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: place.vault)
    try FileManager.default.moveItem(atPath: place.vault, toPath: place.folder + "/real")
    try FileManager.default.createSymbolicLink(
      atPath: place.vault, withDestinationPath: place.folder + "/real")
    #expect(throws: FileVaultError.file(.notRegular)) { _ = try Self.open(place) }
    try FileManager.default.removeItem(atPath: place.vault)
    try FileManager.default.createDirectory(atPath: place.vault, withIntermediateDirectories: false)
    #expect(throws: FileVaultError.file(.notRegular)) { _ = try Self.open(place) }
  }

  @Test("does not write into a file that another left in its way")
  func leftover() throws {
    let place = try Place()
    let files = try Self.create(place)
    try place.write([1, 2, 3], mode: 0o666, to: place.vault + ".new")
    #expect(throws: FileVaultError.file(.permissions(mode: 0o666))) {
      try files.store(SecretBytes(random: 1), named: "a")
    }
    #expect(files.secretNames.isEmpty)
    // One that a crash of ours left is used again.
    try place.write([UInt8](repeating: 1, count: 9999), to: place.vault + ".new")
    try files.store(SecretBytes(random: 1), named: "a")
    #expect(files.secretNames == ["a"])
    try FileManager.default.removeItem(atPath: place.folder + "/secrets.vault")
    let gone = #expect(throws: KeyBackEndError.self) { try files.checkHealth() }
    #expect(gone == .unavailable(code: UInt64(ENOENT)))
  }

  @Test("is refused with any bit changed, any byte missing and any byte more")
  func mutations() throws {
    let place = try Place()
    _ = try Self.create(place)
    let whole = try place.bytes(place.vault)
    #expect(whole.count == 105 + 4 + 16 + 32)
    var counts: [String: Int] = [:]
    for index in whole.indices {
      for bit in 0..<8 {
        var changed = whole
        changed[index] ^= 1 << UInt8(bit)
        try place.write(changed, to: place.vault)
        let error = #expect(throws: FileVaultError.self) { _ = try Self.open(place) }
        counts[error.map { caseName($0) } ?? "none", default: 0] += 1
      }
    }
    // Magic and version say so; a length of more or less bytes than there are; the rest is the checksum's.
    #expect(counts["magic"] == 64)
    #expect(counts["version"] == 16)
    #expect((counts["truncated"] ?? 0) + (counts["trailing"] ?? 0) == 32)
    #expect(counts["damaged"] == 8 * (whole.count - 8 - 2 - 4))
    for count in whole.indices {
      try place.write([UInt8](whole.prefix(count)), to: place.vault)
      let error = #expect(throws: FileVaultError.self) { _ = try Self.open(place) }
      #expect(error.map { caseName($0) } == "truncated", "\(count)")
    }
    try place.write(whole + [0], to: place.vault)
    #expect(throws: FileVaultError.trailing(expected: whole.count, actual: whole.count + 1)) {
      _ = try Self.open(place)
    }
    try place.write(whole, to: place.vault)
    _ = try Self.open(place)
  }

  @Test("gives all that it holds to a backup, from which another is made")
  func backup() throws {
    let place = try Place()
    let files = try Self.create(place)
    let key = try files.generate(.secp256k1AndMLDSA65, label: "k")
    try files.store(secret("s"), named: "s")
    let contents = files.contents()
    let elsewhere = try Place()
    let restored = try FileBackEnd.create(
      path: elsewhere.vault, domain: .operator, passphrase: secret("new"), cost: Self.cost,
      vaultID: files.vaultID, contents: contents)
    #expect(restored.keys == [key])
    #expect(restored.vaultID == files.vaultID)
    #expect(exposed(restored.contents()) == exposed(contents))
    // What is sealed is not in the file.
    let exported = exposed(try files.exportKey(key).copy())
    let stored = try place.bytes(place.vault)
    #expect(!stored.indices.contains { stored[$0...].starts(with: exported.prefix(16)) })
    let third = try Place()
    #expect(throws: FileVaultError.malformed(offset: 4)) {
      _ = try FileBackEnd.create(
        path: third.vault, domain: .operator, passphrase: secret("new"), cost: Self.cost,
        contents: secret("\u{0}\u{0}\u{0}\u{1}"))
    }
    #expect(!FileManager.default.fileExists(atPath: third.vault))
  }

  @Test("is not made at a cost that it would refuse")
  func costs() throws {
    let place = try Place()
    for cost in [
      ScryptCost(n: 1 << 13, r: 8, p: 1), ScryptCost(n: 3 << 14, r: 8, p: 1),
      ScryptCost(n: 1 << 20, r: 16, p: 1),
      ScryptCost(n: 1 << 17, r: 4, p: 1), ScryptCost(n: 1 << 17, r: 8, p: 0), ScryptCost(n: 0, r: 8, p: 1),
    ] {
      #expect(throws: FileVaultError.cost(cost)) {
        _ = try FileBackEnd.create(path: place.vault, domain: .user, passphrase: secret("p"), cost: cost)
      }
    }
    #expect(ScryptCost.standard.isAccepted && ScryptCost.least.isAccepted)
    #expect(ScryptCost.standard == ScryptCost(n: 131_072, r: 8, p: 1))
  }
}
