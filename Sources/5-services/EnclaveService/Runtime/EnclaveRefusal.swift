internal import ContractHost
public import Enclaves
public import LightClients
public import Messages
public import WireBytes

/// Why an enclave does not start.
public enum EnclaveStartRefusal: Error, Hashable, Sendable {
  case platform(EnclavePlatformError)
  case program(CaseProgramError)
  case log(SealedLogRefusal)
  /// Keys live a minute at least and a year at most.
  case lifetime(UInt64)
  /// The platform has no chip for the keys that were asked for.
  case signing(EnclaveSigningError)
  /// An anchor, a domain or an operator that the formats do not take.
  case format(EnclaveFormatError)
}

/// Why an enclave does not do what it is asked. ``code`` is what goes over the socket.
public enum EnclaveRefusal: Error, Hashable, Sendable {
  /// The enclave computes cases and follows no chain, or the other way.
  case unsupported(EnclaveCall)
  /// Nothing was rotated since the start.
  case noKeys
  case unknownRegistration(Bytes32)
  /// As many registrations live as may.
  case registrations(max: Int)
  /// The anchor is below the one that was used last.
  case anchor(last: UInt64, actual: UInt64)
  case format(EnclaveFormatError)
  case job(ComputationRefusal)
  case program(CaseProgramError)
  /// The program's answer is none that a case can have.
  case answer(ProgramAnswerError)
  /// A case is computed once: these are other inputs than those that were computed.
  case otherInputs(case: Bytes32, computed: Bytes32, actual: Bytes32)
  case answerTooLarge(max: Int, actual: Int)
  case cases(max: Int)
  /// The block that was shown does not follow from the state.
  case block(FollowRefusal)
  case platform(EnclavePlatformError)
  case signing(EnclaveSigningError)
  /// What is to be answered cannot be written down; nothing is answered any more.
  case records(SealedLogFailure)

  public var code: EnclaveRefusalCode {
    switch self {
    case .unsupported: .unsupported
    case .noKeys: .noKeys
    case .unknownRegistration: .unknownRegistration
    case .registrations, .cases: .full
    case .anchor: .anchor
    case .format: .malformed
    case .job(.otherInputs): .otherInputs
    case .job(.log(.full)): .full
    case .job(.commitment), .job(.envelopeCount): .envelope
    case .job: .job
    case .program, .answer: .program
    case .otherInputs: .otherInputs
    case .answerTooLarge: .answerTooLarge
    case .block(.notEnoughTrust): .notEnoughTrust
    case .block: .block
    case .platform, .signing: .platform
    case .records: .records
    }
  }
}

extension EnclaveRefusal {
  /// What may be said of it outside: what a program makes of its inputs, its words of refusal and its aborts among them, may
  /// hold of the inputs, and stays in here. Numbers, hashes and names of fields of the job may leave.
  public var openText: String {
    switch self {
    case .program(.call(.outOfGas)): "the program ran out of gas"
    case .program(.call), .program(.refused), .program(.answer), .program(.answerLength):
      "the program gave no answer"
    case .answer: "the program's answer is none that a case can have"
    case .program(.engine), .program(.code), .program(.noQuery), .unsupported, .noKeys, .unknownRegistration,
      .registrations, .anchor, .format, .job, .otherInputs, .answerTooLarge, .cases, .block, .platform,
      .signing,
      .records:
      "\(self)"
    }
  }
}

/// Why a block of a followed chain gives no transition.
public enum FollowRefusal: Error, Hashable, Sendable {
  case notEnoughTrust(signed: Int64, needed: Int64)
  case header(CometBFT.HeaderRefusal)
  /// A transition goes on from this height only.
  case height(trusted: UInt64, actual: Int64)
  /// The header has no state root of 32 bytes, no next set, or a time before 1970.
  case incomplete(height: Int64)
  /// The machine's clock is none.
  case clock(UInt64)
}
