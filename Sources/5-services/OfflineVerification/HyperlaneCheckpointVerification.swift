import Encodings
import ForeignProtocols
import WireBytes

/// Validators' checkpoints: one signature, or many against a quorum.
enum HyperlaneCheckpointVerification {
  static func isCheckpoint(_ json: JSONValue) -> Bool {
    json.member("value.checkpoint") != nil || (json["root"] != nil && json["message_id"] != nil)
  }

  /// The form of a validator's storage, `{value: {checkpoint: {…}, message_id}, serialized_signature}`, or the same
  /// members flat with `domain` and `merkle_tree_hook`.
  static func read(_ json: JSONValue) throws(InputError) -> SignedCheckpoint {
    let nested = json.member("value.checkpoint") != nil
    let base = nested ? "value.checkpoint." : ""
    func path(_ long: String, _ short: String) -> String {
      json.member(base + long) != nil ? base + long : base + short
    }
    let checkpoint = HyperlaneCheckpoint(
      origin: try json.integer(path("mailbox_domain", "domain")),
      hook: try padded(json, path("merkle_tree_hook_address", "merkle_tree_hook")),
      root: try json.fixed(base + "root"), index: try json.integer(base + "index"),
      messageID: try json.fixed(nested ? "value.message_id" : "message_id"))
    if json["serialized_signature"] != nil {
      return SignedCheckpoint(
        checkpoint: checkpoint, signature: HyperlaneSignature(try json.fixed("serialized_signature")))
    }
    return SignedCheckpoint(
      checkpoint: checkpoint,
      signature: HyperlaneSignature(
        r: try number(json, "signature.r"), s: try number(json, "signature.s"),
        v: try json.integer("signature.v")))
  }

  /// 32 bytes, or an address of 20.
  private static func padded(_ json: JSONValue, _ path: String) throws(InputError) -> Bytes32 {
    let bytes = try json.hex(path)
    guard bytes.count == 20 || bytes.count == 32 else {
      throw .member(path: path, wanted: "20 or 32 bytes in hex")
    }
    return Bytes32 { $0 < 32 - bytes.count ? 0 : bytes[$0 - (32 - bytes.count)] }
  }

  /// Hex digits of a number, without leading zeroes.
  private static func number(_ json: JSONValue, _ path: String) throws(InputError) -> UInt256 {
    let text = try json.string(path)
    let digits = text.hasPrefix("0x") ? String(text.dropFirst(2)) : text
    guard let bytes = try? Hex.decode(digits.utf8.count.isMultiple(of: 2) ? digits : "0" + digits),
      let value = try? UInt256(bigEndian: bytes.span)
    else { throw .member(path: path, wanted: "a number of at most 256 bits in hex") }
    return value
  }

  private static func describe(_ checkpoint: HyperlaneCheckpoint, _ report: inout VerificationReport) {
    report.id = "\(checkpoint.digest)"
    report.add(fact: "origin", HyperlaneDomain.description(checkpoint.origin))
    report.add(fact: "merkleTreeHook", "\(checkpoint.hook)")
    report.add(fact: "root", "\(checkpoint.root)")
    report.add(fact: "index", "\(checkpoint.index)")
    report.add(fact: "messageId", "\(checkpoint.messageID)")
  }

  static func verifyOne(_ json: JSONValue, _ report: inout VerificationReport) throws(InputError) {
    let signed = try read(json)
    describe(signed.checkpoint, &report)
    let signer: Bytes20
    do { signer = try signed.signer() } catch {
      report.refuse("signature", code: "\(error)", HyperlaneText.text(error))
      return
    }
    report.add(fact: "signer", "\(signer)")
    report.add(step: "signature", "over digest \(signed.checkpoint.digest)")
    let named: [Bytes20]
    if json["validators"] != nil {
      named = try json.addresses("validators")
    } else if json["signer"] != nil {
      named = [try json.fixed("signer")]
    } else if json["validator"] != nil {
      named = [try json.fixed("validator")]
    } else {
      report.leaveUndecided(
        "validator", code: "missingValidators",
        "the signature is of \(signer): give 'validators' or 'validator' to say whether that is one")
      return
    }
    guard named.contains(signer) else {
      report.refuse("validator", code: "notAValidator", "the signature is of \(signer), which is not named")
      return
    }
    report.add(step: "validator", "\(signer)")
    report.assumptions = [
      .init(code: "oneValidator", text: "validator \(signer) is honest: one signature is not a quorum")
    ]
  }

  static func verifyQuorum(_ json: JSONValue, _ report: inout VerificationReport) throws(InputError) {
    let validators = try json.addresses("validators")
    let threshold: Int = try json.integer("threshold")
    guard threshold > 0, threshold <= 255 else {
      throw .member(path: "threshold", wanted: "a number from 1 to 255")
    }
    let elements = try json.array("checkpoints")
    guard elements.count <= CheckpointQuorum.checkpointCountMax else {
      throw .member(path: "checkpoints", wanted: "at most \(CheckpointQuorum.checkpointCountMax) checkpoints")
    }
    var quorum = CheckpointQuorum(validators: validators, threshold: threshold)
    var seen: [HyperlaneCheckpoint] = []
    for (index, element) in elements.enumerated() {
      let signed = try read(element)
      do {
        let signatures = try quorum.add(signed)
        let count = quorum.count(on: signed.checkpoint)
        report.add(
          step: "checkpoint \(index)", "root \(signed.checkpoint.root), \(count) of \(threshold) signatures")
        if !seen.contains(signed.checkpoint) { seen.append(signed.checkpoint) }
        if signatures != nil {
          describe(signed.checkpoint, &report)
          report.assumptions = [
            .init(
              code: "attesters",
              text:
                "fewer than \(threshold) of \(validators.count) attesters (Hyperlane validators, ECDSA secp256k1) "
                + "sign false claims")
          ]
          return
        }
      } catch {
        report.steps.append(.init("checkpoint \(index)", .failed, HyperlaneText.text(error)))
      }
    }
    let best = seen.map { quorum.count(on: $0) }.max() ?? 0
    let text =
      seen.count > 1
      ? "\(seen.count) different checkpoints, the best with \(best) of \(threshold) signatures: different roots never add up"
      : "\(best) of \(threshold) signatures"
    report.refuse("quorum", code: "noQuorum", text)
  }
}
