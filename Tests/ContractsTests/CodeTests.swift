import ContractHost
import Contracts
import Digests
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Stored code", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct CodeTests {
  @Test("gets a number, lies in state in pieces, and can be asked for")
  func storing() throws {
    var ledger = try ContractLedger()
    let wasm = try TestEngine.assemble(WAT.puppet())
    let result = try ledger.run(.storeCode(sender: ledger.alice.address, code: wasm, permission: nil))
    let checksum = SHA256Hash.hash(wasm)
    #expect(try result.wasmAnswer == .storeCode(codeID: 1, checksum: checksum.array))
    let event = try #require(result.events.first { $0.type == "store_code" })
    #expect(
      event.attributes.map { "\($0.key)=\($0.value)" } == [
        "code_checksum=\(Hex.encode(checksum.array, prefix: ""))", "code_id=1", "required_capability=",
      ])
    // Storing it again is another code of the same bytes.
    #expect(try ledger.store(wasm: wasm, permission: .anyOf([ledger.bob.address])) == 2)
    let code = try ContractAnswers.code(ledger.query(.code(2)))
    #expect(code.code == wasm)
    #expect(code.checksum == checksum)
    #expect(code.creator == ledger.alice.address)
    #expect(code.access == .anyOf([ledger.bob.address]))
    let info = try ContractAnswers.codeInfo(ledger.query(.codeInfo(1)))
    #expect((info.codeID, info.access) == (1, .everybody))
    let list = try ContractAnswers.codes(ledger.query(.codes(ContractPage(limit: 1))))
    #expect(list.elements.map(\.codeID) == [1])
    let rest = try ContractAnswers.codes(ledger.query(.codes(ContractPage(key: list.nextKey))))
    #expect(rest.elements.map(\.codeID) == [2])
    #expect(rest.nextKey.isEmpty)
  }

  @Test("is refused when it is nothing, too large, or no module")
  func refusals() throws {
    var ledger = try ContractLedger()
    let alice = ledger.alice.address
    func refusal(_ code: [UInt8]) throws -> (String, String) {
      let result = try ledger.run(.storeCode(sender: alice, code: code, permission: nil))
      return (result.refusal, result.log)
    }
    let empty = try refusal([])
    #expect(empty.0 == "sdk.18")
    #expect(empty.1.contains("code bytes is required: empty: invalid request"))
    let large = try refusal([UInt8](repeating: 1, count: WasmMessage.codeSizeMax + 1))
    #expect(large.0 == "sdk.18")
    #expect(large.1.contains("code bytes cannot be longer than 819200 bytes: exceeds limit: invalid request"))
    let junk = try refusal([1, 2, 3])
    #expect(junk.0 == "wasm.2")
    #expect(junk.1.contains("create wasm contract failed"))
    let floor = try refusal(TestEngine.assemble("(module (memory (export \"memory\") 1))"))
    #expect(floor.0 == "wasm.2")
    #expect(floor.1.contains("interface_version_"))
  }

  @Test("costs three gas a byte, also when it is refused")
  func gas() throws {
    var ledger = try ContractLedger()
    let alice = ledger.alice.address
    func used(_ count: Int) throws -> UInt64 {
      let code = [UInt8](repeating: 7, count: count)
      return try ledger.run(.storeCode(sender: alice, code: code, permission: nil)).gasUsed
    }
    // A first transaction has no sequence to write.
    _ = try used(1_000)
    // Ten a byte for the transaction, three for the compiler.
    #expect(try used(3_000) - used(2_000) == 13_000)
  }

  @Test("can be unpacked from gzip within its limit")
  func gzip() throws {
    var ledger = try ContractLedger()
    let wasm = try TestEngine.assemble(WAT.puppet())
    let result = try ledger.run(
      .storeCode(sender: ledger.alice.address, code: PackedBytes.stored(wasm), permission: nil))
    #expect(
      try result.wasmAnswer == .storeCode(codeID: 1, checksum: SHA256Hash.hash(wasm).array))
    var broken = PackedBytes.stored(wasm)
    broken[broken.count - 5] ^= 1
    let refused = try ledger.run(.storeCode(sender: ledger.alice.address, code: broken, permission: nil))
    #expect(refused.refusal == "wasm.2")
    #expect(refused.says("uncompress wasm archive: gzip: invalid checksum: create wasm contract failed"))
    // Python's gzip module, level 9, over wasmtime's own assembler: a dynamic Huffman block.
    let other = try ledger.run(
      .storeCode(sender: ledger.alice.address, code: try PackedBytes.foreign, permission: nil))
    #expect(
      try other.wasmAnswer
        == .storeCode(
          codeID: 2,
          checksum: Hex.decode("0x5b7c9ccff0bbbede3539f5cf8ecdbfb9da51ab4fd85a395f5d5991a4929005b8")))
    for count in stride(from: 3, to: try PackedBytes.foreign.count, by: 13) {
      let cut = try ledger.run(
        .storeCode(
          sender: ledger.alice.address, code: Array(try PackedBytes.foreign.prefix(count)), permission: nil))
      #expect(cut.refusal == "wasm.2")
    }
    let bomb = try ledger.run(
      .storeCode(sender: ledger.alice.address, code: PackedBytes.bomb, permission: nil))
    #expect(bomb.refusal == "wasm.2")
    #expect(bomb.says("uncompress wasm archive: exceeds limit of 819200 bytes"))
  }

  @Test("may be uploaded and instantiated by whom the settings and its owner allow")
  func permissions() throws {
    let bob = try TestSigner(2)
    var closed = try ContractLedger(settings: ContractSettings(upload: .anyOf([bob.address])))
    let wasm = try TestEngine.assemble(WAT.puppet())
    let refused = try closed.run(.storeCode(sender: closed.alice.address, code: wasm, permission: nil))
    #expect(refused.refusal == "sdk.4")
    #expect(refused.says("can not create code: unauthorized"))
    let taken = try closed.run(.storeCode(sender: bob.address, code: wasm, permission: nil), by: bob)
    #expect(taken.succeeded, "\(taken.log)")

    var narrow = try ContractLedger(settings: ContractSettings(instantiateDefault: .nobody))
    let wide = try narrow.run(.storeCode(sender: narrow.alice.address, code: wasm, permission: .everybody))
    #expect(wide.refusal == "sdk.4")

    var ledger = try ContractLedger()
    let code = try ledger.store(wasm: wasm, permission: .anyOf([bob.address]))
    func instantiate(by signer: TestSigner) throws -> TransactionResult {
      try ledger.run(
        .instantiate(
          sender: signer.address, admin: nil, codeID: code, label: "x", message: Say.ok(), funds: []),
        by: signer)
    }
    let notAllowed = try instantiate(by: ledger.alice)
    #expect(notAllowed.refusal == "sdk.4")
    #expect(notAllowed.says("can not instantiate: unauthorized"))
    #expect(try instantiate(by: bob).succeeded)
    // The owner may change his mind, and nobody else may.
    let other = try ledger.run(
      .updateInstantiateConfig(sender: bob.address, codeID: code, permission: .nobody), by: bob)
    #expect(other.refusal == "sdk.4")
    #expect(other.says("can not modify code access config: unauthorized"))
    let changed = try ledger.run(
      .updateInstantiateConfig(sender: ledger.alice.address, codeID: code, permission: .nobody))
    #expect(
      changed.events.first { $0.type == "update_code_access_config" }?.value("code_permission") == "Nobody")
    #expect(try instantiate(by: bob).refusal == "sdk.4")
    let unknown = try ledger.run(
      .updateInstantiateConfig(sender: ledger.alice.address, codeID: 9, permission: .nobody))
    #expect(unknown.refusal == "wasm.28")
    #expect(unknown.says("code id 9: no such code"))
  }

  @Test("is pinned and unpinned by the authority alone")
  func pinning() throws {
    var ledger = try ContractLedger()
    let (alice, bob) = (ledger.alice.address, ledger.bob)
    let code = try ledger.store(WAT.puppet())
    let refused = try ledger.run(.pinCodes(authority: bob.address, codeIDs: [code]), by: bob)
    #expect(refused.refusal == "sdk.4")
    #expect(refused.says("invalid authority; expected \(alice.text), got \(bob.address.text): unauthorized"))
    let pinned = try ledger.run(.pinCodes(authority: alice, codeIDs: [code]))
    #expect(pinned.events.first { $0.type == "pin_code" }?.value("code_id") == "1")
    #expect(try ContractAnswers.pinnedCodes(ledger.query(.pinnedCodes(.first))).elements == [code])
    let unknown = try ledger.run(.pinCodes(authority: alice, codeIDs: [7]))
    #expect(unknown.refusal == "wasm.28")
    let twice = try ledger.run(.pinCodes(authority: alice, codeIDs: [1, 1]))
    #expect(twice.says("duplicate code ids: invalid request"))
    let none = try ledger.run(.pinCodes(authority: alice, codeIDs: []))
    #expect(none.says("empty code ids: invalid request"))
    #expect(try ledger.run(.unpinCodes(authority: alice, codeIDs: [code])).succeeded)
    #expect(try ContractAnswers.pinnedCodes(ledger.query(.pinnedCodes(.first))).elements == [])
  }
}

/// Gzip by hand, and made by another implementation.
enum PackedBytes {
  static var foreign: [UInt8] {
    get throws {
      try Base64.decode(
        "H4sIAAAAAAACA52LO27DMBQElz9LMMt0qZg+B0jrk0gE9RITkEiYfAqiij66JQRwmSLNYBaDha+LACBezQiMoom2A6Nq7VB5UPUdhFRKa6ME"
          + "RDf0p4WWXDaJl5iYyqcPNHxTqTGn4QPo/Tzn4JkgzhM9h7QxVfaJ47FURz8U1t20ua1UNhhd1ynjdH7rJKzB5e7sLhpOPiF+YZvABXbz"
          + "LuTExQd2fPXsqt+qS5mvMX29u3/UOTLPtMc0/Xl/AFTkfww4AQAA")
    }
  }

  /// One archive of stored blocks.
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var packed: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    for start in stride(from: 0, to: bytes.count, by: 60_000) {
      let piece = bytes[start..<min(start + 60_000, bytes.count)]
      let count = UInt16(piece.count)
      packed.append(start + 60_000 >= bytes.count ? 1 : 0)
      packed += [
        UInt8(truncatingIfNeeded: count), UInt8(count >> 8), UInt8(truncatingIfNeeded: ~count),
        UInt8(~count >> 8),
      ]
      packed += piece
    }
    return packed + word(sum(bytes)) + word(UInt32(bytes.count))
  }

  /// A megabyte of zeros, as fixed codes: one zero, then copies of 258 bytes.
  static var bomb: [UInt8] {
    var bits: [UInt8] = [1, 1, 0]
    func code(_ value: Int, _ length: Int) {
      for bit in (0..<length).reversed() { bits.append(UInt8(value >> bit & 1)) }
    }
    code(0x30, 8)
    for _ in 0..<4_100 {
      code(0xc5, 8)
      code(0, 5)
    }
    code(0, 7)
    var packed: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    for start in stride(from: 0, to: bits.count, by: 8) {
      packed.append(
        bits[start..<min(start + 8, bits.count)].enumerated().reduce(0) {
          $0 | $1.element << UInt8($1.offset)
        })
    }
    return packed + [0, 0, 0, 0, 0, 0, 0, 0]
  }

  private static func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
  }

  /// CRC-32, bit by bit.
  private static func sum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = .max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xedb8_8320 : sum >> 1 }
    }
    return ~sum
  }
}
