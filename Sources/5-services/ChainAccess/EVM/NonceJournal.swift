import Digests
import Encodings
private import Foundation
public import WireBytes

/// Nonces in a file that grows by one entry a change, each written and flushed before the call returns.
///
/// Layout: a head of `magic ‖ u64 chain id ‖ account 20`, then entries of `u32 length ‖ RLP ‖ first 8 bytes of the
/// Keccak-256 of what precedes, from the length on`. An entry is the whole record, or a nonce alone that is forgotten. A
/// last entry that was cut short is dropped: nothing was sent for it. The file begins anew when nothing in it counts any more.
///
/// An actor, since it holds the open file, which no second one may open.
public actor NonceJournal: NonceStore {
  public static let recordSizeMax = 4 << 20
  private static let magic = [UInt8]("causeway/nonces/1\n".utf8)
  /// Entries that count no more, before the file begins anew.
  private static let staleMax = 1_024

  private let head: [UInt8]
  private let file: FileHandle
  private var records: [UInt64: NonceRecord] = [:]
  private var stale = 0

  /// Opens or makes the file; its folder must be there.
  public init(path: String, chainID: UInt64, account: Bytes20) throws(NonceStoreError) {
    var head = Self.magic
    head.append(bigEndian: chainID)
    head.append(account)
    self.head = head
    if !FileManager.default.fileExists(atPath: path) {
      guard
        FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
      else { throw .file }
    }
    guard let file = FileHandle(forUpdatingAtPath: path) else { throw .file }
    // A process that is being started holds what its parent had open for a moment.
    var attempts = 20
    while flock(file.fileDescriptor, LOCK_EX | LOCK_NB) != 0, attempts > 0 {
      attempts -= 1
      Thread.sleep(forTimeInterval: 0.01)
    }
    guard attempts > 0 else { throw .inUse }
    self.file = file
    let bytes: [UInt8]
    do { bytes = [UInt8](try file.readToEnd() ?? Data()) } catch { throw .file }
    if bytes.count < head.count {
      // Not even its head was finished.
      guard head.starts(with: bytes) else { throw .otherAccount }
      do {
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(head))
        try file.synchronize()
      } catch { throw .file }
      try Self.flushFolder(of: path)
      return
    }
    guard bytes.starts(with: head) else { throw .otherAccount }
    var records: [UInt64: NonceRecord] = [:]
    var offset = head.count
    var entries = 0
    while offset < bytes.count {
      guard let (entry, end) = try Self.entry(bytes, at: offset) else { break }
      entries += 1
      switch entry {
      case .record(let record): records[record.nonce] = record
      case .forgotten(let nonce): records[nonce] = nil
      }
      offset = end
    }
    if offset < bytes.count {
      do {
        try file.truncate(atOffset: UInt64(offset))
        try file.synchronize()
      } catch { throw .file }
    }
    do { try file.seek(toOffset: UInt64(offset)) } catch { throw .file }
    self.records = records
    stale = entries - records.count
  }

  deinit { try? file.close() }

  public func load() throws(NonceStoreError) -> [NonceRecord] {
    records.values.sorted { $0.nonce < $1.nonce }
  }

  public func save(_ record: NonceRecord) throws(NonceStoreError) {
    try append(record.item.encoded())
    if records.updateValue(record, forKey: record.nonce) != nil { stale += 1 }
    try cutIfStale()
  }

  public func forget(_ nonce: UInt64) throws(NonceStoreError) {
    guard records[nonce] != nil else { return }
    try append(RLPItem.list([.integer(nonce)]).encoded())
    records[nonce] = nil
    stale += 2
    try cutIfStale()
  }

  // MARK: The file

  private static func framed(_ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: UInt32(payload.count))
    bytes += payload
    return bytes + Keccak256.hash(bytes).array.prefix(8)
  }

  private func append(_ payload: [UInt8]) throws(NonceStoreError) {
    guard payload.count <= Self.recordSizeMax else { throw .tooLarge }
    do {
      try file.write(contentsOf: Data(Self.framed(payload)))
      try file.synchronize()
    } catch { throw .file }
  }

  /// Nothing that counts is in the file: it begins anew. What is cut off here was forgotten before.
  private func cutIfStale() throws(NonceStoreError) {
    guard stale > Self.staleMax, records.isEmpty else { return }
    do {
      try file.truncate(atOffset: UInt64(head.count))
      try file.synchronize()
      try file.seek(toOffset: UInt64(head.count))
    } catch { throw .file }
    stale = 0
  }

  /// Makes a new name in a folder durable.
  private static func flushFolder(of path: String) throws(NonceStoreError) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    do {
      guard let names = FileHandle(forReadingAtPath: folder) else { throw NonceStoreError.file }
      try names.synchronize()
      try names.close()
    } catch { throw .file }
  }

  private enum Entry {
    case record(NonceRecord)
    case forgotten(UInt64)
  }

  /// The entry at `offset` and where it ends; nil for one that was cut short at the end of the file.
  private static func entry(_ bytes: [UInt8], at offset: Int) throws(NonceStoreError) -> (Entry, Int)? {
    guard offset + 4 <= bytes.count else { return nil }
    let length = bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
    let end = offset + 4 + length + 8
    guard end <= bytes.count else {
      // A length that was never written cannot be told from a torn tail, unless it is impossible.
      guard length <= recordSizeMax else { throw .damaged(offset: offset) }
      return nil
    }
    let framed = Array(bytes[offset..<(end - 8)])
    guard Keccak256.hash(framed).array.prefix(8).elementsEqual(bytes[(end - 8)..<end]) else {
      if end == bytes.count { return nil }
      throw .damaged(offset: offset)
    }
    guard let items = (try? RLPItem(decoding: Array(framed.dropFirst(4))))?.items else {
      throw .damaged(offset: offset)
    }
    if items.count == 1, let nonce = items[0].uint256?.asUInt64 { return (.forgotten(nonce), end) }
    guard let record = NonceRecord(items) else { throw .damaged(offset: offset) }
    return (.record(record), end)
  }
}

extension NonceRecord {
  /// `[nonce, id, call, gas limit, [[encoded, max fee, priority]…], stage]`; hashes follow from what was signed.
  fileprivate var item: RLPItem {
    var callItems: [RLPItem] = []
    if let call {
      callItems = [
        .string(call.to?.array ?? []), .string(call.input), .integer(call.value),
        .list(call.gasLimit.map { [.integer($0)] } ?? []),
      ]
    }
    var stageItems: [RLPItem] = []
    if case .mined(let transaction, let block, let height, let succeeded) = stage {
      stageItems = [
        .string(transaction.array), .string(block.array), .integer(height),
        .integer(succeeded ? 1 as UInt64 : 0),
      ]
    }
    return .list([
      .integer(nonce), .string(id.array), .list(callItems), .integer(gasLimit),
      .list(
        variants.map {
          .list([.string($0.encoded), .integer($0.fees.maxFee), .integer($0.fees.priority)])
        }), .list(stageItems),
    ])
  }

  fileprivate init?(_ items: [RLPItem]) {
    guard items.count == 6, let nonce = items[0].uint256?.asUInt64, let id = Self.hash(items[1]),
      let callItems = items[2].items, let gasLimit = items[3].uint256?.asUInt64,
      let variantItems = items[4].items, let stageItems = items[5].items
    else { return nil }
    var call: EVMCall?
    switch callItems.count {
    case 0: break
    case 4:
      guard let to = callItems[0].bytes, let input = callItems[1].bytes, let value = callItems[2].uint256,
        let limit = callItems[3].items, limit.count < 2
      else { return nil }
      let gas = limit.first.flatMap { $0.uint256?.asUInt64 }
      call = EVMCall(to: try? Bytes20(to), input: input, value: value, gasLimit: gas)
    default: return nil
    }
    var variants: [Variant] = []
    for variant in variantItems {
      guard let parts = variant.items, parts.count == 3, let encoded = parts[0].bytes,
        let maxFee = parts[1].uint256, let priority = parts[2].uint256
      else { return nil }
      variants.append(
        Variant(
          hash: Keccak256.hash(encoded), encoded: encoded, fees: EVMFees(maxFee: maxFee, priority: priority)))
    }
    var stage = Stage.waiting
    switch stageItems.count {
    case 0: break
    case 4:
      guard let transaction = Self.hash(stageItems[0]), let block = Self.hash(stageItems[1]),
        let height = stageItems[2].uint256?.asUInt64, let flag = stageItems[3].uint256
      else { return nil }
      stage = .mined(transaction: transaction, block: block, height: height, succeeded: flag == .one)
    default: return nil
    }
    self.init(nonce: nonce, id: id, call: call, gasLimit: gasLimit, variants: variants, stage: stage)
  }

  private static func hash(_ item: RLPItem) -> Bytes32? { item.bytes.flatMap { try? Bytes32($0) } }
}
