import Attestation
import EnclaveService
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// The Nitro Secure Module's messages against cbor2, and documents that real modules signed.
@Suite("A Nitro Secure Module")
struct NSMTests {
  private static func request(_ json: JSONValue) throws -> NSMRequest {
    let parts = try #require(json["parts"])
    switch try json.text("call") {
    case "attestation":
      func part(_ name: String) throws -> [UInt8]? { parts[name] == nil ? nil : try parts.bytes(name) }
      return .attestation(
        userData: try part("userData"), nonce: try part("nonce"), publicKey: try part("publicKey"))
    case "describePCR": return .describePCR(index: UInt16(try parts.number("index")))
    case "extendPCR":
      return .extendPCR(index: UInt16(try parts.number("index")), bytes: try parts.bytes("bytes"))
    case "lockPCR": return .lockPCR(index: UInt16(try parts.number("index")))
    case "describeNSM": return .describeNSM
    default: return .getRandom
    }
  }

  @Test("is asked in the bytes that cbor2 writes")
  func requests() throws {
    let cases = try #require(try PlatformVectors.load()["requests"]?.array)
    #expect(cases.count == 7)
    for one in cases {
      let encoded = try Self.request(one).encoded()
      let name = try one.text("name")
      #expect(encoded == (try one.bytes("want")), "\(name)")
    }
  }

  @Test("answers what cbor2 wrote")
  func responses() throws {
    let cases = try #require(try PlatformVectors.load()["responses"]?.array)
    #expect(cases.count == 6)
    for one in cases {
      let want = try #require(one["want"])
      switch try NSMResponse(decoding: try one.bytes("bytes")) {
      case .attestation(let document): #expect(document == (try want.bytes("document")))
      case .describePCR(let isLocked, let value):
        #expect(want["lock"] == .boolean(isLocked))
        #expect(value == (try want.bytes("value")))
      case .extendPCR(let value): #expect(value == (try want.bytes("value")))
      case .lockPCR: #expect(try one.text("name") == "a locked register")
      case .describeNSM(let moduleID, let registers, let locked, let digest):
        #expect(moduleID == (try want.text("moduleId")))
        #expect(registers == 32 && digest == "SHA384" && locked == [0, 1, 2, 15])
      case .getRandom(let random): #expect(random == (try want.bytes("random")))
      }
    }
  }

  @Test("is not believed when it answers something else")
  func refusals() throws {
    let cases = try #require(try PlatformVectors.load()["refusals"]?.array)
    #expect(cases.count == 18)
    for one in cases {
      let bytes = try one.bytes("bytes")
      let name = try one.text("name")
      let refusal = #expect(throws: NSMError.self, "\(name)") { try NSMResponse(decoding: bytes) }
      let found: String
      switch refusal {
      case .refused(let code): found = code.rawValue
      case .member(let member): found = member
      case .cbor: found = "cbor"
      case .responseLength: found = "responseLength"
      case .unexpectedAnswer: found = "unexpectedAnswer"
      case .unknownCode: found = "unknownCode"
      default: found = "\(String(describing: refusal))"
      }
      #expect(found == (try one.text("error")), "\(name)")
    }
  }

  @Test("never traps on a shorter or changed answer")
  func mutations() throws {
    for one in try #require(try PlatformVectors.load()["responses"]?.array) {
      let bytes = [UInt8](try one.bytes("bytes").prefix(200))
      for count in 0..<bytes.count { _ = try? NSMResponse(decoding: [UInt8](bytes.prefix(count))) }
      for index in bytes.indices {
        for bit in 0..<8 {
          var changed = bytes
          changed[index] ^= 1 << UInt8(bit)
          _ = try? NSMResponse(decoding: changed)
        }
      }
    }
  }

  @Test("takes no request that is larger than its driver takes")
  func sizes() {
    #expect(throws: NSMError.partLength(max: 512, actual: 513)) {
      try NSMRequest.attestation(userData: [UInt8](repeating: 0, count: 513), nonce: nil, publicKey: nil)
        .encoded()
    }
    #expect(throws: NSMError.partLength(max: 1_024, actual: 1_025)) {
      try NSMRequest.attestation(userData: nil, nonce: nil, publicKey: [UInt8](repeating: 0, count: 1_025))
        .encoded()
    }
    let refusal = #expect(throws: NSMError.self) {
      try NSMRequest.extendPCR(index: 1, bytes: [UInt8](repeating: 0, count: 5_000)).encoded()
    }
    guard case .requestLength(max: 0x1000, actual: _) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    #expect(throws: NSMError.device(errno: 2)) { try SystemNSMDevice(path: "/nonexistent/nsm").exchange([1]) }
  }

  /// Plays a recorded document back to whoever asks for one, and notes what was asked.
  private final class Recorded: NSMDevice {
    let document: [UInt8]
    let register: [UInt8]
    init(document: [UInt8], register: [UInt8] = [UInt8](repeating: 1, count: 48)) {
      self.document = document
      self.register = register
    }

    func exchange(_ request: [UInt8]) throws(NSMError) -> [UInt8] {
      guard let value = try? CBORValue(decoding: request, rules: .deterministic) else {
        throw .unexpectedAnswer
      }
      if value["Attestation"] != nil { return answer("Attestation", "document", document) }
      if value["ExtendPCR"] != nil { return answer("ExtendPCR", "data", register) }
      if value["LockPCR"] != nil { return CBORValue.text("LockPCR").encoded() }
      return CBORValue.map([.init(.text("Error"), .text("InvalidOperation"))]).encoded()
    }

    private func answer(_ name: String, _ member: String, _ bytes: [UInt8]) -> [UInt8] {
      CBORValue.map([.init(.text(name), .map([.init(.text(member), .bytes(bytes))]))]).encoded()
    }
  }

  @Test(
    "gives documents out as evidence, byte for byte",
    .enabled(if: Corpora.directory("attestation") != nil, "corpus attestation is absent"),
    arguments: [
      "veracruz_aws_nitro_document.cbor", "dstack_nsm_qvl_nitro_attestation.doc.cbor",
      "evervault_non_debug.doc.cbor",
    ])
  func documents(name: String) throws {
    let corpus = try #require(Corpora.directory("attestation"))
    let document = [UInt8](try Data(contentsOf: URL(fileURLWithPath: corpus + "/nitro/\(name)")))
    let platform = NitroPlatform(Recorded(document: document))
    let identity = EnclaveIdentity(program: Bytes32(), policy: Bytes32())
    try platform.measure(identity, at: 0)
    let evidence = try platform.attest(Bytes64())
    #expect(evidence.platform == .nitro)
    #expect(evidence.statement == document)
    #expect(try AttestationEvidence(decoding: evidence.encoded()) == evidence)
    #expect(throws: NSMError.refused(.invalidOperation)) {
      try NSMClient(Recorded(document: document)).ask(.describeNSM)
    }
  }

  @Test("has one value in its register for one program and policy")
  func register() throws {
    let json = try #require(try PlatformVectors.load()["nitroRegister"])
    let identity = EnclaveIdentity(
      program: try Bytes32(try json.bytes("program")), policy: try Bytes32(try json.bytes("policy")))
    #expect(NitroPlatform.launchValue(identity) == (try json.bytes("want")))
  }
}
