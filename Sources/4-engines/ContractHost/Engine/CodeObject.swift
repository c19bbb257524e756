/// The little that is read of serialized code, which is an ELF file for 64 bits, little-endian.
enum CodeObject {
  /// Why code does not look as wasmtime writes it.
  enum Failure: Error {
    case noELF
    case noSection
  }

  /// Contents of `.wasmtime.engine` (wasmtime crates/wasmtime/src/engine/serialization.rs).
  static func engineSection(of bytes: [UInt8]) throws(Failure) -> [UInt8] {
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]),
      let table = number(bytes, 0x28, 8), let width = number(bytes, 0x3a, 2),
      let count = number(bytes, 0x3c, 2), let names = number(bytes, 0x3e, 2)
    else { throw .noELF }
    guard let (nameStart, nameCount) = section(bytes, table + width * names) else { throw .noSection }
    let wanted = [UInt8](".wasmtime.engine".utf8) + [0]
    for index in 0..<count {
      let header = table + width * index
      guard let name = number(bytes, header, 4), let (start, size) = section(bytes, header) else { break }
      guard name <= nameCount, wanted.count <= nameCount - name else { continue }
      let from = nameStart + name
      if bytes[from..<(from + wanted.count)].elementsEqual(wanted) {
        return [UInt8](bytes[start..<(start + size)])
      }
    }
    throw .noSection
  }

  /// Where the contents of the section with this header lie; nil when they do not lie in the file.
  private static func section(_ bytes: [UInt8], _ header: Int) -> (start: Int, count: Int)? {
    guard let start = number(bytes, header + 0x18, 8), let count = number(bytes, header + 0x20, 8),
      start <= bytes.count, count <= bytes.count - start
    else { return nil }
    return (start, count)
  }

  /// A little-endian number of at most 2^40; nil outside the file or above.
  private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> Int? {
    guard offset >= 0, offset <= bytes.count - width else { return nil }
    var value: UInt64 = 0
    for index in (0..<width).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    return value < 1 << 40 ? Int(value) : nil
  }
}
