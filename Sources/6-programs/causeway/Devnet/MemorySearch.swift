import Foundation

/// Looks for bytes in the writable memory of another process of the same user, as a debugger does.
struct MemorySearch {
  /// Regions that are larger are address space that was reserved, not memory that was used.
  static let regionSizeMax: UInt64 = 1 << 30
  private static let chunkSize = 4 << 20

  private let regions: [Range<UInt64>]
  private let memory: FileHandle

  /// Nil when this system lets nobody look.
  init?(process: Int32) {
    guard let maps = try? String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8),
      let memory = FileHandle(forReadingAtPath: "/proc/\(process)/mem")
    else { return nil }
    regions = maps.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.count >= 2, words[1].hasPrefix("rw") else { return nil }
      let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard ends.count == 2, ends[0] < ends[1], ends[1] - ends[0] <= Self.regionSizeMax else { return nil }
      return ends[0]..<ends[1]
    }
    self.memory = memory
  }

  /// Which of `patterns` are there, by place in the list, and how many bytes were read.
  func find(_ patterns: [Data]) -> (found: Set<Int>, read: UInt64) {
    let overlap = UInt64(max(1, patterns.map(\.count).max() ?? 1) - 1)
    var found: Set<Int> = []
    var read: UInt64 = 0
    for region in regions {
      var start = region.lowerBound
      while start < region.upperBound {
        let count = min(UInt64(Self.chunkSize), region.upperBound - start)
        guard (try? memory.seek(toOffset: start)) != nil,
          let bytes = (try? memory.read(upToCount: Int(count))).flatMap({ $0 }), !bytes.isEmpty
        else { break }
        read += UInt64(bytes.count)
        for (place, pattern) in patterns.enumerated()
        where !found.contains(place) && bytes.range(of: pattern) != nil {
          found.insert(place)
        }
        if start + UInt64(bytes.count) >= region.upperBound { break }
        start += max(1, UInt64(bytes.count) - min(overlap, UInt64(bytes.count) - 1))
      }
    }
    return (found, read)
  }
}
