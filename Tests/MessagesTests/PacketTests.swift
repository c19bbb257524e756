import Digests
import Encodings
import Messages
import TestSupport
import Testing
import WireBytes

@Suite("Packets and their commitments")
struct PacketTests {
  static func packet(sequence: UInt64 = 7, count: Int = 2) throws -> Packet {
    try Packet(
      sequence: try #require(Sequence(sequence)), sourceClient: ClientID("client-0"),
      destinationClient: ClientID("07-tendermint-3"), timeout: UnixTime(seconds: 1_700_000_000),
      payloads: (0..<count).map {
        try Payload(
          sourcePort: "transfer", destinationPort: "execution", version: "v\($0)",
          encoding: "application/json",
          value: [UInt8](repeating: UInt8($0 + 1), count: 40))
      })
  }

  @Test(
    "commits as ibc-go does", .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
  func commitments() throws {
    let json = try MessageVectors.corpus("ibc", "v2_commitments.json")
    for entry in try #require(json["packetCommitment"]?.array) {
      let payloads = try #require(entry["payloads"]?.array).map { payload in
        try Payload(
          sourcePort: try #require(payload["sourcePort"]?.string),
          destinationPort: try #require(payload["destPort"]?.string),
          version: try #require(payload["version"]?.string),
          encoding: try #require(payload["encoding"]?.string),
          value: try Hex.decode(try #require(payload["value"]?.string)))
      }
      let packet = try Packet(
        sequence: try MessageVectors.sequence(entry["sequence"]),
        sourceClient: ClientID(try #require(entry["sourceClient"]?.string)),
        destinationClient: ClientID(try #require(entry["destinationClient"]?.string)),
        timeout: UnixTime(seconds: try #require(entry["timeoutTimestamp"]?.integer())), payloads: payloads)
      #expect(Hex.encode(PacketCommitment.of(packet).array, prefix: "") == entry["expected"]?.string)
    }
    for entry in try #require(json["ackCommitment"]?.array) {
      let results = try #require(entry["acks"]?.array).map { try Hex.decode(try #require($0.string)) }
      let commitment = PacketCommitment.of(try Acknowledgement(results))
      #expect(Hex.encode(commitment.array, prefix: "") == entry["expected"]?.string)
    }
    #expect(Hex.encode(PacketCommitment.universalErrorBytes, prefix: "") == json["universalErrorAck"]?.string)
    let pathsJSON = try MessageVectors.corpus("ibc", "v2_paths.json")
    let paths = try #require(pathsJSON.array)
    for entry in paths {
      let kind: PacketPath.Kind = entry["kind"]?.string == "receipt" ? .receipt : .acknowledgement
      let path = PacketPath(
        kind, client: try ClientID(try #require(entry["id"]?.string)),
        sequence: try MessageVectors.sequence(entry["seq"]))
      #expect(Hex.encode(path.bytes, prefix: "") == entry["key"]?.string)
    }
    #expect(paths.count == 2)
  }

  @Test(
    "commits as the deployed router does, and finds its slot",
    .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
  func router() throws {
    let json = try MessageVectors.corpus("ibc", "attestation_client_worked_example.json")
    let entry = try #require(json["router"]?["packet"])
    let payload = try #require(entry["payloads"]?[0])
    let value = try Hex.decode(try #require(payload["value"]?.string))
    let packet = try Packet(
      sequence: .first, sourceClient: ClientID("client-0"), destinationClient: ClientID("client-0"),
      timeout: UnixTime(seconds: try #require(entry["timeoutTimestamp"]?.integer())),
      payloads: [
        try Payload(
          sourcePort: "transfer", destinationPort: "transfer", version: "ics20-1",
          encoding: FungibleTokenPacketData.payloadEncoding, value: value)
      ])
    let proof = try #require(json["commitmentStorageProof"])
    #expect(PacketCommitment.of(packet).description == proof["value"]?.string)
    let path = PacketPath(.commitment, of: packet)
    #expect(path.hash().description == proof["hashedPath"]?.string)
    #expect(path.evmSlot.description == proof["slot"]?.string)
    #expect(PacketPath.evmStoreSlot.description == proof["namespaceSlot"]?.string)
    #expect(PacketPath(.receipt, of: packet).evmSlot.description == proof["absentSlot"]?.string)
    let transfer = try FungibleTokenPacketData(decoding: value.span)
    #expect(transfer.amount == UInt256(1_000_000_000_000_000_000))
    #expect(transfer.encoded() == value)
  }

  @Test("reads its own protobuf back, and nothing shorter or longer")
  func protobuf() throws {
    let packet = try Self.packet()
    let bytes = packet.encoded()
    #expect(try Packet(decoding: bytes.span) == packet)
    for count in 0..<bytes.count {
      let cut = [UInt8](bytes.prefix(count))
      // A cut between two payloads leaves another packet, which is written as the cut.
      if let other = try? Packet(decoding: cut.span) {
        #expect(other.payloads.count == 1)
        #expect(other.encoded() == cut)
      }
    }
    let longer = bytes + [0x30, 0x01]
    #expect(throws: PacketDecodingError.protobuf(.unknownField(6))) { try Packet(decoding: longer.span) }
    for payload in packet.payloads {
      let alone = payload.encoded()
      #expect(try Payload(decoding: alone.span) == payload)
      for count in 0..<alone.count {
        let cut = [UInt8](alone.prefix(count))
        #expect(throws: PacketDecodingError.self) { try Payload(decoding: cut.span) }
      }
    }
    let acknowledgement = try Acknowledgement([[1, 2], [3]])
    let encoded = acknowledgement.encoded()
    #expect(encoded == [0x0a, 2, 1, 2, 0x0a, 1, 3])
    #expect(try Acknowledgement(decoding: encoded.span) == acknowledgement)
  }

  @Test("refuses parts that make no packet")
  func refusals() throws {
    #expect(Sequence(0) == nil)
    let good = try Self.packet()
    func packet(timeout: UInt64 = 1, payloads: [Payload]) throws(PacketError) -> Packet {
      try Packet(
        sequence: .first, sourceClient: good.sourceClient, destinationClient: good.destinationClient,
        timeout: UnixTime(seconds: timeout), payloads: payloads)
    }
    #expect(throws: PacketError.timeoutZero) { try packet(timeout: 0, payloads: good.payloads) }
    #expect(throws: PacketError.payloadCount(max: 16, actual: 0)) { try packet(payloads: []) }
    let many = Array(repeating: good.payloads[0], count: 17)
    #expect(throws: PacketError.payloadCount(max: 16, actual: 17)) { try packet(payloads: many) }
    let half = try Payload(
      sourcePort: "transfer", destinationPort: "transfer", version: "v", encoding: "e",
      value: [UInt8](repeating: 1, count: 131_073))
    #expect(throws: PacketError.valueSize(max: 262_144, actual: 262_146)) {
      try packet(payloads: [half, half])
    }
    #expect(throws: PacketError.valueEmpty) {
      try Payload(sourcePort: "transfer", destinationPort: "transfer", version: "v", encoding: "e", value: [])
    }
    #expect(throws: PacketError.sourcePort(.length(min: 2, max: 128, actual: 1))) {
      try Payload(sourcePort: "t", destinationPort: "transfer", version: "v", encoding: "e", value: [1])
    }
    #expect(throws: IdentifierError.character(offset: 6)) { try ClientID("client/0") }
    #expect(throws: IdentifierError.length(min: 4, max: 64, actual: 65)) {
      try ClientID(String(repeating: "c", count: 65))
    }
    let universal = PacketCommitment.universalErrorBytes
    #expect(throws: AcknowledgementError.universalErrorAmongOthers(index: 1)) {
      try Acknowledgement([[1], universal])
    }
    #expect(throws: AcknowledgementError.empty(index: 0)) { try Acknowledgement([[]]) }
    #expect(!Acknowledgement.universalError.isSuccess)
  }

  @Test("hashes v1 packets over timeout, height and data")
  func classic() {
    // 8 + 8 + 8 + 32 bytes, hashed here step by step.
    var preimage: [UInt8] = []
    preimage.append(bigEndian: UInt64(100))
    preimage.append(bigEndian: UInt64(1))
    preimage.append(bigEndian: UInt64(2))
    preimage.append(SHA256Hash.hash([9]))
    let commitment = ClassicPacketCommitment.of(
      timeoutNanoseconds: 100, timeoutHeight: Height(revision: 1, 2), value: [9])
    #expect(commitment == SHA256Hash.hash(preimage))
  }
}
