public import Encodings
public import Messages
import WireBytes

/// The other end of a client: the client that the other domain keeps of this one, and where its host stores.
///
/// - SeeAlso: ibc-go `ibc.core.client.v2.CounterpartyInfo`.
public struct Counterparty: Hashable, Sendable {
  /// Prefixes of more elements are refused; a Cosmos chain has two levels, an embedded domain one.
  public static let prefixCountMax = 4
  public static let prefixElementSizeMax = 128

  /// Elements from the outermost store in; the packet's path is appended to the last one, which alone may be
  /// empty.
  public let prefix: [[UInt8]]
  public let client: ClientID

  /// Why parts do not make a counterparty.
  public enum FormError: Error, Hashable, Sendable {
    case prefixCount(max: Int, actual: Int)
    case prefixElement(index: Int)
    case client(IdentifierError)
    case protobuf(ProtobufError)
  }

  /// - Throws: ``FormError``.
  public init(prefix: [[UInt8]], client: ClientID) throws(FormError) {
    guard (1...Self.prefixCountMax).contains(prefix.count) else {
      throw .prefixCount(max: Self.prefixCountMax, actual: prefix.count)
    }
    for (index, element) in prefix.enumerated() {
      guard element.count <= Self.prefixElementSizeMax, !element.isEmpty || index == prefix.count - 1 else {
        throw .prefixElement(index: index)
      }
    }
    self.prefix = prefix
    self.client = client
  }

  /// The path of `path` under this prefix, from the outermost store in.
  public func elements(for path: PacketPath) -> [[UInt8]] {
    var elements = prefix
    elements[elements.count - 1] += path.bytes
    return elements
  }

  /// Decodes `ibc.core.client.v2.CounterpartyInfo`.
  public init(decoding bytes: Span<UInt8>) throws(FormError) {
    var prefix: [[UInt8]] = []
    var text = ""
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [2], repeated: [1]), sizeBytesMax: 4_096)
      while let field = try reader.next(in: bytes) {
        if field.number == 1 {
          prefix.append(try field.bytes(in: bytes))
        } else {
          text = try field.string(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    let client: ClientID
    do { client = try ClientID(text) } catch { throw .client(error) }
    try self.init(prefix: prefix, client: client)
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    for element in prefix { writer.alwaysBytes(1, element) }
    writer.string(2, client.text)
    return writer.bytes
  }
}
