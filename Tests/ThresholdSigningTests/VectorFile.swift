import Encodings
import Foundation
import TestSupport
import Testing
import ThresholdSigning
import WireBytes

/// Reading of vectors.
enum VectorFile {
  static func json(_ path: String) throws -> JSONValue {
    try JSONValue(decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  /// Our own, made by tools/vectors/threshold.py.
  static func frost() throws -> JSONValue {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/threshold/frost.json").path
    let file = try json(path)
    #expect(file["schema"]?.string == "causeway.vectors.frost/1")
    return try #require(file["cases"])
  }
}

extension JSONValue {
  func bytes(_ name: String) throws -> [UInt8] { try Hex.decode(try #require(self[name]?.string)) }
  func bytes32(_ name: String) throws -> Bytes32 { try Bytes32(try bytes(name)) }
  func number(_ name: String) throws -> Int { try #require(self[name]?.integer(Int.self)) }
  func list(_ name: String) throws -> [JSONValue] { try #require(self[name]?.array) }
  func identifier() throws -> ParticipantIdentifier {
    try #require(ParticipantIdentifier(UInt16(try number("identifier"))))
  }
}

/// A share that a reference can hold, so that arrays of participants can be made.
final class Holder {
  let share: KeyShare
  init(_ share: consuming KeyShare) { self.share = share }
}

extension KeyShare {
  /// A share as a dealer or a vector gives it.
  static func given(
    _ identifier: ParticipantIdentifier, _ secret: Bytes32, _ group: GroupPublicKey
  ) throws -> Holder {
    let scalar = try SecretScalar(canonical: secret.span)
    return Holder(try KeyShare(identifier: identifier, secret: scalar, group: group))
  }
}

extension SecretScalar {
  /// The public half; an error when there is none.
  var publicPoint: GroupElement {
    get throws {
      guard let element = publicElement else { throw GroupElementError.identity }
      return element
    }
  }

  /// What no program does: the secret as bytes that anything may read.
  var copied: Bytes32 { withBytes { (bytes: Span<UInt8>) in Bytes32(bytes, at: 0) } }
}

/// A polynomial of a dealer who knows everything.
struct DealtPolynomial {
  private let coefficients: [Bytes32]

  init(_ coefficients: [Bytes32]) throws { self.coefficients = coefficients }

  func share(of identifier: ParticipantIdentifier) throws -> Bytes32 {
    try SecretPolynomial(coefficients).value(at: identifier).copied
  }
}

/// A ticket that a reference can hold.
final class Ticket {
  private var nonces: SigningNonces?
  let commitment: NonceCommitment

  init(_ nonces: consuming SigningNonces) {
    commitment = nonces.commitment
    self.nonces = consume nonces
  }

  func sign(_ session: SigningSession, _ holder: Holder) throws -> SignatureShare {
    guard let nonces = nonces.take() else { throw SigningError.notAsked(holder.share.identifier) }
    return try holder.share.sign(session, with: nonces)
  }
}
