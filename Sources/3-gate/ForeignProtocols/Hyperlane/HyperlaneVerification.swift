import Digests
import MerkleProofs
public import WireBytes

/// A message that a security module let through; only ``HyperlaneModule/verify(_:metadata:)`` makes one.
public struct VerifiedHyperlaneMessage: Hashable, Sendable {
  public let message: HyperlaneMessage
  public let id: Bytes32
  /// One entry for each multisig that passed, in the order of evaluation.
  public let quorums: [Quorum]

  /// Who signed, under which rule.
  public struct Quorum: Hashable, Sendable {
    public let checkpoint: HyperlaneCheckpoint
    public let kind: HyperlaneProofKind
    /// In the order of the signatures that were read.
    public let signers: [Bytes20]
    public let validators: Int
  }

  fileprivate init(message: HyperlaneMessage, id: Bytes32, quorums: [Quorum]) {
    self.message = message
    self.id = id
    self.quorums = quorums
  }
}

extension HyperlaneModule {
  /// Decides as the EVM contracts do whether `message` may be delivered.
  ///
  /// A module says nothing about version, destination, replay or finality: those are the mailbox's and the validators'.
  ///
  /// - Throws: ``HyperlaneRefusal``. Message and metadata are untrusted; no input traps.
  public func verify(
    _ message: HyperlaneMessage, metadata: Span<UInt8>
  ) throws(HyperlaneRefusal) -> VerifiedHyperlaneMessage {
    var left = Self.countMax
    guard fits(depth: Self.depthMax, count: &left) else { throw .treeTooLarge }
    let id = message.id
    var quorums: [VerifiedHyperlaneMessage.Quorum] = []
    try verify(message, id, metadata, &quorums)
    return VerifiedHyperlaneMessage(message: message, id: id, quorums: quorums)
  }

  private func fits(depth: Int, count: inout Int) -> Bool {
    count -= 1
    guard depth > 0, count >= 0 else { return false }
    switch self {
    case .multisig, .weightedMultisig: return true
    case .aggregation(let modules, _): return modules.allSatisfy { $0.fits(depth: depth - 1, count: &count) }
    case .routing(let routes, let fallback):
      // Only one route is taken, so that each has the whole budget; the deepest decides alike in any order.
      let budget = count
      func fits(_ module: HyperlaneModule) -> Bool {
        var count = budget
        return module.fits(depth: depth - 1, count: &count)
      }
      return routes.values.allSatisfy(fits) && (fallback.map(fits) ?? true)
    }
  }

  private func verify(
    _ message: HyperlaneMessage, _ id: Bytes32, _ metadata: Span<UInt8>,
    _ quorums: inout [VerifiedHyperlaneMessage.Quorum]
  ) throws(HyperlaneRefusal) {
    switch self {
    case .multisig(let multisig):
      let signed = try SignedCheckpointMetadata(multisig.kind, message, id, metadata)
      let signers = try multisig.signers(of: signed)
      quorums.append(
        .init(
          checkpoint: signed.checkpoint, kind: multisig.kind, signers: signers,
          validators: multisig.validators.count))
    case .weightedMultisig(let multisig):
      let signed = try SignedCheckpointMetadata(multisig.kind, message, id, metadata)
      let signers = try multisig.signers(of: signed)
      quorums.append(
        .init(
          checkpoint: signed.checkpoint, kind: multisig.kind, signers: signers,
          validators: multisig.validators.count))
    case .aggregation(let modules, let threshold):
      try Self.verify(modules, threshold, message, id, metadata, &quorums)
    case .routing(let routes, let fallback):
      guard let module = routes[message.origin] ?? fallback else { throw .noRoute(origin: message.origin) }
      try module.verify(message, id, metadata, &quorums)
    }
  }

  /// Metadata is `[start: 4][end: 4]` per module, then the modules' own; start 0 means none.
  ///
  /// Source: hyperlane-monorepo AbstractAggregationIsm.sol, AggregationIsmMetadata.sol.
  private static func verify(
    _ modules: [HyperlaneModule], _ threshold: UInt8, _ message: HyperlaneMessage, _ id: Bytes32,
    _ metadata: Span<UInt8>, _ quorums: inout [VerifiedHyperlaneMessage.Quorum]
  ) throws(HyperlaneRefusal) {
    var given = 0
    for (position, module) in modules.enumerated() {
      var reader = ByteReader(metadata)
      let start: UInt32
      let end: UInt32
      do {
        try reader.skip(position * 8)
        start = try reader.readBigEndian()
        end = try reader.readBigEndian()
      } catch {
        throw .metadata(.truncated(needed: modules.count * 8, actual: metadata.count))
      }
      guard start > 0 else { continue }
      guard start <= end, Int(end) <= metadata.count else {
        throw .aggregationRange(module: position, start: start, end: end, size: metadata.count)
      }
      do {
        try module.verify(message, id, metadata.extracting(Int(start)..<Int(end)), &quorums)
      } catch {
        throw .module(position, error)
      }
      given += 1
      guard given <= Int(threshold) else { throw .tooManyModules(given: given, needed: Int(threshold)) }
    }
    guard given == Int(threshold) else { throw .tooFewModules(given: given, needed: Int(threshold)) }
  }
}

/// What the metadata of either multisig kind comes to: a checkpoint, and signatures over its digest.
private struct SignedCheckpointMetadata {
  let checkpoint: HyperlaneCheckpoint
  let signatures: SignatureBytes

  init(
    _ kind: HyperlaneProofKind, _ message: HyperlaneMessage, _ id: Bytes32, _ bytes: Span<UInt8>
  ) throws(HyperlaneRefusal) {
    do {
      switch kind {
      case .messageID:
        let metadata = try MessageIDMultisigMetadata(decoding: bytes)
        checkpoint = HyperlaneCheckpoint(
          origin: message.origin, hook: metadata.hook, root: metadata.root, index: metadata.index,
          messageID: id)
        signatures = metadata.signatures
      case .merkleRoot:
        let metadata = try MerkleRootMultisigMetadata(decoding: bytes)
        guard metadata.messageIndex <= metadata.signedIndex else {
          throw HyperlaneRefusal.merkleIndex(message: metadata.messageIndex, signed: metadata.signedIndex)
        }
        checkpoint = HyperlaneCheckpoint(
          origin: message.origin, hook: metadata.hook,
          root: try IncrementalMerkleTree<Keccak256>.branchRoot(
            leaf: id, path: metadata.siblings, index: metadata.messageIndex),
          index: metadata.signedIndex, messageID: metadata.signedMessageID)
        signatures = metadata.signatures
      }
    } catch let error as HyperlaneMetadataError {
      throw .metadata(error)
    } catch let error as HyperlaneRefusal {
      throw error
    } catch {
      throw .metadata(.truncated(needed: bytes.count + 1, actual: bytes.count))
    }
  }
}

extension HyperlaneMultisig {
  /// The first `threshold` signatures are read and no other; their signers must stand in the order of the validators.
  ///
  /// Source: hyperlane-monorepo AbstractMultisigIsm.sol, verify.
  fileprivate func signers(of signed: SignedCheckpointMetadata) throws(HyperlaneRefusal) -> [Bytes20] {
    guard threshold > 0 else { throw .noThreshold }
    let digest = signed.checkpoint.digest
    var signers: [Bytes20] = []
    var cursor = 0
    for position in 0..<Int(threshold) {
      let signer = try signed.signatures.signer(at: position, of: digest)
      while cursor < validators.count, validators[cursor] != signer { cursor += 1 }
      guard cursor < validators.count else {
        throw .threshold(position: position, recovered: signer, needed: Int(threshold))
      }
      cursor += 1
      signers.append(signer)
    }
    return signers
  }
}

extension HyperlaneWeightedMultisig {
  /// Signatures are read until the weight is reached.
  ///
  /// As the contract does, the search for a signer ends at the count of signatures, not of validators: with two
  /// signatures, validators beyond the second are not found. Signers must be a prefix-dense choice; that costs
  /// deliveries, not safety.
  ///
  /// Source: hyperlane-monorepo AbstractWeightedMultisigIsm.sol, verify.
  fileprivate func signers(of signed: SignedCheckpointMetadata) throws(HyperlaneRefusal) -> [Bytes20] {
    guard thresholdWeight > 0, thresholdWeight <= Self.totalWeight else {
      throw .thresholdWeight(thresholdWeight, total: Self.totalWeight)
    }
    guard let signatureCount = signed.signatures.count else {
      throw .signaturesLength(signed.signatures.bytes.count)
    }
    let digest = signed.checkpoint.digest
    let bound = min(validators.count, signatureCount)
    var signers: [Bytes20] = []
    var cursor = 0
    var weight: UInt64 = 0
    for position in 0..<bound where weight < thresholdWeight {
      let signer = try signed.signatures.signer(at: position, of: digest)
      while cursor < bound, validators[cursor].address != signer { cursor += 1 }
      guard cursor < bound else { throw .invalidSigner(position: position, recovered: signer) }
      let (sum, overflow) = weight.addingReportingOverflow(validators[cursor].weight)
      weight = overflow ? .max : sum
      cursor += 1
      signers.append(signer)
    }
    guard weight >= thresholdWeight else {
      throw .insufficientWeight(reached: weight, needed: thresholdWeight)
    }
    return signers
  }
}

extension SignatureBytes {
  fileprivate func signer(at position: Int, of digest: Bytes32) throws(HyperlaneRefusal) -> Bytes20 {
    let signature: HyperlaneSignature
    do { signature = try self.signature(at: position) } catch { throw .metadata(error) }
    do { return try signature.signer(of: digest) } catch {
      throw .signature(position: position, error)
    }
  }
}
