/// The little of protobuf that messages of the chain need: varints and bytes.
enum Protobuf {
  struct Writer {
    var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
      var rest = value
      while rest > 0x7f {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Zero is not written, as proto3 has it.
    mutating func put(_ field: UInt64, _ value: UInt64) {
      guard value > 0 else { return }
      varint(field << 3)
      varint(value)
    }

    mutating func put(_ field: UInt64, _ value: [UInt8]) {
      guard !value.isEmpty else { return }
      varint(field << 3 | 2)
      varint(UInt64(value.count))
      bytes += value
    }

    mutating func put(_ field: UInt64, _ value: Text) { put(field, value.bytes) }
  }

  struct Fields {
    fileprivate var varints: [(UInt64, UInt64)] = []
    fileprivate var chunks: [(UInt64, [UInt8])] = []

    func number(_ field: UInt64) -> UInt64? {
      for entry in varints where entry.0 == field { return entry.1 }
      return nil
    }

    func bytes(_ field: UInt64) -> [UInt8]? {
      for entry in chunks where entry.0 == field { return entry.1 }
      return nil
    }
  }

  /// Reads what can be read; stops at the first thing that is neither varint nor bytes.
  static func fields(_ bytes: [UInt8]) -> Fields {
    var fields = Fields()
    var offset = 0
    func varint() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while offset < bytes.count, shift < 64 {
        let byte = bytes[offset]
        offset += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while offset < bytes.count {
      guard let tag = varint() else { return fields }
      if tag & 7 == 0, let value = varint() {
        fields.varints.append((tag >> 3, value))
      } else if tag & 7 == 2, let count = varint(), count <= UInt64(bytes.count),
        let chunk = bytes.part(offset, Int(count))
      {
        offset += chunk.count
        fields.chunks.append((tag >> 3, chunk))
      } else {
        return fields
      }
    }
    return fields
  }
}
