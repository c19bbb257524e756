import Digests
import Transactions
import WireBytes

/// The calls that one account has signed on one EVM chain, by nonce: the newest that are kept, and the floor below them.
struct NonceTrack: Hashable, Sendable {
  struct Mark: Hashable, Sendable {
    let nonce: UInt64
    let call: Bytes32
  }

  /// So many are forgotten at once.
  static let pruneCount = 256

  private(set) var floor: UInt64?
  /// By ascending nonce, all above the floor.
  private(set) var marks: [Mark] = []

  /// Where a call is to be kept; nil when it is kept already.
  ///
  /// - Throws: ``SigningRefusal/otherCall(nonce:)`` or ``SigningRefusal/nonceForgotten(_:)``.
  func place(of call: Bytes32, at nonce: UInt64) throws(SigningRefusal) -> Int? {
    if let floor, nonce <= floor { throw .nonceForgotten(floor) }
    let index = position(of: nonce)
    guard index < marks.count, marks[index].nonce == nonce else { return index }
    guard marks[index].call == call else { throw .otherCall(nonce: nonce) }
    return nil
  }

  mutating func add(_ call: Bytes32, at nonce: UInt64, place: Int) {
    marks.insert(Mark(nonce: nonce, call: call), at: place)
  }

  /// Forgets the lowest nonces when there are too many.
  ///
  /// - Returns: whether the floor rose.
  mutating func prune(kept: Int) -> Bool {
    guard marks.count >= kept + Self.pruneCount else { return false }
    forget(marks.count - kept)
    return true
  }

  /// - Returns: whether the floor rose.
  mutating func raise(floor nonce: UInt64) -> Bool {
    if let floor, nonce <= floor { return false }
    var count = position(of: nonce)
    if count < marks.count, marks[count].nonce == nonce { count += 1 }
    marks.removeFirst(count)
    floor = nonce
    return true
  }

  private mutating func forget(_ count: Int) {
    floor = marks[count - 1].nonce
    marks.removeFirst(count)
  }

  /// Where `nonce` is, or belongs.
  private func position(of nonce: UInt64) -> Int {
    guard let last = marks.last, nonce <= last.nonce else { return marks.count }
    var (low, high) = (0, marks.count)
    while low < high {
      let middle = low + (high - low) / 2
      if marks[middle].nonce < nonce { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension EVMTransaction {
  /// What a transaction does, whatever it pays for that: `S(length of to (1) ‖ to ‖ value (32) ‖ input)`.
  var callHash: Bytes32 {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(53 + input.count)
    bytes.append(to == nil ? 0 : 20)
    if let to { bytes.append(to) }
    bytes.append(value.bigEndian)
    bytes += input
    return SHA256Hash.hash(bytes)
  }
}
