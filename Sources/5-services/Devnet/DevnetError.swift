public import LedgerService
public import LocalKeys

/// Why a devnet does not start, or does not go on.
public enum DevnetError: Error, Hashable, Sendable {
  /// The directory, or a file in it, cannot be made or written: the path.
  case unwritable(String)
  /// Another process runs the devnet of this directory; its id, when it has said it.
  case running(process: Int32?)
  case keys(LocalKeyFileError)
  case validators(LocalValidators.KeyFileError)
  case signer(Signer)
  /// A domain's genesis file is not one that was written here.
  case genesis(domain: String)
  /// The directory was made with contracts, and nothing is here that runs them.
  case contracts(domain: String)
  case domain(String, DomainError)
  /// The domain's RPC cannot listen on this port.
  case port(domain: String, Int)
  case lanes(LaneSetupError)
  case evm(EVMSideError)
  case enclave(EnclaveSideError)
  /// The relayer cannot be made from what is in the directory: the code of its error.
  case relayer(code: String)
  /// An attester cannot open its record: its number, from 1.
  case attester(Int)
  /// Asked to start twice.
  case started

  /// Why one of the key processes cannot be used.
  public enum Signer: Hashable, Sendable {
    /// There is no program at this path, or it cannot be started.
    case program(String)
    /// It could not make its keys; the file says why.
    case notMade(log: String)
    /// It ended before it was ready; the file says why.
    case notReady(log: String)
    /// This file with a client's key cannot be read.
    case clientKey(String)
    /// The signer of these keys does not answer, or not to us.
    case unreachable(String, reason: String)
    /// It has no key of this label.
    case keyMissing(String)
  }
}
