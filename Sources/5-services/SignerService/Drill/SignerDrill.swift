private import Foundation
internal import KeyVault
internal import Secrets
public import SignerJournal
public import SigningRules
import WireBytes

/// What a drill found at one step.
public struct DrillLine: Hashable, Sendable {
  public let step: String
  /// How many single checks were made, and how many came out wrong.
  public let checked: Int
  public let failed: Int
  public let trouble: String?
}

/// A rehearsal of loss and recovery: with throw-away keys, and with a real signer in a directory that is removed
/// afterwards. Nothing of a signer in use is touched.
public struct SignerDrill: Sendable {
  public let domain: KeyDomain
  public let needed: Int
  public let parties: Int
  /// An empty directory that the caller removes.
  public let folder: String
  private let suites: [KeySuite]
  private let files: any DurableFiles

  public init(
    domain: KeyDomain, needed: Int, parties: Int, folder: String,
    suites: [KeySuite] = [.secp256k1, .ed25519],
    files: any DurableFiles = SystemFiles()
  ) {
    self.domain = domain
    self.needed = needed
    self.parties = parties
    self.folder = folder
    self.suites = suites
    self.files = files
  }

  /// Runs every step; each is told as soon as it is over.
  ///
  /// - Parameter time: ms since 1970.
  /// - Returns: whether all were made and nothing came out wrong.
  public func run(at time: UInt64, tell: (DrillLine) -> Void) -> Bool {
    var isGood = true
    func note(_ line: DrillLine) {
      isGood = isGood && line.checked > 0 && line.failed == 0
      tell(line)
    }
    do throws(BackupError) {
      for line in try pure() {
        note(
          DrillLine(
            step: line.step.rawValue, checked: line.checked, failed: line.failed,
            trouble: line.error.map { "\($0)" }))
      }
    } catch { note(DrillLine(step: "arrangement", checked: 1, failed: 1, trouble: "\(error)")) }
    RealDrill(drill: self, files: files).run(at: time, note)
    return isGood
  }

  private func pure() throws(BackupError) -> [DrillReport.Line] {
    let challenge = SecretBytes(random: 32).withSpan { Bytes32($0, at: 0) }
    func run<Kind: KeyDomainKind>(_: Kind.Type) throws(BackupError) -> [DrillReport.Line] {
      try RecoveryDrill<Kind>(
        arrangement: .words(
          groupThreshold: 1, groups: [SLIP39Group(memberThreshold: needed, memberCount: parties)]),
        suites: suites, challenge: challenge
      ).run().lines
    }
    return switch domain {
    case .user: try run(UserKeys.self)
    case .operator: try run(OperatorKeys.self)
    case .settlement: try run(SettlementKeys.self)
    case .enclave: try run(SigningRules.EnclaveKeys.self)
    }
  }
}

/// The part with real files: a signer is made, saved, lost, restored, and refuses to go on by itself.
private struct RealDrill {
  let drill: SignerDrill
  let files: any DurableFiles

  private enum Wrong: Error {
    case unexpected(String)
  }

  private var home: SignerDirectory { SignerDirectory(drill.folder + "/signer") }
  private var copy: String { drill.folder + "/older-copy" }
  private var restored: SignerDirectory { SignerDirectory(drill.folder + "/restored") }
  private var anchors: String { drill.folder + "/anchors" }
  private var passphrase: Passphrase { Passphrase.drill }

  func run(at time: UInt64, _ note: (DrillLine) -> Void) {
    func step<Value>(_ name: String, _ body: () throws -> Value) -> Value? {
      do {
        let value = try body()
        note(DrillLine(step: name, checked: 1, failed: 0, trouble: nil))
        return value
      } catch {
        note(DrillLine(step: name, checked: 1, failed: 1, trouble: "\(error)"))
        return nil
      }
    }
    guard let made = step("makeSigner", { try make(at: time) }) else { return }
    guard let sealed = step("sealDirectory", { try seal(at: time) }) else { return }
    guard step("refuseOlderCopy", { try olderCopy(at: time) }) != nil else { return }
    guard step("loseDirectory", { try FileManager.default.removeItem(atPath: home.path) }) != nil else {
      return
    }
    guard step("restoreFromShares", { try restore(sealed, made) }) != nil else { return }
    guard step("refuseToGoOnAlone", { try refuses(restored, at: time) }) != nil else { return }
    _ = step("adoptAndOpen", { try adopt(at: time, made) })
  }

  private func make(at time: UInt64) throws -> SignerCreation.Created {
    let purposes = drill.domain.purposes
    let orders =
      purposes.isEmpty
      ? [] : [KeyOrder(label: "drill", suite: .secp256k1, purposes: [.transaction])]
    let creation = SignerCreation(
      directory: home, domain: drill.domain, anchors: anchors,
      scryptLog2N: SignerCreation.scryptLog2NRange.lowerBound, files: files)
    return try creation.create(passphrase: passphrase, pin: nil, orders: orders, at: time) {
      (_: [SignerCreation.Created.Key]) throws(SignerCreationError) in
      do throws(AccessPolicyError) {
        return try AccessPolicy(
          domain: drill.domain, clients: [], keyLimits: [], approvers: .none, alarms: AlarmRules())
      } catch { throw .policy(error) }
    }
  }

  /// The backup, read back from its file, and as many shares as are needed, each read back from its own.
  private func seal(at time: UInt64) throws -> (file: [UInt8], shares: [[UInt8]]) {
    let offline = try OfflineSigner.open(home, passphrase: passphrase, files: files)
    let (file, shares) = try offline.backup(needed: drill.needed, parties: drill.parties, at: time)
    try StateFile.replace(drill.folder + "/backup", with: file, files)
    guard shares.count == drill.parties else { throw Wrong.unexpected("\(shares.count) shares") }
    var read: [[UInt8]] = []
    for share in shares {
      let path = drill.folder + "/share-\(share.number)"
      try share.write(to: path, files: files)
      if read.count < drill.needed { read.append(try StateFile.read(path, files) ?? []) }
    }
    return (try StateFile.read(drill.folder + "/backup", files) ?? [], read)
  }

  /// A copy of the directory takes the place of a newer one: it must not start.
  private func olderCopy(at time: UInt64) throws {
    try FileManager.default.copyItem(atPath: home.path, toPath: copy)
    do {
      let offline = try OfflineSigner.open(home, passphrase: passphrase, files: files)
      try offline.begin(at: time + 1)
    }
    let newer = drill.folder + "/newer"
    try files.rename(home.path, to: newer)
    try files.rename(copy, to: home.path)
    do {
      let offline = try OfflineSigner.open(home, passphrase: passphrase, files: files)
      try offline.begin(at: time + 2)
      throw Wrong.unexpected("it started on an older copy")
    } catch OfflineError.records(.restoredOlderState) {}
    try files.rename(home.path, to: copy)
    try files.rename(newer, to: home.path)
  }

  private func restore(
    _ sealed: (file: [UInt8], shares: [[UInt8]]), _ made: SignerCreation.Created
  ) throws {
    let facts = try SignerRestore.facts(sealed.file, domain: drill.domain)
    _ = try SignerRestore.restore(
      sealed.file, shares: sealed.shares, domain: drill.domain, vault: facts.vault, knownEpoch: facts.epoch,
      newer: nil, into: restored, anchors: nil, passphrase: passphrase,
      scryptLog2N: SignerCreation.scryptLog2NRange.lowerBound, files: files)
    // The same keys, by their public halves.
    let offline = try OfflineSigner.open(restored, passphrase: passphrase, files: files)
    let present = Set(offline.secrets.keys.map(\.publicKey))
    guard present == Set(made.keys.map(\.publicKey)) else { throw Wrong.unexpected("other keys") }
    guard offline.configuration.identity == made.configuration.identity else {
      throw Wrong.unexpected("another identity")
    }
  }

  private func refuses(_ directory: SignerDirectory, at time: UInt64) throws {
    let offline = try OfflineSigner.open(directory, passphrase: passphrase, files: files)
    do {
      try offline.begin(at: time + 3)
      throw Wrong.unexpected("it started without its records")
    } catch OfflineError.records(.missingState) {}
  }

  private func adopt(at time: UInt64, _ made: SignerCreation.Created) throws {
    let offline = try OfflineSigner.open(restored, passphrase: passphrase, files: files)
    let marks = try StateFile.read(restored.restoredMarks, files)
    let adoption = try offline.adoption(watermarks: marks)
    _ = try offline.adopt(adoption, reason: "drill", at: time + 4)
    try offline.begin(at: time + 5)
    guard try offline.policy() == made.policy else { throw Wrong.unexpected("another policy") }
  }
}
