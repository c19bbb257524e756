/// A contract's memory, lent for one look: whoever makes it answers for the pointer while it is used.
///
/// Every access compares its place with the size first; no pointer of a contract is believed.
@safe
struct GuestMemory {
  private let start: UnsafeMutablePointer<UInt8>
  private let count: Int

  @unsafe
  init(start: UnsafeMutablePointer<UInt8>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  /// The region whose 12 bytes stand at `pointer`.
  func region(at pointer: UInt32) throws(RegionError) -> Region {
    guard Int(pointer) <= count - Region.byteCount else { throw .unreadable(pointer: pointer) }
    return try Region(
      offset: word(Int(pointer)), capacity: word(Int(pointer) + 4), length: word(Int(pointer) + 8))
  }

  /// A copy of the bytes that a region has in use.
  func read(_ region: Region) throws(RegionError) -> [UInt8] {
    try check(region, Int(region.length))
    // Inside: just compared.
    return unsafe [UInt8](UnsafeBufferPointer(start: start + Int(region.offset), count: Int(region.length)))
  }

  /// Copies `bytes`, at most the capacity, into the region and its length into the description at `pointer`.
  func write(_ bytes: [UInt8], _ region: Region, at pointer: UInt32) throws(RegionError) {
    try check(region, bytes.count)
    guard Int(pointer) <= count - Region.byteCount else { throw .unreadable(pointer: pointer) }
    // Inside: just compared, both of them.
    unsafe bytes.withUnsafeBufferPointer { source in
      guard let from = source.baseAddress else { return }
      unsafe (start + Int(region.offset)).update(from: from, count: source.count)
    }
    for (index, number) in [region.offset, region.capacity, region.length].enumerated() {
      for byte in 0..<4 {
        unsafe start[Int(pointer) + 4 * index + byte] = UInt8(truncatingIfNeeded: number >> UInt32(8 * byte))
      }
    }
  }

  private func check(_ region: Region, _ bytes: Int) throws(RegionError) {
    guard Int(region.offset) <= count, bytes <= count - Int(region.offset) else {
      throw .outside(
        offset: region.offset, capacity: region.capacity, length: region.length, memoryBytes: count)
    }
  }

  /// Little-endian; the caller has compared the place.
  private func word(_ place: Int) -> UInt32 {
    (0..<4).reduce(0) { unsafe $0 | UInt32(start[place + $1]) << UInt32(8 * $1) }
  }
}
