/// Why text is no CAIP-2 chain id.
public enum DomainIDError: Error, Hashable, Sendable {
  /// No colon, or more than one.
  case colons(count: Int)
  /// The namespace must have 3 to 8 characters.
  case namespaceLength(Int)
  /// The reference must have 1 to 32 characters.
  case referenceLength(Int)
  /// A character that may not stand here, at `offset` bytes from the start of the text.
  case character(offset: Int)
}

/// A domain by its CAIP-2 chain id, for instance `eip155:1` or `cosmos:cosmoshub-4`.
///
/// - SeeAlso: CAIP-2: `^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$`.
public struct DomainID: Hashable, Comparable, Sendable {
  public static let textSizeMax = 41

  /// The whole id.
  public let text: String
  private let colon: Int

  /// Reads the id strictly: no white space, no case folding.
  ///
  /// - Throws: ``DomainIDError``.
  public init(_ text: String) throws(DomainIDError) {
    let characters = text.utf8.span
    // Checked before the loop so that a long text costs nothing.
    guard characters.count <= Self.textSizeMax else { throw .referenceLength(characters.count) }
    var colons = 0
    var colon = 0
    for index in characters.indices where characters[index] == 0x3a {
      if colons == 0 { colon = index }
      colons += 1
    }
    guard colons == 1 else { throw .colons(count: colons) }
    guard (3...8).contains(colon) else { throw .namespaceLength(colon) }
    guard (1...32).contains(characters.count - colon - 1) else {
      throw .referenceLength(characters.count - colon - 1)
    }
    for index in characters.indices where index != colon {
      switch characters[index] {
      case 0x2d, 0x30...0x39, 0x61...0x7a: continue
      case 0x5f, 0x41...0x5a: if index < colon { throw .character(offset: index) }
      default: throw .character(offset: index)
      }
    }
    self.text = text
    self.colon = colon
  }

  /// The part before the colon: the family of chains.
  public var namespace: String { String(decoding: Array(text.utf8.prefix(colon)), as: UTF8.self) }
  /// The part after the colon: the chain in its family.
  public var reference: String { String(decoding: Array(text.utf8.dropFirst(colon + 1)), as: UTF8.self) }

  public static func < (left: DomainID, right: DomainID) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

extension DomainID: CustomStringConvertible {
  public var description: String { text }
}
