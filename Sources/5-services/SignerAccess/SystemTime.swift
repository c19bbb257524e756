import Foundation

enum SystemTime {
  static func milliseconds() -> UInt64 {
    UInt64(max(0, Date().timeIntervalSince1970 * 1_000))
  }
}
