public import Messages
public import WireBytes

/// Why tokens do not move: the name of the keeper's own error case, stable, lower camel case.
public struct TokenRefusal: Error, Hashable, Sendable {
  public let code: String

  public init(code: String) { self.code = code }
}

/// An amount of one token, in its smallest unit.
public struct TokenAmount: Hashable, Sendable {
  public let token: String
  public let amount: UInt256

  public init(_ amount: UInt256, of token: String) {
    self.token = token
    self.amount = amount
  }
}

/// Who keeps a domain's balances. The sum of all balances of a token changes by ``mint(_:to:in:)`` and
/// ``burn(_:from:in:)`` only; amounts of zero are refused.
public protocol TokenKeeping: Sendable {
  func balance(
    of account: AccountAddress, _ token: String, in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt256

  func move(
    _ amount: TokenAmount, from: AccountAddress, to: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>)

  func mint(
    _ amount: TokenAmount, to account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>)

  func burn(
    _ amount: TokenAmount, from account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>)
}

/// How a domain writes accounts as text. Both directions agree.
public protocol AccountNaming: Sendable {
  /// Nil for text that names no account.
  func account(named text: String) -> AccountAddress?
  func name(of account: AccountAddress) -> String
}

/// Why a call is not executed: stable, lower camel case.
public struct CallRefusal: Error, Hashable, Sendable {
  public let code: String

  public init(code: String) { self.code = code }
}

/// What calls of packets reach in a domain: contracts, programs.
public protocol CallTargets: Sendable {
  /// The account of `target`; nil when it is of another domain, or of a form that this one does not have.
  func account(of target: InteroperableAddress) -> AccountAddress?

  /// Calls `target` as `caller`, whose `funds` have already been moved to it.
  ///
  /// - Returns: what the call answers.
  func call(
    _ target: AccountAddress, input: [UInt8], funds: [TokenAmount], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) -> [UInt8]
}

/// How a packet with an execution envelope ended, told to whoever wants to know at its origin.
public enum ExecutionSettlement: Hashable, Sendable {
  case executed(Outcome)
  /// The destination did nothing of it.
  case failed
  case timedOut
}

/// Code at the origin that is told how an execution ended. What it does is undone when it fails, and nothing
/// else is.
public protocol SettlementCallbacks: Sendable {
  /// What one call of ``settled(_:of:at:in:)`` may use, and what a message must leave for it.
  var callbackGas: UInt64 { get }

  func settled(
    _ settlement: ExecutionSettlement, of envelope: ExecutionEnvelope, at place: PacketPlace,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>)
}

extension SettlementCallbacks {
  public var callbackGas: UInt64 { ExecutionApplication.callbackGas }
}
