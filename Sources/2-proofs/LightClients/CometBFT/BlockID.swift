import Encodings
public import WireBytes

extension CometBFT {
  /// How many parts a block was cut into, and the root over them.
  public struct PartSetHeader: Hashable, Sendable {
    public let total: UInt32
    /// Nil where the writer gave no bytes.
    public let hash: Bytes32?

    public init(total: UInt32, hash: Bytes32?) {
      self.total = total
      self.hash = hash
    }
  }

  /// The name of a block: the hash of its header and the parts it was gossiped in.
  public struct BlockID: Hashable, Sendable {
    /// Nil where the writer gave no bytes.
    public let hash: Bytes32?
    public let parts: PartSetHeader

    /// What the first block has as its last block, and what a vote for nothing is for.
    public static let none = BlockID(hash: nil, parts: PartSetHeader(total: 0, hash: nil))

    public init(hash: Bytes32?, parts: PartSetHeader) {
      self.hash = hash
      self.parts = parts
    }
  }
}

extension CometBFT.PartSetHeader {
  init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var total: UInt32 = 0
    var hash: Bytes32?
    while let field = try reader.next(in: message) {
      if field.number == 1 { total = try field.uint32() } else { hash = try field.fixed(in: message) }
    }
    self.init(total: total, hash: hash)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.varint(1, UInt64(total))
    if let hash { writer.bytes(2, hash) }
  }
}

extension CometBFT.BlockID {
  /// Decodes {hash 1, part_set_header 2 {total 1, hash 2}}.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var hash: Bytes32?
    var parts: CometBFT.PartSetHeader?
    while let field = try reader.next(in: message) {
      if field.number == 1 {
        hash = try field.fixed(in: message)
      } else {
        parts = try CometBFT.PartSetHeader(decoding: message.extracting(try field.message()))
      }
    }
    guard let parts else { throw .missing(field: 2) }
    self.init(hash: hash, parts: parts)
  }

  func write(to writer: inout ProtobufWriter) {
    if let hash { writer.bytes(1, hash) }
    writer.message(2) { parts.write(to: &$0) }
  }

  /// {hash 1, part_set_header 2}; the second is written even when it is empty.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    return writer.bytes
  }
}
