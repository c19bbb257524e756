public import AttestService
public import ChainAccess
import Digests
public import Ledger
public import LocalKeys
public import Messages
import WireBytes

/// Development keys of a directory: of accounts, and of attesters. The two lie in files of their own.
public struct DevnetKeys: Sendable {
  private let accounts: LocalKeyFile
  private let attesters: LocalKeyFile

  /// Opens both files, or makes them with new keys.
  public init(_ directory: DevnetDirectory) throws(DevnetError) {
    do {
      accounts = try LocalKeyFile(path: directory.accountKeys, secp256k1: DevnetNames.accounts)
      attesters = try LocalKeyFile(path: directory.attesterKeys, secp256k1: DevnetNames.attesters)
    } catch { throw .keys(error) }
  }

  /// Nil for a name that has no key here.
  public func account(_ name: String) -> LocalAccount? {
    accounts.secp256k1(name).map { LocalAccount(local: $0) }
  }

  /// The attesters in the order of the policies.
  public var attesterKeys: [LocalSecp256k1Key] {
    DevnetNames.attesters.compactMap { attesters.secp256k1($0) }
  }
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

extension LocalSecp256k1Key: AttestationSigning {
  /// `r ‖ s ‖ v`, as an EVM contract checks it.
  public func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] {
    signRecoverable(digest: statement.digest).array
  }
}
