import Foundation
import FuzzBodies
import Testing

/// A short, seeded run of every fuzz body: long enough to catch a decoder that traps on simple damage.
@Suite("Fuzz smoke")
struct SmokeTests {
  /// Printed with a failure; `SEED=` replays.
  private static let seed = ProcessInfo.processInfo.environment["SEED"].flatMap(UInt64.init) ?? 0xca05_e3a7

  @Test("each body takes damaged seeds without trapping", arguments: FuzzRegistry.all.map(\.name))
  func damaged(name: String) throws {
    let body = try #require(FuzzRegistry.all.first { $0.name == name })
    #expect(!body.seeds.isEmpty, "a body without seeds explores little")
    var random = SplitMix64(state: Self.seed)
    for seed in body.seeds { body.run(seed) }
    for _ in 0..<1_500 {
      let base = body.seeds.isEmpty ? [] : body.seeds[Int(random.next() % UInt64(body.seeds.count))]
      body.run(Mutation.damage(base, &random))
    }
  }

  @Test("names each body once")
  func names() {
    let names = FuzzRegistry.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 30)
  }
}

/// A small deterministic generator (Steele, Lea, Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// The damage that decoders meet: flips, cuts, repeats, large lengths, noise.
enum Mutation {
  static func damage(_ base: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = base
    for _ in 0...(random.next() % 4) {
      func position() -> Int { bytes.isEmpty ? 0 : Int(random.next() % UInt64(bytes.count)) }
      switch random.next() % 8 {
      case 0 where !bytes.isEmpty: bytes[position()] ^= 1 << UInt8(random.next() % 8)
      case 1 where !bytes.isEmpty: bytes[position()] = UInt8(truncatingIfNeeded: random.next())
      case 2: bytes.removeLast(bytes.isEmpty ? 0 : Int(random.next() % UInt64(min(bytes.count, 64))) + 0)
      case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position())
      case 4 where !bytes.isEmpty: bytes.remove(at: position())
      case 5 where !bytes.isEmpty: bytes[position()] = [0x00, 0x7f, 0x80, 0xff][Int(random.next() % 4)]
      case 6 where !bytes.isEmpty:
        let start = position()
        bytes.insert(contentsOf: bytes[start..<min(start + 16, bytes.count)], at: position())
      default:
        bytes.append(
          contentsOf: (0..<(random.next() % 9)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      }
    }
    return bytes
  }
}
