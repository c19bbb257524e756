import SigningRules

/// What the records of a signer say, one after the other.
struct ReplayedRecords {
  var signing: SigningState
  var approvals: Approvals
  private(set) var keys: KeysMark?
  private(set) var habits: [ClientHabit] = []

  mutating func take(_ bytes: [UInt8]) throws {
    switch try CoreRecord(decoding: bytes) {
    case .watermark(let record): try signing.restore(record)
    case .approval(let record): try approvals.restore(record)
    case .keys(let mark):
      // A mark never goes back.
      if mark.sequence >= keys?.sequence ?? 0 { keys = mark }
    case .habit(let habit): habits.append(habit)
    }
  }
}
