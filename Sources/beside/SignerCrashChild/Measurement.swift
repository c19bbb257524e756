import Digests
import SignerJournal
import WireBytes

/// How many commits, and how many records in them, a second takes on this disk, with every flush.
enum Measurement {
  static func run(batch: Int, seconds: Int, places: SignerPlaces, vault: VaultID) throws {
    try SignerRecords.create(places, vault: vault)
    var records = try SignerRecords.open(places, vault: vault, at: 1, replay: { _ in })
    // As long as the watermark of a height: key, origin, height, time, root.
    let record = [UInt8](repeating: 7, count: 130)
    var commits: [Duration] = []
    let clock = ContinuousClock()
    let start = clock.now
    var number: UInt64 = 0
    while clock.now - start < .seconds(seconds) {
      let before = clock.now
      for _ in 0..<batch {
        number += 1
        try records.append(record)
        try records.append(
          AuditEntry(
            .grant, at: 1_700_000_000_000 + number,
            [
              .text(.client, "attester-0"), .text(.purpose, "attestation"), .text(.origin, "cosmos:demo-1"),
              .number(.height, number), .hash(.key, Bytes32()), .hash(.payload, SHA256Hash.hash(record)),
            ]))
      }
      try records.commit()
      commits.append(clock.now - before)
    }
    let spent = clock.now - start
    commits.sort()
    let perSecond = Double(commits.count) / (spent / .seconds(1))
    say(
      "batch \(batch): \(Int(perSecond)) commits/s, \(Int(perSecond * Double(batch))) records/s, "
        + "p50 \(commits[commits.count / 2]), p99 \(commits[commits.count * 99 / 100])")
  }
}
