import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing

/// Whatever recorded contracts were told and said reads as typed values, and is written again as it was.
@Suite(
  "Messages of recorded scripts",
  .enabled(if: Corpora.directory("cosmwasm-scripts") != nil, "corpus cosmwasm-scripts is absent"))
struct MessagesScriptsTests {
  private static func steps() throws -> [JSONValue] {
    let directory = URL(fileURLWithPath: try #require(Corpora.directory("cosmwasm-scripts")))
    let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
    var steps: [JSONValue] = []
    for file in files.sorted(by: { $0.path < $1.path }) where file.pathExtension == "json" {
      steps += try JSONValue(decoding: [UInt8](Data(contentsOf: file)))["steps"]?.array ?? []
    }
    return steps
  }

  /// The text after decoding and encoding; nil when it does not decode.
  private static func again<Message: ContractMessage>(_ type: Message.Type, _ text: String) -> String? {
    (try? Message(decoding: [UInt8](text.utf8))).map { String(decoding: $0.encoded(), as: UTF8.self) }
  }

  @Test("writes results again as contracts wrote them")
  func results() throws {
    var count = 0
    for step in try Self.steps() {
      guard let text = step["expect"]?["result"]?.string, let name = step["entry_point"]?.string else {
        continue
      }
      let written =
        switch EntryPoint(rawValue: name) {
        case .query: Self.again(ContractResult<ContractBinary>.self, text)
        case .ibcChannelOpen: Self.again(ContractResult<IbcChannelVersion?>.self, text)
        case .ibcPacketReceive, .ibc2PacketReceive: Self.again(ContractResult<IbcReceiveResponse>.self, text)
        case .instantiate, .execute, .migrate, .reply, .sudo:
          Self.again(ContractResult<ContractResponse>.self, text)
        default: Self.again(ContractResult<IbcBasicResponse>.self, text)
        }
      // Contracts built before 2.0 write no payload.
      let want = text.replacing(/("id":\d+),"msg"/) { #"\#($0.1),"payload":"","msg""# }
      #expect(written == want)
      count += 1
    }
    #expect(count == 76)
  }

  @Test("writes arguments of IBC and replies again as the scripts have them")
  func arguments() throws {
    var count = 0
    for step in try Self.steps() {
      guard let name = step["entry_point"]?.string, let text = step["args"]?[0]?.string else { continue }
      let written: String?
      switch EntryPoint(rawValue: name) {
      case .ibcChannelOpen: written = Self.again(IbcChannelOpenMsg.self, text)
      case .ibcChannelConnect: written = Self.again(IbcChannelConnectMsg.self, text)
      case .ibcChannelClose: written = Self.again(IbcChannelCloseMsg.self, text)
      case .ibcPacketReceive, .ibcPacketTimeout: written = Self.again(IbcPacketMsg.self, text)
      case .ibcPacketAck: written = Self.again(IbcPacketAckMsg.self, text)
      case .ibc2PacketSend: written = Self.again(Ibc2PacketSendMsg.self, text)
      case .ibc2PacketReceive: written = Self.again(Ibc2PacketReceiveMsg.self, text)
      case .ibc2PacketAck: written = Self.again(Ibc2PacketAckMsg.self, text)
      case .ibc2PacketTimeout: written = Self.again(Ibc2PacketTimeoutMsg.self, text)
      case .reply: written = Self.again(Reply.self, text)
      default: continue
      }
      // These replies are older than the payload.
      #expect(written == text.replacing(/^(\{"id":\d+),"gas_used"/) { #"\#($0.1),"payload":"","gas_used""# })
      count += 1
    }
    #expect(count == 29)
  }
}
