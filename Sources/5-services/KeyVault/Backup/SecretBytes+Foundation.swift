internal import FoundationEssentials
internal import Secrets

extension SecretBytes {
  /// A copy of `bytes`, which are overwritten and emptied: swift-crypto gives opened messages in Foundation's bytes.
  init(wiping bytes: inout Data) {
    self.init(zeroed: bytes.count)
    for (index, byte) in bytes.enumerated() { set(byte, at: index) }
    bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex)
    bytes = Data()
  }
}
