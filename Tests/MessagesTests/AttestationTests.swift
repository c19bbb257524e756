import Encodings
import Messages
import TestSupport
import Testing
import WireBytes

/// What an attester signs, built from typed fields alone.
@Suite("Attested statements")
struct AttestationTests {
  private static func hex(_ json: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(json?.string)) }

  private static func entries(_ json: JSONValue) throws -> [StoredEntry] {
    try #require(json["entries"]?.array).map {
      StoredEntry(pathHash: try Bytes32(hex($0["path"])), commitment: try Bytes32(hex($0["commitment"])))
    }
  }

  @Test("encodes Eureka statements as eth_abi does, and digests them as hashlib does")
  func eureka() throws {
    let cases = try MessageVectors.cases("eureka.json", schema: "causeway.vectors.eureka/1")
    for json in cases {
      let height: UInt64 = try #require(json["height"]?.integer())
      let isState = json["form"]?.string == "state"
      let statement: EurekaStatement =
        isState
        ? .state(height: height, timestamp: try #require(json["timestamp"]?.integer()))
        : .packets(height: height, try Self.entries(json))
      #expect(statement.form == (isState ? .state : .packets))
      #expect(statement.attestation == (try Self.hex(json["attestation"])))
      #expect(statement.digest.array == (try Self.hex(json["digest"])))
    }
    #expect(cases.count == 7)
  }

  @Test(
    "encodes the statements that the deployed Eureka client took",
    .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
  func eurekaWorkedExample() throws {
    let json = try MessageVectors.corpus("ibc", "attestation_client_worked_example.json")
    let worked = try #require(json["worked"]?.array)
    for entry in worked {
      let bytes = try Self.hex(entry["attestationData"])
      // Words, as the file's own rules say where they stand.
      let words = try stride(from: 0, to: bytes.count, by: 32).map {
        try Bytes32([UInt8](bytes[$0..<$0 + 32]))
      }
      func number(_ index: Int) -> UInt64 { words[index].array.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } }
      let statement: EurekaStatement =
        entry["tag"]?.integer(Int.self) == 1
        ? .state(height: number(0), timestamp: number(1))
        : .packets(
          height: number(1),
          stride(from: 4, to: words.count, by: 2).map {
            StoredEntry(pathHash: words[$0], commitment: words[$0 + 1])
          })
      #expect(statement.attestation == bytes)
      #expect(statement.digest.description == entry["digest"]?.string)
    }
    #expect(worked.count == 3)
  }

  @Test("digests our own statements as hashlib does")
  func ours() throws {
    let json = try MessageVectors.file(
      "gate/attestations.json", schema: "causeway.vectors.attestation/1")
    let binding = try AttestationBinding(
      origin: DomainID(try #require(json["origin"]?.string)), router: try Self.hex(json["router"]),
      client: ClientID(try #require(json["client"]?.string)))
    #expect(AttestationDigest.bindingHash(binding).array == (try Self.hex(json["bindingHash"])))
    let cases = try #require(json["cases"]?.array)
    for entry in cases {
      let isState = entry["form"]?.string == "state"
      let statement = AttestedStatement(
        binding: binding,
        height: Height(
          revision: try #require(entry["revision"]?.integer()), try #require(entry["height"]?.integer())),
        timestamp: UnixTime(seconds: try #require(entry["timestamp"]?.integer())),
        body: isState
          ? .state(root: try Bytes32(Self.hex(entry["root"]))) : .packets(try Self.entries(entry)))
      #expect(statement.digest.array == (try Self.hex(entry["digest"])))
    }
    #expect(cases.count == 12)
  }

  @Test("refuses a binding that nothing can be signed for")
  func bindingRefusals() throws {
    let client = try ClientID("client-0")
    let origin = try DomainID("cosmos:demo-1")
    let full = try AttestationBinding(
      origin: origin, router: [UInt8](repeating: 7, count: AttestationBinding.routerSizeMax), client: client)
    #expect(full.router.count == 64)
    #expect(throws: AttestationBindingError.routerLength(max: 64, actual: 65)) {
      try AttestationBinding(origin: origin, router: full.router + [7], client: client)
    }
    let solana = try DomainID("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    #expect(throws: AttestationBindingError.origin(.domain)) {
      try AttestationBinding(origin: solana, router: [7], client: client)
    }
  }
}
