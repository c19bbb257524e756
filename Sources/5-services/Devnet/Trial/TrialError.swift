public import ChainAccess

/// Why a trial cannot go on.
public enum TrialError: Error, Hashable, Sendable {
  /// Not installed or not built: what, and what brings it.
  case absent(String)
  case devnet(DevnetError)
  case evm(EVMSideError)
  case access(domain: String, AccessError)
  case lookup(CrossingLookupError)
  case sending(SendingError)
  /// A ledger did not take a transaction.
  case send(domain: String, SendError)
  /// In a block, and refused: what the contract or the chain said.
  case refused(domain: String, log: String)
  /// A contract's answer has not the form that its interface says.
  case answer(contract: String)
  case unknown(user: String)
  /// It did not come to be in that time; `state` is what domains and relayer said of it then.
  case waited(for: String, seconds: Int64, state: String)
}
