public import Messages
public import PacketHost
import WireBytes

/// Why a program will not do what a call asks: its name and the name of its own error case.
public struct ProgramRefusal: Error, Hashable, Sendable {
  public let program: String
  /// Stable, lower camel case.
  public let code: String

  public init(program: String, code: String) {
    self.program = program
    self.code = code
  }
}

/// Who calls a program.
public struct ProgramCaller: Hashable, Sendable {
  /// The account that signed, or that stands for a sender in another domain.
  public let account: AccountAddress

  public init(account: AccountAddress) { self.account = account }
}

/// Code of the domain that accounts and packets call by address, written in Swift and part of the domain's
/// rules.
///
/// A call runs inside a layer that is undone when it throws. Its state lies under ``stateKey(_:)``.
public protocol LedgerProgram: Sendable {
  /// Lower-case letters, digits and dashes; names the address and the state.
  var name: String { get }

  /// Runs `input`, with `funds` already moved to the program's account.
  ///
  /// - Returns: what the caller gets back.
  func call(
    _ input: [UInt8], funds: [Coin], by caller: ProgramCaller, in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8]
}

extension LedgerProgram {
  public var address: AccountAddress { AccountAddress(module: "program/\(name)") }

  public func stateKey(_ key: String) -> [UInt8] { [UInt8]("programs/\(name)/\(key)".utf8) }
}
