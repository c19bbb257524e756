import Ledger
public import Messages
import PacketHost
import WireBytes

/// Where contracts lie in a domain's state. All keys begin with `contracts/`; numbers are big-endian.
public enum ContractKeys {
  /// A binary lies in pieces of this many bytes: its own, not those of a transaction.
  public static let chunkBytes = 131_072

  static let nextCode = key("next/code")
  static let nextInstance = key("next/instance")
  static let nextOrder = key("next/order")
  static let codes = key("code/")
  static let pinned = key("pinned/")

  private static func key(_ text: String) -> [UInt8] { [UInt8]("contracts/\(text)".utf8) }

  private static func number(_ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: number)
    return bytes
  }

  /// ``CodeRecord``.
  public static func code(_ id: UInt64) -> [UInt8] { codes + number(id) }

  static func isPinned(_ id: UInt64) -> [UInt8] { pinned + number(id) }

  /// The pieces of a binary, by the SHA-256 of the whole.
  static func binary(_ checksum: Bytes32) -> [UInt8] { key("binary/") + checksum.array }

  static func binary(_ checksum: Bytes32, chunk: Int) -> [UInt8] {
    var bytes = binary(checksum)
    bytes.append(bigEndian: UInt16(clamping: chunk))
    return bytes
  }

  /// ``ContractRecord``.
  public static func contract(_ address: AccountAddress) -> [UInt8] { key("contract/") + address.bytes }

  /// All that a contract stores, under its own keys.
  public static func storage(_ address: AccountAddress) -> [UInt8] { key("storage/") + address.bytes }

  static func history(_ address: AccountAddress) -> [UInt8] { key("history/") + address.bytes }

  static func history(_ address: AccountAddress, _ index: UInt64) -> [UInt8] {
    history(address) + number(index)
  }

  static func byCode(_ id: UInt64) -> [UInt8] { key("by-code/") + number(id) }

  static func byCode(_ id: UInt64, order: UInt64, _ address: AccountAddress) -> [UInt8] {
    byCode(id) + number(order) + address.bytes
  }

  static func byCreator(_ creator: AccountAddress) -> [UInt8] {
    // The length first, so that no creator's prefix begins another's.
    key("by-creator/") + [UInt8(creator.count)] + creator.bytes
  }

  static func byCreator(
    _ creator: AccountAddress, order: UInt64, _ address: AccountAddress
  ) -> [UInt8] {
    byCreator(creator) + number(order) + address.bytes
  }

  /// The first key behind all that begin with `prefix`; nil when there is none.
  static func end(of prefix: [UInt8]) -> [UInt8]? {
    var end = prefix
    while let last = end.popLast() {
      if last < 0xff { return end + [last + 1] }
    }
    return nil
  }

  static func number(stored bytes: [UInt8]) throws(ExecutionHalt) -> UInt64 {
    var reader = ByteReader(bytes.span)
    guard bytes.count == 8, let number = try? reader.readBigEndian(UInt64.self) else {
      throw .state(.unreadable)
    }
    return number
  }
}

/// The ports of contracts, by wasmd's rules (`x/wasm/keeper/ibc.go`).
enum ContractPort {
  static func v1(_ contract: AccountAddress) -> String { "wasm.\(contract.text)" }

  static func v2(_ contract: AccountAddress) -> String {
    ContractPacketGas.portPrefix + contract.text.dropFirst(AccountAddress.prefix.count)
  }

  /// The contract that a port of IBC v2 is for, if it is one's.
  static func contract(_ port: PortID) -> AccountAddress? {
    guard port.text.hasPrefix(ContractPacketGas.portPrefix) else { return nil }
    let rest = port.text.dropFirst(ContractPacketGas.portPrefix.count)
    guard let account = AccountNames().account(named: AccountAddress.prefix + rest), account.count == 32
    else {
      return nil
    }
    return account
  }
}
