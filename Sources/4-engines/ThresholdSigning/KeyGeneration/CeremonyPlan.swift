public import Crypto
import Digests
public import WireBytes

/// Why a plan is none to make a key by.
public enum CeremonyPlanError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  case threshold(Int, members: Int)
  case tooMany(Int, limit: Int)
  /// Identifiers are not in rising order, or one is zero or twice there.
  case order(at: Int)
  /// Two members have one identity key: one process would hold two shares.
  case repeatedIdentity(ParticipantIdentifier)
}

/// Who makes a key together, and how many of them will have to sign. All of them must hold the same plan.
public struct CeremonyPlan: Hashable, Sendable {
  public struct Member: Hashable, Sendable {
    public let identifier: ParticipantIdentifier
    /// The Ed25519 key with which the member's process signs its messages.
    public let identityKey: Bytes32

    public init(identifier: ParticipantIdentifier, identityKey: Bytes32) {
      self.identifier = identifier
      self.identityKey = identityKey
    }
  }

  /// Random, and new for each ceremony: whoever calls for it chooses it.
  public let name: Bytes32
  public let threshold: Int
  /// In rising order of identifiers.
  public let members: [Member]
  /// What every message and proof of the ceremony is bound to.
  public let digest: Bytes32

  /// - Throws: ``CeremonyPlanError``.
  public init(name: Bytes32, threshold: Int, members: [Member]) throws(CeremonyPlanError) {
    guard members.count <= GroupPublicKey.participantsMax else {
      throw .tooMany(members.count, limit: GroupPublicKey.participantsMax)
    }
    guard threshold >= 2, threshold <= members.count else {
      throw .threshold(threshold, members: members.count)
    }
    let sorted = members.sorted { $0.identifier < $1.identifier }
    var keys: Set<Bytes32> = []
    for (index, member) in sorted.enumerated() {
      if index > 0, sorted[index - 1].identifier == member.identifier { throw .order(at: index) }
      guard keys.insert(member.identityKey).inserted else { throw .repeatedIdentity(member.identifier) }
    }
    self.name = name
    self.threshold = threshold
    self.members = sorted
    digest = SHA256Hash.hash(
      [UInt8]("causeway/key-generation/plan/v1".utf8) + [0]
        + Self.encoded(name: name, threshold: threshold, members: sorted))
  }

  public func member(_ identifier: ParticipantIdentifier) -> Member? {
    members.first { $0.identifier == identifier }
  }

  private static func encoded(name: Bytes32, threshold: Int, members: [Member]) -> [UInt8] {
    var bytes: [UInt8] = [1]
    bytes.append(name)
    bytes.append(UInt8(threshold))
    bytes.append(UInt8(members.count))
    for member in members {
      bytes.append(bigEndian: member.identifier.number)
      bytes.append(member.identityKey)
    }
    return bytes
  }

  /// Layout: `[version 1: 1][name: 32][threshold: 1][count: 1]`, then for each member
  /// `[identifier: 2, big-endian][identity key: 32]`.
  public func encoded() -> [UInt8] { Self.encoded(name: name, threshold: threshold, members: members) }

  /// - Throws: ``CeremonyPlanError``. The input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(CeremonyPlanError) {
    do {
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw CeremonyPlanError.version(version) }
      let name: Bytes32 = try reader.readFixed()
      let threshold = Int(try reader.readUInt8())
      let count = Int(try reader.readUInt8())
      guard count <= GroupPublicKey.participantsMax else {
        throw CeremonyPlanError.tooMany(count, limit: GroupPublicKey.participantsMax)
      }
      var members: [Member] = []
      for index in 0..<count {
        guard let identifier = ParticipantIdentifier(try reader.readBigEndian(UInt16.self)),
          members.last.map({ $0.identifier < identifier }) ?? true
        else { throw CeremonyPlanError.order(at: index) }
        members.append(Member(identifier: identifier, identityKey: try reader.readFixed()))
      }
      try reader.finish()
      try self.init(name: name, threshold: threshold, members: members)
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as CeremonyPlanError {
      throw error
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }
}

/// How a member's process signs its messages: with a key that lies elsewhere.
public struct CeremonyIdentity: Sendable {
  public let publicKey: Bytes32
  let sign: @Sendable ([UInt8]) -> Bytes64?

  /// - Parameter sign: the Ed25519 signature of some bytes, nil when the key cannot sign now.
  public init(publicKey: Bytes32, sign: @escaping @Sendable ([UInt8]) -> Bytes64?) {
    self.publicKey = publicKey
    self.sign = sign
  }

  public init(_ key: Curve25519.Signing.PrivateKey) {
    guard let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else {
      preconditionFailure("a public key has 32 bytes")
    }
    self.init(publicKey: publicKey) { message in
      (try? key.signature(for: message)).flatMap { try? Bytes64([UInt8]($0)) }
    }
  }
}
