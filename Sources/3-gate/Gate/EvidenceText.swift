public import Encodings
public import LightClients
import Messages
import WireBytes

/// Why JSON is no evidence. `path` leads to the member, from the root, dotted.
public enum EvidenceDecodingError: Error, Hashable, Sendable {
  case json(JSONError)
  case member(PolicyDecodingError)
  case tooDeep(max: Int)
  case tooManyParts(max: Int, actual: Int)
  case tooManyEntries(max: Int, actual: Int)
  case tooManySignatures(max: Int, actual: Int)
  /// An attested statement has either a root or entries.
  case rootOrEntries(path: String)
  case eureka(path: String, EurekaRefusal)
  case header(path: String, CometBFT.DecodingError)
  case enclave(path: String, EvidenceProtobufError)
}

extension Evidence {
  /// A longer text is refused.
  public static let textSizeMax = 16 << 20

  /// Decodes evidence from untrusted JSON text; docs/spec/policy.md lists the members.
  ///
  /// - Throws: ``EvidenceDecodingError``; no input traps.
  public init(decoding text: Span<UInt8>) throws(EvidenceDecodingError) {
    let json: JSONValue
    do {
      json = try JSONValue(
        decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: Policy.depthMax * 2 + 8))
    } catch { throw .json(error) }
    try self.init(json: json)
  }

  /// Decodes evidence from JSON.
  ///
  /// - Throws: ``EvidenceDecodingError``.
  public init(json: JSONValue) throws(EvidenceDecodingError) {
    self = try EvidenceReader.evidence(json, path: "", depth: 1)
  }

  /// The evidence as JSON.
  public var json: JSONValue {
    switch self {
    case .attested(let evidence): ["attested": evidence.json]
    case .eureka(let proof): ["eureka": ["proof": .string(Hex.encode(proof.encoded()))]]
    case .cometBFT(let evidence): ["cometbft": ["header": .string(Hex.encode(evidence.header.encoded()))]]
    case .enclave(let evidence): ["enclave": ["evidence": .string(Hex.encode(evidence.protobuf()))]]
    case .parts(let parts): ["parts": .array(parts.map { $0?.json ?? .null })]
    }
  }
}

extension AttestedEvidence {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "revision": .number(String(height.revision)), "height": .number(String(height.number)),
      "timestamp": .number(String(timestamp.seconds)),
      "signatures": .array(
        signatures.map {
          ["attester": .number(String($0.attester)), "signature": .string(Hex.encode($0.bytes))]
        }),
    ]
    switch body {
    case .state(let root): members["root"] = .string(root.description)
    case .packets(let entries):
      members["entries"] = .array(
        entries.map {
          ["path": .string($0.pathHash.description), "commitment": .string($0.commitment.description)]
        })
    }
    return .object(members)
  }
}

private enum EvidenceReader {
  typealias Failure = EvidenceDecodingError
  typealias Read = StrictMembers

  static func evidence(_ json: JSONValue, path: String, depth: Int) throws(Failure) -> Evidence {
    guard depth <= Policy.depthMax else { throw .tooDeep(max: Policy.depthMax) }
    guard let members = json.object, members.count == 1, let (kind, value) = members.first else {
      throw .member(.member(path: path, wanted: .oneMember))
    }
    let inner = Read.join(path, kind)
    switch kind {
    case "attested": return .attested(try attested(value, path: inner))
    case "eureka":
      let bytes = try bytes(value, "proof", path: inner)
      do { return .eureka(try EurekaProof(decoding: bytes.span)) } catch {
        throw .eureka(path: inner, error)
      }
    case "cometbft":
      let bytes = try bytes(value, "header", path: inner)
      do { return .cometBFT(CometBFTEvidence(header: try Tendermint.Header(decoding: bytes.span))) } catch {
        throw .header(path: inner, error)
      }
    case "enclave":
      let bytes = try bytes(value, "evidence", path: inner)
      do { return .enclave(try EnclaveEvidence(protobuf: bytes.span)) } catch {
        throw .enclave(path: inner, error)
      }
    case "parts":
      guard let elements = value.array else { throw .member(.member(path: inner, wanted: .array)) }
      guard elements.count <= Policy.partCountMax else {
        throw .tooManyParts(max: Policy.partCountMax, actual: elements.count)
      }
      var parts: [Evidence?] = []
      for (index, element) in elements.enumerated() {
        if element.isNull {
          parts.append(nil)
        } else {
          parts.append(try evidence(element, path: Read.join(inner, String(index)), depth: depth + 1))
        }
      }
      return .parts(parts)
    default: throw .member(.unknownMember(path: inner))
    }
  }

  /// The only member of an object, as bytes.
  private static func bytes(_ json: JSONValue, _ name: String, path: String) throws(Failure) -> [UInt8] {
    do {
      return try Read.hex(try Read.object(json, path: path, known: [name]), name, path: path)
    } catch { throw .member(error) }
  }

  private static func attested(_ json: JSONValue, path: String) throws(Failure) -> AttestedEvidence {
    let known: Set = ["revision", "height", "timestamp", "root", "entries", "signatures"]
    do {
      let object = try Read.object(json, path: path, known: known)
      guard (object["root"] == nil) != (object["entries"] == nil) else {
        throw Failure.rootOrEntries(path: path)
      }
      let revision: UInt64 = object["revision"] == nil ? 0 : try Read.integer(object, "revision", path: path)
      let height: UInt64 = try Read.integer(object, "height", path: path)
      let timestamp: UInt64 = try Read.integer(object, "timestamp", path: path)
      let body: AttestedBody
      if object["root"] != nil {
        body = .state(root: try Read.word32(object, "root", path: path))
      } else {
        body = .packets(try entries(object["entries"] ?? .null, path: Read.join(path, "entries")))
      }
      return AttestedEvidence(
        height: Height(revision: revision, height), timestamp: UnixTime(seconds: timestamp), body: body,
        signatures: try signatures(object["signatures"] ?? .null, path: Read.join(path, "signatures")))
    } catch let error as PolicyDecodingError {
      throw .member(error)
    } catch let error as Failure {
      throw error
    } catch { throw .rootOrEntries(path: path) }
  }

  private static func entries(_ json: JSONValue, path: String) throws(Failure) -> [StoredEntry] {
    guard let elements = json.array else { throw .member(.member(path: path, wanted: .array)) }
    guard elements.count <= PacketsClaim.entryCountMax else {
      throw .tooManyEntries(max: PacketsClaim.entryCountMax, actual: elements.count)
    }
    var entries: [StoredEntry] = []
    for (index, element) in elements.enumerated() {
      let at = Read.join(path, String(index))
      do {
        let object = try Read.object(element, path: at, known: ["path", "commitment"])
        entries.append(
          StoredEntry(
            pathHash: try Read.word32(object, "path", path: at), commitment: try Read.word32(object, "commitment", path: at)
          ))
      } catch { throw .member(error) }
    }
    return entries
  }

  private static func signatures(
    _ json: JSONValue, path: String
  ) throws(Failure) -> [AttestedEvidence.Signature] {
    guard let elements = json.array else { throw .member(.member(path: path, wanted: .array)) }
    guard elements.count <= AttestedEvidence.signatureCountMax else {
      throw .tooManySignatures(max: AttestedEvidence.signatureCountMax, actual: elements.count)
    }
    var signatures: [AttestedEvidence.Signature] = []
    for (index, element) in elements.enumerated() {
      let at = Read.join(path, String(index))
      do {
        let object = try Read.object(element, path: at, known: ["attester", "signature"])
        signatures.append(
          AttestedEvidence.Signature(
            attester: try Read.integer(object, "attester", path: at),
            bytes: try Read.hex(object, "signature", path: at)))
      } catch { throw .member(error) }
    }
    return signatures
  }
}
