public import Encodings
import Messages
import WireBytes

/// What a verifier of SD-JWTs demands.
public struct SDJWTDemands: Hashable, Sendable {
  /// How a key binding must be.
  public struct Binding: Hashable, Sendable {
    public let nonce: String
    public let audience: String
    public let ageSecondsMax: UInt64

    public init(nonce: String, audience: String, ageSecondsMax: UInt64 = 300) {
      self.nonce = nonce
      self.audience = audience
      self.ageSecondsMax = ageSecondsMax
    }
  }

  /// The key that the caller knows to be the issuer's.
  public let issuerKey: TokenKey
  /// Compared with `iss` where given.
  public let issuer: String?
  /// Compared with the header's `typ` where given, for instance `dc+sd-jwt`.
  public let type: String?
  /// Claims that must be there after disclosure, for instance `exp`.
  public let required: Set<String>
  /// Nil when there must be none.
  public let binding: Binding?
  public let clockDriftSeconds: UInt64

  public init(
    issuerKey: TokenKey, issuer: String? = nil, type: String? = nil, required: Set<String> = [],
    binding: Binding? = nil, clockDriftSeconds: UInt64 = 0
  ) {
    self.issuerKey = issuerKey
    self.issuer = issuer
    self.type = type
    self.required = required
    self.binding = binding
    self.clockDriftSeconds = clockDriftSeconds
  }
}

/// What an issuer said, of what its holder chose to show.
public struct VerifiedClaims: Hashable, Sendable {
  /// The processed payload: digests are gone, disclosed claims are in place.
  public let claims: JSONValue
  /// Whether the holder of the key that the issuer named has shown it for this verifier.
  public let isBound: Bool
}

extension SDJWT {
  /// Checks everything that RFC 9901 section 7.1 and 7.3 ask for.
  ///
  /// - Parameter now: UNIX seconds.
  /// - Throws: ``SDJWTError``.
  public func verify(_ demands: SDJWTDemands, at now: UInt64) throws(SDJWTError) -> VerifiedClaims {
    do {
      if let type = demands.type { try issued.checkType(type) }
      try issued.verify(by: demands.issuerKey, at: now)
    } catch { throw .issuer(error) }
    let hash = try hash()
    let claims = try DisclosedPayload.resolve(issued.payload, disclosures, hash).claims
    try Self.check(claims, demands, at: now)
    guard let binding = demands.binding else {
      guard keyBinding == nil else { throw .keyBindingUnexpected }
      return VerifiedClaims(claims: .object(claims), isBound: false)
    }
    guard let keyBinding else { throw .keyBindingMissing }
    do {
      try check(keyBinding, binding, claims, hash, drift: demands.clockDriftSeconds, at: now)
    } catch { throw .keyBinding(error) }
    return VerifiedClaims(claims: .object(claims), isBound: true)
  }

  private static func check(
    _ claims: [String: JSONValue], _ demands: SDJWTDemands, at now: UInt64
  ) throws(SDJWTError) {
    for name in demands.required.sorted() where claims[name] == nil { throw .claimMissing(name) }
    if let issuer = demands.issuer {
      guard claims["iss"]?.string == issuer else { throw .claimValue("iss") }
    }
    let latest = saturating(now, demands.clockDriftSeconds)
    for name in ["nbf", "iat"] {
      guard let moment = try seconds(claims, name) else { continue }
      guard moment <= latest else { throw .notYet(claim: name, at: moment, secondsEarly: moment - now) }
    }
    if let expires = try seconds(claims, "exp") {
      let end = saturating(expires, demands.clockDriftSeconds)
      guard now < end else { throw .expired(expires: expires, secondsLate: now - expires) }
    }
  }

  /// A time as whole seconds; other forms of NumericDate are refused rather than guessed.
  private static func seconds(
    _ claims: [String: JSONValue], _ name: String
  ) throws(SDJWTError) -> UInt64? {
    guard let claim = claims[name] else { return nil }
    guard case .number = claim, let seconds: UInt64 = claim.integer() else { throw .claimForm(name) }
    return seconds
  }

  private static func saturating(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }

  private func check(
    _ token: UncheckedToken, _ wanted: SDJWTDemands.Binding, _ claims: [String: JSONValue],
    _ hash: SDJWTHash, drift: UInt64, at now: UInt64
  ) throws(KeyBindingError) {
    guard let jwk = claims["cnf"]?["jwk"] else { throw .noConfirmationKey }
    let key: TokenKey
    do { key = try TokenKey(jwk: jwk) } catch { throw .confirmationKey(error) }
    do {
      try token.checkType("kb+jwt")
      try token.verify(by: key, at: now)
    } catch { throw .token(error) }
    let payload = token.payload
    guard payload["nonce"]?.string == wanted.nonce else {
      throw .nonce(expected: wanted.nonce, actual: payload["nonce"]?.string)
    }
    guard payload["aud"]?.string == wanted.audience else {
      throw .audience(expected: wanted.audience, actual: payload["aud"]?.string)
    }
    guard case .number? = payload["iat"], let issued: UInt64 = payload["iat"]?.integer() else {
      throw .issuedForm
    }
    guard issued <= Self.saturating(now, drift) else {
      throw .inFuture(issued: issued, secondsAhead: issued - now)
    }
    let age = now > issued ? now - issued : 0
    guard age <= Self.saturating(wanted.ageSecondsMax, drift) else {
      throw .tooOld(issued: issued, ageSeconds: age)
    }
    let selection = hash.digest(boundText)
    guard payload["sd_hash"]?.string == selection else {
      throw .selection(expected: selection, actual: payload["sd_hash"]?.string)
    }
  }
}

/// The payload with its disclosures in place: RFC 9901 section 7.1, steps 3 to 5.
struct DisclosedPayload {
  private(set) var claims: [String: JSONValue] = [:]
  /// For each disclosure, the one in whose value its digest stands; nil for the payload itself.
  private(set) var parents: [Int?]
  /// For each disclosure, where its value came to lie.
  private(set) var paths: [String]

  private let disclosures: [SDJWTDisclosure]
  private let places: [String: Int]
  private var used: [Bool]
  private var digests: Set<String> = []

  private init(_ disclosures: [SDJWTDisclosure], _ hash: SDJWTHash) throws(SDJWTError) {
    self.disclosures = disclosures
    parents = Array(repeating: nil, count: disclosures.count)
    paths = Array(repeating: "", count: disclosures.count)
    used = Array(repeating: false, count: disclosures.count)
    var places: [String: Int] = [:]
    for (index, disclosure) in disclosures.enumerated() {
      guard places.updateValue(index, forKey: hash.digest(disclosure.text)) == nil else {
        throw .disclosureTwice(index)
      }
    }
    self.places = places
  }

  static func resolve(
    _ payload: [String: JSONValue], _ disclosures: [SDJWTDisclosure], _ hash: SDJWTHash
  ) throws(SDJWTError) -> DisclosedPayload {
    var resolver = try DisclosedPayload(disclosures, hash)
    var top = payload
    top["_sd_alg"] = nil
    resolver.claims = try resolver.object(top, path: "", within: nil, depth: 0)
    if let index = resolver.used.firstIndex(of: false) { throw .unreferenced(index) }
    return resolver
  }

  private mutating func value(
    _ value: JSONValue, path: String, within parent: Int?, depth: Int
  ) throws(SDJWTError) -> JSONValue {
    // Texts are bounded in depth one by one; disclosures within disclosures add up.
    guard depth < 2 * UncheckedToken.depthMax else { throw .depth(max: 2 * UncheckedToken.depthMax) }
    switch value {
    case .object(let members):
      return .object(try object(members, path: path, within: parent, depth: depth))
    case .array(let elements):
      var kept: [JSONValue] = []
      for (index, element) in elements.enumerated() {
        let inner = path + "/\(index)"
        guard case .object(let members) = element, let reference = members["..."] else {
          kept.append(try self.value(element, path: inner, within: parent, depth: depth + 1))
          continue
        }
        guard members.count == 1, let digest = reference.string else { throw .digestForm(path: inner) }
        guard let place = try take(digest, path: inner, within: parent) else { continue }
        guard disclosures[place].name == nil else { throw .disclosureKind(place) }
        kept.append(try self.value(disclosures[place].value, path: inner, within: place, depth: depth + 1))
      }
      return .array(kept)
    case .null, .boolean, .number, .string: return value
    }
  }

  private mutating func object(
    _ members: [String: JSONValue], path: String, within parent: Int?, depth: Int
  ) throws(SDJWTError) -> [String: JSONValue] {
    // `...` conveys digests in arrays and is nothing anywhere else.
    guard members["..."] == nil else { throw .digestForm(path: path) }
    guard members["_sd_alg"] == nil else { throw .hashAlgorithmNested(path: path) }
    var claims: [String: JSONValue] = [:]
    for name in members.keys.sorted() where name != "_sd" {
      guard let member = members[name] else { continue }
      claims[name] = try value(
        member, path: JSONPointer.adding(name, to: path), within: parent, depth: depth + 1)
    }
    guard let list = members["_sd"] else { return claims }
    guard let digests = list.array else { throw .digestForm(path: path + "/_sd") }
    for element in digests {
      guard let digest = element.string else { throw .digestForm(path: path + "/_sd") }
      guard let place = try take(digest, path: path, within: parent) else { continue }
      guard let name = disclosures[place].name else { throw .disclosureKind(place) }
      guard name != "_sd", name != "...", name != "_sd_alg" else { throw .reservedName(place, name) }
      guard claims[name] == nil else { throw .claimExists(place, name) }
      let inner = JSONPointer.adding(name, to: path)
      paths[place] = inner
      claims[name] = try value(disclosures[place].value, path: inner, within: place, depth: depth + 1)
    }
    return claims
  }

  /// The disclosure of a digest, which must be met once; nil when it is not shown, or a decoy.
  private mutating func take(
    _ digest: String, path: String, within parent: Int?
  ) throws(SDJWTError) -> Int? {
    guard digests.insert(digest).inserted else { throw .digestTwice(digest) }
    guard let place = places[digest] else { return nil }
    used[place] = true
    parents[place] = parent
    paths[place] = path
    return place
  }
}

/// Pointers into JSON (RFC 6901).
enum JSONPointer {
  static func adding(_ name: String, to path: String) -> String {
    guard name.utf8.contains(where: { $0 == 0x7e || $0 == 0x2f }) else { return path + "/" + name }
    var escaped = ""
    for character in name.unicodeScalars {
      switch character {
      case "~": escaped += "~0"
      case "/": escaped += "~1"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return path + "/" + escaped
  }
}
