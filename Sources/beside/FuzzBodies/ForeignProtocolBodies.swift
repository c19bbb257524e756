private import Encodings
private import ForeignProtocols
private import OfflineVerification
private import WireBytes

/// Bodies over the decoders of ForeignProtocols, and over the input reader of `causeway verify wormhole`.
public enum ForeignProtocolBodies {
  public static let all: [FuzzBody] = [
    vaa, wormholeGovernance, tokenBridge, ntt, crossChainQuery, hyperlaneMessage, hyperlaneMetadata,
    wormholeInput,
  ]

  /// `count` bytes that differ from each other.
  private static func bytes(_ count: Int, from first: UInt8 = 1) -> [UInt8] {
    (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0) }
  }

  /// One signature, a body, and a payload of five bytes.
  private static let vaaSeed = [1, 0, 0, 0, 0, 1, 0] + bytes(65) + bytes(51) + bytes(5)

  /// Bytes that decode are encoded to themselves; no set accepts what nobody signed.
  static let vaa = FuzzBody(name: "vaa", seeds: [vaaSeed]) { bytes in
    guard let vaa = try? VAA(decoding: bytes) else { return }
    precondition(vaa.encoded() == bytes)
    let sets = WormholeMainnet.guardianSets
    for set in [sets.sets[0], sets.current] {
      if let verified = try? vaa.verify(under: set, at: nil) { precondition(verified.digest == vaa.digest) }
    }
  }

  static let wormholeGovernance = FuzzBody(
    name: "wormhole-governance",
    seeds: [
      [UInt8](repeating: 0, count: 28) + [UInt8]("Core".utf8) + [2, 0, 0, 0, 0, 0, 1, 1] + bytes(20),
      [UInt8](repeating: 0, count: 21) + [UInt8]("TokenBridge".utf8) + [1, 0, 0, 0, 2] + bytes(32),
      [UInt8](repeating: 0, count: 14) + [UInt8]("DelegatedGuardians".utf8) + [1, 0, 0] + bytes(32)
        + [1, 0, 2, 1, 1] + bytes(20),
    ]
  ) { bytes in
    guard let packet = try? WormholeGovernance(decoding: bytes.span) else { return }
    precondition(packet.module.utf8.count <= 32 && !packet.module.isEmpty)
    if case .guardianSetUpgrade(_, let keys) = packet.action {
      precondition(bytes.count == 40 + 20 * keys.count)
    }
  }

  static let tokenBridge = FuzzBody(
    name: "token-bridge", seeds: [[1] + bytes(132), [2] + bytes(99), [3] + bytes(140)]
  ) { bytes in
    guard let payload = try? TokenBridgePayload(decoding: bytes.span) else { return }
    precondition(payload.encoded() == bytes)
  }

  static let ntt = FuzzBody(
    name: "ntt",
    seeds: [
      [0x99, 0x45, 0xff, 0x10] + bytes(64) + [0, 69] + bytes(64) + [0, 3, 1, 2, 3] + [0, 0],
      [0x99, 0x4e, 0x54, 0x54] + bytes(75), [0x9c, 0x23, 0xbd, 0x3b] + bytes(32) + [0] + bytes(33),
      [0x18, 0xfc, 0x67, 0xc2] + bytes(34),
    ]
  ) { bytes in
    if let message = try? NTTTransceiverMessage(decoding: bytes.span) {
      precondition(message.encoded() == bytes)
    }
    if let transfer = try? NativeTokenTransfer(decoding: bytes.span) {
      precondition(transfer.encoded() == bytes)
    }
    if let notice = try? NTTTransceiverNotice(decoding: bytes.span) {
      precondition(notice.encoded() == bytes)
    }
  }

  private static let querySeed =
    [1, 0, 0, 0, 9, 1, 0, 2, 1, 0, 0, 0, 36] + [0, 0, 0, 3, 0x30, 0x78, 0x31, 1] + bytes(20) + [
      0, 0, 0, 4, 1, 2, 3, 4,
    ]

  static let crossChainQuery = FuzzBody(
    name: "cross-chain-query",
    seeds: [
      querySeed,
      [1, 0, 0] + bytes(65) + [0, 0, 0, UInt8(querySeed.count)] + querySeed + [1, 0, 2, 1, 0, 0, 0, 53]
        + bytes(48)
        + [1, 0, 0, 0, 0],
    ]
  ) { bytes in
    if let query = try? CrossChainQuery(decoding: bytes.span) {
      precondition(query.bytes == bytes && !query.queries.isEmpty)
    }
    if let response = try? CrossChainQueryResponse(decoding: bytes.span) {
      precondition(response.answers.count == response.request.queries.count)
    }
  }

  static let hyperlaneMessage = FuzzBody(name: "hyperlane-message", seeds: [[3] + bytes(76), bytes(150)]) {
    bytes in
    guard let message = try? HyperlaneMessage(decoding: bytes) else {
      precondition(bytes.count < HyperlaneMessage.headerSize || bytes.count > HyperlaneMessage.bodySizeMax)
      return
    }
    precondition(message.encoded() == bytes)
    if let transfer = try? WarpTransfer(decoding: message.body.span) {
      precondition(transfer.encoded() == message.body)
    }
  }

  /// No module of strangers lets a message through, whatever the metadata.
  static let hyperlaneMetadata = FuzzBody(
    name: "hyperlane-metadata",
    seeds: [bytes(68 + 130), bytes(1096 + 65), [0, 0, 0, 16, 0, 0, 0, 149] + bytes(8) + bytes(133)]
  ) { bytes in
    let message = HyperlaneMessage(
      nonce: 1, origin: 2, sender: Bytes32(), destination: 3, recipient: Bytes32(), body: [])
    let stranger = Bytes20 { UInt8($0 + 1) }
    for kind in [HyperlaneProofKind.messageID, .merkleRoot] {
      let plain = HyperlaneModule.multisig(
        HyperlaneMultisig(kind: kind, validators: [stranger, stranger], threshold: 1))
      let weighted = HyperlaneModule.weightedMultisig(
        HyperlaneWeightedMultisig(
          kind: kind, validators: [.init(address: stranger, weight: .max)], thresholdWeight: 1))
      let both = HyperlaneModule.aggregation([plain, .routing([2: weighted], fallback: nil)], threshold: 1)
      for module in [plain, weighted, both] {
        precondition((try? module.verify(message, metadata: bytes.span)) == nil)
      }
    }
  }

  static let wormholeInput = FuzzBody(
    name: "wormhole-input",
    seeds: [vaaSeed, Array(Hex.encode(vaaSeed).utf8), Array("{\"vaa\":\"AQAA\"}".utf8)]
  ) { bytes in
    guard
      let report = try? WormholeVerification.verify(bytes, guardianSets: nil, at: nil, live: false)
    else { return }
    precondition(report.exitCode >= 0 && report.json["kind"] == "wormhole")
  }
}
