import ChainAccess
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine
import WireBytes

/// Signs and submits the transactions of one domain, one after another, so that their sequences are in order.
/// Inclusion is not waited for: it is seen in the blocks.
struct LedgerSubmitter: Sendable {
  /// Attempts with the sequence read again, and attempts to get an answer.
  private static let attemptsMax = 4
  private static let pause = Duration.milliseconds(100)

  typealias Answer = SubmissionAnswer

  let access: any DomainAccess
  let account: LedgerAccount

  /// The account's number and next sequence, as far as they are known.
  struct State: Sendable {
    var view: AccountView?
  }

  /// - Parameters:
  ///   - expect: told of the hash before the domain is, since the block may come sooner than the answer.
  ///   - forget: told that the domain does not have it.
  func submit(
    _ submission: Submission, _ contents: [PacketKey: PacketContents], _ state: inout State,
    expect: (Bytes32) async -> Void, forget: (Bytes32) async -> Void
  ) async -> Answer {
    let request = submission.request
    let signer = account.signer.key.address
    var messages: [AnyMessage] = []
    messages.reserveCapacity(request.messages.count + 1)
    if request.updatesClient {
      guard case .ledger(let message, _)? = submission.evidence?.form else {
        return .refused(.update, code: "evidenceUnknown")
      }
      messages.append(
        LedgerMessage.updateClient(request.end.client, message: message, signer: signer).encoded())
    }
    var packets: [(task: RelayTask, packet: Packet)] = []
    packets.reserveCapacity(request.messages.count)
    for (index, message) in request.messages.enumerated() {
      guard let packet = contents[message.key]?.packet else {
        return .refused(.message(index), code: "contentsUnavailable")
      }
      guard let proof = submission.proofs[message.need] ?? submission.evidence?.reference else {
        return .refused(.message(index), code: "proofReference")
      }
      packets.append((message.task, packet))
      switch message.task {
      case .receive:
        messages.append(
          LedgerMessage.receivePacket(packet, proof: proof, height: request.height, signer: signer).encoded())
      case .acknowledge:
        guard let acknowledgement = contents[message.key]?.acknowledgement else {
          return .refused(.message(index), code: "contentsUnavailable")
        }
        messages.append(
          LedgerMessage.acknowledgePacket(
            packet, acknowledgement, proof: proof, height: request.height, signer: signer
          ).encoded())
      case .timeOut:
        messages.append(
          LedgerMessage.timeOutPacket(packet, proof: proof, height: request.height, signer: signer).encoded())
      }
    }
    let size = messages.reduce(0) { $0 + $1.value.count + $1.typeURL.utf8.count + 16 }
    let gas = max(
      request.gasEstimate,
      GasEstimate.transaction(
        packets, size: size, evidence: request.updatesClient ? submission.evidence : nil))
    return await send(messages, gas: gas, request, &state, expect: expect, forget: forget)
  }

  private func send(
    _ messages: [AnyMessage], gas: UInt64, _ request: SubmitRequest, _ state: inout State,
    expect: (Bytes32) async -> Void, forget: (Bytes32) async -> Void
  ) async -> Answer {
    let fee = Coin(fee(for: gas), account.feeDenom)
    var attempts = 0
    while true {
      attempts += 1
      if state.view == nil {
        do throws(AccessError) {
          state.view = try await insisting { () throws(AccessError) in
            try await access.account(account.signer.key.address)
          }
        } catch { return .refused(.transaction, code: error.code) }
      }
      guard let view = state.view else { return .refused(.transaction, code: "accountUnknown") }
      let unsigned = UnsignedTransaction(
        messages, fee: [fee], gasLimit: gas, key: account.signer.key, sequence: view.sequence,
        chainID: account.chainID, accountNumber: view.number)
      let bytes: [UInt8]
      do throws(TransactionSigningError) { bytes = try await account.signer.sign(unsigned) } catch {
        return .refused(.transaction, code: error == .unavailable ? "signer.unavailable" : "signer.refused")
      }
      let hash = Transaction.hash(of: bytes)
      await expect(hash)
      var isUncertain = false
      do throws(AccessError) {
        // The same bytes again do no harm: they are known, or their sequence is used.
        try await insisting { () throws(AccessError) in
          do throws(AccessError) { _ = try await access.submit(bytes) } catch {
            if case .refused = error {} else { isUncertain = true }
            throw error
          }
        }
        state.view = AccountView(number: view.number, sequence: view.sequence &+ 1)
        return .waiting
      } catch {
        state.view = nil
        guard case .refused(let code, let codespace, let number, let log) = error else {
          await forget(hash)
          return .lost(error)
        }
        let (part, read) = RefusalReading.read(
          codespace: codespace, number: number, log: log, updatesClient: request.updatesClient)
        let name = code.isEmpty ? read : code
        let isSequence = (codespace, number) == ("sdk", 32) || name.hasSuffix("sequence")
        // It waits already, or an attempt without an answer was taken: the blocks will tell.
        if name == "known" || (isSequence && isUncertain) { return .waiting }
        await forget(hash)
        // Somebody else uses the account, or a transaction before this one was dropped.
        if isSequence, attempts < Self.attemptsMax { continue }
        return .refused(part, code: name)
      }
    }
  }

  /// Asks a few times while there is no answer; a refusal is one.
  private func insisting<Value>(
    _ ask: () async throws(AccessError) -> Value
  ) async throws(AccessError) -> Value {
    var attempts = 1
    while true {
      do throws(AccessError) { return try await ask() } catch {
        if case .refused = error { throw error }
        guard attempts < Self.attemptsMax, !Task.isCancelled else { throw error }
        attempts += 1
        try? await Task.sleep(for: Self.pause)
      }
    }
  }

  /// Rounded up.
  private func fee(for gas: UInt64) -> UInt256 {
    // Two 64-bit factors fit 256 bits.
    let (product, _) = UInt256(gas).multipliedReportingOverflow(by: account.feeNumerator)
    let (quotient, remainder) = product.quotientAndRemainder(dividingBy: account.feeDenominator)
    guard remainder > 0 else { return quotient }
    return quotient.addingReportingOverflow(.one).partialValue
  }
}
