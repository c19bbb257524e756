import Crypto
import Enclaves
import Encodings
import Foundation
import Testing
import WireBytes

@Suite("SD-JWT")
struct SDJWTTests {
  struct Setting {
    let file: JSONValue
    let now: UInt64
    let key: TokenKey

    init() throws {
      file = try EnclaveVectors.file("sd-jwt")
      now = try #require(file["now"]?.integer())
      key = try TokenKey(jwk: try #require(file["issuerKey"]))
    }

    func demands(bound: Bool) throws -> SDJWTDemands {
      SDJWTDemands(
        issuerKey: key, issuer: try file.text("issuer"), required: ["exp"],
        binding: bound
          ? .init(nonce: try file.text("nonce"), audience: try file.text("audience")) : nil)
    }
  }

  @Test("reads and verifies what the reference implementation issued, presented and verified")
  func accepted() throws {
    let setting = try Setting()
    let cases = try #require(setting.file["accepted"]?.array)
    #expect(cases.count == 54)
    for vector in cases {
      let name = Comment(rawValue: try vector.text("name"))
      let token = try SDJWT(try vector.text("text"))
      #expect(token.text == (try vector.text("text")), name)
      let bound = vector["bound"]?.boolean == true
      let verified = try token.verify(try setting.demands(bound: bound), at: setting.now)
      #expect(verified.isBound == bound, name)
      let wanted = try JSONValue(decoding: [UInt8](try vector.text("claims").utf8))
      #expect(verified.claims == wanted, name)
      // What the issuer gave holds too, all of it.
      _ = try SDJWT(try vector.text("issuance")).verify(
        SDJWTDemands(issuerKey: setting.key, required: ["exp"]), at: setting.now)
    }
  }

  @Test("refuses what must be refused, for the reason")
  func refused() throws {
    let setting = try Setting()
    let cases = try #require(setting.file["refused"]?.array)
    #expect(cases.count == 70)
    for vector in cases {
      let name = try vector.text("name")
      let demands = try setting.demands(bound: vector["bound"]?.boolean == true)
      do throws(SDJWTError) {
        _ = try SDJWT((try? vector.text("text")) ?? "?").verify(demands, at: setting.now)
        Issue.record("accepted: \(name)")
      } catch {
        let found =
          switch error {
          case .issuer(let inner): "issuer." + caseName(inner)
          case .keyBinding(let inner): "keyBinding." + caseName(inner)
          default: caseName(error)
          }
        #expect(found == (try vector.text("error")), "\(name): \(error)")
      }
    }
  }

  @Test("the printed example of RFC 9901 verifies, with its key binding")
  func publishedExample() throws {
    let file = try EnclaveVectors.file("sd-jwt-rfc9901")
    let key = try TokenKey(jwk: try #require(file["issuerKey"]))
    let issuance = try SDJWT(try file.text("issuance"))
    #expect(issuance.disclosures.count == 10)
    let all = try issuance.verify(SDJWTDemands(issuerKey: key, type: "example+sd-jwt"), at: 1_736_767_091)
    #expect(all.claims["nationalities"] == ["US", "DE"])
    #expect(all.claims["phone_number_verified"] == true)
    let binding = SDJWTDemands.Binding(nonce: "1234567890", audience: "https://verifier.example.org")
    let presentation = try SDJWT(try file.text("presentation"))
    let demands = SDJWTDemands(
      issuerKey: key, issuer: "https://issuer.example.com", required: ["exp"], binding: binding)
    let shown = try presentation.verify(demands, at: 1_736_767_100)
    #expect(
      shown.claims
        == [
          "iss": "https://issuer.example.com", "iat": 1_683_000_000, "exp": 1_883_000_000, "sub": "user_42",
          "nationalities": ["US"],
          "cnf": [
            "jwk": [
              "kty": "EC", "crv": "P-256", "x": "TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc",
              "y": "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ",
            ]
          ],
          "family_name": "Doe", "given_name": "John",
          "address": [
            "street_address": "123 Main St", "locality": "Anytown", "region": "Anystate", "country": "US",
          ],
        ])
    #expect(throws: SDJWTError.keyBinding(.tooOld(issued: 1_736_767_091, ageSeconds: 301))) {
      try presentation.verify(demands, at: 1_736_767_392)
    }
    #expect(throws: SDJWTError.expired(expires: 1_883_000_000, secondsLate: 0)) {
      try presentation.verify(demands, at: 1_883_000_000)
    }
    #expect(throws: SDJWTError.issuer(.type(expected: "dc+sd-jwt", actual: "example+sd-jwt"))) {
      try issuance.verify(SDJWTDemands(issuerKey: key, type: "dc+sd-jwt"), at: 1_736_767_091)
    }
  }

  @Test("no changed character of a bound presentation is accepted, and no shorter text")
  func mutation() throws {
    let setting = try Setting()
    let vector = try #require(
      setting.file["accepted"]?.array?.first { $0["name"]?.string == "recursive, decoys, bound" })
    let text = [UInt8](try vector.text("text").utf8)
    let demands = try setting.demands(bound: true)
    for place in text.indices {
      var changed = text
      changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(throws: SDJWTError.self, "at \(place)") {
        try SDJWT(String(decoding: changed, as: UTF8.self)).verify(demands, at: setting.now)
      }
      #expect(throws: SDJWTError.self, "\(place) characters") {
        try SDJWT(String(decoding: text.prefix(place), as: UTF8.self)).verify(demands, at: setting.now)
      }
    }
  }

  // MARK: Issuing and presenting

  struct Parties {
    let issuer = P256.Signing.PrivateKey()
    let holder = Curve25519.Signing.PrivateKey()

    var issuerKey: TokenKey {
      TokenKey(algorithm: .es256, bytes: [UInt8](issuer.publicKey.x963Representation))
    }

    func sign(_ bytes: [UInt8]) throws -> [UInt8] {
      [UInt8](try issuer.signature(for: bytes).rawRepresentation)
    }

    var claims: JSONValue {
      [
        "iss": "https://issuer.example", "exp": 2_000_000_000,
        "cnf": [
          "jwk": [
            "kty": "OKP", "crv": "Ed25519",
            "x": .string(Base64.url.encode([UInt8](holder.publicKey.rawRepresentation).span)),
          ]
        ],
        "name": "Ana", "address": ["country": "PT", "street": "Rua 1", "a/b": 1],
        "roles": ["trader", ["id": 7, "desk": "rates"]],
      ]
    }

    static let paths: Set<String> = [
      "/name", "/address", "/address/street", "/address/a~1b", "/roles/0", "/roles/1", "/roles/1/desk",
    ]

    func issuance(hash: SDJWTHash = .sha256, decoys: Int = 3) throws -> SDJWT {
      var number = 0
      return try SDJWTIssuance(
        claims: claims, disclosable: Self.paths, algorithm: .es256, hash: hash, decoys: decoys
      ) {
        number += 1
        return "salt-of-128-random-bits-\(number)"
      }.issue { try sign($0) }
    }
  }

  @Test("what is issued verifies whole, and shows nothing that is hidden", arguments: SDJWTHash.allCases)
  func issuing(hash: SDJWTHash) throws {
    let parties = Parties()
    let issued = try parties.issuance(hash: hash)
    #expect(issued.disclosures.count == 7)
    let demands = SDJWTDemands(issuerKey: parties.issuerKey, type: "dc+sd-jwt")
    let read = try SDJWT(issued.text)
    #expect(read == issued)
    #expect(try read.verify(demands, at: 1_900_000_000).claims == parties.claims)
    let bare = try SDJWTPresentation(of: issued, showing: []).unbound
    let claims = try SDJWT(bare.text).verify(demands, at: 1_900_000_000).claims
    #expect(claims["name"] == nil)
    #expect(claims["address"] == nil)
    #expect(claims["roles"] == [])
    #expect(claims["iss"] == "https://issuer.example")
    let payload = JSONValue.object(issued.issued.payload).text()
    for word in ["Ana", "Rua", "trader", "rates"] { #expect(!payload.contains(word)) }
    #expect(issued.issued.payload["_sd"]?.array?.count == 5)
  }

  @Test("a holder shows parts with those they stand in, bound to one verifier")
  func presenting() throws {
    let parties = Parties()
    let issued = try parties.issuance()
    let presentation = try SDJWTPresentation(of: issued, showing: ["/address/street", "/roles/1/desk"])
    #expect(presentation.disclosures.count == 4)
    let bound = try presentation.bound(
      nonce: "n", audience: "v", issuedAt: 1_900_000_000, algorithm: .edDSA
    ) { [UInt8](try parties.holder.signature(for: $0)) }
    let demands = SDJWTDemands(
      issuerKey: parties.issuerKey, binding: .init(nonce: "n", audience: "v"))
    let shown = try SDJWT(bound.text).verify(demands, at: 1_900_000_001)
    #expect(shown.isBound)
    #expect(shown.claims["address"] == ["country": "PT", "street": "Rua 1"])
    #expect(shown.claims["roles"] == [["id": 7, "desk": "rates"]])
    #expect(shown.claims["name"] == nil)
    #expect(throws: PresentationError.alreadyBound) { try SDJWTPresentation(of: bound, showing: []) }
    #expect(throws: PresentationError.noDisclosure(path: "/iss")) {
      try SDJWTPresentation(of: issued, showing: ["/iss"])
    }
    // The holder's binding is over the selection: another disclosure does not slip in.
    let parts = bound.text.split(separator: "~").map(String.init)
    let name = try #require(issued.disclosures.first { $0.name == "name" })
    let more = (parts.dropLast() + [name.text, parts[parts.count - 1]]).joined(separator: "~")
    do throws(SDJWTError) {
      _ = try SDJWT(more).verify(demands, at: 1_900_000_001)
      Issue.record("accepted")
    } catch {
      guard case .keyBinding(.selection) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("issues nothing that a verifier would refuse or misread")
  func refusedIssuance() throws {
    let parties = Parties()
    func issue(
      _ claims: JSONValue? = nil, _ paths: Set<String>, decoys: Int = 0, salts: (() -> String)? = nil
    ) throws(IssuanceError) {
      var number = 0
      _ = try SDJWTIssuance(
        claims: claims ?? parties.claims, disclosable: paths, algorithm: .es256, decoys: decoys,
        salts: salts ?? {
          number += 1
          return "salt-of-128-random-bits-\(number)"
        })
    }
    #expect(throws: IssuanceError.notObject) { try issue([1], []) }
    #expect(throws: IssuanceError.noClaim(path: "/nothing")) { try issue(nil, ["/nothing"]) }
    #expect(throws: IssuanceError.noClaim(path: "/roles/2")) { try issue(nil, ["/roles/2"]) }
    for name in ["iss", "exp", "cnf"] {
      #expect(throws: IssuanceError.reserved(path: "/" + name)) { try issue(nil, ["/" + name]) }
    }
    #expect(throws: IssuanceError.reserved(path: "/o/_sd")) { try issue(["o": ["_sd": 1]], []) }
    #expect(throws: IssuanceError.reserved(path: "/...")) { try issue(["...": 1], []) }
    #expect(throws: IssuanceError.salt("short")) { try issue(nil, ["/name"], salts: { "short" }) }
    let same = "the same salt of enough length"
    #expect(throws: IssuanceError.salt(same)) { try issue(nil, ["/name", "/address"], salts: { same }) }
    #expect(throws: IssuanceError.count(max: 1024, actual: 1025)) { try issue(nil, [], decoys: 1025) }
  }

  @Test("bounds: texts, disclosures, depth")
  func bounds() throws {
    #expect(throws: SDJWTError.size(max: 1 << 20, actual: 1 << 20 + 1)) {
      try SDJWT(String(repeating: "A", count: 1 << 20 + 1))
    }
    let many = "e30.e30.AA" + String(repeating: "~WyJzIiwxXQ", count: 1025) + "~"
    #expect(throws: SDJWTError.disclosureCount(max: 1024, actual: 1025)) { try SDJWT(many) }
    let deep = String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
    let part = Base64.url.encode([UInt8](#"["s",\#(deep)]"#.utf8).span)
    #expect(throws: SDJWTError.disclosureJSON(0, .tooDeep(limit: 32, offset: 36))) {
      try SDJWT("e30.e30.AA~\(part)~")
    }
  }
}
