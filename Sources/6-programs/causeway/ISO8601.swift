import Foundation

/// An RFC 3339 time in UTC, to the second, as Unix time.
struct ISO8601 {
  struct Malformed: Error {}
  let seconds: UInt64

  init(_ text: String) throws {
    let date = try Date(text, strategy: .iso8601)
    guard date.timeIntervalSince1970 >= 0 else { throw Malformed() }
    seconds = UInt64(date.timeIntervalSince1970)
  }

  /// `seconds` as text, such as 2026-01-01T00:00:00Z.
  static func text(_ seconds: UInt64) -> String {
    guard seconds < 253_402_300_800 else { return "\(seconds)" }
    return Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
  }
}
