/// The functions of module `env` that a contract may import. Raw values are their names.
///
/// Source: cosmwasm packages/vm/src/imports.rs and compatibility.rs.
public enum HostImport: String, Hashable, Sendable, CaseIterable {
  case dbRead = "db_read"
  case dbWrite = "db_write"
  case dbRemove = "db_remove"
  case dbScan = "db_scan"
  case dbNext = "db_next"
  case dbNextKey = "db_next_key"
  case dbNextValue = "db_next_value"
  case addrValidate = "addr_validate"
  case addrCanonicalize = "addr_canonicalize"
  case addrHumanize = "addr_humanize"
  case secp256k1Verify = "secp256k1_verify"
  case secp256k1RecoverPubkey = "secp256k1_recover_pubkey"
  case secp256r1Verify = "secp256r1_verify"
  case secp256r1RecoverPubkey = "secp256r1_recover_pubkey"
  case ed25519Verify = "ed25519_verify"
  case ed25519BatchVerify = "ed25519_batch_verify"
  case aggregateG1 = "bls12_381_aggregate_g1"
  case aggregateG2 = "bls12_381_aggregate_g2"
  case pairingEquality = "bls12_381_pairing_equality"
  case hashToG1 = "bls12_381_hash_to_g1"
  case hashToG2 = "bls12_381_hash_to_g2"
  case debug
  case abort
  case queryChain = "query_chain"

  /// The module that all of them are imported from.
  public static let module = "env"

  /// How many 32-bit arguments it takes; all of them are i32.
  public var parameterCount: Int {
    switch self {
    case .dbRead, .dbRemove, .dbNext, .dbNextKey, .dbNextValue, .addrValidate, .debug, .abort, .queryChain: 1
    case .dbWrite, .addrCanonicalize, .addrHumanize, .aggregateG1, .aggregateG2: 2
    case .dbScan, .secp256k1Verify, .secp256k1RecoverPubkey, .secp256r1Verify, .secp256r1RecoverPubkey,
      .ed25519Verify, .ed25519BatchVerify:
      3
    case .pairingEquality, .hashToG1, .hashToG2: 4
    }
  }

  /// What it answers.
  public var answer: Answer {
    switch self {
    case .dbWrite, .dbRemove, .debug, .abort: .nothing
    case .secp256k1RecoverPubkey, .secp256r1RecoverPubkey: .i64
    default: .i32
    }
  }

  /// Its type.
  public var type: WasmFunctionType {
    let results: [WasmValueType] =
      switch answer {
      case .nothing: []
      case .i32: [.i32]
      case .i64: [.i64]
      }
    return WasmFunctionType(
      parameters: [WasmValueType](repeating: .i32, count: parameterCount), results: results)
  }

  /// The result type of an import.
  public enum Answer: Hashable, Sendable {
    case nothing
    case i32
    case i64
  }
}

extension WasmFunctionType {
  /// So many pointers to regions, and one in return.
  static func pointers(_ count: Int) -> WasmFunctionType {
    WasmFunctionType(parameters: [WasmValueType](repeating: .i32, count: count), results: [.i32])
  }
}
