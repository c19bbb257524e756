private import CSodium
internal import Secrets
import WireBytes

/// What it costs to try one passphrase (RFC 7914): memory of 128·N·r bytes, time in proportion to N·r·p.
public struct ScryptCost: Hashable, Sendable {
  public let n: UInt32
  public let r: UInt32
  public let p: UInt32

  /// 128 MiB, and less than half a second on a machine of 2020.
  public static let standard = ScryptCost(n: 1 << 17, r: 8, p: 1)
  /// The least that is accepted: 16 MiB, RFC 7914's own figure for logging in.
  public static let least = ScryptCost(n: 1 << 14, r: 8, p: 1)

  public init(n: UInt32, r: UInt32, p: UInt32) {
    self.n = n
    self.r = r
    self.p = p
  }

  /// N a power of two, N·r from 2^17 to 2^23 (16 MiB to 1 GiB), r from 8 to 32, p from 1 to 4: a file can ask for neither
  /// a passphrase that is tried for nothing nor all the memory of a machine.
  public var isAccepted: Bool {
    let product = UInt64(n) * UInt64(r)
    return n.nonzeroBitCount == 1 && (8...32).contains(r) && (1...4).contains(p)
      && product >= 1 << 17 && product <= 1 << 23
  }

  /// The key that `passphrase` and `salt` give, 32 bytes.
  ///
  /// libsodium's scrypt writes into the guarded memory; swift-crypto's would leave a copy outside it.
  ///
  /// - Returns: nil when there is not enough memory.
  func key(_ passphrase: borrowing SecretBytes, salt: [UInt8], count: Int = 32) -> SecretBytes? {
    SecretMemory.prepare()
    var key = SecretBytes(zeroed: count)
    // libsodium reads as many bytes of passphrase and salt as there are and writes `count`; no pointer leaves its closure.
    let done = unsafe passphrase.withUnsafeBytes { passphrase in
      unsafe salt.withUnsafeBufferPointer { salt in
        unsafe key.withUnsafeMutableBytes { key in
          guard let from = unsafe passphrase.bindMemory(to: UInt8.self).baseAddress,
            let with = salt.baseAddress, let to = unsafe key.bindMemory(to: UInt8.self).baseAddress
          else { return false }
          return unsafe crypto_pwhash_scryptsalsa208sha256_ll(
            from, passphrase.count, with, salt.count, UInt64(n), r, p, to, key.count) == 0
        }
      }
    }
    guard done else { return nil }
    return key
  }
}
