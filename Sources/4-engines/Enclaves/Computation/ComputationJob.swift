public import Encodings
public import Messages
import WireBytes

/// What a coordinator hands to an enclave: the case, what was submitted to it, the envelopes, and the ledger's word.
public struct ComputationJob: EnclaveContainer {
  public static let blockSizeMax = LedgerBlock.sizeMax
  public static let proofSizeMax = 65_536

  /// The ledger's proof of the closed case.
  public struct LedgerWord: Hashable, Sendable {
    /// ``LedgerBlock``, encoded.
    public let block: [UInt8]
    /// ``CaseRecord``, encoded: the value that is proven.
    public let record: [UInt8]
    /// ICS-23 `CommitmentProof`, protobuf.
    public let proof: [UInt8]

    public init(block: [UInt8], record: [UInt8], proof: [UInt8]) {
      self.block = block
      self.record = record
      self.proof = proof
    }
  }

  public let opening: CaseOpening
  /// In the order of submission.
  public let inputs: [CaseInput]
  /// In the order of their commitments.
  public let envelopes: [SealedEnvelope]
  public let ledger: LedgerWord?

  /// - Throws: ``EnclaveFormatError``.
  public init(
    opening: CaseOpening, inputs: [CaseInput], envelopes: [SealedEnvelope], ledger: LedgerWord?
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(inputs.count, CaseInputs.countMax, .inputs)
    try EnclaveLimits.fits(envelopes.count, CaseInputs.countMax, .inputs)
    if let ledger {
      guard !ledger.block.isEmpty, !ledger.record.isEmpty, !ledger.proof.isEmpty else {
        throw .empty(.height)
      }
      try EnclaveLimits.fits(ledger.block.count, Self.blockSizeMax, .height)
      try EnclaveLimits.fits(ledger.record.count, CaseRecord.sizeMax, .status)
      try EnclaveLimits.fits(ledger.proof.count, Self.proofSizeMax, .height)
    }
    self.opening = opening
    self.inputs = inputs
    self.envelopes = envelopes
    self.ledger = ledger
  }

  public static let sizeMax = 40 << 20
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("opening", CaseOpening.type),
    .init("inputs", .list(CaseInput.type, limit: UInt64(CaseInputs.countMax))),
    .init("envelopes", .list(SealedEnvelope.type, limit: UInt64(CaseInputs.countMax))),
    .init("block", .byteList(limit: UInt64(blockSizeMax))),
    .init("record", .byteList(limit: UInt64(CaseRecord.sizeMax))),
    .init("proof", .byteList(limit: UInt64(proofSizeMax))),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), opening.value, .sequence(inputs.map(\.value)), .sequence(envelopes.map(\.value)),
      .packed(ledger?.block ?? []), .packed(ledger?.record ?? []), .packed(ledger?.proof ?? []),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 7)
    try fields.version()
    let opening = try CaseOpening(value: try fields.value())
    var inputs: [CaseInput] = []
    for input in try fields.sequence() { inputs.append(try CaseInput(value: input)) }
    var envelopes: [SealedEnvelope] = []
    for envelope in try fields.sequence() { envelopes.append(try SealedEnvelope(value: envelope)) }
    let word = LedgerWord(block: try fields.bytes(), record: try fields.bytes(), proof: try fields.bytes())
    let isAbsent = word.block.isEmpty && word.record.isEmpty && word.proof.isEmpty
    try self.init(opening: opening, inputs: inputs, envelopes: envelopes, ledger: isAbsent ? nil : word)
  }
}
