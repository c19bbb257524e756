public import Encodings

/// A `google.protobuf.Any`: a type's name and its bytes.
public struct AnyMessage: Hashable, Sendable {
  public static let typeURLSizeMax = 256

  public let typeURL: String
  public let value: [UInt8]

  public init(typeURL: String, value: [UInt8]) {
    self.typeURL = typeURL
    self.value = value
  }

  /// Decodes canonical protobuf.
  public init(decoding bytes: Span<UInt8>) throws(ProtobufError) {
    var typeURL = ""
    var value: [UInt8] = []
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    while let field = try reader.next(in: bytes) {
      if field.number == 1 {
        typeURL = try field.string(in: bytes)
      } else {
        value = try field.bytes(in: bytes)
      }
    }
    self.init(typeURL: typeURL, value: value)
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, typeURL)
    writer.bytes(2, value)
    return writer.bytes
  }
}
