import Digests
public import WireBytes

/// A request for state of other chains that the guardians answer with their signatures ("CCQ").
///
/// Layout: `[version: 1 = 1][nonce: 4][n: 1]` then n times `[chain: 2][type: 1][len: 4][query]`.
///
/// Source: wormhole whitepapers/0013, node/pkg/query/request.go.
public struct CrossChainQuery: Hashable, Sendable {
  /// Which guardians are asked: the digest that the requester signs begins with its name.
  public enum Network: String, Hashable, Sendable, CaseIterable {
    case mainnet
    case testnet
    case devnet

    /// 35 bytes: the name, zeroes, a bar.
    fileprivate var prefix: [UInt8] {
      let name = rawValue + "_query_request_"
      return [UInt8]((name + String(repeating: "0", count: 34 - name.utf8.count) + "|").utf8)
    }
  }

  /// One EVM call: `[to: 20][len: 4][calldata]`.
  public struct Call: Hashable, Sendable {
    public let target: Bytes20
    public let callData: [UInt8]
  }

  /// A Solana program address to derive: `[program: 32][n: 1]` then n times `[len: 4][seed]`.
  public struct DerivedAddress: Hashable, Sendable {
    public let program: Bytes32
    public let seeds: [[UInt8]]
  }

  /// How a Solana node must read accounts.
  public struct SolanaRead: Hashable, Sendable {
    public let commitment: String
    public let minimumSlot: UInt64
    public let sliceOffset: UInt64
    public let sliceLength: UInt64
  }

  public enum Query: Hashable, Sendable {
    /// Type 1. The block is a hex number or hash, or a tag.
    case call(block: String, [Call])
    /// Type 2. Time in microseconds; hints may be empty.
    case callByTimestamp(time: UInt64, targetHint: String, followingHint: String, [Call])
    /// Type 3. Finality is `safe` or `finalized`.
    case callWithFinality(block: String, finality: String, [Call])
    /// Type 4.
    case solanaAccounts(SolanaRead, accounts: [Bytes32])
    /// Type 5.
    case solanaDerived(SolanaRead, [DerivedAddress])

    public var type: UInt8 {
      switch self {
      case .call: 1
      case .callByTimestamp: 2
      case .callWithFinality: 3
      case .solanaAccounts: 4
      case .solanaDerived: 5
      }
    }
  }

  public struct PerChain: Hashable, Sendable {
    public let chain: UInt16
    public let query: Query
    /// The query's bytes, without chain, type and length.
    public let encodedQuery: [UInt8]
  }

  /// Upper bound of a whole request, ours; gossip carries less.
  public static let sizeMax = 1 << 20
  /// solana-program: MAX_SEEDS less the bump, and MAX_SEED_LEN.
  public static let seedCountMax = 16
  public static let seedSizeMax = 32

  public let nonce: UInt32
  public let queries: [PerChain]
  /// The bytes that were decoded: what is signed.
  public let bytes: [UInt8]

  /// - Throws: ``WormholePayloadError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      guard bytes.count <= Self.sizeMax else {
        throw WireError.overLimit(limit: Self.sizeMax, actual: bytes.count)
      }
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw WormholePayloadError.unsupportedVersion(version) }
      nonce = try reader.readBigEndian()
      let count = try reader.readUInt8()
      guard count > 0 else { throw WormholePayloadError.empty(offset: 5) }
      var queries: [PerChain] = []
      for _ in 0..<count {
        let chain: UInt16 = try reader.readBigEndian()
        let type = try reader.readUInt8()
        let length: UInt32 = try reader.readBigEndian()
        let query = try reader.readSpan(Int(length))
        queries.append(
          PerChain(
            chain: chain, query: try Query(type: type, decoding: query), encodedQuery: [UInt8](copying: query)
          ))
      }
      try reader.finish()
      self.queries = queries
      self.bytes = [UInt8](copying: bytes)
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  /// What the requester signs: Keccak-256 of the network's 35-byte prefix and Keccak-256 of the request.
  public func digest(for network: Network) -> Bytes32 {
    var preimage = network.prefix
    preimage.append(Keccak256.hash(bytes))
    return Keccak256.hash(preimage)
  }
}

extension CrossChainQuery.Query {
  fileprivate init(type: UInt8, decoding bytes: Span<UInt8>) throws {
    var reader = ByteReader(bytes)
    switch type {
    case 1:
      self = .call(block: try Self.text(&reader), try Self.calls(&reader))
    case 2:
      self = .callByTimestamp(
        time: try reader.readBigEndian(), targetHint: try Self.text(&reader),
        followingHint: try Self.text(&reader), try Self.calls(&reader))
    case 3:
      self = .callWithFinality(
        block: try Self.text(&reader), finality: try Self.text(&reader), try Self.calls(&reader))
    case 4:
      let read = try Self.solanaRead(&reader)
      let count = try reader.readUInt8()
      guard count > 0 else { throw WormholePayloadError.empty(offset: reader.offset - 1) }
      var accounts: [Bytes32] = []
      for _ in 0..<count { accounts.append(try reader.readFixed()) }
      self = .solanaAccounts(read, accounts: accounts)
    case 5:
      let read = try Self.solanaRead(&reader)
      let count = try reader.readUInt8()
      guard count > 0 else { throw WormholePayloadError.empty(offset: reader.offset - 1) }
      var addresses: [CrossChainQuery.DerivedAddress] = []
      for _ in 0..<count {
        let program: Bytes32 = try reader.readFixed()
        let seedCount = Int(try reader.readUInt8())
        guard seedCount <= CrossChainQuery.seedCountMax else {
          throw WireError.overLimit(limit: CrossChainQuery.seedCountMax, actual: seedCount)
        }
        var seeds: [[UInt8]] = []
        for _ in 0..<seedCount {
          let length: UInt32 = try reader.readBigEndian()
          guard length <= CrossChainQuery.seedSizeMax else {
            throw WireError.overLimit(limit: CrossChainQuery.seedSizeMax, actual: Int(length))
          }
          seeds.append(try reader.readBytes(Int(length)))
        }
        addresses.append(CrossChainQuery.DerivedAddress(program: program, seeds: seeds))
      }
      self = .solanaDerived(read, addresses)
    default: throw WormholePayloadError.wrongKind(expected: 1, actual: UInt32(type))
    }
    try reader.finish()
  }

  private static func calls(_ reader: inout ByteReader) throws -> [CrossChainQuery.Call] {
    let count = try reader.readUInt8()
    guard count > 0 else { throw WormholePayloadError.empty(offset: reader.offset - 1) }
    var calls: [CrossChainQuery.Call] = []
    for _ in 0..<count {
      let target: Bytes20 = try reader.readFixed()
      let length: UInt32 = try reader.readBigEndian()
      calls.append(CrossChainQuery.Call(target: target, callData: try reader.readBytes(Int(length))))
    }
    return calls
  }

  private static func solanaRead(_ reader: inout ByteReader) throws -> CrossChainQuery.SolanaRead {
    CrossChainQuery.SolanaRead(
      commitment: try text(&reader), minimumSlot: try reader.readBigEndian(),
      sliceOffset: try reader.readBigEndian(), sliceLength: try reader.readBigEndian())
  }

  /// `[len: 4][printable ASCII]`.
  private static func text(_ reader: inout ByteReader) throws -> String {
    let length: UInt32 = try reader.readBigEndian()
    let start = reader.offset
    let bytes = try reader.readBytes(Int(length))
    guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw WormholePayloadError.outOfRange(offset: start, value: UInt64(length))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
