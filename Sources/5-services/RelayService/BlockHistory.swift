package import WireBytes

/// The newest blocks of a domain as they were read: what shows that it has thought better of them.
///
/// From the newest block that was final, up to the newest that was read. Domains whose blocks stay have none.
package struct BlockHistory: Hashable, Sendable {
  /// Over it, the lowest but the final one go: a rollback below what is left goes down to the final one.
  package static let blocksMax = 4_096

  package struct Mark: Hashable, Sendable {
    package let height: UInt64
    package let hash: Bytes32

    package init(_ height: UInt64, _ hash: Bytes32) {
      self.height = height
      self.hash = hash
    }
  }

  /// Ascending.
  package private(set) var marks: [Mark] = []
  /// The newest height that was read and that was final then.
  package private(set) var final: UInt64 = 0

  package init() {}

  /// Takes what was written down, whatever it is: marks that are not ascending are left out.
  package init(marks: [Mark], final: UInt64) {
    for mark in marks { append(mark.height, mark.hash) }
    raise(final: final)
  }

  package func hash(at height: UInt64) -> Bytes32? {
    var (low, high) = (0, marks.count)
    while low < high {
      let middle = (low + high) / 2
      if marks[middle].height < height { low = middle + 1 } else { high = middle }
    }
    return low < marks.count && marks[low].height == height ? marks[low].hash : nil
  }

  /// Adds a block above all others; another one is not taken.
  package mutating func append(_ height: UInt64, _ hash: Bytes32) {
    guard marks.last.map({ $0.height < height }) ?? true else { return }
    marks.append(Mark(height, hash))
    if marks.count > Self.blocksMax, let second = marks.indices.dropFirst().first {
      marks.remove(at: marks[0].height <= final ? second : 0)
    }
  }

  /// - Parameter height: not above the newest block that was read.
  package mutating func raise(final height: UInt64) {
    guard height > final else { return }
    final = height
    let below = marks.prefix { $0.height <= height }.count
    if below > 1 { marks.removeFirst(below - 1) }
  }

  /// Forgets blocks above `height`. When that is below the final one, the final height goes down with it.
  package mutating func cut(above height: UInt64) {
    marks.removeAll { $0.height > height }
    final = min(final, height)
  }

  /// Where the domain leaves what was read.
  package enum Ancestor: Hashable, Sendable {
    /// Blocks above this one are gone.
    case block(UInt64)
    /// The final block at this height is another one now.
    case belowFinal(UInt64)
  }

  /// Finds the newest block that is still there, with few questions: a domain that has one has all below it.
  ///
  /// - Parameter isThere: whether the domain has this very block.
  package func ancestor<Failure>(
    _ isThere: (Mark) async throws(Failure) -> Bool
  ) async throws(Failure) -> Ancestor {
    // Doubling steps down, then halves.
    var (missing, step) = (marks.count, 1)
    var found: Int?
    while missing > 0 {
      let index = max(missing - step, 0)
      if try await isThere(marks[index]) {
        found = index
        break
      }
      missing = index
      step *= 2
    }
    guard var low = found else {
      // Reading began above the final height: nothing below is known, and it is safe to read that again.
      if let lowest = marks.first, lowest.height > final { return .block(final) }
      return .belowFinal(marks.first?.height ?? final)
    }
    while missing - low > 1 {
      let middle = (low + missing) / 2
      if try await isThere(marks[middle]) { low = middle } else { missing = middle }
    }
    return .block(marks[low].height)
  }
}
