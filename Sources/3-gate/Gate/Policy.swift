public import Messages
public import WireBytes

/// Why parts do not make a policy.
public enum PolicyError: Error, Hashable, Sendable {
  case tooDeep(max: Int)
  case tooManyNodes(max: Int)
  /// A combinator without parts would be satisfied by nothing, or by everything.
  case noParts
  case tooManyParts(max: Int, actual: Int)
  case threshold(required: Int, parts: Int)
  /// Parts of a combinator speak of different domains.
  case domainsDiffer(DomainID, DomainID)
  case noAttesters
  case tooManyAttesters(max: Int, actual: Int)
  /// A quorum of zero, or over all that the attesters weigh.
  case quorum(required: UInt64, total: UInt64)
  case weightZero(attester: Int)
  case weightOverflow
  /// Two attesters with one key: one word would count twice.
  case duplicateAttester(Int)
  /// The Eureka client knows 20-byte addresses of weight 1 only, and at most 255 of them are needed.
  case eurekaAttester(Int)
  case eurekaQuorum(UInt64)
  case routerLength(max: Int, actual: Int)
  /// Branches must be given in strictly rising order, so that each has a use.
  case branchOrder(index: Int)
  case duplicateBranch(index: Int)
  /// A branch with a key of another kind than the route's.
  case branchKind(index: Int)
  /// A policy without a waiting time where one is meant.
  case delayZero
  /// The origin has no ERC-7930 form, so nothing can be signed for it.
  case origin(InteroperableAddressError)
  /// A trust level outside 1/3 to 1.
  case trustLevel(numerator: UInt64, denominator: UInt64)
  /// A trusting period of zero, or one that is absurdly long.
  case trustingPeriod(max: UInt64, actual: UInt64)
  case clockDrift(max: UInt64, actual: UInt64)
  /// A chain id that is empty or over `max` bytes.
  case chainIDLength(max: Int, actual: Int)

  /// A binding's reason, as a policy names it.
  public init(_ error: AttestationBindingError) {
    switch error {
    case .routerLength(let max, let actual): self = .routerLength(max: max, actual: actual)
    case .origin(let cause): self = .origin(cause)
    }
  }
}

/// What a destination demands before it believes anything about another domain.
///
/// A policy is data: its hash names it, and the destination stores that hash. A `Policy` has been checked: depth, number
/// of nodes and the sense of each part. Its canonical form and its hash are in docs/spec/policy.md.
public struct Policy: Hashable, Sendable {
  /// Combinators inside each other, the leaf counted.
  public static let depthMax = 8
  /// All leaves and combinators together.
  public static let nodeCountMax = 64
  public static let partCountMax = 16

  /// The shape of a policy; nothing is checked until it becomes a ``Policy``.
  public indirect enum Node: Hashable, Sendable {
    case attested(AttestedPolicy)
    case cometBFT(CometBFTPolicy)
    case enclave(EnclaveTierPolicy)
    /// Every part must accept, with one and the same claim.
    case all([Node])
    /// The first part in order that accepts decides.
    case any([Node])
    /// `required` parts must accept, with one and the same claim.
    case threshold(required: Int, of: [Node])
    case route(Route)
    /// A message worth more than `above` waits `seconds` of destination time after its claim was recorded.
    case delay(above: UInt256, seconds: UInt64, then: Node)
  }

  /// Picks one of several policies by a fact about the message.
  public struct Route: Hashable, Sendable {
    public enum Dimension: String, Hashable, Sendable, CaseIterable {
      /// The first branch whose bound is at least the message's value.
      case value
      /// The branch of exactly this recipient.
      case recipient
      /// The first branch whose bound is at least the seconds since the claim was first recorded here.
      case age
    }

    /// What a branch is taken for; bounds are inclusive.
    public enum Key: Hashable, Sendable {
      case valueUpTo(UInt256)
      case recipient(InteroperableAddress)
      case ageUpTo(seconds: UInt64)
    }

    public struct Branch: Hashable, Sendable {
      public let key: Key
      public let policy: Node

      public init(_ key: Key, _ policy: Node) {
        self.key = key
        self.policy = policy
      }
    }

    public let by: Dimension
    public let branches: [Branch]
    /// What holds when no branch fits; nil refuses.
    public let otherwise: Node?

    public init(by: Dimension, branches: [Branch], otherwise: Node?) {
      self.by = by
      self.branches = branches
      self.otherwise = otherwise
    }
  }

  public let root: Node
  /// The domain that every part speaks of.
  public let domain: DomainID
  /// SHA-256 of `causeway/policy/v1` and the canonical form.
  public let hash: Bytes32

  /// Checks the whole tree.
  ///
  /// - Throws: ``PolicyError``.
  public init(_ root: Node) throws(PolicyError) {
    var nodes = 0
    domain = try Self.check(root, depth: 1, nodes: &nodes)
    self.root = root
    hash = PolicyText.hash(root)
  }

  /// The domain of `node`, after everything below it was checked.
  private static func check(_ node: Node, depth: Int, nodes: inout Int) throws(PolicyError) -> DomainID {
    guard depth <= depthMax else { throw .tooDeep(max: depthMax) }
    nodes += 1
    guard nodes <= nodeCountMax else { throw .tooManyNodes(max: nodeCountMax) }
    switch node {
    case .attested(let policy): return policy.origin
    case .cometBFT(let policy): return policy.domain
    case .enclave(let policy): return policy.origin
    case .all(let parts), .any(let parts): return try check(parts, depth: depth, nodes: &nodes)
    case .threshold(let required, let parts):
      let domain = try check(parts, depth: depth, nodes: &nodes)
      guard (1...parts.count).contains(required) else {
        throw .threshold(required: required, parts: parts.count)
      }
      return domain
    case .route(let route):
      try check(route)
      return try check(
        route.branches.map(\.policy) + (route.otherwise.map { [$0] } ?? []), depth: depth, nodes: &nodes)
    case .delay(_, let seconds, let then):
      guard seconds > 0 else { throw .delayZero }
      return try check(then, depth: depth + 1, nodes: &nodes)
    }
  }

  private static func check(_ parts: [Node], depth: Int, nodes: inout Int) throws(PolicyError) -> DomainID {
    guard parts.count <= partCountMax else {
      throw .tooManyParts(max: partCountMax, actual: parts.count)
    }
    var shared: DomainID?
    for part in parts {
      let domain = try check(part, depth: depth + 1, nodes: &nodes)
      if let shared, shared != domain { throw .domainsDiffer(shared, domain) }
      shared = domain
    }
    guard let shared else { throw .noParts }
    return shared
  }

  /// Branches have keys of the route's kind, bounds rise, recipients are named once.
  private static func check(_ route: Route) throws(PolicyError) {
    guard !route.branches.isEmpty else { throw .noParts }
    var recipients: Set<InteroperableAddress> = []
    var value: UInt256?
    var age: UInt64?
    for (index, branch) in route.branches.enumerated() {
      switch (route.by, branch.key) {
      case (.value, .valueUpTo(let bound)):
        if let value, bound <= value { throw .branchOrder(index: index) }
        value = bound
      case (.recipient, .recipient(let address)):
        guard recipients.insert(address).inserted else { throw .duplicateBranch(index: index) }
      case (.age, .ageUpTo(let bound)):
        if let age, bound <= age { throw .branchOrder(index: index) }
        age = bound
      default: throw .branchKind(index: index)
      }
    }
  }
}
