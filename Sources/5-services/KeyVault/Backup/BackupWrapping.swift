import Digests
internal import Secrets
import WireBytes

/// Who must come together to open a backup.
public enum RecoveryArrangement: Hashable, Sendable {
  /// Shares in words (SLIP-0039), which groups of people keep on paper or metal.
  case words(groupThreshold: Int, groups: [SLIP39Group])
  /// Shares that are sealed to the recovery keys of parties and lie in the file itself.
  case keys(threshold: Int, recipients: [RecoveryPublicKey])
}

/// A recovery party's share of one backup's key, opened with its recovery key.
public struct RecoveryShare: Sendable {
  /// From zero, in the order of the file's recipients.
  public let index: Int
  let value: SharedSecret
}

/// How the file says who must come together. Layout, after the header:
///
/// - `[1: 1][identifier: 2][group threshold: 1][count: 1]`, then `[member threshold: 1][members: 1]` for each group;
/// - `[2: 1][threshold: 1][count: 1]`, then `[hash of the key: 32][encapsulated key: 1120][sealed share: 48]` for each.
enum BackupWrapping: Hashable, Sendable {
  case words(identifier: UInt16, groupThreshold: Int, groups: [SLIP39Group])
  case keys(threshold: Int, shares: [WrappedShare])

  /// What seals a share to one backup: its header and its place among the recipients.
  static func info(header: [UInt8]) -> [UInt8] {
    [UInt8]("causeway/backup/share/v1".utf8) + [0] + SHA256Hash.hash(header).array
  }

  static func authenticated(index: Int, threshold: Int, count: Int) -> [UInt8] {
    [UInt8(index), UInt8(threshold), UInt8(count)]
  }

  static func isArrangement(threshold: Int, count: Int) -> Bool {
    (2...SecretSharing.countMax).contains(count) && (2...count).contains(threshold)
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8]
    switch self {
    case .words(let identifier, let groupThreshold, let groups):
      bytes = [1]
      bytes.append(bigEndian: identifier)
      bytes += [UInt8(groupThreshold), UInt8(groups.count)]
      for group in groups { bytes += [UInt8(group.memberThreshold), UInt8(group.memberCount)] }
    case .keys(let threshold, let shares):
      bytes = [2, UInt8(threshold), UInt8(shares.count)]
      for share in shares { bytes += share.recipient.array + share.encapsulatedKey + share.ciphertext }
    }
    return bytes
  }

  init(_ reader: inout ByteReader) throws(BackupError) {
    do {
      let kind = try reader.readUInt8()
      switch kind {
      case 1:
        let identifier = try reader.readBigEndian(UInt16.self)
        let groupThreshold = Int(try reader.readUInt8())
        let count = Int(try reader.readUInt8())
        guard count <= SecretSharing.countMax, identifier < 1 << 15 else { throw BackupError.arrangement }
        var groups: [SLIP39Group] = []
        for _ in 0..<count {
          let threshold = Int(try reader.readUInt8())
          groups.append(SLIP39Group(memberThreshold: threshold, memberCount: Int(try reader.readUInt8())))
        }
        guard Self.needsTwo(groupThreshold: groupThreshold, groups: groups) else {
          throw BackupError.arrangement
        }
        self = .words(identifier: identifier, groupThreshold: groupThreshold, groups: groups)
      case 2:
        let threshold = Int(try reader.readUInt8())
        let count = Int(try reader.readUInt8())
        guard Self.isArrangement(threshold: threshold, count: count) else { throw BackupError.arrangement }
        var shares: [WrappedShare] = []
        for index in 0..<count {
          let recipient: Bytes32 = try reader.readFixed()
          guard !shares.contains(where: { $0.recipient == recipient }) else {
            throw BackupError.recipient(index)
          }
          shares.append(
            WrappedShare(
              recipient: recipient,
              encapsulatedKey: try reader.readBytes(WrappedShare.encapsulatedSizeBytes),
              ciphertext: try reader.readBytes(WrappedShare.ciphertextSizeBytes)))
        }
        self = .keys(threshold: threshold, shares: shares)
      default: throw BackupError.wrapping(kind)
      }
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as BackupError {
      throw error
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }

  /// Whether `groups` can be made and no single share opens everything.
  static func needsTwo(groupThreshold: Int, groups: [SLIP39Group]) -> Bool {
    SLIP39.isArrangement(groupThreshold: groupThreshold, groups: groups)
      && (groupThreshold > 1 || groups.allSatisfy { $0.memberThreshold > 1 })
  }
}
