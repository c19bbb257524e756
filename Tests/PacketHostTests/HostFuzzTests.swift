import FuzzBodies
import Gate
import LightClients
import Messages
import PacketHost
import Testing
import WireBytes

/// The decoders of the host under the seeds of the fuzzer, cut and changed, and the exact refusals of the
/// evidence's form.
@Suite("Decoders of the host")
struct HostFuzzTests {
  @Test(
    "bodies hold on their seeds, cut anywhere, and with any byte changed", arguments: PacketHostBodies.all)
  func bodies(body: FuzzBody) {
    #expect(!body.seeds.isEmpty)
    for seed in body.seeds {
      #expect(!seed.isEmpty)
      body.run(seed)
      for count in seed.indices.prefix(600) {
        body.run(Array(seed.prefix(count)))
        for change: UInt8 in [1, 0x80, 0xff] {
          var bytes = seed
          bytes[count] ^= change
          body.run(bytes)
        }
      }
    }
  }

  @Test("evidence of every kind comes back as it was written")
  func roundTrip() throws {
    let statement = AttestedEvidence(
      height: Height(revision: 2, 7), timestamp: UnixTime(seconds: 9), body: .state(root: Bytes32 { _ in 4 }),
      signatures: [AttestedEvidence.Signature(attester: 0, bytes: [5])])
    let header = try TestChain(chainID: "harbor-1").header(
      height: 9, seconds: TestDomain.start, root: Bytes32(), trusted: 3)
    let pieces: [Evidence] = [
      .attested(statement), .cometBFT(CometBFTEvidence(header: header)),
      .eureka(EurekaProof(attestation: [1, 2], signatures: [[], [3]])),
    ]
    for piece in pieces + [.parts([nil, pieces[0], pieces[1]])] {
      let bytes = piece.protobuf()
      #expect(try Evidence(protobuf: bytes.span) == piece)
      for count in bytes.indices {
        let cut = Array(bytes.prefix(count))
        #expect(throws: EvidenceProtobufError.self) { try Evidence(protobuf: cut.span) }
      }
    }
  }

  @Test("evidence that is too deep, too wide, too long or of no kind is refused exactly")
  func limits() throws {
    func refuses(_ evidence: Evidence, _ error: EvidenceProtobufError) {
      let bytes = evidence.protobuf()
      #expect(throws: error) { try Evidence(protobuf: bytes.span) }
    }
    let leaf = Evidence.eureka(EurekaProof(attestation: [1], signatures: []))
    var deep = leaf
    for _ in 1..<Policy.depthMax { deep = .parts([deep]) }
    let deepest = deep.protobuf()
    #expect(try Evidence(protobuf: deepest.span) == deep)
    refuses(.parts([deep]), .tooDeep(max: Policy.depthMax))
    refuses(
      .parts(Array(repeating: nil, count: Policy.partCountMax + 1)), .tooManyParts(max: Policy.partCountMax))
    refuses(
      .eureka(EurekaProof(attestation: [], signatures: Array(repeating: [1], count: 257))),
      .tooManySignatures(max: 256))
    let entry = StoredEntry(pathHash: Bytes32(), commitment: Bytes32())
    func attested(entries: Int, signatures: Int) -> Evidence {
      .attested(
        AttestedEvidence(
          height: Height(1), timestamp: UnixTime(seconds: 1),
          body: .packets(Array(repeating: entry, count: entries)),
          signatures: (0..<signatures).map { AttestedEvidence.Signature(attester: $0, bytes: [1]) }))
    }
    let widest = attested(entries: 1_024, signatures: 256)
    let bytes = widest.protobuf()
    #expect(try Evidence(protobuf: bytes.span) == widest)
    #expect(throws: EvidenceProtobufError.self) {
      let wider = attested(entries: 1_025, signatures: 1).protobuf()
      return try Evidence(protobuf: wider.span)
    }
    refuses(attested(entries: 1, signatures: 257), .tooManySignatures(max: 256))
    let long = [UInt8](repeating: 0, count: Evidence.protobufSizeMax + 1)
    #expect(throws: EvidenceProtobufError.size(max: 1 << 20, actual: long.count)) {
      try Evidence(protobuf: long.span)
    }
    let none: [UInt8] = []
    #expect(throws: EvidenceProtobufError.oneMember) { try Evidence(protobuf: none.span) }
  }
}
