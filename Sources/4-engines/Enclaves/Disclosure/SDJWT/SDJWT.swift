import Digests
public import Encodings
import Messages
import WireBytes

/// Why text is no SD-JWT, or not one that may be believed. Positions of disclosures count from 0.
public enum SDJWTError: Error, Hashable, Sendable {
  case size(max: Int, actual: Int)
  /// No tilde behind the issuer-signed part.
  case noTilde
  case disclosureCount(max: Int, actual: Int)
  case issuer(CompactSignatureError)
  /// An empty disclosure.
  case emptyDisclosure(Int)
  case disclosureBase64(Int, Base64Error)
  case disclosureJSON(Int, JSONError)
  /// Not an array of a salt, maybe a name, and a value.
  case disclosureForm(Int)
  /// The same disclosure twice.
  case disclosureTwice(Int)
  /// A disclosure of an object's member stands for an array's element, or the other way round.
  case disclosureKind(Int)
  /// A disclosure names a claim `_sd`, `...` or `_sd_alg`.
  case reservedName(Int, String)
  /// A disclosed claim is there already.
  case claimExists(Int, String)
  /// No digest in the payload, or in another disclosure, refers to it.
  case unreferenced(Int)
  /// A digest occurs twice.
  case digestTwice(String)
  /// `_sd` is no list of strings, or `...` stands where no digest can.
  case digestForm(path: String)
  /// `_sd_alg` is no hash that is used here, or stands below the top.
  case hashAlgorithm(String?)
  case hashAlgorithmNested(path: String)
  /// Disclosures nest deeper than `max`.
  case depth(max: Int)
  case claimForm(String)
  case notYet(claim: String, at: UInt64, secondsEarly: UInt64)
  case expired(expires: UInt64, secondsLate: UInt64)
  case claimMissing(String)
  case claimValue(String)
  /// There is no key binding, and there must be; or the other way round.
  case keyBindingMissing
  case keyBindingUnexpected
  case keyBinding(KeyBindingError)
}

/// Why the holder's binding does not count.
public enum KeyBindingError: Error, Hashable, Sendable {
  case token(CompactSignatureError)
  /// The issuer's payload names no key of the holder.
  case noConfirmationKey
  case confirmationKey(TokenKey.FormError)
  case nonce(expected: String, actual: String?)
  case audience(expected: String, actual: String?)
  case issuedForm
  /// Made after `now`, by more than is allowed.
  case inFuture(issued: UInt64, secondsAhead: UInt64)
  case tooOld(issued: UInt64, ageSeconds: UInt64)
  /// Made for another selection of disclosures, or another SD-JWT.
  case selection(expected: String, actual: String?)
}

/// Hashes of disclosures, by their names in the IANA registry.
public enum SDJWTHash: String, Hashable, Sendable, CaseIterable {
  case sha256 = "sha-256"
  case sha384 = "sha-384"
  case sha512 = "sha-512"

  /// Base 64 of the hash of ASCII text.
  public func digest(_ text: String) -> String {
    let bytes = [UInt8](text.utf8)
    switch self {
    case .sha256:
      let hash = SHA256Hash.hash(bytes)
      return Base64.url.encode(hash.span)
    case .sha384:
      let hash = SecureHashes.sha384(bytes.span)
      return Base64.url.encode(hash.span)
    case .sha512:
      let hash = SecureHashes.sha512(bytes.span)
      return Base64.url.encode(hash.span)
    }
  }
}

/// One disclosure: the text whose digest is in the payload, and what it says.
public struct SDJWTDisclosure: Hashable, Sendable {
  public let text: String
  public let salt: String
  /// Nil for an element of an array.
  public let name: String?
  public let value: JSONValue

  /// - Throws: ``SDJWTError``, with `index` in it.
  init(_ text: String, index: Int) throws(SDJWTError) {
    guard !text.isEmpty else { throw .emptyDisclosure(index) }
    let bytes: [UInt8]
    do { bytes = try Base64.url.decode(text, sizeBytesMax: SDJWT.textSizeMax) } catch {
      throw .disclosureBase64(index, error)
    }
    let json: JSONValue
    do {
      json = try JSONValue(
        decoding: bytes, limits: JSONLimits(sizeBytes: SDJWT.textSizeMax, depth: UncheckedToken.depthMax))
    } catch { throw .disclosureJSON(index, error) }
    guard let parts = json.array, let salt = parts.first?.string else { throw .disclosureForm(index) }
    switch parts.count {
    case 2: name = nil
    case 3:
      guard let name = parts[1].string else { throw .disclosureForm(index) }
      self.name = name
    default: throw .disclosureForm(index)
    }
    self.text = text
    self.salt = salt
    value = parts[parts.count - 1]
  }

  /// A new disclosure, for issuers.
  ///
  /// - Parameter salt: at least 128 random bits in base 64, used once.
  public init(salt: String, name: String?, value: JSONValue) {
    var parts: [JSONValue] = [.string(salt)]
    if let name { parts.append(.string(name)) }
    parts.append(value)
    text = Base64.url.encode([UInt8](JSONValue.array(parts).text().utf8).span)
    self.salt = salt
    self.name = name
    self.value = value
  }
}

/// An SD-JWT (RFC 9901), maybe with a key binding behind it; nothing of it is believed yet.
public struct SDJWT: Hashable, Sendable {
  public static let textSizeMax = 1 << 20
  public static let disclosureCountMax = 1024

  public let issued: UncheckedToken
  public let disclosures: [SDJWTDisclosure]
  /// The key binding token; nil when the text ends with a tilde.
  public let keyBinding: UncheckedToken?

  /// Reads `<JWT>~<disclosure>~…~` with nothing or a key binding behind the last tilde.
  ///
  /// - Throws: ``SDJWTError``; no input traps.
  public init(_ text: String) throws(SDJWTError) {
    guard text.utf8.count <= Self.textSizeMax else {
      throw .size(max: Self.textSizeMax, actual: text.utf8.count)
    }
    let parts = text.split(separator: "~", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2 else { throw .noTilde }
    guard parts.count - 2 <= Self.disclosureCountMax else {
      throw .disclosureCount(max: Self.disclosureCountMax, actual: parts.count - 2)
    }
    do { issued = try UncheckedToken(parts[0], sizeBytesMax: Self.textSizeMax) } catch {
      throw .issuer(error)
    }
    var disclosures: [SDJWTDisclosure] = []
    var seen: Set<String> = []
    for (index, part) in parts[1..<(parts.count - 1)].enumerated() {
      let disclosure = try SDJWTDisclosure(part, index: index)
      guard seen.insert(part).inserted else { throw .disclosureTwice(index) }
      disclosures.append(disclosure)
    }
    self.disclosures = disclosures
    let last = parts[parts.count - 1]
    if last.isEmpty {
      keyBinding = nil
    } else {
      do { keyBinding = try UncheckedToken(last, sizeBytesMax: Self.textSizeMax) } catch {
        throw .keyBinding(.token(error))
      }
    }
  }

  init(issued: UncheckedToken, disclosures: [SDJWTDisclosure], keyBinding: UncheckedToken?) {
    self.issued = issued
    self.disclosures = disclosures
    self.keyBinding = keyBinding
  }

  /// Up to the last tilde: what a key binding is over.
  public var boundText: String {
    disclosures.reduce(into: issued.text + "~") { $0 += $1.text + "~" }
  }

  /// The whole.
  public var text: String { boundText + (keyBinding?.text ?? "") }

  /// The hash that the payload names.
  ///
  /// - Throws: ``SDJWTError/hashAlgorithm(_:)``.
  func hash() throws(SDJWTError) -> SDJWTHash {
    guard let named = issued.payload["_sd_alg"] else { return .sha256 }
    guard let name = named.string, let hash = SDJWTHash(rawValue: name) else {
      throw .hashAlgorithm(named.string)
    }
    return hash
  }
}
