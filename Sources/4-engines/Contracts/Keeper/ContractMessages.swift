import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// Messages that contracts send, in the contract's own name.
///
/// - SeeAlso: wasmd `x/wasm/keeper/handler_plugin{,_encoders}.go`.
extension ContractKeeper {
  /// Bytes of one protobuf message (wasmd MaxAnyMsgValueSize).
  static let anyMessageSizeMax = 512 * 1_024

  /// Does what the message asks; gives the responses of what was done, in order.
  func send(
    _ message: CosmosMsg, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> [AnyMessage] {
    switch message {
    case .bank(.send(let to, let amount)):
      // Sending nothing is a success that does nothing.
      guard !amount.isEmpty else { return [] }
      return [try pay(try coins(amount), from: contract, to: to, in: &context)]
    case .bank(.burn(let amount)):
      let coins = try coins(amount)
      guard !coins.isEmpty else { throw .failure(ContractFailure(.empty, "amount")) }
      for coin in coins {
        do { try bank.burn(coin, of: contract, in: &context) } catch {
          throw error.mapped { ContractFailure($0) }
        }
      }
      return []
    case .wasm(let message):
      let wanted = try wasm(message, of: contract)
      return [try perform(wanted, in: &context).encoded(to: wanted.typeURL)]
    case .ibc(let message): return [try ibc(message, of: contract, in: &context)]
    case .ibc2(let message): return [try ibc2(message, of: contract, in: &context)]
    case .any(let message): return [try any(message, of: contract, in: &context)]
    case .custom, .unsupported:
      throw .failure(ContractFailure(.unknownMessage, "no handler found"))
    }
  }

  private func coins(_ amount: [ContractCoin]) throws(ContractStop) -> [Coin] {
    do { return try amount.coins() } catch { throw .failure(error) }
  }

  private func account(_ text: String, _ field: String) throws(ContractStop) -> AccountAddress {
    guard let account = AccountNames().account(named: text) else { throw .failure(.address(field)) }
    return account
  }

  private func pay(
    _ coins: [Coin], from contract: AccountAddress, to text: String, in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    guard let recipient = AccountNames().account(named: text) else {
      throw .failure(ContractFailure(.invalidAddress, "invalid to address: decoding bech32 failed"))
    }
    guard !coins.isEmpty else { throw .failure(ContractFailure(.invalidCoins)) }
    try move(coins, from: contract, to: recipient, in: &context)
    return AnyMessage(typeURL: LedgerMessage.TypeURL.send + "Response", value: [])
  }

  // MARK: Contracts

  private func wasm(_ message: WasmMsg, of contract: AccountAddress) throws(ContractStop) -> WasmMessage {
    switch message {
    case .execute(let target, let message, let funds):
      return .execute(
        sender: contract, contract: try account(target, "contract"), message: message,
        funds: try coins(funds))
    case .instantiate(let admin, let codeID, let message, let funds, let label):
      return .instantiate(
        sender: contract, admin: try self.admin(admin), codeID: codeID, label: label, message: message,
        funds: try coins(funds))
    case .instantiate2(let admin, let codeID, let label, let message, let funds, let salt):
      return .instantiate2(
        sender: contract, admin: try self.admin(admin), codeID: codeID, label: label, message: message,
        funds: try coins(funds), salt: salt, fixesMessage: false)
    case .migrate(let target, let codeID, let message):
      return .migrate(
        sender: contract, contract: try account(target, "contract"), codeID: codeID, message: message)
    case .updateAdmin(let target, let admin):
      return .updateAdmin(
        sender: contract, admin: try account(admin, "new admin"), contract: try account(target, "contract"))
    case .clearAdmin(let target):
      return .clearAdmin(sender: contract, contract: try account(target, "contract"))
    }
  }

  private func admin(_ text: String?) throws(ContractStop) -> AccountAddress? {
    guard let text, !text.isEmpty else { return nil }
    return try account(text, "admin")
  }

  // MARK: Packets

  private func ibc(
    _ message: IbcMsg, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    switch message {
    case .transfer(let channel, let receiver, let amount, let timeout, let memo):
      guard let denom = try? Denom(amount.denomination) else {
        throw .failure(ContractFailure(.invalidCoins, "amount: invalid denom: \(amount.denomination)"))
      }
      let transfer = OutgoingTransfer(
        channel: channel, coin: Coin(amount.amount, denom), receiver: receiver,
        timeoutNanoseconds: timeout.timestampNanoseconds ?? 0, memo: memo ?? "")
      return try self.transfer(transfer, of: contract, in: &context)
    case .sendPacket(let channel, _, _), .writeAcknowledgement(let channel, _, _):
      let record = try knownContract(contract, in: &context)
      guard record?.ibcPort != nil else {
        throw .failure(ContractFailure(.unsupported, "ibc not supported"))
      }
      throw .failure(Self.channelUnknown(channel))
    case .closeChannel(let channel): throw .failure(Self.channelUnknown(channel))
    }
  }

  /// There are no channels of IBC v1 here (ibc-go `04-channel/types/errors.go`, ErrChannelNotFound).
  private static func channelUnknown(_ channel: String) -> ContractFailure {
    ContractFailure(codespace: "channel", number: 3, text: "\(channel): channel not found")
  }

  private func ibc2(
    _ message: Ibc2Msg, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    switch message {
    case .sendPacket(let client, let timeout, let payloads):
      var read: [Payload] = []
      for payload in payloads {
        do {
          read.append(
            try Payload(
              sourcePort: try PortID(payload.sourcePort),
              destinationPort: try PortID(payload.destinationPort), version: payload.version,
              encoding: payload.encoding, value: payload.value))
        } catch {
          throw .failure(ContractFailure(codespace: "channelv2", number: 4, text: "invalid payload"))
        }
      }
      guard let client = try? ClientID(client) else {
        throw .failure(ContractFailure(.invalidRequest, "source client"))
      }
      // Whole seconds on the wire.
      let deadline = UnixTime(seconds: timeout / 1_000_000_000)
      return try send(read, over: client, timeout: deadline, of: contract, in: &context)
    case .writeAcknowledgement(let source, let destination, let number, let acknowledgement):
      // Contracts that were built before there was a `destination_client` name the packet by the other one.
      let name = destination ?? source
      guard !name.isEmpty else { throw .failure(ContractFailure(.empty, "ibc2 destination client")) }
      guard let client = try? ClientID(name), let sequence = Sequence(number) else {
        throw .failure(
          ContractFailure(.invalid, "no pending async packet for client \(name) sequence \(number)"))
      }
      guard let port = try? PortID(ContractPort.v2(contract)) else {
        preconditionFailure("a contract's port is a port")
      }
      do {
        try host.writeAcknowledgement(
          acknowledgement.bytes, to: client, sequence: sequence, by: port, in: &context)
      } catch {
        throw error.mapped { refusal in
          switch refusal {
          case .notPending:
            ContractFailure(.invalid, "no pending async packet for client \(name) sequence \(number)")
          case .pendingPort(let other):
            ContractFailure(
              .unauthorized,
              "contract port \(port) is not authorized to acknowledge packet addressed to port \(other)")
          default: ContractFailure(Ledger.MessageRefusal.packet(refusal))
          }
        }
      }
      return AnyMessage(typeURL: "/cosmwasm.wasm.v1.MsgIBCWriteAcknowledgementResponse", value: [])
    }
  }

  private func send(
    _ payloads: [Payload], over client: ClientID, timeout: UnixTime, of contract: AccountAddress,
    in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    let packet: Packet
    do {
      packet = try host.send(payloads, over: client, timeout: timeout, by: contract, in: &context)
    } catch { throw error.mapped { ContractFailure(Ledger.MessageRefusal.packet($0)) } }
    var writer = ProtobufWriter()
    writer.varint(1, packet.sequence.rawValue)
    return AnyMessage(typeURL: LedgerMessage.TypeURL.sendPacket + "Response", value: writer.bytes)
  }

  /// A transfer as IBC v1 words it, over a client of IBC v2 in the place of the channel.
  struct OutgoingTransfer {
    let channel: String
    let coin: Coin
    let receiver: String
    let timeoutNanoseconds: UInt64
    let memo: String
  }

  static let transferTypeURL = "/ibc.applications.transfer.v1.MsgTransfer"

  private func transfer(
    _ transfer: OutgoingTransfer, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    guard let client = try? ClientID(transfer.channel) else {
      throw .failure(Self.channelUnknown(transfer.channel))
    }
    guard transfer.timeoutNanoseconds > 0 else {
      throw .failure(ContractFailure(.invalidRequest, "a packet of IBC v2 times out by time alone"))
    }
    let payload: Payload
    do {
      let data = try FungibleTokenPacketData(
        denomination: try path(of: transfer.coin.denom, in: &context), sender: contract.text,
        receiver: transfer.receiver, amount: transfer.coin.amount, memo: transfer.memo)
      payload = try Payload(
        sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
        encoding: FungibleTokenPacketData.payloadEncoding, value: data.encoded())
    } catch let stop as ContractStop {
      throw stop
    } catch { throw .failure(ContractFailure(.invalidRequest, "transfer")) }
    let deadline = UnixTime(seconds: transfer.timeoutNanoseconds / 1_000_000_000)
    let answer = try send([payload], over: client, timeout: deadline, of: contract, in: &context)
    return AnyMessage(typeURL: Self.transferTypeURL + "Response", value: answer.value)
  }

  /// The way of a token as packets name it: of a voucher, all of its hops.
  private func path(of denom: Denom, in context: inout HostContext) throws(ContractStop) -> String {
    let prefix = "ibc/"
    guard denom.text.hasPrefix(prefix) else { return denom.text }
    let key = HostKeys.tokenTrace(String(denom.text.dropFirst(prefix.count)))
    let trace = try halting { () throws(ExecutionHalt) in try context.read(key) }
    guard let trace, let text = String(validating: trace, as: UTF8.self) else {
      throw .failure(ContractFailure(.notFound, "denomination \(denom)"))
    }
    return text
  }

  // MARK: Protobuf

  private func any(
    _ message: AnyMsg, of contract: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> AnyMessage {
    let size = message.value.count
    guard size <= Self.anyMessageSizeMax else {
      throw .failure(
        ContractFailure(.limit, "AnyMsg value size \(size) exceeds limit \(Self.anyMessageSizeMax)"))
    }
    try halting { () throws(ExecutionHalt) in
      try context.charge(
        ContractGas.anyMessage + ContractGas.anyMessagePerKilobyte * UInt64(size) / 1_024)
    }
    let wanted = AnyMessage(typeURL: message.typeURL, value: message.value)
    let undecodable = ContractFailure(
      .invalidMessage, "Cannot unpack proto message with type URL: \(message.typeURL)")
    if handles(message.typeURL) {
      guard let decoded = try? WasmMessage(decoding: wanted) else { throw .failure(undecodable) }
      try check(signer: decoded.sender, contract)
      return try perform(decoded, in: &context).encoded(to: decoded.typeURL)
    }
    if message.typeURL == Self.transferTypeURL {
      guard let (sender, transfer) = OutgoingTransfer.decode(message.value) else {
        throw .failure(undecodable)
      }
      try check(signer: sender, contract)
      return try self.transfer(transfer, of: contract, in: &context)
    }
    guard let decoded = try? LedgerMessage(decoding: wanted) else { throw .failure(undecodable) }
    try check(signer: decoded.signer, contract)
    switch decoded {
    case .send(_, let recipient, let coins):
      return try pay(coins, from: contract, to: recipient.text, in: &context)
    case .sendPacket(let client, let timeout, let payloads, _):
      return try send(payloads, over: client, timeout: timeout, of: contract, in: &context)
    case .callProgram(_, let program, let funds, let input):
      let programs = natives.with(contracts: self)
      do {
        let output = try programs.call(program, input: input, funds: funds, by: contract, in: &context)
        var writer = ProtobufWriter()
        writer.bytes(1, output)
        return AnyMessage(typeURL: LedgerMessage.TypeURL.callProgram + "Response", value: writer.bytes)
      } catch { throw error.mapped { ContractFailure(Ledger.MessageRefusal.call($0)) } }
    case .createClient, .updateClient, .registerCounterparty, .receivePacket, .acknowledgePacket,
      .timeOutPacket, .module:
      throw .failure(ContractFailure(.unknownRequest, "can't route message \(message.typeURL)"))
    }
  }

  private func check(signer: AccountAddress, _ contract: AccountAddress) throws(ContractStop) {
    guard signer == contract else {
      throw .failure(ContractFailure(.unauthorized, "contract doesn't have permission"))
    }
  }
}

extension ContractKeeper.OutgoingTransfer {
  /// `MsgTransfer` {source_port 1, source_channel 2, token 3, sender 4, receiver 5, timeout_height 6,
  /// timeout_timestamp 7, memo 8, encoding 9}; nil for what is none, or is for another port.
  static func decode(_ bytes: [UInt8]) -> (sender: AccountAddress, Self)? {
    let span = bytes.span
    var texts: [UInt32: String] = [:]
    var coin: Coin?
    var timeout: UInt64 = 0
    do {
      var reader = ProtobufReader(
        ProtobufRules(singular: [1, 2, 4, 5, 7, 8, 9], explicit: [3, 6], form: .foreign))
      while let field = try reader.next(in: span) {
        switch field.number {
        case 3: coin = try Coin(decoding: span.extracting(try field.message()))
        case 6: _ = try field.message()
        case 7: timeout = try field.uint64()
        default: texts[field.number] = try field.string(in: span)
        }
      }
    } catch { return nil }
    guard texts[1] == PortID.transfer.text, let coin, let text = texts[4],
      let sender = AccountNames().account(named: text)
    else { return nil }
    let transfer = Self(
      channel: texts[2] ?? "", coin: coin, receiver: texts[5] ?? "", timeoutNanoseconds: timeout,
      memo: texts[8] ?? "")
    return (sender, transfer)
  }
}
