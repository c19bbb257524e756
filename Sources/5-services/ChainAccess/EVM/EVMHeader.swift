import Digests
import Encodings
import LightClients
public import WireBytes

/// A block's header as an execution client tells it, with the hash that its own fields give.
///
/// What a client says about a block is believed under its hash alone: a state root, a time or a bloom that was changed
/// has another hash. Forks add fields at the end: base fee (London), withdrawals (Shanghai), blobs and the beacon root
/// (Cancun), requests (Prague).
public struct EVMHeader: Hashable, Sendable {
  /// Longer ones than this have no chain that is known (mainnet: 32, Clique: 97 and signers).
  public static let extraSizeMax = 4_096

  public let parent: Bytes32
  public let ommersHash: Bytes32
  public let beneficiary: Bytes20
  public let stateRoot: Bytes32
  public let transactionsRoot: Bytes32
  public let receiptsRoot: Bytes32
  public let bloom: FixedBytes<256>
  public let difficulty: UInt256
  public let number: UInt64
  public let gasLimit: UInt64
  public let gasUsed: UInt64
  /// Seconds since 1970.
  public let timestamp: UInt64
  public let extra: [UInt8]
  public let mixHash: Bytes32
  public let nonce: FixedBytes<8>
  public let baseFee: UInt256?
  public let withdrawalsRoot: Bytes32?
  public let blobGasUsed: UInt64?
  public let excessBlobGas: UInt64?
  public let parentBeaconRoot: Bytes32?
  public let requestsHash: Bytes32?
  /// Keccak-256 of the RLP of all of the above.
  public let hash: Bytes32

  /// Reads a header and checks that the hash in it is its own.
  ///
  /// - Throws: `malformed`; `unproven` for another hash.
  init(_ json: JSONValue) throws(AccessError) {
    parent = try EVMJSON.hash(json["parentHash"])
    ommersHash = try EVMJSON.hash(json["sha3Uncles"])
    beneficiary = try EVMJSON.address(json["miner"] ?? json["author"])
    stateRoot = try EVMJSON.hash(json["stateRoot"])
    transactionsRoot = try EVMJSON.hash(json["transactionsRoot"])
    receiptsRoot = try EVMJSON.hash(json["receiptsRoot"])
    bloom = try EVMJSON.fixed(json["logsBloom"])
    difficulty = try EVMJSON.uint256(json["difficulty"])
    number = try EVMJSON.uint64(json["number"])
    gasLimit = try EVMJSON.uint64(json["gasLimit"])
    gasUsed = try EVMJSON.uint64(json["gasUsed"])
    timestamp = try EVMJSON.uint64(json["timestamp"])
    extra = try EVMJSON.bytes(json["extraData"])
    guard extra.count <= Self.extraSizeMax else { throw .malformed }
    mixHash = try EVMJSON.hash(json["mixHash"])
    nonce = try EVMJSON.fixed(json["nonce"])
    func optional<Value>(
      _ name: String, _ read: (JSONValue) throws(AccessError) -> Value
    ) throws(AccessError) -> Value? {
      guard let value = json[name], !value.isNull else { return nil }
      return try read(value)
    }
    baseFee = try optional("baseFeePerGas") { value throws(AccessError) in try EVMJSON.uint256(value) }
    withdrawalsRoot = try optional("withdrawalsRoot") { value throws(AccessError) in try EVMJSON.hash(value) }
    blobGasUsed = try optional("blobGasUsed") { value throws(AccessError) in try EVMJSON.uint64(value) }
    excessBlobGas = try optional("excessBlobGas") { value throws(AccessError) in try EVMJSON.uint64(value) }
    parentBeaconRoot = try optional("parentBeaconBlockRoot") { value throws(AccessError) in
      try EVMJSON.hash(value)
    }
    requestsHash = try optional("requestsHash") { value throws(AccessError) in try EVMJSON.hash(value) }
    let stated = try EVMJSON.hash(json["hash"])
    var fields = RLPWriter()
    fields.string(parent)
    fields.string(ommersHash)
    fields.string(beneficiary)
    fields.string(stateRoot)
    fields.string(transactionsRoot)
    fields.string(receiptsRoot)
    fields.string(bloom)
    fields.integer(difficulty)
    fields.integer(number)
    fields.integer(gasLimit)
    fields.integer(gasUsed)
    fields.integer(timestamp)
    fields.string(extra)
    fields.string(mixHash)
    fields.string(nonce)
    if let baseFee { fields.integer(baseFee) }
    if let withdrawalsRoot { fields.string(withdrawalsRoot) }
    if let blobGasUsed { fields.integer(blobGasUsed) }
    if let excessBlobGas { fields.integer(excessBlobGas) }
    if let parentBeaconRoot { fields.string(parentBeaconRoot) }
    if let requestsHash { fields.string(requestsHash) }
    let content = fields.bytes
    var writer = RLPWriter()
    writer.list { $0.encoded(content.span) }
    hash = Keccak256.hash(writer.bytes)
    guard hash == stated else { throw .unproven }
  }

  /// Whether a log of `address` can be in the block; a bloom says no for certain, and yes by chance.
  func mayHaveLogs(of address: Bytes20) -> Bool {
    let digest = Keccak256.hash(address.span)
    return stride(from: 0, to: 6, by: 2).allSatisfy { offset in
      let bit = (Int(digest[offset]) << 8 | Int(digest[offset + 1])) & 2_047
      return bloom[255 - bit / 8] & (1 << UInt8(bit % 8)) != 0
    }
  }

  func time() throws(AccessError) -> CometBFT.Timestamp {
    guard let seconds = Int64(exactly: timestamp) else { throw .malformed }
    do { return try CometBFT.Timestamp(seconds: seconds) } catch { throw .malformed }
  }
}
