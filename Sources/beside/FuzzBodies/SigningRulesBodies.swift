private import Digests
private import Encodings
private import Messages
private import SigningRules
private import WireBytes

/// Bodies over what a signer reads: records, policies, interchange files, approvals.
public enum SigningRulesBodies {
  public static let all: [FuzzBody] = [record, approval, policy, watermarks, slashing]

  private static let word = SHA256Hash.hash([UInt8]("key".utf8))

  private static let lockSeed: [UInt8] = [1, 5] + word.array + [1]
  private static let originSeed: [UInt8] = [1, 3] + word.array + [13] + [UInt8]("cosmos:demo-1".utf8)
  private static let callSeed: [UInt8] =
    [1, 6] + word.array + [UInt8](repeating: 1, count: 16) + word.array
  private static let nonceSeed: [UInt8] = [1, 7] + word.array + [UInt8](repeating: 1, count: 16)
  private static let claimSeed: [UInt8] = {
    var bytes: [UInt8] = [1, 1] + word.array + [1, 13] + [UInt8]("cosmos:demo-1".utf8)
    bytes.append(bigEndian: UInt64(1))
    bytes.append(bigEndian: UInt64(10))
    bytes.append(3)
    bytes.append(bigEndian: UInt64(1_700_000_000))
    bytes.append(word)
    bytes.append(bigEndian: UInt16(1))
    return bytes + word.array + word.array
  }()

  /// What is read is written as it was, and restores a state that answers a second time as it did.
  static let record = FuzzBody(name: "watermark-record", seeds: [lockSeed, originSeed, claimSeed, callSeed, nonceSeed]) {
    bytes in
    guard let record = try? WatermarkRecord(decoding: bytes) else { return }
    precondition(record.encoded() == bytes)
    guard let policy = try? AccessPolicy(domain: .operator, clients: [], keyLimits: []) else { return }
    var state = SigningState(domain: .operator, policy: policy)
    guard (try? state.restore(record)) != nil else { return }
    let once = state.snapshot()
    precondition((try? state.restore(record)) != nil)
    precondition(state.snapshot() == once)
  }

  private static let approvalSeed: [UInt8] =
    [2, 2] + [UInt8](repeating: 0, count: 7) + [1] + [UInt8](repeating: 0, count: 8) + word.array
    + [1, 0x61, 6] + word.array

  static let approval = FuzzBody(
    name: "approval-record", seeds: [approvalSeed, [2, 5] + [UInt8](repeating: 0, count: 8)]
  ) { bytes in
    guard let record = try? ApprovalRecord(decoding: bytes) else { return }
    precondition(record.encoded() == bytes)
  }

  private static let policySeed = """
    {"version":1,"domain":"operator","clients":[{"name":"a","key":"\(word)","peers":[{"uid":1},\
    {"spiffe":"spiffe://example.org/a"}],"roles":["sign"],"perMinute":60,"grants":[{"purpose":"attestation",\
    "keys":["\(word)"],"origins":["cosmos:demo-1"]},{"purpose":"evmTransaction","keys":["\(word)"],\
    "chains":["eip155:1"],"calls":[{"to":"any","selectors":["0x","0x01020304"]}],"makesContracts":false,"valueMax":"0",\
    "gasMax":1,"feePerGasMax":"2","oneCallPerNonce":true}]}],"keyLimits":[{"key":"\(word)","purpose":"attestation",\
    "perMinute":60},{"key":"\(word)","purpose":"evmTransaction","perMinute":60}],"approvers":{"threshold":0,"keys":[],"delaySeconds":0,"expirySeconds":0},\
    "alarms":{"newPurpose":{"action":"note"}}}
    """

  static let policy = FuzzBody(name: "access-policy", seeds: [[UInt8](policySeed.utf8)]) { bytes in
    guard let policy = try? AccessPolicy(decoding: bytes) else { return }
    let again = try? AccessPolicy(decoding: [UInt8](policy.text.utf8))
    precondition(again == policy && again?.text == policy.text)
  }

  private static let watermarksSeed: String = {
    let records = [lockSeed, originSeed, claimSeed, callSeed, nonceSeed].compactMap { try? WatermarkRecord(decoding: $0) }
    return WatermarkInterchange(vaultID: word, epoch: 1, records: records).text
  }()

  static let watermarks = FuzzBody(name: "watermark-file", seeds: [[UInt8](watermarksSeed.utf8)]) { bytes in
    guard let file = try? WatermarkInterchange(decoding: bytes) else { return }
    precondition((try? WatermarkInterchange(decoding: [UInt8](file.text.utf8))) == file)
  }

  private static let slashingSeed = """
    {"metadata":{"interchange_format_version":"5","genesis_validators_root":"\(word)"},"data":[{"pubkey":\
    "0x\(String(repeating: "ab", count: 48))","signed_blocks":[{"slot":"1"},{"slot":"2","signing_root":"\(word)"}],\
    "signed_attestations":[{"source_epoch":"1","target_epoch":"2"}]}]}
    """

  /// Importing what was exported gives the same database.
  static let slashing = FuzzBody(name: "eip3076-file", seeds: [[UInt8](slashingSeed.utf8)]) { bytes in
    guard let file = try? SlashingInterchange(decoding: bytes) else { return }
    precondition((try? SlashingInterchange(decoding: [UInt8](file.text.utf8))) == file)
    var one = SlashingProtection(genesisValidatorsRoot: file.genesisValidatorsRoot)
    guard (try? one.merge(file)) != nil else { return }
    var two = SlashingProtection(genesisValidatorsRoot: file.genesisValidatorsRoot)
    precondition((try? two.merge(one.interchange)) != nil)
    precondition(one.interchange == two.interchange)
  }
}
