public import WireBytes

/// Why a set of verifying shares is no group's key.
public enum GroupKeyError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  /// Fewer than two shares would sign, or more than there are.
  case threshold(Int, participants: Int)
  case tooMany(Int, limit: Int)
  /// Identifiers are not in rising order, or one is zero or twice there.
  case order(at: Int)
  case element(GroupElementError, of: ParticipantIdentifier)
  /// The share of this participant lies on another polynomial than the first ones'.
  case inconsistent(ParticipantIdentifier)
  /// The shares come to no key.
  case identity
}

/// What is public of a key that several hold: the key itself, how many must sign, and the public half of each share.
public struct GroupPublicKey: Hashable, Sendable {
  /// A bound on work and on messages; the protocol itself has none.
  public static let participantsMax = 32

  /// The public half of one share.
  public struct VerifyingShare: Hashable, Sendable {
    public let identifier: ParticipantIdentifier
    public let element: GroupElement

    public init(identifier: ParticipantIdentifier, element: GroupElement) {
      self.identifier = identifier
      self.element = element
    }
  }

  /// How many must sign: from 2 on, as with one each would hold the whole key.
  public let threshold: Int
  /// In rising order of identifiers.
  public let shares: [VerifyingShare]
  /// The key that signatures verify with.
  public let element: GroupElement

  /// An ordinary Ed25519 public key.
  public var key: Bytes32 { element.bytes }

  /// Puts the key together from the public halves, which must lie on one polynomial of the threshold's degree.
  ///
  /// - Parameter shares: in any order.
  /// - Throws: ``GroupKeyError``.
  /// - Complexity: `threshold` multiplications for the key and for each share beyond the threshold.
  public init(threshold: Int, shares: [VerifyingShare]) throws(GroupKeyError) {
    guard shares.count <= Self.participantsMax else {
      throw .tooMany(shares.count, limit: Self.participantsMax)
    }
    guard threshold >= 2, threshold <= shares.count else {
      throw .threshold(threshold, participants: shares.count)
    }
    let sorted = shares.sorted { $0.identifier < $1.identifier }
    for index in sorted.indices.dropFirst() where sorted[index].identifier == sorted[index - 1].identifier {
      throw .order(at: index)
    }
    let first = sorted.prefix(threshold)
    let names = first.map(\.identifier)
    func value(at place: UInt16) -> GroupSum {
      first.reduce(.identity) { sum, share in
        sum + share.element.sum * Scalar.weight(of: share.identifier, among: names, at: place)
      }
    }
    guard let element = value(at: 0).element else { throw .identity }
    for share in sorted.dropFirst(threshold)
    where value(at: share.identifier.number) != share.element.sum {
      throw .inconsistent(share.identifier)
    }
    self.threshold = threshold
    self.shares = sorted
    self.element = element
  }

  public func share(of identifier: ParticipantIdentifier) -> GroupElement? {
    shares.first { $0.identifier == identifier }?.element
  }

  /// Layout: `[version 1: 1][threshold: 1][count: 1]`, then for each share `[identifier: 2, big-endian][point: 32]`.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = [1, UInt8(threshold), UInt8(shares.count)]
    for share in shares {
      bytes.append(bigEndian: share.identifier.number)
      bytes.append(share.element.bytes)
    }
    return bytes
  }

  /// Reads ``encoded()`` and nothing else.
  ///
  /// - Throws: ``GroupKeyError``. The input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(GroupKeyError) {
    do {
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw GroupKeyError.version(version) }
      let threshold = Int(try reader.readUInt8())
      let count = Int(try reader.readUInt8())
      guard count <= Self.participantsMax else {
        throw GroupKeyError.tooMany(count, limit: Self.participantsMax)
      }
      var shares: [VerifyingShare] = []
      for index in 0..<count {
        guard let identifier = ParticipantIdentifier(try reader.readBigEndian(UInt16.self)),
          shares.last.map({ $0.identifier < identifier }) ?? true
        else { throw GroupKeyError.order(at: index) }
        let point: Bytes32 = try reader.readFixed()
        do {
          shares.append(VerifyingShare(identifier: identifier, element: try GroupElement(point)))
        } catch {
          throw GroupKeyError.element(error, of: identifier)
        }
      }
      try reader.finish()
      try self.init(threshold: threshold, shares: shares)
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as GroupKeyError {
      throw error
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }
}
