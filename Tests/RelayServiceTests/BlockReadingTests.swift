import ChainAccess
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine
import RelayService
import Testing
import WireBytes

/// An endpoint may put anything into its events.
@Suite("Reading blocks")
struct BlockReadingTests {
  private let packet: Packet

  init() throws {
    packet = try Packet(
      sequence: .first, sourceClient: ClientID("client-1"), destinationClient: ClientID("client-2"),
      timeout: UnixTime(seconds: 9),
      payloads: [
        try Payload(
          sourcePort: "transfer", destinationPort: "transfer", version: "1", encoding: "x", value: [1])
      ])
  }

  private func reading(_ events: [Event], code: UInt32 = 0, clients: Set<String> = ["client-1"]) throws
    -> BlockReading
  {
    let result = TransactionResult(
      code: code, codespace: "", payload: [], log: "", gasWanted: 0, gasUsed: 0, events: events)
    return BlockReading(
      ObservedBlock(
        height: 5, time: try CometBFT.Timestamp(seconds: 7),
        transactions: [ObservedTransaction(hash: Bytes32(), height: 5, result: result)]),
      clients: clients)
  }

  private func event(_ type: String, _ attributes: [(String, String)] = []) -> Event {
    let own = [("packet_source_client", "client-1"), ("packet_dest_client", "client-2")]
    return Event(type, (own + attributes).map { Event.Attribute($0.0, $0.1) })
  }

  private var hex: String { Hex.encode(packet.encoded(), prefix: "") }

  @Test("finds every kind of packet event, and takes a receipt and its acknowledgement as one")
  func kinds() throws {
    let answer = ("encoded_acknowledgement_hex", Hex.encode(Acknowledgement.universalError.encoded()))
    let whole = ("encoded_packet_hex", hex)
    let read = try reading(
      [
        event("send_packet", [whole]), event("acknowledge_packet", [whole]), event("timeout_packet", [whole]),
        event("recv_packet", [whole]), event("write_acknowledgement", [whole, answer]),
        event("recv_packet", [whole]), event("transfer", [whole]),
      ], clients: ["client-1", "client-2"])
    #expect(
      read.seen.map(\.sight) == [
        .sent(packet), .acknowledged(packet), .timedOut(packet),
        .acknowledgementWritten(packet, .universalError), .received(packet),
      ])
    #expect(read.malformed.isEmpty)
  }

  @Test("passes over other lanes and failed transactions")
  func others() throws {
    let sent = event("send_packet", [("encoded_packet_hex", hex)])
    #expect(try reading([sent]).seen.count == 1)
    #expect(try reading([sent], code: 3).seen.isEmpty)
    #expect(try reading([sent], clients: ["client-2"]).seen.isEmpty)
  }

  @Test("names what is no packet, and goes on")
  func malformed() throws {
    let long = String(repeating: "00", count: Packet.encodedSizeMax + 2)
    let good = ("encoded_packet_hex", hex)
    let read = try reading([
      event("send_packet"), event("send_packet", [("encoded_packet_hex", "0")]),
      event("send_packet", [("encoded_packet_hex", "zz")]),
      event("send_packet", [("encoded_packet_hex", long)]),
      event("send_packet", [("encoded_packet_hex", "")]), event("send_packet", [good]),
    ])
    #expect(read.malformed.count == 5)
    #expect(
      read.malformed.prefix(4) == [.attributeMissing, .hex, .hex, .tooLong(max: Packet.encodedSizeMax)])
    #expect(read.seen.map(\.sight) == [.sent(packet)])
    let answers = try reading(
      [
        event("write_acknowledgement", [good]),
        event("write_acknowledgement", [good, ("encoded_acknowledgement_hex", "ff")]),
      ], clients: ["client-2"])
    #expect(answers.seen.isEmpty)
    #expect(answers.malformed.first == .attributeMissing)
    guard case .acknowledgement = answers.malformed.last else {
      Issue.record("\(answers.malformed)")
      return
    }
  }

  @Test("refuses every shorter packet, and tells a bounded number of faults")
  func truncated() throws {
    let bytes = packet.encoded()
    for count in 0..<bytes.count {
      let hex = Hex.encode(Array(bytes.prefix(count)), prefix: "")
      let read = try reading([event("send_packet", [("encoded_packet_hex", hex)])])
      #expect(read.seen.isEmpty)
      #expect(read.malformed.count == 1)
    }
    let many = Array(repeating: event("send_packet"), count: 100)
    #expect(try reading(many).malformed.count == BlockReading.malformedMax)
  }

  @Test("keeps the reason of a failed execution, cut")
  func reasons() throws {
    let attributes = [("packet_sequence", "4"), ("reason", String(repeating: "x", count: 1_000))]
    let read = try reading(
      [
        event("packet_failed", attributes),
        event("packet_failed", [("packet_sequence", "0"), ("reason", "x")]),
        event("packet_failed", [("packet_sequence", "-1"), ("reason", "x")]), event("packet_failed"),
      ], clients: ["client-2"])
    #expect(read.failures.map(\.sequence.rawValue) == [4])
    #expect(read.failures.first?.reason.utf8.count == PacketHistory.failureSizeMax)
  }
}
