import FuzzBodies
import Testing

@Suite("Fuzz bodies of the light clients")
struct LightClientFuzzTests {
  @Test(
    "hold for their seeds, every truncation and every flipped bit", arguments: LightClientBodies.all.indices)
  func mutations(index: Int) {
    let body = LightClientBodies.all[index]
    for seed in body.seeds {
      body.run(seed)
      for count in 0..<seed.count { body.run([UInt8](seed.prefix(count))) }
      for bit in 0..<(seed.count * 8) {
        var mutated = seed
        mutated[bit / 8] ^= 1 << (bit % 8)
        body.run(mutated)
      }
    }
  }
}
