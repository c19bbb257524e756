import Encodings
import Foundation
import SignerWire
import SigningRules
import TestSupport
import Testing
import WireBytes

@Suite("The wire, as another implementation writes it")
struct VectorTests {
  private static func load(_ name: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signer-wire/\(name).json")
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  private static func bytes(_ json: JSONValue?) throws -> [UInt8] {
    try Hex.decode(try #require(json?.string))
  }

  @Test("a handshake and a request are these bytes")
  func handshake() throws {
    let vectors = try Self.load("handshake")
    let now = Samples.now
    let signer = try Samples.key(2)
    var client = ClientHandshake(
      key: try Samples.key(1), signer: signer.publicKey, domain: .operator, at: now,
      randomness: try Samples.randomness(4))
    var server = ServerHandshake(identity: signer, domain: .operator)
    #expect(client.start.body == (try Self.bytes(vectors["open"])))
    _ = try server.open(client.start, at: now)
    let challenge = try server.challenge(at: now, randomness: try Samples.randomness(5))
    #expect(challenge.body == (try Self.bytes(vectors["challenge"])))
    guard case .send(let proof) = try client.receive(challenge, at: now) else { throw Samples.Missing.step }
    #expect(proof.body == (try Self.bytes(vectors["prove"])))
    try server.prove(proof)
    let (granted, session) = try server.grant(
      SessionGrant(session: SessionID { _ in 3 }, expires: now + 900_000, inFlightMax: 16, batchMax: 64),
      client: try ClientName("a"), peer: Samples.peer)
    #expect(granted.body == (try Self.bytes(vectors["granted"])))
    guard case .finished(var mine) = try client.receive(granted, at: now) else { throw Samples.Missing.step }
    #expect(try mine.seal(.sign, [1, 2, 3], at: now).frame.body == (try Self.bytes(vectors["request"])))
    #expect(
      try session.seal(.signatures, [4], nonce: 1, at: now).body == (try Self.bytes(vectors["answer"])))
  }

  @Test("certificates name their holder, or are refused for this reason")
  func certificates() throws {
    let cases = try #require(try Self.load("certificates")["cases"]?.array)
    #expect(cases.count == 29)
    for one in cases {
      let name = one["name"]?.string ?? ""
      let bytes = try Self.bytes(one["certificate"])
      if let want = one["want"]?.string {
        #expect(try PeerCertificate.spiffeID(decoding: bytes) == want, "\(name)")
        // No shorter input is one, and nothing may follow.
        for count in 0..<bytes.count {
          #expect(throws: PeerCertificateError.self) {
            try PeerCertificate.spiffeID(decoding: Array(bytes.prefix(count)))
          }
        }
        #expect(throws: PeerCertificateError.der(offset: bytes.count)) {
          try PeerCertificate.spiffeID(decoding: bytes + [0])
        }
        for bit in 0..<(bytes.count * 8) {
          var turned = bytes
          turned[bit / 8] ^= 1 << UInt8(bit % 8)
          _ = try? PeerCertificate.spiffeID(decoding: turned)
        }
      } else {
        do {
          _ = try PeerCertificate.spiffeID(decoding: bytes)
          Issue.record("\(name) was accepted")
        } catch { #expect("\(error)".hasPrefix(one["error"]?.string ?? "?"), "\(name): \(error)") }
      }
    }
    let long = [UInt8](repeating: 0, count: PeerCertificate.sizeMax + 1)
    #expect(throws: PeerCertificateError.tooLarge(limit: 65_536, actual: 65_537)) {
      try PeerCertificate.spiffeID(decoding: long)
    }
  }
}
