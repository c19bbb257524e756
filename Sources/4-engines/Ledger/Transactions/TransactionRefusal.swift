public import Encodings
public import Messages
public import PacketHost
public import WireBytes

/// Why a transaction is not executed, or why one of its messages was not.
public enum TransactionRefusal: Error, Hashable, Sendable {
  case form(TransactionFormError)
  case timeoutHeight(last: UInt64, height: UInt64)
  /// More gas than a whole block has.
  case gasLimit(max: UInt64, actual: UInt64)
  /// The transactions before it have taken the block's gas.
  case blockGas(left: UInt64, wanted: UInt64)
  case fee(needed: Coin, offered: UInt256)
  case feeDenom(Denom)
  case accountUnknown(AccountAddress)
  case sequence(expected: UInt64, actual: UInt64)
  /// The account has sent 2^64 - 1 transactions.
  case sequenceExhausted
  case signature(AccountKey.SignatureRefusal)
  case feePayment(BankRefusal)
  case outOfGas(GasMeter.OutOfGas)
  /// The same transaction is in the mempool, or was in a recent block.
  case known
  case mempoolFull(max: Int)
  case mempoolSender(max: Int)
  /// A message, or code that it called, broke a rule of execution.
  case execution(ExecutionBreach)
  case message(index: Int, MessageRefusal)
}

/// Why one message of a transaction was refused; the whole transaction is then undone but for its fee.
public enum MessageRefusal: Error, Hashable, Sendable {
  case typeUnknown(String)
  /// Not the canonical protobuf of its type.
  case protobuf(ProtobufError)
  /// A field that is absent, or not in the form that is read.
  case form(field: UInt32)
  case count(field: UInt32, max: Int)
  case account(AccountTextError)
  /// The message is signed by another account than the transaction.
  case signer(expected: AccountAddress, actual: AccountAddress)
  case coin(TransactionFormError)
  /// A transfer of nothing.
  case coinsEmpty
  case bank(BankRefusal)
  case packetForm(PacketDecodingError)
  case packet(PacketRefusal)
  case clientID(field: UInt32, IdentifierError)
  case counterparty(Counterparty.FormError)
  case client(ClientRefusal)
  case call(ProgramCallRefusal)
  case module(ModuleRefusal)
}

/// Why a call did not run, or was undone.
public enum ProgramCallRefusal: Error, Hashable, Sendable {
  case programUnknown(AccountAddress)
  /// The caller's funds could not be moved to the program.
  case funds(BankRefusal)
  case program(ProgramRefusal)
}

extension TransactionRefusal {
  /// Where the Cosmos SDK has a number for the reason, its code space and number are used, since relayers act
  /// on them (cosmos-sdk `types/errors/errors.go`).
  public var code: (codespace: String, number: UInt32) {
    switch self {
    case .form(.tooLarge): ("sdk", 21)
    case .form(.memo): ("sdk", 12)
    case .form(.signatureCount(0)): ("sdk", 15)
    case .form(.keyType), .form(.keyLength): ("sdk", 8)
    case .form(.amount), .form(.denom), .form(.feeCoins): ("sdk", 10)
    case .form: ("sdk", 2)
    case .timeoutHeight: ("sdk", 30)
    case .gasLimit: ("sdk", 41)
    case .blockGas, .outOfGas: ("sdk", 11)
    case .fee, .feeDenom: ("sdk", 13)
    case .accountUnknown: ("sdk", 9)
    case .sequence: ("sdk", 32)
    case .sequenceExhausted, .execution: ("sdk", 35)
    case .signature: ("sdk", 4)
    case .feePayment: ("sdk", 5)
    case .known: ("sdk", 19)
    case .mempoolFull, .mempoolSender: ("sdk", 20)
    case .message(_, let refusal): refusal.code
    }
  }

  /// The case and the cases inside it, for instance `message.packet.timeoutElapsed`: what programs switch on.
  /// The text of the log is this and the numbers.
  public var name: String { CaseNames.of(self).joined(separator: ".") }

  /// The numbers of the refusal, or what the contract that refused has said.
  var words: String {
    if case .message(let index, .module(let refusal)) = self { "message \(index): \(refusal.text)" } else { "\(self)" }
  }
}

extension MessageRefusal {
  /// Numbers of cosmos-sdk `types/errors/errors.go` and ibc-go `04-channel/v2/types/errors.go`.
  public var code: (codespace: String, number: UInt32) {
    switch self {
    case .typeUnknown: ("sdk", 6)
    case .protobuf: ("sdk", 2)
    case .form, .count, .clientID, .counterparty: ("sdk", 18)
    case .packetForm: ("channelv2", 4)
    case .account: ("sdk", 7)
    case .signer: ("sdk", 4)
    case .coin, .coinsEmpty: ("sdk", 10)
    case .bank: ("sdk", 5)
    case .packet(let refusal): ("channelv2", Self.number(refusal))
    case .client: ("client", 2)
    case .call(.funds): ("sdk", 5)
    case .call: ("program", 2)
    case .module(let refusal): (refusal.codespace, refusal.number)
    }
  }

  private static func number(_ refusal: PacketRefusal) -> UInt32 {
    switch refusal {
    case .timeoutElapsed: 10
    case .timeoutNotReached: 13
    case .timeoutTooFar: 15
    case .acknowledgementCount: 7
    case .commitmentMismatch, .packet: 4
    case .application: 5
    default: 2
    }
  }
}

/// The names of an error's case and of the errors it holds, outermost first.
package enum CaseNames {
  /// No error of ours nests deeper.
  private static let depthMax = 8

  package static func of(_ error: any Error) -> [String] {
    var names: [String] = []
    var current: any Error = error
    while names.count < depthMax {
      let mirror = Mirror(reflecting: current)
      guard mirror.displayStyle == .enum else { return names }
      guard let child = mirror.children.first else { return names + ["\(current)"] }
      names.append(child.label ?? "")
      // A case with several values holds them as a tuple; the cause comes last.
      if let cause = child.value as? any Error {
        current = cause
      } else if let cause = Mirror(reflecting: child.value).children.reversed().first?.value as? any Error {
        current = cause
      } else {
        return names
      }
    }
    return names
  }
}
