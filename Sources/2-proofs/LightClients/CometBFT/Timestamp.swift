import Encodings

extension CometBFT {
  /// Why a time is none that CometBFT can hold.
  public enum TimestampError: Error, Hashable, Sendable {
    /// Before year 1 or after year 9999.
    case seconds(Int64)
    /// Not in 0..<1,000,000,000.
    case nanoseconds(Int32)
    /// Not RFC 3339 with at most nine fractional digits in UTC (`Z`).
    case text
  }

  /// A point in time to the nanosecond, as the protobuf `Timestamp`: seconds since 1970 and nanoseconds after them.
  public struct Timestamp: Hashable, Comparable, Sendable {
    public let seconds: Int64
    public let nanoseconds: Int32

    /// Year 1, the first time that Go and protobuf know: what Go writes where there is no time.
    public static let goZero = Timestamp(unchecked: secondsMin, 0)
    private static let secondsMin: Int64 = -62_135_596_800
    /// The last second of year 9999 (google/protobuf/timestamp.proto).
    private static let secondsMax: Int64 = 253_402_300_799

    public init(seconds: Int64, nanoseconds: Int32 = 0) throws(TimestampError) {
      guard seconds >= Self.secondsMin, seconds <= Self.secondsMax else { throw .seconds(seconds) }
      guard (0..<1_000_000_000).contains(nanoseconds) else { throw .nanoseconds(nanoseconds) }
      self.init(unchecked: seconds, nanoseconds)
    }

    private init(unchecked seconds: Int64, _ nanoseconds: Int32) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }

    /// The time since 1970, exact, with room for any sum of two of them.
    public var sinceEpoch: Duration { .seconds(seconds) + .nanoseconds(Int64(nanoseconds)) }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
      (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
  }
}

// MARK: Protobuf

extension CometBFT.Timestamp {
  /// Decodes {seconds 1, nanos 2}.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var seconds: Int64 = 0
    var nanoseconds: Int32 = 0
    while let field = try reader.next(in: message) {
      if field.number == 1 { seconds = try field.int64() } else { nanoseconds = try field.int32() }
    }
    do { try self.init(seconds: seconds, nanoseconds: nanoseconds) } catch { throw .timestamp(error) }
  }

  func write(to writer: inout ProtobufWriter) {
    writer.int64(1, seconds)
    writer.int32(2, nanoseconds)
  }

  /// {seconds 1, nanos 2}.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    return writer.bytes
  }
}

// MARK: Text

extension CometBFT.Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC with as many fractional digits as needed, as Go writes it.
  public var description: String {
    let (days, secondOfDay) = Self.floorDivide(seconds, 86_400)
    let (year, month, day) = Self.civil(daysSinceEpoch: days)
    func pad(_ value: Int64, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    var text = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T"
    text += "\(pad(secondOfDay / 3600, 2)):\(pad(secondOfDay / 60 % 60, 2)):\(pad(secondOfDay % 60, 2))"
    if nanoseconds != 0 {
      var fraction = pad(Int64(nanoseconds), 9)
      while fraction.hasSuffix("0") { fraction.removeLast() }
      text += "." + fraction
    }
    return text + "Z"
  }

  /// Reads RFC 3339 in UTC: `2026-01-01T00:00:01.5Z`, at most nine fractional digits.
  public init(rfc3339 text: String) throws(CometBFT.TimestampError) {
    let characters = [UInt8](text.utf8)
    guard characters.count >= 20, characters.count <= 30, characters.last == UInt8(ascii: "Z") else {
      throw .text
    }
    func digits(_ range: Range<Int>) throws(CometBFT.TimestampError) -> Int64 {
      var value: Int64 = 0
      for index in range {
        guard (0x30...0x39).contains(characters[index]) else { throw .text }
        value = value * 10 + Int64(characters[index] - 0x30)
      }
      return value
    }
    for (index, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] as [(Int, Unicode.Scalar)] {
      guard characters[index] == UInt8(ascii: mark) else { throw .text }
    }
    let (year, month, day) = (try digits(0..<4), try digits(5..<7), try digits(8..<10))
    let (hour, minute, second) = (try digits(11..<13), try digits(14..<16), try digits(17..<19))
    guard year >= 1, (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60 else {
      throw .text
    }
    let days = Self.days(year: year, month: month, day: day)
    // A day past the end of its month comes back as another date.
    guard Self.civil(daysSinceEpoch: days) == (year, month, day) else { throw .text }
    var nanoseconds: Int64 = 0
    if characters.count > 20 {
      guard characters[19] == UInt8(ascii: "."), characters.count > 21 else { throw .text }
      let fraction = 20..<(characters.count - 1)
      nanoseconds = try digits(fraction)
      for _ in fraction.count..<9 { nanoseconds *= 10 }
    }
    try self.init(
      seconds: days * 86_400 + hour * 3600 + minute * 60 + second, nanoseconds: Int32(nanoseconds))
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years run from March.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floorDivide(shifted, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(daysSinceEpoch days: Int64) -> (Int64, Int64, Int64) {
    let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }
}
