public import Messages
public import WireBytes

/// What to do about a refusal.
public enum RefusalAdvice: Hashable, Sendable {
  /// The same request may be granted after so long.
  case retry(afterMilliseconds: UInt64)
  /// The same request will not be granted; another one may be.
  case refuse
  /// Nothing will be granted to this client, or by this key, until an operator acts.
  case stop
}

/// Why there is no signature. Nothing was promised, and nothing that was promised before has changed.
public enum SigningRefusal: Error, Hashable, Sendable {
  // Who asks, and for what
  case unknownClient(ClientName)
  /// The client may not ask for signatures.
  case roleMissing(ClientRole)
  /// No key of this domain may be used so, whatever a policy says.
  case purposeNotOfDomain(KeyPurpose, KeyDomain)
  /// The key was made for other purposes.
  case purposeNotOfKey(KeyPurpose)
  /// No verifier takes signatures of the suite for the purpose.
  case suiteNotForPurpose(KeySuite, KeyPurpose)
  case keyState(KeyState)
  case keyLocked(KeyID)
  /// No grant of the client names the key for the purpose.
  case notGranted(KeyPurpose)
  case originNotGranted(DomainID)
  case chainNotGranted(String)
  /// The message at `index` of a transaction has a type that is not listed.
  case messageTypeNotGranted(index: Int)
  case feeDenomNotGranted(String)
  case feeTooHigh(asked: UInt256, ceiling: UInt256)
  case gasTooHigh(asked: UInt64, ceiling: UInt64)
  /// The transaction says that another key signs it.
  case otherSigner
  /// The key serves another origin: when it was made, or by what it has signed.
  case keyServesOtherOrigin(DomainID)
  /// The key was not made for this chain.
  case chainNotOfKey(String)
  /// Nothing of the contract may be called.
  case contractNotGranted(Bytes20)
  /// The function may not be called, in a batch or by itself; nil for input that names none.
  case functionNotGranted(FixedBytes<4>?)
  /// Contracts may not be made.
  case contractCreation
  case valueTooHigh(asked: UInt256, ceiling: UInt256)
  /// A batch of calls is not in the one encoding of its arguments.
  case batchForm
  /// Batches of calls lie in one another too deep.
  case batchDepth(max: Int)

  // Limits
  case clientLimit(retryAfterMilliseconds: UInt64)
  case keyLimit(retryAfterMilliseconds: UInt64)

  // Form
  case noEntries
  case tooManyEntries(max: Int, actual: Int)
  case duplicatePath(Bytes32)
  case heightZero
  case timeZero
  case noMessages
  case tooManyMessages(max: Int, actual: Int)
  case transactionTooLarge(max: Int, actual: Int)

  // Watermarks
  /// The key has said another time of this height.
  case otherTime(kept: UnixTime)
  /// The key has said another root of this height.
  case otherRoot(kept: Bytes32)
  /// The key has said something else of this path at this height.
  case otherCommitment(path: Bytes32, kept: Bytes32)
  /// A lower height has a later time, or a higher one an earlier time.
  case timeOrder(kept: Height, time: UnixTime)
  /// What was kept of heights up to this one may be gone.
  case pruned(Height)
  /// Further ahead of the signer's clock than is allowed.
  case timeAhead(secondsMax: UInt64)
  /// So many paths of one height are kept, and no more.
  case heightFull(pathsMax: Int)
  /// So many pairs of key and origin are kept, and no more.
  case tooManyOrigins(max: Int)
  /// A later vote was cast.
  case voteBehind(height: Int64, round: Int32, kind: VoteStatement.Kind)
  /// A vote of this height, round and kind was cast for another block, or for none.
  case otherVote
  /// The same vote was cast with another time: signing both would give two signed votes.
  case otherVoteTime
  /// Another call was signed with this nonce; the same one, and the cancellation, may be signed again.
  case otherCall(nonce: UInt64)
  /// What was signed with nonces up to this one may be forgotten; only cancellations are signed there.
  case nonceForgotten(UInt64)
}

extension SigningRefusal {
  /// The refusal without its values, with the number that stands for it on the wire; numbers are never reused.
  public enum Kind: UInt16, Hashable, Sendable, CaseIterable {
    case unknownClient = 100
    case roleMissing = 101
    case purposeNotOfDomain = 102
    case purposeNotOfKey = 103
    case suiteNotForPurpose = 104
    case keyState = 105
    case keyLocked = 106
    case notGranted = 107
    case originNotGranted = 108
    case chainNotGranted = 109
    case messageTypeNotGranted = 110
    case feeDenomNotGranted = 111
    case feeTooHigh = 112
    case gasTooHigh = 113
    case otherSigner = 114
    case keyServesOtherOrigin = 115
    case chainNotOfKey = 116
    case contractNotGranted = 117
    case functionNotGranted = 118
    case contractCreation = 119
    case valueTooHigh = 120
    case batchForm = 121
    case batchDepth = 122

    case clientLimit = 200
    case keyLimit = 201

    case noEntries = 300
    case tooManyEntries = 301
    case duplicatePath = 302
    case heightZero = 303
    case timeZero = 304
    case noMessages = 305
    case tooManyMessages = 306
    case transactionTooLarge = 307

    case otherTime = 400
    case otherRoot = 401
    case otherCommitment = 402
    case timeOrder = 403
    case pruned = 404
    case timeAhead = 405
    case heightFull = 406
    case tooManyOrigins = 407
    case voteBehind = 408
    case otherVote = 409
    case otherVoteTime = 410
    case otherCall = 411
    case nonceForgotten = 412

    public var name: String { "\(self)" }
  }

  public var kind: Kind {
    switch self {
    case .unknownClient: .unknownClient
    case .roleMissing: .roleMissing
    case .purposeNotOfDomain: .purposeNotOfDomain
    case .purposeNotOfKey: .purposeNotOfKey
    case .suiteNotForPurpose: .suiteNotForPurpose
    case .keyState: .keyState
    case .keyLocked: .keyLocked
    case .notGranted: .notGranted
    case .originNotGranted: .originNotGranted
    case .chainNotGranted: .chainNotGranted
    case .messageTypeNotGranted: .messageTypeNotGranted
    case .feeDenomNotGranted: .feeDenomNotGranted
    case .feeTooHigh: .feeTooHigh
    case .gasTooHigh: .gasTooHigh
    case .otherSigner: .otherSigner
    case .keyServesOtherOrigin: .keyServesOtherOrigin
    case .chainNotOfKey: .chainNotOfKey
    case .contractNotGranted: .contractNotGranted
    case .functionNotGranted: .functionNotGranted
    case .contractCreation: .contractCreation
    case .valueTooHigh: .valueTooHigh
    case .batchForm: .batchForm
    case .batchDepth: .batchDepth
    case .clientLimit: .clientLimit
    case .keyLimit: .keyLimit
    case .noEntries: .noEntries
    case .tooManyEntries: .tooManyEntries
    case .duplicatePath: .duplicatePath
    case .heightZero: .heightZero
    case .timeZero: .timeZero
    case .noMessages: .noMessages
    case .tooManyMessages: .tooManyMessages
    case .transactionTooLarge: .transactionTooLarge
    case .otherTime: .otherTime
    case .otherRoot: .otherRoot
    case .otherCommitment: .otherCommitment
    case .timeOrder: .timeOrder
    case .pruned: .pruned
    case .timeAhead: .timeAhead
    case .heightFull: .heightFull
    case .tooManyOrigins: .tooManyOrigins
    case .voteBehind: .voteBehind
    case .otherVote: .otherVote
    case .otherVoteTime: .otherVoteTime
    case .otherCall: .otherCall
    case .nonceForgotten: .nonceForgotten
    }
  }

  /// The number on the wire.
  public var code: UInt16 { kind.rawValue }
  /// The name in logs and counters.
  public var name: String { kind.name }

  /// Whether to ask again, to ask for something else, or to call an operator.
  public var advice: RefusalAdvice {
    switch self {
    case .clientLimit(let wait), .keyLimit(let wait): .retry(afterMilliseconds: wait)
    // The clock of one side is wrong, or the header is: the next minute tells.
    case .timeAhead: .retry(afterMilliseconds: 60_000)
    case .unknownClient, .roleMissing, .keyState, .keyLocked, .tooManyOrigins: .stop
    case .purposeNotOfDomain, .purposeNotOfKey, .suiteNotForPurpose, .notGranted, .originNotGranted,
      .chainNotGranted, .messageTypeNotGranted, .feeDenomNotGranted, .feeTooHigh, .gasTooHigh, .otherSigner,
      .keyServesOtherOrigin, .chainNotOfKey, .contractNotGranted, .functionNotGranted, .contractCreation,
      .valueTooHigh, .batchForm, .batchDepth:
      .refuse
    case .noEntries, .tooManyEntries, .duplicatePath, .heightZero, .timeZero, .noMessages, .tooManyMessages,
      .transactionTooLarge:
      .refuse
    case .otherTime, .otherRoot, .otherCommitment, .timeOrder, .pruned, .heightFull, .voteBehind, .otherVote,
      .otherVoteTime, .otherCall, .nonceForgotten:
      .refuse
    }
  }
}
