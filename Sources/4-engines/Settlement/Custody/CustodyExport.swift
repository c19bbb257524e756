import Attestation
public import Enclaves
public import MerkleProofs
public import Messages
public import WireBytes

/// One entry of a ledger's store, with the proof that leads to it under the root of one header.
public struct ProvenEntry: Hashable, Sendable {
  /// Nil when nothing lies there.
  public let value: [UInt8]?
  /// Nil unless the reader gives proofs.
  public let proof: ICS23.CommitmentProof?

  public init(value: [UInt8]?, proof: ICS23.CommitmentProof?) {
    self.value = value
    self.proof = proof
  }
}

/// Why a ledger's entries make no custody bundle.
public enum CustodyExportError<Reading: Error & Hashable & Sendable>: Error, Hashable, Sendable {
  /// The entries could not be read.
  case reading(Reading)
  case caseUnknown(Bytes32)
  /// What should lie under the key does not, or is not what is kept there.
  case entry(key: [UInt8])
  /// The reader gave no proof, or one that has no encoding.
  case noProof(key: [UInt8])
  /// The policy that the caller has is another one than the case's.
  case enclavePolicy(expected: Bytes32, actual: Bytes32)
  case bundle(CustodyBundleError)
}

/// Makes the file that an auditor walks offline, from proven entries of a ledger's state.
public enum CustodyExport {
  /// The whole story of one case.
  ///
  /// - Parameters:
  ///   - block: the block whose header has the root that `read` proves entries under.
  ///   - policy: the enclave policy of the case: the ledger has its hash alone. Needed for a settled case.
  ///   - read: gives the entries under keys, in their order, all of the state that `block`'s header commits to.
  /// - Throws: ``CustodyExportError``.
  public static func bundle<Reading: Error & Hashable & Sendable>(
    of id: Bytes32, domain: DomainID, block: LedgerBlock, policy: EnclavePolicy?,
    read: @escaping ([[UInt8]]) async throws(Reading) -> [ProvenEntry]
  ) async throws(CustodyExportError<Reading>) -> CustodyBundle {
    let chain: InteroperableAddress
    do { chain = try InteroperableAddress(chain: domain) } catch {
      throw .bundle(.address(path: "domain", error))
    }
    let entries = Entries<Reading>(read: read)
    guard let record: CustodyBundle.Proven<CaseRecord> = try await entries.proven(CaseKeys.record(id)) else {
      throw .caseUnknown(id)
    }
    guard let opening: CaseOpening = try await entries.value(CaseKeys.opening(id)) else {
      throw .entry(key: CaseKeys.opening(id))
    }
    let keys = (0..<UInt32(record.value.inputCount)).map { CaseKeys.input(id, $0) }
    let inputs: [CaseInput] = try await entries.values(keys)
    var settlement: CustodyBundle.Settlement?
    if record.value.status == .settled {
      settlement = try await Self.settlement(of: id, opening, policy, entries)
    }
    do {
      return try CustodyBundle(
        domain: chain, block: block, record: record, opening: opening, inputs: inputs, settlement: settlement)
    } catch { throw .bundle(error) }
  }

  private static func settlement<Reading>(
    of id: Bytes32, _ opening: CaseOpening, _ policy: EnclavePolicy?, _ entries: Entries<Reading>
  ) async throws(CustodyExportError<Reading>) -> CustodyBundle.Settlement {
    guard let policy, policy.hash == opening.policy else {
      throw .enclavePolicy(expected: opening.policy, actual: policy?.hash ?? Bytes32())
    }
    let resultKey = SettlementKeys.result(id)
    guard let resultBytes = try await entries.bytes(resultKey),
      let result = try? SettledResult(decoding: resultBytes)
    else { throw .entry(key: resultKey) }
    let registrationID = result.receipt.registration
    let key = SettlementKeys.registration(registrationID)
    guard let registration: CustodyBundle.Proven<RegistrationRecord> = try await entries.proven(key) else {
      throw .entry(key: key)
    }
    let end: RegistrationEnd? = try await entries.value(SettlementKeys.end(registrationID))
    let evidenceKey = SettlementKeys.evidence(registrationID)
    guard let evidenceBytes = try await entries.bytes(evidenceKey),
      let evidence = try? AttestationEvidence(decoding: evidenceBytes)
    else { throw .entry(key: evidenceKey) }
    let policyKey = SettlementKeys.policy(opening.attestationPolicy)
    guard let text = try await entries.bytes(policyKey),
      let attestationPolicy = try? AttestationPolicy(decoding: text)
    else { throw .entry(key: policyKey) }
    return CustodyBundle.Settlement(
      registration: registration, end: end, evidence: evidence, attestationPolicy: attestationPolicy,
      enclavePolicy: policy, token: CustodyBundle.Signed(result.token, signature: result.tokenSignature),
      receipt: CustodyBundle.Signed(result.receipt, signature: result.signature), update: result.update)
  }

  /// Entries as the containers that they hold.
  private struct Entries<Reading: Error & Hashable & Sendable> {
    let read: ([[UInt8]]) async throws(Reading) -> [ProvenEntry]

    private func entries(
      _ keys: [[UInt8]]
    ) async throws(CustodyExportError<Reading>) -> [ProvenEntry] {
      let found: [ProvenEntry]
      do { found = try await read(keys) } catch { throw .reading(error) }
      guard found.count == keys.count else { throw .entry(key: keys.first ?? []) }
      return found
    }

    func bytes(_ key: [UInt8]) async throws(CustodyExportError<Reading>) -> [UInt8]? {
      try await entries([key])[0].value
    }

    /// Nil when nothing lies there.
    func value<Value: EnclaveContainer>(
      _ key: [UInt8]
    ) async throws(CustodyExportError<Reading>) -> Value? {
      guard let bytes = try await bytes(key) else { return nil }
      guard let value = try? Value(decoding: bytes) else { throw .entry(key: key) }
      return value
    }

    func values<Value: EnclaveContainer>(
      _ keys: [[UInt8]]
    ) async throws(CustodyExportError<Reading>) -> [Value] {
      guard !keys.isEmpty else { return [] }
      var values: [Value] = []
      for (key, entry) in zip(keys, try await entries(keys)) {
        guard let bytes = entry.value, let value = try? Value(decoding: bytes) else {
          throw .entry(key: key)
        }
        values.append(value)
      }
      return values
    }

    func proven<Value: EnclaveContainer>(
      _ key: [UInt8]
    ) async throws(CustodyExportError<Reading>) -> CustodyBundle.Proven<Value>? {
      let entry = try await entries([key])[0]
      guard let bytes = entry.value else { return nil }
      guard let value = try? Value(decoding: bytes) else { throw .entry(key: key) }
      guard let proof = entry.proof else { throw .noProof(key: key) }
      return CustodyBundle.Proven(value, proof: proof.encoded())
    }
  }
}
