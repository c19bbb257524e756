public import WireBytes

/// Why a VAA does not install a new guardian set.
public enum GuardianSetUpgradeError: Error, Hashable, Sendable {
  case refused(VAARefusal)
  /// Governance must be signed by the current set, even while an older one overlaps.
  case notSignedByCurrentSet(named: UInt32, current: UInt32)
  case wrongGovernanceChain(UInt16)
  case wrongGovernanceContract(Bytes32)
  /// The same action was applied before.
  case alreadyConsumed(digest: Bytes32)
  case payload(WormholePayloadError)
  /// A governance action, but not a new guardian set for every chain.
  case notAGuardianSetUpgrade(module: String, action: UInt8, chain: UInt16)
  case emptySet
  /// Indices grow by one.
  case wrongIndex(expected: UInt32, actual: UInt32)
  case keys(GuardianSetError)

  /// The text with which the EVM contract refuses (Governance.sol at 640e1848), where it has one.
  public var contractReason: String {
    switch self {
    case .refused(let refusal): refusal.contractReason
    case .notSignedByCurrentSet: "not signed by current guardian set"
    case .wrongGovernanceChain: "wrong governance chain"
    case .wrongGovernanceContract: "wrong governance contract"
    case .alreadyConsumed: "governance action already consumed"
    case .payload: "invalid GuardianSetUpgrade"
    case .notAGuardianSetUpgrade(let module, let action, _):
      module != "Core" ? "invalid Module" : action != 2 ? "invalid GuardianSetUpgrade" : "invalid Chain"
    case .emptySet: "new guardian set is empty"
    case .wrongIndex: "index must increase in steps of 1"
    case .keys: "Invalid key"
    }
  }
}

/// The guardian sets of one network as a contract holds them: a current one, and older ones that run out.
///
/// Starts from a set the caller vouches for and moves only by governance VAAs of the current set.
public struct GuardianSetChain: Hashable, Sendable {
  /// A replaced set is taken this long (Setters.sol, expireGuardianSet), in seconds.
  public static let overlapSeconds: UInt64 = 86_400
  /// Upgrades come about once a year; a chain this long is a mistake.
  public static let setCountMax = 4096

  /// By index, the last is current.
  public private(set) var sets: [GuardianSet]
  private var consumed: Set<Bytes32> = []

  /// A chain that starts at `genesis`, which becomes current.
  public init(genesis: GuardianSet) { sets = [genesis.standing(.current)] }

  /// Known sets in ascending order of index; the last is current. Nil when the order is broken or there is none.
  public init?(sets: [GuardianSet]) {
    guard let last = sets.last, sets.count <= Self.setCountMax else { return nil }
    for (older, newer) in zip(sets, sets.dropFirst()) {
      guard older.index < newer.index, older.standing != .current else { return nil }
    }
    self.sets = sets.dropLast() + [last.standing(.current)]
  }

  public var current: GuardianSet { sets[sets.count - 1] }

  /// The set of that index; nil when it is not known.
  public func set(_ index: UInt32) -> GuardianSet? { sets.last { $0.index == index } }

  /// Checks `vaa` under the set it names.
  ///
  /// - Parameter time: see ``VAA/verify(under:at:)``.
  public func verify(_ vaa: VAA, at time: UInt64?) throws(VAARefusal) -> VerifiedVAA {
    guard let set = set(vaa.guardianSetIndex) else {
      throw .unknownGuardianSet(index: vaa.guardianSetIndex)
    }
    return try vaa.verify(under: set, at: time)
  }

  /// Installs the guardian set that `vaa` carries and lets the old one run out 86,400 seconds after `time`.
  ///
  /// - Throws: ``GuardianSetUpgradeError``; the chain is unchanged then.
  public mutating func apply(_ vaa: VAA, at time: UInt64) throws(GuardianSetUpgradeError) {
    let verified: VerifiedVAA
    do { verified = try verify(vaa, at: time) } catch { throw .refused(error) }
    let old = current
    guard vaa.guardianSetIndex == old.index else {
      throw .notSignedByCurrentSet(named: vaa.guardianSetIndex, current: old.index)
    }
    guard vaa.emitterChain == WormholeGovernance.emitterChain else {
      throw .wrongGovernanceChain(vaa.emitterChain)
    }
    guard vaa.emitter == WormholeGovernance.emitter else { throw .wrongGovernanceContract(vaa.emitter) }
    guard !consumed.contains(verified.digest) else { throw .alreadyConsumed(digest: verified.digest) }
    let packet: WormholeGovernance
    do { packet = try WormholeGovernance(decoding: vaa.payload.span) } catch { throw .payload(error) }
    guard case .guardianSetUpgrade(let newIndex, let keys) = packet.action, packet.chain == 0 else {
      throw .notAGuardianSetUpgrade(
        module: packet.module, action: packet.actionNumber, chain: packet.chain)
    }
    guard !keys.isEmpty else { throw .emptySet }
    let (expected, overflow) = old.index.addingReportingOverflow(1)
    guard !overflow, newIndex == expected else { throw .wrongIndex(expected: expected, actual: newIndex) }
    let new: GuardianSet
    do { new = try GuardianSet(index: newIndex, keys: keys) } catch { throw .keys(error) }
    let (expiry, late) = time.addingReportingOverflow(Self.overlapSeconds)
    sets[sets.count - 1] = old.standing(.replaced(expires: late ? .max : expiry))
    sets.append(new)
    consumed.insert(verified.digest)
  }
}
