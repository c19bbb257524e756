import Encodings
import ForeignProtocols
import WireBytes

/// Cases over what VAAs carry, and over cross-chain queries.
enum WormholePayloadCases {
  // MARK: queries

  static func runQuery(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    guard let bytes = item["response"]?.bytes, let decoded = item["decoded"] else {
      report.skip(file, name, reason: "no response")
      return
    }
    let response: CrossChainQueryResponse
    do { response = try CrossChainQueryResponse(decoding: bytes.span) } catch {
      report.fail(file, name, expected: "decodes", actual: "\(error)")
      return
    }
    var problems = Problems()
    problems.check("version", decoded["version"], "1")
    problems.check("requestChainId", decoded["requestChainId"], "0")
    problems.check("requestSignature", decoded["requestSignature"], "\(response.requestSignature)")
    problems.check("request", decoded["request"], Hex.encode(response.request.bytes))
    problems.check("responseDigest", decoded["responseDigest"], "\(response.digest)")
    for network in CrossChainQuery.Network.allCases {
      let name = network.rawValue
      problems.check(
        "request digest \(name)", decoded["requestDigests"]?[name], "\(response.request.digest(for: network))"
      )
      problems.check(
        "requester \(name)", decoded["requester"]?[name],
        response.requester(on: network).map { "\($0)" } ?? "none")
    }
    let request = decoded["decodedRequest"]
    problems.check("nonce", request?["nonce"], "\(response.request.nonce)")
    problems.check("n", request?["n"], "\(response.request.queries.count)")
    for (index, query) in (request?["queries"]?.array ?? []).enumerated()
    where index < response.request.queries.count {
      let ours = response.request.queries[index]
      problems.check("query \(index) chain", query["chain"], "\(ours.chain)")
      problems.check("query \(index) type", query["type"], "\(ours.query.type)")
      problems.check("query \(index)", query["data"], Hex.encode(ours.encodedQuery))
    }
    let answers = decoded["perChainResponses"]?.array
    if let answers { problems.check("answers", "\(answers.count)", "\(response.answers.count)") }
    for (index, answer) in (answers ?? []).enumerated() where index < response.answers.count {
      let ours = response.answers[index]
      problems.check("answer \(index) chain", answer["chain"], "\(ours.chain)")
      problems.check("answer \(index) type", answer["type"], "\(ours.type)")
      problems.check("answer \(index)", answer["data"], Hex.encode(ours.encodedAnswer))
      guard case .calls(let block, let results) = ours.answer else { continue }
      problems.check("block number", answer["blockNumber"], "\(block.number)")
      problems.check("block hash", answer["blockHash"], "\(block.hash)")
      problems.check("block time", answer["blockTimeUs"], "\(block.time)")
      problems.check("results", answer["results"], "\(results.count)")
    }
    problems.settle(file, name, &report)
  }

  // MARK: NTT

  static func runNTT(_ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport) {
    guard let bytes = item["encoded"]?.bytes, let decoded = item["decoded"] else {
      report.skip(file, name, reason: "no bytes")
      return
    }
    var problems = Problems()
    do {
      if let message = try? NTTTransceiverMessage(decoding: bytes.span) {
        try check(message, decoded, &problems)
        problems.check("encoded", Hex.encode(bytes), Hex.encode(message.encoded()))
      } else {
        let notice = try NTTTransceiverNotice(decoding: bytes.span)
        problems.check("len", decoded["len"], "\(bytes.count)")
        problems.check("encoded", Hex.encode(bytes), Hex.encode(notice.encoded()))
        check(notice, decoded, &problems)
      }
      problems.settle(file, name, &report)
    } catch {
      report.fail(file, name, expected: "decodes", actual: "\(error)")
    }
  }

  private static func prefix(_ value: UInt32) -> String {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: value)
    return Hex.encode(bytes)
  }

  private static func check(
    _ message: NTTTransceiverMessage, _ decoded: JSONValue, _ problems: inout Problems
  ) throws {
    let inner = message.managerMessage
    problems.check("prefix", decoded["transceiverPrefix"], prefix(message.prefix))
    problems.check("source manager", decoded["sourceNttManager"], "\(message.sourceManager)")
    problems.check("recipient manager", decoded["recipientNttManager"], "\(message.recipientManager)")
    problems.check("manager length", decoded["nttManagerPayloadLength"], "\(inner.encoded().count)")
    problems.check("id", decoded["id"], "\(inner.id)")
    problems.check("sender", decoded["sender"], "\(inner.sender)")
    problems.check("payload length", decoded["payloadLength"], "\(inner.payload.count)")
    problems.check(
      "transceiver payload", decoded["transceiverPayload"], Hex.encode(message.transceiverPayload))
    for (member, digest) in decoded.object ?? [:] where member.hasPrefix("nttManagerMessageDigest") {
      // The source chain is the number at the end of the member's name.
      let digits = String(member.reversed().prefix { $0.isNumber }.reversed())
      guard let chain = UInt16(digits) else { continue }
      problems.check("digest from chain \(chain)", digest, "\(inner.digest(sourceChain: chain))")
    }
    guard let wanted = decoded["nativeTokenTransfer"], wanted.object != nil else { return }
    let transfer = try NativeTokenTransfer(decoding: inner.payload.span)
    problems.check("transfer prefix", wanted["prefix"], prefix(NativeTokenTransfer.prefix))
    problems.check("decimals", wanted["decimals"], "\(transfer.decimals)")
    problems.check("amount", wanted["amount"], "\(transfer.amount)")
    problems.check("source token", wanted["sourceToken"], "\(transfer.sourceToken)")
    problems.check("to", wanted["to"], "\(transfer.recipient)")
    problems.check("to chain", wanted["toChain"], "\(transfer.recipientChain)")
    problems.check(
      "additional length", wanted["additionalPayloadLength"], "\(transfer.additionalPayload.count)")
    problems.check("additional", wanted["additionalPayload"], Hex.encode(transfer.additionalPayload))
    problems.check("transfer encoded", Hex.encode(inner.payload), Hex.encode(transfer.encoded()))
  }

  private static func check(
    _ notice: NTTTransceiverNotice, _ decoded: JSONValue, _ problems: inout Problems
  ) {
    switch notice {
    case .deployed(let manager, let mode, let token, let decimals):
      problems.check("prefix", decoded["prefix"], prefix(NTTTransceiverNotice.deployedPrefix))
      problems.check("manager", decoded["nttManager"], "\(manager)")
      problems.check("mode", decoded["mode"], "\(mode)")
      problems.check("token", decoded["token"], "\(token)")
      problems.check("decimals", decoded["decimals"], "\(decimals)")
    case .peerRegistered(let chain, let peer):
      problems.check("prefix", decoded["prefix"], prefix(NTTTransceiverNotice.peerPrefix))
      problems.check("chain", decoded["chain"], "\(chain)")
      problems.check("address", decoded["address"], "\(peer)")
    }
  }

  // MARK: literals

  /// Bytes that are a message of a known kind are the same bytes again when they were decoded and encoded.
  static func runRoundTrip(
    _ file: String, _ name: String, _ bytes: [UInt8], _ report: inout ConformanceReport
  ) {
    guard let again = reencoded(bytes) else {
      report.skip(file, name, reason: "no message of a known kind, and no verdict in the file")
      return
    }
    report.expect(file, name, Hex.encode(bytes), Hex.encode(again))
  }

  /// Only kinds that name themselves by a prefix or a dense structure are tried; nil when it is none of them.
  private static func reencoded(_ bytes: [UInt8]) -> [UInt8]? {
    if let message = try? NTTTransceiverMessage(decoding: bytes.span) { return message.encoded() }
    if let notice = try? NTTTransceiverNotice(decoding: bytes.span) { return notice.encoded() }
    if let transfer = try? NativeTokenTransfer(decoding: bytes.span) { return transfer.encoded() }
    if let response = try? CrossChainQueryResponse(decoding: bytes.span) {
      let length = response.request.bytes.count
      // The request is carried as it is, after version, chain, signature and length.
      return Array(bytes.prefix(72)) + response.request.bytes + Array(bytes.dropFirst(72 + length))
    }
    if let query = try? CrossChainQuery(decoding: bytes.span) { return query.bytes }
    if let vaa = try? VAA(decoding: bytes), !vaa.signatures.isEmpty,
      zip(vaa.signatures, vaa.signatures.dropFirst()).allSatisfy({ $0.guardianIndex < $1.guardianIndex }),
      !vaa.recoveredSigners().contains(nil)
    {
      return vaa.encoded()
    }
    return nil
  }

  /// Literals that upstream's tests contain: which of them are messages is found by decoding.
  static func runLiterals(_ file: String, _ sources: [JSONValue], _ report: inout ConformanceReport) {
    var others = 0
    for source in sources {
      let path = source["source"]?.string.map { String($0.split(separator: ":").last ?? "") } ?? ""
      for test in source["tests"]?.array ?? [] {
        let name = test["test"]?.string ?? "?"
        for (position, literal) in (test["hex"]?.array ?? []).enumerated() {
          guard let text = literal[1]?.string, text.count.isMultiple(of: 2),
            let bytes = try? Hex.decode(text),
            let again = reencoded(bytes)
          else {
            others += 1
            continue
          }
          report.expect(
            file, "\(path) \(name) literal \(position)", Hex.encode(bytes), Hex.encode(again))
        }
      }
    }
    if others > 0 {
      report.skip(
        file, "\(others) other literals", reason: "no messages; the file gives neither meaning nor verdict")
    }
  }
}
