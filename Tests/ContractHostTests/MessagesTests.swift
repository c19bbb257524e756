import ContractHost
import Encodings
import TestSupport
import Testing
import WireBytes

@Suite("Messages of contracts")
struct MessagesTests {
  /// Decodes, compares, and encodes to the same text.
  private static func roundTrip<Message: ContractMessage>(
    _ text: String, _ want: Message, _ place: SourceLocation = #_sourceLocation
  ) throws {
    let decoded = try Message(decoding: [UInt8](text.utf8))
    #expect(decoded == want, sourceLocation: place)
    #expect(String(decoding: want.encoded(), as: UTF8.self) == text, sourceLocation: place)
  }

  private static func refusal<Message: ContractMessage>(
    _ type: Message.Type, _ text: String
  ) -> MessageRefusal? {
    do {
      _ = try Message(decoding: [UInt8](text.utf8))
      return nil
    } catch { return error }
  }

  private static let coin = ContractCoin(denomination: "ATOM", amount: UInt256(250))

  @Test("writes environments as recorded scripts have them")
  func environment() throws {
    let hash = try Base64.decode("qrvM3e7/ABGqu8zd7v8AEaq7zN3u/wARqrvM3e7/ABE=")
    func environment(_ transaction: ContractEnvironment.Transaction?) -> ContractEnvironment {
      ContractEnvironment(
        height: 123, timeNanoseconds: 1_578_939_743_987_654_321, chainID: "foobar", transaction: transaction,
        contract: "contract")
    }
    let open = #"{"block":{"height":123,"time":"1578939743987654321","chain_id":"foobar"},"#
    let close = #","contract":{"address":"contract"}}"#
    try Self.roundTrip(
      open + #""transaction":{"index":4,"hash":"qrvM3e7/ABGqu8zd7v8AEaq7zN3u/wARqrvM3e7/ABE="}"# + close,
      environment(.init(index: 4, hash: hash)))
    try Self.roundTrip(open + #""transaction":{"index":4}"# + close, environment(.init(index: 4)))
    try Self.roundTrip(open + #""transaction":null"# + close, environment(nil))
    let absent = open.dropLast() + close
    #expect(try ContractEnvironment(decoding: [UInt8](absent.utf8)) == environment(nil))
    #expect(
      Self.refusal(ContractEnvironment.self, open + #""transaction":{"index":4294967296}"# + close)
        == .member("transaction", .member("index", .number("4294967296"))))
  }

  @Test("writes who calls and who migrates")
  func callers() throws {
    try Self.roundTrip(
      #"{"sender":"creator","funds":[{"denom":"ATOM","amount":"250"}]}"#,
      MessageInfo(sender: "creator", funds: [Self.coin]))
    try Self.roundTrip(#"{"sender":"a","funds":[]}"#, MessageInfo(sender: "a", funds: []))
    try Self.roundTrip(
      #"{"sender":"admin","old_migrate_version":42}"#, MigrateInfo(sender: "admin", oldMigrateVersion: 42))
    try Self.roundTrip(
      #"{"sender":"admin","old_migrate_version":null}"#, MigrateInfo(sender: "admin", oldMigrateVersion: nil))
  }

  @Test("reads amounts as plain decimals of up to 256 bits")
  func amounts() throws {
    let most = UInt256.max.description
    try Self.roundTrip(
      #"{"denom":"","amount":"\#(most)"}"#, ContractCoin(denomination: "", amount: .max))
    for wrong in ["", "00", "01", "+1", "-1", "1.0", "1e3", " 1", "0x1", most + "0", "٤"] {
      #expect(
        Self.refusal(ContractCoin.self, #"{"denom":"x","amount":"\#(wrong)"}"#)
          == .member("amount", .number(wrong)))
    }
    #expect(
      Self.refusal(ContractCoin.self, #"{"denom":"x","amount":1}"#)
        == .member("amount", .type(expected: .string)))
  }

  @Test("reads the response of hackatom's release, and writes it again")
  func response() throws {
    try Self.roundTrip(
      #"{"ok":{"messages":[{"id":0,"payload":"","msg":{"bank":{"send":{"to_address":"bob","amount":[{"denom":"ATOM","amount":"250"}]}}},"gas_limit":null,"reply_on":"never"}],"attributes":[{"key":"action","value":"release"},{"key":"destination","value":"bob"}],"events":[{"type":"hackatom","attributes":[{"key":"action","value":"release"}]}],"data":"8Auq"}}"#,
      ContractResult.ok(
        ContractResponse(
          messages: [SubMsg(message: .bank(.send(to: "bob", amount: [Self.coin])))],
          attributes: [.init(key: "action", value: "release"), .init(key: "destination", value: "bob")],
          events: [.init(type: "hackatom", attributes: [.init(key: "action", value: "release")])],
          bytes: [0xf0, 0x0b, 0xaa])))
    try Self.roundTrip(#"{"error":"Unauthorized"}"#, ContractResult<ContractResponse>.error("Unauthorized"))
    try Self.roundTrip(#"{"ok":"e30="}"#, ContractResult.ok(ContractBinary([0x7b, 0x7d])))
    try Self.roundTrip(#"{"ok":null}"#, ContractResult<IbcChannelVersion?>.ok(nil))
    try Self.roundTrip(#"{"ok":{"version":"v"}}"#, ContractResult<IbcChannelVersion?>.ok(.init("v")))
  }

  @Test("takes submessages without a payload from contracts built before 2.0")
  func oldSubmessage() throws {
    let text =
      #"{"id":7,"msg":{"wasm":{"clear_admin":{"contract_addr":"c"}}},"gas_limit":9,"reply_on":"always"}"#
    let want = SubMsg(
      id: 7, message: .wasm(.clearAdmin(contract: "c")), gasLimit: 9, replyOn: .always)
    #expect(try SubMsg(decoding: [UInt8](text.utf8)) == want)
    #expect(want.replyOn.onSuccess && want.replyOn.onError)
    #expect(!ReplyOn.never.onSuccess && !ReplyOn.never.onError)
    #expect(ReplyOn.success.onSuccess && !ReplyOn.success.onError)
    #expect(!ReplyOn.error.onSuccess && ReplyOn.error.onError)
  }

  @Test("refuses a payload of more than 128 KiB")
  func payload() throws {
    func response(_ count: Int) -> String {
      let payload = Base64.encode([UInt8](repeating: 1, count: count))
      let message =
        #"{"id":1,"payload":"\#(payload)","msg":{"bank":{"burn":{"amount":[]}}},"gas_limit":null,"reply_on":"error"}"#
      return #"{"ok":{"messages":[\#(message)],"attributes":[],"events":[],"data":null}}"#
    }
    #expect(Self.refusal(ContractResult<ContractResponse>.self, response(131_072)) == nil)
    #expect(
      Self.refusal(ContractResult<ContractResponse>.self, response(131_073))
        == .member(
          "ok", .member("messages", .element(0, .payload(limit: 131_072, actual: 131_073)))))
  }

  @Test("reads and writes every message that a contract may send")
  func messages() throws {
    let coins = #"[{"denom":"ATOM","amount":"250"}]"#
    let json: [(String, CosmosMsg)] = [
      (#"{"bank":{"burn":{"amount":\#(coins)}}}"#, .bank(.burn(amount: [Self.coin]))),
      (
        #"{"wasm":{"execute":{"contract_addr":"c","msg":"e30=","funds":\#(coins)}}}"#,
        .wasm(.execute(contract: "c", message: [0x7b, 0x7d], funds: [Self.coin]))
      ),
      (
        #"{"wasm":{"instantiate":{"admin":null,"code_id":101,"msg":"e30=","funds":[],"label":"l"}}}"#,
        .wasm(.instantiate(admin: nil, codeID: 101, message: [0x7b, 0x7d], funds: [], label: "l"))
      ),
      (
        #"{"wasm":{"instantiate2":{"admin":"a","code_id":1,"label":"l","msg":"","funds":[],"salt":"YQ=="}}}"#,
        .wasm(
          .instantiate2(admin: "a", codeID: 1, label: "l", message: [], funds: [], salt: [0x61]))
      ),
      (
        #"{"wasm":{"migrate":{"contract_addr":"c","new_code_id":18446744073709551615,"msg":"e30="}}}"#,
        .wasm(.migrate(contract: "c", newCodeID: .max, message: [0x7b, 0x7d]))
      ),
      (
        #"{"wasm":{"update_admin":{"contract_addr":"c","admin":"a"}}}"#,
        .wasm(.updateAdmin(contract: "c", admin: "a"))
      ),
      (
        #"{"ibc":{"transfer":{"channel_id":"channel-0","to_address":"t","amount":{"denom":"ATOM","amount":"250"},"timeout":{"block":{"revision":1,"height":2},"timestamp":null},"memo":null}}}"#,
        .ibc(
          .transfer(
            channelID: "channel-0", to: "t", amount: Self.coin,
            timeout: IbcTimeout(block: .init(revision: 1, height: 2), timestampNanoseconds: nil), memo: nil))
      ),
      (
        #"{"ibc":{"send_packet":{"channel_id":"c","data":"AQ==","timeout":{"block":null,"timestamp":"5"}}}}"#,
        .ibc(
          .sendPacket(
            channelID: "c", bytes: [1], timeout: IbcTimeout(block: nil, timestampNanoseconds: 5)))
      ),
      (
        #"{"ibc":{"write_acknowledgement":{"channel_id":"c","packet_sequence":3,"ack":{"data":"AQ=="}}}}"#,
        .ibc(.writeAcknowledgement(channelID: "c", packetSequence: 3, acknowledgement: .init([1])))
      ),
      (#"{"ibc":{"close_channel":{"channel_id":"c"}}}"#, .ibc(.closeChannel(channelID: "c"))),
      (
        #"{"ibc2":{"send_packet":{"source_client":"client-src","timeout":"1578939803987654321","payloads":[{"source_port":"wasm2def","destination_port":"wasm2abc","version":"v1","encoding":"application/json","value":"AQ=="}]}}}"#,
        .ibc2(
          .sendPacket(
            sourceClient: "client-src", timeoutNanoseconds: 1_578_939_803_987_654_321,
            payloads: [
              Ibc2Payload(
                sourcePort: "wasm2def", destinationPort: "wasm2abc", version: "v1",
                encoding: "application/json", value: [1])
            ]))
      ),
      (
        #"{"ibc2":{"write_acknowledgement":{"source_client":"s","packet_sequence":2,"ack":{"data":"AQID"}}}}"#,
        .ibc2(
          .writeAcknowledgement(
            sourceClient: "s", destinationClient: nil, packetSequence: 2, acknowledgement: .init([1, 2, 3])))
      ),
      (
        #"{"ibc2":{"write_acknowledgement":{"source_client":"s","destination_client":"d","packet_sequence":2,"ack":{"data":""}}}}"#,
        .ibc2(
          .writeAcknowledgement(
            sourceClient: "s", destinationClient: "d", packetSequence: 2, acknowledgement: .init([])))
      ),
      (#"{"any":{"type_url":"/a.B","value":"AQ=="}}"#, .any(AnyMsg(typeURL: "/a.B", value: [1]))),
      (#"{"custom":{"a":[1,null,"x"]}}"#, .custom(["a": [1, .null, "x"]])),
      (
        #"{"staking":{"delegate":{"amount":{"amount":"1","denom":"x"},"validator":"v"}}}"#,
        .unsupported(
          UnsupportedVariant(family: "staking", name: "delegate"),
          ["delegate": ["validator": "v", "amount": ["denom": "x", "amount": "1"]]])
      ),
      (
        #"{"gov":{"vote":{"proposal_id":1,"vote":"yes"}}}"#,
        .unsupported(
          UnsupportedVariant(family: "gov", name: "vote"), ["vote": ["proposal_id": 1, "vote": "yes"]])
      ),
      (
        #"{"distribution":{"fund_community_pool":{"amount":[]}}}"#,
        .unsupported(
          UnsupportedVariant(family: "distribution", name: "fund_community_pool"),
          ["fund_community_pool": ["amount": []]])
      ),
      (
        #"{"bank":{"mint":{}}}"#,
        .unsupported(UnsupportedVariant(family: "bank", name: "mint"), ["mint": [:]])
      ),
      (
        #"{"ibc":{"pay_packet_fee":{}}}"#,
        .unsupported(UnsupportedVariant(family: "ibc", name: "pay_packet_fee"), ["pay_packet_fee": [:]])
      ),
      (#"{"future":1}"#, .unsupported(UnsupportedVariant(family: "future", name: nil), 1)),
    ]
    for (text, message) in json { try Self.roundTrip(text, message) }
    let old = try CosmosMsg(decoding: [UInt8](#"{"stargate":{"type_url":"/a.B","value":"AQ=="}}"#.utf8))
    #expect(old == .any(AnyMsg(typeURL: "/a.B", value: [1])))
  }

  @Test("refuses messages of wrong forms, and says where")
  func malformed() {
    let cases: [(String, MessageRefusal)] = [
      ("", .json(.truncated(offset: 0))), ("{} ", .variants(count: 0)), ("[]", .type(expected: .object)),
      (#"{"bank":{"burn":{"amount":[]}},"wasm":{}}"#, .variants(count: 2)),
      (#"{"bank":{}}"#, .member("bank", .variants(count: 0))),
      (#"{"bank":[]}"#, .member("bank", .type(expected: .object))),
      (#"{"bank":{"burn":{}}}"#, .member("bank", .member("burn", .missing("amount")))),
      (
        #"{"bank":{"burn":{"amount":null}}}"#,
        .member("bank", .member("burn", .member("amount", .type(expected: .array))))
      ),
      (
        #"{"bank":{"burn":{"amount":[{"denom":"x","amount":"1"},7]}}}"#,
        .member("bank", .member("burn", .member("amount", .element(1, .type(expected: .object)))))
      ),
      (
        #"{"bank":{"burn":{"amount":[],"memo":"x"}}}"#,
        .member("bank", .member("burn", .unknown("memo")))
      ),
      (
        #"{"any":{"type_url":"/a","value":"AR=="}}"#,
        .member("any", .member("value", .base64(.trailingBits(offset: 1))))
      ),
      (#"{"any":{"type_url":"/a","value":"AQ"}}"#, .member("any", .member("value", .base64(.padding)))),
      (
        #"{"any":{"type_url":"/a","value":"-_8="}}"#,
        .member("any", .member("value", .base64(.character(offset: 0))))
      ),
      (
        #"{"any":{"type_url":"/a","value":"AQ==\n"}}"#,
        .member("any", .member("value", .base64(.padding)))
      ),
      (
        #"{"wasm":{"migrate":{"contract_addr":"c","new_code_id":1.0,"msg":""}}}"#,
        .member("wasm", .member("migrate", .member("new_code_id", .number("1.0"))))
      ),
      (
        #"{"wasm":{"migrate":{"contract_addr":"c","new_code_id":-0,"msg":""}}}"#,
        .member("wasm", .member("migrate", .member("new_code_id", .number("-0"))))
      ),
      (
        #"{"wasm":{"migrate":{"contract_addr":"c","new_code_id":"1","msg":""}}}"#,
        .member("wasm", .member("migrate", .member("new_code_id", .type(expected: .number))))
      ),
      (
        #"{"wasm":{"migrate":{"contract_addr":"c","new_code_id":18446744073709551616,"msg":""}}}"#,
        .member("wasm", .member("migrate", .member("new_code_id", .number("18446744073709551616"))))
      ),
      (
        #"{"custom":{"a":1,"a":2}}"#, .json(.duplicateName(offset: 17))
      ),
    ]
    for (text, refusal) in cases { #expect(Self.refusal(CosmosMsg.self, text) == refusal, "\(text)") }
    #expect(
      Self.refusal(ReplyOn.self, #""sometimes""#) == .variant("sometimes"))
    #expect(Self.refusal(ContractResult<ContractBinary>.self, #"{"err":""}"#) == .variant("err"))
    #expect(
      Self.refusal(ContractResult<ContractBinary>.self, #"{"error":{}}"#)
        == .member("error", .type(expected: .string)))
    #expect(
      Self.refusal(ContractResult<ContractBinary>.self, #"{"ok":"","error":""}"#) == .variants(count: 2))
  }

  @Test("takes fields that it does not know when they are null")
  func unknownNull() throws {
    let text = #"{"bank":{"burn":{"amount":[],"memo":null}}}"#
    #expect(try CosmosMsg(decoding: [UInt8](text.utf8)) == .bank(.burn(amount: [])))
  }

  @Test("refuses JSON that is nested too deep, or too long")
  func bounds() {
    func nested(_ levels: Int) -> String {
      #"{"custom":"# + String(repeating: "[", count: levels) + String(repeating: "]", count: levels) + "}"
    }
    #expect(Self.refusal(CosmosMsg.self, nested(63)) == nil)
    #expect(Self.refusal(CosmosMsg.self, nested(64)) == .json(.tooDeep(limit: 64, offset: 73)))
    #expect(Self.refusal(CosmosMsg.self, nested(100_000)) == .json(.tooDeep(limit: 64, offset: 73)))
    let limit = MessageLimits.sizeBytesMax
    let long = #"{"custom":""# + String(repeating: "a", count: limit) + #""}"#
    #expect(
      Self.refusal(CosmosMsg.self, long) == .json(.tooLarge(limit: limit, actual: limit + 13)))
    let many = #"{"bank":{"burn":{"amount":["# + String(repeating: "1,", count: 65_536) + "1]}}}"
    #expect(
      Self.refusal(CosmosMsg.self, many)
        == .member("bank", .member("burn", .member("amount", .elements(limit: 65_536, actual: 65_537)))))
  }

  @Test("writes replies as contracts of all ages read them")
  func reply() throws {
    try Self.roundTrip(
      #"{"id":7890,"payload":"AQ==","gas_used":0,"result":{"ok":{"events":[{"type":"instantiate","attributes":[{"key":"_contract_address","value":"reflect-acct-1"}]}],"data":null,"msg_responses":[{"type_url":"/t","value":"Ag=="}]}}}"#,
      Reply(
        id: 7890, payload: [1],
        result: .ok(
          SubMsgResponse(
            events: [
              .init(
                type: "instantiate", attributes: [.init(key: "_contract_address", value: "reflect-acct-1")])
            ], bytes: nil, messageResponses: [.init(typeURL: "/t", value: [2])]))))
    try Self.roundTrip(
      #"{"id":1,"payload":"","gas_used":5,"result":{"error":"codespace: sdk, code: 5"}}"#,
      Reply(id: 1, payload: [], gasUsed: 5, result: .error("codespace: sdk, code: 5")))
    let old = #"{"id":1,"result":{"ok":{"events":[],"data":"AQ=="}}}"#
    #expect(
      try Reply(decoding: [UInt8](old.utf8))
        == Reply(
          id: 1, payload: [], result: .ok(SubMsgResponse(events: [], bytes: [1], messageResponses: []))))
  }

  @Test("reads and writes every query")
  func queries() throws {
    let json: [(String, QueryRequest)] = [
      (#"{"bank":{"supply":{"denom":"x"}}}"#, .bank(.supply(denomination: "x"))),
      (
        #"{"bank":{"balance":{"address":"a","denom":"x"}}}"#,
        .bank(.balance(address: "a", denomination: "x"))
      ),
      (#"{"bank":{"all_balances":{"address":"a"}}}"#, .bank(.allBalances(address: "a"))),
      (#"{"bank":{"denom_metadata":{"denom":"x"}}}"#, .bank(.denominationMetadata(denomination: "x"))),
      (
        #"{"bank":{"all_denom_metadata":{"pagination":{"key":null,"limit":5,"reverse":false}}}}"#,
        .bank(.allDenominationMetadata(page: .init(key: nil, limit: 5, reverse: false)))
      ),
      (
        #"{"wasm":{"smart":{"contract_addr":"c","msg":"e30="}}}"#,
        .wasm(.smart(contract: "c", message: [0x7b, 0x7d]))
      ),
      (#"{"wasm":{"raw":{"contract_addr":"c","key":"AQ=="}}}"#, .wasm(.raw(contract: "c", key: [1]))),
      (#"{"wasm":{"contract_info":{"contract_addr":"c"}}}"#, .wasm(.contractInfo(contract: "c"))),
      (#"{"wasm":{"code_info":{"code_id":4}}}"#, .wasm(.codeInfo(codeID: 4))),
      (
        #"{"wasm":{"raw_range":{"contract_addr":"c","start":"AQ==","end":null,"limit":9,"order":"descending"}}}"#,
        .wasm(.rawRange(contract: "c", start: [1], end: nil, limit: 9, order: .descending))
      ),
      (#"{"ibc":{"port_id":{}}}"#, .ibc(.portID)),
      (
        #"{"ibc":{"channel":{"channel_id":"c","port_id":null}}}"#,
        .ibc(.channel(channelID: "c", portID: nil))
      ),
      (#"{"ibc":{"list_channels":{"port_id":"p"}}}"#, .ibc(.listChannels(portID: "p"))),
      (#"{"grpc":{"path":"/p","data":"AQ=="}}"#, .grpc(path: "/p", request: [1])),
      (#"{"stargate":{"path":"/p","data":""}}"#, .stargate(path: "/p", request: [])),
      (#"{"custom":"x"}"#, .custom("x")),
      (
        #"{"staking":{"bonded_denom":{}}}"#,
        .unsupported(UnsupportedVariant(family: "staking", name: "bonded_denom"), ["bonded_denom": [:]])
      ),
      (
        #"{"wasm":{"future":{}}}"#,
        .unsupported(UnsupportedVariant(family: "wasm", name: "future"), ["future": [:]])
      ),
    ]
    for (text, query) in json { try Self.roundTrip(text, query) }
    #expect(
      Self.refusal(
        QueryRequest.self,
        #"{"wasm":{"raw_range":{"contract_addr":"c","limit":65536,"order":"ascending"}}}"#)
        == .member("wasm", .member("raw_range", .member("limit", .number("65536")))))
  }

  @Test("writes answers to queries, and why there is none")
  func answers() throws {
    try Self.roundTrip(
      #"{"ok":{"ok":"eyJhbW91bnQiOnsiZGVub20iOiJBVE9NIiwiYW1vdW50IjoiMjUwIn19"}}"#,
      QueryAnswer.answer(AmountAnswer(Self.coin)))
    let json: [(String, SystemError)] = [
      (#"{"invalid_request":{"error":"e","request":"AQ=="}}"#, .invalidRequest(error: "e", request: [1])),
      (#"{"invalid_response":{"error":"e","response":""}}"#, .invalidResponse(error: "e", response: [])),
      (#"{"no_such_contract":{"addr":"a"}}"#, .noSuchContract(address: "a")),
      (#"{"no_such_code":{"code_id":3}}"#, .noSuchCode(codeID: 3)), (#"{"unknown":{}}"#, .unknown),
      (#"{"unsupported_request":{"kind":"custom"}}"#, .unsupportedRequest(kind: "custom")),
    ]
    for (text, error) in json { try Self.roundTrip(#"{"error":\#(text)}"#, QueryAnswer.error(error)) }
    try Self.roundTrip(
      #"{"code_id":1,"creator":"c","admin":null,"pinned":false,"ibc_port":null,"ibc2_port":"wasm21x"}"#,
      ContractInfoAnswer(
        codeID: 1, creator: "c", admin: nil, pinned: false, ibcPort: nil, ibc2Port: "wasm21x"))
    let checksum = String(repeating: "ab", count: 32)
    try Self.roundTrip(
      #"{"code_id":1,"creator":"c","checksum":"\#(checksum)"}"#,
      CodeInfoAnswer(codeID: 1, creator: "c", checksum: Bytes32(hex: checksum)))
    #expect(
      Self.refusal(CodeInfoAnswer.self, #"{"code_id":1,"creator":"c","checksum":"0x\#(checksum)"}"#)
        == .member("checksum", .hex))
    try Self.roundTrip(
      #"{"data":[["AQ==","Ag=="]],"next_key":"Aw=="}"#,
      RawRangeAnswer(entries: [.init(key: [1], value: [2])], nextKey: [3]))
    try Self.roundTrip(#"{"amount":[]}"#, AllBalancesAnswer([]))
    try Self.roundTrip(#"{"port_id":"p"}"#, PortIDAnswer("p"))
    try Self.roundTrip(#"{"channel":null}"#, ChannelAnswer(nil))
  }

  @Test("writes packets and callbacks of both versions of IBC")
  func packets() throws {
    let packet = IbcPacket(
      bytes: [0x7b, 0x7d], source: IbcEndpoint(portID: "their_port", channelID: "channel-7"),
      destination: IbcEndpoint(portID: "my_port", channelID: "channel-234"), sequence: 15,
      timeout: IbcTimeout(block: .init(revision: 1, height: 123_456), timestampNanoseconds: nil))
    let text =
      #"{"data":"e30=","src":{"port_id":"their_port","channel_id":"channel-7"},"dest":{"port_id":"my_port","channel_id":"channel-234"},"sequence":15,"timeout":{"block":{"revision":1,"height":123456},"timestamp":null}}"#
    try Self.roundTrip(#"{"packet":\#(text),"relayer":"r"}"#, IbcPacketMsg(packet: packet, relayer: "r"))
    let ack = #"{"acknowledgement":{"data":"AQ=="},"original_packet":\#(text),"relayer":"r"}"#
    let acknowledgement = IbcPacketAckMsg(acknowledgement: .init([1]), originalPacket: packet, relayer: "r")
    try Self.roundTrip(ack, acknowledgement)
    try Self.roundTrip(#"{"acknowledgement":\#(ack)}"#, IbcSourceCallbackMsg.acknowledgement(acknowledgement))
    try Self.roundTrip(
      #"{"timeout":{"packet":\#(text),"relayer":"r"}}"#,
      IbcSourceCallbackMsg.timeout(IbcPacketMsg(packet: packet, relayer: "r")))
    try Self.roundTrip(
      #"{"packet":\#(text),"ack":{"data":"AQ=="},"transfer":{"sender":"s","receiver":"c","funds":[{"denom":"ATOM","amount":"250"}]}}"#,
      IbcDestinationCallbackMsg(
        packet: packet, acknowledgement: .init([1]),
        transfer: .init(sender: "s", receiver: "c", funds: [Self.coin])))
    try Self.roundTrip(
      #"{"packet":\#(text),"ack":{"data":"AQ=="},"transfer":null}"#,
      IbcDestinationCallbackMsg(packet: packet, acknowledgement: .init([1]), transfer: nil))
    #expect(
      Self.refusal(IbcSourceCallbackMsg.self, #"{"lost":{}}"#) == .member("lost", .variant("lost")))
  }
}
