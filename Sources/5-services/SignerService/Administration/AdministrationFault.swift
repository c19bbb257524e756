public import SignerWire
public import SigningRules

/// Why an administrative request was refused: codes 800 to 899.
public enum AdministrationFault: UInt16, Error, Hashable, Sendable, CaseIterable {
  case unknownKey = 800
  case keyState = 801
  case labelInUse = 802
  case label = 803
  case purpose = 804
  case suite = 805
  case noBackEnd = 806
  case path = 807
  case reason = 808
  case backEndUnavailable = 809
  case backEndRefused = 810
  case storage = 811
  case malformedChange = 820
  case policyForm = 821
  case policyDomain = 822
  case contentLost = 823
  case watermarkForm = 824
  case watermarkConflict = 825
  case interchangeForm = 826
  case interchangeConflict = 827
  /// An export does not fit the frame of an answer.
  case exportTooLarge = 828
  case noApprovers = 840
  case tooManyPending = 841
  case alreadyPending = 842
  case notPending = 843
  case expired = 844
  case unknownApprover = 845
  case approvedAlready = 846
  case approverSignature = 847
  case tooFewApprovals = 848
  case delayed = 849
  case recordsFailed = 860
  case notOffered = 861
  case threshold = 870
  case thresholdUnknown = 871
  case thresholdRefused = 872

  public var refusal: SignerRefusal {
    let retry: RetryAdvice =
      switch self {
      case .backEndUnavailable: .later(milliseconds: 1_000)
      case .delayed: .later(milliseconds: 60_000)
      case .storage, .recordsFailed, .noApprovers, .tooFewApprovals, .tooManyPending: .afterChange
      default: .never
      }
    return SignerRefusal(code: rawValue, name: "\(self)", retry: retry)
  }

  /// What to do about it, in words.
  public var advice: String {
    switch self {
    case .unknownKey: "`keys list` shows all keys"
    case .keyState:
      "the key's state does not allow that (`keys show`); what may still sign is revoked before it is destroyed"
    case .labelInUse: "a key of that label is in use: `keys rotate` makes its successor"
    case .label: "a label has 1 to 64 characters of a-z 0-9 . _ -"
    case .purpose: "keys of this domain are never for that"
    case .suite: "that place makes no keys of that suite"
    case .noBackEnd: "no such place is configured (`init --token-module`, `--tpm`)"
    case .path: "the path is none, or none of this domain's"
    case .reason: "a reason has 1 to 128 bytes on one line"
    case .backEndUnavailable: "the token cannot be reached: is it there, and is its service running?"
    case .backEndRefused: "the token refused: its PIN, its policy, or its state"
    case .storage: "a file of the directory could not be written: is the disk full?"
    case .malformedChange: "that is no change that can be proposed"
    case .policyForm: "that is no policy (`policy check` says why)"
    case .policyDomain: "the policy is another domain's"
    case .contentLost: "what was proposed is not in the directory any more: propose it again"
    case .watermarkForm: "that is no export of watermarks"
    case .watermarkConflict:
      "the export contradicts what was signed here: nothing was added. Look at who signed the other claim"
    case .interchangeForm: "that is no EIP-3076 file"
    case .interchangeConflict: "the file is of another chain"
    case .exportTooLarge:
      "the export does not fit an answer: stop the signer and use `watermarks export-offline --passphrase-file FILE`"
    case .noApprovers:
      "the policy names no approvers, so nothing of this kind can be changed while the signer runs: stop it and use `policy set` to name some"
    case .tooManyPending: "too much waits: execute or cancel something (`pending`)"
    case .alreadyPending: "the same change waits already (`pending`)"
    case .notPending: "nothing waits under that number (`pending`)"
    case .expired: "the proposal has expired: propose it again"
    case .unknownApprover: "the policy in force does not name that approver"
    case .approvedAlready: "that approver has approved it already"
    case .approverSignature: "the signature is not over this proposal"
    case .tooFewApprovals: "more approvers must sign (`pending`)"
    case .delayed: "its delay still runs (`pending` says until when)"
    case .recordsFailed: "the records could not be written: the signer halts (`status`)"
    case .notOffered: "a running signer does not do that"
    case .threshold: "the step does not fit the ceremony: begin it again"
    case .thresholdRefused: "that member's rules refuse the request: its audit log says why (`audit tail`)"
    case .thresholdUnknown: "no share, or no ceremony, of that name is here"
    }
  }

  init(_ trouble: KeyTrouble) {
    self =
      switch trouble {
      case .unknown: .unknownKey
      case .duplicateLabel: .labelInUse
      case .label: .label
      case .purpose: .purpose
      case .suite: .suite
      case .noBackEnd: .noBackEnd
      case .path: .path
      case .reason: .reason
      case .unavailable: .backEndUnavailable
      case .refused, .authorisation, .badSignature, .malformed, .missing: .backEndRefused
      case .state, .locked: .keyState
      case .tooMany, .file, .inventory, .olderInventory, .forkedInventory: .storage
      }
  }

  public init(_ error: ApprovalError) {
    self =
      switch error {
      case .noApprovers: .noApprovers
      case .tooManyPending: .tooManyPending
      case .alreadyPending: .alreadyPending
      case .notPending, .numberOrder: .notPending
      case .expired: .expired
      case .unknownApprover: .unknownApprover
      case .approvedAlready: .approvedAlready
      case .signature: .approverSignature
      case .tooFewApprovals: .tooFewApprovals
      case .delayed: .delayed
      }
  }
}
