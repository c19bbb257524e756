import Digests
public import WireBytes

/// Why bytes are not a VAA of version 1.
public enum VAAError: Error, Hashable, Sendable {
  /// The input ends inside a field.
  case wire(WireError)
  /// The contracts say "VM version incompatible".
  case unsupportedVersion(UInt8)
  /// The payload is longer than ``VAA/payloadSizeMax``.
  case payloadTooLarge(limit: Int, actual: Int)

  /// Gives a decoder that reads and judges in one body its single error type back.
  init(either error: any Error) {
    switch error {
    case let error as VAAError: self = error
    case let error as WireError: self = .wire(error)
    default: preconditionFailure("the decoder throws these two only")
    }
  }
}

/// A Wormhole message with the guardians' signatures over it (a "verified action approval", version 1), not yet checked.
///
/// Layout, big-endian: `[version: 1 = 1][guardian set: 4][n: 1]` then n times `[guardian: 1][r: 32][s: 32][v: 1]`, then
/// the body `[timestamp: 4][nonce: 4][emitter chain: 2][emitter: 32][sequence: 8][consistency: 1][payload: rest]`.
/// Only the body is signed: version, guardian set index and signatures are not, so that several byte strings carry
/// the same message. ``digest`` names the message; the bytes do not.
///
/// Source: wormhole ethereum/contracts/Messages.sol (parseVM), sdk/vaa/structs.go.
public struct VAA: Hashable, Sendable {
  /// One guardian's signature over ``VAA/digest``.
  public struct Signature: Hashable, Sendable {
    /// Place of the guardian in the set.
    public let guardianIndex: UInt8
    /// `r || s || v`, where v is 0 or 1; contracts add 27.
    public let bytes: FixedBytes<65>

    public init(guardianIndex: UInt8, bytes: FixedBytes<65>) {
      self.guardianIndex = guardianIndex
      self.bytes = bytes
    }
  }

  /// No contract takes more than its block's calldata; the longest known payloads are below 10 KB.
  public static let payloadSizeMax = 1 << 20
  /// The count is one byte.
  public static let signatureCountMax = 255
  private static let fixedBodySize = 51

  public let guardianSetIndex: UInt32
  public let signatures: [Signature]
  /// Unix seconds of the block of the emission, as the guardians report it.
  public let timestamp: UInt32
  /// Chosen by the emitter; not a replay key.
  public let nonce: UInt32
  /// Wormhole's chain id, not an EVM chain id: see ``WormholeChain``.
  public let emitterChain: UInt16
  public let emitter: Bytes32
  /// Counter per emitter, from 0.
  public let sequence: UInt64
  /// 200 instant, 201 safe, 203 custom, anything else finalized; older emitters wrote confirmations here.
  public let consistencyLevel: UInt8
  /// The signed bytes: everything after the signatures.
  public let body: [UInt8]

  /// Decodes a VAA. Bytes after the fixed fields are payload, so there are no trailing bytes to refuse.
  ///
  /// - Throws: ``VAAError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(VAAError) {
    do {
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw VAAError.unsupportedVersion(version) }
      guardianSetIndex = try reader.readBigEndian()
      let count = Int(try reader.readUInt8())
      var signatures: [Signature] = []
      signatures.reserveCapacity(count)
      for _ in 0..<count {
        let guardian = try reader.readUInt8()
        signatures.append(Signature(guardianIndex: guardian, bytes: try reader.readFixed()))
      }
      self.signatures = signatures
      let start = reader.offset
      timestamp = try reader.readBigEndian()
      nonce = try reader.readBigEndian()
      emitterChain = try reader.readBigEndian()
      emitter = try reader.readFixed()
      sequence = try reader.readBigEndian()
      consistencyLevel = try reader.readUInt8()
      guard reader.remaining <= Self.payloadSizeMax else {
        throw VAAError.payloadTooLarge(limit: Self.payloadSizeMax, actual: reader.remaining)
      }
      body = [UInt8](copying: bytes.extracting(start..<bytes.count))
    } catch {
      throw VAAError(either: error)
    }
  }

  /// Decodes a VAA.
  public init(decoding bytes: [UInt8]) throws(VAAError) { try self.init(decoding: bytes.span) }

  /// A message with these fields; `signatures` may be empty.
  ///
  /// - Throws: ``VAAError/payloadTooLarge(limit:actual:)``. More than 255 signatures is a broken precondition.
  public init(
    guardianSetIndex: UInt32, signatures: [Signature], timestamp: UInt32, nonce: UInt32, emitterChain: UInt16,
    emitter: Bytes32, sequence: UInt64, consistencyLevel: UInt8, payload: [UInt8]
  ) throws(VAAError) {
    guard payload.count <= Self.payloadSizeMax else {
      throw .payloadTooLarge(limit: Self.payloadSizeMax, actual: payload.count)
    }
    precondition(signatures.count <= Self.signatureCountMax)
    self.guardianSetIndex = guardianSetIndex
    self.signatures = signatures
    self.timestamp = timestamp
    self.nonce = nonce
    self.emitterChain = emitterChain
    self.emitter = emitter
    self.sequence = sequence
    self.consistencyLevel = consistencyLevel
    var body: [UInt8] = []
    body.reserveCapacity(Self.fixedBodySize + payload.count)
    body.append(bigEndian: timestamp)
    body.append(bigEndian: nonce)
    body.append(bigEndian: emitterChain)
    body.append(emitter)
    body.append(bigEndian: sequence)
    body.append(consistencyLevel)
    body += payload
    self.body = body
  }

  /// The application's bytes.
  public var payload: [UInt8] { [UInt8](body[Self.fixedBodySize...]) }

  /// Keccak-256 of the body, once: what Solana programs pass around.
  public var bodyHash: Bytes32 { Keccak256.hash(body) }

  /// What the guardians sign and what contracts use as replay key: Keccak-256 of Keccak-256 of the body.
  public var digest: Bytes32 { Keccak256.hash(bodyHash.span) }

  /// `chain/emitter/sequence` as explorers write it: decimal, hex without `0x`, decimal.
  public var messageID: String {
    "\(emitterChain)/\(Hex.encode(emitter.span, prefix: ""))/\(sequence)"
  }

  /// The bytes ``init(decoding:)`` reads.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(6 + 66 * signatures.count + body.count)
    bytes.append(1)
    bytes.append(bigEndian: guardianSetIndex)
    bytes.append(UInt8(signatures.count))
    for signature in signatures {
      bytes.append(signature.guardianIndex)
      bytes.append(signature.bytes)
    }
    return bytes + body
  }
}
