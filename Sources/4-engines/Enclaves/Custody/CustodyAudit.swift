public import Attestation
import Digests
import LightClients
public import Messages
public import WireBytes

/// Why a step of an audit does not hold.
public enum CustodyRefusal: Error, Hashable, Sendable {
  case block(LedgerBlockError)
  case format(EnclaveFormatError)
  /// The record is of another opening.
  case opening(expected: Bytes32, actual: Bytes32)
  case times(closes: UInt64, expires: UInt64)
  case inputCount(expected: UInt16, actual: Int)
  case tooManyInputs(max: UInt16, actual: Int)
  case inputs(expected: Bytes32, actual: Bytes32)
  case nonceTwice(index: Int)
  case commitmentTwice(index: Int)
  /// The inputs brought something else than the record says is held.
  case escrow(expected: [Update.Coin], actual: [Update.Coin])
  case escrowOverflow
  case linkCount(expected: UInt16, actual: Int)
  case head(expected: Bytes32, actual: Bytes32)
  /// A settled case without its settlement, or a settlement of a case that is not settled.
  case settlement(CaseRecord.Status)
  case registration(expected: Bytes32, actual: Bytes32)
  case domain(expected: InteroperableAddress, actual: InteroperableAddress)
  case program(expected: Bytes32, actual: Bytes32)
  case enclavePolicy(expected: Bytes32, actual: Bytes32)
  case attestationPolicy(expected: Bytes32, actual: Bytes32)
  /// An end that the record does not tell of, or none where it does.
  case end
  case evidenceHash(expected: Bytes32, actual: Bytes32)
  case evidence(AttestationRefusal)
  case rules(RegistrationRefusal)
  /// The registration was given longer than its keys and evidence last.
  case registrationExpiry(most: UInt64, actual: UInt64)
  case `case`(expected: Bytes32, actual: Bytes32)
  case signature(EnclaveSignatureError)
  case tokenExpired(expires: UInt64, receiptTime: UInt64)
  case update(expected: Bytes32, actual: Bytes32)
  /// The receipt is of a time at which the case was not closed, or was over.
  case receiptTime(closes: UInt64, expires: UInt64, actual: UInt64)
  case receipt(expected: Bytes32, actual: Bytes32)
  case stateBefore(expected: Bytes32, actual: Bytes32)
  case stateAfter(expected: Bytes32, actual: Bytes32)
  case payouts(escrow: [Update.Coin], paid: [Update.Coin])
  case payoutOverflow
}

/// One thing that an auditor checks.
public enum CustodyStep: String, Hashable, Sendable, CaseIterable {
  /// The trusted validators committed to the block.
  case block
  /// The ledger's state has the record of the case.
  case record
  /// The case was opened as told.
  case opening
  /// The inputs are those that were submitted, all of them, each once, and brought what was held.
  case inputs
  /// The custody chain over everything told is the one whose head the ledger keeps.
  case chain
  /// The ledger registered the enclave's keys, for this program and these policies.
  case registration
  /// The evidence verifies as of its registration, and binds exactly those keys.
  case evidence
  /// The coordinator gave leave to settle this result.
  case token
  /// The registered key signed the receipt, over these inputs, at a time when it could.
  case receipt
  /// What was settled is what was computed, and pays exactly what was held.
  case settlement
}

/// How a step came out.
public enum CustodyVerdict: Hashable, Sendable {
  case holds
  case refused(CustodyRefusal)
  /// What it rests on was refused: the step that was.
  case unchecked(after: CustodyStep)
}

/// What an audit found.
public struct CustodyReport: Hashable, Sendable {
  public struct Line: Hashable, Sendable {
    public let step: CustodyStep
    public let verdict: CustodyVerdict
  }

  /// Something that holds, and that a reader should know.
  public enum Note: Hashable, Sendable {
    /// The evidence rests on this.
    case attestation(AttestationReason)
    /// The enclave's policy names no ledger: that the inputs were complete is the ledger's word at settlement only.
    case enclaveAskedForNoLedgerProof
    /// The enclave's policy names another validator set than the auditor trusts.
    case enclaveTrustsOtherValidators(Bytes32)
    /// The registration was ended after the receipt.
    case registrationEnded(at: UInt64)
    /// Whose hardware vouches.
    case platform(AttestationPlatform)
  }

  public let `case`: Bytes32
  public let status: CaseRecord.Status
  /// Of the block that the proofs are under.
  public let height: UInt64?
  /// In the order of ``CustodyStep``.
  public let lines: [Line]
  public let notes: [Note]

  /// Whether every step holds.
  public func verify() throws(CustodyFailure) {
    for line in lines {
      switch line.verdict {
      case .holds: continue
      case .refused(let refusal): throw CustodyFailure(step: line.step, refusal: refusal)
      case .unchecked: continue
      }
    }
  }
}

/// The first step that does not hold.
public struct CustodyFailure: Error, Hashable, Sendable {
  public let step: CustodyStep
  public let refusal: CustodyRefusal

  public init(step: CustodyStep, refusal: CustodyRefusal) {
    self.step = step
    self.refusal = refusal
  }
}

/// Walks a custody bundle offline: from the caller's trust in a chain and its validators to what was settled and why.
///
/// Payloads are not in a bundle, and nothing here could open them.
public struct CustodyAudit: Sendable {
  /// What the auditor believes before reading.
  public struct Trust: Sendable {
    public let chainID: String
    public let validatorsHash: Bytes32
    public let roots: AttestationRoots

    public init(chainID: String, validatorsHash: Bytes32, roots: AttestationRoots = .production) {
      self.chainID = chainID
      self.validatorsHash = validatorsHash
      self.roots = roots
    }
  }

  public let trust: Trust

  public init(trust: Trust) { self.trust = trust }

  /// Checks every step; a bundle that is not what it says gives refused lines, never a trap.
  public func walk(_ bundle: CustodyBundle) -> CustodyReport {
    var walk = CustodyWalk(bundle: bundle, trust: trust)
    walk.run()
    return CustodyReport(
      case: walk.id ?? Bytes32(), status: bundle.record.value.status, height: walk.block?.height,
      lines: walk.lines, notes: walk.notes)
  }
}
