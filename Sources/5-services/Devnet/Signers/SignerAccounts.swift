import AttestService
import ChainAccess
import Ledger
import LedgerService
import LightClients
import Messages
import SignatureSchemes
import SignerAccess
import SignerWire
import SigningRules
import Transactions
import WireBytes

/// A key in a signer, and the client that may ask for it.
struct HeldKey: Sendable {
  let client: SignerClient
  let key: SignerKey

  fileprivate func sign(_ request: SigningRequest) async throws(SignerClientError) -> [UInt8] {
    try await client.sign(request, key: key.id)
  }
}

/// An account whose key a signer holds.
struct SignerAccount: TransactionSigning {
  let held: HeldKey
  let key: AccountKey

  /// Nil for a key that no account can have.
  init?(_ held: HeldKey) {
    guard held.key.suite == .secp256k1, let point = try? FixedBytes<33>(held.key.publicKey) else { return nil }
    self.held = held
    key = .secp256k1(point)
  }

  func sign(_ transaction: UnsignedTransaction) async throws(TransactionSigningError) -> [UInt8] {
    do { return transaction.signed(try await held.sign(.transaction(transaction))) } catch {
      if case .refused = error { throw .refused }
      throw .unavailable
    }
  }
}

/// An account of EVM chains whose key a signer holds.
struct SignerEVMAccount: EVMTransactionSigning {
  let held: HeldKey
  let address: Bytes20

  /// Nil for a key that no such account can have.
  init?(_ held: HeldKey) {
    guard held.key.suite == .secp256k1, held.key.purposes.contains(.evmTransaction),
      let point = try? Secp256k1.PublicKey(sec1: held.key.publicKey)
    else { return nil }
    self.held = held
    address = point.ethereumAddress
  }

  func sign(_ transaction: EVMTransaction) async throws(TransactionSigningError) -> [UInt8] {
    let signature: [UInt8]
    do { signature = try await held.sign(.evmTransaction(transaction)) } catch {
      if case .refused = error { throw .refused }
      throw .unavailable
    }
    // Whoever gave a signature by another key is not the signer that was asked for.
    guard let signed = try? SignedEVMTransaction(transaction, signature: signature), signed.sender == address
    else { throw .unavailable }
    return signed.encoded
  }
}

/// An attester's key in a signer.
struct SignerAttester: AttestationSigning {
  let held: HeldKey

  func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] {
    do { return try await held.sign(.attestation(statement)) } catch {
      if case .refused = error { throw .refused }
      throw .unavailable
    }
  }
}

/// A validator's key in a signer.
struct SignerValidator: VoteSigning {
  let held: HeldKey
  let publicKey: Bytes32

  init?(_ held: HeldKey) {
    guard held.key.suite == .ed25519, let bytes = try? Bytes32(held.key.publicKey) else { return nil }
    self.held = held
    publicKey = bytes
  }

  func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote] {
    let address = CometBFT.Validator.address(of: publicKey)
    var votes: [CometBFT.CommitVote] = []
    for request in requests where request.validator == address {
      guard let statement = Self.statement(request) else { throw .refused(validator: address) }
      let signature: [UInt8]
      do { signature = try await held.sign(.vote(statement)) } catch {
        if case .refused = error { throw .refused(validator: address) }
        throw .unavailable
      }
      guard let bytes = try? Bytes64(signature) else { throw .unavailable }
      votes.append(request.signed(bytes))
    }
    return votes
  }

  /// Nil for anything but a precommit.
  private static func statement(_ request: VoteRequest) -> VoteStatement? {
    guard request.vote.type == CometBFT.CanonicalVote.precommit, let round = Int32(exactly: request.vote.round)
    else { return nil }
    return try? VoteStatement(
      chainID: request.vote.chainID, kind: .precommit, height: request.vote.height, round: round,
      blockID: request.vote.blockID, timestamp: request.timestamp)
  }
}
