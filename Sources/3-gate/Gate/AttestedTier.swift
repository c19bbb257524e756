public import Messages
import WireBytes

/// Why signatures over our digest do not satisfy a policy. `signature` is a position in the evidence.
public enum AttestationError: Error, Hashable, Sendable {
  case form(expected: AttestedPolicy.Form, actual: AttestedPolicy.Form)
  case heightZero
  case timestampZero
  case noEntries
  case tooManyEntries(max: Int, actual: Int)
  /// One path twice: it could be shown to hold two things.
  case duplicatePath(entry: Int)
  case noSignatures
  case tooManySignatures(max: Int, actual: Int)
  case unknownSigner(signature: Int, attester: Int)
  case duplicateSigner(signature: Int, attester: Int)
  case signature(Int, attester: Int, AttesterSignatureError)
  case surplusSignature(Int)
  case quorum(required: UInt64, signed: UInt64)
  case tooOld(ageSeconds: UInt64, max: UInt64)
  case fromFuture(aheadSeconds: UInt64, max: UInt64)
}

extension AttestedPolicy {
  /// The claim that `evidence` proves under this policy, which must be of the Causeway mode.
  ///
  /// Cheap checks come before signatures. Every signature that names a known attester must be valid.
  ///
  /// - Throws: ``AttestationError``; all of the evidence is untrusted.
  func claim(
    _ evidence: AttestedEvidence, at now: UnixTime
  ) throws(AttestationError) -> (claim: Claim, expires: UnixTime?) {
    guard evidence.body.form == form else { throw .form(expected: form, actual: evidence.body.form) }
    guard evidence.height.number > 0 else { throw .heightZero }
    guard evidence.timestamp.seconds > 0 else { throw .timestampZero }
    let body: [UInt8]
    let claim: Claim
    switch evidence.body {
    case .state(let root):
      body = AttestationDigest.stateBody(height: evidence.height, timestamp: evidence.timestamp, root: root)
      claim = .state(
        StateClaim(domain: origin, height: evidence.height, root: root, timestamp: evidence.timestamp))
    case .packets(let entries):
      try Self.check(entries)
      body = AttestationDigest.packetsBody(
        height: evidence.height, timestamp: evidence.timestamp, entries: entries)
      claim = .packets(
        PacketsClaim(domain: origin, height: evidence.height, timestamp: evidence.timestamp, entries: entries)
      )
    }
    let expires = try check(evidence.timestamp, at: now)
    try verify(
      evidence.signatures, digest: AttestationDigest.of(form: form, binding: binding, body: body), at: now)
    return (claim, expires)
  }

  private static func check(_ entries: [StoredEntry]) throws(AttestationError) {
    guard !entries.isEmpty else { throw .noEntries }
    guard entries.count <= PacketsClaim.entryCountMax else {
      throw .tooManyEntries(max: PacketsClaim.entryCountMax, actual: entries.count)
    }
    var paths: Set<Bytes32> = []
    for (index, entry) in entries.enumerated() {
      guard paths.insert(entry.pathHash).inserted else { throw .duplicatePath(entry: index) }
    }
  }

  /// Compares a claim's time with the destination's; gives the moment from which it is too old.
  func check(_ timestamp: UnixTime, at now: UnixTime) throws(AttestationError) -> UnixTime? {
    guard let freshness else { return nil }
    let age = now.seconds(since: timestamp)
    guard age <= freshness.ageMaxSeconds else { throw .tooOld(ageSeconds: age, max: freshness.ageMaxSeconds) }
    let ahead = timestamp.seconds(since: now)
    guard ahead <= freshness.driftMaxSeconds else {
      throw .fromFuture(aheadSeconds: ahead, max: freshness.driftMaxSeconds)
    }
    return timestamp.adding(seconds: freshness.ageMaxSeconds).adding(seconds: 1)
  }

  private func verify(
    _ signatures: [AttestedEvidence.Signature], digest: Bytes32, at now: UnixTime
  ) throws(AttestationError) {
    guard !signatures.isEmpty else { throw .noSignatures }
    guard signatures.count <= AttestedEvidence.signatureCountMax else {
      throw .tooManySignatures(max: AttestedEvidence.signatureCountMax, actual: signatures.count)
    }
    // Who signs is settled before anything is computed.
    var seen: Set<Int> = []
    var offered: UInt64 = 0
    for (index, signature) in signatures.enumerated() {
      guard attesters.indices.contains(signature.attester) else {
        if unknownSigners == .allow { continue }
        throw .unknownSigner(signature: index, attester: signature.attester)
      }
      guard seen.insert(signature.attester).inserted else {
        throw .duplicateSigner(signature: index, attester: signature.attester)
      }
      if surplus == .refuse, offered >= quorum { throw .surplusSignature(index) }
      // Attesters count once each, so this is at most their total weight.
      offered += attesters[signature.attester].weight
    }
    guard offered >= quorum else { throw .quorum(required: quorum, signed: offered) }
    for (index, signature) in signatures.enumerated() where attesters.indices.contains(signature.attester) {
      do { try attesters[signature.attester].verify(signature.bytes, digest: digest, at: now) } catch {
        throw .signature(index, attester: signature.attester, error)
      }
    }
  }
}
