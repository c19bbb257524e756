import SignerService
import Testing

@Suite("A signer's directory")
struct SignerDirectoryTests {
  @Test("keeps each kind of thing at a path of its own")
  func paths() {
    let directory = SignerDirectory("/d")
    let paths = [
      directory.configuration, directory.policy, directory.keys, directory.secrets, directory.watermarks,
      directory.audit, directory.socket,
    ]
    #expect(Set(paths).count == paths.count)
  }
}
