/// Why text names no client.
public enum ClientNameError: Error, Hashable, Sendable {
  case length(max: Int, actual: Int)
  /// A character outside lower-case letters, digits and `. _ -`, at `offset`.
  case character(offset: Int)
}

/// The name of a client in a signer's policy and in its audit log.
public struct ClientName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let sizeMax = 64
  public let text: String

  /// - Throws: ``ClientNameError``.
  public init(_ text: String) throws(ClientNameError) {
    let characters = text.utf8.span
    guard (1...Self.sizeMax).contains(characters.count) else {
      throw .length(max: Self.sizeMax, actual: characters.count)
    }
    for index in characters.indices {
      switch characters[index] {
      case 0x30...0x39, 0x61...0x7a, 0x2e, 0x5f, 0x2d: continue
      default: throw .character(offset: index)
      }
    }
    self.text = text
  }

  public var description: String { text }

  public static func < (left: ClientName, right: ClientName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

/// What a client may do with a signer.
public enum ClientRole: String, Hashable, Sendable, CaseIterable {
  /// Ask for signatures.
  case sign
  /// Propose changes and bring in approvals.
  case admin
  /// Read the state, counters and pending changes.
  case observe
}
