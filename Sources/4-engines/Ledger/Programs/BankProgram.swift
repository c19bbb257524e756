import Encodings
import Messages
public import PacketHost
import WireBytes

/// The bank as a program: moves the caller's own tokens. A sender in another domain spends with it what
/// stands under its account here.
///
/// Input is JSON: `{"send":{"to":"cause1…","denom":"stake","amount":"5"}}` answers `{}`;
/// `{"balance":{"of":"cause1…","denom":"stake"}}` answers `{"amount":"5"}`.
public struct BankProgram: LedgerProgram {
  public static let inputSizeMax = 4_096
  private let bank = Bank()

  public init() {}

  public var name: String { "bank" }

  public func call(
    _ input: [UInt8], funds: [Coin], by caller: ProgramCaller, in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8] {
    // Nothing would ever move them out again.
    guard funds.isEmpty else { throw refusal("funds") }
    let limits = JSONLimits(sizeBytes: Self.inputSizeMax, depth: 4)
    guard let members = (try? JSONValue(decoding: input, limits: limits))?.object, members.count == 1,
      let (verb, body) = members.first, let denomText = body["denom"]?.string,
      let denom = try? Denom(denomText)
    else { throw refusal("input") }
    switch verb {
    case "send":
      guard let to = body["to"]?.string.flatMap({ try? AccountAddress(text: $0) }),
        let amount = body["amount"]?.string.flatMap({ UInt256(decimal: $0) })
      else { throw refusal("input") }
      do { try bank.move(Coin(amount, denom), from: caller.account, to: to, in: &context) } catch {
        throw error.map { ProgramRefusal(program: name, code: $0.code) }
      }
      return [UInt8]("{}".utf8)
    case "balance":
      guard let account = body["of"]?.string.flatMap({ try? AccountAddress(text: $0) }) else {
        throw refusal("input")
      }
      let amount: UInt256
      do { amount = try bank.balance(of: account, denom, in: &context) } catch { throw .halt(error) }
      return [UInt8](JSONValue.object(["amount": .string(amount.description)]).text().utf8)
    default: throw refusal("verb")
    }
  }

  private func refusal(_ code: String) -> AttemptFailure<ProgramRefusal> {
    .failure(ProgramRefusal(program: name, code: code))
  }
}
