internal import CTPM
internal import Foundation
public import Secrets
internal import Synchronization

/// Why a description of a TPM is not usable.
public enum TPMConfigurationError: Error, Hashable, Sendable {
  /// No transport of a TPM that this program loads: `device:`, `swtpm:`, `mssim:`, `tabrmd:`, with what it asks for.
  case transport
  /// An authorisation is as long as the hash of a name at most, and not empty.
  case authorisationLength(Int)
  /// 1 to 16.
  case loadedKeys(Int)
}

/// Which TPM, and what it asks for.
public struct TPMConfiguration: Sendable {
  /// Names of tpm2-tss's transports; others would load whatever library the name says, or run a command.
  package static let transports = ["device:", "swtpm:", "mssim:", "tabrmd:"]
  package static let transportSizeMax = 512
  package static let authorisationSizeMax = 32
  package static let loadedKeysLimit = 16

  /// As tpm2-tss reads it: `device:/dev/tpmrm0`, `swtpm:path=/run/tpm/socket`.
  public let transport: String
  /// Of the owner hierarchy; nil when it has none.
  public let ownerAuthorisation: SharedSecret?
  /// Of the endorsement hierarchy; nil when it has none.
  public let endorsementAuthorisation: SharedSecret?
  /// Of the keys that are made here; nil for none. Wrong ones are counted by the TPM, which locks itself up.
  public let keyAuthorisation: SharedSecret?
  /// Keys that stay loaded. A TPM without a resource manager has room for three objects, and one is the storage key.
  public let loadedKeysMax: Int
  /// No other process uses the TPM, and there is no resource manager: this one starts it after a reset, and what is in its
  /// memory at the beginning was left there.
  public let soleUser: Bool

  /// - Parameter soleUser: nil means: yes for a simulator's socket, no for a device.
  public init(
    transport: String, ownerAuthorisation: SharedSecret? = nil, endorsementAuthorisation: SharedSecret? = nil,
    keyAuthorisation: SharedSecret? = nil, loadedKeysMax: Int = 2, soleUser: Bool? = nil
  ) throws(TPMConfigurationError) {
    guard
      Self.transports.contains(where: { transport.hasPrefix($0) && transport.utf8.count > $0.utf8.count }),
      transport.utf8.count <= Self.transportSizeMax, transport.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { throw .transport }
    for authorisation in [ownerAuthorisation, endorsementAuthorisation, keyAuthorisation] {
      guard let authorisation else { continue }
      guard (1...Self.authorisationSizeMax).contains(authorisation.count) else {
        throw .authorisationLength(authorisation.count)
      }
    }
    guard (1...Self.loadedKeysLimit).contains(loadedKeysMax) else { throw .loadedKeys(loadedKeysMax) }
    self.transport = transport
    self.ownerAuthorisation = ownerAuthorisation
    self.endorsementAuthorisation = endorsementAuthorisation
    self.keyAuthorisation = keyAuthorisation
    self.loadedKeysMax = loadedKeysMax
    self.soleUser = soleUser ?? (transport.hasPrefix("swtpm:") || transport.hasPrefix("mssim:"))
  }
}

/// A TPM that several parts of a process share: one operation at a time, reconnected when the connection is lost.
///
/// A process makes one for each TPM: without a resource manager two would take each other's room.
public final class TPMConnection: Sendable {
  /// Tries of one operation, for whatever reason it is tried again.
  package static let triesMax = 6
  /// Connections that are opened for one operation.
  package static let openingsMax = 2
  /// The first pause before a busy TPM is asked again; it doubles, so that all take less than a tenth of a second.
  package static let pauseNanoseconds = 2_000_000

  public let configuration: TPMConfiguration
  private let device = Mutex<TPMDevice?>(nil)

  /// Connects at the first use.
  public init(_ configuration: TPMConfiguration) {
    self.configuration = configuration
  }

  deinit {
    device.withLock { device in
      Self.withoutPipeSignal { device?.leave() }
      device = nil
    }
  }

  /// Removes from the TPM what this process has loaded, and closes the connection; the next use opens another.
  public func close() {
    device.withLock { device in
      Self.withoutPipeSignal { device?.leave() }
      device = nil
    }
  }

  /// Runs an operation on the TPM, and runs it again after what passes: busy, no room, a lost connection.
  ///
  /// - Parameter operation: may be run twice; flushes what it loads besides keys of the cache, also when it throws.
  package func run<Result: Sendable>(
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(TPMFault) -> Result {
    try device.withLock { (held: inout sending TPMDevice?) throws(TPMFault) -> Result in
      try Self.withoutPipeSignal { () throws(TPMFault) -> Result in
        try Self.run(&held, configuration, operation)
      }
    }
  }

  private static func run<Result: Sendable>(
    _ held: inout TPMDevice?, _ configuration: TPMConfiguration,
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(TPMFault) -> Result {
    var openings = 0
    var tries = 0
    while true {
      tries += 1
      do throws(TPMFault) {
        let device: TPMDevice
        if let open = held {
          device = open
        } else {
          openings += 1
          device = try TPMDevice(configuration)
          held = device
        }
        return try operation(device)
      } catch {
        guard tries < triesMax else { throw error }
        switch error.kind {
        case .busy:
          ctpm_pause(pauseNanoseconds << (tries - 1))
        case .full:
          // Something of ours goes; where nothing of ours is left, a new connection sweeps the room.
          if let device = held, (try? device.makeRoom()) == true { continue }
          held?.leave()
          held = nil
          guard openings < openingsMax else { throw error }
        case .connectionLost, .handlesLost, .malformed:
          held = nil
          guard openings < openingsMax else { throw error }
        case .authorisation, .policy, .integrity, .absent, .refused:
          throw error
        }
      }
    }
  }

  private static func withoutPipeSignal<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var signal = ctpm_pipe_signal()
    // Both calls are on one thread: nothing between them suspends.
    unsafe ctpm_hold_pipe_signal(&signal)
    defer { unsafe ctpm_release_pipe_signal(&signal) }
    return try body()
  }

  /// Loads since the connection was opened, for tests of the cache.
  package var loads: Int { device.withLock { $0?.loads ?? 0 } }
}
