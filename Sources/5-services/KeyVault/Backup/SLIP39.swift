public import Secrets

/// A group of those who hold shares: so many of so many open its part.
public struct SLIP39Group: Hashable, Sendable {
  public let memberThreshold: Int
  public let memberCount: Int

  public init(memberThreshold: Int, memberCount: Int) {
    self.memberThreshold = memberThreshold
    self.memberCount = memberCount
  }
}

/// Sharing of a secret among groups of people, in words (SLIP-0039).
public enum SLIP39 {
  /// The standard allows 15, which is 327,680,000 iterations: a mistyped share must not keep a program busy for hours.
  public static let iterationExponentMax = 10
  public static let passphraseSizeMax = 256

  private static func checkPassphrase(_ passphrase: borrowing SecretBytes) throws(SLIP39Error) {
    guard passphrase.count <= passphraseSizeMax else { throw .passphrase }
    let isPrintable = passphrase.withSpan { (bytes: Span<UInt8>) in
      var isPrintable = true
      for index in bytes.indices where !(32...126).contains(bytes[index]) { isPrintable = false }
      return isPrintable
    }
    guard isPrintable else { throw .passphrase }
  }

  /// Whether `groups` can be made: between 1 and 16 of them, each between 1 and 16 members, thresholds within, and no
  /// threshold of one with several members, whose shares would be the same words.
  static func isArrangement(groupThreshold: Int, groups: [SLIP39Group]) -> Bool {
    guard (1...SecretSharing.countMax).contains(groups.count), (1...groups.count).contains(groupThreshold)
    else {
      return false
    }
    return groups.allSatisfy { group in
      (1...SecretSharing.countMax).contains(group.memberCount)
        && (1...group.memberCount).contains(group.memberThreshold)
        && (group.memberThreshold > 1 || group.memberCount == 1)
    }
  }

  /// Shares of `secret`, group by group.
  ///
  /// - Parameters:
  ///   - secret: 16 to 64 bytes, an even number.
  ///   - passphrase: may be empty. The same shares with another passphrase give another secret, which looks as good.
  /// - Throws: ``SLIP39Error``.
  public static func split(
    _ secret: borrowing SecretBytes, groupThreshold: Int, groups: [SLIP39Group],
    passphrase: borrowing SecretBytes, isExtendable: Bool = true, iterationExponent: Int = 1
  ) throws(SLIP39Error) -> [[SLIP39Share]] {
    guard secret.count >= SLIP39Share.secretSizeMin, secret.count <= SLIP39Share.secretSizeMax,
      secret.count.isMultiple(of: 2)
    else { throw .secretSize(secret.count) }
    guard isArrangement(groupThreshold: groupThreshold, groups: groups) else { throw .arrangement }
    guard (0...iterationExponentMax).contains(iterationExponent) else {
      throw .iterationExponent(iterationExponent, limit: iterationExponentMax)
    }
    try checkPassphrase(passphrase)
    let identifier = UInt16.random(in: 0..<(1 << 15))
    func heading(group: Int, member: Int, threshold: Int) -> SLIP39Heading {
      SLIP39Heading(
        identifier: identifier, isExtendable: isExtendable, iterationExponent: UInt8(iterationExponent),
        groupThreshold: groupThreshold, groupCount: groups.count, groupIndex: group,
        memberThreshold: threshold, memberIndex: member)
    }
    guard
      let encrypted = SLIP39Cipher.encrypt(
        secret, passphrase: passphrase, heading: heading(group: 0, member: 0, threshold: 1))
    else { throw .derivation }
    let parts = SecretSharing.split(encrypted, threshold: groupThreshold, count: groups.count)
    return zip(groups, parts).map { group, part in
      SecretSharing.split(part.value.copy(), threshold: group.memberThreshold, count: group.memberCount).map {
        point in
        SLIP39Share(
          heading: heading(
            group: Int(part.place), member: Int(point.place), threshold: group.memberThreshold),
          value: point.value)
      }
    }
  }

  /// The secret of exactly as many shares as are needed: the threshold's number of groups, and of each the threshold's
  /// number of members.
  ///
  /// - Throws: ``SLIP39Error``.
  public static func combine(
    _ shares: [SLIP39Share], passphrase: borrowing SecretBytes
  ) throws(SLIP39Error) -> SecretBytes {
    try checkPassphrase(passphrase)
    guard let first = shares.first else { throw .noShares }
    var groups: [Int: [SLIP39Share]] = [:]
    for share in shares {
      if let field = share.heading.difference(from: first.heading) { throw .mixed(field) }
      guard share.value.count == first.value.count else { throw .mixedLengths }
      let group = share.heading.groupIndex
      if let other = groups[group]?.first, other.heading.memberThreshold != share.heading.memberThreshold {
        throw .mixedMemberThresholds(group: group)
      }
      if groups[group]?.contains(where: { $0.heading.memberIndex == share.heading.memberIndex }) ?? false {
        throw .repeatedMember(group: group, member: share.heading.memberIndex)
      }
      groups[group, default: []].append(share)
    }
    guard groups.count == first.heading.groupThreshold else {
      throw .groupCount(groups.count, needed: first.heading.groupThreshold)
    }
    var parts: [SharePoint] = []
    for (group, members) in groups.sorted(by: { $0.key < $1.key }) {
      let needed = members[0].heading.memberThreshold
      guard members.count == needed else { throw .memberCount(members.count, needed: needed, group: group) }
      let points = members.map { SharePoint(place: UInt8($0.heading.memberIndex), value: $0.value) }
      guard let part = SecretSharing.recover(points) else { throw .digest }
      parts.append(SharePoint(place: UInt8(group), value: part))
    }
    guard let encrypted = SecretSharing.recover(parts) else { throw .digest }
    guard first.heading.iterationExponent <= iterationExponentMax else {
      throw .iterationExponent(Int(first.heading.iterationExponent), limit: iterationExponentMax)
    }
    guard let secret = SLIP39Cipher.decrypt(encrypted, passphrase: passphrase, heading: first.heading) else {
      throw .derivation
    }
    return secret
  }
}
