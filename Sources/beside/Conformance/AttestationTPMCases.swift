import Attestation
import Encodings
import WireBytes

/// Quotes as tpm2-tools, go-attestation, go-tpm-tools and Trustee write them.
enum AttestationTPMCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    if let stem = file.stem(".tpms_attest") {
      triple(file, stem, folder, &report)
    } else if let stem = file.stem(".tpm2b_public") {
      publicArea(file, stem, folder, &report)
    } else if file.name.hasSuffix(".tpmt_signature") || file.name.hasSuffix(".pcrs") {
      let stem = file.stem(".pcrs") ?? file.stem(".tpmt_signature") ?? ""
      if folder.corpus.contains(file.folder + stem + ".tpms_attest") {
        report.skip(file.path, "file", reason: "part of \(stem).tpms_attest, which is run")
      }
    } else if let stem = file.stem(".txt"), folder.corpus.contains(file.folder + stem + ".tpms_attest") {
      report.skip(file.path, "file", reason: "its digest is compared with \(stem).tpms_attest")
    } else if let stem = file.stem(".name"), folder.corpus.contains(file.folder + stem + ".tpm2b_public") {
      report.skip(file.path, "file", reason: "compared with \(stem).tpm2b_public")
    } else if let json = file.json, json["Quote"]?["Quote"] != nil, json["Log"]?["Raw"] != nil {
      goAttestation(file, json, &report)
    } else if let json = file.json, json["ak_public"]?.string != nil, json["tpm_quote"] != nil {
      trustee(file, json, &report)
    } else if let attestation = GoTPMAttestation(file.bytes) {
      goTPMTools(file, attestation, &report)
    } else if file.bytes.starts(with: [0xff, 0x54, 0x43, 0x47, 0x80]) {
      alone(file, folder, &report)
    }
  }

  // MARK: tpm2-tools

  /// `NAME.tpms_attest` with `NAME.tpmt_signature` and `NAME.pcrs`; keys lie beside it. `q_` must hold under
  /// the key `ak_NAME`. `neg_` must hold under none, or have other values than the `q_` of its key has: PCRs
  /// that changed.
  private static func triple(
    _ file: AttestationFile, _ stem: String, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    let base = file.folder + stem
    let mustHold = !file.isNamedWrong
    guard let signature = folder.bytes(base + ".tpmt_signature") else {
      return report.skip(file.path, "quote", reason: "its signature is not here")
    }
    var values: [TPMStatement.PCR] = []
    if let pcrs = folder.bytes(base + ".pcrs") {
      guard let read = TPM2ToolsValues(pcrs) else {
        return report.fail(file.path, "quote", expected: "values", actual: "\(stem).pcrs is not readable")
      }
      values = read.pcrs
    } else if mustHold {
      return report.skip(file.path, "quote", reason: "its values are not here")
    }
    let subject = stem.split(separator: "_").dropFirst().joined(separator: "_")
    var keys = folder.files(in: file.folder).filter { $0.hasSuffix(".tpm2b_public") }
    let own = file.folder + "ak_\(subject).tpm2b_public"
    if mustHold, keys.contains(own) { keys = [own] }
    var refusals: [TPMRefusal] = []
    for path in keys {
      guard let key = folder.bytes(path) else { continue }
      do {
        let quote = try VerifiedTPMQuote(
          quote: file.bytes.span, signature: signature.span, attestationKey: key.span, values: values)
        guard mustHold else {
          let baseline = recordedValues(path, folder)
          guard let baseline, baseline != values else {
            return report.fail(file.path, "quote", expected: "refused", actual: "accepted under \(path)")
          }
          let index = zip(baseline, values).first { $0 != $1 }.map { Int($0.1.index) } ?? 0
          refusals.append(
            .pcrValue(index: index, actual: values.first { Int($0.index) == index }?.value ?? []))
          continue
        }
        return report.expect(
          file.path, "quote", recordedDigest(base, folder) ?? Hex.encode(quote.quote.pcrDigest, prefix: ""),
          Hex.encode(quote.quote.pcrDigest, prefix: ""))
      } catch { refusals.append(error) }
    }
    let reasons = refusals.map { "\($0)" }.joined(separator: "; ")
    if mustHold {
      return report.fail(file.path, "quote", expected: "accepted", actual: "refused: \(reasons)")
    }
    guard !refusals.isEmpty else { return report.skip(file.path, "quote", reason: "no key lies beside it") }
    let meant: (TPMRefusal) -> Bool
    if subject.contains("pcr") {
      meant = { refusal in
        switch refusal {
        case .pcrDigest, .pcrValue: true
        default: false
        }
      }
    } else if subject.contains("unrestricted") {
      meant = { if case .keyAttributes(let missing, _) = $0 { missing.contains(.restricted) } else { false } }
    } else {
      meant = { _ in true }
    }
    if refusals.contains(where: meant) {
      report.pass(file.path, "quote")
    } else {
      report.fail(file.path, "quote", expected: "refused: \(subject)", actual: "refused: \(reasons)")
    }
  }

  /// The values of the quote that must hold under a key: `q_NAME.pcrs` for `ak_NAME`.
  private static func recordedValues(
    _ key: String, _ folder: AttestationFolder
  ) -> [TPMStatement.PCR]? {
    let name = key.split(separator: "/").last ?? ""
    guard name.hasPrefix("ak_") else { return nil }
    let subject = name.dropFirst(3).dropLast(".tpm2b_public".count)
    let path = key.dropLast(name.count) + "q_" + subject + ".pcrs"
    return folder.bytes(String(path)).flatMap { TPM2ToolsValues($0) }?.pcrs
  }

  /// `calcDigest` of tpm2_checkquote's or tpm2_quote's text beside the quote.
  private static func recordedDigest(_ base: String, _ folder: AttestationFolder) -> String? {
    guard let bytes = folder.bytes(base + ".txt") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":")
      if parts.count == 2, parts[0] == "calcDigest" {
        return String(parts[1].filter { $0 != " " }).lowercased()
      }
    }
    return nil
  }

  /// A public area: written back to the same bytes; its name and its key in PEM are those beside it.
  private static func publicArea(
    _ file: AttestationFile, _ stem: String, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    let area: TPM2.Public
    do { area = try TPM2.Public(decodingSized: file.bytes.span) } catch {
      return report.fail(file.path, "public area", expected: "read", actual: "refused: \(error)")
    }
    report.expect(file.path, "public area", Hex.encode(file.bytes), Hex.encode(area.encodedSized()))
    if let name = folder.bytes(file.folder + stem + ".name") {
      report.expect(file.path, "name", Hex.encode(name), Hex.encode(area.name ?? []))
    }
    if let pem = folder.bytes(file.folder + stem + ".pem"),
      let key = try? X509PEM.blocks(pem.span, label: "PUBLIC KEY")
    {
      report.expect(file.path, "key", Hex.encode(key[0]), Hex.encode(area.subjectPublicKeyInfo ?? []))
    }
    // Only these may vouch for a machine.
    let isAttestationKey = TPM2.Attributes.attestationKey.isSubset(of: area.attributes)
    if stem.hasPrefix("ak_") { report.expect(file.path, "attributes", "true", "\(isAttestationKey)") }
    if stem.contains("unrestricted") {
      report.expect(file.path, "attributes", "false", "\(isAttestationKey)")
    }
  }

  /// A quote with nothing beside it that could verify it.
  private static func alone(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    do {
      let quote = try TPM2.Quote(decoding: file.bytes.span)
      report.expect(file.path, "read and written back", Hex.encode(file.bytes), Hex.encode(quote.encoded()))
    } catch {
      report.fail(file.path, "quote", expected: "read", actual: "refused: \(error)")
    }
  }

  // MARK: go-attestation

  /// `{AK: {Public}, Quote: {Nonce, Alg, Quote, Signature}, Log: {PCRs, Raw}}`, values in base 64.
  private static func goAttestation(
    _ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport
  ) {
    func bytes(_ value: JSONValue?) -> [UInt8]? { value?.string.flatMap { try? Base64.decode($0) } }
    guard let key = bytes(json["AK"]?["Public"]), let quote = bytes(json["Quote"]?["Quote"]),
      let signature = bytes(json["Quote"]?["Signature"]), let raw = bytes(json["Log"]?["Raw"])
    else { return report.skip(file.path, "dump", reason: "members are not of their form") }
    // Numbers of Go's crypto.Hash.
    let hashes: [Int: TPM2.Hash] = [3: .sha1, 5: .sha256, 6: .sha384, 7: .sha512]
    var banks: [TPM2.Hash: [TPMStatement.PCR]] = [:]
    for pcr in json["Log"]?["PCRs"]?.array ?? [] {
      guard let index: UInt32 = pcr["Index"]?.integer(), let number: Int = pcr["DigestAlg"]?.integer(),
        let hash = hashes[number], let value = bytes(pcr["Digest"])
      else { return report.skip(file.path, "dump", reason: "PCRs are not of their form") }
      banks[hash, default: []].append(TPMStatement.PCR(index: index, value: value))
    }
    AttestationEventLogCases.compare(raw, banks, file: file.path, &report)
    let asked: UInt16? = json["Quote"]?["Alg"]?.integer()
    let bank = asked.flatMap { TPM2.Hash(rawValue: $0) } ?? .sha256
    quoted(
      file.path, "quote of \(bank.name)", quote, signature, key, banks[bank] ?? [], bank: bank, &report)
  }

  /// A quote by a key in TPMT_PUBLIC or TPM2B_PUBLIC: it must hold, but for banks and hashes that are not
  /// accepted.
  private static func quoted(
    _ path: String, _ name: String, _ quote: [UInt8], _ signature: [UInt8], _ key: [UInt8],
    _ values: [TPMStatement.PCR], bank: TPM2.Hash, _ report: inout ConformanceReport
  ) {
    do {
      let area: TPM2.Public
      do { area = try TPM2.Public(decoding: key.span) } catch {
        area = try TPM2.Public(decodingSized: key.span)
      }
      let form = try TPM2.Signature(decoding: signature.span)
      let selection = try TPM2.Quote(decoding: quote.span).selections.first?.indices ?? []
      let chosen = values.filter { selection.contains(Int($0.index)) }.sorted { $0.index < $1.index }
      _ = try VerifiedTPMQuote(quote: quote.span, signature: form, key: area, values: chosen)
      if bank.isAccepted {
        report.pass(path, name)
      } else {
        report.fail(path, name, expected: "refused: the bank", actual: "accepted")
      }
    } catch let error as TPMRefusal {
      if case .bank(_, bank.rawValue) = error, !bank.isAccepted {
        return report.pass(path, name + " refused")
      }
      if case .signature(.weakHash) = error, !bank.isAccepted { return report.pass(path, name + " refused") }
      report.fail(path, name, expected: "accepted", actual: "refused: \(error)")
    } catch {
      report.fail(path, name, expected: "accepted", actual: "refused: \(error)")
    }
  }

  // MARK: go-tpm-tools

  private static func goTPMTools(
    _ file: AttestationFile, _ attestation: GoTPMAttestation, _ report: inout ConformanceReport
  ) {
    var banks: [TPM2.Hash: [TPMStatement.PCR]] = [:]
    for quote in attestation.quotes {
      guard let hash = TPM2.Hash(rawValue: quote.bank) else { continue }
      banks[hash] = quote.pcrs
      quoted(
        file.path, "quote of \(hash.name)", quote.quote, quote.signature, attestation.key, quote.pcrs,
        bank: hash,
        &report)
    }
    if !attestation.eventLog.isEmpty {
      AttestationEventLogCases.compare(attestation.eventLog, banks, file: file.path, &report)
    }
  }

  // MARK: Trustee

  /// `{ak_public, tpm_quote: {message, signature, pcrs}}`: the key is a SubjectPublicKeyInfo, so that its
  /// attributes are not told, and the signature, the selection and the digest are what can be checked.
  private static func trustee(
    _ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport
  ) {
    func bytes(_ value: JSONValue?) -> [UInt8]? { value?.string.flatMap { try? Base64.decode($0) } }
    guard let key = bytes(json["ak_public"]), let quote = bytes(json["tpm_quote"]?["message"]),
      let signature = bytes(json["tpm_quote"]?["signature"]), let values = json["tpm_quote"]?["pcrs"]?.array
    else { return report.skip(file.path, "evidence", reason: "members are not of their form") }
    let pcrs = values.enumerated().compactMap { index, value in
      value.string.flatMap { try? Hex.decode($0) }.map { TPMStatement.PCR(index: UInt32(index), value: $0) }
    }
    do {
      let form = try TPM2.Signature(decoding: signature.span)
      guard case .rsassa(.sha256, let raw) = form else {
        return report.skip(
          file.path, "evidence", reason: "signed by \(form.scheme), for which the key has no parameters")
      }
      let decoded = try TPM2.Quote(decoding: quote.span)
      try TokenKey(.rs256, publicKeyInfo: key).verify(quote.span, signature: raw)
      let selected = decoded.selections.first?.indices ?? []
      let joined = pcrs.filter { selected.contains(Int($0.index)) }.flatMap(\.value)
      report.expect(
        file.path, "signature and digest", Hex.encode(decoded.pcrDigest),
        Hex.encode(TPM2.Hash.sha256.digest(joined.span) ?? []))
    } catch {
      report.fail(file.path, "evidence", expected: "signature holds", actual: "refused: \(error)")
    }
  }
}

/// Values of PCRs as tpm2_quote writes them (`--pcrs_format=values` of old: the structures of tpm2-tss in
/// memory).
///
/// Little-endian: TPML_PCR_SELECTION `{count u32, 16 × {hash u16, size u8, 4 bytes, 1 of padding}}`, number
/// of lists u32, then TPML_DIGEST `{count u32, 8 × {size u16, 64 bytes}}` each; values of the selected PCRs
/// one after the other.
struct TPM2ToolsValues {
  let pcrs: [TPMStatement.PCR]

  init?(_ bytes: [UInt8]) {
    do throws(WireError) {
      var reader = ByteReader(bytes.span)
      let count = try reader.readLittleEndian(UInt32.self)
      guard count == 1 else { return nil }
      try reader.skip(2)
      let size = Int(try reader.readUInt8())
      let bits = try reader.readBytes(4)
      guard (1...4).contains(size) else { return nil }
      let indices = (0..<size * 8).filter { bits[$0 / 8] >> ($0 % 8) & 1 == 1 }
      try reader.skip(4 + 16 * 8 - reader.offset)
      let lists = try reader.readLittleEndian(UInt32.self)
      guard lists <= 16 else { return nil }
      var values: [[UInt8]] = []
      for _ in 0..<lists {
        let used = try reader.readLittleEndian(UInt32.self)
        guard used <= 8 else { return nil }
        for slot in 0..<8 {
          let length = Int(try reader.readLittleEndian(UInt16.self))
          let buffer = try reader.readBytes(64)
          guard length <= 64 else { return nil }
          if slot < Int(used) { values.append([UInt8](buffer.prefix(length))) }
        }
      }
      guard reader.isAtEnd, values.count == indices.count else { return nil }
      pcrs = zip(indices, values).map { TPMStatement.PCR(index: UInt32($0), value: $1) }
    } catch {
      return nil
    }
  }
}

/// go-tpm-tools' `attest.Attestation`: ak_pub 1, quotes 2 `{quote 1, raw_sig 2, pcrs 3 {hash 1, map pcrs
/// 2}}`, event_log 3.
struct GoTPMAttestation {
  struct Quote {
    let quote: [UInt8]
    let signature: [UInt8]
    let bank: UInt16
    let pcrs: [TPMStatement.PCR]
  }

  let key: [UInt8]
  let quotes: [Quote]
  let eventLog: [UInt8]

  private static let rules = ProtobufRules(
    singular: [1, 3], repeated: [2], form: .foreign, unknown: .skip)

  init?(_ bytes: [UInt8]) {
    // The first field is the key.
    guard bytes.first == 0x0a, bytes.count > 64 else { return nil }
    let message = bytes.span
    do throws(ProtobufError) {
      var (key, log): ([UInt8], [UInt8]) = ([], [])
      var quotes: [Quote] = []
      var reader = ProtobufReader(Self.rules)
      while let field = try reader.next(in: message) {
        switch field.number {
        case 1: key = try field.bytes(in: message)
        case 2: quotes.append(try Quote(message.extracting(try field.message())))
        case 3: log = try field.bytes(in: message)
        default: break
        }
      }
      guard !quotes.isEmpty, (try? TPM2.Public(decoding: key.span)) != nil else { return nil }
      self.key = key
      self.quotes = quotes
      eventLog = log
    } catch {
      return nil
    }
  }
}

extension GoTPMAttestation.Quote {
  fileprivate init(_ message: Span<UInt8>) throws(ProtobufError) {
    var (quote, signature): ([UInt8], [UInt8]) = ([], [])
    var bank: UInt16 = 0
    var pcrs: [TPMStatement.PCR] = []
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3], form: .foreign, unknown: .skip))
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: quote = try field.bytes(in: message)
      case 2: signature = try field.bytes(in: message)
      case 3:
        let inner = message.extracting(try field.message())
        var values = ProtobufReader(
          ProtobufRules(singular: [1], repeated: [2], form: .foreign, unknown: .skip))
        while let member = try values.next(in: inner) {
          if member.number == 1 {
            bank = UInt16(truncatingIfNeeded: try member.uint64())
          } else if member.number == 2 {
            pcrs.append(try Self.entry(inner.extracting(try member.message())))
          }
        }
      default: break
      }
    }
    self.init(quote: quote, signature: signature, bank: bank, pcrs: pcrs.sorted { $0.index < $1.index })
  }

  /// An entry of `map<uint32, bytes>`.
  private static func entry(_ message: Span<UInt8>) throws(ProtobufError) -> TPMStatement.PCR {
    var (index, value): (UInt32, [UInt8]) = (0, [])
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2], form: .foreign, unknown: .skip))
    while let field = try reader.next(in: message) {
      if field.number == 1 { index = try field.uint32() } else { value = try field.bytes(in: message) }
    }
    return TPMStatement.PCR(index: index, value: value)
  }
}
