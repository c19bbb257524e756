private import Crypto
private import FoundationEssentials
public import Secrets
public import SigningRules
public import WireBytes

/// What a backup holds.
public struct BackupContents: ~Copyable, Sendable {
  public static let vaultSizeMax = 4 << 20
  public static let watermarksSizeMax = 64 << 20

  /// The secrets of one key domain, as the vault writes them.
  public let vault: SecretBytes
  /// The newest watermark export, as the signing rules write it. Its epoch is the backup's.
  public let watermarks: [UInt8]

  /// - Throws: ``BackupError/size(_:limit:)``.
  public init(vault: consuming SecretBytes, watermarks: [UInt8]) throws(BackupError) {
    guard vault.count <= Self.vaultSizeMax else { throw .size(vault.count, limit: Self.vaultSizeMax) }
    guard watermarks.count <= Self.watermarksSizeMax else {
      throw .size(watermarks.count, limit: Self.watermarksSizeMax)
    }
    self.vault = vault
    self.watermarks = watermarks
  }

  /// Layout: `[version 1: 1][length: 4][vault][watermarks]`.
  func encoded() -> SecretBytes {
    let length = UInt32(vault.count)
    var head: [UInt8] = [1]
    head.append(bigEndian: length)
    let front = SecretBytes(SecretBytes(copying: head.span), vault)
    return SecretBytes(front, SecretBytes(copying: watermarks.span))
  }

  init(_ bytes: borrowing SecretBytes) throws(BackupError) {
    let vaultSize = bytes.withSpan { (span: Span<UInt8>) -> Int? in
      guard span.count >= 5, span[0] == 1 else { return nil }
      let length = (1..<5).reduce(0) { $0 << 8 | Int(span[$1]) }
      return length <= span.count - 5 ? length : nil
    }
    guard let vaultSize else { throw .contents }
    let watermarks = bytes.withSpan { (span: Span<UInt8>) in
      [UInt8](copying: span.extracting((5 + vaultSize)..<span.count))
    }
    try self.init(vault: bytes.slice(5..<(5 + vaultSize)), watermarks: watermarks)
  }
}

/// The key of one backup, put together by its recovery parties; wiped when it goes.
public struct BackupKey: ~Copyable, Sendable {
  static let sizeBytes = 32
  let bytes: SecretBytes
}

/// What is known about the newest state of a vault, against which a backup is held.
public enum KnownEpoch: Hashable, Sendable {
  /// The anchor that the signer kept in another place.
  case anchor(vaultID: Bytes32, epoch: UInt64)
  /// The anchor is lost with the machine, and those who restore state the newest epoch that they find in audit logs,
  /// exports and other backups.
  case stated(vaultID: Bytes32, epoch: UInt64)

  public var vaultID: Bytes32 {
    switch self {
    case .anchor(let vaultID, _), .stated(let vaultID, _): vaultID
    }
  }

  public var epoch: UInt64 {
    switch self {
    case .anchor(_, let epoch), .stated(_, let epoch): epoch
    }
  }
}

/// A watermark export that is newer than a backup.
public struct WatermarkExport: Hashable, Sendable {
  public let epoch: UInt64
  public let bytes: [UInt8]

  public init(epoch: UInt64, bytes: [UInt8]) {
    self.epoch = epoch
    self.bytes = bytes
  }
}

/// A file that holds the secrets of one key domain and its newest watermarks, for several recovery parties together.
///
/// The contents are sealed by AES-256-GCM with a key of their own, the whole public part of the file being authenticated
/// with them. The key exists nowhere: it is shared among the parties. A backup of one domain is of another type than a
/// backup of another, and its file is refused by it.
public struct SealedBackup<Kind: KeyDomainKind>: Sendable {
  /// Header and wrapping, 128 KiB at most, with the largest contents.
  public static var sizeMax: Int {
    BackupContents.vaultSizeMax + BackupContents.watermarksSizeMax + BackupFacts.keyCountMax * 32 + 65_536
  }

  public let facts: BackupFacts
  let wrapping: BackupWrapping
  private let header: [UInt8]
  private let nonce: [UInt8]
  /// With its tag.
  private let ciphertext: [UInt8]

  /// Everything before the nonce.
  private var authenticated: [UInt8] { header + wrapping.encoded() }

  /// Seals `contents`, and gives the file and, where the arrangement is in words, the shares, group by group.
  ///
  /// - Parameters:
  ///   - passphrase: of the shares in words; may be empty.
  ///   - iterationExponent: of the shares in words. The key is random, so that it protects a passphrase only.
  /// - Throws: ``BackupError``.
  public static func seal(
    _ contents: borrowing BackupContents, facts: BackupFacts, for arrangement: RecoveryArrangement,
    passphrase: borrowing SecretBytes, iterationExponent: Int = 1
  ) throws(BackupError) -> (backup: SealedBackup, words: [[SLIP39Share]]) {
    let header = BackupHeader(domain: Kind.domain, facts: facts).encoded()
    let key = SecretBytes(random: BackupKey.sizeBytes)
    let wrapping: BackupWrapping
    var words: [[SLIP39Share]] = []
    switch arrangement {
    case .words(let groupThreshold, let groups):
      guard BackupWrapping.needsTwo(groupThreshold: groupThreshold, groups: groups) else {
        throw .arrangement
      }
      do {
        words = try SLIP39.split(
          key, groupThreshold: groupThreshold, groups: groups, passphrase: passphrase,
          iterationExponent: iterationExponent)
      } catch {
        throw .words(error)
      }
      wrapping = .words(
        identifier: words[0][0].heading.identifier, groupThreshold: groupThreshold, groups: groups)
    case .keys(let threshold, let recipients):
      guard BackupWrapping.isArrangement(threshold: threshold, count: recipients.count) else {
        throw .arrangement
      }
      let points = SecretSharing.split(key, threshold: threshold, count: recipients.count)
      var shares: [WrappedShare] = []
      for (index, recipient) in recipients.enumerated() {
        guard !shares.contains(where: { $0.recipient == recipient.hash }),
          let share = WrappedShare(
            points[index].value, to: recipient, info: BackupWrapping.info(header: header),
            authenticating: BackupWrapping.authenticated(
              index: index, threshold: threshold, count: recipients.count))
        else { throw .recipient(index) }
        shares.append(share)
      }
      wrapping = .keys(threshold: threshold, shares: shares)
    }
    let plain = contents.encoded()
    // The pointers are used during the calls only; swift-crypto's copy of the key wipes itself.
    let symmetric = unsafe key.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    let box = unsafe plain.withUnsafeBytes { bytes in
      unsafe try? AES.GCM.seal(bytes, using: symmetric, authenticating: header + wrapping.encoded())
    }
    guard let box else { throw .contents }
    let backup = SealedBackup(
      facts: facts, wrapping: wrapping, header: header, nonce: [UInt8](box.nonce),
      ciphertext: [UInt8](box.ciphertext + box.tag))
    return (backup, words)
  }

  private init(
    facts: BackupFacts, wrapping: BackupWrapping, header: [UInt8], nonce: [UInt8], ciphertext: [UInt8]
  ) {
    self.facts = facts
    self.wrapping = wrapping
    self.header = header
    self.nonce = nonce
    self.ciphertext = ciphertext
  }

  /// The file: header, wrapping, `[nonce: 12][length: 4]`, ciphertext and tag. See docs/spec/backup.md.
  public func encoded() -> [UInt8] {
    var bytes = authenticated + nonce
    bytes.append(bigEndian: UInt32(ciphertext.count))
    return bytes + ciphertext
  }

  /// Reads a file; nothing in it is authenticated before ``open(_:)``.
  ///
  /// - Throws: ``BackupError``; ``BackupError/domain(expected:found:)`` for a file of another key domain. The input is
  ///   untrusted.
  public init(decoding bytes: Span<UInt8>) throws(BackupError) {
    guard bytes.count <= Self.sizeMax else { throw .size(bytes.count, limit: Self.sizeMax) }
    var reader = ByteReader(bytes)
    let header = try BackupHeader(&reader)
    guard header.domain == Kind.domain else { throw .domain(expected: Kind.domain, found: header.domain) }
    let wrapping = try BackupWrapping(&reader)
    do {
      let nonce = try reader.readBytes(12)
      let length = Int(try reader.readBigEndian(UInt32.self))
      let ciphertext = try reader.readBytes(length)
      try reader.finish()
      guard length >= 16 else { throw WireError.length(expected: 16, actual: length) }
      self.init(
        facts: header.facts, wrapping: wrapping, header: header.encoded(), nonce: nonce,
        ciphertext: ciphertext)
    } catch let error as WireError {
      throw .wire(error)
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }

  /// The hashes of the recovery keys that shares are sealed to, in the order of ``RecoveryShare/index``; none for words.
  public var recipients: [Bytes32] {
    if case .keys(_, let shares) = wrapping { shares.map(\.recipient) } else { [] }
  }

  /// A recovery party's own step: opens its share with its key, on its own machine.
  ///
  /// - Throws: ``BackupError/otherWrapping``, ``BackupError/notRecipient``, ``BackupError/authentication``.
  public func share(openedBy key: RecoveryPrivateKey) throws(BackupError) -> RecoveryShare {
    guard case .keys(let threshold, let shares) = wrapping else { throw .otherWrapping }
    guard let index = shares.firstIndex(where: { $0.recipient == key.publicKey.hash }) else {
      throw .notRecipient
    }
    let opened = key.open(
      shares[index], info: BackupWrapping.info(header: header),
      authenticating: BackupWrapping.authenticated(index: index, threshold: threshold, count: shares.count))
    guard let opened, opened.count == BackupKey.sizeBytes else { throw .authentication }
    return RecoveryShare(index: index, value: Secrets.SharedSecret(opened))
  }

  /// The key, from exactly as many opened shares as are needed.
  ///
  /// - Throws: ``BackupError``.
  public func key(from shares: [RecoveryShare]) throws(BackupError) -> BackupKey {
    guard case .keys(let threshold, _) = wrapping else { throw .otherWrapping }
    var points: [SharePoint] = []
    for share in shares {
      guard !points.contains(where: { Int($0.place) == share.index }) else {
        throw .repeatedShare(share.index)
      }
      points.append(SharePoint(place: UInt8(share.index), value: share.value))
    }
    guard shares.count == threshold else { throw .shareCount(shares.count, needed: threshold) }
    guard let key = SecretSharing.recover(points) else { throw .shares }
    return BackupKey(bytes: key)
  }

  /// The key, from exactly as many shares in words as are needed.
  ///
  /// - Throws: ``BackupError/otherWrapping``, ``BackupError/otherWords(identifier:expected:)``, ``BackupError/words(_:)``.
  ///   A wrong passphrase gives a key that ``open(_:)`` refuses.
  public func key(
    from words: [SLIP39Share], passphrase: borrowing SecretBytes
  ) throws(BackupError) -> BackupKey {
    guard case .words(let identifier, _, _) = wrapping else { throw .otherWrapping }
    for share in words where share.heading.identifier != identifier {
      throw .otherWords(identifier: share.heading.identifier, expected: identifier)
    }
    let key: SecretBytes
    do {
      key = try SLIP39.combine(words, passphrase: passphrase)
    } catch {
      throw .words(error)
    }
    guard key.count == BackupKey.sizeBytes else { throw .words(.secretSize(key.count)) }
    return BackupKey(bytes: key)
  }

  /// What was sealed; the public part of the file is authenticated by it.
  ///
  /// - Throws: ``BackupError/authentication``, ``BackupError/contents``.
  public func open(_ key: borrowing BackupKey) throws(BackupError) -> BackupContents {
    // The pointer is used during the call only.
    let symmetric = unsafe key.bytes.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    guard let nonce = try? AES.GCM.Nonce(data: nonce),
      let box = try? AES.GCM.SealedBox(
        nonce: nonce, ciphertext: ciphertext.dropLast(16), tag: ciphertext.suffix(16)),
      var clear = try? AES.GCM.open(box, using: symmetric, authenticating: authenticated)
    else { throw .authentication }
    return try BackupContents(SecretBytes(wiping: &clear))
  }

  /// Opens the backup to go on signing with it: only when it is of this vault and not older than what is known of it.
  ///
  /// - Parameter newerWatermarks: takes the place of the backup's watermarks when that is older than what is known, and
  ///   must not be older itself.
  /// - Throws: ``BackupError``; ``BackupError/nextStep`` says how to go on.
  public func restore(
    with key: borrowing BackupKey, known: KnownEpoch, newerWatermarks: WatermarkExport? = nil
  ) throws(BackupError) -> RestoredVault<Kind> {
    guard known.vaultID == facts.vaultID else {
      throw .otherVault(expected: known.vaultID, found: facts.vaultID)
    }
    let opened = try open(key)
    if facts.epoch >= known.epoch {
      return RestoredVault(
        facts: facts, secrets: opened.vault.copy(),
        watermarks: WatermarkExport(epoch: facts.epoch, bytes: opened.watermarks))
    }
    guard let newerWatermarks else { throw .olderEpoch(backup: facts.epoch, known: known.epoch) }
    guard newerWatermarks.epoch >= known.epoch else {
      throw .olderWatermarks(given: newerWatermarks.epoch, known: known.epoch)
    }
    return RestoredVault(facts: facts, secrets: opened.vault.copy(), watermarks: newerWatermarks)
  }
}

/// A vault's secrets and the watermarks that must be imported before any of them signs.
public struct RestoredVault<Kind: KeyDomainKind>: ~Copyable, Sendable {
  public let facts: BackupFacts
  /// As the vault wrote them.
  public let secrets: SecretBytes
  public let watermarks: WatermarkExport
}
