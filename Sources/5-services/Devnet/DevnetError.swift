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
  /// A domain's genesis file is not one that was written here.
  case genesis(domain: String)
  case domain(String, DomainError)
  /// The domain's RPC cannot listen on this port.
  case port(domain: String, Int)
  case lanes(LaneSetupError)
  /// The relayer cannot be made from what is in the directory: the code of its error.
  case relayer(code: String)
  /// An attester cannot open its record: its number, from 1.
  case attester(Int)
  /// Asked to start twice.
  case started
}
