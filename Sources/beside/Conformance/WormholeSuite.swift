import Encodings
import ForeignProtocols
import SignatureSchemes
import WireBytes

/// Wormhole: VAAs with signers and verdicts, guardian sets and their upgrades, queries, NTT messages.
public enum WormholeSuite: ConformanceSuite {
  public static let name = "wormhole"
  public static let summary =
    "VAA lists {vaa, digest, decoded, signers, network}, guardian sets, set upgrades {vaa, signedByGuardianSet, "
    + "newKeys}, refusals {vaa, guardianSet, expectedValid}, query responses, NTT messages, hex literals"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    var documents: [(file: String, json: JSONValue)] = []
    for file in corpus.files {
      do {
        if file.hasSuffix(".txt") {
          runRaw(file, try corpus.bytes(file), &report)
        } else if file.hasSuffix(".json") {
          documents.append((file, try corpus.json(file)))
        } else {
          report.skip(file, "file", reason: "neither JSON nor a text of hex")
        }
      } catch {
        report.fail(file, "file", expected: "a readable file", actual: "\(error)")
      }
    }
    let networks = documents.lazy.compactMap { WormholeNetworks($0.json) }.first ?? .published
    for (file, json) in documents { run(file, json, networks, &report) }
  }

  private static func run(
    _ file: String, _ json: JSONValue, _ networks: WormholeNetworks, _ report: inout ConformanceReport
  ) {
    if let sets = WormholeNetworks(json) {
      runGuardianSets(file, json, sets, &report)
      return
    }
    let cases = json.array ?? json["cases"]?.array ?? []
    guard let first = cases.first else {
      report.skip(file, "file", reason: "not a known schema")
      return
    }
    func names(_ names: String...) -> Bool { names.allSatisfy { first[$0] != nil } }
    if names("vaa", "digest", "decoded", "signers", "network") {
      each(cases) { runVAA(file, $0, $1, networks, &report) }
    } else if names("vaa", "signedByGuardianSet", "newIndex", "newKeys") {
      runUpgrades(file, cases, networks, &report)
    } else if names("vaa", "expectedValid"), first["guardianSet"]?.array != nil {
      let indices = declaredIndices(cases, networks)
      each(cases) { runRefusal(file, $0, $1, indices, &report) }
    } else if names("vaa", "guardianSet", "valid", "decoded") {
      each(cases) { runDelegated(file, $0, $1, networks, &report) }
    } else if names("response", "decoded") {
      each(cases) { WormholePayloadCases.runQuery(file, $0, $1, &report) }
    } else if names("encoded", "decoded") {
      each(cases) { WormholePayloadCases.runNTT(file, $0, $1, &report) }
    } else if names("source", "tests") {
      WormholePayloadCases.runLiterals(file, cases, &report)
    } else {
      report.skip(file, "file", reason: "not a known schema")
    }
  }

  private static func each(_ cases: [JSONValue], _ body: (String, JSONValue) -> Void) {
    for (index, item) in cases.enumerated() { body(item["name"]?.string ?? "\(index)", item) }
  }

  private static func runRaw(_ file: String, _ bytes: [UInt8], _ report: inout ConformanceReport) {
    let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    guard let bytes = try? Hex.decode(text), !bytes.isEmpty else {
      report.skip(file, "file", reason: "not a text of hex")
      return
    }
    WormholePayloadCases.runRoundTrip(file, "raw", bytes, &report)
  }

  // MARK: sets

  private static func runGuardianSets(
    _ file: String, _ json: JSONValue, _ networks: WormholeNetworks, _ report: inout ConformanceReport
  ) {
    for (network, sets) in networks.byName.sorted(by: { $0.key < $1.key }) {
      for (index, keys) in sets.sorted(by: { $0.key < $1.key }) {
        let name = "\(network) \(index)"
        guard let set = try? GuardianSet(index: index, keys: keys) else {
          report.fail(file, name, expected: "a guardian set", actual: "refused")
          continue
        }
        var problems = Problems()
        problems.check("quorum", "\(2 * keys.count / 3 + 1)", "\(set.quorum)")
        if network == "mainnet", let published = WormholeMainnet.guardianSets.set(index) {
          problems.check("keys", "\(keys)", "\(published.keys)")
        }
        problems.settle(file, name, &report)
      }
    }
  }

  private static func runUpgrades(
    _ file: String, _ cases: [JSONValue], _ networks: WormholeNetworks, _ report: inout ConformanceReport
  ) {
    each(cases) { name, item in
      guard let bytes = item["vaa"]?.bytes, let signedBy = item["signedByGuardianSet"]?.integer(UInt32.self),
        let valid = item["valid"]?.boolean ?? (item["reason"]?.string).map({ $0.isEmpty })
      else {
        report.skip(file, name, reason: "no VAA, set or verdict")
        return
      }
      guard let keys = networks.keys("mainnet", signedBy),
        let set = try? GuardianSet(index: signedBy, keys: keys)
      else {
        report.skip(file, name, reason: "guardian set \(signedBy) is in neither the directory nor the table")
        return
      }
      var chain = GuardianSetChain(genesis: set)
      do {
        let vaa = try VAA(decoding: bytes)
        try chain.apply(vaa, at: UInt64(vaa.timestamp))
        guard valid else {
          report.fail(file, name, expected: "refused: \(item["reason"]?.string ?? "")", actual: "applied")
          return
        }
        var problems = Problems()
        problems.check("newIndex", item["newIndex"], "\(chain.current.index)")
        problems.check("newKeys", item["newKeys"], chain.current.keys.map { "\($0)" })
        problems.check("timestamp", item["timestamp"], "\(vaa.timestamp)")
        problems.check("sequence", item["sequence"], "\(vaa.sequence)")
        let expiry = UInt64(vaa.timestamp) + GuardianSetChain.overlapSeconds
        problems.check(
          "overlap", "\(GuardianSet.Standing.replaced(expires: expiry))",
          "\(chain.set(signedBy)?.standing ?? .current)")
        problems.settle(file, name, &report)
      } catch {
        let reason = (error as? GuardianSetUpgradeError)?.contractReason ?? "parse error"
        if valid {
          report.fail(file, name, expected: "applied", actual: reason)
        } else {
          settle(file, name, wanted: [item["reason"]?.string ?? ""], reason: reason, &report)
        }
      }
    }
    runUpgradeChain(file, cases, &report)
  }

  /// The valid ones in the order of their indices, without looking at any table: each must follow from the one before.
  private static func runUpgradeChain(
    _ file: String, _ cases: [JSONValue], _ report: inout ConformanceReport
  ) {
    let upgrades = cases.filter { $0["valid"]?.boolean == true }.compactMap { item -> (UInt32, VAA)? in
      guard let index = item["signedByGuardianSet"]?.integer(UInt32.self), let bytes = item["vaa"]?.bytes,
        let vaa = try? VAA(decoding: bytes)
      else { return nil }
      return (index, vaa)
    }.sorted { $0.0 < $1.0 }
    guard let (start, _) = upgrades.first, let genesis = WormholeMainnet.guardianSets.set(start),
      upgrades.map({ $0.0 }) == Array(start..<(start + UInt32(upgrades.count)))
    else {
      report.skip(file, "whole chain", reason: "the valid upgrades do not follow one another")
      return
    }
    var chain = GuardianSetChain(genesis: genesis)
    do {
      for (_, vaa) in upgrades { try chain.apply(vaa, at: UInt64(vaa.timestamp)) }
      report.expect(file, "whole chain", "\(start + UInt32(upgrades.count))", "\(chain.current.index)")
    } catch {
      report.fail(file, "whole chain", expected: "every upgrade applies", actual: "\(error)")
    }
  }

  private static func runDelegated(
    _ file: String, _ name: String, _ item: JSONValue, _ networks: WormholeNetworks,
    _ report: inout ConformanceReport
  ) {
    guard let bytes = item["vaa"]?.bytes, let index = item["guardianSet"]?.integer(UInt32.self),
      let valid = item["valid"]?.boolean
    else {
      report.skip(file, name, reason: "no VAA, set or verdict")
      return
    }
    guard let keys = networks.keys("mainnet", index), let set = try? GuardianSet(index: index, keys: keys)
    else {
      report.skip(file, name, reason: "guardian set \(index) is in neither the directory nor the table")
      return
    }
    do {
      let vaa = try VAA(decoding: bytes)
      var problems = Problems()
      checkFields(vaa, item["decoded"], &problems)
      do {
        _ = try vaa.verify(under: set, at: nil)
        problems.check("valid", "\(valid)", "true")
        let packet = try WormholeGovernance(decoding: vaa.payload.span)
        if case .delegateGuardians(_, let sets) = packet.action {
          problems.check(
            "threshold at most the number of keys", "true",
            "\(sets.allSatisfy { $0.threshold > 0 && Int($0.threshold) <= $0.keys.count })")
        } else {
          problems.check("module", "DelegatedGuardians", packet.module)
        }
        problems.settle(file, name, &report)
      } catch let refusal as VAARefusal {
        guard !valid else {
          report.fail(file, name, expected: "valid", actual: refusal.contractReason)
          return
        }
        settle(file, name, wanted: [item["reason"]?.string ?? ""], reason: refusal.contractReason, &report)
      }
    } catch {
      report.expect(file, name, valid ? "valid" : "refused", "refused")
    }
  }

  // MARK: VAAs

  private static func runVAA(
    _ file: String, _ name: String, _ item: JSONValue, _ networks: WormholeNetworks,
    _ report: inout ConformanceReport
  ) {
    guard let bytes = item["vaa"]?.bytes, let network = item["network"]?.string,
      let valid = item["validUnderThatGuardianSet"]?.boolean
    else {
      report.skip(file, name, reason: "no VAA, network or verdict")
      return
    }
    let vaa: VAA
    do { vaa = try VAA(decoding: bytes) } catch {
      if item["decoded"]?.object != nil {
        report.fail(file, name, expected: "decodes", actual: "\(error)")
      } else {
        report.pass(file, name)
      }
      return
    }
    var problems = Problems()
    problems.check("encoded", "\(Hex.encode(bytes))", "\(Hex.encode(vaa.encoded()))")
    problems.check("digest", item["digest"], "\(vaa.digest)")
    problems.check("bodyHashOnce", item["bodyHashOnce"], "\(vaa.bodyHash)")
    checkFields(vaa, item["decoded"], &problems)
    checkSigners(vaa, item["signers"]?.array ?? [], &problems)
    if let kind = item["kind"]?.string, !kind.isEmpty { problems.check("kind", kind, self.kind(vaa)) }
    let wanted = valid ? "valid" : item["reason"]?.string ?? ""
    let verdicts = networks.candidates(network, vaa.guardianSetIndex).map { verdict(vaa, $0) }
    // A VAA of no known network must pass under none, and for the stated reason under one of them.
    if !valid, verdicts.count > 1 {
      problems.check("verdicts", "none valid", verdicts.contains("valid") ? "valid" : "none valid")
      problems.check("reason", wanted, verdicts.first { $0 == wanted } ?? verdicts.joined(separator: " | "))
    } else {
      problems.check("verdict", wanted, verdicts.first ?? "invalid guardian set")
    }
    problems.settle(file, name, &report)
  }

  private static func verdict(_ vaa: VAA, _ keys: [Bytes20]?) -> String {
    guard let keys, let set = try? GuardianSet(index: vaa.guardianSetIndex, keys: keys) else {
      return VAARefusal.unknownGuardianSet(index: vaa.guardianSetIndex).contractReason
    }
    do {
      _ = try vaa.verify(under: set, at: nil)
      return "valid"
    } catch {
      return error.contractReason
    }
  }

  private static func checkFields(_ vaa: VAA, _ decoded: JSONValue?, _ problems: inout Problems) {
    problems.check("guardianSetIndex", decoded?["guardianSetIndex"], "\(vaa.guardianSetIndex)")
    problems.check("numSignatures", decoded?["numSignatures"], "\(vaa.signatures.count)")
    problems.check("timestamp", decoded?["timestamp"], "\(vaa.timestamp)")
    problems.check("nonce", decoded?["nonce"], "\(vaa.nonce)")
    problems.check("emitterChain", decoded?["emitterChain"], "\(vaa.emitterChain)")
    problems.check("emitterAddress", decoded?["emitterAddress"], "\(vaa.emitter)")
    problems.check("sequence", decoded?["sequence"], "\(vaa.sequence)")
    problems.check("consistencyLevel", decoded?["consistencyLevel"], "\(vaa.consistencyLevel)")
    problems.check("payload", decoded?["payload"], Hex.encode(vaa.payload))
  }

  private static func checkSigners(_ vaa: VAA, _ signers: [JSONValue], _ problems: inout Problems) {
    problems.check("signers", "\(signers.count)", "\(vaa.signatures.count)")
    let recovered = vaa.recoveredSigners()
    for (position, signer) in signers.enumerated() where position < vaa.signatures.count {
      let signature = vaa.signatures[position]
      problems.check("signer \(position) index", signer["index"], "\(signature.guardianIndex)")
      problems.check(
        "signer \(position)", signer["recovered"]?.string ?? "none",
        recovered[position].map { "\($0)" } ?? "none")
      let numbers = try? Secp256k1.Signature(compact: Bytes64(signature.bytes.span, at: 0))
      if let numbers, let high = signer["highS"]?.boolean {
        problems.check("signer \(position) high s", "\(high)", "\(!numbers.hasLowS)")
      }
    }
  }

  private static func kind(_ vaa: VAA) -> String {
    guard vaa.emitterChain == WormholeGovernance.emitterChain, vaa.emitter == WormholeGovernance.emitter,
      vaa.payload.count > 32
    else { return "" }
    let module = String(decoding: vaa.payload.prefix(32).drop { $0 == 0 }, as: UTF8.self)
    return "governance:\(module):action \(vaa.payload[32])"
  }

  // MARK: refusals

  /// The index of each list of keys: from the known sets, else the one that most of its VAAs name.
  private static func declaredIndices(
    _ cases: [JSONValue], _ networks: WormholeNetworks
  ) -> [[Bytes20]: UInt32] {
    var counts: [[Bytes20]: [UInt32: Int]] = [:]
    for item in cases {
      guard let keys = addresses(item["guardianSet"]), let bytes = item["vaa"]?.bytes, bytes.count > 4 else {
        continue
      }
      let index = bytes[1...4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      counts[keys, default: [:]][index, default: 0] += 1
    }
    return Dictionary(
      uniqueKeysWithValues: counts.map { keys, named in
        let known = networks.byName["mainnet"]?.first { $0.value == keys }?.key
        let usual = named.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
        return (keys, known ?? usual)
      })
  }

  static func addresses(_ json: JSONValue?) -> [Bytes20]? {
    guard let texts = json?.array?.map(\.string) else { return nil }
    let keys = texts.compactMap { text in text.flatMap { try? Bytes20(hex: $0) } }
    return keys.count == texts.count ? keys : nil
  }

  private static func runRefusal(
    _ file: String, _ name: String, _ item: JSONValue, _ indices: [[Bytes20]: UInt32],
    _ report: inout ConformanceReport
  ) {
    guard let bytes = item["vaa"]?.bytes, let keys = addresses(item["guardianSet"]),
      let valid = item["expectedValid"]?.boolean
    else {
      report.skip(file, name, reason: "no VAA, keys or verdict")
      return
    }
    var wanted = [item["expectedReason"]?.string ?? ""]
    for build in (item["evmResult"]?.object ?? [:]).values {
      guard let text = build[1]?.string else { continue }
      if let onChain = build[0]?.boolean, onChain != valid {
        report.skip(file, name, reason: "the builds of the contract and the expectation disagree")
        return
      }
      wanted.append(text.hasPrefix("revert ") ? String(text.dropFirst(7)) : text)
    }
    do {
      let set = try GuardianSet(index: indices[keys] ?? 0, keys: keys)
      let verified = try VAA(decoding: bytes).verify(under: set, at: nil)
      report.expect(file, name, valid ? "valid" : "refused: \(wanted[0])", "valid")
      _ = verified
    } catch let refusal as VAARefusal where !valid {
      settle(file, name, wanted: wanted, reason: refusal.contractReason, &report)
    } catch let error as VAAError where !valid {
      switch error {
      case .unsupportedVersion: settle(file, name, wanted: wanted, reason: "VM version incompatible", &report)
      case .wire, .payloadTooLarge:
        let parse = wanted.contains { $0.contains("parse") || $0.contains("outOfBounds") }
        report.expect(file, name, parse ? "parse error" : wanted[0], "parse error")
      }
    } catch {
      report.expect(file, name, valid ? "valid" : "refused: \(wanted[0])", "refused: \(error)")
    }
  }

  /// Passes when one of the wanted reasons is ours.
  static func settle(
    _ file: String, _ name: String, wanted: [String], reason: String, _ report: inout ConformanceReport
  ) {
    report.expect(
      file, name,
      wanted.first { $0 == reason || $0.hasPrefix(reason + " ") }.map { _ in reason } ?? wanted[0],
      reason)
  }
}

/// The guardian sets of several networks.
struct WormholeNetworks {
  /// Network, index, keys.
  let byName: [String: [UInt32: [Bytes20]]]

  /// The published sets of the mainnet.
  static var published: WormholeNetworks {
    WormholeNetworks(
      byName: [
        "mainnet": Dictionary(
          uniqueKeysWithValues: WormholeMainnet.guardianSets.sets.map { ($0.index, $0.keys) })
      ])
  }

  private init(byName: [String: [UInt32: [Bytes20]]]) { self.byName = byName }

  /// Nil unless `json` is `{network: {index: [keys]}}` with a mainnet, a testnet or a devnet.
  init?(_ json: JSONValue) {
    var byName: [String: [UInt32: [Bytes20]]] = [:]
    for network in ["mainnet", "testnet", "devnet"] {
      guard let sets = json[network]?.object else { continue }
      for (index, keys) in sets {
        guard let index = UInt32(index), let keys = WormholeSuite.addresses(keys) else { return nil }
        byName[network, default: [:]][index] = keys
      }
    }
    guard !byName.isEmpty else { return nil }
    self.byName = byName
  }

  /// The keys of a set; the published ones when the network is the mainnet and the directory does not give it.
  func keys(_ network: String, _ index: UInt32) -> [Bytes20]? {
    if let keys = byName[network]?[index] { return keys }
    // Development networks restart with the same guardian under other indices.
    if network != "mainnet" { return byName[network]?[0] }
    return WormholeMainnet.guardianSets.set(index)?.keys
  }

  /// The sets that could be meant: of the network that the label opens with, else of all networks, mainnet first.
  func candidates(_ label: String, _ index: UInt32) -> [[Bytes20]?] {
    let names = ["mainnet", "testnet", "devnet"]
    if let name = names.first(where: { label.hasPrefix($0) }) { return [keys(name, index)] }
    return names.map { keys($0, index) }
  }
}

/// Differences found in one case.
struct Problems {
  private var expected: [String] = []
  private var actual: [String] = []

  mutating func check(_ what: String, _ wanted: String, _ found: String) {
    guard wanted != found else { return }
    expected.append("\(what) \(wanted)")
    actual.append("\(what) \(found)")
  }

  /// Compares with a member when it is there: a string or a number by its text, hex in either case.
  mutating func check(_ what: String, _ wanted: JSONValue?, _ found: String) {
    switch wanted {
    case .string(let text), .number(let text): check(what, text.lowercased(), found.lowercased())
    case .boolean(let value): check(what, "\(value)", found)
    default: break
    }
  }

  mutating func check(_ what: String, _ wanted: JSONValue?, _ found: [String]) {
    guard let texts = wanted?.array else { return }
    check(what, "\(texts.map { $0.string?.lowercased() ?? "?" })", "\(found.map { $0.lowercased() })")
  }

  func settle(_ file: String, _ name: String, _ report: inout ConformanceReport) {
    if expected.isEmpty {
      report.pass(file, name)
    } else {
      report.fail(
        file, name, expected: expected.joined(separator: "; "), actual: actual.joined(separator: "; "))
    }
  }
}
