public import WireBytes

/// What an audit line is about.
public enum AuditKind: String, Hashable, Sendable, CaseIterable {
  case start, stop, session, request, grant, refusal, administration, approval, alarm, lock, adoption,
    compaction, key, drill
  case share, counter
}

/// The members that an audit line may have beside its own four. A closed list, so that what can be logged is read here; none of
/// them is a place for a secret.
public enum AuditName: String, Hashable, Sendable, CaseIterable {
  case client, peer, session, key, suite, purpose, domain, origin, chain, height, round, step, typeURL, path,
    payload, claim
  case code, reason, operation, approval, approver, epoch, records, count, rule, address, nonce, state,
    policy, version
  case position, anchor, backEnd, fee, milliseconds
}

/// One member of an audit line.
public struct AuditField: Hashable, Sendable {
  /// The most bytes of a text.
  public static let textSizeMax = 256

  enum Value: Hashable, Sendable {
    case text(String)
    case number(UInt64)
    case hash(Bytes32)
    case flag(Bool)
  }

  public let name: AuditName
  let value: Value

  /// A text that may come from anyone: what is not printable ASCII is written as `<U+…>`, and what is more than
  /// ``textSizeMax`` bytes is cut, with `…` as its last character.
  public static func text(_ name: AuditName, _ text: String) -> AuditField {
    AuditField(name: name, value: .text(Self.bounded(text)))
  }

  /// Written as a decimal string: JSON's own numbers lose digits in many readers.
  public static func number(_ name: AuditName, _ value: UInt64) -> AuditField {
    AuditField(name: name, value: .number(value))
  }

  /// A hash or a public identifier.
  public static func hash(_ name: AuditName, _ value: Bytes32) -> AuditField {
    AuditField(name: name, value: .hash(value))
  }

  public static func flag(_ name: AuditName, _ value: Bool) -> AuditField {
    AuditField(name: name, value: .flag(value))
  }

  private static func bounded(_ text: String) -> String {
    // Nearly all texts are names, and stand as they are.
    if text.utf8.count <= textSizeMax, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    let end = "…"
    var output = ""
    for scalar in text.unicodeScalars {
      var piece = String(scalar)
      if scalar.value < 0x20 || scalar.value >= 0x7f {
        piece = "<U+\(String(scalar.value, radix: 16, uppercase: true))>"
      }
      guard output.utf8.count + piece.utf8.count <= textSizeMax - end.utf8.count else { return output + end }
      output += piece
    }
    return output
  }
}

/// An event to be logged. Of two fields with one name the last counts.
public struct AuditEntry: Hashable, Sendable {
  public let kind: AuditKind
  /// Since 1970-01-01T00:00:00Z.
  public let milliseconds: UInt64
  public let fields: [AuditField]

  public init(_ kind: AuditKind, at milliseconds: UInt64, _ fields: [AuditField] = []) {
    self.kind = kind
    self.milliseconds = milliseconds
    self.fields = fields
  }
}
