import Encodings
import WireBytes

/// Why bytes are not a signed note, or not one that a known key signed.
public enum NoteError: Error, Hashable, Sendable {
  /// Longer than ``SignedNote/sizeBytesMax``.
  case tooLarge(actual: Int)
  /// Not UTF-8, or a control character other than a newline, at `offset`.
  case character(offset: Int)
  case notUTF8
  /// No empty line sets text and signatures apart, or one side of it is empty or has no final newline.
  case shape
  /// Signature line `index` is not "— name base64", or its name or its bytes are not lawful.
  case signatureLine(index: Int)
  /// More than ``SignedNote/signaturesMax`` signature lines.
  case tooManySignatures(actual: Int)
  /// Two of the given keys share a name and an id.
  case ambiguousKeys
  /// A signature that names a known key does not verify: the note is forged or damaged.
  case invalidSignature(index: Int)
  /// No signature is by a known key.
  case noKnownSignature
}

/// A name of a key: compared bytewise, since two spellings of one text are two names.
public struct NoteKeyName: Hashable, Sendable, CustomStringConvertible {
  /// UTF-8.
  public let bytes: [UInt8]

  /// - Returns: nil when `bytes` are empty, not UTF-8, or hold a Unicode space or a plus sign.
  public init?(_ bytes: [UInt8]) {
    guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { return nil }
    for scalar in text.unicodeScalars where scalar == "+" || scalar.properties.isWhitespace { return nil }
    self.bytes = bytes
  }

  public init?(_ text: String) { self.init([UInt8](text.utf8)) }

  public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// A text with signature lines, as C2SP signed-note lays it out. Untrusted: its text counts for nothing until
/// ``verified(by:)`` returned.
public struct SignedNote: Hashable, Sendable {
  /// Notes longer than this are refused.
  public static let sizeBytesMax = 1 << 20
  /// C2SP asks for at least 16; ML-DSA signatures are 2.4 KB each.
  public static let signaturesMax = 100

  /// One line, not verified.
  public struct Signature: Hashable, Sendable {
    public let name: NoteKeyName
    /// The first four bytes of what is signed with: they tell keys of one name apart.
    public let keyID: UInt32
    /// What follows the key id.
    public let bytes: [UInt8]
  }

  /// The signed text with its final newline, without the empty line.
  public let text: [UInt8]
  public let signatures: [Signature]

  /// Parses a note: text, an empty line, signature lines.
  ///
  /// - Throws: ``NoteError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(NoteError) {
    guard bytes.count <= Self.sizeBytesMax else { throw .tooLarge(actual: bytes.count) }
    for offset in bytes.indices where bytes[offset] < 0x20 && bytes[offset] != 0x0a {
      throw .character(offset: offset)
    }
    let owned = [UInt8](copying: bytes)
    guard String(validating: owned, as: UTF8.self) != nil else { throw .notUTF8 }
    var split: Int?
    var offset = owned.count - 2
    while offset >= 0, split == nil {
      if owned[offset] == 0x0a, owned[offset + 1] == 0x0a { split = offset }
      offset -= 1
    }
    guard let split, split > 0, split + 2 < owned.count, owned.last == 0x0a else { throw .shape }
    text = [UInt8](owned[...split])
    let lines = owned[(split + 2)..<(owned.count - 1)].split(
      separator: 0x0a, omittingEmptySubsequences: false)
    guard lines.count <= Self.signaturesMax else { throw .tooManySignatures(actual: lines.count) }
    signatures = try lines.enumerated().map { (index, line) throws(NoteError) -> Signature in
      guard let signature = Self.signature(line) else { throw .signatureLine(index: index) }
      return signature
    }
  }

  /// An em dash and a space in UTF-8.
  private static let mark: [UInt8] = [0xe2, 0x80, 0x94, 0x20]

  private static func signature(_ line: ArraySlice<UInt8>) -> Signature? {
    guard line.starts(with: mark), let space = line.dropFirst(4).firstIndex(of: 0x20),
      let name = NoteKeyName([UInt8](line[(line.startIndex + 4)..<space])),
      let bytes = StrictBase64.decode(line[(space + 1)...], spareBits: true), bytes.count > 4
    else { return nil }
    let keyID = bytes[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return Signature(name: name, keyID: keyID, bytes: [UInt8](bytes[4...]))
  }

  /// A signature line with its final newline.
  public static func line(name: NoteKeyName, keyID: UInt32, signature: [UInt8]) -> [UInt8] {
    var payload: [UInt8] = []
    payload.append(bigEndian: keyID)
    payload.append(signature.span)
    return mark + name.bytes + [0x20] + StrictBase64.encode(payload) + [0x0a]
  }
}

/// A note's text after at least one known key was found to have signed it.
public struct VerifiedNote: Hashable, Sendable {
  /// A signature that verified.
  public struct Signature: Hashable, Sendable {
    public let key: NoteKey
    /// Unix time in seconds at which a cosigner says it signed; nil for a plain signature.
    public let timestamp: UInt64?
  }

  public let text: [UInt8]
  public let signatures: [Signature]
  /// Signatures by keys that were not given, which say nothing.
  public let unknownSignatures: Int
}

extension SignedNote {
  /// Verifies every signature by one of `keys`; signatures by other keys are not looked at.
  ///
  /// - Throws: ``NoteError/invalidSignature(index:)`` when one that names a known key is wrong, even if others are
  ///   right, and ``NoteError/noKnownSignature`` when none names a known key.
  public func verified(by keys: [NoteKey]) throws(NoteError) -> VerifiedNote {
    for (index, key) in keys.enumerated()
    where keys[..<index].contains(where: { $0.id == key.id && $0.name == key.name }) {
      throw .ambiguousKeys
    }
    var verified: [VerifiedNote.Signature] = []
    var unknown = 0
    for (index, signature) in signatures.enumerated() {
      guard let key = keys.first(where: { $0.id == signature.keyID && $0.name == signature.name }) else {
        unknown += 1
        continue
      }
      do {
        let timestamp = try key.verify(text, signature: signature.bytes)
        // A line that is repeated is one signature.
        if !verified.contains(where: { $0.key == key }) {
          verified.append(VerifiedNote.Signature(key: key, timestamp: timestamp))
        }
      } catch {
        throw .invalidSignature(index: index)
      }
    }
    guard !verified.isEmpty else { throw .noKnownSignature }
    return VerifiedNote(text: text, signatures: verified, unknownSignatures: unknown)
  }
}
