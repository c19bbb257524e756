import Secrets
import TPMAccess
import TestSupport

extension TPMSimulator {
  func connection(
    owner: String? = nil, key: String? = nil, loadedKeysMax: Int = 2
  ) throws -> TPMConnection {
    TPMConnection(
      try TPMConfiguration(
        transport: transport, ownerAuthorisation: owner.map(Self.secret),
        keyAuthorisation: key.map(Self.secret),
        loadedKeysMax: loadedKeysMax))
  }

  static func secret(_ text: String) -> SharedSecret {
    let bytes = [UInt8](text.utf8)
    return SharedSecret(SecretBytes(copying: bytes.span))
  }
}
