internal import Enclaves
internal import Messages
internal import Secrets
internal import WireBytes

/// Keys that an enclave holds now: the newest, and older ones whose registrations have not expired, so that what was sealed
/// to them can still be opened and answered.
///
/// Private halves are made here and go with the process. Nothing of this is `Codable`, and nothing gives bytes out.
struct KeyRing: Sendable {
  /// Registrations that live at once; one more rotation is refused until the oldest has expired.
  static let generationsMax = 8

  /// A registration with its private halves.
  struct Generation: Sendable {
    let registration: EnclaveRegistration
    let signing: SigningSecret
    let sealing: EphemeralSealingKey
  }

  /// In the order in which they were made.
  private var generations: [Generation] = []

  var newest: Generation? { generations.last }
  var isFull: Bool { generations.count >= Self.generationsMax }
  var registrations: [EnclaveRegistration] { generations.map(\.registration) }

  subscript(registration: Bytes32) -> Generation? { generations.first { $0.registration.id == registration } }

  mutating func add(_ generation: Generation) {
    precondition(!isFull)
    generations.append(generation)
  }

  /// Lets go of keys that have expired, which wipes what is in guarded memory.
  mutating func expire(at now: UInt64) { generations.removeAll { $0.registration.keys.expires <= now } }
}
