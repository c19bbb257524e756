import Enclaves
import Messages
import WireBytes

extension Operations {
  /// Sealing an input for an enclave and opening it there; sizes are those of the input's body.
  static func sealing() throws -> [Benchmark] {
    let domain = try InteroperableAddress(chain: DomainID("cosmos:harbor-1"))
    let sender = try InteroperableAddress(
      domain: DomainID("cosmos:harbor-1"), address: [UInt8](repeating: 1, count: 20))
    return try SealingSuite.allCases.flatMap { suite in
      let (key, reply) = (try EphemeralSealingKey(suite), try EphemeralSealingKey(suite))
      let keys = try EnclaveKeys(
        domain: domain, operator: sender, program: Bytes32(), policy: Bytes32(),
        signing: EnclaveVerificationKey(suite: .p256, bytes: [2] + [UInt8](repeating: 7, count: 32)),
        sealing: key.publicKey, sequence: 1, anchorHeight: 1, anchorHash: Bytes32(), issued: 1, expires: 2)
      return try [1, 64].flatMap { kilobytes in
        let input = try SealedInput(
          reply: reply.publicKey, body: [UInt8](repeating: 5, count: (kilobytes << 10)),
          salt: Bytes32 { _ in 9 })
        let envelope = try SealedEnvelope(
          sealing: input, to: keys, case: Bytes32(), sender: sender, nonce: 1, expires: 100)
        let expected = SealedEnvelope.Expectation(
          registration: keys.registration, case: Bytes32(), sender: sender, nonce: 1, time: 1)
        return [
          Benchmark("sealing: \(suite), \(kilobytes) KB") {
            keep(
              try? SealedEnvelope(
                sealing: input, to: keys, case: Bytes32(), sender: sender, nonce: 1, expires: 100))
          },
          Benchmark("sealing: \(suite), \(kilobytes) KB, opened") { keep(try? envelope.open(with: key, expecting: expected)) },
        ]
      }
    }
  }
}
