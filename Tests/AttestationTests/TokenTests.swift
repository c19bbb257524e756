import Attestation
import Encodings
import Foundation
import SignatureSchemes
import TestSupport
import Testing
import WireBytes

/// Tokens signed by `cryptography` (tools/vectors/attestation_tokens.py).
enum TokenVectors {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let token: [UInt8]
    let policy: JSONValue
    let at: Int64
    let want: [String: JSONValue]?
    let error: String?

    var testDescription: String { name }
    var evidence: AttestationEvidence { AttestationEvidence(platform: .token, statement: token) }
  }

  static let cases: [Case] = {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/tokens.json")
    guard let bytes = try? Data(contentsOf: path), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return []
    }
    return (json["cases"]?.array ?? []).compactMap { entry in
      guard let name = entry["name"]?.string, let policy = entry["policy"],
        let token = entry["token"]?.string,
        let at: Int64 = entry["at"]?.integer()
      else { return nil }
      return Case(
        name: name, token: [UInt8](token.utf8), policy: policy, at: at, want: entry["want"]?.object,
        error: entry["error"]?.string)
    }
  }()
}

@Suite("Tokens of other verifiers")
struct TokenTests {
  @Test("are all run")
  func count() {
    #expect(TokenVectors.cases.count == 80)
    #expect(TokenVectors.cases.count { $0.want != nil } == 16)
  }

  @Test("are judged under a policy", arguments: TokenVectors.cases)
  func verdicts(vector: TokenVectors.Case) throws {
    let policy = try TokenPolicy(json: vector.policy, path: "token")
    #expect(policy.json == vector.policy)
    do {
      let result = try TokenVerifier.verify(vector.evidence, under: policy, at: .live(vector.at))
      let want = try #require(vector.want, "accepted, wanted \(vector.error ?? "nothing")")
      #expect(result.issued == want["issued"]?.integer(Int64.self))
      #expect(result.expires == want["expires"]?.integer(Int64.self))
      #expect(result.nonce == want["nonce"]?.string.map { [UInt8]($0.utf8) })
      #expect(result.isDebug == (want["debug"]?.boolean ?? false))
      #expect(result.measurements.count == policy.claims.count)
    } catch let error as TokenRefusal {
      #expect(caseName(error) == vector.error, "\(error)")
    }
  }

  @Test("cut short anywhere, or with a character changed, are refused")
  func mutations() throws {
    let vector = try #require(TokenVectors.cases.first { $0.name == "EAR, ES256" })
    let policy = try TokenPolicy(json: vector.policy, path: "token")
    for count in 0..<vector.token.count {
      let cut = AttestationEvidence(platform: .token, statement: [UInt8](vector.token.prefix(count)))
      #expect(throws: TokenRefusal.self) {
        try TokenVerifier.verify(cut, under: policy, at: .live(vector.at))
      }
    }
    for position in vector.token.indices {
      var bytes = vector.token
      bytes[position] ^= 1
      let changed = AttestationEvidence(platform: .token, statement: bytes)
      #expect(throws: TokenRefusal.self, "byte \(position)") {
        try TokenVerifier.verify(changed, under: policy, at: .live(vector.at))
      }
    }
  }

  @Test("say how late they are")
  func late() throws {
    let vector = try #require(TokenVectors.cases.first { $0.name == "EAR, ES256" })
    let policy = try TokenPolicy(json: vector.policy, path: "token")
    #expect(throws: TokenRefusal.expired(secondsLate: 400)) {
      try TokenVerifier.verify(vector.evidence, under: policy, at: .live(vector.at + 1000))
    }
  }

  @Test(
    "have dates in the forms of JSON numbers",
    arguments: [
      ("0", 0), ("1666529184", 1_666_529_184), ("1.666091373e+09", 1_666_091_373),
      ("1666091373.9", 1_666_091_373),
      ("1e3", 1000), ("12E2", 1200), ("5e-1", 0), ("1234e-2", 12), ("-1", nil), ("1e300", nil),
      ("9007199254740992", 1 << 53), ("9007199254740993", nil),
    ] as [(String, Int64?)])
  func dates(text: String, seconds: Int64?) {
    #expect(NumericDate.seconds(.number(text)) == seconds)
    #expect(NumericDate.seconds(.string(text)) == nil)
  }

  @Test("have keys of one kind each")
  func keys() throws {
    let point: JSONValue = [
      "kty": "EC", "crv": "P-256", "x": "usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8",
      "y": "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4",
    ]
    #expect(try TokenKey(jwk: point).algorithm == .es256)
    func changed(_ name: String, _ value: JSONValue) throws -> JSONValue {
      var members = try #require(point.object)
      members[name] = value
      return .object(members)
    }
    let cases: [(JSONValue, TokenKeyError)] = [
      (try changed("crv", "P-521"), .jwk("kty")), (try changed("alg", "HS256"), .jwk("alg")),
      (try changed("alg", "ES384"), .kind(.es384)), (try changed("x", "AA"), .jwk("x")),
      (try changed("y", "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4="), .jwk("y")),
      (
        try changed("y", "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX8"),
        .key(.ecdsaKey(.keyNotOnCurve))
      ),
      (["kty": "oct", "k": "AA"], .jwk("kty")),
    ]
    for (jwk, error) in cases {
      #expect(throws: error) { try TokenKey(jwk: jwk) }
    }
  }
}
