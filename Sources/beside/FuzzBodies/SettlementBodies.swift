private import Enclaves
private import Encodings
private import Ledger
private import Messages
private import Settlement
private import WireBytes

/// Bodies over what the settlement module decodes: what reads has one encoding.
public enum SettlementBodies {
  public static let all: [FuzzBody] =
    [message, query, result, caseAnswer, links]
    + [container("settlement-content", content), container("settlement-end", end)]

  private static let hash = Bytes32 { UInt8($0 + 1) }
  private static let content: RegistrationContent? = RegistrationContent(
    registration: hash, attestationPolicy: hash, evidence: hash, registered: 1, height: 1, expires: 2)
  private static let end = try? RegistrationEnd(
    registration: hash, evidence: hash, reason: [UInt8]("attestation".utf8), time: 3)

  private static func container<Value: EnclaveContainer>(_ name: String, _ seed: Value?) -> FuzzBody {
    FuzzBody(name: name, seeds: seed.map { [$0.encoded()] } ?? []) { bytes in
      guard let value = try? Value(decoding: bytes) else { return }
      precondition(value.encoded() == bytes)
      guard let again = try? Value(decoding: value.encoded()) else {
        preconditionFailure("what was read does not read again")
      }
      precondition(again == value && again.root() == value.root())
    }
  }

  /// The first byte chooses the type.
  static let message = FuzzBody(name: "settlement-message", seeds: messageSeeds) { bytes in
    let types = SettlementMessage.TypeURL.allCases
    guard let first = bytes.first else { return }
    let type = types[Int(first) % types.count]
    let given = AnyMessage(typeURL: type.rawValue, value: Array(bytes.dropFirst()))
    guard let message = try? SettlementMessage(decoding: given) else { return }
    precondition(message.encoded() == given && message.type == type)
  }

  private static let messageSeeds: [[UInt8]] = {
    guard let sender = AccountAddress(bytes: [UInt8](repeating: 7, count: 20)) else { return [] }
    let hash = Bytes32 { UInt8($0) }
    let result = SettlementResult(
      update: [1], receipt: [2], signature: [3], token: [4], tokenSignature: [5])
    let terms = CaseTerms(
      program: hash, policy: hash, attestationPolicy: hash, coordinatorSuite: "ed25519",
      coordinatorKey: hash.array, closes: 10, expires: 20, maximumInputs: 3, accepts: [], continues: hash)
    let messages: [SettlementMessage] = [
      .storePolicy(sender: sender, policy: [0x7b, 0x7d]),
      .registerEnclave(sender: sender, keys: [1], evidence: [2], policy: hash),
      .invalidateEnclave(sender: sender, registration: hash, collateral: []),
      .openCase(sender: sender, terms),
      .submit(sender: sender, case: hash, commitment: hash, nonce: 4, coins: []),
      .settle(sender: sender, case: hash, result), .reclaim(sender: sender, case: hash),
    ]
    return messages.enumerated().map { [UInt8($0.offset)] + $0.element.encoded().value }
  }()

  static let query = FuzzBody(
    name: "settlement-query", seeds: [[0] + SettlementQuery.caseByNumber(3).encoded(), [1]]
  ) { bytes in
    let paths = SettlementQuery.Path.allCases
    guard let first = bytes.first else { return }
    let path = paths[Int(first) % paths.count]
    guard let query = try? SettlementQuery(path: path, decoding: Array(bytes.dropFirst())) else { return }
    precondition(query.path == path)
    guard let again = try? SettlementQuery(path: path, decoding: query.encoded()) else {
      preconditionFailure("a query that was read does not read again")
    }
    precondition(again == query)
  }

  static let result = FuzzBody(name: "settlement-result", seeds: [[0x0a, 0x00]]) { bytes in
    guard let value = try? SettledResult(decoding: bytes) else { return }
    precondition(value.encoded() == bytes)
  }

  static let caseAnswer = FuzzBody(name: "settlement-case-answer", seeds: [[0x0a, 0x00]]) { bytes in
    if let value = try? SettlementAnswers.Case(decoding: bytes) { precondition(value.encoded() == bytes) }
    if let value = try? SettlementAnswers.Registration(decoding: bytes) {
      precondition(value.encoded() == bytes)
    }
  }

  static let links = FuzzBody(name: "settlement-lists", seeds: [[0x0a, 0x00]]) { bytes in
    _ = try? SettlementAnswers.links(decoding: bytes)
    _ = try? SettlementAnswers.inputs(decoding: bytes)
    _ = try? SettlementAnswers.openCases(decoding: bytes)
    _ = try? SettlementAnswers.registrations(decoding: bytes)
    _ = try? SettlementAnswers.policy(decoding: bytes)
  }
}
