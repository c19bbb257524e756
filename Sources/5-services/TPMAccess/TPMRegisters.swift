/// A choice of platform configuration registers of the SHA-256 bank.
public struct TPMRegisters: Hashable, Sendable {
  /// Registers of a PC client (TCG PC Client Platform TPM Profile, section 4.6).
  public static let count = 24

  /// Bit n for register n.
  package let bits: UInt32

  /// Nil when a number is not below ``count``.
  public init?(_ numbers: Set<Int>) {
    var bits: UInt32 = 0
    for number in numbers {
      guard (0..<Self.count).contains(number) else { return nil }
      bits |= 1 << UInt32(number)
    }
    self.bits = bits
  }

  package init(bits: UInt32) {
    precondition(bits < 1 << 24)
    self.bits = bits
  }

  public var isEmpty: Bool { bits == 0 }

  /// In rising order.
  public var numbers: [Int] { (0..<Self.count).filter { bits & 1 << UInt32($0) != 0 } }

  /// TPML_PCR_SELECTION of one bank: a count, the bank, three bytes of which the first has registers 0 to 7.
  package func encoded() -> [UInt8] {
    TPMBytes.integer(UInt32(1)) + TPMBytes.integer(TPMAlgorithm.sha256) + [3] + bytes
  }

  /// The three bytes of the choice.
  package var bytes: [UInt8] { (0..<3).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) } }
}
