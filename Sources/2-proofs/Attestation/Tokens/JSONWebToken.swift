public import Encodings
import WireBytes

/// A token as it was written: JWS compact serialization (RFC 7515) with JSON objects in header and payload.
/// Read, and not verified.
///
/// Base 64 is that of RFC 7515, section 2, to the letter: the URL-safe alphabet, no padding, no lost bits.
/// JSON names no member twice.
public struct JSONWebToken: Hashable, Sendable {
  /// Why text is no token.
  public enum DecodingError: Error, Hashable, Sendable {
    case tooLong(limit: Int, actual: Int)
    /// Not three parts between dots.
    case parts(Int)
    case base64(Part, Base64Error)
    case json(Part, JSONError)
    /// The JSON is no object.
    case object(Part)
    /// A byte that is not ASCII.
    case character(offset: Int)
    /// A header member that is absent or of another form.
    case header(String)
    /// `crit`, or `b64` of RFC 7797: what must be understood and is not.
    case critical(String)
    /// An algorithm that is not verified here: HMACs and `none` above all.
    case algorithm(String)
  }

  public enum Part: String, Hashable, Sendable {
    case header, payload, signature
  }

  /// Longest token that is looked at.
  public static let sizeMax = 128 << 10

  public let header: [String: JSONValue]
  public let payload: [String: JSONValue]
  public let signature: [UInt8]
  public let algorithm: TokenAlgorithm
  /// What is signed: header and payload as they were written, with the dot between them.
  public let signed: [UInt8]

  /// Reads a token that fills `text`.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding text: Span<UInt8>) throws(DecodingError) {
    guard text.count <= Self.sizeMax else { throw .tooLong(limit: Self.sizeMax, actual: text.count) }
    var dots: [Int] = []
    for index in text.indices {
      guard text[index] < 0x80 else { throw .character(offset: index) }
      if text[index] == UInt8(ascii: ".") { dots.append(index) }
    }
    guard dots.count == 2 else { throw .parts(dots.count + 1) }
    header = try Self.object(text.extracting(0..<dots[0]), .header)
    if let critical = ["crit", "b64"].first(where: { [header] in header[$0] != nil }) {
      throw .critical(critical)
    }
    guard let name = header["alg"]?.string else { throw .header("alg") }
    guard let algorithm = TokenAlgorithm(rawValue: name) else { throw .algorithm(name) }
    self.algorithm = algorithm
    if let type = header["typ"] {
      // RFC 7519, section 5.1: a media type without its "application/", upper case recommended.
      guard let word = type.string, ["jwt", "eat+jwt", "ear+jwt"].contains(word.lowercased()) else {
        throw .header("typ")
      }
    }
    payload = try Self.object(text.extracting((dots[0] + 1)..<dots[1]), .payload)
    signature = try Self.bytes(text.extracting((dots[1] + 1)..<text.count), .signature)
    signed = [UInt8](copying: text.extracting(0..<dots[1]))
  }

  private static func bytes(_ text: Span<UInt8>, _ part: Part) throws(DecodingError) -> [UInt8] {
    do {
      return try Base64.url.decode(
        String(decoding: [UInt8](copying: text), as: UTF8.self), sizeBytesMax: sizeMax)
    } catch { throw .base64(part, error) }
  }

  private static func object(
    _ text: Span<UInt8>, _ part: Part
  ) throws(DecodingError) -> [String: JSONValue] {
    let bytes = try bytes(text, part)
    let json: JSONValue
    do { json = try JSONValue(decoding: bytes.span, limits: JSONLimits(sizeBytes: sizeMax, depth: 32)) } catch
    {
      throw .json(part, error)
    }
    guard let members = json.object else { throw .object(part) }
    return members
  }
}

/// A signature algorithm of JWA (RFC 7518, section 3.1) that is verified here.
public enum TokenAlgorithm: String, Hashable, Sendable, CaseIterable {
  case es256 = "ES256"
  case es384 = "ES384"
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
}

/// A date of a token: a JSON number of UNIX seconds (RFC 7519, section 2).
public enum NumericDate {
  /// Whole seconds of `json`; a fraction is dropped. Nil for anything but a number of 0 to 2^53.
  ///
  /// Exponents are read, as some writers print large numbers so: `1.666091373e+09`.
  public static func seconds(_ json: JSONValue) -> Int64? {
    guard case .number(let text) = json else { return nil }
    let parts = text.lowercased().split(separator: "e", omittingEmptySubsequences: false)
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let exponent = parts.count == 2 ? Int(parts[1].hasPrefix("+") ? parts[1].dropFirst() : parts[1]) : 0
    guard let exponent, (-64...64).contains(exponent), parts[0].utf8.count <= 64, !text.hasPrefix("-") else {
      return nil
    }
    let digits = mantissa.joined()
    // Digits in front of the decimal point once the exponent has moved it.
    let whole = mantissa[0].count + exponent
    guard whole > 0 else { return 0 }
    let padded = digits + String(repeating: "0", count: max(0, whole - digits.count))
    guard let value = Int64(padded.prefix(whole)), value <= 1 << 53 else { return nil }
    return value
  }
}
