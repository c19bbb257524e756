import Digests
import Encodings
import ForeignProtocols
import MerkleProofs
import WireBytes

/// Hyperlane: messages, multisig deliveries, checkpoints, announcements, tree roots, domain hashes, fee curves.
public enum HyperlaneSuite: ConformanceSuite {
  public static let name = "hyperlane"
  public static let summary =
    "messages {encoded, expectedId}, multisig cases {message, metadata, validators, threshold, evmResult}, tree "
    + "roots, signed checkpoints, announcements, domain hashes, proofs, fee curves, eth_getProof answers"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    for file in corpus.files {
      guard file.hasSuffix(".json") else {
        report.skip(file, "file", reason: "not JSON")
        continue
      }
      do { run(file, try corpus.json(file), &report) } catch {
        report.fail(file, "file", expected: "readable JSON", actual: "\(error)")
      }
    }
  }

  private static func run(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    if let cases = json.array {
      run(file, cases, &report)
      return
    }
    func names(_ names: String...) -> Bool { names.allSatisfy { json[$0] != nil } }
    if names("emptyRoot", "zeroHashes", "insertions") {
      HyperlaneTreeCases.runHook(file, json, &report)
    } else if names("callData", "url", "signature", "expectedSigner") {
      HyperlaneSignatureCases.runLookup(file, json["name"]?.string ?? "signature", json, &report)
    } else if names("leaf", "index", "proof", "root") {
      HyperlaneTreeCases.runProof(file, "proof", json, path: json["proof"], root: json["root"], &report)
    } else if let proof = json["proof"], proof["leaf"] != nil, names("root") {
      HyperlaneTreeCases.runProof(file, "proof", proof, path: proof["path"], root: json["root"], &report)
    } else if names("accountProof", "storageProof") {
      HyperlaneTreeCases.runStateProof(file, json, &report)
    } else if WarpFee.Curve.allCases.contains(where: { json[$0.rawValue]?["vectors"] != nil }) {
      runFees(file, json, &report)
    } else if let cases = json["cases"]?.array {
      run(file, cases, &report)
    } else {
      report.skip(file, "file", reason: "not a known schema")
    }
  }

  private static func run(_ file: String, _ cases: [JSONValue], _ report: inout ConformanceReport) {
    guard let first = cases.first else {
      report.skip(file, "file", reason: "no cases")
      return
    }
    func names(_ names: String...) -> Bool { names.allSatisfy { first[$0] != nil } }
    if names("message", "metadata", "validators", "threshold") {
      each(cases) { runMultisig(file, $0, $1, &report) }
    } else if names("encoded", "source") || names("encoded", "decoded") {
      each(cases) { runMessage(file, $0, $1, &report) }
    } else if names("nonce", "version", "origin", "sender", "recipient", "body", "id") {
      each(cases) { runFields(file, $0, $1, &report) }
    } else if names("expectedDomainHash", "domain") {
      each(cases) { name, item in
        guard let domain = item["domain"]?.integer(UInt32.self),
          let hook = HyperlaneSignatureCases.address(item["mailbox"] ?? item["merkle_tree_hook"])
        else {
          report.skip(file, name, reason: "no domain or address")
          return
        }
        report.expect(
          file, name, item["expectedDomainHash"]?.string ?? "",
          "\(HyperlaneDigest.domainHash(origin: domain, hook: hook))")
      }
    } else if names("message_id", "root", "index", "serialized_signature", "signer") {
      HyperlaneSignatureCases.runCheckpoints(file, cases, &report)
    } else if names("domain", "root", "index", "signature", "signer") {
      each(cases) { HyperlaneSignatureCases.runOldCheckpoint(file, $0, $1, &report) }
    } else if names("domain", "updater", "signature", "signer") {
      each(cases) { HyperlaneSignatureCases.runFailure(file, $0, $1, &report) }
    } else if names("storage_location", "serialized_signature") {
      each(cases) { HyperlaneSignatureCases.runAnnouncement(file, $0, $1, &report) }
    } else if names("callData", "url", "signature", "expectedSigner") {
      each(cases) { HyperlaneSignatureCases.runLookup(file, $0, $1, &report) }
    } else if names("testName", "leaves", "proofs") {
      each(cases) { HyperlaneTreeCases.runLeaves(file, $0, $1, &report) }
    } else if names("leaf", "index", "path") {
      each(cases) { name, item in
        guard item["root"] != nil else {
          report.skip(file, name, reason: "a leaf and a branch without the root they should lead to")
          return
        }
        HyperlaneTreeCases.runProof(file, name, item, path: item["path"], root: item["root"], &report)
      }
    } else {
      report.skip(file, "file", reason: "not a known schema")
    }
  }

  private static func each(_ cases: [JSONValue], _ body: (String, JSONValue) -> Void) {
    for (index, item) in cases.enumerated() {
      body(item["name"]?.string ?? item["testName"]?.string ?? "\(index)", item)
    }
  }

  // MARK: messages

  private static func runMessage(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    guard let bytes = item["encoded"]?.bytes else {
      report.skip(file, name, reason: "no bytes")
      return
    }
    let message: HyperlaneMessage
    do { message = try HyperlaneMessage(decoding: bytes) } catch {
      report.expect(file, name, item["decoded"] == nil ? "refused" : "decodes", "refused")
      return
    }
    guard let decoded = item["decoded"] else {
      report.fail(file, name, expected: item["expected"]?.string ?? "refused", actual: "decodes")
      return
    }
    var problems = Problems()
    check(message, decoded, &problems)
    problems.check("id", decoded["id"], "\(message.id)")
    problems.check("expectedId", item["expectedId"], "\(message.id)")
    problems.check("encoded", Hex.encode(bytes), Hex.encode(message.encoded()))
    // The log of a dispatch: event, sender, destination, recipient.
    if let topics = item["dispatchTopics"]?.array, topics.count == 4 {
      let event = Keccak256.hash([UInt8]("Dispatch(address,uint32,bytes32,bytes)".utf8))
      problems.check("event", topics[0], "\(event)")
      problems.check("sender topic", topics[1], "\(message.sender)")
      problems.check("destination topic", topics[2], "\(Bytes32(bigEndian: UInt64(message.destination)))")
      problems.check("recipient topic", topics[3], "\(message.recipient)")
    }
    problems.settle(file, name, &report)
  }

  private static func check(_ message: HyperlaneMessage, _ wanted: JSONValue, _ problems: inout Problems) {
    problems.check("version", wanted["version"], "\(message.version)")
    problems.check("nonce", wanted["nonce"], "\(message.nonce)")
    problems.check("origin", wanted["origin"], "\(message.origin)")
    problems.check("sender", wanted["sender"], "\(message.sender)")
    problems.check("destination", wanted["destination"], "\(message.destination)")
    problems.check("recipient", wanted["recipient"], "\(message.recipient)")
    problems.check("body", wanted["body"], Hex.encode(message.body))
  }

  /// A message from its fields; the body is a list of numbers.
  private static func runFields(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    let body = item["body"]?.array?.compactMap { $0.integer(UInt8.self) } ?? item["body"]?.bytes
    guard let version = item["version"]?.integer(UInt8.self), let nonce = item["nonce"]?.integer(UInt32.self),
      let origin = item["origin"]?.integer(UInt32.self),
      let destination = item["destination"]?.integer(UInt32.self),
      let sender = HyperlaneSignatureCases.address(item["sender"]),
      let recipient = HyperlaneSignatureCases.address(item["recipient"]), let body
    else {
      report.skip(file, name, reason: "fields that a message does not have")
      return
    }
    let message = HyperlaneMessage(
      version: version, nonce: nonce, origin: origin, sender: sender, destination: destination,
      recipient: recipient, body: body)
    var problems = Problems()
    problems.check("id", item["id"], "\(message.id)")
    problems.check(
      "decoded", "\(message)", "\((try? HyperlaneMessage(decoding: message.encoded())) ?? message)")
    problems.settle(file, name, &report)
  }

  // MARK: multisig

  private static func runMultisig(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    guard let bytes = item["message"]?.bytes, let metadata = item["metadata"]?.bytes,
      let validators = WormholeSuite.addresses(item["validators"]),
      let threshold = item["threshold"]?.integer(UInt8.self)
    else {
      report.skip(file, name, reason: "no message, metadata, validators or threshold")
      return
    }
    let result = item["evmResult"]
    guard let valid = result?["valid"]?.boolean ?? item["expected"]?.boolean else {
      report.skip(file, name, reason: "no verdict")
      return
    }
    let contract = result?["contract"]?.string ?? item["type"]?.string ?? ""
    let kind: HyperlaneProofKind
    switch contract {
    case _ where contract.contains("Weighted") || contract.contains("Aggregation"):
      report.skip(file, name, reason: "no weights or modules in this schema")
      return
    case _ where contract.lowercased().contains("merkleroot"): kind = .merkleRoot
    case _ where contract.lowercased().contains("messageid"): kind = .messageID
    default:
      report.skip(file, name, reason: "the case does not say which multisig module it is for")
      return
    }
    let module = HyperlaneModule.multisig(
      HyperlaneMultisig(kind: kind, validators: validators, threshold: threshold))
    do {
      let message = try HyperlaneMessage(decoding: bytes)
      let verified = try module.verify(message, metadata: metadata.span)
      var problems = Problems()
      problems.check("verdict", valid ? "valid" : "refused: \(result?["revert"]?.string ?? "")", "valid")
      if let decoded = item["decoded"] {
        check(message, decoded, &problems)
        problems.check("id", decoded["id"], "\(verified.id)")
      }
      if let signers = item["recoveredSigners"]?.array, let quorum = verified.quorums.first {
        let wanted = signers.compactMap { $0.string?.lowercased() }.prefix(Int(threshold))
        problems.check(
          "signers", wanted.map { $0.hasPrefix("0x") ? $0 : "0x" + $0 }.joined(separator: ","),
          quorum.signers.map { "\($0)" }.joined(separator: ","))
      }
      problems.settle(file, name, &report)
    } catch {
      let reason = (error as? HyperlaneRefusal).map { $0.revertReason ?? "limit" } ?? ""
      let revert = result?["revert"]?.string
      let wanted = revert == "empty" ? "" : revert ?? reason
      report.expect(
        file, name, valid ? "valid" : "refused: \(wanted)", "refused: \(reason)")
    }
  }

  // MARK: fees

  private static func runFees(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    func amount(_ json: JSONValue?) -> UInt256? {
      switch json {
      case .number(let text), .string(let text): UInt256(decimal: text)
      default: nil
      }
    }
    for curve in WarpFee.Curve.allCases {
      for (index, item) in (json[curve.rawValue]?["vectors"]?.array ?? []).enumerated() {
        let name = "\(curve.rawValue) \(item["description"]?.string ?? "\(index)")"
        guard let maximum = amount(item["max_fee"]), let half = amount(item["half_amount"]),
          let transfer = amount(item["amount"])
        else {
          report.skip(file, name, reason: "no maximum, half amount or amount")
          continue
        }
        do {
          let fee = try WarpFee(curve: curve, maximum: maximum, halfAmount: half).fee(for: transfer)
          report.expect(file, name, "\(amount(item["expected_fee"])?.description ?? "refused")", "\(fee)")
        } catch {
          report.expect(file, name, amount(item["expected_fee"])?.description ?? "refused", "refused")
        }
      }
    }
    for other in (json.object ?? [:]).keys.sorted() where WarpFee.Curve(rawValue: other) == nil {
      report.skip(file, other, reason: "not a known curve")
    }
  }
}
