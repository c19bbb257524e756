public import Encodings
internal import WireBytes

/// Why bytes are no entry of the log.
public enum LogEntryError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case length(max: Int, actual: Int)
  /// Not one of the kinds.
  case kind(UInt64)
  /// A field that the kind always has is absent or empty.
  case missing(field: UInt32)
  /// A field that the kind never has is there.
  case unexpected(field: UInt32)
}

/// What an enclave writes down before it acts on it. The parts are the encodings that went out, byte for byte, so that they
/// go out the same again.
///
/// Canonical protobuf: kind 1, number 2, first hash 3, second hash 4, then one or two parts 5 and 6.
enum LogEntry: Hashable, Sendable {
  /// New keys: their sequence, their registration, their SSZ, and the evidence.
  case keys(sequence: UInt64, registration: Bytes32, keys: [UInt8], evidence: [UInt8])
  /// A computed case: the receipt's sequence, the case, the root of its inputs, and the answer.
  case answer(sequence: UInt64, case: Bytes32, inputs: Bytes32, answer: [UInt8])
  /// A signed transition of a followed chain: its height, the state that it goes on from, the state that it leads to, the
  /// transition with its signature, and the trusted state after it.
  case transition(height: UInt64, previous: Bytes32, next: Bytes32, signed: [UInt8], trusted: [UInt8])

  static let sizeMax = 1 << 20

  private static let rules = ProtobufRules(singular: [1, 2, 3, 4, 5, 6])

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .keys(let sequence, let registration, let keys, let evidence):
      writer.varint(1, 1)
      writer.varint(2, sequence)
      writer.bytes(3, registration)
      writer.bytes(5, keys)
      writer.bytes(6, evidence)
    case .answer(let sequence, let name, let inputs, let answer):
      writer.varint(1, 2)
      writer.varint(2, sequence)
      writer.bytes(3, name)
      writer.bytes(4, inputs)
      writer.bytes(5, answer)
    case .transition(let height, let previous, let next, let signed, let trusted):
      writer.varint(1, 3)
      writer.varint(2, height)
      writer.bytes(3, previous)
      writer.bytes(4, next)
      writer.bytes(5, signed)
      writer.bytes(6, trusted)
    }
    return writer.bytes
  }

  /// - Throws: ``LogEntryError`` and nothing else; no input traps.
  init(decoding bytes: Span<UInt8>) throws(LogEntryError) {
    guard bytes.count <= Self.sizeMax else { throw .length(max: Self.sizeMax, actual: bytes.count) }
    var kind: UInt64 = 0
    var number: UInt64?
    var hashes: [UInt32: Bytes32] = [:]
    var parts: [UInt32: [UInt8]] = [:]
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: kind = try field.uint64()
        case 2: number = try field.uint64()
        case 3, 4: hashes[field.number] = try field.fixed(in: bytes)
        default: parts[field.number] = try field.bytes(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    func hash(_ field: UInt32) throws(LogEntryError) -> Bytes32 {
      guard let hash = hashes.removeValue(forKey: field) else { throw .missing(field: field) }
      return hash
    }
    func part(_ field: UInt32) throws(LogEntryError) -> [UInt8] {
      guard let part = parts.removeValue(forKey: field), !part.isEmpty else { throw .missing(field: field) }
      return part
    }
    guard let number, number > 0 else { throw .missing(field: 2) }
    switch kind {
    case 1:
      self = .keys(sequence: number, registration: try hash(3), keys: try part(5), evidence: try part(6))
    case 2:
      self = .answer(
        sequence: number, case: try hash(3), inputs: try hash(4), answer: try part(5))
    case 3:
      self = .transition(
        height: number, previous: try hash(3), next: try hash(4), signed: try part(5), trusted: try part(6))
    default: throw .kind(kind)
    }
    if let field = (Array(hashes.keys) + Array(parts.keys)).min() { throw .unexpected(field: field) }
  }
}
