public import Encodings
import Ledger
public import Messages
import WireBytes

/// Who may do something with code (`cosmwasm.wasm.v1.AccessConfig`).
public enum AccessConfig: Hashable, Sendable {
  case nobody
  case everybody
  /// 1 to ``addressCountMax`` accounts, each once.
  case anyOf([AccountAddress])

  /// wasmd `x/wasm/types/validation.go`, MaxAddressCount.
  public static let addressCountMax = 50

  /// Why protobuf is no access configuration.
  public enum FormError: Error, Hashable, Sendable {
    case protobuf(ProtobufError)
    case permission(UInt64)
    case address(String)
    case addressCount(max: Int, actual: Int)
    case addressTwice(AccountAddress)
  }

  public func allows(_ account: AccountAddress) -> Bool {
    switch self {
    case .nobody: false
    case .everybody: true
    case .anyOf(let accounts): accounts.contains(account)
    }
  }

  /// Whether all whom this allows are allowed by `other`.
  public func isSubset(of other: AccessConfig) -> Bool {
    switch (self, other) {
    case (_, .everybody), (.nobody, _): true
    case (.everybody, _), (.anyOf, .nobody): false
    case (.anyOf(let mine), .anyOf(let theirs)): mine.allSatisfy { theirs.contains($0) }
    }
  }

  /// As wasmd's events name it.
  var name: String {
    switch self {
    case .nobody: "Nobody"
    case .everybody: "Everybody"
    case .anyOf: "AnyOfAddresses"
    }
  }

  /// {permission 1, addresses 3}; 1 nobody, 3 everybody, 4 any of the addresses.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .nobody: writer.varint(1, 1)
    case .everybody: writer.varint(1, 3)
    case .anyOf(let accounts):
      writer.varint(1, 4)
      for account in accounts { writer.alwaysString(3, account.text) }
    }
    return writer.bytes
  }

  /// - Throws: ``FormError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(FormError) {
    var permission: UInt64 = 0
    var accounts: [AccountAddress] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1], repeated: [3]), sizeBytesMax: 65_536)
      while let field = try reader.next(in: bytes) {
        guard field.number == 3 else {
          permission = try field.uint64()
          continue
        }
        let text = try field.string(in: bytes)
        guard accounts.count < Self.addressCountMax else {
          throw ProtobufError.overLimit(limit: Self.addressCountMax, actual: accounts.count + 1)
        }
        guard let account = AccountNames().account(named: text) else { throw ProtobufError.text(field: 3) }
        accounts.append(account)
      }
    } catch { throw .protobuf(error) }
    switch permission {
    case 1, 3:
      guard accounts.isEmpty else { throw .addressCount(max: 0, actual: accounts.count) }
      self = permission == 1 ? .nobody : .everybody
    case 4:
      guard !accounts.isEmpty else { throw .addressCount(max: Self.addressCountMax, actual: 0) }
      for (index, account) in accounts.enumerated() where accounts[..<index].contains(account) {
        throw .addressTwice(account)
      }
      self = .anyOf(accounts)
    default: throw .permission(permission)
    }
  }
}
