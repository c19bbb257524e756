public import Encodings

/// What is asked of an Azure confidential machine.
///
/// JSON: `{"sev-snp"?: {…}, "tdx"?: {…}, "bank"?: "sha384", "pcrs": [{"index": 0, "reported": true},
/// {"index": 11, "values": ["0x…"]}, …]}`: the hardware as for its own evidence, PCRs as for a TPM.
public struct AzurePolicy: Hashable, Sendable {
  public let sevSNP: SEVSNPPolicy?
  public let tdx: IntelPolicy?
  public let bank: TPM2.Hash
  public let pcrs: [TPMPolicy.PCR]

  /// - Throws: ``AttestationPolicyError`` `.empty`, and what ``TPMPolicy`` throws of PCRs.
  public init(
    sevSNP: SEVSNPPolicy? = nil, tdx: IntelPolicy? = nil, bank: TPM2.Hash = .sha256, pcrs: [TPMPolicy.PCR],
    path: String = "azure"
  ) throws(AttestationPolicyError) {
    guard sevSNP != nil || tdx != nil else { throw .empty(path: path) }
    guard bank.isAccepted else { throw .member(path: PolicyMembers.join(path, "bank"), wanted: .word) }
    try TPMPolicy.check(pcrs, bank: bank, path: path)
    // The machine's vTPM is measured by firmware; there is no log of launches in this evidence.
    for (position, pcr) in pcrs.enumerated() {
      if case .launches = pcr.rule {
        throw .unknownMember(path: PolicyMembers.join(path, "pcrs.\(position).launches"))
      }
    }
    self.sevSNP = sevSNP
    self.tdx = tdx
    self.bank = bank
    self.pcrs = pcrs
  }

  /// Reads the member of a policy.
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: ["sev-snp", "tdx", "bank", "pcrs"])
    var bank = TPM2.Hash.sha256
    if object["bank"] != nil {
      let name = try Read.string(object, "bank", path: path)
      guard let found = TPM2.Hash.allCases.first(where: { $0.name == name }), found != .sha256 else {
        throw .member(path: Read.join(path, "bank"), wanted: .word)
      }
      bank = found
    }
    var (snp, tdx): (SEVSNPPolicy?, IntelPolicy?)
    if let member = object["sev-snp"] {
      snp = try SEVSNPPolicy(json: member, path: Read.join(path, "sev-snp"))
    }
    if let member = object["tdx"] { tdx = try IntelPolicy(json: member, path: Read.join(path, "tdx")) }
    try self.init(
      sevSNP: snp, tdx: tdx, bank: bank, pcrs: TPMPolicy.pcrs(object, bank: bank, path: path), path: path)
  }

  /// The same as JSON; what is not asked for is left out.
  public var json: JSONValue {
    var members: [String: JSONValue] = ["pcrs": TPMPolicy.json(pcrs)]
    members["sev-snp"] = sevSNP?.json
    members["tdx"] = tdx?.json
    if bank != .sha256 { members["bank"] = .string(bank.name) }
    return .object(members)
  }
}
