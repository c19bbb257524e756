import Encodings
import Foundation
import KeyVault
import Secrets
import TestSupport
import Testing
import WireBytes

/// Secrets as tests have them: bytes and text that nothing wipes.
enum OpenSecret {
  static func bytes(_ bytes: [UInt8]) -> SecretBytes { SecretBytes(copying: bytes.span) }
  static func text(_ text: String) -> SecretBytes { bytes([UInt8](text.utf8)) }
  static func array(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withSpan { (bytes: Span<UInt8>) in [UInt8](copying: bytes) }
  }

  static func share(_ mnemonic: String) throws(SLIP39Error) -> SLIP39Share {
    let bytes = [UInt8](mnemonic.utf8)
    return try SLIP39Share(mnemonic: bytes.span)
  }

  static func words(_ share: SLIP39Share) -> String {
    String(decoding: array(share.mnemonic()), as: UTF8.self)
  }

  /// The secret, or why there is none.
  static func combined(_ mnemonics: [String], _ passphrase: String) -> Result<[UInt8], SLIP39Error> {
    do {
      var shares: [SLIP39Share] = []
      for mnemonic in mnemonics { shares.append(try share(mnemonic)) }
      return .success(array(try SLIP39.combine(shares, passphrase: text(passphrase))))
    } catch { return .failure(error) }
  }
}

@Suite("SLIP-0039")
struct SLIP39Tests {
  private static let corpus = Corpora.directory("keys").map { $0 + "/bip32-slip10-slip39" }

  private static func json(_ path: String) throws -> JSONValue {
    try JSONValue(decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  private static func ours() throws -> JSONValue {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/threshold/slip39.json").path
    let file = try json(path)
    #expect(file["schema"]?.string == "causeway.vectors.slip39/1")
    return try #require(file["cases"])
  }

  @Test(
    "opens the published shares, and refuses the published faulty ones for what is wrong with them",
    .enabled(if: corpus != nil, "corpus keys is absent"))
  func published() throws {
    let path = try #require(Self.corpus) + "/slip39_vectors.json"
    let cases = try #require(try Self.json(path).array)
    #expect(cases.count == 30)
    var opened = 0
    var refused = 0
    for vector in cases {
      let title = try #require(vector[0]?.string)
      let mnemonics = try #require(vector[1]?.array).compactMap(\.string)
      let secret = try Hex.decode(try #require(vector[2]?.string))
      let result = OpenSecret.combined(mnemonics, "TREZOR")
      if secret.isEmpty {
        guard case .failure(let error) = result else {
          Issue.record("\(title) was opened")
          continue
        }
        #expect(Self.fits(error, title), "\(title): \(error)")
        refused += 1
      } else {
        #expect(result == .success(secret), "\(title)")
        for mnemonic in mnemonics { #expect(OpenSecret.words(try OpenSecret.share(mnemonic)) == mnemonic) }
        // The root key of BIP-32 that the secret is the seed of, in the 78 bytes before the text's checksum.
        let root = try ExtendedPrivateKey(seed: OpenSecret.bytes(secret), curve: .secp256k1, scheme: .bip32)
        let text = try Base58.decode(try #require(vector[3]?.string))
        #expect(OpenSecret.array(root.encoded()) == Array(text.prefix(78)), "\(title)")
        opened += 1
      }
    }
    #expect(opened == 10 && refused == 20, "\(opened) \(refused)")
  }

  /// Whether `error` is of the kind that the title of a faulty case names.
  private static func fits(_ error: SLIP39Error, _ title: String) -> Bool {
    switch error {
    case .checksum: title.contains("invalid checksum")
    case .padding: title.contains("invalid padding")
    case .mixed(.identifier): title.contains("different identifiers")
    case .mixed(.iterationExponent): title.contains("different iteration exponents")
    case .mixed(.groupThreshold): title.contains("mismatching group thresholds")
    case .mixed(.groupCount): title.contains("mismatching group counts")
    case .groupThreshold: title.contains("greater group threshold than group counts")
    case .repeatedMember: title.contains("duplicate member indices")
    case .mixedMemberThresholds: title.contains("mismatching member thresholds")
    case .digest: title.contains("invalid digest")
    case .groupCount: title.contains("Insufficient number of groups")
    case .memberCount:
      title.contains("insufficient number of members") || title.contains("insufficient number of shares")
        || title.contains("Basic sharing 2-of-3")
    case .wordCount: title.contains("insufficient length") || title.contains("invalid master secret length")
    default: false
    }
  }

  @Test("opens shares that shamir-mnemonic made", arguments: 0..<11)
  func library(index: Int) throws {
    let cases = try #require(try Self.ours()["shares"]?.array)
    #expect(cases.count == 11)
    let vector = cases[index]
    let mnemonics = try #require(vector["mnemonics"]?.array).compactMap(\.string)
    let passphrase = try #require(vector["passphrase"]?.string)
    let secret = try Hex.decode(try #require(vector["secret"]?.string))
    #expect(OpenSecret.combined(mnemonics, passphrase) == .success(secret))
    #expect(OpenSecret.combined(mnemonics.reversed(), passphrase) == .success(secret))
    let other = try Hex.decode(try #require(vector["withoutPassphrase"]?.string))
    #expect(OpenSecret.combined(mnemonics, "") == .success(other))
    for mnemonic in mnemonics {
      #expect(OpenSecret.words(try OpenSecret.share(mnemonic)) == mnemonic)
      let typed = "\n " + mnemonic.uppercased().replacingOccurrences(of: " ", with: "  \t") + "\r\n"
      #expect(OpenSecret.words(try OpenSecret.share(typed)) == mnemonic)
    }
  }

  @Test("interpolates as shamir-mnemonic does")
  func interpolation() throws {
    let cases = try #require(try Self.ours()["interpolations"]?.array)
    #expect(cases.count == 64)
    for vector in cases {
      let places = try #require(vector["places"]?.array).compactMap { $0.integer(UInt8.self) }
      let values = try #require(vector["values"]?.array).map { try Hex.decode(try #require($0.string)) }
      let points = zip(places, values).map { SharePoint(place: $0, value: OpenSecret.bytes($1)) }
      let at = try #require(vector["at"]?.integer(UInt8.self))
      let expected = try Hex.decode(try #require(vector["value"]?.string))
      #expect(OpenSecret.array(SecretSharing.interpolate(points, at: at)) == expected)
    }
  }

  @Test("multiplies and inverts in the field as polynomials do")
  func field() {
    /// The product by long multiplication and division.
    func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
      var sum: UInt16 = 0
      for bit in 0..<8 where right >> UInt8(bit) & 1 == 1 { sum ^= UInt16(left) << UInt16(bit) }
      for bit in (8..<16).reversed() where sum >> UInt16(bit) & 1 == 1 { sum ^= 0x11b << UInt16(bit - 8) }
      return UInt8(sum)
    }
    var wrong = 0
    for left in UInt8.min...UInt8.max {
      for right in UInt8.min...UInt8.max where GF256.multiply(left, right) != product(left, right) {
        wrong += 1
      }
      if left != 0, GF256.multiply(left, GF256.inverse(left)) != 1 { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(GF256.inverse(0) == 0)
    // The example of FIPS 197, section 4.2.
    #expect(GF256.multiply(0x57, 0x83) == 0xc1)
  }

  @Test("has the published words", .enabled(if: corpus != nil, "corpus keys is absent"))
  func words() throws {
    let text = try String(contentsOfFile: try #require(Self.corpus) + "/wordlist.txt", encoding: .utf8)
    let words = text.split(whereSeparator: \.isWhitespace)
    #expect(words.count == 1_024)
    for (number, word) in words.enumerated() {
      let packed = word.utf8.enumerated().reduce(UInt64(0)) {
        $0 | UInt64($1.element) << UInt64(56 - 8 * $1.offset)
      }
      #expect(SLIP39Words.word(UInt16(number)) == packed)
      #expect(SLIP39Words.number(of: packed) == UInt16(number))
    }
    #expect(SLIP39Words.number(of: 0) == nil)
    #expect(SLIP39Words.number(of: .max) == nil)
  }

  struct Arrangement: Sendable {
    let size: Int
    let groupThreshold: Int
    let groups: [(Int, Int)]
    let passphrase: String
    var isExtendable = true
  }

  @Test(
    "gives a secret back from every minimal set of its shares, and from no other number",
    arguments: [
      Arrangement(size: 16, groupThreshold: 1, groups: [(1, 1)], passphrase: ""),
      Arrangement(size: 32, groupThreshold: 1, groups: [(2, 3)], passphrase: "x"),
      Arrangement(size: 22, groupThreshold: 1, groups: [(3, 5)], passphrase: "", isExtendable: false),
      Arrangement(size: 32, groupThreshold: 2, groups: [(1, 1), (2, 3), (1, 1)], passphrase: "TREZOR"),
      Arrangement(size: 64, groupThreshold: 3, groups: [(2, 2), (1, 1), (2, 3)], passphrase: ""),
    ])
  func roundTrip(arrangement: Arrangement) throws {
    let secret = SecretBytes(random: arrangement.size)
    let groups = arrangement.groups.map { SLIP39Group(memberThreshold: $0.0, memberCount: $0.1) }
    let shares = try SLIP39.split(
      secret, groupThreshold: arrangement.groupThreshold, groups: groups,
      passphrase: OpenSecret.text(arrangement.passphrase), isExtendable: arrangement.isExtendable,
      iterationExponent: 0)
    #expect(shares.map(\.count) == arrangement.groups.map(\.1))
    let all = shares.flatMap { $0 }
    #expect(all.count <= 10)
    var opened = 0
    for mask in 0..<(1 << all.count) {
      let chosen = all.indices.filter { mask >> $0 & 1 == 1 }.map { all[$0] }
      let counts = groups.indices.map { group in chosen.count { $0.heading.groupIndex == group } }
      let isMinimal =
        counts.count { $0 > 0 } == arrangement.groupThreshold
        && zip(counts, groups).allSatisfy { $0 == 0 || $0 == $1.memberThreshold }
      do {
        let again = try SLIP39.combine(chosen, passphrase: OpenSecret.text(arrangement.passphrase))
        #expect(isMinimal && again.matches(secret))
        opened += 1
      } catch {
        #expect(!isMinimal, "\(error)")
      }
    }
    #expect(opened > 0)
    // For tools/vectors/slip39.py, which reads them with another library.
    if let path = ProcessInfo.processInfo.environment["CAUSEWAY_SLIP39_OUT"] {
      let used = zip(shares, groups).prefix(arrangement.groupThreshold)
        .flatMap { shares, group in shares.suffix(group.memberThreshold).map { OpenSecret.words($0) } }
      let hex = Hex.encode(OpenSecret.array(secret), prefix: "")
      let line = "\(hex)\t\(arrangement.passphrase)\t\(used.joined(separator: ","))\n"
      if !FileManager.default.fileExists(atPath: path) {
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
      }
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data(line.utf8))
      try file.close()
    }
  }

  @Test("refuses a share of another set, and one word that is wrong")
  func faults() throws {
    let secret = SecretBytes(random: 32)
    func made() throws -> [SLIP39Share] {
      try SLIP39.split(
        secret, groupThreshold: 1, groups: [SLIP39Group(memberThreshold: 2, memberCount: 3)],
        passphrase: SecretBytes(zeroed: 0), iterationExponent: 0)[0]
    }
    let one = try made()
    let two = try made()
    #expect(throws: SLIP39Error.mixed(.identifier)) {
      try SLIP39.combine([one[0], two[1]], passphrase: SecretBytes(zeroed: 0)).count
    }
    #expect(throws: SLIP39Error.repeatedMember(group: 0, member: 1)) {
      try SLIP39.combine([one[1], one[1]], passphrase: SecretBytes(zeroed: 0)).count
    }
    #expect(throws: SLIP39Error.noShares) { try SLIP39.combine([], passphrase: SecretBytes(zeroed: 0)).count }
    let words = OpenSecret.words(one[0]).split(separator: " ").map(String.init)
    #expect(words.count == 33)
    for index in words.indices {
      var changed = words
      changed[index] = changed[index] == "zero" ? "yoga" : "zero"
      #expect(OpenSecret.error(changed.joined(separator: " ")) == .checksum)
      changed[index] = "zeroes"
      #expect(OpenSecret.error(changed.joined(separator: " ")) == .unknownWord(at: index))
      changed[index] = "zero-length"
      #expect(OpenSecret.error(changed.joined(separator: " ")) == .unknownWord(at: index))
    }
    for index in 1..<words.count where words[index] != words[index - 1] {
      var swapped = words
      swapped.swapAt(index - 1, index)
      #expect(OpenSecret.error(swapped.joined(separator: " ")) == .checksum)
    }
    for count in 0..<words.count {
      let error = OpenSecret.error(words.prefix(count).joined(separator: " "))
      #expect(error == (count < 20 || 10 * (count - 7) % 16 > 8 ? .wordCount(count) : .checksum))
    }
    #expect(OpenSecret.error(String(repeating: "a ", count: 60)) == .wordCount(60))
    #expect(OpenSecret.error(String(repeating: " ", count: 1_025)) == .textSize(1_025, limit: 1_024))
  }

  @Test("takes any bytes as words without harm")
  func noise() throws {
    var random = SeededGenerator(
      seed: ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? 39)
    print("SEED=\(random.seed)")
    // The first case of SLIP-39's vectors: valid, and the same each time.
    let words = """
      duckling enlarge academic academic agency result length solution fridge kidney coal piece deal husband erode \
      duke ajar critical decision keyboard
      """
    #expect(OpenSecret.error(words) == nil)
    for _ in 0..<2_000 {
      var bytes = [UInt8](words.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
      var changed = bytes
      for index in changed.indices where (0x41...0x5a).contains(changed[index]) { changed[index] |= 0x20 }
      // What is read says the same again.
      guard let share = try? SLIP39Share(mnemonic: bytes.span) else { continue }
      let read = changed.split { $0 == 0x20 || (0x09...0x0d).contains($0) }
      #expect([UInt8](OpenSecret.words(share).utf8).split(separator: 0x20) == read)
    }
  }

  @Test("makes no shares that could not be used or that one party could use alone by mistake")
  func refusals() throws {
    func refusal(
      _ size: Int, _ threshold: Int, _ groups: [(Int, Int)], _ passphrase: [UInt8] = [], _ exponent: Int = 0
    ) -> SLIP39Error? {
      do {
        _ = try SLIP39.split(
          SecretBytes(random: size), groupThreshold: threshold,
          groups: groups.map { SLIP39Group(memberThreshold: $0.0, memberCount: $0.1) },
          passphrase: OpenSecret.bytes(passphrase), iterationExponent: exponent)
        return nil
      } catch { return error }
    }
    #expect(refusal(32, 1, [(2, 3)]) == nil)
    for size in [0, 14, 15, 17, 66] { #expect(refusal(size, 1, [(2, 3)]) == .secretSize(size)) }
    for (threshold, groups) in [
      (0, [(2, 3)]), (2, [(2, 3)]), (1, []), (1, [(0, 1)]), (1, [(3, 2)]), (1, [(1, 2)]), (1, [(2, 17)]),
      (1, [(Int, Int)](repeating: (1, 1), count: 17)), (1, [(-1, -1)]),
    ] {
      #expect(refusal(32, threshold, groups) == .arrangement)
    }
    #expect(refusal(32, 1, [(2, 3)], [0x1f]) == .passphrase)
    #expect(refusal(32, 1, [(2, 3)], [0x7f]) == .passphrase)
    #expect(refusal(32, 1, [(2, 3)], [0xc3, 0xa4]) == .passphrase)
    #expect(refusal(32, 1, [(2, 3)], [UInt8](repeating: 0x20, count: 257)) == .passphrase)
    #expect(refusal(32, 1, [(2, 3)], [], 11) == .iterationExponent(11, limit: 10))
    #expect(refusal(32, 1, [(2, 3)], [], -1) == .iterationExponent(-1, limit: 10))
  }
}

extension OpenSecret {
  static func error(_ mnemonic: String) -> SLIP39Error? {
    do {
      _ = try share(mnemonic)
      return nil
    } catch { return error }
  }
}
