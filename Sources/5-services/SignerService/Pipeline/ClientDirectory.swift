import SignerWire
import SigningRules
import Synchronization
import WireBytes

/// Who may open a session: the clients of the policy that is in force, by their keys.
///
/// A class, since the server's connections read what the signing thread changes.
public final class ClientDirectory: Sendable {
  private let clients = Mutex<[Bytes32: PolicyClient]>([:])

  public init() {}

  func adopt(_ policy: AccessPolicy) {
    let known = Dictionary(policy.clients.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    clients.withLock { $0 = known }
  }

  /// The client with this key, if it may come as this peer.
  func find(_ key: Bytes32, as peer: ClientPeer) -> Result<PolicyClient, SignerFault> {
    guard let client = clients.withLock({ $0[key] }) else { return .failure(.unknownClient) }
    guard client.peers.contains(peer) else { return .failure(.peer) }
    return .success(client)
  }
}
