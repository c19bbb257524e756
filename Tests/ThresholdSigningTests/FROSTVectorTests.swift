import Encodings
import Foundation
import SignatureSchemes
import TestSupport
import Testing
import ThresholdSigning
import WireBytes

@Suite("FROST(Ed25519, SHA-512), RFC 9591")
struct FROSTVectorTests {
  private static let corpus = Corpora.directory("keys").map { $0 + "/frost" }

  @Test(
    "gives every value of the RFC's vector, and leaves the other ciphersuites alone",
    .enabled(if: corpus != nil, "corpus keys is absent"))
  func published() throws {
    let folder = try #require(Self.corpus)
    var run = 0
    var skipped: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    where name.hasSuffix(".json") {
      let file = try VectorFile.json(folder + "/" + name)
      let isOurSuite = file["config"]?["name"]?.string == "FROST(Ed25519, SHA-512)"
      guard isOurSuite else {
        skipped[name] = "a ciphersuite over another group"
        continue
      }
      guard file["inputs"]?["group_secret_key"] != nil else {
        skipped[name] =
          "key generation over ristretto255 under this suite's name: its scalars are compared elsewhere"
        continue
      }
      try Self.check(file)
      run += 1
    }
    #expect(run == 1)
    #expect(skipped.count == 10, "\(skipped)")
  }

  private static func check(_ file: JSONValue) throws {
    let inputs = try #require(file["inputs"])
    let message = try inputs.bytes("message")
    let shares = try inputs.list("participant_shares")
    let signers = try inputs.list("participant_list").map { try #require($0.integer(UInt16.self)) }

    // The shares lie on the polynomial that the vector gives.
    let coefficients = try inputs.list("share_polynomial_coefficients").map { value in
      try Bytes32(Hex.decode(try #require(value.string)))
    }
    let dealer = try DealtPolynomial([try inputs.bytes32("group_secret_key")] + coefficients)
    var verifying: [GroupPublicKey.VerifyingShare] = []
    for share in shares {
      let identifier = try share.identifier()
      let secret = try share.bytes32("participant_share")
      #expect(try dealer.share(of: identifier) == secret)
      let scalar = try SecretScalar(canonical: secret.span)
      verifying.append(.init(identifier: identifier, element: try scalar.publicPoint))
    }
    let group = try GroupPublicKey(threshold: 2, shares: verifying)
    #expect(group.key == (try inputs.bytes32("group_public_key")))

    // Round one.
    let roundOne = try #require(file["round_one_outputs"]).list("outputs")
    #expect(try roundOne.map { try $0.identifier().number } == signers)
    var holders: [Holder] = []
    for row in roundOne {
      let identifier = try row.identifier()
      let secret = try #require(shares.first { (try? $0.identifier()) == identifier }).bytes32(
        "participant_share")
      holders.append(try KeyShare.given(identifier, secret, group))
    }
    func nonces(_ index: Int) throws -> SigningNonces {
      holders[index].share.commit(
        hidingRandomness: try roundOne[index].bytes32("hiding_nonce_randomness"),
        bindingRandomness: try roundOne[index].bytes32("binding_nonce_randomness"))
    }
    var commitments: [NonceCommitment] = []
    for (index, row) in roundOne.enumerated() {
      let made = try nonces(index)
      let secrets = (made.hiding.copied, made.binding.copied)
      #expect(secrets.0 == (try row.bytes32("hiding_nonce")))
      #expect(secrets.1 == (try row.bytes32("binding_nonce")))
      #expect(made.commitment.hiding.bytes == (try row.bytes32("hiding_nonce_commitment")))
      #expect(made.commitment.binding.bytes == (try row.bytes32("binding_nonce_commitment")))
      commitments.append(made.commitment)
    }
    let session = try SigningSession(message: message, commitments: commitments, group: group)
    let steps = session.bindingFactorSteps
    for (index, row) in roundOne.enumerated() {
      #expect(steps[index].input == (try row.bytes("binding_factor_input")))
      #expect(steps[index].factor == (try row.bytes32("binding_factor")))
    }

    // Round two.
    let roundTwo = try #require(file["round_two_outputs"]).list("outputs")
    var answers: [SignatureShare] = []
    for (index, row) in roundTwo.enumerated() {
      let answer = try holders[index].share.sign(session, with: try nonces(index))
      #expect(Array(answer.encoded().dropFirst(2)) == (try row.bytes("sig_share")))
      try session.verify(answer)
      answers.append(answer)
    }
    let signature = try session.aggregate(answers)
    #expect(signature.array == (try #require(file["final_output"]).bytes("sig")))
  }

  @Test(
    "shares a secret as the published key generation over ristretto255 does, which has the same scalars",
    .enabled(if: corpus != nil, "corpus keys is absent"))
  func ristrettoScalars() throws {
    let file = try VectorFile.json(try #require(Self.corpus) + "/zf_ristretto255.dkg.json")
    let inputs = try #require(file["inputs"])
    var compared = 0
    for sender in 1...3 {
      let row = try #require(inputs[String(sender)])
      let polynomial = try DealtPolynomial([try row.bytes32("signing_key"), try row.bytes32("coefficient")])
      for receiver in 1...3 where receiver != sender {
        // The file lists what each has received.
        let received = try #require(inputs[String(receiver)]?["signing_shares"])
        let identifier = try #require(ParticipantIdentifier(UInt16(receiver)))
        #expect(try polynomial.share(of: identifier) == (try received.bytes32(String(sender))))
        compared += 1
      }
    }
    #expect(compared == 6)
  }

  @Test("gives the shares and signatures that an implementation in Python gives", arguments: 0..<4)
  func python(index: Int) throws {
    let cases = try VectorFile.frost().list("signings")
    #expect(cases.count == 4)
    let vector = cases[index]
    let participants = try vector.list("participants")
    let group = try GroupPublicKey(
      threshold: try vector.number("threshold"),
      shares: try participants.map { row in
        .init(identifier: try row.identifier(), element: try GroupElement(try row.bytes32("public")))
      })
    #expect(group.key == (try vector.bytes32("groupKey")))
    let signers = try vector.list("signers")
    var holders: [Holder] = []
    for row in signers {
      let identifier = try row.identifier()
      let secret = try #require(participants.first { (try? $0.identifier()) == identifier }).bytes32("secret")
      holders.append(try KeyShare.given(identifier, secret, group))
    }
    func nonces(_ index: Int) throws -> SigningNonces {
      holders[index].share.commit(
        hidingRandomness: try signers[index].bytes32("hidingRandomness"),
        bindingRandomness: try signers[index].bytes32("bindingRandomness"))
    }
    var commitments: [NonceCommitment] = []
    for (index, row) in signers.enumerated() {
      let commitment = try nonces(index).commitment
      #expect(commitment.hiding.bytes == (try row.bytes32("hiding")))
      #expect(commitment.binding.bytes == (try row.bytes32("binding")))
      commitments.append(commitment)
    }
    let session = try SigningSession(
      message: try vector.bytes("message"), commitments: commitments.reversed(), group: group)
    let factors = try signers.map { try $0.bytes32("factor") }
    #expect(session.bindingFactorSteps.map(\.factor) == factors)
    var answers: [SignatureShare] = []
    for (index, row) in signers.enumerated() {
      let answer = try holders[index].share.sign(session, with: try nonces(index))
      #expect(Array(answer.encoded().dropFirst(2)) == (try row.bytes("share")))
      answers.append(answer)
    }
    #expect(try session.aggregate(answers.reversed()).array == (try vector.bytes("signature")))
  }

  @Test("gives the shares, keys and proofs of key generations made elsewhere", arguments: 0..<4)
  func generations(index: Int) throws {
    let cases = try VectorFile.frost().list("generations")
    #expect(cases.count == 4)
    let vector = cases[index]
    let context = try vector.bytes("context")
    let participants = try vector.list("participants")
    var compared = 0
    var verifying: [GroupPublicKey.VerifyingShare] = []
    for row in participants {
      let own = try row.identifier()
      let coefficients = try row.list("coefficients").map { value in
        try Bytes32(Hex.decode(try #require(value.string)))
      }
      let polynomial = try SecretPolynomial(coefficients)
      let elements = polynomial.commitments
      #expect(
        elements.map { Hex.encode($0.bytes.span) } == (try row.list("commitments").compactMap(\.string)))
      let commitments = PolynomialCommitments(elements: elements)
      let shares = try #require(row["shares"]?.object)
      for (receiver, share) in shares {
        let identifier = try #require(UInt16(receiver).flatMap { ParticipantIdentifier($0) })
        let value = polynomial.value(at: identifier)
        let copied = value.copied
        #expect(copied == (try Bytes32(hex: try #require(share.string))))
        let point = try value.publicPoint
        #expect(point == commitments.element(at: identifier))
        compared += 1
      }
      let proof = try #require(ProofOfKnowledge(try Bytes64(try row.bytes("proof"))))
      #expect(proof.holds(for: elements[0], by: own, context: context))
      #expect(!proof.holds(for: elements[0], by: own, context: context + [0]))
      #expect(!proof.holds(for: elements[1], by: own, context: context))
      let other = try #require(ParticipantIdentifier(own.number &+ 1 == 0 ? 1 : own.number &+ 1))
      #expect(!proof.holds(for: elements[0], by: other, context: context))
      let ours = ProofOfKnowledge(of: polynomial, by: own, context: context)
      #expect(ours.holds(for: elements[0], by: own, context: context))
      let bytes = try row.bytes32("signingShare")
      let signingShare = try SecretScalar(canonical: bytes.span)
      let element = try signingShare.publicPoint
      #expect(element.bytes == (try row.bytes32("verifyingShare")))
      verifying.append(.init(identifier: own, element: element))
    }
    #expect(compared == participants.count * participants.count)
    let group = try GroupPublicKey(threshold: try vector.number("threshold"), shares: verifying)
    #expect(group.key == (try vector.bytes32("groupKey")))
  }

  @Test("refuses every encoding that is no element of the group")
  func points() throws {
    let cases = try VectorFile.frost().list("points")
    #expect(cases.count == 23)
    for vector in cases {
      let bytes = try vector.bytes32("point")
      let expected: GroupElementError? =
        switch vector["error"]?.string {
        case "identity": .identity
        case "invalid": .invalid
        default: nil
        }
      var seen: GroupElementError?
      do { _ = try GroupElement(bytes) } catch { seen = error }
      #expect(seen == expected, "\(vector["name"]?.string ?? "")")
    }
  }

  @Test("refuses every scalar but the one encoding of each")
  func scalars() throws {
    let cases = try VectorFile.frost().list("scalars")
    #expect(cases.count == 10)
    for vector in cases {
      let bytes = try vector.bytes("scalar")
      let expected: ScalarError? =
        switch vector["error"]?.string {
        case "zero": .zero
        case "notCanonical": .notCanonical
        case "length": .length(bytes.count)
        default: nil
        }
      var seen: ScalarError?
      do { _ = try SecretScalar(canonical: bytes.span) } catch { seen = error }
      #expect(seen == expected, "\(vector["name"]?.string ?? "")")
      guard bytes.count == 32 else { continue }
      // As a share of a signature, zero is allowed and the others are not.
      var refusal: SigningMessageError?
      let share = [0, 1] + bytes
      do { _ = try SignatureShare(decoding: share.span) } catch { refusal = error }
      #expect(refusal == (expected == .notCanonical ? .scalar(.notCanonical) : nil))
    }
  }
}
