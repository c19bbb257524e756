import Encodings
import WireBytes

extension Keystore {
  /// Reads a keystore: every member of the standard's schema, once, and no other.
  ///
  /// - Throws: ``KeystoreError``. The input is untrusted; no input traps, and none makes ``open(password:)`` work out of
  ///   bounds.
  public init(decoding text: [UInt8]) throws(KeystoreError) {
    guard text.count <= Self.textSizeMax else { throw .tooLarge(max: Self.textSizeMax) }
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: 6))
    } catch { throw .json(offset: error.offset) }
    let top = try KeystoreText(
      json, "keystore", ["crypto", "description", "pubkey", "path", "uuid", "version"])
    guard top["version"] == .number("4") else { throw .version }
    let crypto = try KeystoreText(top["crypto"], "crypto", ["kdf", "checksum", "cipher"])
    let kdf = try KeystoreText.module(crypto["kdf"], "kdf")
    let checksum = try KeystoreText.module(crypto["checksum"], "checksum")
    let cipher = try KeystoreText.module(crypto["cipher"], "cipher")

    guard kdf.message.isEmpty else { throw .hex("kdf.message") }
    let lengthBytes: UInt32
    switch kdf.function {
    case "scrypt":
      let parameters = try KeystoreText(kdf.parameters, "kdf.params", ["dklen", "n", "p", "r", "salt"])
      lengthBytes = try parameters.integer("dklen")
      derivation = .scrypt(
        n: try parameters.integer("n"), r: try parameters.integer("r"), p: try parameters.integer("p"))
      salt = try parameters.hex("salt", sizes: Self.saltSizes)
    case "pbkdf2":
      let parameters = try KeystoreText(kdf.parameters, "kdf.params", ["dklen", "c", "prf", "salt"])
      lengthBytes = try parameters.integer("dklen")
      guard parameters["prf"] == .string("hmac-sha256") else { throw .function("kdf") }
      derivation = .pbkdf2(rounds: try parameters.integer("c"))
      salt = try parameters.hex("salt", sizes: Self.saltSizes)
    default: throw .function("kdf")
    }
    // The first 32 bytes are used; nobody asks for more of them.
    guard derivation.isAccepted, lengthBytes == 32 else { throw .cost }

    guard checksum.function == "sha256" else { throw .function("checksum") }
    _ = try KeystoreText(checksum.parameters, "checksum.params", [])
    guard let sum = try? Bytes32(KeystoreText.hex(checksum.message, "checksum.message", sizes: 32...32))
    else {
      throw .hex("checksum.message")
    }
    self.checksum = sum
    guard cipher.function == "aes-128-ctr" else { throw .function("cipher") }
    let parameters = try KeystoreText(cipher.parameters, "cipher.params", ["iv"])
    iv = try parameters.hex("iv", sizes: 16...16)
    ciphertext = try KeystoreText.hex(
      cipher.message, "cipher.message", sizes: Self.secretSizeBytes...Self.secretSizeBytes)

    note = try top.text(optional: "description")
    // An empty one is none, as some programs write it.
    let publicText = try top.text(optional: "pubkey") ?? ""
    publicKey = publicText.isEmpty ? nil : try KeystoreText.hex(publicText, "pubkey", sizes: 48...48)
    guard let path = top["path"]?.string else { throw .member("path") }
    guard KeystoreText.isPath(path) else { throw .path }
    self.path = path
    guard let uuid = top["uuid"]?.string else { throw .member("uuid") }
    guard KeystoreText.isUUID(uuid) else { throw .uuid }
    self.uuid = uuid
  }

  /// The keystore as canonical JSON, a line break at the end.
  public func encoded() -> [UInt8] {
    var parameters: [String: JSONValue] = [
      "dklen": 32, "salt": .string(Hex.encode(salt, prefix: "")),
    ]
    let function: JSONValue
    switch derivation {
    case .scrypt(let n, let r, let p):
      function = "scrypt"
      parameters["n"] = .number(String(n))
      parameters["r"] = .number(String(r))
      parameters["p"] = .number(String(p))
    case .pbkdf2(let rounds):
      function = "pbkdf2"
      parameters["c"] = .number(String(rounds))
      parameters["prf"] = "hmac-sha256"
    }
    var members: [String: JSONValue] = [
      "crypto": [
        "kdf": ["function": function, "params": .object(parameters), "message": ""],
        "checksum": [
          "function": "sha256", "params": .object([:]),
          "message": .string(Hex.encode(checksum.span, prefix: "")),
        ],
        "cipher": [
          "function": "aes-128-ctr", "params": ["iv": .string(Hex.encode(iv, prefix: ""))],
          "message": .string(Hex.encode(ciphertext, prefix: "")),
        ],
      ],
      "path": .string(path), "uuid": .string(uuid), "version": 4,
    ]
    if let note { members["description"] = .string(note) }
    if let publicKey { members["pubkey"] = .string(Hex.encode(publicKey, prefix: "")) }
    return [UInt8](JSONValue.object(members).text(pretty: true).utf8) + [UInt8(ascii: "\n")]
  }
}

/// An object of a keystore, whose members are known by name.
struct KeystoreText {
  private let members: [String: JSONValue]
  private let name: String

  init(_ value: JSONValue?, _ name: String, _ known: Set<String>) throws(KeystoreError) {
    guard let members = value?.object else { throw .member(name) }
    // Sorted, so that the one that is named does not depend on the run.
    for member in members.keys.sorted() where !known.contains(member) { throw .unknownMember(member) }
    self.members = members
    self.name = name
  }

  subscript(member: String) -> JSONValue? { members[member] }

  /// One of the three modules of `crypto`.
  static func module(
    _ value: JSONValue?, _ name: String
  ) throws(KeystoreError) -> (function: String, parameters: JSONValue, message: String) {
    let module = try KeystoreText(value, name, ["function", "params", "message"])
    guard let function = module["function"]?.string else { throw .member("\(name).function") }
    guard let parameters = module["params"] else { throw .member("\(name).params") }
    guard let message = module["message"]?.string else { throw .member("\(name).message") }
    return (function, parameters, message)
  }

  func integer(_ member: String) throws(KeystoreError) -> UInt32 {
    guard case .number(let text)? = members[member], let value = UInt32(text) else {
      throw .member("\(name).\(member)")
    }
    return value
  }

  func hex(_ member: String, sizes: ClosedRange<Int>) throws(KeystoreError) -> [UInt8] {
    guard let text = members[member]?.string else { throw .member("\(name).\(member)") }
    return try Self.hex(text, "\(name).\(member)", sizes: sizes)
  }

  /// Nil when it is not there.
  func text(optional member: String) throws(KeystoreError) -> String? {
    guard let value = members[member] else { return nil }
    guard let text = value.string else { throw .member(member) }
    return text
  }

  static func hex(_ text: String, _ name: String, sizes: ClosedRange<Int>) throws(KeystoreError) -> [UInt8] {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
      let bytes = try? Hex.decode(text), sizes.contains(bytes.count)
    else { throw .hex(name) }
    return bytes
  }

  /// `m` and steps of numbers, none of them hardened (EIP-2334); or nothing.
  static func isPath(_ text: String) -> Bool {
    if text.isEmpty { return true }
    let steps = text.split(separator: "/", omittingEmptySubsequences: false)
    return text.utf8.count <= 256 && steps.first == "m"
      && steps.dropFirst().allSatisfy { step in UInt32(step).map { String($0) == step } ?? false }
  }

  /// 8-4-4-4-12 lower-case hex digits.
  static func isUUID(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && parts.allSatisfy { part in
        part.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
      }
  }
}

extension JSONError {
  /// Where the text stops being JSON.
  fileprivate var offset: Int {
    switch self {
    case .tooLarge(let limit, _): limit
    case .tooDeep(_, let offset), .truncated(let offset), .unexpected(let offset), .string(let offset),
      .number(let offset), .duplicateName(let offset), .trailing(let offset):
      offset
    }
  }
}
