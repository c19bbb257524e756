public import WireBytes

/// Why no share of a signature is given for a ceremony.
public enum PendingNoncesError: Error, Hashable, Sendable {
  /// A ceremony of that name has nonces already.
  case nameTaken
  /// No nonces wait under that name: never made, spent, or dropped for newer ones.
  case none
  case signing(SigningError)
}

/// The nonces that one participant has promised and not yet spent, by the name of the ceremony.
///
/// They live in memory alone: after a restart the ceremonies are started again. Each is spent by the first attempt to
/// sign, whether it succeeds or not. At most ``waitingMax`` wait; a newer one drops the oldest.
public struct PendingNonces: ~Copyable {
  public static let waitingMax = 256

  /// A place for a value that cannot be copied: an array cannot hold it otherwise.
  private final class Place {
    let name: Bytes32
    var nonces: SigningNonces?

    init(name: Bytes32, nonces: consuming SigningNonces) {
      self.name = name
      self.nonces = consume nonces
    }
  }

  private var places: [Place] = []

  public init() {}

  public var count: Int { places.count }

  /// Round one: makes nonces under `name` and gives what the others are told.
  ///
  /// - Throws: ``PendingNoncesError/nameTaken``.
  public mutating func commit(
    _ name: Bytes32, with share: borrowing KeyShare
  ) throws(PendingNoncesError) -> NonceCommitment {
    guard !places.contains(where: { $0.name == name }) else { throw .nameTaken }
    if places.count == Self.waitingMax { places.removeFirst() }
    let nonces = share.commit()
    let commitment = nonces.commitment
    places.append(Place(name: name, nonces: nonces))
    return commitment
  }

  /// Round two: spends the nonces of `name` on the session.
  ///
  /// - Throws: ``PendingNoncesError``.
  public mutating func sign(
    _ name: Bytes32, _ session: SigningSession, with share: borrowing KeyShare
  ) throws(PendingNoncesError) -> SignatureShare {
    guard let index = places.firstIndex(where: { $0.name == name }) else { throw .none }
    let place = places.remove(at: index)
    guard let nonces = place.nonces.take() else { throw .none }
    do {
      return try share.sign(session, with: nonces)
    } catch {
      throw .signing(error)
    }
  }

  /// Drops the nonces of a ceremony that will not come to an end.
  public mutating func abandon(_ name: Bytes32) { places.removeAll { $0.name == name } }
}
