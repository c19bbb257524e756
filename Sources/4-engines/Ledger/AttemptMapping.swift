import PacketHost

extension AttemptFailure {
  /// The same halt, or the failure as the cause of another.
  func map<Other: Error & Hashable & Sendable>(_ transform: (Failure) -> Other) -> AttemptFailure<Other> {
    switch self {
    case .failure(let failure): .failure(transform(failure))
    case .halt(let halt): .halt(halt)
    }
  }
}
