public import Attestation
public import Enclaves
public import Ledger
public import Messages
import PacketHost
public import WireBytes

/// Why the module will not do what a message asks. Times are UNIX seconds; `time` is the block's.
///
/// - SeeAlso: docs/spec/settlement.md section 4, which has the order of checks.
public enum SettlementRefusal: Error, Hashable, Sendable {
  // Policies and registrations
  case policy(AttestationPolicyError)
  case policyKnown(Bytes32)
  case policyUnknown(Bytes32)
  case keys(EnclaveFormatError)
  case evidence(AttestationEvidenceError)
  /// The keys are for another domain.
  case domain(InteroperableAddress)
  /// The keys are another operator's than the sender.
  case `operator`(InteroperableAddress)
  case registrationKnown(Bytes32)
  case registrationUnknown(Bytes32)
  /// Keys of an operator have growing sequences.
  case sequence(last: UInt64, actual: UInt64)
  case keysFromFuture(issued: UInt64, time: UInt64)
  case keysExpired(expires: UInt64, time: UInt64)
  case keysLifetime(max: UInt64, actual: UInt64)
  /// No block that the module remembers has this height.
  case anchorUnknown(height: UInt64, newest: UInt64)
  case anchorHash(height: UInt64, expected: Bytes32, actual: Bytes32)
  case attestation(AttestationRefusal)
  /// The evidence binds something else than the keys: `expected` is theirs.
  case reportData(expected: Bytes64, actual: [UInt8])
  /// The evidence measured something else than the keys say.
  case measured(String, expected: Bytes32, actual: [UInt8])
  case registrationExpired(expires: UInt64, time: UInt64)
  case registrationEnded(at: UInt64)
  /// The evidence verifies: the registration goes on.
  case registrationStands(Bytes32)
  /// The new collateral itself is not good: that says nothing about the registration.
  case collateral(AttestationRefusal)
  // Cases
  case closesInPast(closes: UInt64, time: UInt64)
  case expiresBeforeCloses(closes: UInt64, expires: UInt64)
  case caseLifetime(max: UInt64, actual: UInt64)
  case maximumInputs(max: UInt64, actual: UInt64)
  case coordinatorKey(EnclaveFormatError)
  /// Terms that make no case.
  case terms(EnclaveFormatError)
  case predecessorUnknown(Bytes32)
  case predecessorNotSettled(Bytes32)
  /// A settled case is continued once.
  case predecessorContinued(Bytes32, by: Bytes32)
  /// Only its opener continues a case.
  case predecessorOpener(Bytes32)
  case caseUnknown(Bytes32)
  case caseClosed(closes: UInt64, time: UInt64)
  case caseFull(max: UInt16)
  case caseSettled(Bytes32)
  case caseReclaimed(Bytes32)
  case nonceUsed(UInt64)
  case commitmentKnown(Bytes32, index: UInt32)
  case commitmentZero
  case coinNotAccepted(Denom)
  case coinTooLittle(least: Coin, actual: UInt256)
  case escrowOverflow(Denom)
  case bank(BankRefusal)
  // Settling
  case caseNotClosed(closes: UInt64, time: UInt64)
  case caseExpired(expires: UInt64, time: UInt64)
  case caseNotExpired(expires: UInt64, time: UInt64)
  case receipt(EnclaveFormatError)
  case update(EnclaveFormatError)
  case token(EnclaveFormatError)
  case tokenCase(Bytes32)
  case tokenInputs(expected: Bytes32, actual: Bytes32)
  case tokenRegistration(expected: Bytes32, actual: Bytes32)
  case tokenExpired(expires: UInt64, time: UInt64)
  case tokenSignature(EnclaveSignatureError)
  case receiptCase(Bytes32)
  case receiptInputs(expected: Bytes32, actual: Bytes32)
  case receiptProgram(expected: Bytes32, actual: Bytes32)
  case receiptPolicy(expected: Bytes32, actual: Bytes32)
  case receiptUpdate(expected: Bytes32, actual: Bytes32)
  /// The receipt is of a time at which the case was not closed or was over, or at which registration or token did not
  /// count; `before` is the first second that is too late.
  case receiptTime(earliest: UInt64, before: UInt64, actual: UInt64)
  case receiptUsed(Bytes32, by: Bytes32)
  case receiptSignature(EnclaveSignatureError)
  /// The registration was made under another attestation policy than the case asks for.
  case registrationPolicy(expected: Bytes32, actual: Bytes32)
  case state(expected: Bytes32, actual: Bytes32)
  /// Payouts go to accounts of this domain that can spend them.
  case payoutAccount(index: Int)
  case payoutDenom(index: Int)
  /// The payouts of a token are not what the escrow holds of it.
  case payoutSum(denom: String, escrow: UInt256, paid: UInt256)
  case payoutOverflow(denom: String)
}

extension SettlementRefusal {
  public static let codespace = "settlement"

  /// Stable: its number in the code space, and its name.
  public var code: (number: UInt32, name: String) {
    switch self {
    case .policy: (2, "policy")
    case .policyKnown: (3, "policyKnown")
    case .policyUnknown: (4, "policyUnknown")
    case .keys: (5, "keys")
    case .evidence: (6, "evidence")
    case .domain: (7, "domain")
    case .operator: (8, "operator")
    case .registrationKnown: (9, "registrationKnown")
    case .registrationUnknown: (10, "registrationUnknown")
    case .sequence: (11, "sequence")
    case .keysFromFuture: (12, "keysFromFuture")
    case .keysExpired: (13, "keysExpired")
    case .keysLifetime: (14, "keysLifetime")
    case .anchorUnknown: (15, "anchorUnknown")
    case .anchorHash: (16, "anchorHash")
    case .attestation: (17, "attestation")
    case .reportData: (18, "reportData")
    case .measured: (19, "measured")
    case .registrationExpired: (20, "registrationExpired")
    case .registrationEnded: (21, "registrationEnded")
    case .registrationStands: (22, "registrationStands")
    case .collateral: (23, "collateral")
    case .closesInPast: (30, "closesInPast")
    case .expiresBeforeCloses: (31, "expiresBeforeCloses")
    case .caseLifetime: (32, "caseLifetime")
    case .maximumInputs: (33, "maximumInputs")
    case .coordinatorKey: (34, "coordinatorKey")
    case .terms: (51, "terms")
    case .predecessorUnknown: (35, "predecessorUnknown")
    case .predecessorNotSettled: (36, "predecessorNotSettled")
    case .predecessorContinued: (37, "predecessorContinued")
    case .predecessorOpener: (38, "predecessorOpener")
    case .caseUnknown: (39, "caseUnknown")
    case .caseClosed: (40, "caseClosed")
    case .caseFull: (41, "caseFull")
    case .caseSettled: (42, "caseSettled")
    case .caseReclaimed: (43, "caseReclaimed")
    case .nonceUsed: (44, "nonceUsed")
    case .commitmentKnown: (45, "commitmentKnown")
    case .commitmentZero: (46, "commitmentZero")
    case .coinNotAccepted: (47, "coinNotAccepted")
    case .coinTooLittle: (48, "coinTooLittle")
    case .escrowOverflow: (49, "escrowOverflow")
    case .bank: (50, "bank")
    case .caseNotClosed: (60, "caseNotClosed")
    case .caseExpired: (61, "caseExpired")
    case .caseNotExpired: (62, "caseNotExpired")
    case .receipt: (63, "receipt")
    case .update: (64, "update")
    case .token: (65, "token")
    case .tokenCase: (66, "tokenCase")
    case .tokenInputs: (67, "tokenInputs")
    case .tokenRegistration: (68, "tokenRegistration")
    case .tokenExpired: (69, "tokenExpired")
    case .tokenSignature: (70, "tokenSignature")
    case .receiptCase: (71, "receiptCase")
    case .receiptInputs: (72, "receiptInputs")
    case .receiptProgram: (73, "receiptProgram")
    case .receiptPolicy: (74, "receiptPolicy")
    case .receiptUpdate: (75, "receiptUpdate")
    case .receiptTime: (76, "receiptTime")
    case .receiptUsed: (77, "receiptUsed")
    case .receiptSignature: (78, "receiptSignature")
    case .registrationPolicy: (79, "registrationPolicy")
    case .state: (80, "state")
    case .payoutAccount: (81, "payoutAccount")
    case .payoutDenom: (82, "payoutDenom")
    case .payoutSum: (83, "payoutSum")
    case .payoutOverflow: (84, "payoutOverflow")
    }
  }

  var module: ModuleRefusal {
    let (number, name) = code
    return ModuleRefusal(codespace: Self.codespace, number: number, text: "\(name): \(self)")
  }
}

typealias SettlementStop = AttemptFailure<SettlementRefusal>

/// Runs what can only halt.
func halting<Value>(_ body: () throws(ExecutionHalt) -> Value) throws(SettlementStop) -> Value {
  do { return try body() } catch { throw .halt(error) }
}

extension AttemptFailure {
  /// The same halt, or the failure as the cause of another.
  func mapped<Other: Error & Hashable & Sendable>(_ transform: (Failure) -> Other) -> AttemptFailure<Other> {
    switch self {
    case .failure(let failure): .failure(transform(failure))
    case .halt(let halt): .halt(halt)
    }
  }
}
