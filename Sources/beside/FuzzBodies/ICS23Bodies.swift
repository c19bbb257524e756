private import MerkleProofs
private import WireBytes

/// Bodies over proofs of Cosmos stores and over transparency logs.
public enum ICS23Bodies {
  public static let all: [FuzzBody] = [commitmentProof, merkleProof, proofSpec, note, checkpoint, witness]

  /// A small existence proof in two steps, and its absence form; both verify under a root of their own.
  private static let existence = ICS23.ExistenceProof(
    key: [1], value: [2], leaf: ICS23.ProofSpec.tendermint.leaf,
    path: [
      ICS23.InnerOperation(hash: .sha256, prefix: [1], suffix: [UInt8](repeating: 7, count: 32)),
      ICS23.InnerOperation(hash: .sha256, prefix: [1] + [UInt8](repeating: 9, count: 32)),
    ])

  private static let commitments: [ICS23.CommitmentProof] = [
    .existence(existence),
    .nonExistence(ICS23.NonExistenceProof(key: [0], left: nil, right: existence)),
    .batch(ICS23.BatchProof(entries: [.existence(existence), .existence(existence)])),
    .compressed(ICS23.BatchProof(entries: [.existence(existence), .existence(existence)]).compressed()),
  ]

  private static let specs: [ICS23.ProofSpec] = [.iavl, .tendermint, .sparseMerkleTree]

  /// What is read is written back to the same bytes; whatever the proof says, verification ends without a trap.
  static let commitmentProof = FuzzBody(
    name: "ics23-commitment-proof", seeds: commitments.map { $0.encoded() }
  ) { bytes in
    guard let proof = try? ICS23.CommitmentProof(decoding: bytes.span) else { return }
    precondition(proof.encoded() == bytes)
    for spec in specs {
      switch proof {
      case .existence(let existence):
        guard let root = try? existence.verifiedRoot(spec: spec) else { continue }
        let trusted = root.bytes
        // The proof's own root makes it true of its own key and value, and of no other value.
        let own: ()? = try? proof.verifyMembership(
          spec: spec, root: trusted.span, key: existence.key.span, value: existence.value.span)
        precondition(own != nil)
        let longer = existence.value + [0]
        let other: ()? = try? proof.verifyMembership(
          spec: spec, root: trusted.span, key: existence.key.span, value: longer.span)
        precondition(other == nil)
      case .nonExistence(let absence):
        guard let root = try? absence.calculatedRoot() else { continue }
        let trusted = root.bytes
        _ = try? proof.verifyNonMembership(spec: spec, root: trusted.span, key: absence.key.span)
      case .batch, .compressed:
        let root = [UInt8](repeating: 0, count: 32)
        _ = try? proof.verifyMembership(of: [([1], [2])], spec: spec, root: root.span)
        _ = try? proof.verifyNonMembership(of: [[0]], spec: spec, root: root.span)
      }
    }
  }

  /// What is read is written back to the same bytes; a chain of any shape is verified or refused.
  static let merkleProof = FuzzBody(
    name: "ics23-merkle-proof",
    seeds: [
      ICS23.MerkleProof(proofs: [commitments[0], commitments[0]]).encoded(),
      ICS23.MerkleProof(proofs: [commitments[1], commitments[0]]).encoded(),
    ]
  ) { bytes in
    guard let proof = try? ICS23.MerkleProof(decoding: bytes.span) else { return }
    precondition(proof.encoded() == bytes)
    let root: [UInt8] = [1]
    let value: [UInt8] = [2]
    let path: [[UInt8]] = [[1], [1]]
    let specs: [ICS23.ProofSpec] = [.tendermint, .tendermint]
    // No chain leads to a root of one byte.
    let held: ()? = try? proof.verifyMembership(specs: specs, root: root.span, path: path, value: value.span)
    let absent: ()? = try? proof.verifyNonMembership(specs: specs, root: root.span, path: path)
    precondition(held == nil && absent == nil)
  }

  /// What is read is written back to the same bytes; neighbours are told apart under any spec.
  static let proofSpec = FuzzBody(name: "ics23-proof-spec", seeds: specs.map { $0.encoded() }) { bytes in
    guard let spec = try? ICS23.ProofSpec(decoding: bytes.span) else { return }
    precondition(spec.encoded() == bytes)
    _ = try? existence.verifiedRoot(spec: spec)
    for step in existence.path {
      _ = try? spec.inner.leftBranchesAreEmpty(step)
      _ = try? spec.inner.rightBranchesAreEmpty(step)
    }
  }

  /// The example of C2SP signed-note.
  private static let signedNote = [UInt8](
    """
    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

    """.utf8)

  /// The example of C2SP tlog-checkpoint.
  private static let head = [UInt8](
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".utf8)

  /// Text and signatures of a note are those that stand in it.
  static let note = FuzzBody(name: "signed-note", seeds: [signedNote]) { bytes in
    guard let note = try? SignedNote(decoding: bytes.span) else { return }
    precondition(bytes.starts(with: note.text) && !note.signatures.isEmpty)
    for signature in note.signatures {
      let line = SignedNote.line(name: signature.name, keyID: signature.keyID, signature: signature.bytes)
      let whole = note.text + [0x0a] + line
      let again = try? SignedNote(decoding: whole.span)
      precondition(again?.signatures == [signature])
    }
  }

  /// A checkpoint has one text.
  static let checkpoint = FuzzBody(name: "checkpoint", seeds: [head]) { bytes in
    guard let checkpoint = try? Checkpoint(text: bytes) else { return }
    precondition(checkpoint.text == bytes)
  }

  /// A witness that knows no log cosigns nothing.
  static let witness = FuzzBody(
    name: "witness-request",
    seeds: [[UInt8]("old 0\n\n".utf8) + head + [0x0a] + signedNote[(signedNote.count - 117)...]]
  ) { bytes in
    var engine = WitnessEngine(logs: [])
    let cosigned = try? engine.addCheckpoint(bytes.span, at: 1)
    precondition(cosigned == nil)
  }
}
