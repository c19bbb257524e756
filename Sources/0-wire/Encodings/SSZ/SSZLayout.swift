import WireBytes

/// Splits the scope of a composite SSZ value into the scopes of its parts, and joins parts.
///
/// Every offset is checked: the first one points right behind the fixed part, none points before its predecessor or
/// behind the scope, so there are neither gaps nor overlaps.
public enum SSZLayout {
  /// BYTES_PER_LENGTH_OFFSET.
  public static let offsetSize = 4

  /// The scopes of a container's fields.
  ///
  /// - Parameters:
  ///   - scope: where the container lies in `bytes`.
  ///   - sizes: for each field its fixed size, nil when it is variable.
  public static func fields(
    _ bytes: Span<UInt8>, in scope: Range<Int>, sizes: [Int?]
  ) throws(SSZError) -> [Range<Int>] {
    let fixedLength = sizes.reduce(0) { $0 + ($1 ?? offsetSize) }
    guard scope.count >= fixedLength else {
      throw .truncated(offset: scope.lowerBound, needed: fixedLength, actual: scope.count)
    }
    var scopes: [Range<Int>] = []
    scopes.reserveCapacity(sizes.count)
    var cursor = scope.lowerBound
    var variable: [(field: Int, start: Int)] = []
    for (index, size) in sizes.enumerated() {
      if let size {
        scopes.append(cursor..<(cursor + size))
        cursor += size
      } else {
        let start = try offset(bytes, at: cursor, in: scope)
        if let last = variable.last {
          guard start >= last.start else { throw .offsetOrder(offset: cursor, actual: start) }
          scopes[last.field] = last.start..<start
        } else if start != scope.lowerBound + fixedLength {
          throw .firstOffset(offset: cursor, expected: fixedLength, actual: start - scope.lowerBound)
        }
        variable.append((index, start))
        scopes.append(start..<start)
        cursor += offsetSize
      }
    }
    if let last = variable.last {
      scopes[last.field] = last.start..<scope.upperBound
    } else if scope.count != fixedLength {
      throw .size(offset: scope.lowerBound, expected: fixedLength, actual: scope.count)
    }
    return scopes
  }

  /// The scopes of the elements of a list whose elements are of variable size.
  public static func elements(
    _ bytes: Span<UInt8>, in scope: Range<Int>, limit: UInt64
  ) throws(SSZError) -> [Range<Int>] {
    guard !scope.isEmpty else { return [] }
    let start = scope.lowerBound
    let first = try offset(bytes, at: start, in: scope)
    let table = first - start
    guard table > 0, table.isMultiple(of: offsetSize) else {
      throw .firstOffset(offset: start, expected: offsetSize, actual: table)
    }
    let count = table / offsetSize
    guard UInt64(count) <= limit else { throw .overLimit(offset: start, limit: limit, actual: UInt64(count)) }
    var scopes: [Range<Int>] = []
    scopes.reserveCapacity(count)
    var previous = first
    for index in 1..<Swift.max(count, 1) {
      let next = try offset(bytes, at: start + index * offsetSize, in: scope)
      guard next >= previous else { throw .offsetOrder(offset: start + index * offsetSize, actual: next) }
      scopes.append(previous..<next)
      previous = next
    }
    scopes.append(previous..<scope.upperBound)
    return scopes
  }

  /// The scopes of the elements of a list whose elements are all of `size` bytes.
  public static func elements(
    in scope: Range<Int>, size: Int, limit: UInt64
  ) throws(SSZError) -> [Range<Int>] {
    guard size > 0 else { throw .illegalType }
    guard scope.count.isMultiple(of: size) else {
      throw .alignment(offset: scope.lowerBound, elementSize: size, actual: scope.count)
    }
    let count = scope.count / size
    guard UInt64(count) <= limit else {
      throw .overLimit(offset: scope.lowerBound, limit: limit, actual: UInt64(count))
    }
    return (0..<count).map { index in
      (scope.lowerBound + index * size)..<(scope.lowerBound + (index + 1) * size)
    }
  }

  /// The absolute position that the offset at `position` points to; it lies in the scope or at its end.
  private static func offset(
    _ bytes: Span<UInt8>, at position: Int, in scope: Range<Int>
  ) throws(SSZError) -> Int {
    guard position + offsetSize <= scope.upperBound, scope.upperBound <= bytes.count else {
      throw .truncated(offset: position, needed: offsetSize, actual: scope.upperBound - position)
    }
    var value = 0
    for index in (0..<offsetSize).reversed() { value = value << 8 | Int(bytes[position + index]) }
    guard value <= scope.count else {
      throw .offsetOrder(offset: position, actual: scope.lowerBound + value)
    }
    return scope.lowerBound + value
  }

  /// One encoded part of a container, a vector or a list.
  public enum Part: Hashable, Sendable {
    case fixed([UInt8])
    case variable([UInt8])
  }

  /// Joins parts: fixed ones in place, variable ones behind offsets.
  public static func join(_ parts: [Part]) -> [UInt8] {
    var fixedLength = 0
    var total = 0
    for part in parts {
      switch part {
      case .fixed(let bytes):
        fixedLength += bytes.count
      case .variable(let bytes):
        fixedLength += offsetSize
        total += bytes.count
      }
    }
    var joined: [UInt8] = []
    joined.reserveCapacity(fixedLength + total)
    var end = fixedLength
    for part in parts {
      switch part {
      case .fixed(let bytes):
        joined.append(bytes.span)
      case .variable(let bytes):
        // Values of 4 GiB are not built: the sum stays within an offset.
        precondition(end <= Int(UInt32.max))
        joined.append(littleEndian: UInt32(end))
        end += bytes.count
      }
    }
    for case .variable(let bytes) in parts { joined.append(bytes.span) }
    return joined
  }
}
