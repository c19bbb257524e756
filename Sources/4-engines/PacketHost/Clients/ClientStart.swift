import Digests
import Gate
import LightClients
import MerkleProofs
import Messages
import WireBytes

/// A client that is to be made, after all that its creator gave was checked.
struct ClientStart {
  let id: ClientID
  let kind: ClientRecord.Kind
  let store: ClientRecord.Store
  let policy: Policy
  let consensus: (height: Height, record: ConsensusRecord)?

  static func tendermint(
    _ bytes: [UInt8], consensusTypeURL: String, consensus: [UInt8], number: UInt64
  ) throws(ClientRefusal) -> ClientStart {
    let state: Tendermint.ClientState
    do { state = try Tendermint.ClientState(decoding: bytes.span) } catch { throw .tendermintState(error) }
    do { _ = try state.check() } catch { throw .tendermintRule(error) }
    guard state.frozenHeight == .zero else { throw .createdFrozen }
    guard consensusTypeURL == ConsensusRecord.tendermintTypeURL else {
      throw .consensusTypeUnknown(consensusTypeURL)
    }
    let start: Tendermint.ConsensusState
    do { start = try Tendermint.ConsensusState(decoding: consensus.span) } catch {
      throw .tendermintState(error)
    }
    guard let root = try? Bytes32(start.root) else { throw .rootLength(start.root.count) }
    guard let seconds = UInt64(exactly: start.timestamp.seconds), seconds > 0 else { throw .timeUnreadable }
    guard let nextValidatorsHash = start.nextValidatorsHash else { throw .consensusStateMissing }
    let policy: Policy
    do throws(PolicyError) {
      // Whole seconds: both bounds only become stricter.
      policy = try Policy(
        .cometBFT(
          try CometBFTPolicy(
            domain: try domain(ofChainID: state.chainID), chainID: state.chainID,
            trustNumerator: state.trustLevelNumerator, trustDenominator: state.trustLevelDenominator,
            trustingPeriodSeconds: UInt64(clamping: state.trustingPeriod.components.seconds),
            clockDriftSeconds: UInt64(clamping: state.clockDriftMax.components.seconds))))
    } catch { throw .policy(error) }
    return ClientStart(
      id: try identifier(.tendermint, number), kind: .tendermint, store: try store(of: state.proofSpecs),
      policy: policy,
      consensus: (
        Height(revision: state.latestHeight.revision, state.latestHeight.height),
        ConsensusRecord(
          seconds: seconds, nanoseconds: UInt32(clamping: start.timestamp.nanoseconds), root: root,
          nextValidatorsHash: nextValidatorsHash)
      ))
  }

  static func policy(
    _ bytes: [UInt8], consensusTypeURL: String, consensus: [UInt8], number: UInt64
  ) throws(ClientRefusal) -> ClientStart {
    let state: PolicyClientState
    do { state = try PolicyClientState(decoding: bytes.span) } catch { throw .clientState(error) }
    guard !state.frozen else { throw .createdFrozen }
    let policy: Policy
    do { policy = try Policy(decoding: state.policyText.span) } catch { throw .policyText(error) }
    let origin: DomainID
    do { origin = try DomainID(state.origin) } catch { throw .origin(error) }
    guard origin == policy.domain else { throw .originMismatch(stated: origin, policy: policy.domain) }
    let id = try identifier(.policy, number)
    let store = try store(of: state, origin)
    try check(policy.root, client: id, router: state.router)
    if case .evm = store { try checkEVM(policy.root, latest: state.latestHeight, origin: origin) }
    var start: (height: Height, record: ConsensusRecord)?
    switch consensusTypeURL {
    case "":
      guard consensus.isEmpty else { throw .consensusTypeUnknown(consensusTypeURL) }
      guard state.latestHeight == Height(0) else { throw .heightWithoutState(state.latestHeight) }
      guard HostClients.trustingPeriod(of: policy.root) == nil else { throw .consensusStateMissing }
    case ConsensusRecord.typeURL:
      guard state.latestHeight.number > 0 else { throw .noHeight }
      let record: ConsensusRecord
      do { record = try ConsensusRecord(message: consensus.span) } catch { throw .consensusState(error) }
      guard record.seconds > 0, record.nanoseconds < 1_000_000_000 else { throw .timeUnreadable }
      if HostClients.trustingPeriod(of: policy.root) != nil, record.nextValidatorsHash == nil {
        throw .consensusStateMissing
      }
      start = (state.latestHeight, record)
    default: throw .consensusTypeUnknown(consensusTypeURL)
    }
    return ClientStart(
      id: id, kind: .policy, store: store, policy: policy, consensus: start)
  }

  /// An EVM chain needs no specs: its state is one kind of trie, and its router one account in it.
  private static func store(
    of state: PolicyClientState, _ origin: DomainID
  ) throws(ClientRefusal) -> ClientRecord.Store {
    guard origin.isEVM else { return try store(of: state.proofSpecs) }
    guard let router = try? Bytes20(state.router) else {
      throw .routerLength(expected: Bytes20.count, actual: state.router.count)
    }
    guard state.proofSpecs.isEmpty else { throw .proofSpecs }
    return .evm(router: router)
  }

  /// Attesters or enclaves vouch for the blocks of an EVM chain, and those have no revisions.
  private static func checkEVM(
    _ node: Policy.Node, latest: Height, origin: DomainID
  ) throws(ClientRefusal) {
    guard latest.revision == 0 else { throw .revisionOfEVM(latest) }
    switch node {
    case .attested, .enclave: return
    case .cometBFT: throw .cometBFTForEVM(origin)
    case .all(let parts), .any(let parts), .threshold(_, let parts):
      for part in parts { try checkEVM(part, latest: latest, origin: origin) }
    case .route, .delay: throw .policyAsksAboutMessages
    }
  }

  /// Every attester signs for this client and this router, and no part asks about single messages.
  private static func check(
    _ node: Policy.Node, client: ClientID, router: [UInt8]
  ) throws(ClientRefusal) {
    switch node {
    case .attested(let policy):
      guard policy.mode == .causeway else { return }
      guard policy.binding.client == client else {
        throw .bindingClient(expected: client, actual: policy.binding.client)
      }
      guard policy.binding.router == router else { throw .routerMismatch }
    case .cometBFT: return
    case .enclave(let policy):
      guard policy.binding.client == client else {
        throw .bindingClient(expected: client, actual: policy.binding.client)
      }
      guard policy.binding.router == router else { throw .routerMismatch }
    case .all(let parts), .any(let parts), .threshold(_, let parts):
      for part in parts { try check(part, client: client, router: router) }
    case .route, .delay: throw .policyAsksAboutMessages
    }
  }

  private static func store(of specs: [[UInt8]]) throws(ClientRefusal) -> ClientRecord.Store {
    var decoded: [ICS23.ProofSpec] = []
    guard specs.count <= PolicyClientState.specCountMax else { throw .proofSpecs }
    for bytes in specs {
      guard let spec = try? ICS23.ProofSpec(decoding: bytes.span) else { throw .proofSpecs }
      decoded.append(spec)
    }
    switch decoded {
    case [], [.sparseMerkleTree]: return .sparseMerkleTree
    case [.iavl, .tendermint]: return .cosmos
    default: throw .proofSpecs
    }
  }

  private static func identifier(
    _ kind: ClientRecord.Kind, _ number: UInt64
  ) throws(ClientRefusal) -> ClientID {
    do { return try ClientID("\(kind.name)-\(number)") } catch { throw .clientIdentifier(error) }
  }

  /// The CAIP-2 id of a CometBFT chain (CAIP-5): its chain id where that fits, else `hashed-` and 16 hex
  /// digits of its SHA-256.
  static func domain(ofChainID chainID: String) throws(PolicyError) -> DomainID {
    if !chainID.hasPrefix("hashed-"), !chainID.contains("_"), let domain = try? DomainID("cosmos:\(chainID)")
    {
      return domain
    }
    let hash = SHA256Hash.hash([UInt8](chainID.utf8))
    let digits = Hex.encode(hash.array, prefix: "").prefix(16)
    do { return try DomainID("cosmos:hashed-\(digits)") } catch {
      throw .chainIDLength(max: CometBFT.chainIDBytesMax, actual: chainID.utf8.count)
    }
  }
}

extension DomainID {
  /// Whether it is a chain of the Ethereum virtual machine (CAIP-2 namespace `eip155`).
  fileprivate var isEVM: Bool { namespace == "eip155" }
}
