import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("Addresses of contracts")
struct AddressesTests {
  /// CosmWasm packages/std/testdata/instantiate2_addresses.json at fe929772, first case; wasmd keeper tests for 1/1.
  private static let checksum = "13a1fc994cc6d1c81b746ee0c0ff6f90043875e0bf1d9be6b7d779fc978dc2a5"
  private static let creator = "9999999999aaaaaaaaaabbbbbbbbbbcccccccccc"

  @Test("agrees with single values of upstream")
  func values() throws {
    let classic = ContractAddresses.classic(codeID: 1, instanceID: 1)
    #expect(
      Hex.encode(classic.array, prefix: "")
        == "ade4a5f5803a439835c636395a8d648dee57b2fc90d98dc17fa887159b69638b")
    let text = try ContractAddresses.text(classic.array, prefix: "wasm")
    #expect(text == "wasm14hj2tavq8fpesdwxxcu44rty3hh90vhujrvcmstl4zr3txmfvw9s0phg4d")
    #expect(try ContractAddresses.canonical(text, prefix: "wasm") == classic.array)
    let predictable = try ContractAddresses.predictable(
      checksum: Bytes32(hex: Self.checksum), creator: Hex.decode(Self.creator), salt: [0x61])
    #expect(
      Hex.encode(predictable.array, prefix: "")
        == "5e865d3e45ad3e961f77fd77d46543417ced44d924dc3e079b5415ff6775f847")
  }

  @Test("refuses salts and creators of wrong lengths")
  func lengths() throws {
    func predictable(salt: Int, creator: Int) throws(ContractAddressError) {
      _ = try ContractAddresses.predictable(
        checksum: Bytes32(), creator: [UInt8](repeating: 1, count: creator),
        salt: [UInt8](repeating: 2, count: salt))
    }
    try predictable(salt: 1, creator: 1)
    try predictable(salt: 64, creator: 255)
    #expect(throws: ContractAddressError.salt(length: 0, limit: 64)) { try predictable(salt: 0, creator: 20) }
    #expect(throws: ContractAddressError.salt(length: 65, limit: 64)) {
      try predictable(salt: 65, creator: 20)
    }
    #expect(throws: ContractAddressError.creator(length: 0, limit: 255)) {
      try predictable(salt: 1, creator: 0)
    }
    #expect(throws: ContractAddressError.creator(length: 256, limit: 255)) {
      try predictable(salt: 1, creator: 256)
    }
  }

  @Test("refuses text that is not written the one way that is right")
  func notNormalized() throws {
    let text = try ContractAddresses.text([UInt8](repeating: 7, count: 20), prefix: "wasm")
    var mixed = text
    mixed.replaceSubrange(text.startIndex...text.startIndex, with: "W")
    for wrong in [text.uppercased(), mixed, String(text.dropLast()), text + "q", "", "wasm", " " + text] {
      #expect(throws: ContractAddressError.notNormalized) {
        try ContractAddresses.canonical(wrong, prefix: "wasm")
      }
    }
    let modern = try Bech32(prefix: "wasm", bytes: [1, 2, 3].span, variant: .bech32m).encoded()
    #expect(throws: ContractAddressError.notNormalized) {
      try ContractAddresses.canonical(modern, prefix: "wasm")
    }
    #expect(throws: ContractAddressError.prefix(actual: "wasm")) {
      try ContractAddresses.canonical(text, prefix: "cosmos")
    }
    #expect(throws: ContractAddressError.text) { try ContractAddresses.text([], prefix: "wasm") }
    #expect(throws: ContractAddressError.text) { try ContractAddresses.text([1], prefix: "WASM") }
  }

  @Test("names ports of both versions of IBC")
  func ports() {
    #expect(ContractAddresses.port("wasm1abc") == "wasm.wasm1abc")
    #expect(ContractAddresses.port2("wasm1abc", prefix: "wasm") == "wasm21abc")
    #expect(ContractAddresses.address(port2: "wasm21abc", prefix: "wasm") == "wasm1abc")
    #expect(ContractAddresses.address(port2: "wasm.wasm1abc", prefix: "wasm") == nil)
  }
}
