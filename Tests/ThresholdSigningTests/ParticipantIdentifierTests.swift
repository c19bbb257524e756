import Testing
import ThresholdSigning

@Suite("Participant identifiers")
struct ParticipantIdentifierTests {
  @Test("are not zero")
  func zero() {
    #expect(ParticipantIdentifier(0) == nil)
    #expect(ParticipantIdentifier(1)?.number == 1)
  }
}
