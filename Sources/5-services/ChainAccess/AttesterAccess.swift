public import Gate
public import Messages

/// What a relayer asks of one attester: to sign, for one client, the state of `domain` at a height, or what lies under
/// some paths in it.
public struct AttestationQuestion: Hashable, Sendable {
  public enum Subject: Hashable, Sendable {
    case state
    /// Paths of the origin's store, at most `PacketsClaim.entryCountMax`, in the order in which they are signed.
    case packets([PacketPath])
  }
  /// The tracked domain, the router on it, and the client on the destination: what the digest binds.
  public let binding: AttestationBinding
  /// The height of the header that proves the state: the state read is the version below it.
  public let height: Height
  public let subject: Subject

  public init(binding: AttestationBinding, height: Height, subject: Subject) {
    self.binding = binding
    self.height = height
    self.subject = subject
  }
}

/// One attester's signature, with the body that it read and signed: attesters must agree on it to the byte.
public struct AttestationAnswer: Hashable, Sendable {
  public let timestamp: UnixTime
  public let body: AttestedBody
  /// In the form of the attester's suite.
  public let signature: [UInt8]

  public init(timestamp: UnixTime, body: AttestedBody, signature: [UInt8]) {
    self.timestamp = timestamp
    self.body = body
    self.signature = signature
  }
}

/// Why an attester does not sign.
public enum AttestationFailure: Error, Hashable, Sendable {
  case unreachable
  /// It does not serve this domain, router or client.
  case bindingUnknown
  /// Not final there yet.
  case notFinal(final: Height)
  case tooManyPaths(max: Int)
  /// A question about no path at all, which no policy takes.
  case noPaths
  /// A path is listed twice.
  case pathRepeated(Int)
  /// What it reads now differs from what it signed before for this height: it signs nothing more there.
  case equivocation(Height)
  /// So old that its record of what it signed there may be gone: it signs for heights above this one.
  case recordPruned(Height)
  /// Its own endpoints do not answer, or differ.
  case endpoint(AccessError)
  /// Its record cannot be written: it never signs without one.
  case record
  case signer

  public var code: String {
    switch self {
    case .unreachable: "attester.unreachable"
    case .bindingUnknown: "attester.bindingUnknown"
    case .notFinal: "attester.waiting"
    case .tooManyPaths: "attester.tooManyEntries"
    case .noPaths: "attester.noEntries"
    case .pathRepeated: "attester.pathRepeated"
    case .equivocation: "attester.equivocation"
    case .recordPruned: "attester.recordPruned"
    case .endpoint(let error): "attester." + error.code
    case .record: "attester.record"
    case .signer: "attester.signer"
    }
  }
}

/// One attester, in this process or elsewhere.
public protocol AttesterAccess: Sendable {
  /// As policies list it.
  var attester: Attester { get }
  func attest(_ question: AttestationQuestion) async throws(AttestationFailure) -> AttestationAnswer
}
