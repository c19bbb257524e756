public import AttestService
public import ChainAccess
import Digests
import Ledger
import LedgerService
public import LocalKeys
public import Messages
public import Transactions
public import WireBytes

/// Keys in files of the devnet's directory, which this process reads: for tests and benches that run in one process.
///
/// `causeway up` holds no keys: see ``SignerProcesses``.
public struct InProcessSigners: DevnetSigners {
  private let directory: DevnetDirectory
  private let accounts: LocalKeyFile
  private let attesterKeys: LocalKeyFile

  /// Opens the files, or makes them with new keys.
  public init(_ directory: DevnetDirectory) throws(DevnetError) {
    self.directory = directory
    do {
      accounts = try LocalKeyFile(path: directory.accountKeys, secp256k1: DevnetNames.accounts)
      attesterKeys = try LocalKeyFile(path: directory.attesterKeys, secp256k1: DevnetNames.attesters)
    } catch { throw .keys(error) }
  }

  public func account(_ name: String) -> (any TransactionSigning)? {
    accounts.secp256k1(name).map { LocalAccount(local: $0) }
  }

  public func evmAccount(_ name: String) -> (any EVMTransactionSigning)? {
    accounts.secp256k1(name).map { LocalEVMAccount(local: $0) }
  }

  public var attesters: [DevnetAttester] {
    DevnetNames.attesters.compactMap { name in
      attesterKeys.secp256k1(name).map { DevnetAttester(address: $0.ethereumAddress, signer: $0) }
    }
  }

  public func validators(of domain: String) throws(DevnetError) -> DevnetValidators {
    do {
      let validators = try LocalValidators(path: directory.validators(domain), count: 1)
      return DevnetValidators(publicKeys: validators.publicKeys, signer: validators)
    } catch { throw .validators(error) }
  }

  public func run() async {}
  public func stop() async {}
}

/// An account whose key lies in a file of this machine.
public struct LocalAccount: TransactionSigning {
  private let local: LocalSecp256k1Key

  public init(local: LocalSecp256k1Key) { self.local = local }

  public var key: AccountKey { .secp256k1(local.publicKey) }

  public func sign(
    _ transaction: UnsignedTransaction
  ) async throws(TransactionSigningError) -> [UInt8] {
    let digest = SHA256Hash.hash(transaction.signBytes)
    return transaction.signed(local.sign(digest: digest).array)
  }
}

/// The same key as an account of an EVM chain.
public struct LocalEVMAccount: EVMTransactionSigning {
  private let local: LocalSecp256k1Key

  public init(local: LocalSecp256k1Key) { self.local = local }

  public var address: Bytes20 { local.ethereumAddress }

  public func sign(_ transaction: EVMTransaction) async throws(TransactionSigningError) -> [UInt8] {
    let signature = local.signRecoverable(digest: transaction.signingHash).array
    do { return try SignedEVMTransaction(transaction, signature: signature).encoded } catch { throw .refused }
  }
}

extension LocalSecp256k1Key: AttestationSigning {
  /// `r ‖ s ‖ v`, as an EVM contract checks it.
  public func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] {
    signRecoverable(digest: statement.digest).array
  }
}
