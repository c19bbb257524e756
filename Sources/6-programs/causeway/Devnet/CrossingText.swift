import Devnet
import Encodings
import Ledger
import LightClients
import Messages
import PacketHost
import WireBytes

/// What a packet carries, in words.
enum PayloadText {
  /// All payloads in one line.
  static func line(_ packet: Packet, _ network: Network) -> String {
    packet.payloads.map { line($0, network) }.joined(separator: " + ")
  }

  static func line(_ payload: Payload, _ network: Network) -> String {
    let value = payload.value
    if payload.destinationPort == .transfer, let transfer = try? FungibleTokenPacketData(decoding: value.span)
    {
      let from = name(transfer.sender, network)
      let to = name(transfer.receiver, network)
      return "transfer \(transfer.amount) \(transfer.denomination) \(from) → \(to)"
    }
    if payload.destinationPort == .execution, let envelope = try? ExecutionEnvelope(decoding: value.span) {
      let calls = envelope.calls.map { call in
        "call \(program(call.target, network)) \(text(call.input, max: 140))"
      }
      return calls.joined(separator: ", ")
    }
    return "\(value.count) bytes for port \(payload.destinationPort)"
  }

  private static func program(_ target: InteroperableAddress, _ network: Network) -> String {
    guard target.chainType == .eip155 else {
      return Programs.name(target) ?? AccountAddress(bytes: target.address).map { name($0.text, network) } ?? "\(target)"
    }
    let contract = network.contracts?.addresses.sorted { $0.key < $1.key }.first { $0.value.array == target.address }
    return contract?.key ?? name(Hex.encode(target.address), network)
  }

  private static func name(_ text: String, _ network: Network) -> String {
    if let address = try? Bytes20(hex: text) {
      return network.evmAccounts.sorted { $0.key < $1.key }.first { $0.value == address }?.key ?? text.prefix(12) + "…"
    }
    guard let address = try? AccountAddress(text: text) else { return text }
    let name = network.name(of: address)
    return name == text ? String(text.prefix(12)) + "…" : name
  }

  /// Bytes as text when a person can read them, else hex; long ones are cut.
  static func text(_ bytes: [UInt8], max: Int = 200) -> String {
    if let text = String(validating: bytes, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    {
      return text.count > max ? String(text.prefix(max)) + "…" : text
    }
    let hex = Hex.encode(bytes)
    return hex.count > max ? String(hex.prefix(max)) + "…" : hex
  }
}

/// Programs that every domain here has, by name.
enum Programs {
  static let names: [String: AccountAddress] = [
    "counter": CounterProgram().address, "bank": BankProgram().address,
  ]

  static func name(_ target: InteroperableAddress) -> String? {
    names.sorted { $0.key < $1.key }.first { $0.value.bytes == target.address }?.key
  }
}

/// How a crossing ended, in words.
enum CrossingText {
  static func ending(_ ending: Crossing.Ending, failure: String?) -> String {
    switch ending {
    case .success: Terminal.paint("done", 32)
    case .refundedAfterError:
      Terminal.paint("refunded", 33) + ": the destination refused it" + (failure.map { " (\($0))" } ?? "")
    case .refundedAfterTimeout: Terminal.paint("refunded", 33) + ": not executed before its deadline"
    }
  }

  /// What each payload answered, as far as it is a success.
  static func results(_ crossing: Crossing) -> [String] {
    guard let acknowledgement = crossing.acknowledgement, acknowledgement.isSuccess else { return [] }
    var lines: [String] = []
    for (payload, result) in zip(crossing.packet.payloads, acknowledgement.results) {
      if payload.destinationPort == .execution, let outcome = try? Outcome(decoding: result.span) {
        for answer in outcome.results { lines.append(PayloadText.text(answer, max: 4_096)) }
      } else if result != TransferApplication.success {
        lines.append(PayloadText.text(result, max: 4_096))
      }
    }
    return lines
  }

  static func json(_ crossing: Crossing) -> JSONValue {
    func mark(_ mark: ChainMark?) -> JSONValue {
      guard let mark else { return .null }
      return .object([
        "domain": .string(mark.domain), "height": .number(String(mark.height)),
        "time": .string(mark.time.description),
        "transaction": mark.transaction.map { .string($0.description) } ?? .null,
      ])
    }
    return .object([
      "schema": "causeway.crossing/1", "id": .string(crossing.id.description),
      "origin": .string(crossing.origin.name), "destination": .string(crossing.destination.name),
      "lane": .string(crossing.lane.kind.rawValue), "client": .string(crossing.packet.sourceClient.text),
      "sequence": .number(crossing.packet.sequence.description),
      "deadline": .number(String(crossing.packet.timeout.seconds)),
      "ending": crossing.ending.map { .string($0.rawValue) } ?? .null,
      "failure": crossing.failure.map { .string($0) } ?? .null,
      "results": .array(results(crossing).map { .string($0) }),
      "duration_ms": crossing.duration.map {
        .number(
          String($0.components.seconds * 1_000 + $0.components.attoseconds / 1_000_000_000_000_000))
      } ?? .null,
      "stages": .object([
        "sent": mark(crossing.sent), "committed": mark(crossing.committed),
        "executed": mark(crossing.executed), "acknowledged": mark(crossing.acknowledged),
        "settled": mark(crossing.settled),
      ]),
    ])
  }
}
