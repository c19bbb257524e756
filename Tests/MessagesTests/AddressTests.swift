import Encodings
import Messages
import TestSupport
import Testing
import WireBytes

@Suite("Domains and addresses")
struct AddressTests {
  @Test(
    "reads the CAIP-2 examples",
    .enabled(if: Corpora.directory("erc-standards") != nil, "corpus erc-standards is absent"))
  func caip2() throws {
    let json = try MessageVectors.corpus("erc-standards", "caip2.json")
    let valid = try #require(json["valid"]?.array)
    for text in valid.compactMap(\.string) {
      let domain = try DomainID(text)
      #expect("\(domain.namespace):\(domain.reference)" == text)
    }
    #expect(valid.count == 7)
  }

  @Test(
    "refuses what is no CAIP-2 id",
    arguments: [
      ("eip155", DomainIDError.colons(count: 0)), ("a:b:c", .colons(count: 2)), ("ei:1", .namespaceLength(2)),
      ("eip155eip:1", .namespaceLength(9)), ("eip155:", .referenceLength(0)),
      ("eip155:" + String(repeating: "1", count: 33), .referenceLength(33)),
      ("Eip155:1", .character(offset: 0)),
      ("eip155:1 ", .character(offset: 8)), ("eip_155:1", .character(offset: 3)),
      ("eip155:é", .character(offset: 7)),
      ("", .colons(count: 0)),
    ])
  func caip2Refusals(text: String, error: DomainIDError) {
    #expect(throws: error) { try DomainID(text) }
  }

  @Test(
    "reads the ERC-7930 examples and refuses the malformed ones",
    .enabled(if: Corpora.directory("erc-standards") != nil, "corpus erc-standards is absent"))
  func erc7930() throws {
    let json = try MessageVectors.corpus("erc-standards", "erc7930.json")
    let valid = try #require(json["valid"]?.array)
    for entry in valid {
      let bytes = try Hex.decode(try #require(entry["hex"]?.string))
      let address = try InteroperableAddress(decoding: bytes.span)
      #expect(address.encoded() == bytes)
      #expect(Hex.encode(address.reference, prefix: "") == entry["reference"]?.string)
      #expect(Hex.encode(address.address, prefix: "") == entry["address"]?.string)
      let name = try #require(entry["interopName"]?.string)
      let checksum = Hex.encode(address.checksum.array, prefix: "").uppercased()
      #expect(name.hasSuffix("#" + checksum))
      // A cut, and one more byte.
      for count in 0..<bytes.count {
        let cut = [UInt8](bytes.prefix(count))
        #expect(throws: InteroperableAddressError.self) { try InteroperableAddress(decoding: cut.span) }
      }
      let longer = bytes + [0]
      #expect(throws: InteroperableAddressError.bytes(.trailingBytes(offset: bytes.count, count: 1))) {
        try InteroperableAddress(decoding: longer.span)
      }
    }
    #expect(valid.count == 4)
    let invalid = try #require(json["invalid"]?.object)
    let forEVM = try #require(json["invalid_for_evm_parser"]?.object)
    for (name, value) in invalid.merging(forEVM, uniquingKeysWith: { first, _ in first }) {
      let bytes = try Hex.decode(try #require(value.string))
      #expect(throws: InteroperableAddressError.self, "\(name)") {
        try InteroperableAddress(decoding: bytes.span)
      }
    }
    #expect(invalid.count + forEVM.count == 4)
  }

  @Test(
    "refuses a second encoding of an address",
    arguments: [
      ("0x0001000002000100", InteroperableAddressError.chainIDNotMinimal),
      ("0x000100000100140000000000000000000000000000000000000000", .chainIDNotMinimal),
      ("0x0001000001010100", .addressLength(1)),
      ("0x00020000010100", .version(2)), ("0x000100000000", .empty),
      ("0x0001ca02086569703135353a3100", .domain), ("0x0001ca0203616263" + "00", .domain),
    ])
  func strict(hex: String, error: InteroperableAddressError) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: error) { try InteroperableAddress(decoding: bytes.span) }
  }

  @Test(
    "gives the chain back from its address", arguments: ["eip155:1", "eip155:42161", "cosmos:cosmoshub-4"])
  func roundTrip(text: String) throws {
    let domain = try DomainID(text)
    #expect(try InteroperableAddress(chain: domain).domain == domain)
  }

  @Test(
    "has no address for a chain id that is written in two ways",
    arguments: ["eip155:01", "eip155:0", "eip155:x"])
  func noAddress(text: String) throws {
    let domain = try DomainID(text)
    #expect(throws: InteroperableAddressError.domain) { try InteroperableAddress(chain: domain) }
  }

  @Test("names crossings as the script does")
  func crossings() throws {
    let cases = try MessageVectors.cases("crossings.json", schema: "causeway.vectors.crossing/1")
    for entry in cases {
      let origin = try DomainID(try #require(entry["origin"]?.string))
      #expect(Hex.encode(try InteroperableAddress(chain: origin).encoded()) == entry["originBytes"]?.string)
      let sequence = try MessageVectors.sequence(entry["sequence"])
      let client = try ClientID(try #require(entry["client"]?.string))
      let id = try CrossingID(origin: origin, sourceClient: client, sequence: sequence)
      #expect(id.description == entry["id"]?.string)
    }
    #expect(cases.count == 5)
  }
}
