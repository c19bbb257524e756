internal import Secrets
import SigningRules
import WireBytes

/// What a file of secrets holds: keys that sign here, and named secrets that it only keeps.
///
/// Encoded, integers big-endian: `[count: 4]`, then the keys sorted by reference, `[1][reference: 16][length: 1][label]
/// [length: 1][suite's name][length: 4][private key]`, then the secrets sorted by name, `[2][length: 1][name][length: 4]
/// [secret]`. There is one encoding of each content.
struct VaultContents {
  static let entryCountMax = 4096
  static let secretSizeMax = 1 << 16
  static let referenceSizeBytes = 16
  static let nameSizeMax = 64

  struct Key {
    let label: String
    let key: InProcessKey
    let secret: SharedSecret
  }

  /// By reference.
  var keys: [[UInt8]: Key] = [:]
  /// By name.
  var secrets: [String: SharedSecret] = [:]

  var count: Int { keys.count + secrets.count }

  static func isName(_ name: String) -> Bool {
    (1...nameSizeMax).contains(name.utf8.count) && name.utf8.allSatisfy { isNameByte($0) }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  // MARK: Writing

  func encoded() -> SecretBytes {
    let keys = keys.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let secrets = secrets.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    // Counted first: guarded memory does not grow.
    var size = 4
    for (_, key) in keys {
      size += 1 + Self.referenceSizeBytes + 1 + key.label.utf8.count + 1 + key.key.suite.rawValue.utf8.count
      size += 4 + key.secret.count
    }
    for (name, secret) in secrets { size += 1 + 1 + name.utf8.count + 4 + secret.count }
    var writer = Writer(size: size)
    writer.write(UInt32(count))
    for (reference, key) in keys {
      writer.write([1] + reference)
      writer.write(name: key.label)
      writer.write(name: key.key.suite.rawValue)
      writer.write(key.secret)
    }
    for (name, secret) in secrets {
      writer.write([2])
      writer.write(name: name)
      writer.write(secret)
    }
    return writer.finish()
  }

  private struct Writer: ~Copyable {
    private var bytes: SecretBytes
    private var offset = 0

    init(size: Int) { bytes = SecretBytes(zeroed: size) }

    mutating func write(_ part: [UInt8]) {
      for byte in part {
        bytes.set(byte, at: offset)
        offset += 1
      }
    }

    mutating func write(_ value: UInt32) {
      var part: [UInt8] = []
      part.append(bigEndian: value)
      write(part)
    }

    mutating func write(name: String) { write([UInt8(name.utf8.count)] + name.utf8) }

    mutating func write(_ secret: SharedSecret) {
      write(UInt32(secret.count))
      secret.withSecret { bytes.write($0, at: offset) }
      offset += secret.count
    }

    consuming func finish() -> SecretBytes {
      precondition(offset == bytes.count)
      return bytes
    }
  }

  // MARK: Reading

  init() {}

  /// - Throws: ``FileVaultError/malformed(offset:)``, ``FileVaultError/tooMany(max:)``; nothing of contents that are
  ///   refused is used.
  init(decoding bytes: borrowing SecretBytes) throws(FileVaultError) {
    self = try bytes.withSpan { (span: Span<UInt8>) throws(FileVaultError) -> VaultContents in
      try Self.decode(span)
    }
  }

  private static func decode(_ span: Span<UInt8>) throws(FileVaultError) -> VaultContents {
    var contents = VaultContents()
    var reader = ByteReader(span)
    do {
      let count = Int(try reader.readBigEndian(UInt32.self))
      guard count <= entryCountMax else { throw FileVaultError.tooMany(max: entryCountMax) }
      var lastReference: [UInt8]?
      var lastName: String?
      for _ in 0..<count {
        let start = reader.offset
        switch try reader.readUInt8() {
        case 1:
          let reference = try reader.readBytes(referenceSizeBytes)
          // Keys come before secrets, each once and in order.
          guard lastName == nil, lastReference.map({ $0.lexicographicallyPrecedes(reference) }) ?? true else {
            throw FileVaultError.malformed(offset: start)
          }
          lastReference = reference
          let label = try name(reader.readBytes(Int(reader.readUInt8())), at: start)
          let suite = String(decoding: try reader.readBytes(Int(reader.readUInt8())), as: UTF8.self)
          guard let suite = KeySuite(rawValue: suite) else { throw FileVaultError.malformed(offset: start) }
          let length = try reader.readBigEndian(UInt32.self)
          let secret = SecretBytes(copying: try reader.readSpan(Int(length)))
          let key: InProcessKey
          do { key = try InProcessKey(suite, secret: secret) } catch { throw FileVaultError.key(error) }
          contents.keys[reference] = Key(label: label, key: key, secret: SharedSecret(secret))
        case 2:
          let name = try name(reader.readBytes(Int(reader.readUInt8())), at: start)
          guard lastName.map({ $0.utf8.lexicographicallyPrecedes(name.utf8) }) ?? true else {
            throw FileVaultError.malformed(offset: start)
          }
          lastName = name
          let length = Int(try reader.readBigEndian(UInt32.self))
          guard (1...secretSizeMax).contains(length) else { throw FileVaultError.malformed(offset: start) }
          contents.secrets[name] = SharedSecret(SecretBytes(copying: try reader.readSpan(length)))
        default: throw FileVaultError.malformed(offset: start)
        }
      }
      try reader.finish()
    } catch let error as FileVaultError {
      throw error
    } catch {
      throw .malformed(offset: reader.offset)
    }
    return contents
  }

  private static func name(_ bytes: [UInt8], at offset: Int) throws(FileVaultError) -> String {
    let name = String(decoding: bytes, as: UTF8.self)
    guard isName(name) else { throw .malformed(offset: offset) }
    return name
  }
}
