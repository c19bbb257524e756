public import WireBytes

/// The name of a token in one domain's bank.
///
/// The Cosmos SDK's rule (`types/coin.go`): a letter, then 2 to 127 of letters, digits and `/ : . _ -`.
public struct Denom: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let sizeMax = 128
  public let text: String

  /// Why text is no denomination.
  public enum FormError: Error, Hashable, Sendable {
    case length(Int)
    case character(offset: Int)
  }

  /// - Throws: ``FormError``.
  public init(_ text: String) throws(FormError) {
    let characters = text.utf8.span
    guard (3...Self.sizeMax).contains(characters.count) else { throw .length(characters.count) }
    for index in characters.indices {
      switch characters[index] {
      case 0x41...0x5a, 0x61...0x7a: continue
      // Digits and / : . _ - stand anywhere but first.
      case 0x30...0x39, 0x2f, 0x3a, 0x2e, 0x5f, 0x2d: if index > 0 { continue }
      default: break
      }
      throw .character(offset: index)
    }
    self.text = text
  }

  public var description: String { text }

  public static func < (left: Denom, right: Denom) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

/// An amount of one token, in its smallest unit.
public struct Coin: Hashable, Sendable, CustomStringConvertible {
  public let denom: Denom
  public let amount: UInt256

  public init(_ amount: UInt256, _ denom: Denom) {
    self.denom = denom
    self.amount = amount
  }

  /// As the Cosmos SDK writes it: `150stake`.
  public var description: String { "\(amount)\(denom)" }
}
