import Encodings
import Ledger
import LightClients
import Messages
import OfflineVerification
import PacketHost
import WireBytes

/// Reads the results of CometBFT's RPC into what agents see; anything that is not in its form is `malformed`.
enum CometBFTAnswers {
  static func head(_ json: JSONValue, chainID: String, revision: UInt64) throws(AccessError) -> ChainHead {
    guard let sync = json["sync_info"], json["node_info"]?["network"]?.string == chainID,
      let height = sync["latest_block_height"]?.integer(UInt64.self),
      let text = sync["latest_block_time"]?.string, let time = try? CometBFT.Timestamp(rfc3339: text)
    else { throw .malformed }
    return ChainHead(height: height, time: time, finalHeight: height, finalTime: time, revision: revision)
  }

  static func header(_ json: JSONValue?) throws(AccessError) -> CometBFT.Header {
    do { return try CometBFTJSON.header(json ?? .null) } catch { throw .malformed }
  }

  static func signedHeader(_ json: JSONValue?) throws(AccessError) -> CometBFT.SignedHeader {
    do { return try CometBFTJSON.signedHeader(json ?? .null) } catch { throw .malformed }
  }

  /// Header and transactions of a block; the transactions are those that the header names.
  static func block(_ json: JSONValue) throws(AccessError) -> (header: CometBFT.Header, hashes: [Bytes32]) {
    let header = try header(json["block"]?["header"])
    let blockID: CometBFT.BlockID
    do { blockID = try CometBFTJSON.blockID(json["block_id"] ?? .null) } catch { throw .malformed }
    var transactions: [[UInt8]] = []
    switch json["block"]?["data"]?["txs"] {
    case .array(let elements)?:
      guard elements.count <= ProposedBlock.transactionCountMax else { throw .malformed }
      for element in elements { transactions.append(try base64(element)) }
    case nil, .null?: break
    default: throw .malformed
    }
    guard let hash = header.hash(), blockID.hash == hash,
      header.dataHash == CometBFT.dataHash(transactions: transactions)
    else { throw .unproven }
    return (header, transactions.map { Transaction.hash(of: $0) })
  }

  static func results(_ json: JSONValue) throws(AccessError) -> [TransactionResult] {
    switch json["txs_results"] {
    case nil, .null?: return []
    case .array(let elements)?:
      guard elements.count <= ProposedBlock.transactionCountMax else { throw .malformed }
      var results: [TransactionResult] = []
      for element in elements { results.append(try result(element)) }
      return results
    default: throw .malformed
    }
  }

  static func result(_ json: JSONValue) throws(AccessError) -> TransactionResult {
    guard let code = json["code"]?.integer(UInt32.self),
      let gasWanted = json["gas_wanted"]?.integer(UInt64.self),
      let gasUsed = json["gas_used"]?.integer(UInt64.self)
    else { throw .malformed }
    var events: [Event] = []
    for event in json["events"]?.array ?? [] {
      guard let type = event["type"]?.string else { throw .malformed }
      var attributes: [Event.Attribute] = []
      for attribute in event["attributes"]?.array ?? [] {
        guard let key = attribute["key"]?.string else { throw .malformed }
        attributes.append(
          Event.Attribute(
            key, attribute["value"]?.string ?? "", isIndexed: attribute["index"]?.boolean ?? false))
      }
      events.append(Event(type, attributes))
    }
    return TransactionResult(
      code: code, codespace: json["codespace"]?.string ?? "", payload: try base64(json["data"] ?? .null),
      log: json["log"]?.string ?? "", gasWanted: gasWanted, gasUsed: gasUsed, events: events)
  }

  /// A transaction with its result; its hash is that of its bytes.
  static func transaction(_ json: JSONValue) throws(AccessError) -> ObservedTransaction {
    guard let height = json["height"]?.integer(UInt64.self), let stated = try? Bytes32(hex(json["hash"])),
      let result = json["tx_result"]
    else { throw .malformed }
    let hash = Transaction.hash(of: try base64(json["tx"] ?? .null))
    guard hash == stated else { throw .unproven }
    return ObservedTransaction(hash: hash, height: height, result: try Self.result(result))
  }

  static func hex(_ json: JSONValue?) throws(AccessError) -> [UInt8] {
    guard let text = json?.string, let bytes = try? Hex.decode("0x" + text) else { throw .malformed }
    return bytes
  }

  /// Null is empty, as Go writes it.
  static func base64(_ json: JSONValue) throws(AccessError) -> [UInt8] {
    if json.isNull { return [] }
    guard let text = json.string, let bytes = try? Base64.decode(text) else { throw .malformed }
    return bytes
  }

  // MARK: Protobuf

  /// `PacketState {client_id 1, sequence 2, data 3}` of field 1, and the page's `next_key`.
  static func packets(
    _ bytes: [UInt8], of client: ClientID
  ) throws(AccessError) -> (entries: [LedgerQueries.PacketEntry], next: [UInt8]) {
    let span = bytes.span
    var entries: [LedgerQueries.PacketEntry] = []
    var next: [UInt8] = []
    do {
      var reader = ProtobufReader(
        ProtobufRules(repeated: [1, 2, 3], form: .foreign, unknown: .skip), sizeBytesMax: 64 << 20)
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1:
          let inner = span.extracting(try field.message())
          var (name, number, value): (String, UInt64, Bytes32?) = ("", 0, nil)
          var state = ProtobufReader(ProtobufRules(singular: [1, 2, 3]))
          while let part = try state.next(in: inner) {
            switch part.number {
            case 1: name = try part.string(in: inner)
            case 2: number = try part.uint64()
            default: value = try part.fixed(in: inner)
            }
          }
          guard name == client.text, let sequence = Sequence(number), let value,
            entries.last.map({ $0.sequence < sequence }) ?? true
          else { throw AccessError.malformed }
          entries.append(LedgerQueries.PacketEntry(sequence: sequence, commitment: value))
        case 2: next = try nextKey(span.extracting(try field.message()))
        default: continue
        }
      }
    } catch let error as AccessError {
      throw error
    } catch { throw .malformed }
    return (entries, next)
  }

  /// Coins of field 1, ascending, and the page's `next_key`.
  static func coins(_ bytes: [UInt8]) throws(AccessError) -> (coins: [Coin], next: [UInt8]) {
    let span = bytes.span
    var coins: [Coin] = []
    var next: [UInt8] = []
    do {
      var reader = ProtobufReader(ProtobufRules(repeated: [1, 2], form: .foreign, unknown: .skip))
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1: coins.append(try Coin(decoding: span.extracting(try field.message())))
        case 2: next = try nextKey(span.extracting(try field.message()))
        default: continue
        }
      }
    } catch { throw .malformed }
    return (coins, next)
  }

  private static func nextKey(_ bytes: Span<UInt8>) throws(ProtobufError) -> [UInt8] {
    var next: [UInt8] = []
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { next = try field.bytes(in: bytes) }
    }
    return next
  }

  /// The answer to ``QueryName/pendingAccount``.
  static func account(_ bytes: [UInt8]) throws(AccessError) -> AccountView {
    let span = bytes.span
    var (number, sequence): (UInt64, UInt64) = (0, 0)
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if field.number == 1 { number = try field.uint64() } else { sequence = try field.uint64() }
      }
    } catch { throw .malformed }
    return AccountView(number: number, sequence: sequence)
  }
}
