package import ChainAccess
import Encodings
package import Ledger
import Messages
import PacketHost
package import RelayEngine
import WireBytes

/// What a router on an EVM chain says when it refuses, as a part and a code.
package enum EVMRefusals {
  /// By the names of the router's and its clients' errors: what follows, as ``FailureClass`` knows it. Anything else is
  /// tried again, a bounded number of times.
  private static let meanings: [String: String] = [
    // Router.
    "ClientIsPaused": "paused", "IBCClientNotFound": "clientUnknown",
    "IBCInvalidCounterparty": "counterpartyMismatch", "IBCCounterpartyClientNotFound": "counterpartyUnknown",
    "IBCPacketCommitmentMismatch": "commitmentMismatch", "IBCPacketReceiptMismatch": "alreadyDone",
    "IBCPacketAcknowledgementAlreadyExists": "alreadyDone", "IBCAppNotFound": "portUnknown",
    "IBCMultiPayloadPacketNotSupported": "packetForm", "InvalidPacket": "packetForm",
    "AcknowledgementTooLong": "packetForm", "IBCInvalidPortIdentifier": "packetForm",
    "IBCAsyncAcknowledgementNotSupported": "application", "IBCErrorUniversalAcknowledgement": "application",
    "NoAcknowledgements": "acknowledgementCount", "InvalidMerklePrefix": "counterpartyMismatch",
    // An application that ran out of gas gives no reason.
    "IBCFailedCallback": "outOfGas", "CallbackStarved": "outOfGas", "outOfGas": "outOfGas",
    // Applications' caps and pauses pass by themselves.
    "OverCap": "capped", "NotNow": "capped", "EnforcedPause": "applicationPaused",
    // What a client says of a packet's path.
    "NotMember": "membership", "NotNonMember": "membership", "EmptyValue": "membership",
  ]

  /// What clients say of the evidence itself: no packet is at fault.
  private static let evidence: [String: String] = [
    "FrozenClientState": "frozen", "Contradiction": "conflict", "HeightMismatch": "heightMismatch",
    "ConsensusTimestampNotFound": "heightUnknown", "TooOld": "tooOld", "FromTheFuture": "fromTheFuture",
    "EvidenceNotAccepted": "evidenceUnknown", "InvalidEvidence": "quorum", "SignatureInvalid": "quorum",
    "InvalidSignatureLength": "quorum", "UnknownSigner": "quorum", "DuplicateSigner": "quorum",
    "SignerOutOfOrder": "quorum", "ThresholdNotMet": "quorum", "EmptySignatures": "quorum",
    "ECDSAInvalidSignature": "quorum", "ECDSAInvalidSignatureS": "quorum", "PathListedTwice": "quorum",
    "EmptyPackets": "quorum",
  ]

  /// `EvidenceNotAccepted(bytes32)`: a reference to evidence that nothing before it in the transaction has brought.
  static let evidenceNotAccepted = "EvidenceNotAccepted"

  /// Why a call was not sent.
  static func code(_ error: EVMSendError) -> String {
    switch error.code {
    case "evm.fundsMissing": "evm.insufficientFunds"
    case "evm.gasTooHigh": "evm.gasLimit"
    default: error.code
    }
  }

  /// Reads why a call was refused when it was tried.
  package static func read(
    _ revert: EVMRevert, _ request: SubmitRequest
  ) -> (part: SubmissionResult.Part, code: String) {
    let index = revert.callIndex.map { Int(clamping: $0) } ?? 0
    guard request.messages.indices.contains(index) else { return (.transaction, revert.code) }
    if revert.name == "ClientNotActive" {
      // `ClientNotActive(string client, uint8 status)`: 1 expired, 2 frozen (`contracts/evm/interfaces`).
      guard case .uint(let status)? = revert.arguments.last else { return (.update, "evm.ClientNotActive.frozen") }
      return (.update, "evm.ClientNotActive." + (status == .one ? "expired" : "frozen"))
    }
    if let meaning = evidence[revert.name] { return (.update, "\(revert.code).\(meaning)") }
    if revert.name == "IBCInvalidTimeoutTimestamp" {
      // Both of a deadline that has passed and of one that has not.
      let isReceive = request.messages[index].task == .receive
      return (.message(index), "\(revert.code).\(isReceive ? "timeoutElapsed" : "timeoutNotReached")")
    }
    // One call alone, or a whole list, that says nothing of its own: whose fault it is, is found by halves.
    let part: SubmissionResult.Part =
      revert.callIndex != nil || request.messages.count == 1 ? .message(index) : .transaction
    return (part, meanings[revert.name].map { "\(revert.code).\($0)" } ?? revert.code)
  }
}

/// What became of a transaction to a router that is in a block.
package enum EVMOutcomes {
  /// What became of each message, by what the router told.
  package static func of(_ result: TransactionResult, _ request: SubmitRequest) -> [MessageOutcome] {
    struct Told: Hashable {
      let event: String
      let client: String
      let sequence: String
    }
    var told: Set<Told> = []
    for event in result.events {
      let attribute: String
      switch event.type {
      case "write_acknowledgement", "packet_failed": attribute = "packet_dest_client"
      case "acknowledge_packet", "timeout_packet": attribute = "packet_source_client"
      default: continue
      }
      guard let client = event.value(attribute), let sequence = event.value("packet_sequence") else { continue }
      told.insert(Told(event: event.type, client: client, sequence: sequence))
    }
    return request.messages.map { message in
      func has(_ event: String) -> Bool {
        let sequence = message.key.sequence.description
        return told.contains(Told(event: event, client: request.end.client.text, sequence: sequence))
      }
      return switch message.task {
      case .receive where has("packet_failed"): .executionFailed(code: "packetFailed")
      case .receive: has("write_acknowledgement") ? .done : .noOperation
      case .acknowledge: has("acknowledge_packet") ? .done : .noOperation
      case .timeOut: has("timeout_packet") ? .done : .noOperation
      }
    }
  }

  /// A transaction that was tried before and failed in its block: the state had changed. Trying it again tells why, with
  /// fewer packets at stake.
  package static func failure(_ result: TransactionResult) -> (SubmissionResult.Part, String) {
    let isOutOfGas = result.log.hasPrefix("evm.outOfGas")
    return (.transaction, isOutOfGas ? "evm.outOfGas" : "evm.landedReverted")
  }
}
