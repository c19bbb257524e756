import Encodings
import Foundation
import LightClients
import Messages
import SignatureSchemes
import SignerAccess
import SignerWire
import SigningRules
import Testing
import Transactions
import WireBytes

/// Signers whose keys live in a token or a TPM, as their own processes under the enforced filter.
@Suite("causeway-signer with tokens", .serialized, .timeLimit(.minutes(10)))
struct TokenProgramTests {
  // MARK: From init to a restart

  @Test(
    "makes keys in SoftHSM2, signs what requests say with them, and never a second claim, also after a restart",
    .enabled(if: SoftToken.isInstalled, "SoftHSM2 (softhsm2-util and libsofthsm2.so) is not installed"))
  func softHSM() async throws {
    let home = try TokenHome(.token(try SoftToken()))
    try await story(home, suites: [.secp256k1, .ed25519, .p256, .p384]) { location in
      #expect(location["where"]?.string == "token")
      #expect(location["manufacturer"]?.string == "SoftHSM project")
      #expect(location["sensitive"]?.boolean == true && location["extractable"]?.boolean == false)
      #expect(location["madeInside"]?.boolean == true)
      #expect(location["proof"]?.string == "none: the token's own word")
    }
  }

  @Test(
    "makes keys in a TPM, signs what requests say with them, and never a second claim, also after a restart",
    .enabled(if: SoftTPM.isInstalled, "swtpm is not installed: no TPM to test with"))
  func chip() async throws {
    let home = try TokenHome(.chip(try SoftTPM()))
    try await story(home, suites: [.p256, .p384]) { location in
      #expect(location["where"]?.string == "tpm")
      try Self.checkCertificate(location)
    }
    // Neither chains nor TPMs have the other's curves.
    let serving = try home.serve()
    let other = try home.generate(.secp256k1)
    #expect(other.code == 1 && other.complaint.contains("suite"), "\(other.complaint)")
    #expect(serving.stop() == 0)
  }

  private func story(
    _ home: TokenHome, suites: [KeySuite], location: (JSONValue) throws -> Void
  ) async throws {
    #expect(home.made.code == 0, "\(home.made.complaint)")
    // Keys are made by the running signer: its filter must let the token do that, too.
    let making = try home.serve()
    #expect(
      making.ready.hasPrefix("ready \(home.signer)/signer.sock domain=operator"), "\(making.complaints)")
    for suite in suites {
      let made = try home.generate(suite)
      #expect(made.code == 0, "\(suite): \(made.complaint)")
    }
    #expect(making.stop() == 0, "\(making.complaints)")
    let keys = try {
      let serving = try home.serve()
      defer { #expect(serving.stop() == 0) }
      return try home.keys()
    }()
    #expect(keys.map(\.suite.rawValue) == suites.map(\.rawValue).sorted())
    #expect(keys.allSatisfy { $0.backEnd == home.place.backEnd && $0.state == "active" })
    try home.grantAll(keys)

    var signatures: [KeyID: [UInt8]] = [:]
    for round in 0..<2 {
      let serving = try home.serve()
      let status = try home.ask(["status"]).json()
      #expect(status["hardening"]?["system-call-filter"]?.string == "done")
      #expect(status["hardening"]?["no-new-privileges"]?.string == "done")
      #expect(status["backEnds"]?.array?.allSatisfy { $0["healthy"]?.boolean == true } == true)
      #expect(try home.keys() == keys)
      let client = try home.client()
      for key in keys {
        let signed = try await client.sign(try Claims.attestation(height: 5), key: key.id)
        try Claims.check(signed, of: try Claims.attestation(height: 5), by: key)
        if round == 0 { signatures[key.id] = signed }
        // The mark was on the disk before the first one left, and is in force again after the restart.
        #expect(await Self.refusal(client, try Claims.attestation(height: 5, root: 2), key) == "otherRoot")
        let next = try Claims.attestation(height: 6 + UInt64(round))
        try Claims.check(try await client.sign(next, key: key.id), of: next, by: key)
        for request in [try Claims.vote(height: 5 + Int64(round)), try Claims.transaction(by: key)] {
          if key.suite.signsForChains {
            try Claims.check(try await client.sign(request, key: key.id), of: request, by: key)
          } else {
            #expect(await Self.refusal(client, request, key) == "purposeNotOfKey")
          }
        }
        if key.suite.signsForChains {
          let other = try Claims.vote(height: 5 + Int64(round), block: nil)
          #expect(await Self.refusal(client, other, key) == "otherVote")
        }
        let shown = try home.ask([
          "keys", "location", key.label, "--challenge", Claims.challenge.description,
        ])
        #expect(shown.code == 0, "\(shown.complaint)")
        let answer = try shown.json()
        #expect(answer["key"]?.string == key.id.description)
        try location(answer)
      }
      await client.close()
      #expect(serving.stop() == 0, "\(serving.complaints)")
    }
    #expect(signatures.count == suites.count)
    #expect(try SignerProgram.run(["audit", "verify", "--directory", home.signer]).code == 0)
  }

  /// The name of the refusal; nil when it was signed.
  static func refusal(_ client: SignerClient, _ request: SigningRequest, _ key: SignerKey) async -> String? {
    do {
      _ = try await client.sign(request, key: key.id)
      return nil
    } catch .refused(let refusal) { return refusal.name } catch { return "\(error)" }
  }

  /// The TPM's statement holds the challenge, and is signed by the key that it names (TPM 2.0 part 2, 10.12 and 11.3).
  private static func checkCertificate(_ location: JSONValue) throws {
    #expect(location["challenge"]?.string == Claims.challenge.description)
    let statement = try Hex.decode(try #require(location["attestation"]?.string))
    let signature = try Hex.decode(try #require(location["signature"]?.string))
    let area = try Hex.decode(try #require(location["attestationKey"]?.string))
    #expect(Array(statement.prefix(6)) == [0xff, 0x54, 0x43, 0x47, 0x80, 0x17])
    #expect(statement.firstRange(of: Claims.challenge.array) != nil)
    // TPMT_SIGNATURE: ECDSA, SHA-256, r and s with their lengths; the area ends in x and y with theirs.
    #expect(Array(signature.prefix(4)) == [0x00, 0x18, 0x00, 0x0b])
    let (r, s) = try pair(Array(signature.dropFirst(4)))
    let (x, y) = try pair(Array(area.suffix(68)))
    let key = try ECDSAP256.PublicKey(coordinates: try Bytes64(x + y))
    let whole = r + s
    try ECDSAP256.verify(statement.span, signature: whole.span, key: key)
  }

  /// Two numbers of 32 bytes; shorter ones are filled up.
  private static func pair(_ bytes: [UInt8]) throws -> ([UInt8], [UInt8]) {
    var rest = bytes[...]
    func number() throws -> [UInt8] {
      let count = Int(try #require(rest.first)) << 8 | Int(try #require(rest.dropFirst().first))
      try #require(count <= 32 && rest.count >= 2 + count)
      let number = Array(rest.dropFirst(2).prefix(count))
      rest = rest.dropFirst(2 + count)
      return [UInt8](repeating: 0, count: 32 - count) + number
    }
    return (try number(), try number())
  }

  // MARK: Tokens that go away

  @Test(
    "stays up when its token is made anew, refuses by name, and signs on when the token can",
    .enabled(if: SoftToken.isInstalled, "SoftHSM2 (softhsm2-util and libsofthsm2.so) is not installed"))
  func remade() async throws {
    let token = try SoftToken()
    let home = try TokenHome(.token(token))
    let (key, other) = try prepared(home, .p256)
    let serving = try home.serve()
    let client = try home.client()
    let first = try Claims.attestation(height: 5)
    try Claims.check(try await client.sign(first, key: key.id), of: first, by: key)
    try token.initialiseAgain()
    let second = try Claims.attestation(height: 6)
    let refusal = await Self.refusal(client, second, key)
    #expect(refusal == "keyMissing")
    // The file's key does not care; the service answers, and says what is wrong.
    try Claims.check(try await client.sign(second, key: other.id), of: second, by: other)
    let status = try home.ask(["status"])
    #expect(status.code == 0, "\(status.complaint)")
    #expect(try status.json()["halted"] == .null)
    await client.close()
    #expect(serving.stop() == 0, "\(serving.complaints)")

    // A new process sees the empty token: the key is gone for good, new ones are made in it.
    let later = try home.serve()
    #expect(later.ready.hasPrefix("ready"), "\(later.complaints)")
    let again = try home.client()
    #expect(await Self.refusal(again, second, key) == "keyMissing")
    #expect(try home.generate(.secp256k1).code == 0)
    await again.close()
    #expect(later.stop() == 0)
  }

  @Test(
    "stays up while its TPM is away, refuses with a time to come back, and signs on when it is there again",
    .enabled(if: SoftTPM.isInstalled, "swtpm is not installed: no TPM to test with"))
  func away() async throws {
    let chip = try SoftTPM()
    let home = try TokenHome(.chip(chip))
    let (key, other) = try prepared(home, .p256)
    let serving = try home.serve()
    let client = try home.client()
    let first = try Claims.attestation(height: 5)
    try Claims.check(try await client.sign(first, key: key.id), of: first, by: key)
    chip.stop()
    let second = try Claims.attestation(height: 6)
    #expect(await Self.refusal(client, second, key) == "keyUnavailable")
    try Claims.check(try await client.sign(second, key: other.id), of: second, by: other)
    let status = try home.ask(["status"]).json()
    #expect(status["halted"] == .null)
    #expect(
      status["backEnds"]?.array?.map { $0["healthy"]?.boolean } == [true, false],
      "\(status["backEnds"] ?? .null)")
    try chip.start()
    // What it refused to sign is marked all the same, and may be asked for again; another claim may not.
    try Claims.check(try await client.sign(second, key: key.id), of: second, by: key)
    #expect(await Self.refusal(client, try Claims.attestation(height: 6, root: 2), key) == "otherRoot")
    await client.close()
    #expect(serving.stop() == 0, "\(serving.complaints)")
  }

  @Test(
    "does not start without its token, says what to do, and makes no signer with a wrong PIN, which it tries once",
    .enabled(if: SoftToken.isInstalled, "SoftHSM2 (softhsm2-util and libsofthsm2.so) is not installed"))
  func unplugged() throws {
    let token = try SoftToken()
    let wrong = try TokenHome(.token(token), pin: "8765")
    #expect(wrong.made.code == 2, "\(wrong.made.complaint)")
    #expect(
      wrong.made.complaint.contains("the token's PIN is wrong or locked (its code is 160)"),
      "\(wrong.made.complaint)")
    let home = try TokenHome(.token(token))
    #expect(home.made.code == 0, "\(home.made.complaint)")
    try token.takeAway()
    let absent = try home.open(["run"])
    #expect(
      absent.code == 3 && absent.complaint.contains("the token cannot be reached"), "\(absent.complaint)")
    try token.putBack()
    let serving = try home.serve()
    #expect(serving.ready.hasPrefix("ready"), "\(serving.complaints)")
    #expect(serving.stop() == 0)
  }

  /// One key in the place, one in the file, both granted.
  private func prepared(_ home: TokenHome, _ suite: KeySuite) throws -> (SignerKey, SignerKey) {
    #expect(home.made.code == 0, "\(home.made.complaint)")
    let making = try home.serve()
    let made = try home.generate(suite)
    #expect(made.code == 0, "\(made.complaint)")
    let other = try home.generate(.ed25519, on: "file")
    #expect(other.code == 0, "\(other.complaint)")
    let keys = try home.keys()
    #expect(making.stop() == 0)
    try home.grantAll(keys)
    return (
      try #require(keys.first { $0.backEnd == home.place.backEnd }),
      try #require(keys.first { $0.backEnd == "file" })
    )
  }
}

/// Requests, and what verifiers make of the signatures.
enum Claims {
  static let challenge = Bytes32 { UInt8(255 - $0) }

  static func attestation(
    height: UInt64, root: UInt8 = 1, seconds: UInt64? = nil
  ) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try AttestationBinding(
          origin: try DomainID(TokenHome.origin), router: [UInt8]("ibc".utf8),
          client: try ClientID("client-0")),
        height: Height(height), timestamp: UnixTime(seconds: seconds ?? 1_700_000_000 + height),
        body: .state(root: Bytes32 { _ in root })))
  }

  static let block = CometBFT.BlockID(
    hash: Bytes32 { _ in 7 }, parts: CometBFT.PartSetHeader(total: 1, hash: Bytes32 { _ in 8 }))

  static func vote(height: Int64, block: CometBFT.BlockID? = block) throws -> SigningRequest {
    .vote(
      try VoteStatement(
        chainID: TokenHome.chain, kind: .precommit, height: height, round: 0, blockID: block,
        timestamp: try CometBFT.Timestamp(seconds: 1_800_000_000)))
  }

  /// By the key's own account; where chains have no such accounts, by another's.
  static func transaction(by key: SignerKey) throws -> SigningRequest {
    let account: AccountKey =
      switch key.suite {
      case .ed25519: .ed25519(try Bytes32(key.publicKey))
      case .secp256k1: .secp256k1(try FixedBytes<33>(key.publicKey))
      default: .ed25519(Bytes32())
      }
    return .transaction(
      UnsignedTransaction(
        [AnyMessage(typeURL: TokenHome.typeURL, value: [1, 2, 3])],
        fee: [Coin(UInt256(5), try Denom("stake"))], gasLimit: 200_000, key: account, sequence: 4,
        chainID: TokenHome.chain, accountNumber: 7))
  }

  /// What was signed, from the request's fields and not from the signer's payload.
  private enum Signed {
    case digest(Bytes32)
    case message([UInt8])
  }

  /// Throws unless `signature` is one that the verifiers of our clients and of chains take.
  static func check(_ signature: [UInt8], of request: SigningRequest, by key: SignerKey) throws {
    let signed: Signed =
      switch request {
      case .attestation(let statement): .digest(statement.digest)
      case .foreignAttestation(_, let statement): .digest(statement.digest)
      case .vote(let vote): .message(vote.signBytes)
      case .transaction(let transaction): .message(transaction.signBytes)
      case .evmTransaction(let transaction): .digest(transaction.signingHash)
      }
    switch (key.suite, signed) {
    case (.secp256k1, .digest(let digest)):
      // With its recovery value, as the attestation client's contract takes it.
      let point = try Secp256k1.recover(
        digest: digest,
        signature: try Secp256k1.RecoverableSignature(signature, form: .twentySevenOrTwentyEight),
        policy: .lowSRequired)
      #expect(point.compressed.array == key.publicKey)
    case (.secp256k1, .message(let message)):
      try AccountKey.secp256k1(try FixedBytes<33>(key.publicKey)).verify(signature, over: message)
    case (.ed25519, .digest(let digest)):
      try ed25519(digest.array, signature, key)
    case (.ed25519, .message(let message)):
      try ed25519(message, signature, key)
    case (.p256, .digest(let digest)):
      let point = try ECDSAP256.PublicKey(sec1: key.publicKey.span)
      try ECDSAP256.verify(digest: digest, signature: try Bytes64(signature), key: point)
    case (.p384, .digest(let digest)):
      let point = try ECDSAP384.PublicKey(sec1: key.publicKey.span)
      let message = digest.array
      try ECDSAP384.verify(message.span, signature: signature.span, key: point)
    default: Issue.record("no verifier for \(key.suite) and \(request.purpose)")
    }
  }

  private static func ed25519(_ message: [UInt8], _ signature: [UInt8], _ key: SignerKey) throws {
    try Ed25519.verify(
      message.span, signature: try Bytes64(signature), key: try Bytes32(key.publicKey), rule: .rfc8032Strict)
  }
}
