public import Encodings
private import WireBytes

/// Why bytes are no packet.
public enum PacketDecodingError: Error, Hashable, Sendable {
  /// Not the canonical protobuf of such a message.
  case protobuf(ProtobufError)
  /// In the payload at `index`.
  case payload(index: Int, ProtobufError)
  /// Well formed, but not a packet.
  case packet(PacketError)
  case acknowledgement(AcknowledgementError)
  case tooManyPayloads(max: Int)
}

extension Packet {
  /// The longest encoding that is read: all values, and room for names and framing.
  public static let encodedSizeMax = valueSizeMax + 16_384

  /// Decodes `ibc.core.channel.v2.Packet` from untrusted bytes, in canonical protobuf only.
  ///
  /// - Throws: ``PacketDecodingError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(PacketDecodingError) {
    var sequence: UInt64 = 0
    var source = ""
    var destination = ""
    var timeout: UInt64 = 0
    var ranges: [Range<Int>] = []
    do {
      let rules = ProtobufRules(singular: [1, 2, 3, 4], repeated: [5])
      var reader = ProtobufReader(rules, sizeBytesMax: Self.encodedSizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: sequence = try field.uint64()
        case 2: source = try field.string(in: bytes)
        case 3: destination = try field.string(in: bytes)
        case 4: timeout = try field.uint64()
        default:
          // Counted here so that a hostile list of empty payloads allocates nothing much.
          if ranges.count <= Self.payloadCountMax { ranges.append(try field.message()) }
        }
      }
    } catch { throw .protobuf(error) }
    guard ranges.count <= Self.payloadCountMax else { throw .tooManyPayloads(max: Self.payloadCountMax) }
    var payloads: [Payload] = []
    for (index, range) in ranges.enumerated() {
      payloads.append(try Payload(decoding: bytes.extracting(range), index: index))
    }
    guard let sequence = Sequence(sequence) else { throw .packet(.sequenceZero) }
    let sourceClient: ClientID
    let destinationClient: ClientID
    do { sourceClient = try ClientID(source) } catch { throw .packet(.sourceClient(error)) }
    do { destinationClient = try ClientID(destination) } catch { throw .packet(.destinationClient(error)) }
    do {
      self = try Packet(
        sequence: sequence, sourceClient: sourceClient, destinationClient: destinationClient,
        timeout: UnixTime(seconds: timeout), payloads: payloads)
    } catch { throw .packet(error) }
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, sequence.rawValue)
    writer.string(2, sourceClient.text)
    writer.string(3, destinationClient.text)
    writer.varint(4, timeout.seconds)
    for payload in payloads { writer.alwaysBytes(5, payload.encoded()) }
    return writer.bytes
  }
}

extension Payload {
  /// Decodes `ibc.core.channel.v2.Payload` from untrusted bytes, in canonical protobuf only.
  ///
  /// - Throws: ``PacketDecodingError``, a fault of the form as that of payload 0; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(PacketDecodingError) {
    try self.init(decoding: bytes, index: 0)
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, sourcePort.text)
    writer.string(2, destinationPort.text)
    writer.string(3, version)
    writer.string(4, encoding)
    writer.bytes(5, value)
    return writer.bytes
  }

  /// Decodes `ibc.core.channel.v2.Payload`, the payload at `index` of its packet.
  fileprivate init(decoding bytes: Span<UInt8>, index: Int) throws(PacketDecodingError) {
    var texts = ["", "", "", ""]
    var value: [UInt8] = []
    do {
      let rules = ProtobufRules(singular: [1, 2, 3, 4, 5])
      var reader = ProtobufReader(rules, sizeBytesMax: Packet.encodedSizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1, 2, 3, 4: texts[Int(field.number) - 1] = try field.string(in: bytes)
        default: value = try field.bytes(in: bytes)
        }
      }
    } catch { throw .payload(index: index, error) }
    do {
      try self.init(
        sourcePort: texts[0], destinationPort: texts[1], version: texts[2], encoding: texts[3], value: value)
    } catch { throw .packet(error) }
  }
}

extension Acknowledgement {
  /// Decodes `ibc.core.channel.v2.Acknowledgement` from untrusted bytes, in canonical protobuf only.
  ///
  /// - Throws: ``PacketDecodingError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(PacketDecodingError) {
    var results: [[UInt8]] = []
    do {
      var reader = ProtobufReader(ProtobufRules(repeated: [1]), sizeBytesMax: Packet.encodedSizeMax)
      while let field = try reader.next(in: bytes) {
        if results.count <= Packet.payloadCountMax { results.append(try field.bytes(in: bytes)) }
      }
    } catch { throw .protobuf(error) }
    do { try self.init(results) } catch { throw .acknowledgement(error) }
  }

  /// The canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    for result in results { writer.alwaysBytes(1, result) }
    return writer.bytes
  }
}
