public import Encodings
public import WireBytes

/// What is asked of a TPM's statement.
///
/// JSON: `{"bank": "sha256"?, "pcrs": [{"index": 14, "launches": [{"program": "0x…", "policy": "0x…"}]},
/// {"index": 4, "values": ["0x…"]}, {"index": 5, "reported": true}], "akNames"?: ["0x000b…"], "akRoots"?:
/// ["0x…"]}`. Exactly the PCRs that are listed must be quoted, and each is judged by its own list; an empty
/// list refuses everything. A PCR that is only reported may have any value; at least one must be judged. The
/// attestation key is known by its name, or by a chain of certificates to a root given by the SHA-256 of its
/// DER; one of the two suffices.
public struct TPMPolicy: Hashable, Sendable {
  /// A program under an enclave policy.
  public struct Launch: Hashable, Sendable {
    public let program: Bytes32
    public let policy: Bytes32

    public init(program: Bytes32, policy: Bytes32) {
      self.program = program
      self.policy = policy
    }
  }

  /// How one PCR is judged.
  public enum Rule: Hashable, Sendable {
    /// It holds the launch log, each launch of which is one of these.
    case launches([Launch])
    /// It has one of these values.
    case values([[UInt8]])
    /// It must be quoted, and may have any value.
    case reported
  }

  /// A PCR with its rule.
  public struct PCR: Hashable, Sendable {
    public let index: Int
    public let rule: Rule

    public init(index: Int, rule: Rule) {
      self.index = index
      self.rule = rule
    }
  }

  public static let pcrsMax = 24

  public let bank: TPM2.Hash
  /// Ascending by index.
  public let pcrs: [PCR]
  /// TPM2B_NAME's contents.
  public let keyNames: [[UInt8]]
  /// Fingerprints of roots of chains of attestation keys.
  public let keyRoots: [Bytes32]

  /// - Throws: ``AttestationPolicyError`` `.duplicate`, `.range`, `.empty`, `.member`.
  public init(
    bank: TPM2.Hash = .sha256, pcrs: [PCR], keyNames: [[UInt8]] = [], keyRoots: [Bytes32] = [],
    path: String = "tpm"
  ) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    guard bank.isAccepted else { throw .member(path: Read.join(path, "bank"), wanted: .word) }
    try Self.check(pcrs, bank: bank, path: path)
    guard !keyNames.isEmpty || !keyRoots.isEmpty else { throw .empty(path: Read.join(path, "akNames")) }
    self.bank = bank
    self.pcrs = pcrs
    self.keyNames = keyNames
    self.keyRoots = keyRoots
  }

  /// Refuses PCRs of which none is judged, or whose order leaves two readings.
  static func check(_ pcrs: [PCR], bank: TPM2.Hash, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let list = Read.join(path, "pcrs")
    // A quote of no PCRs says nothing about any code.
    guard pcrs.contains(where: { $0.rule != .reported }) else { throw .empty(path: list) }
    guard pcrs.count <= Self.pcrsMax else {
      throw .count(path: list, limit: Self.pcrsMax, actual: pcrs.count)
    }
    var next = 0
    var hasLaunches = false
    for (position, pcr) in pcrs.enumerated() {
      let here = Read.join(list, String(position))
      guard pcr.index >= next, pcr.index < 32 else {
        throw .range(path: Read.join(here, "index"), least: Int64(next), most: 31)
      }
      next = pcr.index + 1
      if case .launches = pcr.rule {
        // There is one launch log, so it can explain one PCR only; it is of the SHA-256 bank.
        guard !hasLaunches else { throw .duplicate(path: Read.join(here, "launches")) }
        guard bank == .sha256 else { throw .member(path: Read.join(path, "bank"), wanted: .word) }
        // PCRs from 16 on can be reset while the machine runs (PC client profile, section 4.6.1): a holder
        // could take launches back.
        guard pcr.index < 16 else { throw .range(path: Read.join(here, "index"), least: 0, most: 15) }
        hasLaunches = true
      }
    }
  }

  /// Reads the member of a policy.
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: ["bank", "pcrs", "akNames", "akRoots"])
    var bank = TPM2.Hash.sha256
    if object["bank"] != nil {
      let name = try Read.string(object, "bank", path: path)
      // The default is not written: one policy has one text.
      guard let found = TPM2.Hash.allCases.first(where: { $0.name == name }), found != .sha256 else {
        throw .member(path: Read.join(path, "bank"), wanted: .word)
      }
      bank = found
    }
    let pcrs = try Self.pcrs(object, bank: bank, path: path)
    let names =
      object["akNames"] == nil ? [] : try Read.hexList(object, "akNames", path: path, lengths: 34...66)
    let roots =
      object["akRoots"] == nil ? [] : try Read.hexList(object, "akRoots", path: path, lengths: 32...32)
    try self.init(
      bank: bank, pcrs: pcrs, keyNames: names, keyRoots: roots.map { Bytes32($0.span, at: 0) }, path: path)
  }

  /// The rules of PCRs in `object`.
  static func pcrs(
    _ object: [String: JSONValue], bank: TPM2.Hash, path: String
  ) throws(AttestationPolicyError) -> [PCR] {
    typealias Read = PolicyMembers
    var pcrs: [PCR] = []
    for (position, element) in try Read.array(object, "pcrs", path: path, countMax: Self.pcrsMax).enumerated()
    {
      let here = Read.join(Read.join(path, "pcrs"), String(position))
      let member = try Read.object(element, path: here, known: ["index", "launches", "values", "reported"])
      let index: Int = try Read.integer(member, "index", path: here, in: 0...31)
      let rules = ["launches", "reported", "values"].filter { member[$0] != nil }
      guard rules.count <= 1 else { throw .unknownMember(path: Read.join(here, rules[1])) }
      switch rules.first {
      case "launches": pcrs.append(PCR(index: index, rule: .launches(try Self.launches(member, path: here))))
      case "reported":
        guard try Read.boolean(member, "reported", path: here) else {
          throw .member(path: Read.join(here, "reported"), wanted: .boolean)
        }
        pcrs.append(PCR(index: index, rule: .reported))
      default:
        let values = try Read.hexList(member, "values", path: here, lengths: bank.size...bank.size)
        pcrs.append(PCR(index: index, rule: .values(values)))
      }
    }
    return pcrs
  }

  private static func launches(
    _ object: [String: JSONValue], path: String
  ) throws(AttestationPolicyError) -> [Launch] {
    typealias Read = PolicyMembers
    var list: [Launch] = []
    for (position, element) in try Read.array(object, "launches", path: path).enumerated() {
      let here = Read.join(Read.join(path, "launches"), String(position))
      let member = try Read.object(element, path: here, known: ["program", "policy"])
      let program = try Read.hex(member, "program", path: here, lengths: 32...32)
      let policy = try Read.hex(member, "policy", path: here, lengths: 32...32)
      let launch = Launch(program: Bytes32(program.span, at: 0), policy: Bytes32(policy.span, at: 0))
      guard !list.contains(launch) else { throw .duplicate(path: here) }
      list.append(launch)
    }
    return list
  }

  /// The same as JSON; what is not asked for is left out.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "pcrs": Self.json(pcrs)
    ]
    if bank != .sha256 { members["bank"] = .string(bank.name) }
    if !keyNames.isEmpty { members["akNames"] = .array(keyNames.map { .string(Hex.encode($0)) }) }
    if !keyRoots.isEmpty { members["akRoots"] = .array(keyRoots.map { .string($0.description) }) }
    return .object(members)
  }

  static func json(_ pcrs: [PCR]) -> JSONValue {
    .array(
      pcrs.map { pcr in
        var member: [String: JSONValue] = ["index": .number(String(pcr.index))]
        switch pcr.rule {
        case .launches(let launches):
          member["launches"] = .array(
            launches.map {
              ["program": .string($0.program.description), "policy": .string($0.policy.description)]
            })
        case .values(let values): member["values"] = .array(values.map { .string(Hex.encode($0)) })
        case .reported: member["reported"] = true
        }
        return .object(member)
      })
  }
}
