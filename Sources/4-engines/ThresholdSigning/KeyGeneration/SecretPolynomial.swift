package import WireBytes

/// A polynomial over the integers modulo L whose coefficients are secret; the constant term is what it shares.
package struct SecretPolynomial: ~Copyable, Sendable {
  private let coefficients: GuardedBytes
  package let count: Int

  init(randomCount count: Int) {
    precondition(count > 0)
    var bytes = GuardedBytes(count: count * 32)
    for index in 0..<count {
      let coefficient = GuardedBytes.randomScalar()
      for place in 0..<32 { bytes[index * 32 + place] = coefficient[place] }
    }
    coefficients = bytes
    self.count = count
  }

  /// Coefficients that are given, constant term first: for vectors.
  package init(_ given: [Bytes32]) throws(ScalarError) {
    var bytes = GuardedBytes(count: given.count * 32)
    for (index, coefficient) in given.enumerated() {
      _ = try SecretScalar(canonical: coefficient.span)
      for place in 0..<32 { bytes[index * 32 + place] = coefficient[place] }
    }
    coefficients = bytes
    count = given.count
  }

  func coefficient(_ index: Int) -> SecretScalar { SecretScalar(coefficients.extracting(index * 32, 32)) }

  /// Each coefficient times the base point.
  package var commitments: [GroupElement] {
    (0..<count).map { index in
      guard let element = coefficient(index).timesBase() else {
        preconditionFailure("coefficients are not zero")
      }
      return element
    }
  }

  /// The share of `identifier`.
  package func value(at identifier: ParticipantIdentifier) -> SecretScalar {
    let place = Scalar(identifier.number)
    var sum = coefficient(count - 1)
    for index in (0..<(count - 1)).reversed() { sum = sum.times(place).plus(coefficient(index)) }
    return sum
  }
}

/// The same polynomial as others see it: each coefficient times the base point.
package struct PolynomialCommitments: Hashable, Sendable {
  let elements: [GroupElement]

  /// - Parameter elements: at least one, the constant term's first.
  package init(elements: [GroupElement]) {
    precondition(!elements.isEmpty)
    self.elements = elements
  }

  var constant: GroupElement { elements[0] }

  /// The share of `identifier` times the base point; nil when that is the identity.
  package func element(at identifier: ParticipantIdentifier) -> GroupElement? {
    value(at: identifier).element
  }

  /// The share of `identifier` times the base point.
  func value(at identifier: ParticipantIdentifier) -> GroupSum {
    let place = Scalar(identifier.number)
    return elements.dropLast().reversed().reduce(elements[elements.count - 1].sum) { $0 * place + $1.sum }
  }
}

/// A proof that its maker knows the constant term it commits to (Figure 1 of the FROST paper, round one, step 2).
package struct ProofOfKnowledge: Hashable, Sendable {
  let commitment: GroupElement
  let response: Scalar

  init(commitment: GroupElement, response: Scalar) {
    self.commitment = commitment
    self.response = response
  }

  /// Reads `[commitment: 32][response: 32]`; nil when either is not what it should be.
  package init?(_ bytes: Bytes64) {
    guard let commitment = try? GroupElement(Bytes32 { bytes[$0] }),
      let response = try? Scalar(canonical: Bytes32 { bytes[32 + $0] })
    else { return nil }
    self.init(commitment: commitment, response: response)
  }

  /// - Parameter context: the ceremony, so that a proof holds in no other; empty in Zcash Foundation's vectors.
  package init(
    of polynomial: borrowing SecretPolynomial, by identifier: ParticipantIdentifier, context: [UInt8]
  ) {
    let nonce = SecretScalar.random()
    let constant = polynomial.coefficient(0)
    guard let commitment = nonce.timesBase(), let point = constant.timesBase() else {
      preconditionFailure("neither is zero")
    }
    let challenge = Self.challenge(identifier, point, commitment, context)
    self.commitment = commitment
    response = nonce.plus(constant.times(challenge)).published()
  }

  private static func challenge(
    _ identifier: ParticipantIdentifier, _ point: GroupElement, _ commitment: GroupElement,
    _ context: [UInt8]
  ) -> Scalar {
    Ciphersuite.hKeyGeneration(
      Scalar(identifier.number).bytes.array + point.bytes.array + commitment.bytes.array + context)
  }

  package func holds(for point: GroupElement, by identifier: ParticipantIdentifier, context: [UInt8]) -> Bool
  {
    let challenge = Self.challenge(identifier, point, commitment, context)
    return GroupSum.base(times: response) == commitment.sum + point.sum * challenge
  }
}
