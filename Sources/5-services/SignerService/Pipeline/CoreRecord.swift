public import SigningRules

/// One record of a signer's journal: a byte that says whose it is, and that room's own bytes.
public enum CoreRecord: Hashable, Sendable {
  case watermark(WatermarkRecord)
  case approval(ApprovalRecord)

  public enum DecodingError: Error, Hashable, Sendable {
    case empty
    case tag(UInt8)
    case watermark(WatermarkRecordError)
    case approval(ApprovalRecordError)
  }

  public func encoded() -> [UInt8] {
    switch self {
    case .watermark(let record): [1] + record.encoded()
    case .approval(let record): [2] + record.encoded()
    }
  }

  public init(decoding bytes: [UInt8]) throws(DecodingError) {
    let rest = [UInt8](bytes.dropFirst())
    switch bytes.first {
    case nil: throw .empty
    case 1: do { self = .watermark(try WatermarkRecord(decoding: rest)) } catch { throw .watermark(error) }
    case 2: do { self = .approval(try ApprovalRecord(decoding: rest)) } catch { throw .approval(error) }
    case .some(let tag): throw .tag(tag)
    }
  }
}
