private import ThresholdSigning
private import WireBytes

/// Bodies over what the holders of a shared key send each other.
public enum ThresholdBodies {
  public static let all: [FuzzBody] = [groupKey, keyShare, nonceCommitments, signatureShare, plan, message]

  /// The base point times 1, 2, 3, 4 and 5, so that the seeds below are real ones.
  private static let multiples: [String] = [
    "5866666666666666666666666666666666666666666666666666666666666666",
    "c9a3f86aae465f0e56513864510f3997561fa2c9e85ea21dc2292309f3cd6022",
    "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712",
    "2f1132ca61ab38dff00f2fea3228f24c6c71d58085b80e47e19515cb27e8d047",
    "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df",
  ]

  private static func point(_ index: Int) -> [UInt8] { (try? Hex.decode(multiples[index])) ?? [] }
  private static func number(_ value: UInt8) -> [UInt8] { [0, value] }

  /// Two of three: the line with slope 1 and constant 1, whose values at 1, 2 and 3 are 2, 3 and 4.
  private static let groupSeed =
    [1, 2, 3] + number(1) + point(1) + number(2) + point(2) + number(3) + point(3)
  private static let secretSeed: [UInt8] = [3] + [UInt8](repeating: 0, count: 31)
  private static let listSeed =
    [2] + number(1) + point(0) + point(1) + number(3) + point(2) + point(4)

  static let groupKey = FuzzBody(name: "threshold-group-key", seeds: [groupSeed]) { bytes in
    guard let group = try? GroupPublicKey(decoding: bytes.span) else { return }
    precondition(group.encoded() == bytes)
    precondition(group.threshold >= 2 && group.threshold <= group.shares.count)
  }

  static let keyShare = FuzzBody(
    name: "threshold-key-share", seeds: [[1] + number(2) + secretSeed + groupSeed]
  ) { bytes in
    guard let share = try? KeyShare(decoding: bytes.span) else { return }
    let again = share.withEncoded { (encoded: Span<UInt8>) in [UInt8](copying: encoded) }
    precondition(again == bytes)
  }

  static let nonceCommitments = FuzzBody(name: "threshold-nonce-commitments", seeds: [listSeed, [0]]) {
    bytes in
    guard let list = try? NonceCommitment.list(decoding: bytes.span) else { return }
    precondition(NonceCommitment.encoded(list) == bytes)
    guard let group = try? GroupPublicKey(decoding: groupSeed.span),
      let session = try? SigningSession(message: bytes, commitments: list, group: group)
    else { return }
    precondition(session.commitments.count >= group.threshold)
  }

  static let signatureShare = FuzzBody(
    name: "threshold-signature-share", seeds: [number(1) + secretSeed]
  ) { bytes in
    guard let share = try? SignatureShare(decoding: bytes.span) else { return }
    precondition(share.encoded() == bytes)
  }

  private static let planSeed =
    [1] + [UInt8](repeating: 7, count: 32) + [2, 3] + number(1) + point(0) + number(2) + point(1) + number(9)
    + point(2)

  static let plan = FuzzBody(name: "threshold-ceremony-plan", seeds: [planSeed]) { bytes in
    guard let plan = try? CeremonyPlan(decoding: bytes.span) else { return }
    precondition(plan.encoded() == bytes)
    precondition(plan.members.count <= GroupPublicKey.participantsMax)
  }

  private static func messageSeed(kind: UInt8, receiver: UInt8, body: Int) -> [UInt8] {
    [1, kind] + [UInt8](repeating: 7, count: 32) + number(1) + number(receiver)
      + [UInt8(body >> 8), UInt8(body & 255)] + [UInt8](repeating: 3, count: body + 64)
  }

  static let message = FuzzBody(
    name: "threshold-ceremony-message",
    seeds: [
      messageSeed(kind: 1, receiver: 0, body: 160), messageSeed(kind: 2, receiver: 2, body: 368),
      messageSeed(kind: 3, receiver: 0, body: 64), messageSeed(kind: 4, receiver: 0, body: 0),
    ]
  ) { bytes in
    guard let message = try? CeremonyMessage(decoding: bytes.span) else { return }
    precondition(message.encoded() == bytes)
    precondition(bytes.count <= CeremonyMessage.sizeMax)
  }
}
