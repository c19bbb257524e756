import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Messages of wasmd's module")
struct WasmMessageTests {
  private static let sender = AccountAddress(Bytes20 { _ in 1 })
  private static let contract = AccountAddress(Bytes32 { _ in 2 })

  private static func all() throws -> [WasmMessage] {
    let funds = [Coin(UInt256(UInt64(150)), try Denom("ucause"))]
    return [
      .storeCode(sender: sender, code: [1, 2], permission: nil),
      .storeCode(sender: sender, code: [1, 2], permission: .anyOf([contract, sender])),
      .instantiate(sender: sender, admin: nil, codeID: 3, label: "l", message: [4], funds: []),
      .instantiate(sender: sender, admin: contract, codeID: 3, label: "l", message: [4], funds: funds),
      .instantiate2(
        sender: sender, admin: contract, codeID: 3, label: "l", message: [4], funds: funds, salt: [5],
        fixesMessage: true),
      .execute(sender: sender, contract: contract, message: [4], funds: funds),
      .migrate(sender: sender, contract: contract, codeID: 300, message: [4]),
      .updateAdmin(sender: sender, admin: contract, contract: contract),
      .clearAdmin(sender: sender, contract: contract),
      .updateLabel(sender: sender, label: "l", contract: contract),
      .updateInstantiateConfig(sender: sender, codeID: 3, permission: .nobody),
      .sudo(authority: sender, contract: contract, message: [4]),
      .pinCodes(authority: sender, codeIDs: [1, 300]), .unpinCodes(authority: sender, codeIDs: [2]),
    ]
  }

  @Test("read what they write, name their sender, and are nothing else")
  func roundTrip() throws {
    for message in try Self.all() {
      let encoded = message.encoded()
      #expect(try WasmMessage(decoding: encoded) == message)
      #expect(message.sender == Self.sender)
      for count in 0..<encoded.value.count {
        let cut = AnyMessage(typeURL: encoded.typeURL, value: Array(encoded.value.prefix(count)))
        // Shorter input is refused, or is a shorter message.
        if let read = try? WasmMessage(decoding: cut) { #expect(read.encoded() == cut) }
      }
      for bit in 0..<(8 * encoded.value.count) {
        var value = encoded.value
        value[bit / 8] ^= 1 << UInt8(bit % 8)
        let flipped = AnyMessage(typeURL: encoded.typeURL, value: value)
        if let read = try? WasmMessage(decoding: flipped) { #expect(read.encoded() == flipped) }
      }
    }
  }

  /// Field numbers from `cosmwasm/wasm/v1/tx.proto`, put together by hand.
  @Test("have wasmd's field numbers")
  func fields() throws {
    func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      [number << 3 | 2, UInt8(bytes.count)] + bytes
    }
    let (sender, contract) = ([UInt8](Self.sender.text.utf8), [UInt8](Self.contract.text.utf8))
    let coin = field(1, [UInt8]("ucause".utf8)) + field(2, [UInt8]("150".utf8))
    let expected: [[UInt8]] = [
      field(1, sender) + field(2, [1, 2]),
      field(1, sender) + field(2, [1, 2]) + field(5, [8, 4] + field(3, contract) + field(3, sender)),
      field(1, sender) + [0x18, 3] + field(4, [0x6c]) + field(5, [4]),
      field(1, sender) + field(2, contract) + [0x18, 3] + field(4, [0x6c]) + field(5, [4]) + field(6, coin),
      field(1, sender) + field(2, contract) + [0x18, 3] + field(4, [0x6c]) + field(5, [4]) + field(6, coin)
        + field(7, [5]) + [0x40, 1],
      field(1, sender) + field(2, contract) + field(3, [4]) + field(5, coin),
      field(1, sender) + field(2, contract) + [0x18, 0xac, 2] + field(4, [4]),
      field(1, sender) + field(2, contract) + field(3, contract),
      field(1, sender) + field(3, contract), field(1, sender) + field(2, [0x6c]) + field(3, contract),
      field(1, sender) + [0x10, 3] + field(3, [8, 1]),
      field(1, sender) + field(2, contract) + field(3, [4]), field(1, sender) + field(2, [1, 0xac, 2]),
      field(1, sender) + field(2, [2]),
    ]
    for (message, bytes) in zip(try Self.all(), expected) { #expect(message.encoded().value == bytes) }
    #expect(try Self.all().count == expected.count)
  }

  @Test("of other types, or with fields that they do not have, are refused")
  func refusals() throws {
    #expect(throws: MessageRefusal.typeUnknown("/x.Y")) {
      try WasmMessage(decoding: AnyMessage(typeURL: "/x.Y", value: []))
    }
    let clear = WasmMessage.clearAdmin(sender: Self.sender, contract: Self.contract).encoded()
    #expect(throws: MessageRefusal.protobuf(.unknownField(9))) {
      try WasmMessage(decoding: AnyMessage(typeURL: clear.typeURL, value: clear.value + [0x48, 1]))
    }
    let many = WasmMessage.pinCodes(authority: Self.sender, codeIDs: Array(1...51)).encoded()
    #expect(throws: MessageRefusal.count(field: 2, max: 50)) { try WasmMessage(decoding: many) }
  }

  @Test(
    "allow whom they say",
    arguments: [
      (AccessConfig.nobody, false, false, true), (.everybody, true, true, false),
      (.anyOf([AccountAddress(Bytes20 { _ in 1 })]), true, false, true),
    ])
  func access(config: AccessConfig, one: Bool, two: Bool, isInsideOne: Bool) throws {
    let (first, second) = (AccountAddress(Bytes20 { _ in 1 }), AccountAddress(Bytes20 { _ in 2 }))
    #expect(config.allows(first) == one)
    #expect(config.allows(second) == two)
    #expect(config.isSubset(of: .everybody))
    #expect(config.isSubset(of: .anyOf([first])) == isInsideOne)
    let bytes = config.encoded()
    let read = try AccessConfig(decoding: bytes.span)
    #expect(read == config)
  }

  @Test("refuse permissions that allow nobody known")
  func accessForms() {
    for (bytes, refusal) in [
      ([8, 2], .permission(2)), ([8, 4], .addressCount(max: 50, actual: 0)), ([], .permission(0)),
    ] as [([UInt8], AccessConfig.FormError)] {
      #expect(throws: refusal) { try AccessConfig(decoding: bytes.span) }
    }
  }
}
