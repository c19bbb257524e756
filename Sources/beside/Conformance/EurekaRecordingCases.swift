import Encodings
import Messages
import WireBytes

/// Lanes that Eureka's own end-to-end tests have recorded: a Cosmos chain's transactions with packets, acknowledgements
/// and timeouts that are proven by `eth_getProof` of an execution node.
///
/// The state roots are those that the recorded headers bring; their sync committees are another client's affair.
enum EurekaRecordingCases {
  /// {steps: [{name: initial_state, data: {client_state {ibc_contract_address, ibc_commitment_slot}}},
  /// {name, data: {relayer_tx_body}}]}.
  static func run(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let steps = json["steps"]?.array ?? []
    let state = steps.first?["data"]?["client_state"]
    guard let router = state?["ibc_contract_address"]?.string.flatMap({ try? Bytes20(hex: $0) }) else {
      report.skip(file, "file", reason: "no address of a router")
      return
    }
    if let base = state?["ibc_commitment_slot"]?.string {
      report.expect(file, "base slot", base.lowercased(), PacketPath.evmStoreSlot.description)
    }
    for (index, step) in steps.enumerated().dropFirst() {
      let name = step["name"]?.string ?? "\(index)"
      guard let body = step["data"]?["relayer_tx_body"]?.bytes else {
        report.skip(file, name, reason: "no body of a transaction")
        continue
      }
      do {
        let messages = try fields(body).filter { $0.number == 1 }.map { try Message($0.bytes) }
        let roots = try roots(messages)
        report.skip(
          file, "\(name): headers", reason: "sync committees of the beacon chain are not followed here")
        for message in messages where message.isPacket {
          try run(message, router, roots, file, "\(name): \(message.name)", &report)
        }
      } catch {
        report.fail(file, name, expected: "a transaction", actual: "\(error)")
      }
    }
  }

  /// State roots of the execution chain by the beacon slot, which is the height of these proofs.
  private static func roots(_ messages: [Message]) throws -> [UInt64: Bytes32] {
    var roots: [UInt64: Bytes32] = [:]
    for message in messages where message.name == "MsgUpdateClient" {
      guard let any = try fields(message.bytes).first(where: { $0.number == 2 }),
        let client = try fields(any.bytes).first(where: { $0.number == 2 }),
        let header = try fields(client.bytes).first(where: { $0.number == 1 })
      else { continue }
      let json = try JSONValue(decoding: header.bytes.span)
      let finalized = json["consensus_update"]?["finalized_header"]
      if let slot = finalized?["beacon"]?["slot"]?.string.flatMap({ UInt64($0) })
        ?? finalized?["beacon"]?["slot"]?.integer(UInt64.self),
        let root = finalized?["execution"]?["state_root"]?.string.flatMap({ try? Bytes32(hex: $0) })
      {
        roots[slot] = root
      }
    }
    return roots
  }

  private static func run(
    _ message: Message, _ router: Bytes20, _ roots: [UInt64: Bytes32], _ file: String, _ name: String,
    _ report: inout ConformanceReport
  ) throws {
    let fields = try fields(message.bytes)
    func bytes(_ number: UInt32) -> [UInt8] { fields.first { $0.number == number }?.bytes ?? [] }
    // Of an acknowledgement the results come between packet and proof.
    let place: UInt32 = message.name == "MsgAcknowledgement" ? 3 : 2
    let packet = try Packet(decoding: bytes(1).span)
    let proof = try JSONValue(decoding: bytes(place).span)
    let height = try self.fields(bytes(place + 1)).first { $0.number == 2 }?.value ?? 0
    guard let root = roots[height] else {
      report.skip(file, name, reason: "no header of this transaction has height \(height)")
      return
    }
    let state = EVMStateCase(
      root: root, router: router,
      account: proof["account_proof"]?["proof"]?.array?.compactMap(\.bytes) ?? [],
      storage: proof["storage_proof"]?["proof"]?.array?.compactMap(\.bytes) ?? [])
    let key = proof["storage_proof"]?["key"]?.string?.lowercased()
    func expect(_ kind: PacketPath.Kind, _ value: [UInt8]?) {
      let path = PacketPath(kind, of: packet)
      report.expect(file, name + " slot", key ?? "none", path.evmSlot.description)
      state.expect(value.map { .member(path, $0) } ?? .absent(path), file, name, &report)
    }
    switch message.name {
    case "MsgRecvPacket": expect(.commitment, PacketCommitment.of(packet).array)
    case "MsgAcknowledgement":
      let results = try self.fields(bytes(2)).filter { $0.number == 1 }.map(\.bytes)
      expect(.acknowledgement, PacketCommitment.of(try Acknowledgement(results)).array)
    default: expect(.receipt, nil)
    }
  }

  private struct Message {
    let name: String
    let bytes: [UInt8]

    init(_ any: [UInt8]) throws {
      let fields = try EurekaRecordingCases.fields(any)
      let url = String(decoding: fields.first { $0.number == 1 }?.bytes ?? [], as: UTF8.self)
      name = url.split(separator: ".").last.map(String.init) ?? url
      bytes = fields.first { $0.number == 2 }?.bytes ?? []
    }

    var isPacket: Bool { ["MsgRecvPacket", "MsgAcknowledgement", "MsgTimeout"].contains(name) }
  }

  /// A field of any protobuf message.
  private struct Field {
    let number: UInt32
    var bytes: [UInt8] = []
    var value: UInt64 = 0
  }

  private static func fields(_ message: [UInt8]) throws -> [Field] {
    let span = message.span
    var reader = ProtobufReader(
      ProtobufRules(singular: [], repeated: [1, 2, 3, 4, 5, 6, 7]), sizeBytesMax: 1 << 24)
    var found: [Field] = []
    while let field = try reader.next(in: span) {
      if let bytes = try? field.bytes(in: span) {
        found.append(Field(number: field.number, bytes: bytes))
      } else {
        found.append(Field(number: field.number, value: try field.uint64()))
      }
    }
    return found
  }
}
