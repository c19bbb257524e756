import Messages
import Transactions
import WireBytes

/// A policy with what is left of its limits.
struct AdmissionRules: Sendable {
  private let domain: KeyDomain
  private var policy: AccessPolicy
  private var clients: [ClientName: Int] = [:]
  private var keyUses: [KeyUse: Int] = [:]
  /// Nil until the first request tells the time.
  private var clientLimits: [RateLimit?] = []
  private var keyLimits: [RateLimit?] = []

  init(domain: KeyDomain, policy: AccessPolicy) {
    self.domain = domain
    self.policy = policy
    index()
  }

  private mutating func index() {
    for (index, client) in policy.clients.enumerated() { clients[client.name] = index }
    for (index, limit) in policy.keyLimits.enumerated() {
      keyUses[KeyUse(key: limit.key, purpose: limit.purpose)] = index
    }
    clientLimits = Array(repeating: nil, count: policy.clients.count)
    keyLimits = Array(repeating: nil, count: policy.keyLimits.count)
  }

  /// Another policy of the same domain; limits that are in both keep their level.
  mutating func adopt(_ policy: AccessPolicy) {
    let before = self
    self = AdmissionRules(domain: domain, policy: policy)
    for (name, index) in clients {
      guard let old = before.clients[name] else { continue }
      clientLimits[index] = before.clientLimits[old]?.changed(to: policy.clients[index].perMinute)
    }
    for (use, index) in keyUses {
      guard let old = before.keyUses[use] else { continue }
      keyLimits[index] = before.keyLimits[old]?.changed(to: policy.keyLimits[index].perMinute)
    }
  }

  /// Everything that does not depend on time or history.
  ///
  /// - Returns: what the request is granted by.
  func check(
    _ request: SigningRequest, key: KeyFacts, client name: ClientName, isLocked: Bool
  ) throws(SigningRefusal) -> Grant.Scope {
    let purpose = request.purpose
    guard let index = clients[name], policy.domain == domain else { throw .unknownClient(name) }
    guard policy.clients[index].roles.contains(.sign) else { throw .roleMissing(.sign) }
    guard domain.purposes.contains(purpose) else { throw .purposeNotOfDomain(purpose, domain) }
    guard key.purposes.contains(purpose) else { throw .purposeNotOfKey(purpose) }
    guard key.suite.serves(purpose) else { throw .suiteNotForPurpose(key.suite, purpose) }
    guard key.state.signs else { throw .keyState(key.state) }
    guard !isLocked else { throw .keyLocked(key.id) }
    if let own = key.origin, let origin = request.origin, own != origin { throw .keyServesOtherOrigin(own) }
    if let own = key.chainIDs, let chainID = request.chainID, !own.contains(chainID) {
      throw .chainNotOfKey(chainID)
    }
    if case .transaction(let transaction) = request {
      guard transaction.key.id(as: key.suite) == key.id else { throw .otherSigner }
    }
    // The first grant that lets it through counts; when none does, the first one's reason is told.
    var refusal: SigningRefusal?
    for grant in policy.clients[index].grants
    where grant.purpose == purpose && grant.keys.contains(key.id) {
      do {
        try grant.check(request, by: key)
        return grant.scope
      } catch {
        if refusal == nil { refusal = error }
      }
    }
    throw refusal ?? .notGranted(purpose)
  }

  /// Takes one request from the client's limit and one from the key's, or nothing at all.
  mutating func take(
    key: KeyID, purpose: KeyPurpose, client: ClientName, at now: UnixMilliseconds
  ) throws(SigningRefusal) {
    guard let index = clients[client] else { throw .unknownClient(client) }
    guard let use = keyUses[KeyUse(key: key, purpose: purpose)] else { throw .notGranted(purpose) }
    var ofClient = clientLimits[index] ?? RateLimit(perMinute: policy.clients[index].perMinute, at: now)
    var ofKey = keyLimits[use] ?? RateLimit(perMinute: policy.keyLimits[use].perMinute, at: now)
    ofClient.refill(at: now)
    ofKey.refill(at: now)
    defer {
      clientLimits[index] = ofClient
      keyLimits[use] = ofKey
    }
    guard ofClient.wait == 0 else { throw .clientLimit(retryAfterMilliseconds: ofClient.wait) }
    guard ofKey.wait == 0 else { throw .keyLimit(retryAfterMilliseconds: ofKey.wait) }
    ofClient.take()
    ofKey.take()
  }
}

extension AccountKey {
  /// The name of this key among keys of `suite`; nil when it is of another one.
  fileprivate func id(as suite: KeySuite) -> KeyID? {
    switch (self, suite) {
    case (.secp256k1(let key), .secp256k1): KeyID(suite: suite, publicKey: key.array)
    case (.ed25519(let key), .ed25519), (.ed25519(let key), .frostEd25519):
      KeyID(suite: suite, publicKey: key.array)
    default: nil
    }
  }
}
