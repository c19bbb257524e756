import Encodings
import Ledger
public import Messages
public import WireBytes

/// Which part of a list is asked for.
public struct ContractPage: Hashable, Sendable {
  /// Entries of one answer, unless fewer are asked for (wasmd `x/wasm/keeper/querier.go`, maxResultEntries).
  public static let limitMax = 100

  /// What the answer before gave as its next key; empty at the beginning.
  public let key: [UInt8]
  public let limit: Int
  public let isDescending: Bool

  public init(key: [UInt8] = [], limit: Int = limitMax, isDescending: Bool = false) {
    self.key = key
    self.limit = min(max(limit, 1), Self.limitMax)
    self.isDescending = isDescending
  }

  /// From the beginning.
  public static let first = ContractPage()

  /// `PageRequest` {key 1, limit 3, reverse 5}.
  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, key)
    writer.varint(3, UInt64(limit))
    writer.boolean(5, isDescending)
    return writer.bytes
  }
}

/// A question of wasmd's query service (`cosmwasm/wasm/v1/query.proto`), as `abci_query` takes it.
public enum ContractQuery: Hashable, Sendable {
  case contractInfo(AccountAddress)
  case contractHistory(AccountAddress, ContractPage)
  case contractsByCode(UInt64, ContractPage)
  case contractsByCreator(AccountAddress, ContractPage)
  case allContractState(AccountAddress, ContractPage)
  case rawContractState(AccountAddress, key: [UInt8])
  case smartContractState(AccountAddress, message: [UInt8])
  case code(UInt64)
  case codeInfo(UInt64)
  case codes(ContractPage)
  case pinnedCodes(ContractPage)
  case parameters
  case buildAddress(checksum: Bytes32, creator: AccountAddress, salt: [UInt8], message: [UInt8])

  /// The names of the service's methods.
  public enum Path: String, Hashable, Sendable, CaseIterable {
    case contractInfo = "/cosmwasm.wasm.v1.Query/ContractInfo"
    case contractHistory = "/cosmwasm.wasm.v1.Query/ContractHistory"
    case contractsByCode = "/cosmwasm.wasm.v1.Query/ContractsByCode"
    case contractsByCreator = "/cosmwasm.wasm.v1.Query/ContractsByCreator"
    case allContractState = "/cosmwasm.wasm.v1.Query/AllContractState"
    case rawContractState = "/cosmwasm.wasm.v1.Query/RawContractState"
    case smartContractState = "/cosmwasm.wasm.v1.Query/SmartContractState"
    case code = "/cosmwasm.wasm.v1.Query/Code"
    case codeInfo = "/cosmwasm.wasm.v1.Query/CodeInfo"
    case codes = "/cosmwasm.wasm.v1.Query/Codes"
    case pinnedCodes = "/cosmwasm.wasm.v1.Query/PinnedCodes"
    case parameters = "/cosmwasm.wasm.v1.Query/Params"
    case buildAddress = "/cosmwasm.wasm.v1.Query/BuildAddress"
  }

  public var path: String { name.rawValue }

  private var name: Path {
    switch self {
    case .contractInfo: .contractInfo
    case .contractHistory: .contractHistory
    case .contractsByCode: .contractsByCode
    case .contractsByCreator: .contractsByCreator
    case .allContractState: .allContractState
    case .rawContractState: .rawContractState
    case .smartContractState: .smartContractState
    case .code: .code
    case .codeInfo: .codeInfo
    case .codes: .codes
    case .pinnedCodes: .pinnedCodes
    case .parameters: .parameters
    case .buildAddress: .buildAddress
    }
  }

  /// The request in protobuf.
  public var request: [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .contractInfo(let contract): writer.string(1, contract.text)
    case .contractHistory(let account, let page), .contractsByCreator(let account, let page),
      .allContractState(let account, let page):
      writer.string(1, account.text)
      writer.alwaysBytes(2, page.encoded())
    case .contractsByCode(let id, let page):
      writer.varint(1, id)
      writer.alwaysBytes(2, page.encoded())
    case .rawContractState(let contract, let key):
      writer.string(1, contract.text)
      writer.bytes(2, key)
    case .smartContractState(let contract, let message):
      writer.string(1, contract.text)
      writer.bytes(2, message)
    case .code(let id), .codeInfo(let id): writer.varint(1, id)
    case .codes(let page): writer.alwaysBytes(1, page.encoded())
    case .pinnedCodes(let page): writer.alwaysBytes(2, page.encoded())
    case .parameters: break
    case .buildAddress(let checksum, let creator, let salt, let message):
      writer.string(1, Hex.encode(checksum.array, prefix: ""))
      writer.string(2, creator.text)
      writer.string(3, Hex.encode(salt, prefix: ""))
      writer.bytes(4, message)
    }
    return writer.bytes
  }
}
