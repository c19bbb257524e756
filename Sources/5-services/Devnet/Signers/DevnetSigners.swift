public import AttestService
public import ChainAccess
import Gate
public import LedgerService
public import WireBytes

/// Whoever holds the keys of a devnet: it shows their public halves, and signs what it reads.
public protocol DevnetSigners: Sendable {
  /// Nil for a name that has no key there.
  func account(_ name: String) -> (any TransactionSigning)?
  /// The same key as an account of an EVM chain; nil for a name that has none.
  func evmAccount(_ name: String) -> (any EVMTransactionSigning)?
  /// In the order of the policies.
  var attesters: [DevnetAttester] { get }
  /// - Parameter domain: harbor or island.
  func validators(of domain: String) throws(DevnetError) -> DevnetValidators
  /// Does what keeps them answering, until the task is cancelled; returns when there is nothing to do.
  func run() async throws
  /// Lets go of what it has started or opened; nothing is signed after it.
  func stop() async
}

/// An attester that an EVM contract can check too.
public struct DevnetAttester: Sendable {
  /// Ethereum's form of its secp256k1 key.
  public let address: Bytes20
  public let signer: any AttestationSigning

  public init(address: Bytes20, signer: any AttestationSigning) {
    self.address = address
    self.signer = signer
  }

  func attester() throws -> Attester { try Attester(suite: .secp256k1Address, key: address.array) }
}

/// Who votes for a domain's blocks.
public struct DevnetValidators: Sendable {
  /// Ed25519.
  public let publicKeys: [Bytes32]
  public let signer: any VoteSigning

  public init(publicKeys: [Bytes32], signer: any VoteSigning) {
    self.publicKeys = publicKeys
    self.signer = signer
  }
}
