import ForeignProtocols
import WireBytes

/// VAAs, their payloads and their refusals in words.
enum WormholeText {
  static func describe(_ vaa: VAA, in report: inout VerificationReport) {
    report.add(fact: "messageId", vaa.messageID)
    report.add(fact: "emitterChain", WormholeChain.description(vaa.emitterChain))
    report.add(fact: "emitter", "\(vaa.emitter)")
    report.add(fact: "sequence", "\(vaa.sequence)")
    report.add(fact: "timestamp", "\(vaa.timestamp) (\(UTCDate.text(UInt64(vaa.timestamp))))")
    report.add(fact: "nonce", "\(vaa.nonce)")
    report.add(fact: "consistencyLevel", consistency(vaa.consistencyLevel))
    report.add(fact: "guardianSet", "\(vaa.guardianSetIndex)")
    report.add(
      fact: "guardians", vaa.signatures.map { "\($0.guardianIndex)" }.joined(separator: ", "))
    report.add(fact: "payload", payload(vaa))
  }

  private static func consistency(_ level: UInt8) -> String {
    switch level {
    case 200: "200 (instant)"
    case 201: "201 (safe)"
    case 202: "202 (finalized)"
    case 203: "203 (custom)"
    default: "\(level)"
    }
  }

  /// What the payload is, as far as its emitter or its form tells.
  private static func payload(_ vaa: VAA) -> String {
    let bytes = vaa.payload
    if vaa.emitterChain == WormholeGovernance.emitterChain, vaa.emitter == WormholeGovernance.emitter {
      do { return "governance: " + words(try WormholeGovernance(decoding: bytes.span)) } catch {
        return "governance that cannot be read (\(error)), \(bytes.count) bytes"
      }
    }
    if let message = try? NTTTransceiverMessage(decoding: bytes.span) {
      if let transfer = try? NativeTokenTransfer(decoding: message.managerMessage.payload.span) {
        return "native token transfer: \(transfer.amount) (\(transfer.decimals) decimals) of token "
          + "\(transfer.sourceToken) to \(transfer.recipient) on \(WormholeChain.description(transfer.recipientChain))"
      }
      return "NTT manager message \(message.managerMessage.id)"
    }
    if let payload = try? TokenBridgePayload(decoding: bytes.span) { return words(payload) }
    return "\(bytes.count) bytes of the emitter's own format"
  }

  private static func words(_ payload: TokenBridgePayload) -> String {
    let shape = "by its form, a token bridge"
    switch payload {
    case .transfer(let transfer, let fee): return "\(shape) transfer: \(words(transfer)), relayer fee \(fee)"
    case .transferWithPayload(let transfer, let sender, let payload):
      return "\(shape) transfer with payload: \(words(transfer)), from \(sender), \(payload.count) bytes"
    case .attestation(let token, let chain, let decimals, _, _):
      return
        "\(shape) attestation: token \(token) of \(WormholeChain.description(chain)), \(decimals) decimals"
    }
  }

  private static func words(_ transfer: TokenBridgePayload.Transfer) -> String {
    "\(transfer.amount) of token \(transfer.token) of \(WormholeChain.description(transfer.tokenChain)) to "
      + "\(transfer.recipient) on \(WormholeChain.description(transfer.recipientChain))"
  }

  private static func words(_ packet: WormholeGovernance) -> String {
    let place = packet.chain == 0 ? "every chain" : WormholeChain.description(packet.chain)
    let action: String
    switch packet.action {
    case .upgradeContract(let contract): action = "upgrade the contract to \(contract)"
    case .guardianSetUpgrade(let index, let keys):
      action = "install guardian set \(index) with \(keys.count) keys"
    case .setMessageFee(let fee): action = "set the message fee to \(fee)"
    case .transferFees(let amount, let recipient): action = "transfer \(amount) of the fees to \(recipient)"
    case .recoverChainID(let evm, let chain):
      action = "after a fork, take EVM chain id \(evm) and Wormhole chain id \(chain)"
    case .registerChain(let chain, let emitter):
      action = "trust emitter \(emitter) on \(WormholeChain.description(chain))"
    case .setDefaultProvider(let provider): action = "make \(provider) the default provider"
    case .delegateGuardians(let index, let sets):
      action =
        "delegated guardians, configuration \(index), for "
        + sets.map { "\(WormholeChain.description($0.chain)) (\($0.threshold) of \($0.keys.count))" }
        .joined(separator: ", ")
    case .updateFinality(let level): action = "set the finality to \(level)"
    case .registerCircleEmitter(let chain, let emitter, let domain):
      action = "trust emitter \(emitter) on \(WormholeChain.description(chain)) for Circle's domain \(domain)"
    case .other(let fields): action = "action \(packet.actionNumber) with \(fields.count) bytes"
    }
    return "\(packet.module) on \(place): \(action)"
  }

  // MARK: refusals

  static func code(_ error: VAAError) -> String {
    switch error {
    case .wire: "truncated"
    case .unsupportedVersion: "unsupportedVersion"
    case .payloadTooLarge: "payloadTooLarge"
    }
  }

  static func text(_ error: VAAError) -> String {
    switch error {
    case .wire(.truncated(let offset, let needed)):
      "the VAA ends early: \(needed) bytes are wanted at offset \(offset)"
    case .wire(let error): "the VAA cannot be read: \(error)"
    case .unsupportedVersion(let version): "version \(version), where only 1 is known"
    case .payloadTooLarge(let limit, let actual): "a payload of \(actual) bytes, where \(limit) are read"
    }
  }

  static func text(_ refusal: VAARefusal, _ vaa: VAA, _ time: UInt64?) -> String {
    let reason: String
    switch refusal {
    case .unknownGuardianSet(let index): reason = "guardian set \(index) has no keys"
    case .otherGuardianSet(let named, let given):
      reason = "the VAA names guardian set \(named) and was held against \(given)"
    case .guardianSetExpired(let index, let expired, let time):
      let until = expired.map { ", its overlap ended about \(UTCDate.text($0))" } ?? ""
      let moment = time == .max ? "" : " at \(UTCDate.text(time))"
      reason = "guardian set \(index) was replaced\(until): not in force\(moment)"
    case .noQuorum(let signatures, let needed): reason = "\(signatures) signatures, \(needed) are needed"
    case .recoveryFailed(let position): reason = "signature \(position) recovers no key"
    case .indicesNotAscending(let position, let index, let previous):
      reason = "signature \(position) is of guardian \(index) after guardian \(previous)"
    case .guardianIndexOutOfBounds(let position, let index, let guardians):
      reason = "signature \(position) is of guardian \(index) in a set of \(guardians)"
    case .signatureInvalid(let position, let guardian, let recovered):
      reason =
        "signature \(position) is of \(recovered), not of guardian \(guardian)"
        + (development[recovered].map { ": that is the guardian of \($0)" } ?? "")
    }
    return "\(reason) (contracts say \"\(refusal.contractReason)\")"
  }

  /// The single guardians of the public test networks (wormhole sdk and Tiltfile, published keys).
  private static let development: [Bytes20: String] = {
    var names: [Bytes20: String] = [:]
    if let key = try? Bytes20(hex: "befa429d57cd18b7f8a4d91a2da9ab4af05d0fbe") {
      names[key] = "a local devnet"
    }
    if let key = try? Bytes20(hex: "13947bd48b18e53fdaeee77f3473391ac727c638") { names[key] = "the testnet" }
    return names
  }()
}
