public import ChainAccess
public import WireBytes

/// Why a devnet's EVM chain, its contracts or its lane are not there.
public enum EVMSideError: Error, Hashable, Sendable {
  /// The node's program is not at this path, or cannot be started.
  case node(String)
  /// It ended before it listened; the file says why.
  case nodeNotReady(log: String)
  /// A file that cannot be read or written.
  case file(String)
  /// The contracts are not built: no file of that name in the folder.
  case contractMissing(String, folder: String)
  /// The directory's contracts are not on this chain: it is another one, or it was begun anew.
  case otherChain(contract: String, address: Bytes20)
  /// An account cannot pay there: it has less than it needs, in wei.
  case balance(account: String, address: Bytes20, needed: UInt256)
  case access(AccessError)
  case send(contract: String, EVMSendError)
  /// The chain answers something else than the contract's interface says.
  case answer(String)
  case keyMissing(String)
  case endpoint(String)
  /// Somebody asked to stop.
  case interrupted
}
