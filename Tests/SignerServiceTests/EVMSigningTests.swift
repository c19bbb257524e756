import Encodings
import KeyVault
import SignatureSchemes
import SignerAccess
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import Synchronization
import Testing
import Transactions
import WireBytes

@Suite("A signer of EVM transactions", .timeLimit(.minutes(10)))
struct EVMSigningTests {
  private static let router = Bytes20 { _ in 0x70 }
  private static let receive = ABI.selector("recvPacket(bytes)")

  private static func rig() async throws -> Rig {
    try await Rig.start(
      evmScope: EVMTransactionScope(
        chains: [31_337],
        calls: [
          EVMCalls(to: router, selectors: [.function(receive), .function(ABI.selector("relay(bytes[])"))])
        ],
        gasMax: 1_000_000, feePerGasMax: UInt256(1_000)))
  }

  private static func transaction(
    nonce: UInt64 = 0, to: Bytes20? = router, input: [UInt8] = receive.array, value: UInt256 = .zero,
    fee: UInt256 = UInt256(1_000), chain: UInt64 = 31_337
  ) throws -> EVMTransaction {
    try EVMTransaction(
      chainID: chain, nonce: nonce, maxPriorityFeePerGas: .zero, maxFeePerGas: fee, gasLimit: 500_000, to: to,
      value: value, input: input)
  }

  @Test("gives signatures that make raw transactions of its key's account")
  func signs() async throws {
    let rig = try await Self.rig()
    let access = rig.access()
    let account = try Secp256k1.PublicKey(sec1: rig.key.publicKey).ethereumAddress
    let transaction = try Self.transaction()
    let signature = try await access.sign(.evmTransaction(transaction), key: rig.key.id)
    let signed = try SignedEVMTransaction(transaction, signature: signature)
    #expect(signed.sender == account)
    #expect(try SignedEVMTransaction(decoding: signed.encoded) == signed)
    // A higher fee, the cancellation at the same nonce, and a batch at the next one.
    let relay = try ABIFunction("relay(bytes[])").encode([.array([.bytes(Self.receive.array)])])
    for next in [
      try Self.transaction(fee: UInt256(999)), try Self.transaction(to: account, input: []),
      try Self.transaction(nonce: 1, input: relay),
    ] {
      let signature = try await access.sign(.evmTransaction(next), key: rig.key.id)
      #expect(try SignedEVMTransaction(next, signature: signature).sender == account)
    }
    // Two calls were written down, and that the client uses this purpose.
    #expect(rig.records.state.withLock { $0.committedRecords } == 3)
    let line = try #require(rig.records.state.withLock { $0.entries.first { $0.kind == .grant } })
    #expect(line.fields.contains(.text(.purpose, "evmTransaction")))
    #expect(line.fields.contains(.text(.chain, "eip155:31337")))
    #expect(line.fields.contains(.number(.nonce, 0)))
    #expect(line.fields.contains(.text(.address, Self.router.description)))
    #expect(line.fields.contains(.text(.operation, Self.receive.description)))
    #expect(line.fields.contains(.hash(.payload, transaction.signingHash)))
    await access.close()
    await rig.server.stop()
  }

  @Test("refuses by name what its policy does not grant, and a second call of a nonce")
  func refusals() async throws {
    let rig = try await Self.rig()
    let access = rig.access()
    _ = try await access.sign(.evmTransaction(try Self.transaction()), key: rig.key.id)
    let inner = try ABIFunction("relay(bytes[])").encode([.array([.bytes([1, 2, 3, 4])])])
    let cases: [(EVMTransaction, UInt16, String)] = [
      (try Self.transaction(chain: 1), 109, "chainNotGranted"),
      (try Self.transaction(fee: UInt256(1_001)), 112, "feeTooHigh"),
      (try Self.transaction(to: Bytes20()), 117, "contractNotGranted"),
      (try Self.transaction(input: [1, 2, 3, 4]), 118, "functionNotGranted"),
      (try Self.transaction(input: inner), 118, "functionNotGranted"),
      (try Self.transaction(to: nil), 119, "contractCreation"),
      (try Self.transaction(value: UInt256(1)), 120, "valueTooHigh"),
      (try Self.transaction(input: Array(inner.dropLast())), 121, "batchForm"),
      (try Self.transaction(input: Self.receive.array + [1]), 411, "otherCall"),
    ]
    for (transaction, code, name) in cases {
      await #expect(
        throws: SignerClientError.refused(SignerRefusal(code: code, name: name, retry: .never)), "\(name)"
      ) { try await access.sign(.evmTransaction(transaction), key: rig.key.id) }
    }
    let refused = rig.records.state.withLock { $0.entries.count { $0.kind == .refusal } }
    #expect(refused == cases.count)
    await access.close()
    await rig.server.stop()
  }
}
