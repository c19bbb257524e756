import Encodings
public import Ledger
public import Messages
public import WireBytes

/// A message of the settlement module, as transactions carry it.
///
/// What enclaves signed or attested stays bytes here: it is read, and paid for, when the message is executed.
///
/// - SeeAlso: docs/spec/settlement.md section 2.
public enum SettlementMessage: Hashable, Sendable {
  /// Keeps an attestation policy under its hash.
  case storePolicy(sender: AccountAddress, policy: [UInt8])
  /// Registers the keys of an enclave by evidence, under a stored policy. The sender is the keys' operator.
  case registerEnclave(sender: AccountAddress, keys: [UInt8], evidence: [UInt8], policy: Bytes32)
  /// Ends a registration whose evidence does not verify any more, on its own or with newer collateral.
  case invalidateEnclave(sender: AccountAddress, registration: Bytes32, collateral: [UInt8]?)
  case openCase(sender: AccountAddress, CaseTerms)
  /// Records the commitment of a sealed input, and puts coins into the case's escrow.
  case submit(sender: AccountAddress, case: Bytes32, commitment: Bytes32, nonce: UInt64, coins: [Coin])
  case settle(sender: AccountAddress, case: Bytes32, SettlementResult)
  /// Gives everybody's coins back, of a case that has expired.
  case reclaim(sender: AccountAddress, case: Bytes32)

  /// The names of the messages' types.
  public enum TypeURL: String, Hashable, Sendable, CaseIterable {
    case storePolicy = "/causeway.settlement.v1.MsgStorePolicy"
    case registerEnclave = "/causeway.settlement.v1.MsgRegisterEnclave"
    case invalidateEnclave = "/causeway.settlement.v1.MsgInvalidateEnclave"
    case openCase = "/causeway.settlement.v1.MsgOpenCase"
    case submit = "/causeway.settlement.v1.MsgSubmit"
    case settle = "/causeway.settlement.v1.MsgSettle"
    case reclaim = "/causeway.settlement.v1.MsgReclaim"
  }

  /// Who must have signed.
  public var sender: AccountAddress {
    switch self {
    case .storePolicy(let sender, _), .registerEnclave(let sender, _, _, _),
      .invalidateEnclave(let sender, _, _), .openCase(let sender, _), .submit(let sender, _, _, _, _),
      .settle(let sender, _, _), .reclaim(let sender, _):
      sender
    }
  }

  public var type: TypeURL {
    switch self {
    case .storePolicy: .storePolicy
    case .registerEnclave: .registerEnclave
    case .invalidateEnclave: .invalidateEnclave
    case .openCase: .openCase
    case .submit: .submit
    case .settle: .settle
    case .reclaim: .reclaim
    }
  }

  /// As a ledger's transactions hold it.
  public var ledgerMessage: LedgerMessage { .module(encoded(), signer: sender) }
}

/// What the opener of a case asks for.
public struct CaseTerms: Hashable, Sendable {
  /// SHA-256 of the program's WASM.
  public let program: Bytes32
  /// Hash of the enclave policy.
  public let policy: Bytes32
  /// Hash of a stored attestation policy.
  public let attestationPolicy: Bytes32
  /// The name of the suite that the coordinator signs tokens with, and its key.
  public let coordinatorSuite: String
  public let coordinatorKey: [UInt8]
  /// UNIX seconds.
  public let closes: UInt64
  public let expires: UInt64
  public let maximumInputs: UInt64
  /// Coins that inputs may bring, with the least amount of each that one input brings, if any.
  public let accepts: [Coin]
  /// A settled case whose state this one goes on from.
  public let continues: Bytes32?

  public init(
    program: Bytes32, policy: Bytes32, attestationPolicy: Bytes32, coordinatorSuite: String,
    coordinatorKey: [UInt8], closes: UInt64, expires: UInt64, maximumInputs: UInt64, accepts: [Coin],
    continues: Bytes32? = nil
  ) {
    self.program = program
    self.policy = policy
    self.attestationPolicy = attestationPolicy
    self.coordinatorSuite = coordinatorSuite
    self.coordinatorKey = coordinatorKey
    self.closes = closes
    self.expires = expires
    self.maximumInputs = maximumInputs
    self.accepts = accepts
    self.continues = continues
  }
}

/// What settles a case, each part in the SSZ that was signed or committed to.
public struct SettlementResult: Hashable, Sendable {
  /// SSZ of the `Update`.
  public let update: [UInt8]
  /// SSZ of the `Receipt`, and the enclave's signature.
  public let receipt: [UInt8]
  public let signature: [UInt8]
  /// SSZ of the `Token`, and the coordinator's signature.
  public let token: [UInt8]
  public let tokenSignature: [UInt8]

  public init(
    update: [UInt8], receipt: [UInt8], signature: [UInt8], token: [UInt8], tokenSignature: [UInt8]
  ) {
    self.update = update
    self.receipt = receipt
    self.signature = signature
    self.token = token
    self.tokenSignature = tokenSignature
  }
}

extension SettlementMessage {
  /// The message as an Any, in canonical protobuf.
  public func encoded() -> AnyMessage {
    var writer = ProtobufWriter()
    writer.string(1, sender.text)
    switch self {
    case .storePolicy(_, let policy): writer.bytes(2, policy)
    case .registerEnclave(_, let keys, let evidence, let policy):
      writer.bytes(2, keys)
      writer.bytes(3, evidence)
      writer.bytes(4, policy)
    case .invalidateEnclave(_, let registration, let collateral):
      writer.bytes(2, registration)
      if let collateral { writer.alwaysBytes(3, collateral) }
    case .openCase(_, let terms):
      writer.bytes(2, terms.program)
      writer.bytes(3, terms.policy)
      writer.bytes(4, terms.attestationPolicy)
      writer.string(5, terms.coordinatorSuite)
      writer.bytes(6, terms.coordinatorKey)
      writer.varint(7, terms.closes)
      writer.varint(8, terms.expires)
      writer.varint(9, terms.maximumInputs)
      for coin in terms.accepts { writer.alwaysBytes(10, coin.encoded()) }
      if let continues = terms.continues { writer.bytes(11, continues) }
    case .submit(_, let id, let commitment, let nonce, let coins):
      writer.bytes(2, id)
      writer.bytes(3, commitment)
      writer.varint(4, nonce)
      for coin in coins { writer.alwaysBytes(5, coin.encoded()) }
    case .settle(_, let id, let result):
      writer.bytes(2, id)
      writer.bytes(3, result.update)
      writer.bytes(4, result.receipt)
      writer.bytes(5, result.signature)
      writer.bytes(6, result.token)
      writer.bytes(7, result.tokenSignature)
    case .reclaim(_, let id): writer.bytes(2, id)
    }
    return AnyMessage(typeURL: type.rawValue, value: writer.bytes)
  }

  /// Decodes one message from untrusted bytes, in canonical protobuf.
  ///
  /// - Throws: `MessageRefusal`; no input traps.
  public init(decoding message: AnyMessage) throws(Ledger.MessageRefusal) {
    guard let type = TypeURL(rawValue: message.typeURL) else { throw .typeUnknown(message.typeURL) }
    let fields = try SettlementFields(message.value, of: type)
    let sender = try fields.account(1)
    switch type {
    case .storePolicy: self = .storePolicy(sender: sender, policy: try fields.bytes(2))
    case .registerEnclave:
      self = .registerEnclave(
        sender: sender, keys: try fields.bytes(2), evidence: try fields.bytes(3), policy: try fields.hash(4))
    case .invalidateEnclave:
      self = .invalidateEnclave(
        sender: sender, registration: try fields.hash(2), collateral: fields.optionalBytes(3))
    case .openCase:
      self = .openCase(
        sender: sender,
        CaseTerms(
          program: try fields.hash(2), policy: try fields.hash(3), attestationPolicy: try fields.hash(4),
          coordinatorSuite: try fields.text(5), coordinatorKey: try fields.bytes(6),
          closes: fields.number(7), expires: fields.number(8), maximumInputs: fields.number(9),
          accepts: try fields.coins(10), continues: try fields.optionalHash(11)))
    case .submit:
      self = .submit(
        sender: sender, case: try fields.hash(2), commitment: try fields.hash(3), nonce: fields.number(4),
        coins: try fields.coins(5))
    case .settle:
      self = .settle(
        sender: sender, case: try fields.hash(2),
        SettlementResult(
          update: try fields.bytes(3), receipt: try fields.bytes(4), signature: try fields.bytes(5),
          token: try fields.bytes(6), tokenSignature: try fields.bytes(7)))
    case .reclaim: self = .reclaim(sender: sender, case: try fields.hash(2))
    }
  }
}
