/// A packet to another domain: transfers, then calls; everything is executed there, or nothing is.
///
///     var crossing = Crossing(over: lane, from: env, deadline: deadline)
///     let funds = try crossing.transfer(coin, path: coin.denom, to: lane.account(of: env.contract, in: env))
///     try crossing.call(target, funds: [funds], gasLimit: 1_000_000, input: ["swap": […]])
///     response.send(crossing.message, id: 1, payload: order, replyOn: .success)
///
/// The reply tells its number (``Crossing/sequence(in:)``); `ibc_source_callback` how it ended (``Settlement``).
struct Crossing {
  let lane: Lane
  let env: Env
  /// Whole seconds since 1970: the other domain executes strictly before, by its own time.
  let deadline: UInt64
  private var payloads: [[UInt8]] = []

  init(over lane: Lane, from env: Env, deadline: UInt64) {
    self.lane = lane
    self.env = env
    self.deadline = deadline
  }

  private mutating func add(port: Text, version: Text, encoding: Text, _ value: [UInt8]) {
    var writer = Protobuf.Writer()
    writer.put(1, port)
    writer.put(2, port)
    writer.put(3, version)
    writer.put(4, encoding)
    writer.put(5, value)
    payloads.append(writer.bytes)
  }

  /// Takes `coin` along, out of the contract's account; gives it as the other domain names it.
  ///
  /// - Parameter isTold: whether the contract is told how the transfer ended. Its memo asks for that; a packet that
  ///   has a call as well is told of through the call.
  @discardableResult
  mutating func transfer(_ coin: Coin, path: Text, to receiver: Text, isTold: Bool = false) -> Coin {
    let callback: JSON = ["src_callback": ["address": env.contract.json]]
    let memo = isTold ? callback.encoded : ""
    // abi.encode of one tuple: its offset before it.
    var value = Uint128(32).bytes(littleEndian: false)
    value.push(
      Calldata.encode([
        .text(path), .text(env.contract.text), .text(receiver), .amount(coin.amount), .text(memo),
      ]))
    add(port: "transfer", version: "ics20-1", encoding: "application/x-solidity-abi", value)
    return Coin(coin.amount, lane.tokenThere(path))
  }

  /// Calls `target`, an address of the other domain, as ``Lane/account(of:in:)`` of this contract.
  mutating func call(_ target: Text, funds: [Coin], gasLimit: UInt64, input: JSON) throws(Refusal) {
    guard let address = Bech32.decode(target) else { throw .malformed("address") }
    try call(address, funds: funds, gasLimit: gasLimit, input.encoded.bytes)
  }

  /// Calls `target` on an EVM chain, as the account that ``EVMRoute/account(of:in:)`` tells; `calldata` as
  /// ``Calldata/encode(_:_:)`` gives it.
  mutating func call(
    _ target: EVMAddress, funds: [Coin], gasLimit: UInt64, calldata: [UInt8]
  ) throws(Refusal) {
    guard lane.isEVM else { throw .malformed("domain") }
    try call(target.bytes, funds: funds, gasLimit: gasLimit, calldata)
  }

  @inline(never)
  private mutating func call(
    _ address: [UInt8], funds: [Coin], gasLimit: UInt64, _ inputBytes: [UInt8]
  ) throws(Refusal) {
    let targetBytes = try InteroperableAddress.encode(domain: lane.domain, address)
    let refundTo = try InteroperableAddress.encode(domain: env.domain, try Host.canonical(env.contract))
    guard inputBytes.count <= 131_072, funds.count <= 8 else { throw .malformed("call") }
    for coin in funds where coin.denom.count > 128 { throw .malformed("denom") }
    // Containers with offsets: docs/spec/envelope.md section 4.
    var coins: [UInt8] = []
    var offset = UInt32(funds.count * 4)
    for coin in funds {
      coins.append(littleEndian: offset)
      offset += UInt32(36 + coin.denom.count)
    }
    for coin in funds {
      coins.append(littleEndian: UInt32(36))
      coins.push(coin.amount.bytes(littleEndian: true))
      coins.push(coin.denom.bytes)
    }
    var call: [UInt8] = []
    call.append(littleEndian: UInt32(20))
    call.append(littleEndian: UInt32(20 + targetBytes.count))
    call.append(littleEndian: gasLimit)
    call.append(littleEndian: UInt32(20 + targetBytes.count + coins.count))
    call.push(targetBytes)
    call.push(coins)
    call.push(inputBytes)
    var envelope: [UInt8] = []
    envelope.append(littleEndian: UInt16(1))
    envelope.append(littleEndian: UInt32(14))
    envelope.append(littleEndian: UInt32(14 + 4 + call.count))
    envelope.append(littleEndian: UInt32(14 + 4 + call.count + refundTo.count))
    envelope.append(littleEndian: UInt32(4))
    envelope.push(call)
    envelope.push(refundTo)
    // What a handler on an EVM chain reads.
    guard !lane.isEVM || envelope.count <= 4096 else { throw .malformed("call") }
    add(port: "execution", version: "causeway-1", encoding: "application/x-ssz", envelope)
  }

  /// `MsgSendPacket`, signed by the contract.
  var message: Message {
    var writer = Protobuf.Writer()
    writer.put(1, lane.client)
    writer.put(2, deadline)
    for payload in payloads { writer.put(3, payload) }
    writer.put(4, env.contract.text)
    return .any("/ibc.core.channel.v2.MsgSendPacket", writer.bytes)
  }

  /// The number of the packet that was sent, from the reply to its message.
  static func sequence(in reply: Reply) throws(Refusal) -> UInt64 {
    guard let sequence = Protobuf.fields(try reply.response()).number(1) else { throw .malformed("sequence") }
    return sequence
  }
}

/// How a packet of this contract ended, from `ibc_source_callback`: once for each packet and port, and only the
/// chain calls that.
struct Settlement {
  let client: Text
  let sequence: UInt64
  let port: Text
  let end: End

  enum End {
    /// All of it was done there; what calls answered, when that can be read.
    case executed([[UInt8]])
    /// Nothing was done there; what was taken along has come back.
    case failed
    case timedOut
  }

  var word: Text {
    switch end {
    case .executed: "done"
    case .failed: "failed"
    case .timedOut: "timed_out"
    }
  }

  init(json: JSON) throws(Refusal) {
    let (name, value) = try json.single()
    var fields = try Fields(value)
    let packet: JSON
    switch name {
    case "acknowledgement":
      packet = try fields.json("original_packet")
      var acknowledgement = try Fields(try fields.json("acknowledgement"))
      let bytes: Binary = try acknowledgement.take("data")
      if bytes.bytes == SHA256.hash(("UNIVERSAL_ERROR_ACKNOWLEDGEMENT" as StaticString).array) {
        end = .failed
      } else {
        end = .executed(Self.results(bytes.bytes) ?? [])
      }
    case "timeout":
      packet = try fields.json("packet")
      end = .timedOut
    default: throw .message(name)
    }
    var members = try Fields(packet)
    sequence = try members.take("sequence")
    var source = try Fields(try members.json("src"))
    port = try source.take("port_id")
    client = try source.take("channel_id")
  }

  /// The results in SSZ of `Outcome{status, gasUsed, results, error}`; nil when that is no success.
  private static func results(_ bytes: [UInt8]) -> [[UInt8]]? {
    func offset(_ place: Int) -> Int? {
      guard let part = bytes.part(place, 4), part[3] == 0 else { return nil }
      return Int(part[0]) | Int(part[1]) << 8 | Int(part[2]) << 16
    }
    guard bytes.count >= 17, bytes[0] == 0, offset(9) == 17, let end = offset(13), end >= 17,
      end == bytes.count
    else { return nil }
    if end == 17 { return [] }
    guard let first = offset(17), first > 0, first % 4 == 0, first / 4 <= 16 else { return nil }
    var results: [[UInt8]] = []
    for index in 0..<(first / 4) {
      let isLast = index + 1 == first / 4
      guard let start = offset(17 + index * 4), let next = isLast ? end - 17 : offset(21 + index * 4),
        let part = bytes.part(17 + start, next - start), start >= first
      else { return nil }
      results.append(part)
    }
    return results
  }
}

/// A deadline that may stand: ahead, and not further than packets may wait.
func checkDeadline(_ deadline: UInt64, in env: Env) throws(Refusal) {
  guard deadline > env.seconds, deadline - env.seconds <= 86_400 else { throw .malformed("deadline") }
}
