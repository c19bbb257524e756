import Encodings
internal import KeyVault
import SignerWire
import SigningRules

/// Rounds of threshold signing and of key generation that this process takes part in.
struct ThresholdRounds: Sendable {
  let secrets: FileBackEnd

  func take(
    _ round: String, _ message: [UInt8], _ administration: SignerAdministration, from caller: AdminCaller,
    on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    throw .notOffered
  }
}
