public import Encodings
import ForeignProtocols
import Gate
import WireBytes

/// Offline verification of Hyperlane messages and checkpoints: `causeway verify hyperlane`.
public enum HyperlaneVerification {
  /// Checks a delivery under a security module, a checkpoint's signature, or signatures against a quorum.
  ///
  /// - Parameter input: one of
  ///   `{message, metadata, validators, threshold, type: "messageId" | "merkleRoot"}`,
  ///   `{message, metadata, ism: {…}}`,
  ///   a signed checkpoint as validators store it (with `signer` or `validators` to compare), or
  ///   `{checkpoints: […], validators, threshold}`.
  /// - Throws: ``InputError`` when the input has none of these forms. A wrong message is a report that refuses.
  public static func verify(_ input: JSONValue) throws(InputError) -> VerificationReport {
    var report = VerificationReport(kind: "hyperlane")
    if input["message"] != nil {
      try verifyMessage(input, &report)
    } else if input["checkpoints"] != nil {
      try HyperlaneCheckpointVerification.verifyQuorum(input, &report)
    } else if HyperlaneCheckpointVerification.isCheckpoint(input) {
      try HyperlaneCheckpointVerification.verifyOne(input, &report)
    } else {
      throw .form(
        wanted:
          "{message, metadata, validators, threshold, type}, {message, metadata, ism}, a signed checkpoint, or "
          + "{checkpoints, validators, threshold}")
    }
    return report
  }

  private static func verifyMessage(_ input: JSONValue, _ report: inout VerificationReport) throws(InputError)
  {
    let bytes = try input.hex("message")
    let message: HyperlaneMessage
    do { message = try HyperlaneMessage(decoding: bytes) } catch {
      switch error {
      case .truncated(let actual):
        report.refuse(
          "decode", code: "truncated", "the message has \(actual) bytes, the fixed fields alone have 77")
      case .bodyTooLarge(let limit, let actual):
        report.refuse("decode", code: "bodyTooLarge", "a body of \(actual) bytes, where \(limit) are read")
      }
      return
    }
    describe(message, &report)
    guard message.version == HyperlaneMessage.currentVersion else {
      report.refuse(
        "version", code: "version",
        "version \(message.version), where mailboxes take only \(HyperlaneMessage.currentVersion) "
          + "(contracts say \"Mailbox: bad version\")")
      return
    }
    guard input["metadata"] != nil, input["ism"] != nil || input["validators"] != nil else {
      report.leaveUndecided(
        "security module", code: "missingModule",
        "no metadata, or no validators and threshold to hold it against, are given")
      return
    }
    let metadata = try input.hex("metadata")
    let module =
      if let tree = input["ism"] { try HyperlaneModule(json: tree) } else { try HyperlaneModule(json: input) }
    do {
      let verified = try module.verify(message, metadata: metadata.span)
      for quorum in verified.quorums {
        let checkpoint = quorum.checkpoint
        report.add(
          step: quorum.kind == .messageID ? "message-id multisig" : "merkle-root multisig",
          "\(quorum.signers.count) of \(quorum.validators) validators signed digest \(checkpoint.digest)")
        report.add(fact: "merkleTreeHook", "\(checkpoint.hook)")
        report.add(fact: "root", "\(checkpoint.root)")
        report.add(fact: "checkpointIndex", "\(checkpoint.index)")
        report.add(fact: "signers", quorum.signers.map { "\($0)" }.joined(separator: ", "))
      }
      report.assumptions = assumptions(module, message)
    } catch {
      report.refuse("security module", code: error.code, HyperlaneText.text(error))
    }
  }

  private static func describe(_ message: HyperlaneMessage, _ report: inout VerificationReport) {
    report.id = "\(message.id)"
    report.add(step: "decode", "\(message.body.count) bytes of body")
    report.add(fact: "messageId", "\(message.id)")
    report.add(fact: "nonce", "\(message.nonce)")
    report.add(fact: "origin", HyperlaneDomain.description(message.origin))
    report.add(fact: "sender", "\(message.sender)")
    report.add(fact: "destination", HyperlaneDomain.description(message.destination))
    report.add(fact: "recipient", "\(message.recipient)")
    report.add(fact: "body", HyperlaneText.body(message.body))
  }

  private static func assumptions(
    _ module: HyperlaneModule, _ message: HyperlaneMessage
  ) -> [VerificationReport.StatedAssumption] {
    var stated = module.assumptions(origin: message.origin).map {
      VerificationReport.StatedAssumption(code: $0.code, text: $0.plainWords)
    }
    for assumption in [
      Assumption.callerTrusts(.validatorSet),
      .originFinality(domain: HyperlaneDomain.description(message.origin)),
    ] {
      stated.append(.init(code: assumption.code, text: assumption.plainWords))
    }
    stated.append(
      .init(
        code: "hookBinding",
        text:
          "the validators watch the merkle tree hook that the metadata names: the module binds it by their "
          + "signatures alone"))
    stated.append(
      .init(
        code: "replayGuard",
        text: "the destination's mailbox delivers each message id once, and only messages for its own domain")
    )
    return stated
  }
}

extension HyperlaneModule {
  /// `{type, validators, threshold}`, `{type: "aggregation", modules, threshold}`, or
  /// `{type: "routing", domains: {domain: module}, fallback}`; weighted validators are `{address, weight}` with
  /// `thresholdWeight`.
  init(json: JSONValue, depth: Int = HyperlaneModule.depthMax) throws(InputError) {
    guard depth > 0 else { throw .form(wanted: "security modules nested at most \(Self.depthMax) deep") }
    let type = try json.string("type")
    switch type {
    case "messageId", "messageID", "messageIdMultisig", "messageIdMultisigIsm":
      self = .multisig(try HyperlaneMultisig(json, .messageID))
    case "merkleRoot", "merkleRootMultisig", "merkleRootMultisigIsm":
      self = .multisig(try HyperlaneMultisig(json, .merkleRoot))
    case "weightedMessageId", "weightedMessageIdMultisigIsm":
      self = .weightedMultisig(try HyperlaneWeightedMultisig(json, .messageID))
    case "weightedMerkleRoot", "weightedMerkleRootMultisigIsm":
      self = .weightedMultisig(try HyperlaneWeightedMultisig(json, .merkleRoot))
    case "aggregation", "staticAggregationIsm":
      var modules: [HyperlaneModule] = []
      for module in try json.array("modules") {
        modules.append(try HyperlaneModule(json: module, depth: depth - 1))
      }
      self = .aggregation(modules, threshold: try json.integer("threshold"))
    case "routing", "domainRoutingIsm", "defaultFallbackRoutingIsm":
      guard let domains = json["domains"]?.object else {
        throw .member(path: "domains", wanted: "an object from domain id to security module")
      }
      var routes: [UInt32: HyperlaneModule] = [:]
      for (domain, module) in domains {
        guard let domain = UInt32(domain) else { throw .member(path: domain, wanted: "a domain id") }
        routes[domain] = try HyperlaneModule(json: module, depth: depth - 1)
      }
      let fallback = try json["fallback"].map { json throws(InputError) in
        try HyperlaneModule(json: json, depth: depth - 1)
      }
      self = .routing(routes, fallback: fallback)
    default:
      throw .member(
        path: "type",
        wanted: "messageId, merkleRoot, weightedMessageId, weightedMerkleRoot, aggregation or routing")
    }
  }
}

extension HyperlaneMultisig {
  fileprivate init(_ json: JSONValue, _ kind: HyperlaneProofKind) throws(InputError) {
    self.init(
      kind: kind, validators: try json.addresses("validators"), threshold: try json.integer("threshold"))
  }
}

extension HyperlaneWeightedMultisig {
  fileprivate init(_ json: JSONValue, _ kind: HyperlaneProofKind) throws(InputError) {
    var validators: [Validator] = []
    for validator in try json.array("validators") {
      validators.append(
        Validator(address: try validator.fixed("address"), weight: try validator.integer("weight")))
    }
    self.init(kind: kind, validators: validators, thresholdWeight: try json.integer("thresholdWeight"))
  }
}

extension JSONValue {
  /// At most 255 addresses at `path`.
  func addresses(_ path: String) throws(InputError) -> [Bytes20] {
    let elements = try array(path)
    let addresses = elements.compactMap { element in element.string.flatMap { try? Bytes20(hex: $0) } }
    guard addresses.count == elements.count, addresses.count <= 255 else {
      throw .member(path: path, wanted: "a list of at most 255 addresses of 20 bytes in hex")
    }
    return addresses
  }
}
