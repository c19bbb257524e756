import Ledger
import Messages
import PacketHost
import RelayEngine

/// The gas that a transaction of packet messages is given. A receive that leaves its payloads less than they declare
/// is refused as a whole, so this looks into them.
enum GasEstimate {
  /// Of what a node says that a call on an EVM chain needs, so much more is given, in hundredths: what the call meets
  /// in its block is not what it met when it was tried, and a call must keep a 64th of its gas for its caller.
  static let evmHeadroomPercent: UInt64 = 25
  /// Beside it: slots that are written for the first time after all.
  static let evmHeadroom: UInt64 = 40_000

  /// For payloads of a port that is not known here.
  static let otherPayloadGas: UInt64 = 500_000
  /// Reading and writing a client, whatever its evidence.
  static let updateGas: UInt64 = 150_000
  /// Evidence is charged as a transaction's bytes, and kept.
  static let evidenceGasPerByte = GasSchedule.transactionPerByte + 2 * GasSchedule.writePerByte
  /// The host's own part of a packet message: client, proof, receipt or commitment, events.
  static let messageGas: UInt64 = 70_000
  /// Refunds move each payload's coins.
  static let settlementGas: UInt64 = 120_000
  static let transactionGas: UInt64 = 30_000

  /// - Parameter size: of all messages, in bytes.
  static func transaction(
    _ messages: [(task: RelayTask, packet: Packet)], size: Int, evidence: CollectedEvidence?
  ) -> UInt64 {
    var gas = Self.transactionGas
    add(&gas, GasSchedule.transactionPerByte, times: UInt64(clamping: size + 1_024))
    if let evidence {
      add(&gas, updateGas, times: 1)
      add(&gas, evidenceGasPerByte, times: UInt64(clamping: evidence.sizeBytes))
      add(&gas, GasSchedule.verifySecp256k1, times: UInt64(clamping: evidence.signatureCount))
    }
    for (task, packet) in messages {
      add(&gas, messageGas, times: 1)
      for payload in packet.payloads {
        switch task {
        case .receive: add(&gas, receiving(payload), times: 1)
        case .acknowledge, .timeOut:
          add(&gas, settlementGas, times: 1)
          if payload.destinationPort == .execution || isContracts(payload.sourcePort) {
            add(&gas, ContractPacketGas.callback, times: 1)
          } else if payload.destinationPort == .transfer, hasCallback(payload, "src_callback") {
            add(&gas, ContractPacketGas.callback, times: 1)
          }
        }
      }
      if task == .receive { add(&gas, PacketHost.acknowledgementGasReserve, times: 1) }
    }
    return gas
  }

  /// The gas limit for a call on an EVM chain.
  ///
  /// - Returns: nil when that is over what one transaction may have.
  static func evm(needed: UInt64, max: UInt64) -> UInt64? {
    var gas = needed
    add(&gas, needed / 100, times: evmHeadroomPercent)
    add(&gas, evmHeadroom, times: 1)
    // What just fits is not turned away for its headroom.
    return gas <= max ? gas : needed <= max ? max : nil
  }

  private static func receiving(_ payload: Payload) -> UInt64 {
    switch payload.destinationPort {
    case .transfer:
      return TransferApplication.receiveGas
        + (hasCallback(payload, "dest_callback") ? ContractPacketGas.callback : 0)
    case .execution:
      // What cannot be read is answered with an error soon.
      guard let envelope = try? ExecutionEnvelope(decoding: payload.value.span) else {
        return otherPayloadGas
      }
      var gas: UInt64 = 0
      for call in envelope.calls {
        add(&gas, call.gasLimit, times: 1)
        add(&gas, ExecutionApplication.callOverheadGas, times: 1)
        add(&gas, ExecutionApplication.coinGas, times: UInt64(clamping: call.funds.count))
      }
      return gas
    default: return isContracts(payload.destinationPort) ? ContractPacketGas.receive : otherPayloadGas
    }
  }

  /// Whether a port is a contract's own.
  private static func isContracts(_ port: PortID) -> Bool {
    port.text.hasPrefix(ContractPacketGas.portPrefix)
  }

  /// Whether a transfer's memo may ask for a contract to be told; rather too often than too seldom.
  private static func hasCallback(_ payload: Payload, _ name: String) -> Bool {
    guard let transfer = try? FungibleTokenPacketData(decoding: payload.value.span) else { return false }
    return transfer.memo.contains(name)
  }

  /// Held at the largest number.
  private static func add(_ gas: inout UInt64, _ amount: UInt64, times count: UInt64) {
    let (product, isOver) = amount.multipliedReportingOverflow(by: count)
    let (sum, overflow) = gas.addingReportingOverflow(isOver ? .max : product)
    gas = overflow ? .max : sum
  }
}
