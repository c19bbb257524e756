import Messages
import PacketHost
import WireBytes

/// Balances under `bank/`, as plainly as they can be kept.
struct TestBank: TokenKeeping {
  static func key(_ account: AccountAddress, _ token: String) -> [UInt8] {
    [UInt8]("bank/".utf8) + account.bytes + [UInt8]("/\(token)".utf8)
  }

  static func amount(_ bytes: [UInt8]?) -> UInt256 {
    let bytes = bytes ?? []
    return (try? UInt256(bigEndian: bytes.span)) ?? .zero
  }

  func balance(
    of account: AccountAddress, _ token: String, in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt256 {
    Self.amount(try context.read(Self.key(account, token)))
  }

  func move(
    _ amount: TokenAmount, from: AccountAddress, to: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    try burn(amount, from: from, in: &context)
    try mint(amount, to: to, in: &context)
  }

  func mint(
    _ amount: TokenAmount, to account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    do throws(ExecutionHalt) {
      let held = try balance(of: account, amount.token, in: &context)
      let sum = held.addingReportingOverflow(amount.amount).partialValue
      try context.write(sum.minimalBigEndian, to: Self.key(account, amount.token))
    } catch { throw .halt(error) }
  }

  func burn(
    _ amount: TokenAmount, from account: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<TokenRefusal>) {
    let held: UInt256
    do throws(ExecutionHalt) { held = try balance(of: account, amount.token, in: &context) } catch {
      throw .halt(error)
    }
    let (rest, short) = held.subtractingReportingOverflow(amount.amount)
    guard !short else { throw .failure(TokenRefusal(code: "insufficientFunds")) }
    do throws(ExecutionHalt) {
      let key = Self.key(account, amount.token)
      if rest == .zero {
        try context.remove(key)
      } else {
        try context.write(rest.minimalBigEndian, to: key)
      }
    } catch { throw .halt(error) }
  }
}

/// Accounts as `prefix` and hex.
struct TestNames: AccountNaming {
  func account(named text: String) -> AccountAddress? {
    guard text.hasPrefix("acct"), let bytes = try? Bytes20(Hex.decode(String(text.dropFirst(4)))) else {
      return nil
    }
    return AccountAddress(bytes)
  }

  func name(of account: AccountAddress) -> String { "acct" + Hex.encode(account.bytes, prefix: "") }
}

/// Programs told by the first byte of their input: 0 answers the rest, 1 refuses, 2 burns gas without end, 3
/// counts how often it ran with this input, 4 writes an empty value, 5 a key that is too long.
struct TestPrograms: CallTargets {
  let domain: DomainID

  static func ranKey(_ input: [UInt8]) -> [UInt8] { [UInt8]("ran/".utf8) + input }

  func account(of target: InteroperableAddress) -> AccountAddress? {
    guard target.domain == domain, let bytes = try? Bytes20(target.address) else { return nil }
    return AccountAddress(bytes)
  }

  func call(
    _ target: AccountAddress, input: [UInt8], funds: [TokenAmount], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) -> [UInt8] {
    do throws(ExecutionHalt) {
      switch input.first {
      case 0: return [UInt8](input.dropFirst())
      case 2: while true { try context.charge(1_000) }
      case 3:
        let key = Self.ranKey(input)
        let before = try context.read(key) ?? []
        try context.write(before + [1], to: key)
        return [1]
      case 4: try context.write([], to: Self.ranKey(input))
      case 5: try context.write([1], to: [UInt8](repeating: 5, count: 4_097))
      default: break
      }
    } catch { throw .halt(error) }
    throw .failure(CallRefusal(code: "asked"))
  }
}

/// A callback that writes what it heard, and then does as `behaviour` says.
struct TestCallbacks: SettlementCallbacks {
  enum Behaviour { case record, fail, burn }
  let behaviour: Behaviour
  static let key = [UInt8]("callback".utf8)

  func settled(
    _ settlement: ExecutionSettlement, of envelope: ExecutionEnvelope, at place: PacketPlace,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) {
    let word: [UInt8] =
      switch settlement {
      case .executed: [1]
      case .failed: [2]
      case .timedOut: [3]
      }
    do throws(ExecutionHalt) {
      try context.write(word, to: Self.key)
      if behaviour == .burn { while true { try context.charge(10_000) } }
    } catch { throw .halt(error) }
    if behaviour == .fail { throw .failure(CallRefusal(code: "unhappy")) }
  }
}
