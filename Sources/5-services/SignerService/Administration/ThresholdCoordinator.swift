public import Encodings
public import SigningRules
import ThresholdSigning
public import WireBytes

/// Why signers did not make a key or a signature together.
public enum ThresholdTrouble: Error, Hashable, Sendable {
  /// 2 to 32 members, each with another number and identity, and no more of them needed than there are.
  case plan
  /// This member's answer cannot be read.
  case answer(UInt16)
  /// It did not come to an end.
  case incomplete
  /// Members have different keys: somebody lied, or messages were changed.
  case different
  /// These members gave shares that are none.
  case share
}

/// Carries messages between signers. It knows nothing secret, and cannot make them sign: each asks its own rules.
public struct ThresholdCoordinator: Sendable {
  /// One question to one member: the round and its message.
  public typealias Ask = (_ member: UInt16, _ round: String, _ message: [UInt8]) async throws -> JSONValue

  private let name: Bytes32

  /// - Parameter name: of the ceremony; new for each.
  public init(name: Bytes32) { self.name = name }

  /// Has the members make a key, of which each keeps a share.
  ///
  /// - Parameter members: number and identity of each signer.
  /// - Returns: what each says about the key, which is the same.
  public func generate(
    threshold: Int, members: [(number: UInt16, identity: Bytes32)], ask: Ask
  ) async throws -> JSONValue {
    var listed: [CeremonyPlan.Member] = []
    for member in members {
      guard let identifier = ParticipantIdentifier(member.number) else { throw ThresholdTrouble.plan }
      listed.append(CeremonyPlan.Member(identifier: identifier, identityKey: member.identity))
    }
    guard let plan = try? CeremonyPlan(name: name, threshold: threshold, members: listed) else {
      throw ThresholdTrouble.plan
    }
    var waiting: [CeremonyMessage] = []
    for member in plan.members {
      let answer = try await ask(member.identifier.number, "begin", plan.encoded())
      waiting += try Self.messages(answer, member.identifier.number)
    }
    while !waiting.isEmpty {
      let message = waiting.removeFirst()
      for member in plan.members where member.identifier != message.sender {
        if let receiver = message.receiver, receiver != member.identifier { continue }
        let answer = try await ask(member.identifier.number, "deliver", message.encoded())
        waiting += try Self.messages(answer, member.identifier.number)
      }
    }
    var made: [JSONValue] = []
    for member in plan.members { made.append(try await ask(member.identifier.number, "finish", [])) }
    guard let first = made.first, made.allSatisfy({ $0["group"] == first["group"] }) else {
      throw ThresholdTrouble.different
    }
    return first
  }

  private static func messages(_ answer: JSONValue, _ member: UInt16) throws -> [CeremonyMessage] {
    guard let texts = answer["messages"]?.array else { throw ThresholdTrouble.answer(member) }
    return try texts.map { text in
      guard let text = text.string, let bytes = try? Hex.decode(text),
        let message = try? CeremonyMessage(decoding: bytes.span)
      else { throw ThresholdTrouble.answer(member) }
      return message
    }
  }

  /// Has enough members sign a request.
  ///
  /// - Parameters:
  ///   - group: as a member shows it.
  ///   - members: who sign, as many as are needed.
  ///   - request: as on the wire; each member reads it and builds the bytes that are signed itself.
  public func sign(
    _ request: SigningRequest, encoded: [UInt8], key: KeyID, group: [UInt8], members: [UInt16], ask: Ask
  ) async throws -> Bytes64 {
    guard let group = try? GroupPublicKey(decoding: group.span) else { throw ThresholdTrouble.plan }
    let message: [UInt8] =
      switch request.payload.content {
      case .digest(let digest): digest.array
      case .message(let message): message
      }
    var coordinator = SigningCoordinator(message: message, group: group)
    for member in members {
      let answer = try await ask(member, "commit", key.bytes.array + name.array)
      guard let text = answer["commitment"]?.string, let bytes = try? Hex.decode(text),
        let commitment = try? NonceCommitment(decoding: bytes.span)
      else { throw ThresholdTrouble.answer(member) }
      try coordinator.receive(commitment)
    }
    let list = NonceCommitment.encoded(try coordinator.begin())
    var body = key.bytes.array + name.array
    body.append(bigEndian: UInt32(list.count))
    body += list + encoded
    for member in members {
      let answer = try await ask(member, "sign", body)
      guard let text = answer["share"]?.string, let bytes = try? Hex.decode(text),
        let share = try? SignatureShare(decoding: bytes.span)
      else { throw ThresholdTrouble.answer(member) }
      if let signature = try coordinator.receive(share) { return signature }
    }
    throw ThresholdTrouble.incomplete
  }
}
