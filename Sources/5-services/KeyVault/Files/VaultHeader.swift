import Digests
public import SigningRules
public import WireBytes

/// Why a file of secrets is not opened, or not written.
public enum FileVaultError: Error, Hashable, Sendable {
  /// There is no file.
  case absent
  /// There is one already, and a new one was to be made.
  case exists
  case file(OwnedFileError)
  /// It does not begin as such a file does.
  case magic
  case version(UInt16)
  /// A way to stretch a passphrase that this version does not know.
  case derivation(UInt16)
  /// Parameters of scrypt out of bounds.
  case cost(ScryptCost)
  /// Not enough memory for scrypt.
  case memory
  /// The file is shorter than its header says.
  case truncated(expected: Int, actual: Int)
  /// The file is longer than its header says.
  case trailing(expected: Int, actual: Int)
  /// Its checksum does not fit: bytes have changed on the disk.
  case damaged
  /// It holds the keys of another domain; `found` is that domain's byte.
  case domain(expected: KeyDomain, found: UInt8)
  /// It is another signer's.
  case vaultID(Bytes32)
  /// The passphrase is empty or over 1024 bytes.
  case passphraseLength(Int)
  /// The passphrase is wrong, or somebody has changed the file and its checksum: the seal cannot tell which.
  case passphrase
  /// What was sealed is not what this version writes; bytes from the start of the contents.
  case malformed(offset: Int)
  /// More than 4096 keys and secrets.
  case tooMany(max: Int)
  /// A secret of no bytes or of more than 64 KiB.
  case secretLength(Int)
  /// Not 1 to 64 characters of `a-z 0-9 . _ -`.
  case name(String)
  /// No key or secret of that name.
  case missing
  /// The bytes are no private key of the suite.
  case key(InProcessKeyError)
  /// The key is in the file already.
  case duplicate
}

/// What stands in front of the sealed contents, and is sealed with them.
///
/// Layout, integers big-endian: `[magic: 8 = CWSECRET][version: 2 = 1][kdf: 2 = 1, scrypt][N: 4][r: 4][p: 4][salt: 32]
/// [vault id: 32][key domain: 1][nonce: 12][length of the sealed contents: 4]`. After it come the contents, sealed by
/// AES-256-GCM with the header as associated data, their tag (16), and the SHA-256 of everything before (32), which tells
/// a damaged disk from a wrong passphrase and protects nothing else.
struct VaultHeader {
  static let magic = [UInt8]("CWSECRET".utf8)
  static let version: UInt16 = 1
  static let scrypt: UInt16 = 1
  static let sizeBytes = 105
  static let tagSizeBytes = 16
  static let checksumSizeBytes = 32
  /// No file is larger.
  static let fileSizeBytesMax = 16 << 20

  var cost: ScryptCost
  var salt: Bytes32
  let vaultID: Bytes32
  let domain: KeyDomain

  /// - Parameters:
  ///   - nonce: 12 bytes, new for each write.
  ///   - length: of the sealed contents with their tag.
  func encoded(nonce: [UInt8], length: Int) -> [UInt8] {
    precondition(nonce.count == 12 && length <= Self.fileSizeBytesMax)
    var bytes = Self.magic
    bytes.append(bigEndian: Self.version)
    bytes.append(bigEndian: Self.scrypt)
    bytes.append(bigEndian: cost.n)
    bytes.append(bigEndian: cost.r)
    bytes.append(bigEndian: cost.p)
    bytes.append(salt)
    bytes.append(vaultID)
    bytes.append(domain.byte)
    bytes.append(contentsOf: nonce)
    bytes.append(bigEndian: UInt32(length))
    return bytes
  }

  /// A file taken apart, nothing of it opened yet.
  struct Parts {
    let header: VaultHeader
    let headerBytes: [UInt8]
    let nonce: [UInt8]
    let sealed: [UInt8]
    let tag: [UInt8]
  }

  /// Takes `file` apart.
  ///
  /// - Throws: ``FileVaultError``. The input is untrusted; no input traps, and none makes scrypt run out of bounds.
  static func parse(_ file: [UInt8], domain expected: KeyDomain) throws(FileVaultError) -> Parts {
    let overhead = sizeBytes + tagSizeBytes + checksumSizeBytes
    do {
      var reader = ByteReader(file.span)
      // Whose file it is comes first: something else entirely should be told so.
      guard try reader.readBytes(8) == magic else { throw FileVaultError.magic }
      let version = try reader.readBigEndian(UInt16.self)
      guard version == Self.version else { throw FileVaultError.version(version) }
      guard file.count >= overhead else {
        throw FileVaultError.truncated(expected: overhead, actual: file.count)
      }
      let derivation = try reader.readBigEndian(UInt16.self)
      let cost = ScryptCost(
        n: try reader.readBigEndian(), r: try reader.readBigEndian(), p: try reader.readBigEndian())
      let salt: Bytes32 = try reader.readFixed()
      let vaultID: Bytes32 = try reader.readFixed()
      let domain = try reader.readUInt8()
      let nonce = try reader.readBytes(12)
      let length = Int(try reader.readBigEndian(UInt32.self))
      let whole = sizeBytes + length + checksumSizeBytes
      guard file.count >= whole else { throw FileVaultError.truncated(expected: whole, actual: file.count) }
      guard file.count == whole, length >= tagSizeBytes else {
        throw FileVaultError.trailing(expected: whole, actual: file.count)
      }
      let sealed = try reader.readBytes(length - tagSizeBytes)
      let tag = try reader.readBytes(tagSizeBytes)
      let checksum: Bytes32 = try reader.readFixed()
      let covered = [UInt8](file.dropLast(checksumSizeBytes))
      guard SHA256Hash.hash(covered) == checksum else { throw FileVaultError.damaged }
      guard derivation == scrypt else { throw FileVaultError.derivation(derivation) }
      guard cost.isAccepted else { throw FileVaultError.cost(cost) }
      guard domain == expected.byte else { throw FileVaultError.domain(expected: expected, found: domain) }
      return Parts(
        header: VaultHeader(cost: cost, salt: salt, vaultID: vaultID, domain: expected),
        headerBytes: [UInt8](file.prefix(sizeBytes)), nonce: nonce, sealed: sealed, tag: tag)
    } catch let error as FileVaultError {
      throw error
    } catch {
      throw .truncated(expected: overhead, actual: file.count)
    }
  }
}
