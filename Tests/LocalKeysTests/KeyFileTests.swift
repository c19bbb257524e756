import Foundation
import LocalKeys
import Testing
import WireBytes

@Suite("Key files")
struct KeyFileTests {
  /// A directory that goes with the test.
  final class Place: Sendable {
    let folder: String
    var path: String { folder + "/keys.json" }

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-keys-\(UUID())").path
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ text: [UInt8], mode: Int = 0o600, to path: String? = nil) throws {
      let path = path ?? self.path
      try Data(text).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    func text(_ path: String? = nil) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path ?? self.path)))
    }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }
  }

  /// Reads `text` as a key file; the error, or nil.
  static func error(_ text: [UInt8]) throws -> LocalKeyFileError? {
    let place = try Place()
    try place.write(text)
    do {
      _ = try LocalKeyFile(opening: place.path)
      return nil
    } catch { return error }
  }

  static let one =
    #"    {"name": "alice", "kind": "secp256k1", "public": "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "secret": "0x0000000000000000000000000000000000000000000000000000000000000001"}"#
  static func file(_ lines: [String]) -> [UInt8] {
    let head = "{\n  \"schema\": \"causeway/keys/v1\",\n  \"keys\": ["
    return [UInt8]((head + lines.map { "\n" + $0 }.joined(separator: ",") + "\n  ]\n}\n").utf8)
  }

  @Test("makes a file that only its owner may use, and finds the same keys there again")
  func makes() throws {
    let place = try Place()
    let made = try LocalKeyFile(path: place.path, secp256k1: ["bob", "alice"], ed25519: ["node.1"])
    #expect(made.secp256k1Names == ["alice", "bob"])
    #expect(made.ed25519Names == ["node.1"])
    #expect(made.secp256k1("node.1")?.publicKey == nil && made.ed25519("alice")?.publicKey == nil)
    #expect(place.names == ["keys.json"])
    let mode = try FileManager.default.attributesOfItem(atPath: place.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let text = try place.text()
    for again in [
      try LocalKeyFile(path: place.path, secp256k1: ["alice"]), try LocalKeyFile(opening: place.path),
    ] {
      #expect(again.secp256k1("alice")?.publicKey == made.secp256k1("alice")?.publicKey)
      #expect(again.ed25519("node.1")?.publicKey == made.ed25519("node.1")?.publicKey)
      let digest = Bytes32(bigEndian: 7)
      #expect(again.secp256k1("bob")?.sign(digest: digest) == made.secp256k1("bob")?.sign(digest: digest))
    }
    #expect(try place.text() == text)
  }

  @Test("adds names that are asked for later, and keeps the others")
  func adds() throws {
    let place = try Place()
    let first = try LocalKeyFile(path: place.path, secp256k1: ["alice"])
    let second = try LocalKeyFile(path: place.path, secp256k1: ["carol"], ed25519: ["dave"])
    #expect(second.secp256k1Names == ["alice", "carol"])
    #expect(second.secp256k1("alice")?.publicKey == first.secp256k1("alice")?.publicKey)
    #expect(try LocalKeyFile(opening: place.path).ed25519Names == ["dave"])
    #expect(throws: LocalKeyFileError.kind(name: "dave")) {
      try LocalKeyFile(path: place.path, secp256k1: ["dave"])
    }
  }

  @Test("reads what it is given", arguments: [0, 1])
  func reads(count: Int) throws {
    let place = try Place()
    try place.write(Self.file(Array([Self.one].prefix(count))))
    let keys = try LocalKeyFile(opening: place.path)
    #expect(keys.secp256k1Names.count == count)
    if count == 1 {
      #expect(
        keys.secp256k1("alice")?.ethereumAddress.description == "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
    }
  }

  @Test("refuses a file that others may use", arguments: [0o640, 0o604, 0o660, 0o644, 0o601, 0o777])
  func permissions(mode: Int) throws {
    let place = try Place()
    try place.write(Self.file([Self.one]), mode: mode)
    let want = LocalKeyFileError.permissions(mode: UInt32(mode))
    #expect(throws: want) { try LocalKeyFile(opening: place.path) }
    #expect(throws: want) { try LocalKeyFile(path: place.path, secp256k1: ["new"]) }
    #expect(try place.text() == Self.file([Self.one]))
  }

  @Test("refuses what is no plain file")
  func notRegular() throws {
    let place = try Place()
    try place.write(Self.file([Self.one]), to: place.folder + "/elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: place.path, withDestinationPath: place.folder + "/elsewhere")
    #expect(throws: LocalKeyFileError.notRegular) { try LocalKeyFile(opening: place.path) }
    #expect(throws: LocalKeyFileError.notRegular) { try LocalKeyFile(path: place.path) }
    #expect(throws: LocalKeyFileError.notRegular) { try LocalKeyFile(opening: place.folder) }
    #expect(throws: LocalKeyFileError.absent) { try LocalKeyFile(opening: place.folder + "/none") }
    #expect(throws: LocalKeyFileError.unwritable(errno: 2)) {
      try LocalKeyFile(path: place.folder + "/no/keys", secp256k1: ["alice"])
    }
  }

  @Test("refuses every shorter file")
  func truncated() throws {
    let whole = Self.file([Self.one])
    #expect(try Self.error(whole) == nil)
    for count in 0..<whole.count {
      // A kind that is cut off is no kind.
      let offset = (77...85).contains(count) ? 77 : count
      #expect(try Self.error(Array(whole.prefix(count))) == .malformed(offset: offset), "\(count)")
    }
    #expect(try Self.error(whole + [0x0a]) == .malformed(offset: whole.count))
  }

  @Test("refuses every file with one bit flipped")
  func flipped() throws {
    let whole = Self.file([Self.one])
    // A name may be any (and a backquote, which an a becomes, is in none); everything else is checked, a secret by its public key.
    let text = String(decoding: whole, as: UTF8.self)
    let name = try #require(text.range(of: "alice"))
    let start = text.utf8.distance(from: text.startIndex, to: name.lowerBound)
    for offset in whole.indices {
      var flipped = whole
      flipped[offset] ^= 1
      let error = try Self.error(flipped)
      #expect((error == nil) == (start + 1..<start + 5).contains(offset), "\(offset)")
    }
  }

  @Test("names the reason for a file that is well formed and wrong")
  func wrong() throws {
    let zero = Self.one.replacingOccurrences(of: "000001\"", with: "000000\"")
    #expect(try Self.error(Self.file([zero])) == .secret(name: "alice"))
    let two = Self.one.replacingOccurrences(of: "000001\"", with: "000002\"")
    #expect(try Self.error(Self.file([two])) == .publicKey(name: "alice"))
    #expect(try Self.error(Self.file([Self.one, Self.one])) == .duplicateName("alice"))
    let other = Self.one.replacingOccurrences(of: "secp256k1", with: "rsa")
    #expect(try Self.error(Self.file([other])) == .malformed(offset: 77))
    let many = (0...256).map { Self.one.replacingOccurrences(of: "alice", with: "a\($0)") }
    #expect(try Self.error(Self.file(Array(many.prefix(256)))) == nil)
    #expect(try Self.error(Self.file(many)) == .tooManyKeys(max: 256))
    #expect(try Self.error([UInt8](repeating: 0x20, count: (1 << 17) + 1)) == .tooLarge(max: 1 << 17))
  }

  @Test("refuses names that it would not write", arguments: ["", "A", "a b", "a\"", "é", "a/b"])
  func names(name: String) throws {
    let place = try Place()
    #expect(throws: LocalKeyFileError.name(name)) { try LocalKeyFile(path: place.path, secp256k1: [name]) }
    #expect(throws: LocalKeyFileError.duplicateName("a")) {
      try LocalKeyFile(path: place.path, secp256k1: ["a"], ed25519: ["a"])
    }
    #expect(throws: LocalKeyFileError.tooManyKeys(max: 256)) {
      try LocalKeyFile(path: place.path, secp256k1: (0...256).map { "n\($0)" })
    }
    #expect(throws: LocalKeyFileError.absent) { try LocalKeyFile(opening: place.path) }
  }

  @Test("goes on after a crash between the write and the move", arguments: [0, 40, 1 << 20])
  func crashed(written: Int) throws {
    let place = try Place()
    let first = try LocalKeyFile(path: place.path, secp256k1: ["alice"])
    // What was being written when the process died: cut off anywhere, or whole.
    try place.write(Array(Self.file([Self.one, Self.one]).prefix(written)), to: place.path + ".new")
    #expect(try LocalKeyFile(opening: place.path).secp256k1Names == ["alice"])
    let second = try LocalKeyFile(path: place.path, secp256k1: ["alice", "bob"])
    #expect(second.secp256k1("alice")?.publicKey == first.secp256k1("alice")?.publicKey)
    #expect(place.names == ["keys.json"])
    // And before there was any.
    let other = try Place()
    try other.write(Array(Self.file([Self.one]).prefix(written)), to: other.path + ".new")
    let made = try LocalKeyFile(path: other.path, secp256k1: ["alice"])
    #expect(
      made.secp256k1("alice")?.ethereumAddress.description != "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
    #expect(other.names == ["keys.json"])
  }

  @Test("does not write secrets into a file that others have laid beside")
  func beside() throws {
    let place = try Place()
    try place.write([], mode: 0o666, to: place.path + ".new")
    #expect(throws: LocalKeyFileError.permissions(mode: 0o666)) {
      try LocalKeyFile(path: place.path, secp256k1: ["alice"])
    }
    try FileManager.default.removeItem(atPath: place.path + ".new")
    try FileManager.default.createSymbolicLink(
      atPath: place.path + ".new", withDestinationPath: place.folder + "/target")
    #expect(throws: LocalKeyFileError.notRegular) {
      try LocalKeyFile(path: place.path, secp256k1: ["alice"])
    }
    #expect(place.names == ["keys.json.new"])
  }

  @Test("gives the same keys to all who make the file at once")
  func race() async throws {
    let place = try Place()
    let made = await withTaskGroup(of: FixedBytes<33>?.self) { group in
      for number in 0..<8 {
        group.addTask {
          try? LocalKeyFile(path: place.path, secp256k1: ["shared", "own-\(number)"])
            .secp256k1("shared")?.publicKey
        }
      }
      return await group.reduce(into: [FixedBytes<33>?]()) { $0.append($1) }
    }
    #expect(made.count == 8 && !made.contains(nil) && Set(made).count == 1)
    let all = try LocalKeyFile(opening: place.path)
    #expect(all.secp256k1Names == (0..<8).map { "own-\($0)" } + ["shared"])
    #expect(place.names == ["keys.json"])
  }
}
