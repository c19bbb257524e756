public import Enclaves
internal import Encodings
internal import Messages
public import WireBytes

/// Why a call of an enclave gave nothing.
public enum EnclaveAccessError: Error, Hashable, Sendable {
  /// It cannot be reached, or went away before it answered: what it was asked may be asked again, it answers the same.
  case away
  /// It refuses, with words for people.
  case refused(EnclaveRefusalCode, String)
  /// It answers with something else than was asked for.
  case answer(EnclaveAnswerError)
  case frame(EnclaveFrameError)
  /// The answer is no status.
  case status
  /// The request is larger than an enclave takes.
  case requestLength(max: Int, actual: Int)
}

/// An enclave as its users see it: in this process, or behind a socket.
public protocol EnclaveAccess: Sendable {
  func status() async throws(EnclaveAccessError) -> EnclaveStatus
  /// The newest keys with their evidence.
  func keys() async throws(EnclaveAccessError) -> EnclaveRegistration
  /// Those of one registration, also when it is over.
  func evidence(of registration: Bytes32) async throws(EnclaveAccessError) -> EnclaveRegistration
  /// New keys; older ones open and sign until they expire.
  func rotate(_ anchor: EnclaveAnchor) async throws(EnclaveAccessError) -> EnclaveRegistration
  /// Computes a case, once: the same job gets the same answer.
  func compute(_ job: ComputationJob) async throws(EnclaveAccessError) -> CaseAnswer
  /// Signs the step to a block of a followed chain, once.
  func follow(_ block: FollowedBlock) async throws(EnclaveAccessError) -> SignedTransition
}

/// Requests as bytes in, answers as bytes out: what socket and process have in common.
protocol EnclaveExchange: Sendable {
  func exchange(_ request: EnclaveRequestFrame) async throws(EnclaveAccessError) -> [UInt8]
}

extension EnclaveExchange {
  func askStatus() async throws(EnclaveAccessError) -> EnclaveStatus {
    let body = try await exchange(EnclaveRequestFrame(.status))
    guard
      let json = try? JSONValue(decoding: body, limits: JSONLimits(sizeBytes: 64 << 10, depth: 8)),
      let status = EnclaveStatus(json: json)
    else { throw .status }
    return status
  }

  func askKeys() async throws(EnclaveAccessError) -> EnclaveRegistration {
    try Self.registration(try await exchange(EnclaveRequestFrame(.keys)))
  }

  func askEvidence(of registration: Bytes32) async throws(EnclaveAccessError) -> EnclaveRegistration {
    let answer = try Self.registration(try await exchange(EnclaveRequestFrame(.evidence, registration.array)))
    guard answer.id == registration else { throw .answer(.missing(field: 1)) }
    return answer
  }

  func askRotate(_ anchor: EnclaveAnchor) async throws(EnclaveAccessError) -> EnclaveRegistration {
    try Self.registration(try await exchange(EnclaveRequestFrame(.rotate, anchor.encoded())))
  }

  func askCompute(_ job: ComputationJob) async throws(EnclaveAccessError) -> CaseAnswer {
    let body = try await exchange(EnclaveRequestFrame(.compute, job.encoded()))
    do { return try CaseAnswer(decoding: body.span) } catch { throw .answer(error) }
  }

  func askFollow(_ block: FollowedBlock) async throws(EnclaveAccessError) -> SignedTransition {
    let body = try await exchange(EnclaveRequestFrame(.follow, block.encoded()))
    do { return try SignedTransition(decoding: body.span) } catch { throw .answer(error) }
  }

  private static func registration(_ body: [UInt8]) throws(EnclaveAccessError) -> EnclaveRegistration {
    do { return try EnclaveRegistration(decoding: body.span) } catch { throw .answer(error) }
  }
}

/// An enclave in this process. What it is asked goes through the same bytes as over a socket.
public struct LocalEnclave: EnclaveAccess, EnclaveExchange {
  private let enclave: Enclave

  public init(_ enclave: Enclave) { self.enclave = enclave }

  public func status() async throws(EnclaveAccessError) -> EnclaveStatus { try await askStatus() }
  public func keys() async throws(EnclaveAccessError) -> EnclaveRegistration { try await askKeys() }
  public func evidence(of registration: Bytes32) async throws(EnclaveAccessError) -> EnclaveRegistration {
    try await askEvidence(of: registration)
  }
  public func rotate(_ anchor: EnclaveAnchor) async throws(EnclaveAccessError) -> EnclaveRegistration {
    try await askRotate(anchor)
  }
  public func compute(_ job: ComputationJob) async throws(EnclaveAccessError) -> CaseAnswer {
    try await askCompute(job)
  }
  public func follow(_ block: FollowedBlock) async throws(EnclaveAccessError) -> SignedTransition {
    try await askFollow(block)
  }

  func exchange(_ request: EnclaveRequestFrame) async throws(EnclaveAccessError) -> [UInt8] {
    switch EnclaveDispatch.answer(request, of: enclave) {
    case .done(let body): return body
    case .refused(let code, let text): throw .refused(code, text)
    }
  }
}

/// What an enclave does for a request.
enum EnclaveDispatch {
  static func answer(_ request: EnclaveRequestFrame, of enclave: Enclave) -> EnclaveAnswerFrame {
    do throws(EnclaveRefusal) {
      switch request.call {
      case .status:
        guard request.body.isEmpty else { return malformed("status takes no body") }
        return .done([UInt8](enclave.status().json.text().utf8))
      case .keys:
        guard request.body.isEmpty else { return malformed("keys takes no body") }
        return .done(try enclave.keys().encoded())
      case .evidence:
        guard request.body.count == 32 else { return malformed("a registration has 32 bytes") }
        let body = request.body
        return .done(try enclave.evidence(of: Bytes32 { body[$0] }).encoded())
      case .rotate:
        guard let anchor = try? EnclaveAnchor(decoding: request.body.span) else {
          return malformed("no anchor")
        }
        return .done(try enclave.rotate(anchor).encoded())
      case .compute:
        let job: ComputationJob
        do { job = try ComputationJob(decoding: request.body) } catch { return malformed("no job: \(error)") }
        return .done(try enclave.compute(job))
      case .follow:
        let block: FollowedBlock
        do { block = try FollowedBlock(decoding: request.body.span) } catch {
          return malformed("no block: \(error)")
        }
        return .done(try enclave.follow(block))
      }
    } catch {
      return .refused(error.code, error.openText)
    }
  }

  private static func malformed(_ text: String) -> EnclaveAnswerFrame { .refused(.malformed, text) }
}
