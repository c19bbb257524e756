import ChainAccess
import Messages
import RelayEngine
import WireBytes

/// A transaction to be made, with all that it says.
struct Submission: Sendable {
  let request: SubmitRequest
  let evidence: CollectedEvidence?
  let proofs: [ProofNeed: [UInt8]]
  /// What is not here is read from the file.
  let contents: [PacketKey: PacketContents]
}

/// A submitted transaction whose block has not been seen.
struct Flight: Sendable {
  let request: SubmitRequest
  let expires: ContinuousClock.Instant
  /// It was in a block that was rolled back.
  var isRepeated = false
}

/// What became of a submission, as far as that is known at once.
enum SubmissionAnswer: Sendable {
  /// Inclusion is seen in the blocks.
  case waiting
  case refused(SubmissionResult.Part, code: String)
  /// Nobody knows whether it waits.
  case lost(AccessError)
  /// The file cannot be read.
  case failed(RelayServiceError)
}

/// Makes the transactions of one domain, one after another, by whatever kind of account pays for them there.
/// Inclusion is not waited for: it is seen in the blocks.
struct Submitter: Sendable {
  let domain: RelayedDomain
  let store: RelayStore

  /// What is kept between two submissions.
  struct State: Sendable {
    var ledger = LedgerSubmitter.State()

    /// The account's sequence must be read again.
    mutating func forget() { ledger.view = nil }
  }

  /// - Parameters:
  ///   - expect: told of a ledger's transaction before the ledger is, since the block may come sooner than the answer; of
  ///     a call on an EVM chain by its name.
  ///   - forget: told that the domain does not have it.
  func submit(
    _ submission: Submission, _ state: inout State, expect: (Bytes32) async -> Void,
    forget: (Bytes32) async -> Void
  ) async -> SubmissionAnswer {
    var contents = submission.contents
    let missing = submission.request.messages.map(\.key).filter { contents[$0] == nil }
    if !missing.isEmpty {
      do throws(RelayServiceError) {
        contents.merge(try await store.contents(of: missing)) { first, _ in first }
      } catch { return .failed(error) }
    }
    switch domain.account {
    case .ledger(let account):
      return await LedgerSubmitter(access: domain.access, account: account).submit(
        submission, contents, &state.ledger, expect: expect, forget: forget)
    case .evm(let account):
      return await EVMSubmitter(account: account).submit(submission, contents, expect: expect)
    }
  }
}
