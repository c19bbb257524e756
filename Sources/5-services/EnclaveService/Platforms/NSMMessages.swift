public import Encodings

/// Why the Nitro Secure Module did not do what was asked.
public enum NSMError: Error, Hashable, Sendable {
  /// What the module answers, by its names (`ErrorCode` of AWS' nsm-api).
  public enum Code: String, Hashable, Sendable {
    case success = "Success"
    case invalidArgument = "InvalidArgument"
    case invalidIndex = "InvalidIndex"
    case invalidResponse = "InvalidResponse"
    case readOnlyIndex = "ReadOnlyIndex"
    case invalidOperation = "InvalidOperation"
    case bufferTooSmall = "BufferTooSmall"
    case inputTooLarge = "InputTooLarge"
    case internalError = "InternalError"
  }

  /// The device cannot be opened or asked; `errno` of the call.
  case device(errno: Int32)
  /// A request has more bytes than the driver takes.
  case requestLength(max: Int, actual: Int)
  /// An answer has more bytes than the driver gives, or none.
  case responseLength(max: Int, actual: Int)
  /// An optional part of a request has more bytes than an attestation document holds.
  case partLength(max: Int, actual: Int)
  /// The answer is no CBOR.
  case cbor(CBORError)
  /// The answer is none to what was asked.
  case unexpectedAnswer
  /// A member of the answer is absent or of another kind.
  case member(String)
  case refused(Code)
  /// The module answers with an error that has no name here.
  case unknownCode
}

/// What is asked of a Nitro Secure Module, as its driver takes it: CBOR of an externally tagged enum.
///
/// Source: aws/aws-nitro-enclaves-nsm-api, src/api/mod.rs (`Request`, `Response`), src/driver/mod.rs (sizes).
public enum NSMRequest: Hashable, Sendable {
  /// A signed document with the enclave's registers and up to three parts of the asker's, each of 512 bytes at most.
  case attestation(userData: [UInt8]?, nonce: [UInt8]?, publicKey: [UInt8]?)
  case describePCR(index: UInt16)
  /// Adds to a register: SHA-384(value ‖ bytes).
  case extendPCR(index: UInt16, bytes: [UInt8])
  /// Closes a register to further changes.
  case lockPCR(index: UInt16)
  case describeNSM
  case getRandom

  /// `NSM_REQUEST_MAX_SIZE`.
  public static let sizeMax = 0x1000
  /// Bytes of user data and of a nonce. A public key may have 1,024.
  public static let partSizeMax = 512
  public static let keySizeMax = 1_024

  /// - Throws: `.partLength` and `.requestLength`.
  public func encoded() throws(NSMError) -> [UInt8] {
    let value: CBORValue
    switch self {
    case .attestation(let userData, let nonce, let publicKey):
      for (part, max) in [
        (userData, Self.partSizeMax), (nonce, Self.partSizeMax), (publicKey, Self.keySizeMax),
      ] {
        guard part == nil || (part?.count ?? 0) <= max else {
          throw .partLength(max: max, actual: part?.count ?? 0)
        }
      }
      value = Self.tagged(
        "Attestation",
        [
          ("user_data", Self.optional(userData)), ("nonce", Self.optional(nonce)),
          ("public_key", Self.optional(publicKey)),
        ])
    case .describePCR(let index): value = Self.tagged("DescribePCR", [("index", .unsigned(UInt64(index)))])
    case .extendPCR(let index, let bytes):
      value = Self.tagged("ExtendPCR", [("index", .unsigned(UInt64(index))), ("data", .bytes(bytes))])
    case .lockPCR(let index): value = Self.tagged("LockPCR", [("index", .unsigned(UInt64(index)))])
    case .describeNSM: value = .text("DescribeNSM")
    case .getRandom: value = .text("GetRandom")
    }
    let bytes = value.encoded()
    guard bytes.count <= Self.sizeMax else { throw .requestLength(max: Self.sizeMax, actual: bytes.count) }
    return bytes
  }
}

extension NSMRequest {
  /// `{name: {members}}`; the module takes members in any order, and gets them sorted.
  private static func tagged(_ name: String, _ members: [(String, CBORValue)]) -> CBORValue {
    .map([CBORValue.Entry(.text(name), .map(members.map { CBORValue.Entry(.text($0.0), $0.1) }))])
  }

  private static func optional(_ bytes: [UInt8]?) -> CBORValue { bytes.map { .bytes($0) } ?? .null }
}

/// An answer of a Nitro Secure Module.
public enum NSMResponse: Hashable, Sendable {
  /// An attestation document: COSE_Sign1, kept as it is.
  case attestation(document: [UInt8])
  case describePCR(isLocked: Bool, value: [UInt8])
  case extendPCR(value: [UInt8])
  case lockPCR
  case describeNSM(moduleID: String, registers: UInt16, locked: [UInt16], digest: String)
  case getRandom([UInt8])

  /// `NSM_RESPONSE_MAX_SIZE`.
  public static let sizeMax = 0x3000
  static let registersMax = 64

  /// - Throws: ``NSMError``: `.refused` for an answer that is an error. The input is untrusted; no input traps.
  public init(decoding bytes: [UInt8]) throws(NSMError) {
    guard (1...Self.sizeMax).contains(bytes.count) else {
      throw .responseLength(max: Self.sizeMax, actual: bytes.count)
    }
    let value: CBORValue
    // The module writes what its Rust encoder writes, which is not always the shortest form.
    do {
      value = try CBORValue(
        decoding: bytes, rules: CBORRules(.foreign, sizeBytesMax: Self.sizeMax, depthMax: 8, itemsMax: 512))
    } catch { throw .cbor(error) }
    if let text = value.text {
      guard text == "LockPCR" else { throw .unexpectedAnswer }
      self = .lockPCR
      return
    }
    guard let entries = value.entries, entries.count == 1, let name = entries[0].key.text else {
      throw .unexpectedAnswer
    }
    let members = entries[0].value
    switch name {
    case "Error":
      guard let text = members.text, let code = NSMError.Code(rawValue: text) else { throw .unknownCode }
      throw .refused(code)
    case "Attestation": self = .attestation(document: try Self.bytes(members, "document"))
    case "DescribePCR":
      guard case .boolean(let isLocked)? = members["lock"] else { throw .member("lock") }
      self = .describePCR(isLocked: isLocked, value: try Self.bytes(members, "data"))
    case "ExtendPCR": self = .extendPCR(value: try Self.bytes(members, "data"))
    case "DescribeNSM":
      guard let moduleID = members["module_id"]?.text, moduleID.utf8.count <= 256 else {
        throw .member("module_id")
      }
      guard let items = members["locked_pcrs"]?.array, items.count <= Self.registersMax else {
        throw .member("locked_pcrs")
      }
      var locked: [UInt16] = []
      for item in items {
        guard let number = item.unsigned.flatMap({ UInt16(exactly: $0) }) else {
          throw .member("locked_pcrs")
        }
        locked.append(number)
      }
      guard let count = members["max_pcrs"]?.unsigned.flatMap({ UInt16(exactly: $0) }) else {
        throw .member("max_pcrs")
      }
      guard let digest = members["digest"]?.text, ["SHA256", "SHA384", "SHA512"].contains(digest) else {
        throw .member("digest")
      }
      self = .describeNSM(moduleID: moduleID, registers: count, locked: locked, digest: digest)
    case "GetRandom": self = .getRandom(try Self.bytes(members, "random"))
    default: throw .unexpectedAnswer
    }
  }

  private static func bytes(_ members: CBORValue, _ name: String) throws(NSMError) -> [UInt8] {
    guard let bytes = members[name]?.bytes, !bytes.isEmpty else { throw .member(name) }
    return bytes
  }
}

/// A way to a Nitro Secure Module: one request, one answer.
public protocol NSMDevice: Sendable {
  /// - Throws: `.device`.
  func exchange(_ request: [UInt8]) throws(NSMError) -> [UInt8]
}

/// A module that is asked over a device.
public struct NSMClient: Sendable {
  private let device: any NSMDevice

  public init(_ device: any NSMDevice) { self.device = device }

  public func ask(_ request: NSMRequest) throws(NSMError) -> NSMResponse {
    let answer = try device.exchange(try request.encoded())
    return try NSMResponse(decoding: answer)
  }

  /// A document that binds `userData`.
  public func attestation(userData: [UInt8]) throws(NSMError) -> [UInt8] {
    guard
      case .attestation(let document) = try ask(.attestation(userData: userData, nonce: nil, publicKey: nil))
    else { throw .unexpectedAnswer }
    return document
  }

  /// Adds to a register, and closes it.
  ///
  /// - Returns: the register's value.
  public func measure(_ bytes: [UInt8], into index: UInt16) throws(NSMError) -> [UInt8] {
    guard case .extendPCR(let value) = try ask(.extendPCR(index: index, bytes: bytes)) else {
      throw .unexpectedAnswer
    }
    guard case .lockPCR = try ask(.lockPCR(index: index)) else { throw .unexpectedAnswer }
    return value
  }
}
