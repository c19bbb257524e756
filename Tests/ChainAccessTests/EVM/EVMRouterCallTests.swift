import ChainAccess
import Encodings
import Foundation
import Messages
import TestSupport
import Testing
import WireBytes

@Suite("Calls of packet routers", .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
struct EVMRouterCallTests {
  static func read(_ path: String) throws -> JSONValue {
    let folder = Corpora.directory("ibc") ?? ""
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)"))))
  }

  @Test("reads and writes the calldata that ICS26Router answered, to the byte")
  func workedExample() throws {
    let file = try Self.read("attestation_client_worked_example.json")
    let steps = try #require(file["router"]?["steps"]?.array)
    var (count, empty, none, nameless) = (0, 0, 0, 0)
    for step in steps {
      let name = step["function"]?.string?.prefix { $0 != "(" } ?? ""
      guard
        ["recvPacket", "ackPacket", "timeoutPacket", "updateClient", "submitMisbehaviour", "sendPacket"]
          .contains(name)
      else { continue }
      let calldata = try Hex.decode(step["calldata"]?.string ?? "")
      do {
        let call = try EVMRouterCall(decoding: calldata)
        #expect(call.encoded(for: .eureka) == calldata, "\(step["name"]?.string ?? "")")
        count += 1
      } catch {
        // What no packet of IBC is, and ICS26Router refuses or would only time out.
        switch error {
        case .packet(.valueEmpty): empty += 1
        case .packet(.payloadCount(max: 16, actual: 0)): none += 1
        case .identifier(.length(min: 4, max: 64, actual: 0)): nameless += 1
        default: throw error
        }
      }
    }
    #expect((count, empty, none, nameless) == (26, 6, 1, 1))
  }

  @Test("reads and writes the lists of calls in Eureka's own fixtures, to the byte")
  func multicalls() throws {
    let folder = "eureka/ibc-solidity/test/solidity-ibc/fixtures"
    let files = try FileManager.default.contentsOfDirectory(
      atPath: "\(Corpora.directory("ibc") ?? "")/\(folder)"
    ).sorted()
    #expect(files.count == 9)
    var calls = 0
    for file in files {
      let calldata = try Hex.decode(try Self.read("\(folder)/\(file)")["msg"]?.string ?? "")
      let call = try EVMRouterCall(decoding: calldata)
      guard case .multicall(let inner) = call else {
        Issue.record("\(file) is no list")
        continue
      }
      calls += inner.count
      #expect(call.encoded(for: .eureka) == calldata, "\(file)")
    }
    #expect(calls > 150)
  }

  @Test("refuses every shorter calldata")
  func shorter() throws {
    let file = try Self.read("attestation_client_worked_example.json")
    let step = try #require(
      file["router"]?["steps"]?.array?.first {
        $0["function"]?.string?.hasPrefix("recvPacket") ?? false && $0["expect"]?.string == "accept"
      })
    let calldata = try Hex.decode(step["calldata"]?.string ?? "")
    for count in 0..<calldata.count {
      #expect(throws: EVMRouterCallError.self) { try EVMRouterCall(decoding: Array(calldata.prefix(count))) }
    }
    #expect(throws: EVMRouterCallError.self) { try EVMRouterCall(decoding: calldata + [0]) }
  }

  @Test("packets that are too long for Eureka's calls, or have several payloads, take the others")
  func twins() throws {
    let file = try Self.read("attestation_client_worked_example.json")
    let step = try #require(
      file["router"]?["steps"]?.array?.first {
        $0["function"]?.string?.hasPrefix("recvPacket") ?? false && $0["expect"]?.string == "accept"
      })
    guard
      case .receive(let packet, let proof, let height) = try EVMRouterCall(
        decoding: try Hex.decode(step["calldata"]?.string ?? ""))
    else {
      Issue.record("not received")
      return
    }
    func remade(_ payloads: [Payload]) throws -> Packet {
      try Packet(
        sequence: packet.sequence, sourceClient: packet.sourceClient,
        destinationClient: packet.destinationClient,
        timeout: packet.timeout, payloads: payloads)
    }
    let short = packet.payloads[0]
    let long = try Payload(
      sourcePort: short.sourcePort, destinationPort: short.destinationPort, version: short.version,
      encoding: short.encoding, value: [UInt8](repeating: 1, count: 2_049))
    let plain = EVMRouterCall.receive(packet, proof: [], at: height).encoded()
    for payloads in [[short, short], [long]] {
      let call = EVMRouterCall.receive(try remade(payloads), proof: proof, at: height)
      #expect(call.encoded().prefix(4) != plain.prefix(4))
      #expect(try EVMRouterCall(decoding: call.encoded()) == call)
      #expect(call.encoded(for: .eureka).prefix(4) == plain.prefix(4))
    }
    let answer = try Acknowledgement([[1], [2]])
    let call = EVMRouterCall.acknowledge(try remade([short, short]), answer, proof: proof, at: height)
    #expect(try EVMRouterCall(decoding: call.encoded()) == call)
  }
}
