public import Encodings
import WireBytes

extension CometBFT {
  /// Why bytes are not the message of CometBFT or of its IBC client that they should be.
  public enum DecodingError: Error, Hashable, Sendable {
    /// The protobuf form is broken, or not the canonical one.
    case protobuf(ProtobufError)
    /// An embedded message that every writer gives is absent.
    case missing(field: UInt32)
    case timestamp(TimestampError)
    /// A duration's seconds and nanoseconds are out of range or of different signs.
    case duration(seconds: Int64, nanoseconds: Int32)
    case chainIDLength(limit: Int, actual: Int)
    case appHashLength(limit: Int, actual: Int)
    case signatureLength(limit: Int, actual: Int)
    case negativeHeight(Int64)
    case negativeRound(Int32)
    /// A `block_id_flag` that is none of 1 (absent), 2 (commit), 3 (nil).
    case blockIDFlag(Int32)
    /// A vote that is said to be absent has an address, a time or a signature.
    case absentVoteNotEmpty
    /// More entries in a list than its maximum.
    case count(field: UInt32, limit: Int)
    /// A public key of a type that is not verified here; `field` is its number in `PublicKey` (2 secp256k1, 3 BLS).
    case keyType(field: UInt32)
    /// The stated address of a validator is not that of its key; -1 is the stated proposer.
    case address(validator: Int)
    case validators(ValidatorSetError)
    /// The set in this field has no validators.
    case emptySet(field: UInt32)
    /// The set in this field states no proposer, or one that is not in it.
    case proposerNotInSet(field: UInt32)
  }
}

/// A protobuf reader that throws this folder's error.
struct MessageReader {
  private var reader: ProtobufReader

  init(singular: [UInt32] = [], repeated: [UInt32] = [], explicit: [UInt32] = []) {
    reader = ProtobufReader(ProtobufRules(singular: singular, repeated: repeated, explicit: explicit))
  }

  mutating func next(in message: Span<UInt8>) throws(CometBFT.DecodingError) -> MessageField? {
    do { return try reader.next(in: message).map { MessageField(field: $0) } } catch {
      throw .protobuf(error)
    }
  }
}

/// A field with accessors that throw this folder's error.
struct MessageField {
  let field: ProtobufField

  var number: UInt32 { field.number }

  func uint64() throws(CometBFT.DecodingError) -> UInt64 {
    do { return try field.uint64() } catch { throw .protobuf(error) }
  }

  func int64() throws(CometBFT.DecodingError) -> Int64 {
    do { return try field.int64() } catch { throw .protobuf(error) }
  }

  func int32() throws(CometBFT.DecodingError) -> Int32 {
    do { return try field.int32() } catch { throw .protobuf(error) }
  }

  func uint32() throws(CometBFT.DecodingError) -> UInt32 {
    do { return try field.uint32() } catch { throw .protobuf(error) }
  }

  func boolean() throws(CometBFT.DecodingError) -> Bool {
    do { return try field.boolean() } catch { throw .protobuf(error) }
  }

  func message() throws(CometBFT.DecodingError) -> Range<Int> {
    do { return try field.message() } catch { throw .protobuf(error) }
  }

  func bytes(in message: Span<UInt8>) throws(CometBFT.DecodingError) -> [UInt8] {
    do { return try field.bytes(in: message) } catch { throw .protobuf(error) }
  }

  func string(in message: Span<UInt8>) throws(CometBFT.DecodingError) -> String {
    do { return try field.string(in: message) } catch { throw .protobuf(error) }
  }

  func fixed<let length: Int>(
    in message: Span<UInt8>, as type: FixedBytes<length>.Type = FixedBytes<length>.self
  ) throws(CometBFT.DecodingError) -> FixedBytes<length> {
    do { return try field.fixed(in: message, as: type) } catch { throw .protobuf(error) }
  }

  /// A chain id within its limit.
  func chainID(in message: Span<UInt8>) throws(CometBFT.DecodingError) -> String {
    let text = try string(in: message)
    guard text.utf8.count <= CometBFT.chainIDBytesMax else {
      throw .chainIDLength(limit: CometBFT.chainIDBytesMax, actual: text.utf8.count)
    }
    return text
  }
}
