import Digests
import Encodings
import MerkleProofs
import Messages
import WireBytes

/// IBC v2: commitments, paths, the calls of Eureka's attestation client, proofs of an EVM router's storage, and
/// recorded lanes of Eureka with their 07-tendermint fixtures.
public enum IBCSuite: ConformanceSuite {
  public static let name = "ibc"
  public static let summary =
    "IBC v2 commitments {packetCommitment, ackCommitment, universalErrorAck}, paths [{kind, id, seq, key}], "
    + "attestation proofs, calls of the Eureka attestation client with their answers and a router's storage "
    + "proof, Eureka's recorded lanes {steps}, 07-tendermint updates and membership, patches {base, patch}"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    corpus.eachJSON(into: &report) { file, json, report in
      if json["packetCommitment"]?.array != nil || json["ackCommitment"]?.array != nil {
        commitments(file, json, &report)
      } else if json[0]?["kind"]?.string != nil, json[0]?["key"]?.string != nil {
        paths(file, json, &report)
      } else if json["attestationProofEncode"] != nil {
        encoding(file, json, &report)
      } else if json["clientCases"]?.array != nil, json["client"]?["constructor"] != nil {
        EurekaCallCases.run(json, file, &report)
      } else if json["steps"]?[0]?["data"]?["client_state"]?["ibc_contract_address"] != nil {
        EurekaRecordingCases.run(json, file, &report)
      } else if json["membership_msg"] != nil, json["consensus_state_hex"] != nil {
        membership(file, "membership", json, expected: json["expect"]?.string ?? "accept", &report)
      } else if json["update_client_message"] != nil, json["client_state_hex"] != nil {
        TendermintClientCases.run(json, file, &report)
      } else if json["cases"]?[0]?["base"] != nil, json["cases"]?[0]?["patch"] != nil {
        patched(file, json, corpus, &report)
      } else {
        report.skip(file, "file", reason: "no schema of this suite")
      }
    }
  }

  // MARK: Commitments and paths

  private static func commitments(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    for (index, one) in (json["packetCommitment"]?.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "packet \(index)"
      guard let wanted = one["expected"]?.string else {
        report.skip(file, name, reason: "no expected hash")
        continue
      }
      let found = (try? packet(one)).map { plain(PacketCommitment.of($0)) } ?? "no packet"
      report.expect(file, name, plain(wanted), found)
    }
    for (index, one) in (json["ackCommitment"]?.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "acknowledgement \(index)"
      guard let wanted = one["expected"]?.string, let results = one["acks"]?.array else {
        report.skip(file, name, reason: "no expected hash, or no results")
        continue
      }
      let bytes = results.compactMap { $0.bytes }
      guard bytes.count == results.count, let acknowledgement = try? Acknowledgement(bytes) else {
        report.expect(file, name, plain(wanted), "no acknowledgement")
        continue
      }
      report.expect(file, name, plain(wanted), plain(PacketCommitment.of(acknowledgement)))
    }
    if let wanted = json["universalErrorAck"]?.string {
      report.expect(
        file, "universal error", plain(wanted), Hex.encode(PacketCommitment.universalErrorBytes, prefix: ""))
    }
  }

  /// A packet from {sequence, sourceClient, destinationClient or destClient, timeoutTimestamp, payloads}.
  static func packet(_ json: JSONValue) throws -> Packet {
    func text(_ json: JSONValue, _ names: String...) throws -> String {
      guard let text = names.lazy.compactMap({ json[$0]?.string }).first else { throw CaseError.form }
      return text
    }
    guard let number = json["sequence"]?.integer(UInt64.self), let sequence = Sequence(number),
      let timeout = json["timeoutTimestamp"]?.integer(UInt64.self), let payloads = json["payloads"]?.array
    else { throw CaseError.form }
    return try Packet(
      sequence: sequence, sourceClient: ClientID(text(json, "sourceClient")),
      destinationClient: ClientID(text(json, "destinationClient", "destClient")),
      timeout: UnixTime(seconds: timeout),
      payloads: payloads.map { payload in
        guard let value = payload["value"]?.bytes else { throw CaseError.form }
        return try Payload(
          sourcePort: text(payload, "sourcePort"),
          destinationPort: text(payload, "destPort", "destinationPort"),
          version: text(payload, "version"), encoding: text(payload, "encoding"), value: value)
      })
  }

  private static func paths(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    let kinds: [String: PacketPath.Kind] = [
      "commitment": .commitment, "receipt": .receipt, "ack": .acknowledgement,
      "acknowledgement": .acknowledgement,
    ]
    for (index, one) in (json.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "\(index)"
      guard let kind = one["kind"]?.string.flatMap({ kinds[$0] }), let wanted = one["key"]?.string,
        let id = one["id"]?.string, let number = one["seq"]?.integer(UInt64.self)
      else {
        report.skip(file, name, reason: "not a commitment, receipt or acknowledgement")
        continue
      }
      guard let client = try? ClientID(id), let sequence = Sequence(number) else {
        report.fail(file, name, expected: plain(wanted), actual: "no client or no sequence")
        continue
      }
      let path = PacketPath(kind, client: client, sequence: sequence)
      report.expect(file, name, plain(wanted), Hex.encode(path.bytes, prefix: ""))
    }
  }

  private static func encoding(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    EurekaCallCases.proofEncoding(json["attestationProofEncode"] ?? .null, file, &report)
    for (member, value) in (json.object ?? [:]).sorted(by: { $0.key < $1.key })
    where member != "attestationProofEncode" && value.string != nil {
      report.skip(file, member, reason: "a rule in words, not a case")
    }
  }

  static func plain(_ hash: Bytes32) -> String { Hex.encode(hash.array, prefix: "") }

  static func plain(_ hex: String) -> String {
    let lower = hex.lowercased()
    return lower.hasPrefix("0x") ? String(lower.dropFirst(2)) : lower
  }

  /// A case that does not have the members that its schema names.
  enum CaseError: Error {
    case form
  }

  // MARK: 07-tendermint

  /// {consensus_state_hex, membership_msg {path, proof, value}}: a proof under the app hash, of absence without a
  /// value.
  private static func membership(
    _ file: String, _ name: String, _ json: JSONValue, expected: String, _ report: inout ConformanceReport
  ) {
    guard let state = json["consensus_state_hex"]?.bytes, let message = json["membership_msg"],
      let proof = message["proof"]?.bytes, let elements = message["path"]?.array
    else {
      report.skip(file, name, reason: "no consensus state, proof or path")
      return
    }
    let value = message["value"]?.bytes ?? []
    let path = elements.map { [UInt8](($0.string ?? "").utf8) }
    do {
      let root = try TendermintClientCases.root(state)
      let merkle = try ICS23.MerkleProof(decoding: proof.span)
      let specs: [ICS23.ProofSpec] = [.iavl] + Array(repeating: .tendermint, count: max(path.count, 1) - 1)
      if value.isEmpty {
        try merkle.verifyNonMembership(specs: specs, root: root.span, path: path)
      } else {
        try merkle.verifyMembership(specs: specs, root: root.span, path: path, value: value.span)
      }
      report.expect(file, name, expected, "accept")
    } catch {
      if expected == "refuse" {
        report.pass(file, name)
      } else {
        report.fail(file, name, expected: expected, actual: "\(error)")
      }
    }
  }

  /// {cases: [{name, base, patch, expect}]}: a file beside this one with members replaced (RFC 6902).
  private static func patched(
    _ file: String, _ json: JSONValue, _ corpus: CorpusDirectory, _ report: inout ConformanceReport
  ) {
    var others: [JSONValue] = []
    let folder = file.split(separator: "/").dropLast().map { $0 + "/" }.joined()
    for (index, one) in (json["cases"]?.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "\(index)"
      guard let base = one["base"]?.string, corpus.contains(folder + base),
        let fixture = try? corpus.json(folder + base)
      else {
        report.skip(file, name, reason: "the file it changes is not beside it")
        continue
      }
      if fixture["update_client_message"] != nil {
        others.append(one)
      } else if fixture["membership_msg"] != nil {
        guard let patched = TendermintClientCases.apply(one["patch"]?.array ?? [], to: fixture) else {
          report.skip(file, name, reason: "a patch of another kind than replace")
          continue
        }
        membership(file, name, patched, expected: one["expect"]?.string ?? "refuse", &report)
      } else {
        report.skip(file, name, reason: "proofs of the SP1 machine are not verified here")
      }
    }
    if !others.isEmpty {
      TendermintClientCases.patched(.object(["cases": .array(others)]), file, corpus, &report)
    }
  }
}
