internal import Crypto
private import WireBytes

/// The text of a key file: JSON with its members in one order, so that it can be read without leaving copies of
/// secrets behind.
enum KeyFileText {
  enum Kind: String {
    case secp256k1
    case ed25519
  }

  struct Wanted {
    let name: String
    let kind: Kind
  }

  enum Key {
    case secp256k1(LocalSecp256k1Key)
    case ed25519(LocalEd25519Key)

    init(_ kind: Kind, _ secret: SymmetricKey) throws(LocalKeyError) {
      switch kind {
      case .secp256k1: self = .secp256k1(try LocalSecp256k1Key(secret))
      case .ed25519: self = .ed25519(try LocalEd25519Key(secret))
      }
    }

    var kind: Kind {
      switch self {
      case .secp256k1: .secp256k1
      case .ed25519: .ed25519
      }
    }

    var publicText: String {
      switch self {
      case .secp256k1(let key): key.publicKey.description
      case .ed25519(let key): key.publicKey.description
      }
    }
  }

  /// A key, and the secret as it is written; used while a file is read or written, not kept.
  struct Entry {
    let name: String
    let key: Key
    let secret: SymmetricKey
  }

  static func isName(_ name: String) -> Bool {
    (1...LocalKeyFile.nameSizeMax).contains(name.utf8.count)
      && name.utf8.allSatisfy { isNameByte($0) }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Those of `wanted` that `entries` lacks.
  ///
  /// - Throws: ``LocalKeyFileError/kind(name:)``.
  static func missing(_ wanted: [Wanted], in entries: [Entry]) throws(LocalKeyFileError) -> [Wanted] {
    var missing: [Wanted] = []
    for key in wanted {
      guard let entry = entries.first(where: { $0.name == key.name }) else {
        missing.append(key)
        continue
      }
      guard entry.key.kind == key.kind else { throw .kind(name: key.name) }
    }
    return missing
  }

  /// New keys after `entries`.
  static func adding(_ missing: [Wanted], to entries: [Entry]) throws(LocalKeyFileError) -> [Entry] {
    guard entries.count + missing.count <= LocalKeyFile.keyCountMax else {
      throw .tooManyKeys(max: LocalKeyFile.keyCountMax)
    }
    var entries = entries
    for wanted in missing {
      // One in 2^128 candidates is no secp256k1 key.
      while true {
        let secret = SymmetricKey(size: .bits256)
        guard let key = try? Key(wanted.kind, secret) else { continue }
        entries.append(Entry(name: wanted.name, key: key, secret: secret))
        break
      }
    }
    return entries
  }

  static func encoded(_ entries: [Entry]) -> SecretText {
    // A line has at most 64 bytes of name, 68 and 66 of keys, and less than 100 of the rest.
    var text = SecretText(capacity: 128 + entries.count * 320)
    text.append("{\n  \"schema\": \"\(LocalKeyFile.schema)\",\n  \"keys\": [")
    for (index, entry) in entries.enumerated() {
      text.append(index == 0 ? "\n    " : ",\n    ")
      text.append("{\"name\": \"\(entry.name)\", \"kind\": \"\(entry.key.kind.rawValue)\", ")
      text.append("\"public\": \"\(entry.key.publicText)\", \"secret\": \"0x")
      text.append(hex: entry.secret)
      text.append("\"}")
    }
    text.append("\n  ]\n}\n")
    return text
  }

  /// - Throws: ``LocalKeyFileError``; nothing of a text that is refused is used.
  static func decode(_ text: borrowing SecretText) throws(LocalKeyFileError) -> [Entry] {
    var entries: [Entry] = []
    var offset = 0
    try expect("{\n  \"schema\": \"\(LocalKeyFile.schema)\",\n  \"keys\": [", in: text, at: &offset)
    while true {
      // The first key stands behind a line break, further ones behind a comma; a list without keys ends at once.
      let next = entries.isEmpty ? offset + 3 : offset
      guard next < text.count, text[next] == UInt8(ascii: entries.isEmpty ? " " : ",") else { break }
      guard entries.count < LocalKeyFile.keyCountMax else {
        throw .tooManyKeys(max: LocalKeyFile.keyCountMax)
      }
      try expect(entries.isEmpty ? "\n    " : ",\n    ", in: text, at: &offset)
      let entry = try entry(text, at: &offset)
      guard !entries.contains(where: { $0.name == entry.name }) else { throw .duplicateName(entry.name) }
      entries.append(entry)
    }
    try expect("\n  ]\n}\n", in: text, at: &offset)
    guard offset == text.count else { throw .malformed(offset: offset) }
    return entries
  }

  private static func entry(
    _ text: borrowing SecretText, at offset: inout Int
  ) throws(LocalKeyFileError) -> Entry {
    try expect("{\"name\": \"", in: text, at: &offset)
    let nameOffset = offset
    let name = try word(text, at: &offset)
    guard isName(name) else { throw .malformed(offset: nameOffset) }
    try expect("\", \"kind\": \"", in: text, at: &offset)
    let kindOffset = offset
    guard let kind = Kind(rawValue: try word(text, at: &offset)) else { throw .malformed(offset: kindOffset) }
    try expect("\", \"public\": \"", in: text, at: &offset)
    let publicText = try word(text, at: &offset)
    try expect("\", \"secret\": \"0x", in: text, at: &offset)
    let secret = try secret(text, at: &offset)
    try expect("\"}", in: text, at: &offset)
    let key: Key
    do { key = try Key(kind, secret) } catch { throw .secret(name: name) }
    guard key.publicText == publicText else { throw .publicKey(name: name) }
    return Entry(name: name, key: key, secret: secret)
  }

  private static func expect(
    _ literal: String, in text: borrowing SecretText, at offset: inout Int
  ) throws(LocalKeyFileError) {
    for byte in literal.utf8 {
      guard offset < text.count, text[offset] == byte else { throw .malformed(offset: offset) }
      offset += 1
    }
  }

  /// Name characters up to something else, at most 80 of them: names, kinds and public keys.
  private static func word(
    _ text: borrowing SecretText, at offset: inout Int
  ) throws(LocalKeyFileError) -> String {
    var bytes: [UInt8] = []
    while offset < text.count, isNameByte(text[offset]) {
      guard bytes.count < 80 else { throw .malformed(offset: offset) }
      bytes.append(text[offset])
      offset += 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// 64 lower-case digits.
  private static func secret(
    _ text: borrowing SecretText, at offset: inout Int
  ) throws(LocalKeyFileError) -> SymmetricKey {
    var bytes = SecretText(capacity: 32)
    for _ in 0..<32 {
      let high = try digit(text, at: &offset)
      let low = try digit(text, at: &offset)
      bytes.append(high << 4 | low)
    }
    return bytes.key()
  }

  private static func digit(
    _ text: borrowing SecretText, at offset: inout Int
  ) throws(LocalKeyFileError) -> UInt8 {
    guard offset < text.count else { throw .malformed(offset: offset) }
    let byte = text[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
    default: throw .malformed(offset: offset - 1)
    }
  }
}
