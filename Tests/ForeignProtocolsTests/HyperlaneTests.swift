import Encodings
import ForeignProtocols
import Testing
import WireBytes

@Suite("Hyperlane")
struct HyperlaneTests {
  private static func cases() throws -> [JSONValue] {
    try VectorFile.cases(
      "Tests/Vectors/hyperlane/modules.json", schema: "causeway.vectors.hyperlane-modules/1")
  }

  private static func addresses(_ json: JSONValue) throws -> [Bytes20] {
    try #require(json["validators"]?.array).map { try Bytes20(hex: try #require($0.string)) }
  }

  @Test("a message needs its 77 fixed bytes")
  func shortMessage() throws {
    let message = HyperlaneMessage(
      nonce: 1, origin: 2, sender: Bytes32(bigEndian: 3), destination: 4, recipient: Bytes32(bigEndian: 5),
      body: [])
    let bytes = message.encoded()
    #expect(bytes.count == 77)
    #expect(try HyperlaneMessage(decoding: bytes) == message)
    for count in 0..<77 {
      let cut = Array(bytes.prefix(count))
      #expect(throws: HyperlaneMessageError.truncated(actual: count)) { try HyperlaneMessage(decoding: cut) }
    }
  }

  @Test("a body over the limit is refused")
  func bodyLimit() {
    let limit = HyperlaneMessage.bodySizeMax
    let bytes = [UInt8](repeating: 0, count: 77 + limit + 1)
    #expect(throws: HyperlaneMessageError.bodyTooLarge(limit: limit, actual: limit + 1)) {
      try HyperlaneMessage(decoding: bytes)
    }
  }

  @Test("a delivery is refused after any change of one byte that the quorum covers")
  func mutations() throws {
    let example = try VectorFile.json("examples/messages/hyperlane-multisig.json")
    let message = try example.hex("message")
    let metadata = try example.hex("metadata")
    let module = HyperlaneModule.multisig(
      HyperlaneMultisig(
        kind: .messageID, validators: try Self.addresses(example),
        threshold: try #require(example["threshold"]?.integer())))
    let verified = try module.verify(try HyperlaneMessage(decoding: message), metadata: metadata)
    #expect(verified.quorums.map(\.signers.count) == [2])
    for offset in message.indices {
      var changed = message
      changed[offset] ^= 1
      let decoded = try HyperlaneMessage(decoding: changed)
      #expect(throws: HyperlaneRefusal.self) { try module.verify(decoded, metadata: metadata) }
    }
    for offset in metadata.indices {
      var changed = metadata
      changed[offset] ^= 1
      #expect(throws: HyperlaneRefusal.self) {
        try module.verify(try HyperlaneMessage(decoding: message), metadata: changed)
      }
    }
    for count in metadata.indices {
      let cut = Array(metadata.prefix(count))
      #expect(throws: HyperlaneRefusal.self) {
        try module.verify(try HyperlaneMessage(decoding: message), metadata: cut)
      }
    }
  }

  @Test("a tree of modules has a limit of depth and of size")
  func limits() throws {
    let message = HyperlaneMessage(
      nonce: 1, origin: 2, sender: Bytes32(), destination: 4, recipient: Bytes32(), body: [])
    let leaf = HyperlaneModule.multisig(HyperlaneMultisig(kind: .messageID, validators: [], threshold: 0))
    func nested(_ depth: Int) -> HyperlaneModule {
      (1..<depth).reduce(leaf) { module, _ in .routing([:], fallback: module) }
    }
    let metadata = [UInt8](repeating: 0, count: 68)
    #expect(throws: HyperlaneRefusal.noThreshold) {
      try nested(HyperlaneModule.depthMax).verify(message, metadata: metadata)
    }
    #expect(throws: HyperlaneRefusal.treeTooLarge) {
      try nested(HyperlaneModule.depthMax + 1).verify(message, metadata: metadata)
    }
    func wide(_ count: Int) -> HyperlaneModule {
      .aggregation([HyperlaneModule](repeating: leaf, count: count), threshold: 1)
    }
    let header = [UInt8](repeating: 0, count: 8 * 100)
    #expect(throws: HyperlaneRefusal.tooFewModules(given: 0, needed: 1)) {
      try wide(HyperlaneModule.countMax - 1).verify(message, metadata: header)
    }
    #expect(throws: HyperlaneRefusal.treeTooLarge) {
      try wide(HyperlaneModule.countMax).verify(message, metadata: header)
    }
  }

  @Test("metadata over the limit is refused")
  func metadataLimit() {
    let limit = SignatureBytes.metadataSizeMax
    let bytes = [UInt8](repeating: 0, count: limit + 1)
    #expect(throws: HyperlaneMetadataError.tooLarge(limit: limit, actual: limit + 1)) {
      try MessageIDMultisigMetadata(bytes: bytes)
    }
    #expect(throws: HyperlaneMetadataError.tooLarge(limit: limit, actual: limit + 1)) {
      try MerkleRootMultisigMetadata(bytes: bytes)
    }
  }

  // MARK: quorums

  /// The signatures of one of our cases, as validators would store them.
  private static func signed(_ name: String, root: Bytes32? = nil) throws -> (
    validators: [Bytes20], [SignedCheckpoint]
  ) {
    let item = try #require(try cases().first { $0["name"]?.string == name })
    let message = try HyperlaneMessage(decoding: try item.hex("message"))
    let metadata = try MessageIDMultisigMetadata(bytes: try item.hex("metadata"))
    let checkpoint = HyperlaneCheckpoint(
      origin: message.origin, hook: metadata.hook, root: root ?? metadata.root, index: metadata.index,
      messageID: message.id)
    let count = try #require(metadata.signatures.count)
    let list = try (0..<count).map {
      SignedCheckpoint(checkpoint: checkpoint, signature: try metadata.signatures.signature(at: $0))
    }
    return (try addresses(try #require(item["ism"])), list)
  }

  @Test("signatures on one checkpoint make a quorum in the order of the validators")
  func quorum() throws {
    let (validators, signed) = try Self.signed("2 of 3, outer two")
    var quorum = CheckpointQuorum(validators: validators, threshold: 2)
    #expect(try quorum.add(signed[1]) == nil)
    #expect(try quorum.add(signed[1]) == nil)
    #expect(try quorum.add(signed[0]) == [signed[0].signature, signed[1].signature])
  }

  @Test("a signature moved to another root is nobody's")
  func otherRoot() throws {
    let (validators, signed) = try Self.signed("2 of 3, outer two", root: Bytes32(bigEndian: 1))
    var quorum = CheckpointQuorum(validators: validators, threshold: 1)
    #expect(throws: CheckpointQuorum.AddError.self) { try quorum.add(signed[0]) }
  }

  @Test("only validators count")
  func outsider() throws {
    let (validators, signed) = try Self.signed("2 of 3, an outsider")
    var quorum = CheckpointQuorum(validators: validators, threshold: 2)
    #expect(try quorum.add(signed[0]) == nil)
    let outsider = try signed[1].signer()
    #expect(throws: CheckpointQuorum.AddError.notAValidator(outsider)) { try quorum.add(signed[1]) }
  }

  /// Three validators of Base signed one index and message under three roots. A public file whose repository is not
  /// recorded; the signers are what the signatures recover to.
  private static let split: [(root: String, signature: String, signer: String)] = [
    (
      "d0da44bb893ca80c15cb8206bcd7a7ff3aab635bed0ba32799d00b2bdfb30b84",
      "5a3307ef9c3ec9259cdcc3c572ab6997bbe0890f6fddc8ed16cf008c60988b61"
        + "0eb301c259613ac4fad63696c423211b50419b56e4e2dcb3550bd58d321840551b",
      "b3ac35d3988bca8c2ffd195b1c6bee18536b317b"
    ),
    (
      "37eba5cd89770ad4908b915d345e050c252341f3e9d2ae2f1a1bf281ff72e6d4",
      "339cda0341e33cd9b774cc4273cd0e69f38c8a1406eeef1e1b84f999fd7d5e97"
        + "279f1ec07dd297869a37caffd80e8d6c88d50e2d25afa82b3cbfb4b7df9ffbb51b",
      "d278fbb90e41a164af2c1d5b74a81550fcd49403"
    ),
    (
      "ffe36d7917d21adcfad94a5bf395c4220f327f62083dce26d5b149fcc5d1e22c",
      "e9bddd95825ec048c1b08b58c79afe28f14db3a204d6320535aca08cc1596163"
        + "5ac9c9458dd5798a60d910410d47afd9277177294c63aaad9b646e3838aed35c1c",
      "7fa44e9ae12b0c27ab458afd8a7e56b8e05a93f1"
    ),
  ]

  @Test("validators that saw different roots for one index never add up")
  func realSplit() throws {
    let hook = try Bytes32(hex: "00000000000000000000000019dc38aeae620380430c200a6e990d5af5480117")
    let messageID = try Bytes32(hex: "ad83200ad99a5dad2fddccb12e6d646b4998a7aa27152347e2b05cf4a411b158")
    let signers = try Self.split.map { try Bytes20(hex: $0.signer) }
    var quorum = CheckpointQuorum(validators: signers, threshold: 2)
    for row in Self.split {
      let signed = SignedCheckpoint(
        checkpoint: HyperlaneCheckpoint(
          origin: 8453, hook: hook, root: try Bytes32(hex: row.root), index: 1498599, messageID: messageID),
        signature: HyperlaneSignature(try FixedBytes<65>(hex: row.signature)))
      #expect("\(try signed.signer())" == "0x" + row.signer)
      #expect(try quorum.add(signed) == nil)
      #expect(quorum.count(on: signed.checkpoint) == 1)
    }
  }

  // MARK: bodies and fees

  @Test("a warp body has a recipient and an amount")
  func warp() throws {
    let body = Bytes32(bigEndian: 1).array + Bytes32(bigEndian: 2).array + [3]
    let transfer = try WarpTransfer(bytes: body)
    #expect(transfer.amount == UInt256(2))
    #expect(transfer.encoded() == body)
    for count in 0..<64 {
      let cut = Array(body.prefix(count))
      #expect(throws: WarpTransferError.truncated(needed: 64, actual: count)) {
        try WarpTransfer(bytes: cut)
      }
    }
  }

  @Test(
    "fees of large amounts are exact",
    arguments: [
      (WarpFee.Curve.linear, "150000000000000000000000"), (.progressive, "82568807339449541284403"),
      (.regressive, "230769230769230769230769"),
    ])
  func fees(curve: WarpFee.Curve, wanted: String) throws {
    // Computed with Python's integers from the formulas.
    let whole = try #require(UInt256(decimal: "1000000000000000000000000"))
    let amount = try #require(UInt256(decimal: "300000000000000000000000"))
    let fee = try WarpFee(curve: curve, maximum: whole, halfAmount: whole).fee(for: amount)
    #expect(fee == UInt256(decimal: wanted))
  }

  @Test("a fee whose products leave 256 bits is refused, and so is a half amount of zero")
  func feeOverflow() throws {
    for curve in WarpFee.Curve.allCases {
      #expect(throws: WarpFeeError.zeroHalfAmount) {
        try WarpFee(curve: curve, maximum: .one, halfAmount: .zero)
      }
      let fee = try WarpFee(curve: curve, maximum: .max, halfAmount: .one)
      #expect(throws: WarpFeeError.overflow) { try fee.fee(for: .max) }
    }
  }
}
