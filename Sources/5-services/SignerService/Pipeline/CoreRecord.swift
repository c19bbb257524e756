public import SigningRules
public import WireBytes

/// How far the inventory of keys was when something last relied on it.
public struct KeysMark: Hashable, Sendable {
  /// One more with each change.
  public let sequence: UInt64
  /// SHA-256 of `keys.json`.
  public let hash: Bytes32

  public init(sequence: UInt64, hash: Bytes32) {
    self.sequence = sequence
    self.hash = hash
  }
}

/// One record of a signer's journal: a byte that says whose it is, and that room's own bytes.
///
///     01 ‖ watermark      02 ‖ approval      03 ‖ sequence (8) ‖ hash (32): keys      04 ‖ habit
public enum CoreRecord: Hashable, Sendable {
  case watermark(WatermarkRecord)
  case approval(ApprovalRecord)
  case keys(KeysMark)
  /// What a client has used, so that it is not new after a restart.
  case habit(ClientHabit)

  public enum DecodingError: Error, Hashable, Sendable {
    case empty
    case tag(UInt8)
    case watermark(WatermarkRecordError)
    case approval(ApprovalRecordError)
    /// Bytes of a mark, which has 40.
    case keys(Int)
    case habit(ClientHabitError)
  }

  public func encoded() -> [UInt8] {
    switch self {
    case .watermark(let record): [1] + record.encoded()
    case .approval(let record): [2] + record.encoded()
    case .keys(let mark):
      [3] + (0..<8).map { UInt8(truncatingIfNeeded: mark.sequence >> (56 - 8 * $0)) } + mark.hash.array
    case .habit(let habit): [4] + habit.encoded()
    }
  }

  public init(decoding bytes: [UInt8]) throws(DecodingError) {
    let rest = [UInt8](bytes.dropFirst())
    switch bytes.first {
    case nil: throw .empty
    case 1: do { self = .watermark(try WatermarkRecord(decoding: rest)) } catch { throw .watermark(error) }
    case 2: do { self = .approval(try ApprovalRecord(decoding: rest)) } catch { throw .approval(error) }
    case 3:
      guard rest.count == 40, let hash = try? Bytes32(Array(rest.suffix(32))) else { throw .keys(rest.count) }
      let sequence = rest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      self = .keys(KeysMark(sequence: sequence, hash: hash))
    case 4: do { self = .habit(try ClientHabit(decoding: rest)) } catch { throw .habit(error) }
    case .some(let tag): throw .tag(tag)
    }
  }
}
