/// Unix seconds as a date that people read.
enum UTCDate {
  /// `2026-07-11 07:41:03 UTC`; seconds far beyond any calendar as a number.
  static func text(_ seconds: UInt64) -> String {
    guard seconds < 253_402_300_800 else { return "Unix time \(seconds)" }
    let days = Int(seconds / 86_400)
    let rest = Int(seconds % 86_400)
    // Days since 1 March of year 0, in eras of 400 years (Howard Hinnant, days_from_civil, inverted).
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
      "\(year)-\(two(month))-\(two(day)) \(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) UTC"
  }
}
