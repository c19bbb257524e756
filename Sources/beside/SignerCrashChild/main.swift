// Writes down and signs claims for heights, as a signer does, and dies at the call that it is told to die at. Tests of crash
// safety run it.
//
// Arguments, each `name=value`: root (a directory that exists), claims (a number: other numbers, other claims at every
// height), heights, batch, compactAfter (batches), at (the call to die at), when, loss, mistake, flush (modelled or real).
// Lines that it prints: `started EPOCH`, `signed HEIGHT DIGEST SIGNATURE` for each signature that left, `refused HEIGHT CODE`,
// `start-refused REASON`, and at the end `calls COUNT`.
//
// With `measure=BATCH` it times commits of so many records and audit lines instead, on the file system of the root.

import Crypto
import Digests
import Foundation
import SignerJournal
import SigningRules
import WireBytes

func option(_ name: String) -> String? {
  CommandLine.arguments.dropFirst().first { $0.hasPrefix(name + "=") }.map {
    String($0.dropFirst(name.count + 1))
  }
}

func number(_ name: String, _ otherwise: Int) -> Int { option(name).flatMap { Int($0) } ?? otherwise }

func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

guard let root = option("root") else {
  FileHandle.standardError.write(Data("usage: SignerCrashChild root=DIRECTORY [name=value]…\n".utf8))
  exit(64)
}
let mistake = option("mistake").flatMap { Mistake(rawValue: $0) } ?? .none
let fault = option("at").flatMap { Int($0) }.map { call in
  Fault(
    call: call, moment: option("when").flatMap { Moment(rawValue: $0) } ?? .before,
    loss: option("loss").flatMap { Loss(rawValue: $0) } ?? .nothing)
}
let files = try FaultingFiles(
  root: root, fault: fault, mistake: mistake, flushesReally: option("flush") == "real")
let claims = UInt64(number("claims", 1))
let vault = VaultID(Bytes32 { UInt8($0) })
let places = SignerPlaces(state: root + "/state", anchors: root + "/anchors")
// The key is no secret: it signs in tests.
let key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 7, count: 32))
let blank = try Watermarks(publicKey: [UInt8](key.publicKey.rawRepresentation))
let limits = RecordLimits(compactAtBytes: 1 << 20, rotateAuditAtBytes: 1_500)

func open(_ watermarks: inout Watermarks) throws(StartRefusal) -> SignerRecords {
  var replayed = blank
  let records = try SignerRecords.open(places, vault: vault, files: files, limits: limits, at: 1) {
    try replayed.restore($0)
  }
  watermarks = replayed
  return records
}

/// Opens what is there; a vault of which nothing is known here is made.
func openOrCreate(_ watermarks: inout Watermarks) throws(StartRefusal) -> SignerRecords {
  do throws(StartRefusal) {
    return try open(&watermarks)
  } catch {
    guard error == .missingState(anchor: nil) else { throw error }
    try SignerRecords.create(places, vault: vault, files: files)
    return try open(&watermarks)
  }
}

func run() throws {
  var watermarks = blank
  var records: SignerRecords
  do throws(StartRefusal) {
    records = try openOrCreate(&watermarks)
  } catch {
    say("start-refused \(error)")
    return
  }
  say("started \(records.epoch)")
  let heights = number("heights", 8)
  let size = max(1, number("batch", 2))
  for (index, first) in stride(from: 1, through: heights, by: size).enumerated() {
    var admitted: [(height: UInt64, digest: Bytes32)] = []
    for height in (first..<min(first + size, heights + 1)).map({ UInt64($0) }) {
      let root = SHA256Hash.hash([UInt8]("\(claims) \(height)".utf8))
      let fields: [AuditField] = [.number(.height, height), .hash(.claim, root)]
      switch try watermarks.admit(height, root) {
      case .refused(let refusal):
        try records.append(AuditEntry(.refusal, at: 2, fields + [.number(.code, UInt64(refusal.code))]))
        say("refused \(height) \(refusal.code)")
      case .admitted(let digest, let new):
        for record in new { try records.append(record) }
        try records.append(AuditEntry(.grant, at: 2, fields))
        admitted.append((height, digest))
      }
    }
    if mistake != .signFirst { try records.commit() }
    for (height, digest) in admitted {
      let signature = try key.signature(for: digest.array)
      files.point { say("signed \(height) \(digest) \(Hex.encode([UInt8](signature)))") }
    }
    if mistake == .signFirst { try records.commit() }
    if index + 1 == number("compactAfter", 2) { try records.compact(snapshot: watermarks.snapshot(), at: 3) }
  }
  say("calls \(files.calls)")
}

if let batch = option("measure").flatMap({ Int($0) }) {
  try Measurement.run(batch: max(1, batch), seconds: number("seconds", 5), places: places, vault: vault)
} else {
  try run()
}
