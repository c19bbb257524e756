import Digests
import WireBytes

/// A file that is appended to, as a write-ahead log is: what was not flushed is lost in a crash, or half of it is there.
///
/// Each record is framed by its length and the first eight bytes of its SHA-256, so that a torn one is seen.
struct Journal: Sendable {
  private var flushed: [UInt8] = []
  private var waiting: [UInt8] = []

  var sizeBytes: Int { flushed.count }

  mutating func append(_ record: [UInt8]) {
    waiting.append(bigEndian: UInt32(truncatingIfNeeded: record.count))
    waiting += Self.check(record)
    waiting += record
  }

  mutating func flush() {
    flushed += waiting
    waiting = []
  }

  /// The machine stops. Of what was not flushed the first `count` bytes may have reached the disk.
  mutating func crash(keeping count: Int) {
    flushed += waiting.prefix(count)
    waiting = []
  }

  var waitingCount: Int { waiting.count }

  /// Replaces everything, as a checkpoint that is moved into place does.
  mutating func replace(with record: [UInt8]) {
    flushed = []
    waiting = []
    append(record)
    flush()
  }

  /// All whole records; what is torn at the end is cut off.
  mutating func recover() -> (records: [[UInt8]], tornBytes: Int) {
    var records: [[UInt8]] = []
    var offset = 0
    while offset + 12 <= flushed.count {
      let size = flushed[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
      let start = offset + 12
      guard start + size <= flushed.count else { break }
      let record = [UInt8](flushed[start..<(start + size)])
      guard Self.check(record) == [UInt8](flushed[(offset + 4)..<start]) else { break }
      records.append(record)
      offset = start + size
    }
    let torn = flushed.count - offset
    flushed.removeLast(torn)
    return (records, torn)
  }

  private static func check(_ record: [UInt8]) -> [UInt8] { [UInt8](SHA256Hash.hash(record).array.prefix(8)) }
}
