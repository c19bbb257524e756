private import CProcess

/// What a hardened process may not do, so that it can be tried: `causeway-signer self-test hardening`.
public enum ForbiddenAct: String, Hashable, Sendable, CaseIterable {
  case execute
  case fork
  case trace
  case readOther = "read-other"
  case mapCode = "map-code"
  case connect
  case internet
  case dumpable
  case coreLimit = "core-limit"
  case mount
  case bpf
  case keyring
  case module
  /// Ends the process by a signal that writes a core file elsewhere.
  case abort

  /// Tries it.
  ///
  /// - Returns: 0 when it was possible, or the errno. Where the filter ends the process, it does not return.
  public func attempt() -> Int32 {
    let number =
      switch self {
      case .execute: CAUSEWAY_ATTEMPT_EXECUTE
      case .fork: CAUSEWAY_ATTEMPT_FORK
      case .trace: CAUSEWAY_ATTEMPT_TRACE
      case .readOther: CAUSEWAY_ATTEMPT_READ_OTHER
      case .mapCode: CAUSEWAY_ATTEMPT_MAP_CODE
      case .connect: CAUSEWAY_ATTEMPT_CONNECT
      case .internet: CAUSEWAY_ATTEMPT_INTERNET
      case .dumpable: CAUSEWAY_ATTEMPT_DUMPABLE
      case .coreLimit: CAUSEWAY_ATTEMPT_CORE_LIMIT
      case .mount: CAUSEWAY_ATTEMPT_MOUNT
      case .bpf: CAUSEWAY_ATTEMPT_BPF
      case .keyring: CAUSEWAY_ATTEMPT_KEYRING
      case .module: CAUSEWAY_ATTEMPT_MODULE
      case .abort: CAUSEWAY_ATTEMPT_ABORT
      }
    return causeway_attempt(Int32(number))
  }
}
