import NIOCore
import SignerWire
import SigningRules
import Synchronization

/// What all connections of a server share.
struct ServerParts: Sendable {
  let core: SigningCore
  let clients: ClientDirectory
  let identity: any SignerIdentity
  let domain: KeyDomain
  let limits: ServerLimits
  let refusals: RefusalRate
}

/// How many refused handshakes the audit log still takes this minute: strangers must not fill the disk.
///
/// A class, since connections share it.
final class RefusalRate: Sendable {
  private let max: Int
  private let state = Mutex((minute: NIODeadline.now(), told: 0))

  init(max: Int) { self.max = max }

  func mayTell(at now: NIODeadline) -> Bool {
    state.withLock { state in
      if now - state.minute >= .minutes(1) { state = (now, 0) }
      guard state.told < max else { return false }
      state.told += 1
      return true
    }
  }
}
