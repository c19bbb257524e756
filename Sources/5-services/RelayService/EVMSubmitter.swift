import ChainAccess
import Messages
import RelayEngine
import WireBytes

/// Submits to the router of an EVM chain: what is sent was tried before, so that a refusal costs nothing and names its
/// message.
struct EVMSubmitter: Sendable {
  let account: EVMAccount

  func submit(
    _ submission: Submission, _ contents: [PacketKey: PacketContents],
    expect: (Bytes32) async -> Void
  ) async -> SubmissionAnswer {
    let request = submission.request
    guard case .packed(let evidence)? = submission.evidence?.form else {
      return .refused(.update, code: "evidenceUnknown")
    }
    // The first brings the evidence, the others refer to it.
    var carriers: Set<Int> = [0]
    while true {
      let input: [UInt8]
      switch self.input(request, contents, evidence, carriers) {
      case .failure(let stop): return stop.answer
      case .success(let bytes): input = bytes
      }
      switch await attempt(input) {
      case .needs(let gas):
        guard let gas = GasEstimate.evm(needed: gas, max: account.limits.gasMax) else {
          return .refused(.transaction, code: "gasLimit")
        }
        do throws(EVMSendError) {
          await expect(try await account.sender.place(EVMCall(to: account.router, input: input, gasLimit: gas)))
          return .waiting
        } catch {
          return .refused(.transaction, code: EVMRefusals.code(error))
        }
      case .reverts(let revert):
        // What was done before reads no proof: then the next one brings the evidence as well.
        if revert.name == EVMRefusals.evidenceNotAccepted, let index = revert.callIndex.map({ Int(clamping: $0) }),
          request.messages.indices.contains(index), carriers.insert(index).inserted
        {
          continue
        }
        let (part, code) = EVMRefusals.read(revert, request)
        return .refused(part, code: code)
      case .unanswered(let code): return .refused(.transaction, code: code)
      }
    }
  }

  private struct Stop: Error {
    let answer: SubmissionAnswer

    init(_ part: SubmissionResult.Part, _ code: String) { answer = .refused(part, code: code) }
  }

  /// One call as it is, several as a list.
  ///
  /// - Parameter carriers: the messages that bring the evidence.
  private func input(
    _ request: SubmitRequest, _ contents: [PacketKey: PacketContents], _ evidence: PackedEvidence,
    _ carriers: Set<Int>
  ) -> Result<[UInt8], Stop> {
    var calls: [[UInt8]] = []
    for (index, message) in request.messages.enumerated() {
      guard let packet = contents[message.key]?.packet else {
        return .failure(Stop(.message(index), "contentsUnavailable"))
      }
      let proof = carriers.contains(index) ? evidence.inline : evidence.reference
      let call: EVMRouterCall
      switch message.task {
      case .receive: call = .receive(packet, proof: proof, at: request.height)
      case .acknowledge:
        guard let acknowledgement = contents[message.key]?.acknowledgement else {
          return .failure(Stop(.message(index), "contentsUnavailable"))
        }
        call = .acknowledge(packet, acknowledgement, proof: proof, at: request.height)
      case .timeOut: call = .timeOut(packet, proof: proof, at: request.height)
      }
      calls.append(call.encoded())
    }
    let limits = account.limits
    let input: [UInt8]
    if let only = calls.first, calls.count == 1 {
      input = only
    } else {
      guard calls.count <= limits.callsMax, calls.allSatisfy({ $0.count <= limits.listedCallMax }) else {
        return .failure(Stop(.transaction, "transactionTooLarge"))
      }
      input = EVMRouterCall.relay(calls.map { .other($0) }).encoded()
    }
    guard input.count <= limits.calldataMax else { return .failure(Stop(.transaction, "transactionTooLarge")) }
    return .success(input)
  }

  private enum Attempt {
    case needs(UInt64)
    case reverts(EVMRevert)
    /// Nobody says; the code tells why.
    case unanswered(String)
  }

  /// Tries a call on the newest state.
  private func attempt(_ input: [UInt8]) async -> Attempt {
    let call = EVMCall(to: account.router, input: input)
    let sender = account.sender.address
    do throws(AccessError) { return .needs(try await account.access.estimateGas(call, from: sender)) } catch {
      guard case .refused = error else { return .unanswered(error.code) }
      // An estimate says that it fails, a call says where and why.
      do throws(AccessError) {
        if case .reverted(let revert) = try await account.access.call(call, from: sender, at: nil) {
          return .reverts(revert)
        }
      } catch { return .unanswered(error.code) }
      return .unanswered(error.code)
    }
  }
}
