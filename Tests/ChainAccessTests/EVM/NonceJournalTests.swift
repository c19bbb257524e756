import ChainAccess
import Digests
import Foundation
import Testing
import WireBytes

@Suite("The journal of nonces")
struct NonceJournalTests {
  private let folder: TemporaryFolder
  private let account = Bytes20 { UInt8($0) }
  private var path: String { folder.path + "/nonces" }

  init() throws { folder = try TemporaryFolder() }

  private func open() throws(NonceStoreError) -> NonceJournal {
    try NonceJournal(path: path, chainID: 5, account: account)
  }

  private func record(
    _ nonce: UInt64, variants: Int = 1, stage: NonceRecord.Stage = .waiting, hasCall: Bool = true
  ) -> NonceRecord {
    let encoded = (0..<variants).map { [2, UInt8(truncatingIfNeeded: nonce), UInt8($0)] as [UInt8] }
    return NonceRecord(
      nonce: nonce, id: Keccak256.hash(encoded[0]),
      call: hasCall
        ? EVMCall(to: account, input: [1, 2, 3], value: UInt256(9), gasLimit: nonce == 1 ? nil : 70_000)
        : nil,
      gasLimit: 50_000,
      variants: encoded.map {
        .init(
          hash: Keccak256.hash($0), encoded: $0, fees: EVMFees(maxFee: UInt256(100), priority: UInt256(7)))
      }, stage: stage)
  }

  @Test("gives back after a restart what was kept, and not what was forgotten")
  func restart() async throws {
    let mined = NonceRecord.Stage.mined(
      transaction: Bytes32 { _ in 7 }, block: Bytes32 { _ in 8 }, height: 12, succeeded: true)
    let kept = [record(0, variants: 3), record(2, stage: mined), record(5, hasCall: false)]
    do {
      let journal = try open()
      try await journal.save(record(0))
      try await journal.save(record(1))
      for record in kept.reversed() { try await journal.save(record) }
      try await journal.forget(1)
      try await journal.forget(9)
      #expect(try await journal.load() == kept)
    }
    #expect(try await open().load() == kept)
  }

  @Test("drops a last entry that was cut short, wherever it was cut, and goes on behind the rest")
  func torn() async throws {
    do {
      let journal = try open()
      try await journal.save(record(0))
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    do {
      let journal = try open()
      try await journal.save(record(1))
    }
    let longer = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in whole.count..<longer.count {
      try longer.prefix(count).write(to: URL(fileURLWithPath: path))
      do {
        let journal = try open()
        #expect(try await journal.load() == [record(0)])
        try await journal.save(record(7))
      }
      #expect(try await open().load() == [record(0), record(7)])
    }
  }

  @Test("a file whose head was not finished begins anew")
  func tornHead() async throws {
    do { _ = try open() }
    let head = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in 0..<head.count {
      try head.prefix(count).write(to: URL(fileURLWithPath: path))
      #expect(try await open().load() == [])
    }
  }

  @Test("refuses a file in which a byte before the last entry was changed")
  func damaged() async throws {
    do {
      let journal = try open()
      try await journal.save(record(0))
      try await journal.save(record(1))
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let head = 18 + 8 + 20
    // A byte within the first entry, behind its length.
    for offset in [head + 4, head + 20] {
      var bytes = whole
      bytes[offset] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      #expect(throws: NonceStoreError.damaged(offset: head)) { try open() }
    }
  }

  @Test("belongs to one account of one chain")
  func otherAccount() throws {
    do { _ = try open() }
    #expect(throws: NonceStoreError.otherAccount) {
      try NonceJournal(path: path, chainID: 6, account: account)
    }
    #expect(throws: NonceStoreError.otherAccount) {
      try NonceJournal(path: path, chainID: 5, account: Bytes20())
    }
  }

  @Test("is open in one place only")
  func inUse() async throws {
    let journal = try open()
    #expect(throws: NonceStoreError.inUse) { try open() }
    #expect(try await journal.load() == [])
  }

  @Test("begins anew when nothing in it counts any more")
  func cut() async throws {
    do {
      let journal = try open()
      for nonce in 0..<700 as Range<UInt64> {
        try await journal.save(record(10 + nonce))
        try await journal.forget(10 + nonce)
      }
      try await journal.save(record(4))
      #expect(try await journal.load() == [record(4)])
    }
    let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
    #expect(size < 200_000)
    #expect(try await open().load() == [record(4)])
  }
}
