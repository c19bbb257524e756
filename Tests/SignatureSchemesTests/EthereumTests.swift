import Encodings
import SignatureSchemes
import Testing
import WireBytes

@Suite("Ethereum digests and addresses")
struct EthereumTests {
  @Test("EIP-191 digests")
  func messages() throws {
    let cases = try signatureCases("eip191")
    #expect(cases.count == 9)
    for test in cases {
      let message = try test.hex("message")
      let digest: Bytes32
      if test["validator"] == nil {
        digest = EIP191.personalMessage(message.span)
      } else {
        digest = EIP191.intendedValidator(try Bytes20(test.hex("validator")), message.span)
      }
      #expect(digest.description == test["want"]?.string)
      if message.count == 32 { #expect(EIP191.personalMessage(try Bytes32(message)) == digest) }
    }
  }

  @Test("EIP-55 checksums are written and demanded")
  func checksums() throws {
    let cases = try signatureCases("eip55")
    #expect(cases.count == 24)
    for test in cases {
      let text = try #require(test["want"]?.string)
      let address = try EthereumAddress.parse(text)
      #expect(EthereumAddress.checksummed(address) == text)
      #expect(try EthereumAddress.parse(text.lowercased()) == address)
      #expect(try EthereumAddress.parse("0x" + text.dropFirst(2).uppercased()) == address)
      // Any one letter of the other case breaks it.
      for (index, character) in text.enumerated().dropFirst(2) where character.isLetter {
        var characters = [Character](text)
        characters[index] = Character(character.isUppercase ? character.lowercased() : character.uppercased())
        let changed = String(characters)
        #expect(throws: EthereumAddress.TextError.checksum(offset: index)) {
          try EthereumAddress.parse(changed)
        }
      }
    }
  }

  @Test("refuses texts that are no address")
  func texts() {
    let digits = String(repeating: "0", count: 40)
    for text in ["", "0x", digits, "0X" + digits, "0x" + digits + "0", "0x" + digits.dropLast()] {
      #expect(throws: EthereumAddress.TextError.form) { try EthereumAddress.parse(text) }
    }
    #expect(throws: EthereumAddress.TextError.digit(offset: 41)) {
      try EthereumAddress.parse("0x" + digits.dropLast() + "g")
    }
  }
}

@Suite("EIP-712")
struct EIP712Tests {
  @Test("documents hash as eth-account hashes them")
  func documents() throws {
    let cases = try signatureCases("eip712")
    #expect(cases.count == 5)
    for test in cases {
      let document = try EIP712.Document(#require(test["document"]))
      #expect(document.domainSeparator.description == test["separator"]?.string)
      #expect(document.messageHash.description == test["message"]?.string)
      #expect(document.digest.description == test["digest"]?.string)
    }
  }

  @Test("a domain by its fields hashes as the domain of a document")
  func domains() throws {
    let cases = try signatureCases("eip712")
    let mail = EIP712.Domain(
      name: "Ether Mail", version: "1", chainID: .one,
      verifyingContract: Bytes20 { _ in 0xcc })
    #expect(mail.separator.description == cases[0]["separator"]?.string)
    #expect(EIP712.Domain(salt: Bytes32 { _ in 0x11 }).separator.description == cases[3]["separator"]?.string)
    // EIP-712, example Mail: the published type text and digest.
    let types = try EIP712.Types([
      "Mail": [
        .init(name: "from", type: "Person"), .init(name: "to", type: "Person"),
        .init(name: "contents", type: "string"),
      ],
      "Person": [.init(name: "name", type: "string"), .init(name: "wallet", type: "address")],
    ])
    #expect(
      try types.encoding(of: "Mail")
        == "Mail(Person from,Person to,string contents)Person(string name,address wallet)")
    #expect(
      cases[0]["digest"]?.string == "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2")
  }

  func error(_ type: String, _ value: JSONValue) -> EIP712.EncodingError? {
    let document: JSONValue = [
      "types": ["T": [["name": "v", "type": .string(type)]], "S": [["name": "x", "type": "bool"]]],
      "primaryType": "T", "domain": [:], "message": ["v": value],
    ]
    do {
      _ = try EIP712.Document(document)
      return nil
    } catch { return error }
  }

  @Test("values are bounded by their types")
  func values() {
    let bad: [(String, JSONValue)] = [
      ("uint8", 256), ("uint8", -1), ("uint8", "0x100"), ("uint8", "1.5"), ("uint8", true), ("uint8", ""),
      ("uint8", "0x"), ("int8", 128), ("int8", -129), ("bool", 1), ("bool", "true"), ("bytes", "01"),
      ("bytes", "0x0"), ("bytes4", "0x010203"), ("bytes4", "0x0102030405"), ("string", 1),
      ("address", "0x00"), ("address", 0), ("uint256", .string("1" + String(repeating: "0", count: 78))),
      ("uint256", .string("0x1" + String(repeating: "0", count: 64))), ("uint8[]", 1), ("S", 1), ("S", []),
    ]
    for (type, value) in bad { #expect(error(type, value) == .value(type: type), "\(type) \(value)") }
    let good: [(String, JSONValue)] = [
      ("uint8", 255), ("uint8", "0xff"), ("int8", -128), ("int8", 127), ("bytes", "0x"), ("S", ["x": true]),
      ("S", .null), ("S[]", []), ("uint8[2]", [1, 2]), ("uint8[2][]", [[1, 2]]),
      ("uint256", "115792089237316195423570985008687907853269984665640564039457584007913129639935"),
      ("int256", "-57896044618658097711785492504343953926634992332820282019728792003956564819968"),
    ]
    for (type, value) in good { #expect(error(type, value) == nil, "\(type) \(value)") }
    #expect(error("uint8[2]", [1]) == .arrayLength(type: "uint8[2]", expected: 2, actual: 1))
    #expect(error("S", [:]) == .missing(type: "S", member: "x"))
    #expect(error("S", ["x": true, "y": 1]) == .surplus(type: "S", member: "y"))
  }

  @Test("types must be known and well written")
  func types() {
    for type in [
      "uint", "int", "uint7", "uint264", "uint08", "bytes0", "bytes33", "U", "", "S]", "S[-1]", "S[01]", "[]",
    ] {
      #expect(error(type, 1) == .type(type), "\(type)")
    }
    #expect(throws: EIP712.EncodingError.name("1a")) { try EIP712.Types(["1a": []]) }
    #expect(throws: EIP712.EncodingError.name("bool")) { try EIP712.Types(["bool": []]) }
    #expect(throws: EIP712.EncodingError.name("a,b")) {
      try EIP712.Types(["T": [.init(name: "a,b", type: "bool")]])
    }
    #expect(throws: EIP712.EncodingError.duplicateMember(type: "T", member: "a")) {
      try EIP712.Types(["T": [.init(name: "a", type: "bool"), .init(name: "a", type: "bool")]])
    }
    let many = (0...EIP712.membersMax).map { EIP712.Member(name: "m\($0)", type: "bool") }
    #expect(throws: EIP712.EncodingError.tooManyMembers(type: "T", limit: 128)) {
      try EIP712.Types(["T": many])
    }
    let list = Dictionary(uniqueKeysWithValues: (0...EIP712.typesMax).map { ("T\($0)", [EIP712.Member]()) })
    #expect(throws: EIP712.EncodingError.tooManyTypes(limit: 128)) { try EIP712.Types(list) }
  }

  @Test("nesting is bounded")
  func depth() {
    var value: JSONValue = .null
    for _ in 0..<40 { value = ["next": value] }
    let document: JSONValue = [
      "types": ["T": [["name": "next", "type": "T"]]], "primaryType": "T", "domain": [:], "message": value,
    ]
    #expect(throws: EIP712.EncodingError.tooDeep(limit: 16)) { try EIP712.Document(document) }
    let suffixes = String(repeating: "[]", count: 17)
    #expect(error("bool" + suffixes, []) == .tooDeep(limit: 16))
  }

  @Test("a document lacking a part is refused", arguments: ["types", "primaryType", "domain", "message"])
  func parts(member: String) throws {
    guard case .object(var document) = try signatureCases("eip712")[0]["document"] else { return }
    document[member] = nil
    let changed = JSONValue.object(document)
    #expect(throws: EIP712.EncodingError.document(member: member)) { try EIP712.Document(changed) }
  }
}
