import Digests
import Encodings
import MerkleProofs
import WireBytes

/// Why the transparency log part of a Sigstore bundle does not hold.
enum SigstoreLogError: Error, Hashable {
  case form(String)
  /// The media type names no version of the format.
  case version
  case noEntry
  /// The entry's place in the log is no number.
  case logIndex
  case missingInclusionProof
  case missingCheckpoint
  case kind
  case inclusion(RFC6962Error)
  case checkpointNote(NoteError)
  case checkpoint(CheckpointError)
  /// The checkpoint is of another tree than the inclusion proof.
  case checkpointTree
  /// No signature on the checkpoint carries the first four bytes of the log's id.
  case keyHint
  /// The trusted root does not know the log.
  case unknownLog
  /// The trusted root does not say since when the log's key counts.
  case logKeyValidity
  /// The id of the log is not that of its key and name.
  case logID
  /// The logged digest is not that of the bundle, or of the artifact.
  case digest
  /// The logged signature is not the bundle's.
  case signature
  /// The logged certificate or key is not the bundle's.
  case certificate
}

/// How far the log part of a bundle was verified.
enum SigstoreLogVerdict: Hashable {
  case holds
  /// Nothing is wrong as far as was looked; the text says what could not be looked at.
  case undecided(String)
}

/// The part of a Sigstore bundle that a transparency log vouches for: inclusion, checkpoint, and that what was
/// logged is what the bundle says. Certificates, timestamps and signatures on artifacts are not looked at.
struct SigstoreLogPart {
  let bundle: JSONValue
  let trustedRoot: JSONValue?
  let artifact: [UInt8]?

  /// Whether `json` is a bundle: its media type says so.
  static func isBundle(_ json: JSONValue) -> Bool {
    json["mediaType"]?.string?.contains("sigstore.bundle") == true && json["verificationMaterial"] != nil
  }

  /// Media types of the versions that exist.
  private static let mediaTypes = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3", "application/vnd.dev.sigstore.bundle.v0.3+json",
  ]

  func verify() throws(SigstoreLogError) -> SigstoreLogVerdict {
    guard let type = bundle["mediaType"]?.string, Self.mediaTypes.contains(type) else { throw .version }
    guard let entries = bundle["verificationMaterial"]?["tlogEntries"]?.array, !entries.isEmpty else {
      throw .noEntry
    }
    if let message = bundle["messageSignature"] { _ = try bytes(message, "signature") }
    if bundle["verificationMaterial"]?["x509CertificateChain"]?["certificates"]?.array?.isEmpty == true {
      throw .certificate
    }
    var verdict = SigstoreLogVerdict.holds
    for entry in entries {
      if case .undecided(let reason) = try verify(entry) { verdict = .undecided(reason) }
    }
    return verdict
  }

  private var isFirstVersion: Bool { bundle["mediaType"]?.string?.hasSuffix("version=0.1") == true }

  private func verify(_ entry: JSONValue) throws(SigstoreLogError) -> SigstoreLogVerdict {
    let body = try bytes(entry, "canonicalizedBody")
    let logID = try bytes(entry["logId"], "keyId")
    guard entry["logIndex"]?.integer(UInt64.self) != nil else { throw .logIndex }
    guard let canonical = try? JSONValue(decoding: body) else { throw .form("canonicalizedBody") }
    guard canonical["kind"] == entry["kindVersion"]?["kind"],
      canonical["apiVersion"] == entry["kindVersion"]?["version"]
    else { throw .kind }
    guard let proof = entry["inclusionProof"] else {
      // Version 0.1 lets the log's signed promise stand in for the proof.
      if isFirstVersion, entry["inclusionPromise"] != nil {
        return .undecided("an inclusion promise, whose signature is not verified here")
      }
      throw .missingInclusionProof
    }
    let root = try hash(proof["rootHash"], "rootHash")
    let size = try integer(proof, "treeSize")
    let index = try integer(proof, "logIndex")
    let hashes = try (proof["hashes"]?.array ?? []).map {
      (value: JSONValue) throws(SigstoreLogError) -> Bytes32 in
      try hash(value, "hashes")
    }
    do {
      try RFC6962.verifyInclusion(
        leafHash: RFC6962.leafHash(body.span), index: index, size: size, proof: hashes, root: root)
    } catch { throw .inclusion(error) }
    let content = try checkContent(canonical)
    guard let envelope = proof["checkpoint"]?["envelope"]?.string else {
      if isFirstVersion { return .undecided("no checkpoint, so no signed root") }
      throw .missingCheckpoint
    }
    let head = try checkCheckpoint([UInt8](envelope.utf8), logID: logID, root: root, size: size)
    return content == .holds ? head : content
  }

  private func checkCheckpoint(
    _ envelope: [UInt8], logID: [UInt8], root: Bytes32, size: UInt64
  ) throws(SigstoreLogError) -> SigstoreLogVerdict {
    let note: SignedNote
    do { note = try SignedNote(decoding: envelope.span) } catch { throw .checkpointNote(error) }
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint(text: note.text) } catch { throw .checkpoint(error) }
    guard checkpoint.root == root, checkpoint.size == size else { throw .checkpointTree }
    let hint = logID.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard logID.count == 32, note.signatures.contains(where: { $0.keyID == hint }) else { throw .keyHint }
    guard let trustedRoot else { return .undecided("no trusted root beside the bundle") }
    let logs = trustedRoot["tlogs"]?.array ?? []
    guard let log = logs.first(where: { $0["logId"]?["keyId"]?.string.flatMap(CorpusBase64.decode) == logID })
    else { throw .unknownLog }
    guard log["publicKey"]?["validFor"]?["start"]?.string != nil else { throw .logKeyValidity }
    guard log["publicKey"]?["keyDetails"]?.string == "PKIX_ED25519" else {
      return .undecided("the log's key is not Ed25519")
    }
    let spki = try bytes(log["publicKey"], "rawBytes")
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): a fixed head, then 32 bytes.
    let head: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
    guard spki.count == 44, spki.starts(with: head) else { throw .form("publicKey.rawBytes") }
    guard let host = Self.host(log["baseUrl"]?.string ?? ""), let name = NoteKeyName(host) else {
      throw .form("baseUrl")
    }
    let key = NoteKey(name: name, publicKey: Bytes32 { spki[12 + $0] })
    guard key.digest.array == logID else { throw .logID }
    let policy = CheckpointPolicy(origin: [UInt8](host.utf8), logKeys: [key])
    do { _ = try policy.verify(note) } catch {
      if case .note(let cause) = error { throw .checkpointNote(cause) }
      throw .checkpoint(error)
    }
    return .holds
  }

  /// The host and path of a URL, without scheme and final slash.
  private static func host(_ url: String) -> String? {
    guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return nil }
    let rest = url.dropFirst(scheme.count)
    return String(rest.hasSuffix("/") ? rest.dropLast() : rest)
  }

  // MARK: What was logged

  /// Checks that the logged entry is about the bundle's content, for the kinds that bind it field by field.
  private func checkContent(_ canonical: JSONValue) throws(SigstoreLogError) -> SigstoreLogVerdict {
    let version = canonical["apiVersion"]?.string ?? ""
    switch (canonical["kind"]?.string, version) {
    case ("hashedrekord", "0.0.2"):
      guard let spec = canonical["spec"]?["hashedRekordV002"] else { throw .form("hashedRekordV002") }
      guard spec["data"]?["algorithm"]?.string == "SHA2_256" else {
        return .undecided("a digest other than SHA-256")
      }
      try checkDigest(try bytes(spec["data"], "digest"))
      try checkSignature(try bytes(spec["signature"], "content"))
      if let certificate = spec["signature"]?["verifier"]?["x509Certificate"] {
        try checkCertificate(try bytes(certificate, "rawBytes"))
      }
      return .holds
    case ("hashedrekord", "0.0.1"):
      guard let spec = canonical["spec"] else { throw .form("spec") }
      guard spec["data"]?["hash"]?["algorithm"]?.string == "sha256",
        let digest = spec["data"]?["hash"]?["value"]?.string, let bytes = try? Hex.decode(digest)
      else { return .undecided("a digest other than SHA-256") }
      try checkDigest(bytes)
      try checkSignature(try self.bytes(spec["signature"], "content"))
      if let text = spec["signature"]?["publicKey"]?["content"]?.string.flatMap(CorpusBase64.decode),
        let certificate = Self.certificate(pem: text)
      {
        try checkCertificate(certificate)
      }
      return .holds
    default:
      return .undecided("an entry of kind \(canonical["kind"]?.string ?? "unnamed") \(version)")
    }
  }

  private func checkDigest(_ logged: [UInt8]) throws(SigstoreLogError) {
    if let envelope = bundle["dsseEnvelope"] {
      let payload = try bytes(envelope, "payload")
      let type = envelope["payloadType"]?.string ?? ""
      // Pre-authentication encoding of DSSE.
      let encoding =
        [UInt8]("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
      guard SHA256Hash.hash(encoding).array == logged else { throw .digest }
      return
    }
    guard let message = bundle["messageSignature"] else { throw .form("messageSignature") }
    if let digest = message["messageDigest"] {
      guard try bytes(digest, "digest") == logged else { throw .digest }
    }
    if let artifact, SHA256Hash.hash(artifact).array != logged { throw .digest }
  }

  private func checkSignature(_ logged: [UInt8]) throws(SigstoreLogError) {
    if let envelope = bundle["dsseEnvelope"] {
      guard let signatures = envelope["signatures"]?.array, signatures.count == 1,
        try bytes(signatures[0], "sig") == logged
      else { throw .signature }
    } else {
      guard try bytes(bundle["messageSignature"], "signature") == logged else { throw .signature }
    }
  }

  private func checkCertificate(_ logged: [UInt8]) throws(SigstoreLogError) {
    let material = bundle["verificationMaterial"]
    let holder = material?["certificate"] ?? material?["x509CertificateChain"]?["certificates"]?[0]
    guard let holder else { return }
    guard try bytes(holder, "rawBytes") == logged else { throw .certificate }
  }

  /// The DER of a PEM certificate; nil when it is none.
  private static func certificate(pem: [UInt8]) -> [UInt8]? {
    let lines = String(decoding: pem, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard lines.first == "-----BEGIN CERTIFICATE-----", lines.last == "-----END CERTIFICATE-----" else {
      return nil
    }
    return CorpusBase64.decode(lines.dropFirst().dropLast().joined())
  }

  // MARK: Reading

  private func bytes(_ holder: JSONValue?, _ name: String) throws(SigstoreLogError) -> [UInt8] {
    guard let text = holder?[name]?.string, let bytes = CorpusBase64.decode(text) else { throw .form(name) }
    return bytes
  }

  private func hash(_ value: JSONValue?, _ name: String) throws(SigstoreLogError) -> Bytes32 {
    guard let text = value?.string, let bytes = CorpusBase64.decode(text), bytes.count == 32 else {
      throw .form(name)
    }
    return Bytes32 { bytes[$0] }
  }

  private func integer(_ holder: JSONValue, _ name: String) throws(SigstoreLogError) -> UInt64 {
    guard let value = holder[name]?.integer(UInt64.self) else { throw .form(name) }
    return value
  }
}
