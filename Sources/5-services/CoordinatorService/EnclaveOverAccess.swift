import ChainAccess
public import EnclaveService
import Enclaves
import MerkleProofs
public import Messages

/// An enclave behind its socket, or in this process, as a coordinator uses it.
public struct EnclaveOverAccess: CoordinatedEnclave {
  public let name: String
  private let access: any EnclaveAccess
  private let asksProof: Bool
  private let patience: Duration

  /// - Parameters:
  ///   - asksProof: whether the enclave's policy names a ledger.
  ///   - patience: how long one case may take; an enclave that takes longer is away.
  public init(name: String, access: any EnclaveAccess, asksProof: Bool, patience: Duration = .seconds(60)) {
    self.name = name
    self.access = access
    self.asksProof = asksProof
    self.patience = patience
  }

  private static func fault(_ error: EnclaveAccessError) -> EnclaveFault {
    switch error {
    case .away: .away
    case .refused(let code, let words): .refused(code: "\(code.rawValue): \(words)")
    case .answer, .frame, .status: .malformed
    case .requestLength: .refused(code: "requestLength")
    }
  }

  /// Runs `body`, and gives up when it takes too long.
  private func limited<Value: Sendable>(
    _ body: @escaping @Sendable () async throws(EnclaveAccessError) -> Value
  ) async throws(EnclaveFault) -> Value {
    let patience = patience
    let result = await withTaskGroup(of: Result<Value, EnclaveFault>.self) { group in
      group.addTask {
        do throws(EnclaveAccessError) { return .success(try await body()) } catch {
          return .failure(Self.fault(error))
        }
      }
      group.addTask {
        try? await Task.sleep(for: patience)
        return .failure(.away)
      }
      let first = await group.next() ?? .failure(.away)
      group.cancelAll()
      return first
    }
    return try result.get()
  }

  public func keys() async throws(EnclaveFault) -> EnclaveKeys {
    let access = access
    return try await limited { () async throws(EnclaveAccessError) in try await access.keys().keys }
  }

  public func needsProof() async throws(EnclaveFault) -> Bool { asksProof }

  public func compute(_ work: CaseWork) async throws(EnclaveFault) -> EnclaveAnswer {
    let job: ComputationJob
    do {
      let word = work.proof.map {
        ComputationJob.LedgerWord(
          block: LedgerBlock(signedHeader: $0.block.signedHeader, validators: $0.block.validators).encoded(),
          record: $0.record, proof: $0.proof.encoded())
      }
      job = try ComputationJob(
        opening: work.ledgerCase.opening, inputs: work.ledgerCase.inputs, envelopes: work.envelopes,
        ledger: word)
    } catch { throw .refused(code: "format") }
    let access = access
    let answer = try await limited { () async throws(EnclaveAccessError) in try await access.compute(job) }
    return EnclaveAnswer(
      receipt: answer.receipt, signature: answer.signature, update: answer.update, replies: answer.replies)
  }
}
