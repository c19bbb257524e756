import SignerJournal
import Testing

@Suite("Errors of file calls")
struct FileCallErrorTests {
  @Test("keep the call and its number")
  func fields() {
    #expect(FileCallError(.flush, errno: 5) != FileCallError(.write, errno: 5))
  }
}
