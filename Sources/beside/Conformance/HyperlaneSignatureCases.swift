import Digests
import Encodings
import ForeignProtocols
import SignatureSchemes
import WireBytes

/// Cases over what validators and relayers sign.
enum HyperlaneSignatureCases {
  /// 32 bytes, or 20 that are padded.
  static func address(_ json: JSONValue?) -> Bytes32? {
    guard let bytes = json?.bytes else { return nil }
    if bytes.count == 20 { return Bytes32 { $0 < 12 ? 0 : bytes[$0 - 12] } }
    return try? Bytes32(bytes)
  }

  /// A serialized signature, or r and s as hex numbers that may lack leading zeroes.
  private static func signature(_ item: JSONValue) -> HyperlaneSignature? {
    if let bytes = (item["serialized_signature"] ?? item["signature"])?.bytes {
      return (try? FixedBytes<65>(bytes)).map { HyperlaneSignature($0) }
    }
    func number(_ json: JSONValue?) -> UInt256? {
      guard let text = json?.string else { return nil }
      let digits = text.hasPrefix("0x") ? String(text.dropFirst(2)) : text
      guard let bytes = try? Hex.decode(digits.count.isMultiple(of: 2) ? digits : "0" + digits) else {
        return nil
      }
      return try? UInt256(bigEndian: bytes.span)
    }
    let parts = item["signature"]
    guard let r = number(parts?["r"]), let s = number(parts?["s"]), let v = parts?["v"]?.integer(UInt8.self)
    else { return nil }
    return HyperlaneSignature(r: r, s: s, v: v)
  }

  private static func signer(_ signature: HyperlaneSignature, _ digest: Bytes32) -> String {
    do { return "\(try signature.signer(of: digest))" } catch { return "\(error)" }
  }

  // MARK: checkpoints

  static func runCheckpoints(_ file: String, _ cases: [JSONValue], _ report: inout ConformanceReport) {
    var read: [(signed: SignedCheckpoint, signer: Bytes20)] = []
    for (index, item) in cases.enumerated() {
      let name = item["name"]?.string ?? "\(index)"
      guard let origin = item["domain"]?.integer(UInt32.self), let hook = address(item["merkle_tree_hook"]),
        let root = address(item["root"]), let leaf = item["index"]?.integer(UInt32.self),
        let message = address(item["message_id"]), let signature = signature(item)
      else {
        report.skip(file, name, reason: "fields that a checkpoint does not have")
        continue
      }
      let signed = SignedCheckpoint(
        checkpoint: HyperlaneCheckpoint(
          origin: origin, hook: hook, root: root, index: leaf, messageID: message),
        signature: signature)
      report.expect(
        file, name, item["signer"]?.string?.lowercased() ?? "", signer(signature, signed.checkpoint.digest))
      if let signer = try? signed.signer() { read.append((signed, signer)) }
    }
    runQuorum(file, read, &report)
  }

  /// Signatures on one root add up, signatures on different roots never do.
  private static func runQuorum(
    _ file: String, _ read: [(signed: SignedCheckpoint, signer: Bytes20)], _ report: inout ConformanceReport
  ) {
    var signers: [HyperlaneCheckpoint: Set<Bytes20>] = [:]
    for (signed, signer) in read { signers[signed.checkpoint, default: []].insert(signer) }
    guard let most = signers.values.map(\.count).max() else { return }
    let validators = Array(Set(read.map(\.signer))).sorted()
    func reached(_ threshold: Int) -> Bool {
      var quorum = CheckpointQuorum(validators: validators, threshold: threshold)
      return read.contains { signed, _ in ((try? quorum.add(signed)) ?? nil) != nil }
    }
    report.expect(file, "quorum of \(most) on one checkpoint", "true", "\(reached(most))")
    report.expect(
      file, "no quorum of \(most + 1) over different checkpoints", "false", "\(reached(most + 1))")
  }

  /// The digest of version 2, which names no message.
  static func runOldCheckpoint(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    guard let origin = item["domain"]?.integer(UInt32.self),
      let hook = address(item["merkle_tree_hook"] ?? item["mailbox"]), let root = address(item["root"]),
      let index = item["index"]?.integer(UInt32.self), let signature = signature(item)
    else {
      report.skip(file, name, reason: "fields that a checkpoint does not have")
      return
    }
    let digest = HyperlaneDigest.checkpointWithoutMessage(
      origin: origin, hook: hook, root: root, index: index)
    report.expect(file, name, item["signer"]?.string?.lowercased() ?? "", signer(signature, digest))
  }

  /// A failure notice of the generation before: EIP-191 of
  /// `keccak(keccak(domain ‖ "OPTICS") ‖ domain ‖ updater padded)`.
  static func runFailure(_ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport)
  {
    guard let domain = item["domain"]?.integer(UInt32.self), let updater = address(item["updater"]),
      let signature = signature(item)
    else {
      report.skip(file, name, reason: "fields that a failure notice does not have")
      return
    }
    var home: [UInt8] = []
    home.append(bigEndian: domain)
    var notice = Keccak256.hash(home + [UInt8]("OPTICS".utf8)).array + home
    notice.append(updater)
    let prefix = [UInt8]("\u{19}Ethereum Signed Message:\n32".utf8)
    let digest = Keccak256.hash(prefix + Keccak256.hash(notice).array)
    report.expect(file, name, item["signer"]?.string?.lowercased() ?? "", signer(signature, digest))
  }

  // MARK: announcements and lookups

  static func runAnnouncement(
    _ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport
  ) {
    let fields = item["value"] ?? item
    guard let domain = fields["mailbox_domain"]?.integer(UInt32.self),
      let mailbox = address(fields["mailbox_address"]), let location = fields["storage_location"]?.string,
      let signature = signature(item)
    else {
      report.skip(file, name, reason: "fields that an announcement does not have")
      return
    }
    let digest = HyperlaneDigest.announcement(domain: domain, mailbox: mailbox, storageLocation: location)
    var problems = Problems()
    problems.check("digest", item["digest"], "\(digest)")
    let found = signer(signature, digest)
    problems.check("recovered", item["recovered"], found)
    if item["matches"]?.boolean != false {
      problems.check("validator", fields["validator"], found)
    } else {
      problems.check("validator differs", "true", "\(fields["validator"]?.string?.lowercased() != found)")
    }
    problems.settle(file, name, &report)
  }

  static func runLookup(_ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport)
  {
    guard let sender = item["sender"]?.string.flatMap({ try? Bytes20(hex: $0) }),
      let callData = item["callData"]?.bytes, let url = item["url"]?.string, let signature = signature(item)
    else {
      report.skip(file, name, reason: "fields that a lookup does not have")
      return
    }
    let digest = HyperlaneDigest.offchainLookup(sender: sender, callData: callData, urlTemplate: url)
    report.expect(file, name, item["expectedSigner"]?.string?.lowercased() ?? "", signer(signature, digest))
  }
}
