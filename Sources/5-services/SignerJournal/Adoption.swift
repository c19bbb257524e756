public import WireBytes

/// A decision to go on in spite of a refusal, as the journal keeps it: it is the first record of the file that it opens.
///
/// Payload: 2 ‖ u8 reason ‖ u8 1 and the position of the state, or u8 0 ‖ the same for the anchor ‖ approval (32).
public struct AdoptionDecision: Hashable, Sendable {
  /// Which refusal it was.
  public let reason: AdoptionReason
  /// Where the state was; nil when there was none.
  public let state: Position?
  /// Where the anchor was; nil when there was none.
  public let anchor: Position?
  /// What the caller gave as the approval's hash.
  public let approval: Bytes32

  init(reason: AdoptionReason, state: Position?, anchor: Position?, approval: Bytes32) {
    self.reason = reason
    self.state = state
    self.anchor = anchor
    self.approval = approval
  }

  init?(payload: [UInt8]) {
    guard payload.count >= 4, payload[0] == 2, let reason = AdoptionReason(rawValue: payload[1]) else {
      return nil
    }
    var offset = 2
    var positions: [Position?] = []
    for _ in 0..<2 {
      guard offset < payload.count else { return nil }
      switch payload[offset] {
      case 0:
        positions.append(nil)
        offset += 1
      case 1:
        guard payload.count - offset > Position.sizeBytes else { return nil }
        positions.append(Position(reading: payload, at: offset + 1))
        offset += 1 + Position.sizeBytes
      default: return nil
      }
    }
    let start = offset
    guard payload.count - start == 32 else { return nil }
    self.init(
      reason: reason, state: positions[0], anchor: positions[1], approval: Bytes32 { payload[start + $0] })
  }

  var payload: [UInt8] {
    var bytes: [UInt8] = [2, reason.rawValue]
    for position in [state, anchor] {
      bytes.append(position == nil ? 0 : 1)
      position?.write(to: &bytes)
    }
    bytes.append(approval)
    return bytes
  }
}

/// The refusals that people may decide to go on in spite of, as a byte of the journal.
public enum AdoptionReason: UInt8, Hashable, Sendable {
  case restoredOlderState = 1
  case restoredOlderAnchor = 2
  case forked = 3
  case missingState = 4
  case missingAnchor = 5
  case counterAhead = 6
  case counterBehind = 7
  case counterMissing = 8
  case auditTruncated = 9
  case auditForked = 10
}
