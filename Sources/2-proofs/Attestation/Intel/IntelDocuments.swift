public import Encodings
public import WireBytes

/// Why the JSON of TCB info or of a quoting enclave's identity is not what it should be. `path` names the
/// member.
public enum IntelDocumentError: Error, Hashable, Sendable {
  case json(JSONError)
  case missing(path: String)
  /// Another type, a number out of range, hex of another length, a date in another form.
  case member(path: String)
  /// A word that is not known.
  case word(path: String, String)
  /// More elements than `limit`, or not as many as must be.
  case count(path: String, limit: Int, actual: Int)
}

/// When a document of Intel's counts.
public struct IntelWindow: Hashable, Sendable {
  /// Both are within the window. UNIX seconds.
  public let issued: Int64
  public let nextUpdate: Int64
}

/// TCB info (PCS API, version 3 of the document): what Intel thinks of the security versions of one family of
/// processors.
public struct TCBInfo: Hashable, Sendable {
  /// A level: whoever has at least these versions has this standing, unless a higher level fits.
  public struct Level: Hashable, Sendable {
    /// 16 of them.
    public let sgxComponents: [UInt8]
    /// 16 of them; nil when the document is for SGX.
    public let tdxComponents: [UInt8]?
    public let provisioningEnclaveSVN: UInt16
    public let standing: TCBStanding
  }

  /// Whom a TDX module must be signed by, and with which attributes.
  public struct ModuleSigner: Hashable, Sendable {
    public let mrSigner: FixedBytes<48>
    public let attributes: FixedBytes<8>
    public let attributesMask: FixedBytes<8>
  }

  /// The levels of one major version of the TDX module.
  public struct ModuleIdentity: Hashable, Sendable {
    /// `TDX_` and the major version in hex.
    public let id: String
    public let signer: ModuleSigner
    public let levels: [EnclaveLevel]
  }

  /// "SGX" or "TDX".
  public let id: String
  public let version: UInt64
  public let window: IntelWindow
  public let fmspc: FixedBytes<6>
  public let pceID: FixedBytes<2>
  public let tcbType: UInt64
  public let evaluationNumber: UInt64
  /// Highest first: SGX components, then the provisioning enclave's version, then TDX components. Intel's
  /// text has no order that counts.
  public let levels: [Level]
  public let module: ModuleSigner?
  public let moduleIdentities: [ModuleIdentity]

  static let levelsMax = 256
  static let modulesMax = 64

  /// Reads the signed text.
  public init(decoding text: [UInt8]) throws(IntelDocumentError) {
    let root = try DocumentMember(text)
    id = try root["id"].string()
    version = try root["version"].integer(max: 255)
    window = try root.window()
    fmspc = try root["fmspc"].hex()
    pceID = try root["pceId"].hex()
    tcbType = try root["tcbType"].integer(max: UInt64(UInt32.max))
    evaluationNumber = try root["tcbEvaluationDataNumber"].integer(max: UInt64(UInt32.max))
    let isTDX = id == "TDX"
    let read = try root["tcbLevels"].elements(max: Self.levelsMax).map {
      (one: DocumentMember) throws(IntelDocumentError) -> Level in
      let tcb = one["tcb"]
      return Level(
        sgxComponents: try tcb["sgxtcbcomponents"].components(),
        tdxComponents: isTDX ? try tcb["tdxtcbcomponents"].components() : nil,
        provisioningEnclaveSVN: UInt16(try tcb["pcesvn"].integer(max: 0xffff)), standing: try one.standing())
    }
    levels = Self.sorted(read)
    let module = root["tdxModule"]
    self.module = module.isPresent ? try module.signer() : nil
    let identities = root["tdxModuleIdentities"]
    moduleIdentities =
      !identities.isPresent
      ? []
      : try identities.elements(max: Self.modulesMax).map {
        (one: DocumentMember) throws(IntelDocumentError) -> ModuleIdentity in
        ModuleIdentity(id: try one["id"].string(), signer: try one.signer(), levels: try one.enclaveLevels())
      }
  }

  /// The identity of the module's major version `version`; ids are compared without case, as Intel's library
  /// does.
  func identity(ofModule version: UInt8) -> ModuleIdentity? {
    let digits = Hex.encode([version], prefix: "").uppercased()
    return moduleIdentities.first { $0.id.uppercased() == "TDX_\(digits)" }
  }

  private static func sorted(_ levels: [Level]) -> [Level] {
    levels.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.sgxComponents != b.sgxComponents {
        return b.sgxComponents.lexicographicallyPrecedes(a.sgxComponents)
      }
      if a.provisioningEnclaveSVN != b.provisioningEnclaveSVN {
        return a.provisioningEnclaveSVN > b.provisioningEnclaveSVN
      }
      if let own = a.tdxComponents, let other = b.tdxComponents, own != other {
        return other.lexicographicallyPrecedes(own)
      }
      return left.offset < right.offset
    }.map(\.element)
  }
}

/// A level of one enclave or module, by its own security version.
public struct EnclaveLevel: Hashable, Sendable {
  public let isvSVN: UInt16
  public let standing: TCBStanding
}

/// The identity of a quoting enclave (PCS API, version 2 of the document).
public struct QuotingEnclaveIdentity: Hashable, Sendable {
  /// "QE" for SGX, "TD_QE" for TDX.
  public let id: String
  public let version: UInt64
  public let window: IntelWindow
  public let evaluationNumber: UInt64
  /// In the order of the text's digits, as the mask.
  public let miscSelect: FixedBytes<4>
  public let miscSelectMask: FixedBytes<4>
  public let attributes: FixedBytes<16>
  public let attributesMask: FixedBytes<16>
  public let mrSigner: Bytes32
  public let isvProdID: UInt16
  /// In the text's order: the first that fits counts.
  public let levels: [EnclaveLevel]

  /// Reads the signed text.
  public init(decoding text: [UInt8]) throws(IntelDocumentError) {
    let root = try DocumentMember(text)
    id = try root["id"].string()
    version = try root["version"].integer(max: 255)
    window = try root.window()
    evaluationNumber = try root["tcbEvaluationDataNumber"].integer(max: UInt64(UInt32.max))
    miscSelect = try root["miscselect"].hex()
    miscSelectMask = try root["miscselectMask"].hex()
    attributes = try root["attributes"].hex()
    attributesMask = try root["attributesMask"].hex()
    mrSigner = try root["mrsigner"].hex()
    isvProdID = UInt16(try root["isvprodid"].integer(max: 0xffff))
    levels = try root.enclaveLevels()
  }
}

/// A member of a document with its path; members that are not asked for are passed over, as Intel adds some.
private struct DocumentMember {
  let path: String
  let value: JSONValue?

  static let limits = JSONLimits(sizeBytes: 1 << 20, depth: 12)

  init(path: String, value: JSONValue?) {
    self.path = path
    self.value = value
  }

  init(_ text: [UInt8]) throws(IntelDocumentError) {
    do { value = try JSONValue(decoding: text, limits: Self.limits) } catch { throw .json(error) }
    path = ""
    guard value?.object != nil else { throw .member(path: "") }
  }

  subscript(name: String) -> DocumentMember {
    DocumentMember(path: path.isEmpty ? name : "\(path).\(name)", value: value?[name])
  }

  var isPresent: Bool { value != nil && value?.isNull == false }

  private func found() throws(IntelDocumentError) -> JSONValue {
    guard let value else { throw .missing(path: path) }
    return value
  }

  func string() throws(IntelDocumentError) -> String {
    guard let text = try found().string, text.utf8.count <= 256 else { throw .member(path: path) }
    return text
  }

  func integer(max: UInt64) throws(IntelDocumentError) -> UInt64 {
    guard case .number(let text) = try found(), let number = UInt64(text), number <= max else {
      throw .member(path: path)
    }
    return number
  }

  func hex<let count: Int>() throws(IntelDocumentError) -> FixedBytes<count> {
    let text = try string()
    guard text.utf8.count == 2 * count, let bytes = try? FixedBytes<count>(hex: text) else {
      throw .member(path: path)
    }
    return bytes
  }

  func elements(max: Int) throws(IntelDocumentError) -> [DocumentMember] {
    guard let elements = try found().array else { throw .member(path: path) }
    guard elements.count <= max else { throw .count(path: path, limit: max, actual: elements.count) }
    return elements.enumerated().map { DocumentMember(path: "\(path)[\($0.offset)]", value: $0.element) }
  }

  /// `YYYY-MM-DDTHH:MM:SSZ`, the one form that Intel writes.
  func time() throws(IntelDocumentError) -> Int64 {
    let text = [UInt8](try string().utf8)
    guard let seconds = IntelTime.seconds(text) else { throw .member(path: path) }
    return seconds
  }

  func window() throws(IntelDocumentError) -> IntelWindow {
    let window = IntelWindow(issued: try self["issueDate"].time(), nextUpdate: try self["nextUpdate"].time())
    guard window.issued <= window.nextUpdate else { throw .member(path: self["nextUpdate"].path) }
    return window
  }

  /// Exactly 16 versions: fewer would leave some unchecked.
  func components() throws(IntelDocumentError) -> [UInt8] {
    let elements = try elements(max: 64)
    guard elements.count == 16 else { throw .count(path: path, limit: 16, actual: elements.count) }
    return try elements.map { (one: DocumentMember) throws(IntelDocumentError) -> UInt8 in
      UInt8(try one["svn"].integer(max: 255))
    }
  }

  func standing() throws(IntelDocumentError) -> TCBStanding {
    let word = try self["tcbStatus"].string()
    guard let status = TCBStatus(rawValue: word) else { throw .word(path: self["tcbStatus"].path, word) }
    let names = self["advisoryIDs"]
    let advisories =
      names.isPresent
      ? try names.elements(max: 256).map { (one: DocumentMember) throws(IntelDocumentError) -> String in
        try one.string()
      } : []
    return TCBStanding(status: status, advisories: advisories, date: try self["tcbDate"].time())
  }

  func signer() throws(IntelDocumentError) -> TCBInfo.ModuleSigner {
    TCBInfo.ModuleSigner(
      mrSigner: try self["mrsigner"].hex(), attributes: try self["attributes"].hex(),
      attributesMask: try self["attributesMask"].hex())
  }

  func enclaveLevels() throws(IntelDocumentError) -> [EnclaveLevel] {
    try self["tcbLevels"].elements(max: TCBInfo.levelsMax).map {
      (one: DocumentMember) throws(IntelDocumentError) -> EnclaveLevel in
      EnclaveLevel(
        isvSVN: UInt16(try one["tcb"]["isvsvn"].integer(max: 0xffff)), standing: try one.standing())
    }
  }
}

/// Times in Intel's JSON.
enum IntelTime {
  /// UNIX seconds of `YYYY-MM-DDTHH:MM:SSZ`; nil for anything else.
  static func seconds(_ text: [UInt8]) -> Int64? {
    let form = [UInt8]("dddd-dd-ddTdd:dd:ddZ".utf8)
    guard text.count == form.count else { return nil }
    for (character, wanted) in zip(text, form) {
      guard wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(character) : character == wanted else {
        return nil
      }
    }
    func number(_ start: Int, _ count: Int) -> Int {
      text[start..<(start + count)].reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
    return CivilTime.seconds(
      year: number(0, 4), month: number(5, 2), day: number(8, 2), hour: number(11, 2), minute: number(14, 2),
      second: number(17, 2))
  }
}
