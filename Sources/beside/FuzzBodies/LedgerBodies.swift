private import Encodings
private import Ledger
private import Messages
private import PacketHost
private import WireBytes

/// Bodies over the decoders of Ledger: what decodes encodes to the same bytes.
public enum LedgerBodies {
  public static let all: [FuzzBody] = [transaction] + messages + [block, tip, result, genesis]

  private static func bytes(_ hex: String) -> [UInt8] { (try? Hex.decode(hex)) ?? [] }

  private static let account = AccountAddress(module: "fuzz")
  private static let packet = bytes(
    "08071208636c69656e742d301a1030372d74656e6465726d696e742d31322080d2a5da062a190a087472616e73666572120874"
      + "72616e736665721a01312201782a0101")

  static let transaction = FuzzBody(name: "ledger-transaction", seeds: [seed]) { bytes in
    guard let transaction = try? Transaction(decoding: bytes) else { return }
    var writer = ProtobufWriter()
    writer.bytes(1, transaction.bodyBytes)
    writer.bytes(2, transaction.authInfoBytes)
    writer.alwaysBytes(3, transaction.signature)
    precondition(writer.bytes == bytes)
    let rebuilt = UnsignedTransaction(
      transaction.messages, memo: transaction.memo, timeoutHeight: transaction.timeoutHeight,
      fee: transaction.fee, gasLimit: transaction.gasLimit, key: transaction.key,
      sequence: transaction.sequence, chainID: "fuzz-1", accountNumber: 1)
    precondition(rebuilt.bodyBytes == transaction.bodyBytes)
    _ = transaction.sender.text
    for message in transaction.messages { _ = try? LedgerMessage(decoding: message) }
    try? transaction.key.verify(transaction.signature, over: rebuilt.signBytes)
  }

  private static var seed: [UInt8] {
    guard let denom = try? Denom("ucause") else { return [] }
    let unsigned = UnsignedTransaction(
      [LedgerMessage.send(from: account, to: account, coins: [Coin(UInt256(5), denom)]).encoded()],
      memo: "memo", timeoutHeight: 9, fee: [Coin(UInt256(200), denom)], gasLimit: 200_000,
      key: .ed25519(Bytes32 { UInt8($0) }), sequence: 1, chainID: "fuzz-1", accountNumber: 0)
    return unsigned.signed([UInt8](repeating: 1, count: 64))
  }

  /// One body for each message: the value alone is fuzzed, so that mutations stay inside the type.
  static let messages: [FuzzBody] = [
    message("send", "/cosmos.bank.v1beta1.MsgSend") { writer in
      writer.string(1, account.text)
      writer.string(2, account.text)
      writer.message(3) { coin in
        coin.string(1, "ucause")
        coin.string(2, "5")
      }
    },
    message("call", "/causeway.program.v1.MsgCall") { writer in
      writer.string(1, account.text)
      writer.string(2, account.text)
      writer.bytes(4, [UInt8]("{}".utf8))
    },
    message("create-client", "/ibc.core.client.v1.MsgCreateClient") { writer in
      writer.bytes(1, AnyMessage(typeURL: "/a.B", value: [1]).encoded())
      writer.bytes(2, AnyMessage(typeURL: "/a.C", value: [1]).encoded())
      writer.string(3, account.text)
    },
    message("update-client", "/ibc.core.client.v1.MsgUpdateClient") { writer in
      writer.string(1, "client-0")
      writer.bytes(2, AnyMessage(typeURL: "/a.B", value: [1]).encoded())
      writer.string(3, account.text)
    },
    message("register-counterparty", "/ibc.core.client.v2.MsgRegisterCounterparty") { writer in
      writer.string(1, "client-0")
      writer.alwaysBytes(2, [UInt8]("ibc".utf8))
      writer.alwaysBytes(2, [UInt8]())
      writer.string(3, "client-1")
      writer.string(4, account.text)
    },
    message("send-packet", "/ibc.core.channel.v2.MsgSendPacket") { writer in
      writer.string(1, "client-0")
      writer.varint(2, 1_800_000_000)
      writer.message(3) { payload in
        payload.string(1, "transfer")
        payload.string(2, "transfer")
        payload.string(3, "1")
        payload.string(4, "x")
        payload.bytes(5, [1])
      }
      writer.string(4, account.text)
    },
    message("receive-packet", "/ibc.core.channel.v2.MsgRecvPacket") { writer in
      writer.bytes(1, packet)
      writer.bytes(2, [10, 0])
      writer.message(3) { $0.varint(2, 9) }
      writer.string(4, account.text)
    },
    message("acknowledge-packet", "/ibc.core.channel.v2.MsgAcknowledgement") { writer in
      writer.bytes(1, packet)
      writer.bytes(2, [10, 1, 1])
      writer.bytes(3, [10, 0])
      writer.message(4) { $0.varint(2, 9) }
      writer.string(5, account.text)
    },
    message("time-out-packet", "/ibc.core.channel.v2.MsgTimeout") { writer in
      writer.bytes(1, packet)
      writer.bytes(2, [10, 0])
      writer.message(3) { $0.varint(2, 9) }
      writer.string(5, account.text)
    },
  ]

  private static func message(
    _ name: String, _ typeURL: String, _ write: (inout ProtobufWriter) -> Void
  ) -> FuzzBody {
    var writer = ProtobufWriter()
    write(&writer)
    return FuzzBody(name: "ledger-message-\(name)", seeds: [writer.bytes]) { bytes in
      let any = AnyMessage(typeURL: typeURL, value: bytes)
      guard let message = try? LedgerMessage(decoding: any) else { return }
      precondition(message.encoded() == any)
      _ = message.signer
    }
  }

  private static let genesisText = [UInt8](
    """
    {"genesis_time":"2026-01-01T00:00:00Z","chain_id":"a-1","initial_height":"1",
    "consensus_params":{"block":{"max_bytes":"1000","max_gas":"1000"}},
    "validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519",
    "value":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},"power":"1"}],
    "app_state":{"fees":{"denom":"ucause","numerator":"1","denominator":"1"},"balances":[]}}
    """.utf8)

  private static var firstTip: ChainTip? {
    guard let json = try? JSONValue(decoding: genesisText) else { return nil }
    return (try? Genesis(json: json))?.tip(root: Bytes32())
  }

  private static var firstBlock: [UInt8] {
    guard let json = try? JSONValue(decoding: genesisText), let genesis = try? Genesis(json: json) else {
      return []
    }
    let tip = genesis.tip(root: Bytes32())
    return (try? ProposedBlock(after: tip, transactions: [[1, 2], [3]], rules: genesis.rules))?.encoded ?? []
  }

  static let block = FuzzBody(name: "ledger-block", seeds: [firstBlock]) { bytes in
    guard let block = try? ProposedBlock(decoding: bytes.span) else { return }
    precondition(block.encoded == bytes)
  }

  static let tip = FuzzBody(name: "ledger-tip", seeds: [firstTip?.encoded() ?? []]) { bytes in
    guard let tip = try? ChainTip(decoding: bytes.span) else { return }
    let encoded = tip.encoded()
    precondition((try? ChainTip(decoding: encoded.span)) == tip)
  }

  static let result = FuzzBody(
    name: "ledger-result",
    seeds: [
      TransactionResult(
        code: 5, codespace: "sdk", payload: [1], log: "log", gasWanted: 9, gasUsed: 8,
        events: [Event("tx", ["fee": "1"])]
      ).encoded()
    ]
  ) { bytes in
    guard let result = try? TransactionResult(decoding: bytes) else { return }
    precondition((try? TransactionResult(decoding: result.encoded())) == result)
    _ = try? TransactionAnswers(decoding: result.payload)
  }

  static let genesis = FuzzBody(name: "ledger-genesis", seeds: [genesisText]) { bytes in
    guard let json = try? JSONValue(decoding: bytes), let genesis = try? Genesis(json: json) else { return }
    precondition((try? Genesis(json: genesis.json)) == genesis)
    precondition(!genesis.state().isEmpty)
  }
}
