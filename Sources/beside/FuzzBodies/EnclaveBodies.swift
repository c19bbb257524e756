private import Enclaves
private import Encodings
private import Messages
private import WireBytes

/// Bodies over the decoders of Enclaves, and of the containers of Messages that belong to them.
public enum EnclaveBodies {
  public static let all: [FuzzBody] = [
    containers, policy, answer, bundle, block, sdJWT, jwk,
  ]

  /// The first byte chooses the container; what decodes encodes to just those bytes, and has a root.
  static let containers = FuzzBody(
    name: "enclave-containers",
    seeds: [
      [0] + token, [5] + token, [6] + token,
      [3] + [0, 0, 110, 0, 0, 0] + [UInt8](repeating: 0, count: 40),
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    switch choice % 14 {
    case 0: check(EnclaveKeys.self, rest)
    case 1: check(EnvelopeHeader.self, rest)
    case 2: check(SealedEnvelope.self, rest)
    case 3: check(SealedInput.self, rest)
    case 4: check(SealedReply.self, rest)
    case 5: check(Token.self, rest)
    case 6: check(Receipt.self, rest)
    case 7: check(Update.self, rest)
    case 8: check(Transition.self, rest)
    case 9: check(CaseOpening.self, rest)
    case 10: check(CaseInput.self, rest)
    case 11: check(CaseRecord.self, rest)
    case 12: check(RegistrationRecord.self, rest)
    default: check(ComputationJob.self, rest)
    }
  }

  private static func check<Container: EnclaveContainer>(_ type: Container.Type, _ bytes: [UInt8]) {
    guard let value = try? Container(decoding: bytes) else { return }
    precondition(value.encoded() == bytes)
    guard let again = try? Container(decoding: value.encoded()) else {
      preconditionFailure("a container does not read back")
    }
    precondition(again == value && again.root() == value.root())
  }

  /// A token of zeros.
  private static let token: [UInt8] = [1, 0] + [UInt8](repeating: 0, count: 3 * 32 + 16)

  static let policy = FuzzBody(
    name: "enclave-policy",
    seeds: [
      [UInt8](
        #"{"gas":1,"ledger":null,"maximumInputSize":1,"maximumInputs":1,"schema":"causeway-enclave-policy/1"}"#
          .utf8),
      [UInt8](
        #"{"gas":1,"ledger":{"chainId":"demo-1","validatorsHash":"0x0000000000000000000000000000000000000000000000000000000000000000"},"maximumInputSize":1,"maximumInputs":1,"schema":"causeway-enclave-policy/1"}"#
          .utf8),
    ]
  ) { bytes in
    guard let policy = try? EnclavePolicy(decoding: bytes) else { return }
    guard let again = try? EnclavePolicy(decoding: [UInt8](policy.text.utf8)) else {
      preconditionFailure("a policy does not read back")
    }
    precondition(again == policy && again.hash == policy.hash)
  }

  /// What reads of a program's answer keeps its bounds.
  static let answer = FuzzBody(
    name: "enclave-program-answer",
    seeds: [
      [UInt8](
        #"{"payouts":[],"replies":[],"state":"0x0000000000000000000000000000000000000000000000000000000000000000"}"#
          .utf8),
      [UInt8](
        #"{"payouts":[{"account":"0x0001000001010100","coins":[{"amount":"1","denom":"a"}]}],"replies":[{"body":"","to":0}],"state":"0x"}"#
          .utf8),
    ]
  ) { bytes in
    guard let answer = try? ProgramAnswer(decoding: bytes, inputCount: 3) else { return }
    precondition(answer.payouts.count <= Update.payoutCountMax)
    precondition(answer.replies.allSatisfy { $0.to < 3 && $0.body.count <= SealedReply.bodySizeMax })
  }

  static let bundle = FuzzBody(
    name: "custody-bundle",
    seeds: [
      [UInt8](
        #"{"block":"0x","domain":"0x0001ca020d636f736d6f733a64656d6f2d3100","inputs":[],"opening":"0x","record":{"proof":"0x","value":"0x"},"schema":"causeway-custody/1","settlement":null}"#
          .utf8)
    ]
  ) { bytes in
    guard let bundle = try? CustodyBundle(decoding: bytes) else { return }
    precondition([UInt8](bundle.text.utf8) == bytes)
    let report = CustodyAudit(trust: .init(chainID: "demo-1", validatorsHash: Bytes32())).walk(bundle)
    precondition((try? report.verify()) == nil)
  }

  static let block = FuzzBody(name: "custody-block", seeds: [[0x0a, 0, 0x12, 0]]) { bytes in
    guard let block = try? LedgerBlock(decoding: bytes) else { return }
    guard let again = try? LedgerBlock(decoding: block.encoded()) else {
      preconditionFailure("a block does not read back")
    }
    precondition(again == block)
  }

  static let sdJWT = FuzzBody(
    name: "sd-jwt",
    seeds: [
      [UInt8]("eyJhbGciOiJFUzI1NiJ9.e30.AA~WyJzIiwiYSIsMV0~".utf8),
      [UInt8]("eyJhbGciOiJFUzI1NiJ9.eyJfc2QiOltdLCJsIjpbeyIuLi4iOiJ4In1dfQ.AA~WyJzIiwxXQ~e30.e30.AA".utf8),
    ]
  ) { bytes in
    guard let text = String(validating: bytes, as: UTF8.self), let token = try? SDJWT(text) else { return }
    precondition(token.text == text)
    // No point of the curve: nothing is signed by it.
    let demands = SDJWTDemands(
      issuerKey: TokenKey(algorithm: .es256, bytes: [4] + [UInt8](repeating: 0, count: 64)))
    precondition((try? token.verify(demands, at: 0)) == nil)
    // What a holder shows of it is of it, without a signature's help.
    if token.keyBinding == nil, let shown = try? SDJWTPresentation(of: token, showing: []) {
      precondition(shown.disclosures.isEmpty)
    }
  }

  static let jwk = FuzzBody(
    name: "jwk", seeds: [[UInt8](#"{"crv":"Ed25519","kty":"OKP","x":"AA"}"#.utf8)]
  ) { bytes in
    guard let json = try? JSONValue(decoding: bytes), let key = try? TokenKey(jwk: json) else { return }
    precondition([32, 65, 97].contains(key.bytes.count))
  }
}
