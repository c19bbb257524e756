/// Which nonces of a session were used: the newest 4,096 are told apart, older ones count as used.
public struct NonceWindow: Hashable, Sendable {
  public enum Refusal: Error, Hashable, Sendable {
    case replayed
    /// Behind the window.
    case tooOld
    /// Nonces begin at 1.
    case zero
  }

  public private(set) var highest: UInt64 = 0
  /// A ring: the bit of nonce n is n modulo the window.
  private var used: [UInt64]

  public init() { used = Array(repeating: 0, count: SignerLimits.nonceWindow / 64) }

  /// Takes a nonce for used.
  public mutating func use(_ nonce: UInt64) throws(Refusal) {
    let window = UInt64(SignerLimits.nonceWindow)
    guard nonce > 0 else { throw .zero }
    if nonce > highest {
      if nonce - highest >= window {
        for index in used.indices { used[index] = 0 }
      } else {
        // Nonces that are skipped now may still come.
        var passed = highest + 1
        while passed < nonce {
          clear(passed)
          passed += 1
        }
      }
      highest = nonce
      set(nonce)
      return
    }
    guard highest - nonce < window else { throw .tooOld }
    guard !isSet(nonce) else { throw .replayed }
    set(nonce)
  }

  private func place(_ nonce: UInt64) -> (word: Int, bit: UInt64) {
    let index = Int(nonce % UInt64(SignerLimits.nonceWindow))
    return (index / 64, 1 << UInt64(index % 64))
  }

  private func isSet(_ nonce: UInt64) -> Bool {
    let place = place(nonce)
    return used[place.word] & place.bit != 0
  }

  private mutating func set(_ nonce: UInt64) {
    let place = place(nonce)
    used[place.word] |= place.bit
  }

  private mutating func clear(_ nonce: UInt64) {
    let place = place(nonce)
    used[place.word] &= ~place.bit
  }
}
