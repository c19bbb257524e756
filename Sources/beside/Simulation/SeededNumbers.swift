private import Crypto
private import Digests
private import FoundationEssentials
import Ledger
import Messages
import WireBytes

/// SplitMix64: the same numbers for the same seed, in every process.
struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// From 0 up to `bound`, which is not reached; 0 for a bound of 0.
  mutating func below(_ bound: UInt64) -> UInt64 { bound == 0 ? 0 : next() % bound }
  mutating func below(_ bound: Int) -> Int { Int(below(UInt64(max(bound, 0)))) }

  /// True `permille` times of a thousand.
  mutating func chance(_ permille: Int) -> Bool { permille > 0 && below(1_000) < permille }

  mutating func pick<Element>(_ items: [Element]) -> Element? {
    items.isEmpty ? nil : items[below(items.count)]
  }
}

/// An Ed25519 key made from the seed: worth nothing anywhere else.
struct SimulatedKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  let publicKey: Bytes32
  let address: AccountAddress

  init(seed: UInt64, _ name: String) throws {
    var preimage = [UInt8]("causeway/simulation/key/\(name)/".utf8)
    preimage.append(bigEndian: seed)
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: SHA256Hash.hash(preimage).array)
    publicKey = try Bytes32([UInt8](key.publicKey.rawRepresentation))
    address = AccountKey.ed25519(publicKey).address
  }

  var account: AccountKey { .ed25519(publicKey) }

  func sign(_ message: [UInt8]) throws -> [UInt8] { [UInt8](try key.signature(for: message)) }
}

/// A running hash of everything that happened, for comparing two runs.
struct TraceHash: Sendable {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    value ^= value >> 29
  }

  mutating func mix(_ bytes: Bytes32) {
    var word: UInt64 = 0
    for index in 0..<8 { word = word << 8 | UInt64(bytes[index]) }
    mix(word)
  }

  mutating func mix(_ text: String) { for byte in text.utf8 { mix(UInt64(byte)) } }
}
