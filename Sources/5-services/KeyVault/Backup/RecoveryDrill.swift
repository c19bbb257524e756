internal import Secrets
public import SigningRules
public import WireBytes

/// What a drill rehearses: who must come together, in numbers.
public enum DrillArrangement: Hashable, Sendable {
  case words(groupThreshold: Int, groups: [SLIP39Group])
  case keys(threshold: Int, parties: Int)
}

/// One thing that a drill checks.
public enum DrillStep: String, Hashable, Sendable, CaseIterable {
  /// Throw-away keys are made.
  case makeKeys
  /// They are sealed, and the file is read back.
  case seal
  /// Every minimal set of parties opens the file, and gets the same secrets.
  case everyMinimalSet
  /// The restored keys have the same public halves, and sign a challenge that these verify.
  case signWithRestored
  /// One party fewer gets nothing.
  case onePartyFewer
  /// A share of another backup in the place of one's own gives nothing.
  case shareOfAnother
  /// Another key domain's program refuses the file.
  case otherDomain
  /// A file of which a byte was changed gives nothing.
  case alteredFile
  /// A backup that is older than what is known is not restored, unless newer watermarks come with it.
  case olderBackup
}

/// What a drill found.
public struct DrillReport: Hashable, Sendable {
  public struct Line: Hashable, Sendable {
    public let step: DrillStep
    /// How many single checks were made, and how many of them came out wrong.
    public let checked: Int
    public let failed: Int
    /// The first thing that came out wrong, when it was an error.
    public let error: BackupError?
  }

  public let domain: KeyDomain
  public let lines: [Line]
  /// How many minimal sets of parties there are; more than ``RecoveryDrill/setsMax`` are not all tried.
  public let minimalSets: Int

  /// Whether every step was made and nothing came out wrong.
  public var passed: Bool {
    lines.map(\.step) == DrillStep.allCases && lines.allSatisfy { $0.checked > 0 && $0.failed == 0 }
  }
}

/// A rehearsal of backup and recovery with keys that are thrown away afterwards: it touches no file, no vault and no key
/// that is in use, so that it can be run at any time, also while the signer serves.
public struct RecoveryDrill<Kind: KeyDomainKind>: Sendable {
  public static var setsMaxDefault: Int { 512 }

  /// Of the minimal sets of parties, how many are tried at most.
  public let setsMax: Int
  public let arrangement: DrillArrangement
  public let suites: [KeySuite]
  private let challenge: Bytes32

  /// - Parameters:
  ///   - suites: of the throw-away keys; those that no process holds alone are left out.
  ///   - challenge: what the restored keys sign: random, or the operator's own words hashed.
  public init(
    arrangement: DrillArrangement, suites: [KeySuite], challenge: Bytes32,
    setsMax: Int = RecoveryDrill.setsMaxDefault
  ) {
    self.setsMax = setsMax
    self.arrangement = arrangement
    self.suites = suites.filter { $0.secretSizeBytes != nil }
    self.challenge = challenge
  }

  /// Runs all steps.
  ///
  /// - Throws: ``BackupError`` when the arrangement cannot be made; what fails later is in the report.
  public func run() throws(BackupError) -> DrillReport {
    var lines: [DrillReport.Line] = []
    func note(_ step: DrillStep, _ checks: [Check]) {
      lines.append(
        DrillReport.Line(
          step: step, checked: checks.count, failed: checks.count { !$0.isGood },
          error: checks.lazy.filter { !$0.isGood }.compactMap(\.error).first))
    }
    let made = suites.map { ThrowAwayKey($0) }
    let keys = made.compactMap { $0 }
    note(.makeKeys, made.map { Check($0 != nil) })

    let drilled = try DrilledBackup<Kind>(arrangement, keys: keys)
    let other = try DrilledBackup<Kind>(arrangement, keys: keys)
    let file = drilled.backup.encoded()
    var checks: [Check] = []
    do {
      let read = try SealedBackup<Kind>(decoding: file.span)
      checks.append(Check(read.facts == drilled.backup.facts && read.encoded() == file))
    } catch { checks.append(Check(error)) }
    note(.seal, checks)

    let sets = drilled.minimalSets(limit: setsMax)
    var opened: [Check] = []
    var signed: [Check] = []
    var fewer: [Check] = []
    var mixed: [Check] = []
    for set in sets {
      do {
        let contents = try drilled.backup.open(try drilled.key(from: set))
        opened.append(Check(ThrowAwayKey.encoded(keys).matches(contents.vault)))
        for (key, secret) in zip(keys, ThrowAwayKey.secrets(contents.vault, of: keys)) {
          signed.append(Check(key.answers(challenge, with: secret)))
        }
      } catch { opened.append(Check(error)) }
      for index in set.indices {
        var smaller = set
        smaller.remove(at: index)
        fewer.append(Check(refused: { () throws(BackupError) in _ = try drilled.key(from: smaller) }))
      }
      mixed.append(
        Check(refused: { () throws(BackupError) in
          let key = try drilled.key(from: set, first: other)
          _ = try drilled.backup.open(key)
        }))
    }
    note(.everyMinimalSet, opened)
    note(.signWithRestored, signed)
    note(.onePartyFewer, fewer)
    note(.shareOfAnother, mixed)
    note(.otherDomain, otherDomains(file))
    note(.alteredFile, sets.first.map { altered(file, drilled, $0) } ?? [])
    note(.olderBackup, sets.first.map { older(drilled, $0) } ?? [])
    return DrillReport(domain: Kind.domain, lines: lines, minimalSets: drilled.minimalSetCount)
  }

  private struct Check {
    let isGood: Bool
    var error: BackupError?

    init(_ isGood: Bool) { self.isGood = isGood }

    init(_ error: BackupError) {
      isGood = false
      self.error = error
    }

    /// Good when `body` throws.
    init(refused body: () throws(BackupError) -> Void) {
      do {
        try body()
        isGood = false
      } catch { isGood = true }
    }
  }

  private func otherDomains(_ file: [UInt8]) -> [Check] {
    func check<Other: KeyDomainKind>(_ other: Other.Type) -> [Check] {
      guard Other.domain != Kind.domain else { return [] }
      do {
        _ = try SealedBackup<Other>(decoding: file.span)
        return [Check(false)]
      } catch { return [Check(error == .domain(expected: Other.domain, found: Kind.domain))] }
    }
    return check(UserKeys.self) + check(OperatorKeys.self) + check(SettlementKeys.self)
      + check(SigningRules.EnclaveKeys.self)
  }

  /// Changes one byte in each sixteenth of the file.
  private func altered(_ file: [UInt8], _ drilled: DrilledBackup<Kind>, _ set: [Int]) -> [Check] {
    stride(from: 0, to: file.count, by: max(1, file.count / 16)).map { offset in
      var changed = file
      changed[offset] ^= 1
      return Check(refused: { () throws(BackupError) in
        let read = try SealedBackup<Kind>(decoding: changed.span)
        _ = try read.open(try drilled.key(from: set, in: read))
      })
    }
  }

  private func older(_ drilled: DrilledBackup<Kind>, _ set: [Int]) -> [Check] {
    let facts = drilled.backup.facts
    let known = KnownEpoch.anchor(vaultID: facts.vaultID, epoch: facts.epoch + 1)
    var checks: [Check] = []
    do {
      _ = try drilled.backup.restore(with: try drilled.key(from: set), known: known).watermarks.epoch
      checks.append(Check(false))
    } catch { checks.append(Check(error == .olderEpoch(backup: facts.epoch, known: facts.epoch + 1))) }
    do {
      let newer = WatermarkExport(epoch: facts.epoch + 1, bytes: [2])
      let restored = try drilled.backup.restore(
        with: try drilled.key(from: set), known: known, newerWatermarks: newer)
      checks.append(Check(restored.watermarks == newer))
    } catch { checks.append(Check(error)) }
    return checks
  }
}

/// A key for a drill, and what it should be.
private struct ThrowAwayKey {
  let suite: KeySuite
  let publicKey: [UInt8]
  let secret: SharedSecret

  init?(_ suite: KeySuite) {
    guard let secret = try? InProcessKey.generate(suite), let key = try? InProcessKey(suite, secret: secret)
    else {
      return nil
    }
    self.suite = suite
    publicKey = key.publicKey
    self.secret = SharedSecret(secret)
  }

  var id: KeyID { KeyID(suite: suite, publicKey: publicKey) }

  /// All secrets in a row.
  static func encoded(_ keys: [ThrowAwayKey]) -> SecretBytes {
    keys.reduce(SharedSecret(SecretBytes(zeroed: 0))) { sum, key in
      SharedSecret(SecretBytes(sum.copy(), key.secret.copy()))
    }.copy()
  }

  static func secrets(_ bytes: borrowing SecretBytes, of keys: [ThrowAwayKey]) -> [SharedSecret] {
    var offset = 0
    var secrets: [SharedSecret] = []
    for key in keys where offset + key.secret.count <= bytes.count {
      secrets.append(SharedSecret(bytes.slice(offset..<(offset + key.secret.count))))
      offset += key.secret.count
    }
    return secrets
  }

  /// Whether `restored` is this key: the same public half, and a signature of the challenge that it verifies.
  func answers(_ challenge: Bytes32, with restored: SharedSecret) -> Bool {
    guard let key = try? InProcessKey(suite, secret: restored.copy()), key.publicKey == publicKey,
      let signature = try? key.sign(.digest(challenge), recoverable: false)
    else { return false }
    do {
      try SignatureCheck.check(
        signature, over: .digest(challenge), recoverable: false, suite: suite, publicKey: publicKey)
      return true
    } catch {
      return false
    }
  }
}

/// A backup of throw-away keys with all that its parties hold.
private struct DrilledBackup<Kind: KeyDomainKind> {
  let backup: SealedBackup<Kind>
  /// In words: the groups, each with the places of its members in `shares`.
  private let groups: [[Int]]
  private let thresholds: (groups: Int, members: [Int])
  private let words: [SLIP39Share]
  private let parties: [RecoveryPrivateKey]

  init(_ arrangement: DrillArrangement, keys: [ThrowAwayKey]) throws(BackupError) {
    let vaultID = SecretBytes(random: 32).withSpan { (bytes: Span<UInt8>) in Bytes32(bytes, at: 0) }
    let facts = try BackupFacts(
      vaultID: vaultID, epoch: 7, madeAt: 0, policyHash: Bytes32(), keyIDs: keys.map(\.id))
    let contents = try BackupContents(vault: ThrowAwayKey.encoded(keys), watermarks: [1])
    let empty = SecretBytes(zeroed: 0)
    switch arrangement {
    case .words(let groupThreshold, let groups):
      // The key is random and there is no passphrase to slow down guessing of.
      let sealed = try SealedBackup<Kind>.seal(
        contents, facts: facts, for: .words(groupThreshold: groupThreshold, groups: groups),
        passphrase: empty,
        iterationExponent: 0)
      backup = sealed.backup
      words = sealed.words.flatMap { $0 }
      parties = []
      var places: [[Int]] = []
      var next = 0
      for group in groups {
        places.append(Array(next..<(next + group.memberCount)))
        next += group.memberCount
      }
      self.groups = places
      thresholds = (groupThreshold, groups.map(\.memberThreshold))
    case .keys(let threshold, let count):
      guard BackupWrapping.isArrangement(threshold: threshold, count: count) else { throw .arrangement }
      parties = (0..<count).compactMap { _ in RecoveryPrivateKey() }
      let sealed = try SealedBackup<Kind>.seal(
        contents, facts: facts, for: .keys(threshold: threshold, recipients: parties.map(\.publicKey)),
        passphrase: empty)
      backup = sealed.backup
      words = []
      groups = [Array(0..<count)]
      thresholds = (1, [threshold])
    }
  }

  /// The first sets of shares that are just enough, each share by its place; all of them when there are fewer than `limit`.
  func minimalSets(limit: Int) -> [[Int]] {
    var found: [[Int]] = []
    for chosen in Self.choices(thresholds.groups, of: Array(groups.indices), limit: limit) {
      var sets: [[Int]] = [[]]
      for group in chosen {
        let members = Self.choices(thresholds.members[group], of: groups[group], limit: limit)
        sets = Array(sets.lazy.flatMap { set in members.lazy.map { set + $0 } }.prefix(limit))
      }
      found += sets
      if found.count >= limit { break }
    }
    return Array(found.prefix(limit))
  }

  /// How many such sets there are; the largest integer when there are more.
  var minimalSetCount: Int {
    // Entry k: in how many ways k of the groups so far, and enough members of each, can be chosen.
    var ways = [1] + [Int](repeating: 0, count: thresholds.groups)
    for (members, threshold) in zip(groups, thresholds.members) {
      let choices = (0..<threshold).reduce(1) { $0 * (members.count - $1) / ($1 + 1) }
      for chosen in stride(from: thresholds.groups, to: 0, by: -1) {
        let (product, isTooLarge) = ways[chosen - 1].multipliedReportingOverflow(by: choices)
        let (sum, overflows) = ways[chosen].addingReportingOverflow(isTooLarge ? .max : product)
        ways[chosen] = overflows ? .max : sum
      }
    }
    return ways[thresholds.groups]
  }

  /// The first choices of `count` of `elements`, in order.
  private static func choices(_ count: Int, of elements: [Int], limit: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    guard elements.count >= count else { return [] }
    var found: [[Int]] = []
    for index in elements.indices where found.count < limit {
      found += choices(count - 1, of: Array(elements[(index + 1)...]), limit: limit).map {
        [elements[index]] + $0
      }
    }
    return Array(found.prefix(limit))
  }

  /// The key from the shares of `set`: of this backup, or as `file` has them, the first one of `first` when given.
  func key(
    from set: [Int], in file: SealedBackup<Kind>? = nil, first: DrilledBackup? = nil
  ) throws(BackupError) -> BackupKey {
    let file = file ?? backup
    if parties.isEmpty {
      let shares = set.enumerated().map { index, place in
        index == 0 ? (first ?? self).words[place] : words[place]
      }
      return try file.key(from: shares, passphrase: SecretBytes(zeroed: 0))
    }
    var shares: [RecoveryShare] = []
    for (index, place) in set.enumerated() {
      if index == 0, let first {
        shares.append(try first.backup.share(openedBy: first.parties[place]))
      } else {
        shares.append(try file.share(openedBy: parties[place]))
      }
    }
    return try file.key(from: shares)
  }
}
