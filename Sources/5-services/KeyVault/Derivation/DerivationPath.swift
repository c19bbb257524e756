/// Why text is no path. Offsets count bytes from the start of the text.
public enum DerivationPathError: Error, Hashable, Sendable {
  /// It does not begin with `m`.
  case root
  /// What stands here is no step: nothing, a leading zero, a sign, a letter.
  case step(offset: Int)
  /// The number here is 2^31 or more.
  case index(offset: Int)
  /// More steps than the depth of a key, one byte, counts.
  case tooDeep(max: Int)
  case tooLong(max: Int)
}

/// The way from a root to a key: `m`, then steps of `/number`, or `/number'` for hardened ones (BIP-32).
public struct DerivationPath: Hashable, Sendable {
  public static let depthMax = 255
  public static let textSizeMax = 1 + 255 * 12
  /// What is added to the number of a hardened step.
  public static let hardened: UInt32 = 1 << 31

  /// Numbers as BIP-32 counts them: hardened ones from 2^31 on.
  public let steps: [UInt32]

  /// Reads the one way of writing a path: no `h` or `H`, no white space, no leading zeros, no `/` at the end.
  ///
  /// - Throws: ``DerivationPathError``.
  public init(_ text: String) throws(DerivationPathError) {
    let characters = [UInt8](text.utf8)
    guard characters.count <= Self.textSizeMax else { throw .tooLong(max: Self.textSizeMax) }
    guard characters.first == UInt8(ascii: "m") else { throw .root }
    var steps: [UInt32] = []
    var offset = 1
    while offset < characters.count {
      guard characters[offset] == UInt8(ascii: "/") else { throw .step(offset: offset) }
      guard steps.count < Self.depthMax else { throw .tooDeep(max: Self.depthMax) }
      offset += 1
      let start = offset
      var number: UInt32 = 0
      while offset < characters.count, (0x30...0x39).contains(characters[offset]) {
        guard offset == start || number > 0 else { throw .step(offset: start) }
        // Below 2^31 before, so that the product stays below 2^35.
        let next = UInt64(number) * 10 + UInt64(characters[offset] - 0x30)
        guard next < UInt64(Self.hardened) else { throw .index(offset: start) }
        number = UInt32(next)
        offset += 1
      }
      guard offset > start else { throw .step(offset: start) }
      if offset < characters.count, characters[offset] == UInt8(ascii: "'") {
        number += Self.hardened
        offset += 1
      }
      steps.append(number)
    }
    self.steps = steps
  }
}

extension DerivationPath: CustomStringConvertible {
  public var description: String {
    steps.reduce("m") { text, step in
      step >= Self.hardened ? "\(text)/\(step - Self.hardened)'" : "\(text)/\(step)"
    }
  }
}
