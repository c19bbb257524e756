package import Secrets

/// Arithmetic in the field of 256 elements modulo x^8 + x^4 + x^3 + x + 1, as SLIP-0039 shares bytes in it.
///
/// One operand of every product is a byte of a secret. There are no tables and no branches on operands, so that neither
/// the time nor the cache depends on them. That this is ours and not a library's is docs/decisions/0010-own-field-for-shares.md.
package enum GF256 {
  /// The product: for each bit of `right`, `left` times that power of x goes in or is masked out.
  package static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var power = left
    var product: UInt8 = 0
    for bit: UInt8 in 0..<8 {
      product ^= power & (0 &- (right >> bit & 1))
      // x^8 is x^4 + x^3 + x + 1.
      power = power << 1 ^ (0x1b & (0 &- (power >> 7)))
    }
    return product
  }

  /// One over `value`, as its 254th power; zero for zero.
  package static func inverse(_ value: UInt8) -> UInt8 {
    // 254 is 11111110 in binary.
    var power = multiply(value, value)
    var product = power
    for _ in 0..<6 {
      power = multiply(power, power)
      product = multiply(product, power)
    }
    return product
  }

  /// What weighs the value at `own` when the polynomial through `all` is taken at `place`. The places are public and
  /// different from each other.
  static func weight(of own: UInt8, among all: [UInt8], at place: UInt8) -> UInt8 {
    var numerator: UInt8 = 1
    var denominator: UInt8 = 1
    for other in all where other != own {
      numerator = multiply(numerator, other ^ place)
      denominator = multiply(denominator, other ^ own)
    }
    return multiply(numerator, inverse(denominator))
  }
}

/// A point of the polynomials, one for each byte, that share a secret.
package struct SharePoint: Sendable {
  let place: UInt8
  let value: SharedSecret

  init(place: UInt8, value: SharedSecret) {
    self.place = place
    self.value = value
  }

  package init(place: UInt8, value: consuming SecretBytes) {
    self.init(place: place, value: SharedSecret(value))
  }
}

/// Shamir's sharing of bytes with a digest that tells wrong shares from right ones (SLIP-0039, "Sharing scheme").
package enum SecretSharing {
  /// SLIP-0039 gives a place four bits.
  static let countMax = 16
  static let digestSizeBytes = 4
  /// Where the polynomials hold the secret.
  static let secretPlace: UInt8 = 255
  /// Where they hold the digest.
  static let digestPlace: UInt8 = 254

  /// The polynomials through `points`, which have different places and equally many bytes, at `place`.
  package static func interpolate(_ points: [SharePoint], at place: UInt8) -> SecretBytes {
    let places = points.map(\.place)
    var result = SecretBytes(zeroed: points.first?.value.count ?? 0)
    for point in points {
      let weight = GF256.weight(of: point.place, among: places, at: place)
      point.value.withSpan { (bytes: Span<UInt8>) in
        precondition(bytes.count == result.count)
        for index in bytes.indices {
          let sum = result.withSpan { (sofar: Span<UInt8>) in sofar[index] }
          result.set(sum ^ GF256.multiply(weight, bytes[index]), at: index)
        }
      }
    }
    return result
  }

  /// `count` shares at the places from zero on, of which any `threshold` give the secret back.
  static func split(_ secret: borrowing SecretBytes, threshold: Int, count: Int) -> [SharePoint] {
    precondition(1 <= threshold && threshold <= count && count <= countMax && secret.count >= 8)
    if threshold == 1 {
      return (0..<count).map { SharePoint(place: UInt8($0), value: secret.copy()) }
    }
    var shares = (0..<(threshold - 2)).map { index in
      SharePoint(place: UInt8(index), value: SecretBytes(random: secret.count))
    }
    let padding = SecretBytes(random: secret.count - digestSizeBytes)
    let digest = SecretBytes(ShareDigest.digest(of: secret, key: padding), padding)
    let base =
      shares + [
        SharePoint(place: digestPlace, value: digest), SharePoint(place: secretPlace, value: secret.copy()),
      ]
    for index in (threshold - 2)..<count {
      shares.append(SharePoint(place: UInt8(index), value: interpolate(base, at: UInt8(index))))
    }
    return shares
  }

  /// The secret of exactly as many shares as are needed; nil when their digest does not fit.
  ///
  /// A single share of a threshold of one is the secret and has no digest.
  static func recover(_ shares: [SharePoint]) -> SecretBytes? {
    if shares.count == 1 { return shares[0].value.copy() }
    let secret = interpolate(shares, at: secretPlace)
    let digest = interpolate(shares, at: digestPlace)
    let padding = digest.slice(digestSizeBytes..<digest.count)
    guard ShareDigest.digest(of: secret, key: padding).matches(digest.slice(0..<digestSizeBytes)) else {
      return nil
    }
    return secret
  }
}
