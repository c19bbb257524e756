public import Messages
public import Transactions

/// What a client may have signed, by which keys.
public struct Grant: Hashable, Sendable {
  public enum Scope: Hashable, Sendable {
    case attestation(origins: [DomainID])
    case foreignAttestation(origins: [DomainID])
    /// Chain ids as the chains call themselves.
    case vote(chains: [String])
    case transaction(TransactionScope)
    case evmTransaction(EVMTransactionScope)
  }

  public let keys: [KeyID]
  public let scope: Scope

  /// Lists may be empty: an empty list allows nothing.
  public init(keys: [KeyID], scope: Scope) {
    self.keys = keys
    self.scope = scope
  }

  public var purpose: KeyPurpose {
    switch scope {
    case .attestation: .attestation
    case .foreignAttestation: .foreignAttestation
    case .vote: .vote
    case .transaction: .transaction
    case .evmTransaction: .evmTransaction
    }
  }

  /// Refuses what lies outside the grant; key and purpose were compared before.
  func check(_ request: SigningRequest, by key: KeyFacts) throws(SigningRefusal) {
    switch (scope, request) {
    case (.attestation(let origins), .attestation(let statement)):
      try Self.check(statement.binding.origin, in: origins)
    case (.foreignAttestation(let origins), .foreignAttestation(let origin, _)):
      try Self.check(origin, in: origins)
    case (.vote(let chains), .vote(let vote)):
      guard chains.contains(vote.chainID) else { throw .chainNotGranted(vote.chainID) }
    case (.transaction(let scope), .transaction(let transaction)):
      try scope.check(transaction)
    case (.evmTransaction(let scope), .evmTransaction(let transaction)):
      try scope.check(transaction, from: key.evmAddress)
    default: throw .notGranted(request.purpose)
    }
  }

  private static func check(_ origin: DomainID, in origins: [DomainID]) throws(SigningRefusal) {
    guard origins.contains(origin) else { throw .originNotGranted(origin) }
  }
}

/// Which transactions may be signed.
public struct TransactionScope: Hashable, Sendable {
  public let chains: [String]
  /// Types of messages. One that carries others inside, as `MsgExec` of authz does, lets all of them through.
  public let typeURLs: [String]
  /// The most of each denomination that may be paid; no other may be.
  public let feeMax: [Coin]
  public let gasMax: UInt64

  public init(chains: [String], typeURLs: [String], feeMax: [Coin], gasMax: UInt64) {
    self.chains = chains
    self.typeURLs = typeURLs
    self.feeMax = feeMax
    self.gasMax = gasMax
  }

  func check(_ transaction: UnsignedTransaction) throws(SigningRefusal) {
    guard chains.contains(transaction.chainID) else { throw .chainNotGranted(transaction.chainID) }
    for (index, message) in transaction.messages.enumerated() where !typeURLs.contains(message.typeURL) {
      throw .messageTypeNotGranted(index: index)
    }
    for (index, coin) in transaction.fee.enumerated() {
      guard let ceiling = feeMax.first(where: { $0.denom == coin.denom }),
        // A denomination named twice would be paid twice.
        !transaction.fee.prefix(index).contains(where: { $0.denom == coin.denom })
      else { throw .feeDenomNotGranted(coin.denom.text) }
      guard coin.amount <= ceiling.amount else {
        throw .feeTooHigh(asked: coin.amount, ceiling: ceiling.amount)
      }
    }
    guard transaction.gasLimit <= gasMax else {
      throw .gasTooHigh(asked: transaction.gasLimit, ceiling: gasMax)
    }
  }
}
