private import ContractHost
private import Encodings
private import WireBytes

/// Bodies over what contracts hand to their host: code, and the JSON that they say.
public enum ContractHostBodies {
  public static let all: [FuzzBody] = [
    code, message("response", ContractResult<ContractResponse>.self, [response]),
    message("ibcBasicResponse", ContractResult<IbcBasicResponse>.self, [basic]),
    message("ibcReceiveResponse", ContractResult<IbcReceiveResponse>.self, [receive]),
    message("queryResult", ContractResult<ContractBinary>.self, [#"{"ok":"e30="}"#, #"{"error":"no"}"#]),
    message(
      "channelOpenAnswer", ContractResult<IbcChannelVersion?>.self,
      [#"{"ok":{"version":"v"}}"#, #"{"ok":null}"#]),
    message("queryRequest", QueryRequest.self, queries), message("queryAnswer", QueryAnswer.self, answers),
    message("cosmosMessage", CosmosMsg.self, messages), message("reply", Reply.self, replies),
    message("contractEnvironment", ContractEnvironment.self, [environment]),
    message("messageInfo", MessageInfo.self, [#"{"sender":"a","funds":[{"denom":"x","amount":"1"}]}"#]),
    message("ibcSourceCallback", IbcSourceCallbackMsg.self, [sourceCallback]),
    message("ibcDestinationCallback", IbcDestinationCallbackMsg.self, [destinationCallback]),
    message("ibcChannelOpen", IbcChannelOpenMsg.self, [channelOpen]),
    message("ibc2PacketReceive", Ibc2PacketReceiveMsg.self, [ibc2Receive]),
    message("rawRangeAnswer", RawRangeAnswer.self, [#"{"data":[["AQ==","Ag=="]],"next_key":null}"#]),
    contractAddress,
  ]

  /// Code is analysed or refused with words, the same way twice.
  static let code = FuzzBody(name: "contractCode", seeds: [leastCode]) { bytes in
    let (first, second) = (analysis(bytes), analysis(bytes))
    precondition(first == second)
    switch first {
    case .success(let analysis): precondition(analysis.exports.contains { $0.name == "allocate" })
    case .failure(let refusal): precondition(!refusal.text.isEmpty)
    }
  }

  private static func analysis(_ bytes: [UInt8]) -> Result<CodeAnalysis, AnalysisRefusal> {
    do throws(AnalysisRefusal) { return .success(try CodeAnalysis(checking: bytes)) } catch {
      return .failure(error)
    }
  }

  /// Whatever decodes is written as text that decodes to the same, and is written the same again.
  private static func message<Message: ContractMessage>(
    _ name: String, _ type: Message.Type, _ seeds: [String]
  ) -> FuzzBody {
    FuzzBody(name: name, seeds: seeds.map { [UInt8]($0.utf8) }) { bytes in
      guard let message = try? Message(decoding: bytes) else { return }
      let text = message.encoded()
      // Fields that may be absent are written, so that the text can pass the limit that the input kept.
      guard text.count <= MessageLimits.sizeBytesMax else { return }
      guard let again = try? Message(decoding: text) else { preconditionFailure("does not read back") }
      precondition(again == message)
      precondition(again.encoded() == text)
    }
  }

  /// Text that is taken is the only text of its address.
  static let contractAddress = FuzzBody(
    name: "contractAddress",
    seeds: [[UInt8]("wasm14hj2tavq8fpesdwxxcu44rty3hh90vhujrvcmstl4zr3txmfvw9s0phg4d".utf8)]
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    guard let address = try? ContractAddresses.canonical(text, prefix: "wasm") else { return }
    precondition((try? ContractAddresses.text(address, prefix: "wasm")) == text)
  }

  // MARK: Seeds

  private static let leastCode: [UInt8] =
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 13, 3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 0]
    + [3, 4, 3, 0, 1, 2, 5, 3, 1, 0, 1, 7, 47, 3, 19] + [UInt8]("interface_version_8".utf8) + [0, 0, 8]
    + [UInt8]("allocate".utf8) + [0, 1, 10] + [UInt8]("deallocate".utf8) + [0, 2]
    + [10, 12, 3, 2, 0, 0x0b, 4, 0, 0x41, 0, 0x0b, 2, 0, 0x0b]

  private static let sent =
    #"{"id":1,"payload":"AQ==","msg":{"bank":{"send":{"to_address":"b","amount":[{"denom":"x","amount":"2"}]}}},"gas_limit":3,"reply_on":"always"}"#
  private static let parts =
    #""messages":[\#(sent)],"attributes":[{"key":"k","value":"v"}],"events":[{"type":"t","attributes":[]}]"#
  private static let response = #"{"ok":{\#(parts),"data":"8Auq"}}"#
  private static let basic = #"{"ok":{\#(parts)}}"#
  private static let receive = #"{"ok":{"acknowledgement":"AQ==",\#(parts)}}"#
  private static let environment =
    #"{"block":{"height":1,"time":"2","chain_id":"c"},"transaction":{"index":4,"hash":"AQ=="},"contract":{"address":"a"}}"#
  private static let replies = [
    #"{"id":1,"payload":"","gas_used":0,"result":{"ok":{"events":[],"data":null,"msg_responses":[{"type_url":"/t","value":"AQ=="}]}}}"#,
    #"{"id":1,"result":{"error":"e"}}"#,
  ]
  private static let messages = [
    #"{"wasm":{"instantiate2":{"admin":null,"code_id":1,"label":"l","msg":"e30=","funds":[],"salt":"YQ=="}}}"#,
    #"{"ibc":{"transfer":{"channel_id":"c","to_address":"t","amount":{"denom":"x","amount":"1"},"timeout":{"block":null,"timestamp":"5"},"memo":"m"}}}"#,
    #"{"ibc2":{"send_packet":{"source_client":"s","timeout":"1","payloads":[]}}}"#,
    #"{"stargate":{"type_url":"/t","value":""}}"#, #"{"staking":{"delegate":{}}}"#,
    #"{"custom":{"b":1,"a":[]}}"#,
  ]
  private static let queries = [
    #"{"bank":{"balance":{"address":"a","denom":"x"}}}"#,
    #"{"wasm":{"raw_range":{"contract_addr":"c","start":null,"end":"AQ==","limit":9,"order":"ascending"}}}"#,
    #"{"ibc":{"channel":{"channel_id":"c","port_id":null}}}"#, #"{"grpc":{"path":"/p","data":""}}"#,
  ]
  private static let answers = [
    #"{"ok":{"ok":"e30="}}"#, #"{"ok":{"error":"e"}}"#, #"{"error":{"no_such_contract":{"addr":"a"}}}"#,
    #"{"error":{"unknown":{}}}"#,
  ]
  private static let packet =
    #"{"data":"e30=","src":{"port_id":"p","channel_id":"c"},"dest":{"port_id":"q","channel_id":"d"},"sequence":1,"timeout":{"block":{"revision":1,"height":2},"timestamp":null}}"#
  private static let sourceCallback = #"{"timeout":{"packet":\#(packet),"relayer":"r"}}"#
  private static let destinationCallback = #"{"packet":\#(packet),"ack":{"data":"AQ=="},"transfer":null}"#
  private static let channelOpen =
    #"{"open_try":{"channel":{"endpoint":{"port_id":"p","channel_id":"c"},"counterparty_endpoint":{"port_id":"q","channel_id":"d"},"order":"ORDER_ORDERED","version":"v","connection_id":"n"},"counterparty_version":"w"}}"#
  private static let ibc2Receive =
    #"{"payload":{"source_port":"s","destination_port":"d","version":"v","encoding":"e","value":"AQ=="},"relayer":"r","source_client":"a","destination_client":"b","packet_sequence":1}"#
}
