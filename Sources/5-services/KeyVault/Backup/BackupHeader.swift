public import SigningRules
public import WireBytes

/// Why a backup is not made, not opened, or not restored.
public enum BackupError: Error, Hashable, Sendable {
  // The file.
  case wire(WireError)
  /// Not a backup of this program's.
  case magic
  case version(UInt8)
  case domainByte(UInt8)
  /// A backup of another key domain: it is opened by that domain's program, on that domain's machine.
  case domain(expected: KeyDomain, found: KeyDomain)
  /// Names of keys are not in rising order, or one is twice there.
  case keyOrder(at: Int)
  case wrapping(UInt8)
  /// Thresholds and numbers that no arrangement has.
  case arrangement
  case size(Int, limit: Int)
  /// Something in the file was changed, or the key is another backup's.
  case authentication
  /// What was sealed cannot be read.
  case contents

  // Recovery.
  case words(SLIP39Error)
  /// The words are of a set that was not made for this backup.
  case otherWords(identifier: UInt16, expected: UInt16)
  /// The file wraps its key in words, and was asked for keys, or the other way round.
  case otherWrapping
  /// A recipient's public key cannot be read, or is twice there.
  case recipient(Int)
  /// The file holds nothing for this recovery key.
  case notRecipient
  case shareCount(Int, needed: Int)
  case repeatedShare(Int)
  /// The shares do not fit each other: one is altered or of another backup.
  case shares

  // Restoring.
  case otherVault(expected: Bytes32, found: Bytes32)
  /// The backup is older than what this vault is known to have signed after it.
  case olderEpoch(backup: UInt64, known: UInt64)
  /// The watermarks that were given to make up for it are older, too.
  case olderWatermarks(given: UInt64, known: UInt64)

  /// What whoever is restoring can do next; nil where the error says it all.
  public var nextStep: String? {
    switch self {
    case .domain(_, let found):
      "Restore it with the signer of the \(found.rawValue) domain, on that domain's machine."
    case .olderEpoch(_, let known), .olderWatermarks(_, let known):
      """
      Keys restored with old watermarks could sign a second claim for a height. Restore the newest backup, or give a \
      watermark export of epoch \(known) or later, from the old state directory or a replica of it. If there is none, do \
      not restore: make new keys and revoke these.
      """
    case .otherVault: "Name the vault that the backup is of, or take the backup of this vault."
    case .shareCount(let given, let needed):
      given < needed
        ? "Bring the shares of \(needed - given) more recovery parties." : "Use exactly \(needed) shares."
    case .shares, .otherWords:
      "Compare the shares with the backup that they were made for; one is of another."
    case .authentication:
      "The file was altered or the shares are another backup's; take another copy of the file."
    case .notRecipient: "Use a recovery key that the backup was sealed to."
    default: nil
    }
  }
}

/// What anyone may know of a backup.
public struct BackupFacts: Hashable, Sendable {
  public static let keyCountMax = 4_096

  public let vaultID: Bytes32
  /// Of the watermark export that is inside: rises at every start of the signer.
  public let epoch: UInt64
  /// Unix seconds.
  public let madeAt: UInt64
  /// Of the access policy in force.
  public let policyHash: Bytes32
  /// In rising order.
  public let keyIDs: [KeyID]

  /// - Throws: ``BackupError/keyOrder(at:)`` for a key that is twice there, ``BackupError/size(_:limit:)``.
  public init(
    vaultID: Bytes32, epoch: UInt64, madeAt: UInt64, policyHash: Bytes32, keyIDs: [KeyID]
  ) throws(BackupError) {
    guard keyIDs.count <= Self.keyCountMax else { throw .size(keyIDs.count, limit: Self.keyCountMax) }
    let sorted = keyIDs.sorted()
    for index in sorted.indices.dropFirst() where sorted[index] == sorted[index - 1] {
      throw .keyOrder(at: index)
    }
    self.vaultID = vaultID
    self.epoch = epoch
    self.madeAt = madeAt
    self.policyHash = policyHash
    self.keyIDs = sorted
  }
}

/// The public part of a backup's file before the sealed key: `"CWBACKUP"`, version, key domain, facts.
struct BackupHeader: Hashable, Sendable {
  static let magic = [UInt8]("CWBACKUP".utf8)

  let domain: KeyDomain
  let facts: BackupFacts

  /// Layout: `[magic: 8][version 1: 1][domain: 1][vault: 32][epoch: 8][made at: 8][policy: 32][count: 2]`, then 32 bytes
  /// for each key; integers big-endian.
  func encoded() -> [UInt8] {
    var bytes = Self.magic + [1, domain.byte]
    bytes.append(facts.vaultID)
    bytes.append(bigEndian: facts.epoch)
    bytes.append(bigEndian: facts.madeAt)
    bytes.append(facts.policyHash)
    bytes.append(bigEndian: UInt16(facts.keyIDs.count))
    for id in facts.keyIDs { bytes.append(id.bytes) }
    return bytes
  }

  init(domain: KeyDomain, facts: BackupFacts) {
    self.domain = domain
    self.facts = facts
  }

  init(_ reader: inout ByteReader) throws(BackupError) {
    do {
      guard try reader.readBytes(8) == Self.magic else { throw BackupError.magic }
      let version = try reader.readUInt8()
      guard version == 1 else { throw BackupError.version(version) }
      let byte = try reader.readUInt8()
      guard let domain = KeyDomain(byte: byte) else { throw BackupError.domainByte(byte) }
      let vaultID: Bytes32 = try reader.readFixed()
      let epoch = try reader.readBigEndian(UInt64.self)
      let madeAt = try reader.readBigEndian(UInt64.self)
      let policyHash: Bytes32 = try reader.readFixed()
      let count = Int(try reader.readBigEndian(UInt16.self))
      guard count <= BackupFacts.keyCountMax else {
        throw BackupError.size(count, limit: BackupFacts.keyCountMax)
      }
      var ids: [KeyID] = []
      for index in 0..<count {
        let id = KeyID(try reader.readFixed())
        guard ids.last.map({ $0 < id }) ?? true else { throw BackupError.keyOrder(at: index) }
        ids.append(id)
      }
      self.domain = domain
      facts = try BackupFacts(
        vaultID: vaultID, epoch: epoch, madeAt: madeAt, policyHash: policyHash, keyIDs: ids)
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as BackupError {
      throw error
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }
}
