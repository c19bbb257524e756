public import WireBytes

/// Why a block or an attestation of a beacon chain is not signed.
public enum SlashingRefusal: Error, Hashable, Sendable {
  /// Another block of the slot was signed, or one whose root is not known. Slashable.
  case doubleProposal(slot: UInt64)
  /// Not after the lowest slot that is known: what was signed before it is not (condition 2).
  case slotNotAboveMinimum(minimum: UInt64)
  /// Another attestation of the target epoch was signed, or one whose root is not known. Slashable.
  case doubleVote(targetEpoch: UInt64)
  /// It would surround one that was signed. Slashable.
  case surrounds(sourceEpoch: UInt64, targetEpoch: UInt64)
  /// One that was signed surrounds it. Slashable.
  case surrounded(sourceEpoch: UInt64, targetEpoch: UInt64)
  case sourceAfterTarget
  /// Below the lowest source epoch that is known (condition 4).
  case sourceBelowMinimum(minimum: UInt64)
  /// Not after the lowest target epoch that is known (condition 5).
  case targetNotAboveMinimum(minimum: UInt64)
  case tooManyValidators(max: Int)
}

/// Why a file was not taken.
public enum SlashingImportError: Error, Hashable, Sendable {
  /// Signatures of another chain.
  case genesisValidatorsRoot(own: Bytes32, other: Bytes32)
  case tooManyValidators(max: Int)
}

/// What an import found.
public struct SlashingImport: Hashable, Sendable {
  /// Blocks and attestations that were not known.
  public let addedCount: Int
  /// Of those, how many contradict another one: a validator has signed something slashable. All of them are kept, so
  /// that nothing is signed on top of it.
  public let slashableCount: Int
}

/// What validators of one beacon chain have signed, and the rules of EIP-3076 over it.
///
/// The history is kept whole (the EIP's complete database) up to ``recordsKept`` blocks and attestations a validator.
/// What is beyond that is forgotten from below, and a floor takes its place (the EIP's minimal database): nothing is
/// signed at or under it. The same block or attestation may be signed again while it is remembered.
public struct SlashingProtection: Hashable, Sendable {
  public static let validatorsMax = 1 << 20

  public let genesisValidatorsRoot: Bytes32
  public let recordsKept: Int
  private var validators: [FixedBytes<48>: History] = [:]

  /// - Parameter recordsKept: blocks of a validator, and as many attestations; 8,192 of these are 36 days.
  public init(genesisValidatorsRoot: Bytes32, recordsKept: Int = 1 << 13) {
    precondition(recordsKept > 0)
    self.genesisValidatorsRoot = genesisValidatorsRoot
    self.recordsKept = recordsKept
  }

  /// Adds what a file says. Importing a file twice changes nothing.
  ///
  /// - Throws: ``SlashingImportError``; nothing has then changed.
  public mutating func merge(
    _ interchange: SlashingInterchange
  ) throws(SlashingImportError) -> SlashingImport {
    guard interchange.genesisValidatorsRoot == genesisValidatorsRoot else {
      throw .genesisValidatorsRoot(own: genesisValidatorsRoot, other: interchange.genesisValidatorsRoot)
    }
    var unknown: Set<FixedBytes<48>> = []
    for validator in interchange.validators where validators[validator.publicKey] == nil {
      unknown.insert(validator.publicKey)
    }
    guard validators.count + unknown.count <= Self.validatorsMax else {
      throw .tooManyValidators(max: Self.validatorsMax)
    }
    var added = 0
    var slashable = 0
    for validator in interchange.validators {
      let (more, wrong) = validators[validator.publicKey, default: History()].merge(
        validator, keeping: recordsKept)
      added += more
      slashable += wrong
    }
    return SlashingImport(addedCount: added, slashableCount: slashable)
  }

  /// Binds a validator to a block, or refuses.
  ///
  /// - Throws: ``SlashingRefusal``.
  public mutating func sign(
    _ block: SignedBlock, by publicKey: FixedBytes<48>
  ) throws(SlashingRefusal) {
    try checkRoom(for: publicKey)
    try validators[publicKey, default: History()].sign(block, keeping: recordsKept)
  }

  /// Binds a validator to an attestation, or refuses.
  ///
  /// - Throws: ``SlashingRefusal``.
  public mutating func sign(
    _ attestation: SignedAttestation, by publicKey: FixedBytes<48>
  ) throws(SlashingRefusal) {
    guard attestation.sourceEpoch <= attestation.targetEpoch else { throw .sourceAfterTarget }
    try checkRoom(for: publicKey)
    try validators[publicKey, default: History()].sign(attestation, keeping: recordsKept)
  }

  private func checkRoom(for publicKey: FixedBytes<48>) throws(SlashingRefusal) {
    guard validators.count < Self.validatorsMax || validators[publicKey] != nil else {
      throw .tooManyValidators(max: Self.validatorsMax)
    }
  }

  /// Everything that is known, by ascending key, slot and target. Floors are written as a block and an attestation
  /// without a root, which bind whoever imports the file as they bind here.
  public var interchange: SlashingInterchange {
    SlashingInterchange(
      genesisValidatorsRoot: genesisValidatorsRoot,
      validators: validators.sorted { $0.key < $1.key }.map { key, history in
        SlashingInterchange.Validator(
          publicKey: key, blocks: history.exportedBlocks, attestations: history.exportedAttestations)
      })
  }
}

extension SlashingProtection {
  /// What one validator has signed.
  private struct History: Hashable, Sendable {
    /// By ascending slot; a slot comes more than once when something slashable was imported.
    private var blocks: [SignedBlock] = []
    /// By ascending target.
    private var attestations: [SignedAttestation] = []
    private var slotFloor: UInt64?
    /// The highest source and the highest target that were forgotten.
    private var epochFloor: (source: UInt64, target: UInt64)?

    // MARK: Blocks

    private func blocks(at slot: UInt64) -> ArraySlice<SignedBlock> {
      let start = firstIndex(blocks.count) { blocks[$0].slot >= slot }
      let end = firstIndex(blocks.count) { blocks[$0].slot > slot }
      return blocks[start..<end]
    }

    func knows(_ block: SignedBlock) -> Bool {
      if let slotFloor, block.slot <= slotFloor { return true }
      return blocks(at: block.slot).contains(block)
    }

    func isSlashable(_ block: SignedBlock) -> Bool { !blocks(at: block.slot).isEmpty }

    mutating func add(_ block: SignedBlock) {
      blocks.insert(block, at: firstIndex(blocks.count) { blocks[$0].slot > block.slot })
    }

    mutating func sign(_ block: SignedBlock, keeping count: Int) throws(SlashingRefusal) {
      let same = blocks(at: block.slot)
      if !same.isEmpty {
        guard block.signingRoot != nil, same.allSatisfy({ $0 == block }) else {
          throw .doubleProposal(slot: block.slot)
        }
        return
      }
      if let minimum = slotFloor ?? blocks.first?.slot, block.slot <= minimum {
        throw .slotNotAboveMinimum(minimum: minimum)
      }
      add(block)
      prune(to: count)
    }

    // MARK: Attestations

    private func attestations(at target: UInt64) -> ArraySlice<SignedAttestation> {
      let start = firstIndex(attestations.count) { attestations[$0].targetEpoch >= target }
      let end = firstIndex(attestations.count) { attestations[$0].targetEpoch > target }
      return attestations[start..<end]
    }

    func knows(_ attestation: SignedAttestation) -> Bool {
      if let epochFloor, attestation.targetEpoch <= epochFloor.target {
        return attestation.sourceEpoch <= epochFloor.source
      }
      return attestations(at: attestation.targetEpoch).contains(attestation)
    }

    func isSlashable(_ attestation: SignedAttestation) -> Bool {
      attestation.sourceEpoch > attestation.targetEpoch || slashing(attestation) != nil
    }

    mutating func add(_ attestation: SignedAttestation) {
      if let floor = epochFloor, attestation.targetEpoch <= floor.target {
        epochFloor = (max(floor.source, attestation.sourceEpoch), floor.target)
        return
      }
      let index = firstIndex(attestations.count) {
        attestations[$0].targetEpoch > attestation.targetEpoch
      }
      attestations.insert(attestation, at: index)
    }

    /// Why a validator is slashed for signing both this and one that it signed before.
    private func slashing(_ new: SignedAttestation) -> SlashingRefusal? {
      if !attestations(at: new.targetEpoch).isEmpty { return .doubleVote(targetEpoch: new.targetEpoch) }
      for old in attestations {
        if new.sourceEpoch < old.sourceEpoch, old.targetEpoch < new.targetEpoch {
          return .surrounds(sourceEpoch: old.sourceEpoch, targetEpoch: old.targetEpoch)
        }
        if old.sourceEpoch < new.sourceEpoch, new.targetEpoch < old.targetEpoch {
          return .surrounded(sourceEpoch: old.sourceEpoch, targetEpoch: old.targetEpoch)
        }
      }
      return nil
    }

    mutating func sign(_ attestation: SignedAttestation, keeping count: Int) throws(SlashingRefusal) {
      let same = attestations(at: attestation.targetEpoch)
      if !same.isEmpty, attestation.signingRoot != nil, same.allSatisfy({ $0 == attestation }) { return }
      if let refusal = slashing(attestation) { throw refusal }
      // What was forgotten had sources up to the floor's: from there on nothing of it can be surrounded.
      if let minimum = epochFloor?.source ?? attestations.lazy.map(\.sourceEpoch).min(),
        attestation.sourceEpoch < minimum
      {
        throw .sourceBelowMinimum(minimum: minimum)
      }
      if let minimum = epochFloor?.target ?? attestations.first?.targetEpoch,
        attestation.targetEpoch <= minimum
      {
        throw .targetNotAboveMinimum(minimum: minimum)
      }
      add(attestation)
      prune(to: count)
    }

    /// Adds what one entry of a file says.
    ///
    /// - Returns: how much of it is new, and how much of that is slashable.
    mutating func merge(
      _ validator: SlashingInterchange.Validator, keeping count: Int
    ) -> (added: Int, slashable: Int) {
      var (added, slashable) = (0, 0)
      for block in validator.blocks where !knows(block) {
        if isSlashable(block) { slashable += 1 }
        add(block)
        added += 1
        // Not at each step: most files are compared whole, and a long one costs no more than twice the history.
        if blocks.count > 2 * count { prune(to: count) }
      }
      for attestation in validator.attestations where !knows(attestation) {
        if isSlashable(attestation) { slashable += 1 }
        add(attestation)
        added += 1
        if attestations.count > 2 * count { prune(to: count) }
      }
      prune(to: count)
      return (added, slashable)
    }

    // MARK: Forgetting

    mutating func prune(to count: Int) {
      if blocks.count > count {
        let gone = blocks.count - count
        slotFloor = max(slotFloor ?? 0, blocks[gone - 1].slot)
        blocks.removeFirst(gone)
      }
      if attestations.count > count {
        let gone = attestations.count - count
        let source = attestations.prefix(gone).map(\.sourceEpoch).max() ?? 0
        let target = attestations[gone - 1].targetEpoch
        epochFloor = (max(epochFloor?.source ?? 0, source), max(epochFloor?.target ?? 0, target))
        attestations.removeFirst(gone)
      }
    }

    var exportedBlocks: [SignedBlock] {
      guard let slotFloor else { return blocks }
      return [SignedBlock(slot: slotFloor, signingRoot: nil)] + blocks
    }

    var exportedAttestations: [SignedAttestation] {
      guard let epochFloor else { return attestations }
      return [
        SignedAttestation(
          sourceEpoch: epochFloor.source, targetEpoch: epochFloor.target, signingRoot: nil)
      ] + attestations
    }

    /// The first of `count` indices for which `holds`, which holds for all after it too; `count` when for none.
    private func firstIndex(_ count: Int, _ holds: (Int) -> Bool) -> Int {
      var (low, high) = (0, count)
      while low < high {
        let middle = low + (high - low) / 2
        if holds(middle) { high = middle } else { low = middle + 1 }
      }
      return low
    }

    static func == (left: History, right: History) -> Bool {
      left.blocks == right.blocks && left.attestations == right.attestations
        && left.slotFloor == right.slotFloor && left.epochFloor?.source == right.epochFloor?.source
        && left.epochFloor?.target == right.epochFloor?.target
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(blocks)
      hasher.combine(attestations)
      hasher.combine(slotFloor)
    }
  }
}
