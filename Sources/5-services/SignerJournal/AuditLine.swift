import Digests
import Encodings
public import WireBytes

/// What is wrong with a line of an audit log.
public enum AuditDamage: Hashable, Sendable {
  /// It has more than ``AuditLine/sizeMax`` bytes.
  case tooLong(Int)
  case notJSON
  /// A reader would understand it, and it is not as it was written.
  case notCanonical
  /// A member that every line has is missing or of another form.
  case member
  case sequence(expected: UInt64, found: UInt64)
  /// It does not name the hash of the line before.
  case previous
  /// The file ends inside it, and it is not the newest.
  case unfinished
}

/// One line of an audit log: a JSON object with its members sorted and no white space.
///
/// `sequence` and `time` (milliseconds since 1970) are decimal strings; `previous` is the SHA-256 of the line before without
/// its line feed; `kind` is an ``AuditKind``; the others are ``AuditName``s.
public struct AuditLine: Hashable, Sendable {
  /// The most bytes of a line.
  public static let sizeMax = 1 << 15

  public let sequence: UInt64
  public let milliseconds: UInt64
  /// As written: a newer version may know more kinds.
  public let kind: String
  public let previous: Bytes32
  /// The line without its line feed.
  public let text: [UInt8]

  var head: AuditHead { AuditHead(sequence: sequence, hash: SHA256Hash.hash(text)) }

  init(_ entry: AuditEntry, after head: AuditHead) {
    var members: [String: JSONValue] = [:]
    for field in entry.fields {
      members[field.name.rawValue] =
        switch field.value {
        case .text(let text): .string(text)
        case .number(let value): .string(String(value))
        case .hash(let hash): .string(hash.description)
        case .flag(let flag): .boolean(flag)
        }
    }
    sequence = head.sequence + 1
    milliseconds = entry.milliseconds
    kind = entry.kind.rawValue
    previous = head.hash
    members["sequence"] = .string(String(sequence))
    members["time"] = .string(String(milliseconds))
    members["kind"] = .string(kind)
    members["previous"] = .string(previous.description)
    text = [UInt8](JSONValue.object(members).text().utf8)
  }

  /// Reads one line, without its line feed.
  ///
  /// - Throws: ``AuditLineError``. Whether it follows the line before is the log's to check.
  public init(decoding text: [UInt8]) throws(AuditLineError) {
    guard text.count <= Self.sizeMax else { throw AuditLineError(damage: .tooLong(text.count)) }
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 2))
    } catch {
      throw AuditLineError(damage: .notJSON)
    }
    guard [UInt8](json.text().utf8) == text else { throw AuditLineError(damage: .notCanonical) }
    guard let sequence = Self.integer(json["sequence"]), let milliseconds = Self.integer(json["time"]),
      let kind = json["kind"]?.string, let previousText = json["previous"]?.string,
      let previous = try? Bytes32(hex: previousText), previous.description == previousText,
      (1...Position.numberMax).contains(sequence)
    else { throw AuditLineError(damage: .member) }
    self.sequence = sequence
    self.milliseconds = milliseconds
    self.kind = kind
    self.previous = previous
    self.text = text
  }

  private static func integer(_ value: JSONValue?) -> UInt64? {
    guard let text = value?.string, let number = UInt64(text), String(number) == text else { return nil }
    return number
  }
}

/// A line that is none.
public struct AuditLineError: Error, Hashable, Sendable {
  public let damage: AuditDamage
}
