public import Encodings
import Messages
import WireBytes

/// Why nothing is issued. Paths are JSON pointers.
public enum IssuanceError: Error, Hashable, Sendable {
  /// The claims are no object.
  case notObject
  /// A path that should be disclosable leads nowhere.
  case noClaim(path: String)
  /// A claim that is not to be hidden: RFC 9901 reserves it, or a verifier could not tell that it is missing.
  case reserved(path: String)
  /// A salt was given twice, or is under 128 bits.
  case salt(String)
  case count(max: Int, actual: Int)
}

/// What an issuer is about to sign: claims of which some are digests, and their disclosures.
public struct SDJWTIssuance: Hashable, Sendable {
  public let disclosures: [SDJWTDisclosure]
  private let draft: Draft

  private struct Draft: Hashable, Sendable {
    let header: [String: JSONValue]
    let payload: [String: JSONValue]
  }

  /// Claims whose absence must show (RFC 9901 section 9.7), and those with a meaning of their own here.
  private static let neverHidden: Set<String> = ["iss", "aud", "exp", "nbf", "cnf", "_sd", "_sd_alg", "..."]

  /// - Parameters:
  ///   - claims: an object.
  ///   - paths: JSON pointers to members and elements that the holder may show or not, outer and inner ones alike; an inner
  ///     one of a disclosable outer one becomes a disclosure within the disclosure.
  ///   - decoys: digests of nothing, at the top.
  ///   - salts: gives a new salt of at least 128 random bits in base 64 each time.
  /// - Throws: ``IssuanceError``.
  public init(
    claims: JSONValue, disclosable paths: Set<String>, algorithm: TokenAlgorithm, type: String = "dc+sd-jwt",
    hash: SDJWTHash = .sha256, decoys: Int = 0, salts: () -> String
  ) throws(IssuanceError) {
    guard case .object(let members) = claims else { throw .notObject }
    guard paths.count + decoys <= SDJWT.disclosureCountMax else {
      throw .count(max: SDJWT.disclosureCountMax, actual: paths.count + decoys)
    }
    for path in paths.sorted() where Self.neverHidden.contains(String(path.dropFirst())) {
      throw .reserved(path: path)
    }
    var writer = Writer(paths: paths, hash: hash)
    var payload = try writer.object(members, path: "", salts: salts)
    if let missing = paths.subtracting(writer.found).sorted().first { throw .noClaim(path: missing) }
    var digests = payload["_sd"]?.array ?? []
    for _ in 0..<max(0, decoys) { digests.append(.string(hash.digest(try writer.salt(salts)))) }
    if !digests.isEmpty { payload["_sd"] = .array(Writer.sorted(digests)) }
    payload["_sd_alg"] = .string(hash.rawValue)
    disclosures = writer.disclosures
    draft = Draft(
      header: ["alg": .string(algorithm.rawValue), "typ": .string(type)], payload: payload)
  }

  /// The SD-JWT with all its disclosures, for the holder.
  ///
  /// - Parameter sign: signs the bytes it is given, as the algorithm does, into `r ‖ s` or the 64 bytes of Ed25519.
  /// - Throws: what `sign` throws.
  public func issue<Failure: Error>(
    sign: ([UInt8]) throws(Failure) -> [UInt8]
  ) throws(Failure) -> SDJWT {
    let draft = TokenDraft(header: draft.header, payload: draft.payload)
    let token = draft.token(signature: try sign(draft.signingInput))
    return SDJWT(issued: token, disclosures: disclosures, keyBinding: nil)
  }

  /// Replaces claims by digests, from the inside out.
  private struct Writer {
    let paths: Set<String>
    let hash: SDJWTHash
    var found: Set<String> = []
    var disclosures: [SDJWTDisclosure] = []
    private var used: Set<String> = []

    init(paths: Set<String>, hash: SDJWTHash) {
      self.paths = paths
      self.hash = hash
    }

    /// In an order that does not tell the claims' own.
    static func sorted(_ digests: [JSONValue]) -> [JSONValue] {
      digests.sorted { ($0.string ?? "") < ($1.string ?? "") }
    }

    mutating func salt(_ salts: () -> String) throws(IssuanceError) -> String {
      let salt = salts()
      // 128 bits are 22 characters of base 64.
      guard salt.utf8.count >= 22, used.insert(salt).inserted else { throw .salt(salt) }
      return salt
    }

    mutating func value(
      _ value: JSONValue, path: String, salts: () -> String
    ) throws(IssuanceError) -> JSONValue {
      switch value {
      case .object(let members): return .object(try object(members, path: path, salts: salts))
      case .array(let elements):
        var written: [JSONValue] = []
        for (index, element) in elements.enumerated() {
          let inner = path + "/\(index)"
          let plain = try self.value(element, path: inner, salts: salts)
          guard paths.contains(inner) else {
            written.append(plain)
            continue
          }
          written.append(["...": .string(try disclose(plain, name: nil, path: inner, salts: salts))])
        }
        return .array(written)
      case .null, .boolean, .number, .string: return value
      }
    }

    mutating func object(
      _ members: [String: JSONValue], path: String, salts: () -> String
    ) throws(IssuanceError) -> [String: JSONValue] {
      var written: [String: JSONValue] = [:]
      var digests: [JSONValue] = []
      for name in members.keys.sorted() {
        guard let member = members[name] else { continue }
        let inner = JSONPointer.adding(name, to: path)
        guard name != "_sd", name != "...", name != "_sd_alg" else { throw .reserved(path: inner) }
        let plain = try value(member, path: inner, salts: salts)
        if paths.contains(inner) {
          digests.append(.string(try disclose(plain, name: name, path: inner, salts: salts)))
        } else {
          written[name] = plain
        }
      }
      if !digests.isEmpty { written["_sd"] = .array(Self.sorted(digests)) }
      return written
    }

    private mutating func disclose(
      _ value: JSONValue, name: String?, path: String, salts: () -> String
    ) throws(IssuanceError) -> String {
      found.insert(path)
      let disclosure = SDJWTDisclosure(salt: try salt(salts), name: name, value: value)
      disclosures.append(disclosure)
      return hash.digest(disclosure.text)
    }
  }
}
