import Enclaves
import Encodings
import Messages
import Testing
import WireBytes

@Suite("Disclosure of parts of an input")
struct DisclosureTests {
  @Test("branches are those of remerkleable's tree")
  func branches() throws {
    let vectors = try #require(try EnclaveVectors.file("envelopes")["branches"])
    let input = try SealedInput(decoding: try vectors.hex("input"))
    #expect(input.root() == (try vectors.hash("root")))
    let world = try EnclaveWorld()
    let envelope = try SealedEnvelope(
      sealing: input, to: world.keys, case: world.caseID, sender: world.accounts[0], nonce: 1,
      expires: world.opening.expires)
    let cases = try #require(vectors["cases"]?.array)
    #expect(cases.count == 5)
    for vector in cases {
      let part: InputPart =
        switch try vector.text("part") {
        case "body": .body
        case "replySuite": .replySuite
        case "replyKey": .replyKey
        case "field 0": .field(0)
        default: .field(1)
        }
      let disclosure = try InputDisclosure(
        of: part, input: input, envelope: envelope, position: 0, commitments: [envelope.commitment])
      let branch = try #require(vector["branch"]?.array).map { try Bytes32(hex: try #require($0.string)) }
      #expect(disclosure.branch == branch, "\(part)")
      try disclosure.verify(inputs: try CaseInputs.root([envelope.commitment]))
    }
  }

  struct Shown {
    let disclosure: InputDisclosure
    let inputs: Bytes32
    let input: SealedInput
    let envelope: SealedEnvelope
    let commitments: [Bytes32]
  }

  private func shown(_ part: InputPart = .field(1)) throws -> Shown {
    let world = try EnclaveWorld()
    let fields = try (0..<3).map {
      try SealedInput.Field(name: "f\($0)", value: [UInt8($0)], salt: EnclaveWorld.hash(UInt8($0 + 1)))
    }
    let submission = try world.submission(1, body: "secret", fields: fields)
    let commitments = [
      EnclaveWorld.hash(1), submission.record.commitment, EnclaveWorld.hash(2), EnclaveWorld.hash(3),
    ]
    return Shown(
      disclosure: try InputDisclosure(
        of: part, input: submission.input, envelope: submission.envelope, position: 1,
        commitments: commitments),
      inputs: try CaseInputs.root(commitments), input: submission.input, envelope: submission.envelope,
      commitments: commitments)
  }

  @Test(
    "shows one part against the receipt's inputs",
    arguments: [InputPart.body, .replyKey, .replySuite, .field(0), .field(1), .field(2)])
  func accepted(part: InputPart) throws {
    let given = try shown(part)
    #expect(given.disclosure.shown.part == part)
    try given.disclosure.verify(inputs: given.inputs)
  }

  @Test("shows nothing else: the hidden parts are behind their salts")
  func hiding() throws {
    let given = try shown(.field(1))
    let body = try SSZType.byteList(limit: 65_536).hashTreeRoot(.packed(given.input.body))
    #expect(!given.disclosure.branch.contains(body))
    #expect(!given.disclosure.branch.contains(given.input.salt))
    // Another body under the same salts changes a node of the branch and nothing that is shown.
    let other = try SealedInput(
      reply: given.input.reply, body: [UInt8]("other".utf8), salt: EnclaveWorld.hash(77),
      fields: given.input.fields)
    let envelope = try SealedEnvelope(
      header: EnvelopeHeader(
        suite: given.envelope.header.suite, registration: given.envelope.header.registration,
        case: given.envelope.header.case, sender: given.envelope.header.sender, nonce: 1,
        expires: given.envelope.header.expires, content: other.root()),
      encapsulated: given.envelope.encapsulated, ciphertext: given.envelope.ciphertext)
    let second = try InputDisclosure(
      of: .field(1), input: other, envelope: envelope, position: 0, commitments: [envelope.commitment])
    #expect(second.shown == given.disclosure.shown)
    #expect(zip(second.branch, given.disclosure.branch).filter { $0 != $1 }.count == 1)
  }

  @Test("refuses another value, place, branch, envelope and receipt")
  func refused() throws {
    let given = try shown()
    let right = given.disclosure
    func refuse(_ disclosure: InputDisclosure, inputs: Bytes32? = nil, inBranch: Bool) {
      do throws(DisclosureError) {
        try disclosure.verify(inputs: inputs ?? given.inputs)
        Issue.record("accepted")
      } catch {
        switch error {
        case .branch: #expect(inBranch)
        case .inputs: #expect(!inBranch)
        default: Issue.record("\(error)")
        }
      }
    }
    func with(
      shown: InputDisclosure.Shown? = nil, branch: [Bytes32]? = nil, envelope: SealedEnvelope? = nil,
      position: Int? = nil, inputsBranch: [Bytes32]? = nil
    ) -> InputDisclosure {
      InputDisclosure(
        shown: shown ?? right.shown, branch: branch ?? right.branch, envelope: envelope ?? right.envelope,
        position: position ?? right.position, inputsBranch: inputsBranch ?? right.inputsBranch)
    }
    let field = given.input.fields[1]
    refuse(with(shown: .field(0, field)), inBranch: true)
    refuse(with(shown: .field(1, given.input.fields[0])), inBranch: true)
    refuse(
      with(shown: .field(1, try .init(name: "f1", value: [9], salt: field.salt))), inBranch: true)
    refuse(
      with(shown: .field(1, try .init(name: "g1", value: field.value, salt: field.salt))), inBranch: true)
    refuse(with(shown: .body([1])), inBranch: true)
    refuse(with(branch: Array(right.branch.dropLast())), inBranch: true)
    refuse(with(branch: right.branch + [Bytes32()]), inBranch: true)
    for place in right.branch.indices {
      var branch = right.branch
      branch[place] = EnclaveWorld.hash(0xfe)
      refuse(with(branch: branch), inBranch: true)
    }
    for place in right.inputsBranch.indices {
      var branch = right.inputsBranch
      branch[place] = EnclaveWorld.hash(0xfe)
      refuse(with(inputsBranch: branch), inBranch: false)
    }
    refuse(with(position: 0), inBranch: false)
    refuse(with(), inputs: EnclaveWorld.hash(9), inBranch: false)
    let header = right.envelope.header
    let moved = try SealedEnvelope(
      header: EnvelopeHeader(
        suite: header.suite, registration: header.registration, case: header.case, sender: header.sender,
        nonce: 2, expires: header.expires, content: header.content),
      encapsulated: right.envelope.encapsulated, ciphertext: right.envelope.ciphertext)
    refuse(with(envelope: moved), inBranch: false)
    #expect(throws: DisclosureError.index(256)) { try with(position: 256).verify(inputs: given.inputs) }
    #expect(throws: DisclosureError.index(-1)) { try with(position: -1).verify(inputs: given.inputs) }
    #expect(throws: DisclosureError.noPart(.field(64))) {
      try with(shown: .field(64, field)).verify(inputs: given.inputs)
    }
    #expect(throws: DisclosureError.noPart(.field(-1))) {
      try with(shown: .field(-1, field)).verify(inputs: given.inputs)
    }
    #expect(throws: DisclosureError.noPart(.field(3))) {
      try InputDisclosure(
        of: .field(3), input: given.input, envelope: given.envelope, position: 1,
        commitments: given.commitments)
    }
    #expect(throws: DisclosureError.index(0)) {
      try InputDisclosure(
        of: .body, input: given.input, envelope: given.envelope, position: 0, commitments: given.commitments)
    }
  }
}
