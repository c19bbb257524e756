import KeyVault
import Secrets
import SigningRules
import Testing
import WireBytes

@Suite("Sealed backups")
struct BackupTests {
  private static let vaultID = Bytes32 { _ in 0xaa }
  private static let secrets = [UInt8](repeating: 0x5e, count: 300)
  private static let watermarks = [UInt8]("the newest watermarks".utf8)
  private static let groups = [
    SLIP39Group(memberThreshold: 2, memberCount: 3), SLIP39Group(memberThreshold: 1, memberCount: 1),
  ]

  private static func facts(epoch: UInt64 = 9, keys: UInt8 = 3) throws -> BackupFacts {
    try BackupFacts(
      vaultID: vaultID, epoch: epoch, madeAt: 1_767_225_600, policyHash: Bytes32 { _ in 0xbb },
      keyIDs: (0..<keys).reversed().map { number in KeyID(Bytes32 { _ in number }) })
  }

  private static func contents() throws -> BackupContents {
    try BackupContents(vault: OpenSecret.bytes(secrets), watermarks: watermarks)
  }

  private static let empty = [UInt8]()

  /// A backup that words of the first group or of the second open, and those words.
  private static func inWords<Kind: KeyDomainKind>(
    _ kind: Kind.Type = UserKeys.self, passphrase: String = ""
  ) throws -> (backup: SealedBackup<Kind>, words: [[SLIP39Share]]) {
    try SealedBackup<Kind>.seal(
      try contents(), facts: try facts(), for: .words(groupThreshold: 2, groups: groups),
      passphrase: OpenSecret.text(passphrase), iterationExponent: 0)
  }

  private static func toKeys(
    _ keys: [RecoveryPrivateKey], threshold: Int
  ) throws -> SealedBackup<OperatorKeys> {
    try SealedBackup<OperatorKeys>.seal(
      try contents(), facts: try facts(), for: .keys(threshold: threshold, recipients: keys.map(\.publicKey)),
      passphrase: OpenSecret.bytes([])
    ).backup
  }

  private static func keys(_ count: Int) throws -> [RecoveryPrivateKey] {
    try (0..<count).map { _ in try #require(RecoveryPrivateKey()) }
  }

  private func error(_ body: () throws -> Void) -> BackupError? {
    do {
      try body()
      return nil
    } catch { return error as? BackupError }
  }

  @Test("opens with words on paper, after the file was written and read")
  func words() throws {
    let (backup, words) = try Self.inWords()
    let file = backup.encoded()
    let read = try SealedBackup<UserKeys>(decoding: file.span)
    #expect(read.facts == (try Self.facts()))
    #expect(read.facts.keyIDs.map { $0.bytes[0] } == [0, 1, 2])
    // The words are typed in again.
    let typed = try [words[0][2], words[1][0], words[0][0]].map { try OpenSecret.share(OpenSecret.words($0)) }
    let contents = try read.open(try read.key(from: typed, passphrase: OpenSecret.text("")))
    #expect(OpenSecret.array(contents.vault) == Self.secrets)
    #expect(contents.watermarks == Self.watermarks)
    #expect(read.recipients.isEmpty)
    #expect(error { _ = try read.key(from: []).self } == .otherWrapping)
    let key = try #require(RecoveryPrivateKey())
    #expect(error { _ = try read.share(openedBy: key) } == .otherWrapping)
  }

  @Test("opens with the shares of each two of three recovery keys, and of no fewer or more")
  func recoveryKeys() throws {
    let keys = try Self.keys(3)
    let file = try Self.toKeys(keys, threshold: 2).encoded()
    let backup = try SealedBackup<OperatorKeys>(decoding: file.span)
    #expect(backup.recipients == keys.map(\.publicKey.hash))
    let shares = try keys.map { try backup.share(openedBy: $0) }
    #expect(shares.map(\.index) == [0, 1, 2])
    for pair in [[0, 1], [0, 2], [1, 2], [2, 0]] {
      let contents = try backup.open(try backup.key(from: pair.map { shares[$0] }))
      #expect(OpenSecret.array(contents.vault) == Self.secrets)
    }
    for count in [0, 1] {
      #expect(
        error { _ = try backup.key(from: Array(shares.prefix(count))).self } == .shareCount(count, needed: 2))
    }
    #expect(error { _ = try backup.key(from: shares).self } == .shareCount(3, needed: 2))
    #expect(error { _ = try backup.key(from: [shares[1], shares[1]]).self } == .repeatedShare(1))
    let stranger = try #require(RecoveryPrivateKey())
    #expect(error { _ = try backup.share(openedBy: stranger) } == .notRecipient)
    #expect(error { _ = try backup.key(from: [], passphrase: OpenSecret.text("")).self } == .otherWrapping)
    // The same parties' shares of another backup fit neither each other nor this file.
    let other = try Self.toKeys(keys, threshold: 2)
    let mixed = [shares[0], try other.share(openedBy: keys[1])]
    #expect(error { _ = try backup.key(from: mixed).self } == .shares)
    let others = try keys.prefix(2).map { try other.share(openedBy: $0) }
    #expect(error { _ = try backup.open(try backup.key(from: others)).watermarks } == .authentication)
  }

  @Test("gives a recovery key again from its seed")
  func seeds() throws {
    let seed = SecretBytes(random: 32)
    guard let key = RecoveryPrivateKey(seed: seed), let again = RecoveryPrivateKey(seed: seed) else {
      Issue.record("a seed of 32 bytes gives a key")
      return
    }
    #expect(key.publicKey == again.publicKey)
    let backup = try Self.toKeys([key, try #require(RecoveryPrivateKey())], threshold: 2)
    #expect(try backup.share(openedBy: again).index == 0)
    let short = SecretBytes(random: 31)
    let none = RecoveryPrivateKey(seed: short)?.publicKey
    #expect(none == nil)
    #expect(RecoveryPublicKey([UInt8](repeating: 0, count: 1_215)) == nil)
    #expect(RecoveryPublicKey([UInt8](repeating: 0xff, count: 1_216)) == nil)
  }

  @Test("is refused by the programs of all other key domains, also when the file is made to lie")
  func domains() throws {
    let (backup, words) = try Self.inWords(UserKeys.self)
    let file = backup.encoded()
    #expect(throws: BackupError.domain(expected: .operator, found: .user)) {
      try SealedBackup<OperatorKeys>(decoding: file.span)
    }
    #expect(throws: BackupError.domain(expected: .settlement, found: .user)) {
      try SealedBackup<SettlementKeys>(decoding: file.span)
    }
    #expect(throws: BackupError.domain(expected: .enclave, found: .user)) {
      try SealedBackup<SigningRules.EnclaveKeys>(decoding: file.span)
    }
    var lying = file
    lying[9] = KeyDomain.operator.byte
    let read = try SealedBackup<OperatorKeys>(decoding: lying.span)
    let chosen = [words[0][0], words[0][1], words[1][0]]
    let key = try read.key(from: chosen, passphrase: OpenSecret.text(""))
    #expect(error { _ = try read.open(key).watermarks } == .authentication)
    // And shares in the file are sealed to its header.
    let keys = try Self.keys(2)
    var operators = try Self.toKeys(keys, threshold: 2).encoded()
    operators[9] = KeyDomain.user.byte
    let user = try SealedBackup<UserKeys>(decoding: operators.span)
    #expect(error { _ = try user.share(openedBy: keys[0]) } == .authentication)
    lying[9] = 9
    #expect(throws: BackupError.domainByte(9)) { try SealedBackup<UserKeys>(decoding: lying.span) }
  }

  @Test("needs the passphrase that it was made with")
  func passphrase() throws {
    let (backup, words) = try Self.inWords(passphrase: "correct horse")
    let chosen = [words[0][1], words[0][2], words[1][0]]
    let contents = try backup.open(try backup.key(from: chosen, passphrase: OpenSecret.text("correct horse")))
    #expect(contents.watermarks == Self.watermarks)
    let wrong = try backup.key(from: chosen, passphrase: OpenSecret.text("battery staple"))
    #expect(error { _ = try backup.open(wrong).watermarks } == .authentication)
    let few = [words[0][1], words[1][0]]
    #expect(
      error { _ = try backup.key(from: few, passphrase: OpenSecret.text("correct horse")).self }
        == .words(.memberCount(1, needed: 2, group: 0)))
    #expect(
      error { _ = try backup.key(from: [words[1][0]], passphrase: OpenSecret.text("")).self }
        == .words(.groupCount(1, needed: 2)))
    let (_, others) = try Self.inWords()
    #expect(
      error { _ = try backup.key(from: [others[1][0]], passphrase: OpenSecret.text("")).self }
        == .otherWords(
          identifier: others[1][0].heading.identifier, expected: words[0][0].heading.identifier))
  }

  @Test("gives nothing after any bit of the file was changed, and for no shorter or longer file")
  func mutations() throws {
    let (backup, words) = try Self.inWords()
    let keys = try Self.keys(2)
    let chosen = [words[0][0], words[0][1], words[1][0]]
    let file = backup.encoded()
    let key = try backup.key(from: chosen, passphrase: OpenSecret.text(""))
    for bit in 0..<(file.count * 8) {
      var changed = file
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let read = try? SealedBackup<UserKeys>(decoding: changed.span) else { continue }
      #expect(error { _ = try read.open(key).watermarks } == .authentication)
    }
    for count in 0..<file.count {
      let cut = [UInt8](file.prefix(count))
      #expect(throws: BackupError.self) { try SealedBackup<UserKeys>(decoding: cut.span) }
    }
    let long = file + [0]
    #expect(throws: BackupError.wire(.trailingBytes(offset: file.count, count: 1))) {
      try SealedBackup<UserKeys>(decoding: long.span)
    }
    let sealed = try Self.toKeys(keys, threshold: 2).encoded()
    for offset in stride(from: 0, to: sealed.count, by: 7) {
      var changed = sealed
      changed[offset] ^= 0x10
      guard let read = try? SealedBackup<OperatorKeys>(decoding: changed.span) else { continue }
      #expect(
        error {
          let shares = try keys.map { try read.share(openedBy: $0) }
          _ = try read.open(try read.key(from: shares)).watermarks
        } != nil, "\(offset)")
    }
  }

  @Test("reads a strict form")
  func strict() throws {
    let file = try Self.inWords().backup.encoded()
    func refusal(_ offset: Int, _ values: [UInt8]) -> BackupError? {
      var changed = file
      changed.replaceSubrange(offset..<(offset + values.count), with: values)
      return error { _ = try SealedBackup<UserKeys>(decoding: changed.span) }
    }
    #expect(refusal(0, [0]) == .magic)
    #expect(refusal(8, [2]) == .version(2))
    #expect(refusal(90, [0xff, 0xff]) == .size(65_535, limit: 4_096))
    // The keys start at 92: two that are the same, and two in the wrong order.
    #expect(refusal(92, [UInt8](repeating: 1, count: 32)) == .keyOrder(at: 1))
    #expect(refusal(92, [UInt8](repeating: 7, count: 32)) == .keyOrder(at: 1))
    let wrapping = 92 + 3 * 32
    #expect(refusal(wrapping, [3]) == .wrapping(3))
    #expect(refusal(wrapping + 1, [0x80]) == .arrangement)
    #expect(refusal(wrapping + 3, [0]) == .arrangement)
    #expect(refusal(wrapping + 3, [3]) == .arrangement)
    #expect(refusal(wrapping + 4, [17]) == .arrangement)
    #expect(refusal(wrapping + 5, [4]) == .arrangement)
  }

  @Test("restores nothing that is older than what is known, and says how to go on")
  func epochs() throws {
    let (backup, words) = try Self.inWords()
    let chosen = [words[0][0], words[0][1], words[1][0]]
    func restored(_ known: KnownEpoch, _ newer: WatermarkExport? = nil) throws -> WatermarkExport {
      let key = try backup.key(from: chosen, passphrase: OpenSecret.text(""))
      let vault = try backup.restore(with: key, known: known, newerWatermarks: newer)
      #expect(OpenSecret.array(vault.secrets) == Self.secrets)
      return vault.watermarks
    }
    let own = WatermarkExport(epoch: 9, bytes: Self.watermarks)
    #expect(try restored(.anchor(vaultID: Self.vaultID, epoch: 9)) == own)
    #expect(try restored(.anchor(vaultID: Self.vaultID, epoch: 3)) == own)
    #expect(try restored(.stated(vaultID: Self.vaultID, epoch: 9)) == own)
    for known in [
      KnownEpoch.anchor(vaultID: Self.vaultID, epoch: 10), .stated(vaultID: Self.vaultID, epoch: 10),
    ] {
      let refusal = error { _ = try restored(known) }
      #expect(refusal == .olderEpoch(backup: 9, known: 10))
      #expect(refusal?.nextStep?.contains("watermark export of epoch 10 or later") == true)
      let older = WatermarkExport(epoch: 9, bytes: [])
      #expect(error { _ = try restored(known, older) } == .olderWatermarks(given: 9, known: 10))
      let newer = WatermarkExport(epoch: 10, bytes: [1, 2, 3])
      #expect(try restored(known, newer) == newer)
    }
    let other = Bytes32()
    #expect(
      error { _ = try restored(.anchor(vaultID: other, epoch: 0)) }
        == .otherVault(expected: other, found: Self.vaultID))
  }

  @Test("is made for no arrangement in which one party is enough, or a party is twice")
  func arrangements() throws {
    let key = try #require(RecoveryPrivateKey())
    func refusal(_ arrangement: RecoveryArrangement) -> BackupError? {
      error {
        _ = try SealedBackup<UserKeys>.seal(
          try Self.contents(), facts: try Self.facts(), for: arrangement, passphrase: OpenSecret.text(""))
      }
    }
    let single = SLIP39Group(memberThreshold: 1, memberCount: 1)
    #expect(refusal(.words(groupThreshold: 1, groups: [single])) == .arrangement)
    #expect(refusal(.words(groupThreshold: 1, groups: Self.groups)) == .arrangement)
    #expect(refusal(.words(groupThreshold: 3, groups: Self.groups)) == .arrangement)
    #expect(refusal(.keys(threshold: 1, recipients: [key.publicKey])) == .arrangement)
    #expect(refusal(.keys(threshold: 1, recipients: try Self.keys(2).map(\.publicKey))) == .arrangement)
    #expect(refusal(.keys(threshold: 2, recipients: [key.publicKey, key.publicKey])) == .recipient(1))
    #expect(error { _ = try Self.facts(keys: 0) } == nil)
    let id = KeyID(Bytes32())
    #expect(
      error {
        _ = try BackupFacts(
          vaultID: Self.vaultID, epoch: 0, madeAt: 0, policyHash: Bytes32(), keyIDs: [id, id])
      } == .keyOrder(at: 1))
    let large = BackupContents.vaultSizeMax + 1
    #expect(
      error { _ = try BackupContents(vault: SecretBytes(zeroed: large), watermarks: []).watermarks }
        == .size(large, limit: large - 1))
  }
}
