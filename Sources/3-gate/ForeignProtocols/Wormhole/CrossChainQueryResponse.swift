import Digests
import SignatureSchemes
public import WireBytes

/// The guardians' answer to a ``CrossChainQuery``.
///
/// Layout: `[version: 1 = 1][sender chain: 2 = 0][signature: 65][len: 4][request][n: 1]` then n times
/// `[chain: 2][type: 1][len: 4][response]`. A request over the network carries the requester's signature.
///
/// Source: wormhole node/pkg/query/response.go, whitepapers/0013.
public struct CrossChainQueryResponse: Hashable, Sendable {
  /// What one EVM block said.
  public struct Block: Hashable, Sendable {
    public let number: UInt64
    public let hash: Bytes32
    /// Microseconds since 1970.
    public let time: UInt64
  }

  /// One Solana account.
  public struct Account: Hashable, Sendable {
    public let lamports: UInt64
    public let rentEpoch: UInt64
    public let executable: Bool
    public let owner: Bytes32
    /// The slice that was asked for.
    public let contents: [UInt8]
  }

  public struct DerivedAccount: Hashable, Sendable {
    public let address: Bytes32
    public let bump: UInt8
    public let account: Account
  }

  public enum Answer: Hashable, Sendable {
    /// Types 1 and 3.
    case calls(Block, results: [[UInt8]])
    /// Type 2: the last block not after the wanted time, and the next one.
    case callsByTimestamp(target: Block, following: Block, results: [[UInt8]])
    case solanaAccounts(Block, [Account])
    case solanaDerived(Block, [DerivedAccount])
  }

  public struct PerChain: Hashable, Sendable {
    public let chain: UInt16
    public let type: UInt8
    public let answer: Answer
    /// The answer's bytes, without chain, type and length.
    public let encodedAnswer: [UInt8]
  }

  public static let sizeMax = 16 << 20
  /// 35 bytes before the hash that guardians sign.
  private static let prefix = [UInt8]("query_response_0000000000000000000|".utf8)

  public let requestSignature: FixedBytes<65>
  public let request: CrossChainQuery
  public let answers: [PerChain]
  /// What the guardians sign.
  public let digest: Bytes32

  /// - Throws: ``WormholePayloadError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      guard bytes.count <= Self.sizeMax else {
        throw WireError.overLimit(limit: Self.sizeMax, actual: bytes.count)
      }
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw WormholePayloadError.unsupportedVersion(version) }
      let sender: UInt16 = try reader.readBigEndian()
      guard sender == 0 else { throw WormholePayloadError.outOfRange(offset: 1, value: UInt64(sender)) }
      requestSignature = try reader.readFixed()
      let length: UInt32 = try reader.readBigEndian()
      let request = try CrossChainQuery(decoding: try reader.readSpan(Int(length)))
      let count = Int(try reader.readUInt8())
      guard count == request.queries.count else {
        throw WormholePayloadError.countMismatch(expected: request.queries.count, actual: count)
      }
      var answers: [PerChain] = []
      for query in request.queries {
        let start = reader.offset
        let chain: UInt16 = try reader.readBigEndian()
        let type = try reader.readUInt8()
        guard chain == query.chain else {
          throw WormholePayloadError.outOfRange(offset: start, value: UInt64(chain))
        }
        guard type == query.query.type else {
          throw WormholePayloadError.wrongKind(expected: UInt32(query.query.type), actual: UInt32(type))
        }
        let answerLength: UInt32 = try reader.readBigEndian()
        let answer = try reader.readSpan(Int(answerLength))
        answers.append(
          PerChain(
            chain: chain, type: type, answer: try Self.answer(to: query.query, answer),
            encodedAnswer: [UInt8](copying: answer)))
      }
      try reader.finish()
      self.request = request
      self.answers = answers
      var preimage = Self.prefix
      preimage.append(Keccak256.hash(bytes))
      digest = Keccak256.hash(preimage)
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  /// Who signed the request, if it was meant for `network`; nil when no key can be recovered.
  public func requester(on network: CrossChainQuery.Network) -> Bytes20? {
    SignerRecovery.address(of: request.digest(for: network), signature: requestSignature, form: .either)
  }

  private static func answer(to query: CrossChainQuery.Query, _ bytes: Span<UInt8>) throws -> Answer {
    var reader = ByteReader(bytes)
    let answer: Answer
    switch query {
    case .call(_, let calls), .callWithFinality(_, _, let calls):
      let block = try evmBlock(&reader)
      answer = .calls(block, results: try results(calls.count, &reader))
    case .callByTimestamp(_, _, _, let calls):
      let targetNumber: UInt64 = try reader.readBigEndian()
      let targetHash: Bytes32 = try reader.readFixed()
      let targetTime: UInt64 = try reader.readBigEndian()
      let followingNumber: UInt64 = try reader.readBigEndian()
      let followingHash: Bytes32 = try reader.readFixed()
      let followingTime: UInt64 = try reader.readBigEndian()
      answer = .callsByTimestamp(
        target: Block(number: targetNumber, hash: targetHash, time: targetTime),
        following: Block(number: followingNumber, hash: followingHash, time: followingTime),
        results: try results(calls.count, &reader))
    case .solanaAccounts(_, let accounts):
      let block = try solanaBlock(&reader)
      try expect(accounts.count, &reader)
      var found: [Account] = []
      for _ in accounts { found.append(try account(&reader)) }
      answer = .solanaAccounts(block, found)
    case .solanaDerived(_, let addresses):
      let block = try solanaBlock(&reader)
      try expect(addresses.count, &reader)
      var found: [DerivedAccount] = []
      for _ in addresses {
        let address: Bytes32 = try reader.readFixed()
        let bump = try reader.readUInt8()
        found.append(DerivedAccount(address: address, bump: bump, account: try account(&reader)))
      }
      answer = .solanaDerived(block, found)
    }
    try reader.finish()
    return answer
  }

  private static func evmBlock(_ reader: inout ByteReader) throws(WireError) -> Block {
    let number: UInt64 = try reader.readBigEndian()
    let hash: Bytes32 = try reader.readFixed()
    return Block(number: number, hash: hash, time: try reader.readBigEndian())
  }

  private static func solanaBlock(_ reader: inout ByteReader) throws(WireError) -> Block {
    let slot: UInt64 = try reader.readBigEndian()
    let time: UInt64 = try reader.readBigEndian()
    return Block(number: slot, hash: try reader.readFixed(), time: time)
  }

  private static func expect(_ count: Int, _ reader: inout ByteReader) throws {
    let actual = Int(try reader.readUInt8())
    guard actual == count else { throw WormholePayloadError.countMismatch(expected: count, actual: actual) }
  }

  private static func results(_ count: Int, _ reader: inout ByteReader) throws -> [[UInt8]] {
    try expect(count, &reader)
    var results: [[UInt8]] = []
    for _ in 0..<count {
      let length: UInt32 = try reader.readBigEndian()
      results.append(try reader.readBytes(Int(length)))
    }
    return results
  }

  private static func account(_ reader: inout ByteReader) throws -> Account {
    let lamports: UInt64 = try reader.readBigEndian()
    let rentEpoch: UInt64 = try reader.readBigEndian()
    let start = reader.offset
    let executable = try reader.readUInt8()
    guard executable <= 1 else {
      throw WormholePayloadError.outOfRange(offset: start, value: UInt64(executable))
    }
    let owner: Bytes32 = try reader.readFixed()
    let length: UInt32 = try reader.readBigEndian()
    return Account(
      lamports: lamports, rentEpoch: rentEpoch, executable: executable == 1, owner: owner,
      contents: try reader.readBytes(Int(length)))
  }
}
