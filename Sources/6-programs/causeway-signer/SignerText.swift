import Encodings
import SignerJournal
import SignerService
import SigningRules

/// Failures in words, each with what to do next.
enum SignerText {
  static func text(_ error: SignerConfigurationError, _ directory: String) -> String {
    switch error {
    case .absent:
      "there is no signer in \(directory): make one with `causeway-signer init --directory \(directory)`"
    case .file(let error): "\(directory)/signer.json cannot be read: \(text(error))"
    case .json(let error): "\(directory)/signer.json is not JSON: \(error)"
    case .member(let name): "\(directory)/signer.json is not one that this program wrote: \(name)"
    }
  }

  static func text(_ error: FileCallError) -> String {
    "\(error.call.rawValue) failed (errno \(error.number))"
  }

  static func text(_ error: PassphraseError, _ place: String) -> String {
    switch error {
    case .unreadable(let errno): "the passphrase cannot be read from \(place) (errno \(errno))"
    case .permissions(let mode):
      "\(place) may be read by others (mode \(String(mode, radix: 8))): `chmod 600 \(place)`, and think about who has read it"
    case .empty: "the first line of \(place) is empty: a passphrase has 1 to \(Passphrase.sizeMax) bytes"
    case .tooLong(let max): "the first line of \(place) is longer than \(max) bytes"
    case .noTerminal: "there is no terminal to ask for the passphrase: give --passphrase-file FILE"
    case .different: "the two passphrases differ: nothing was made"
    }
  }

  static func code(_ error: VaultTrouble) -> Int32 {
    switch error {
    case .passphrase: Complaint.refused
    case .seal(let trouble): code(trouble)
    case .inUse, .memory: Complaint.notNow
    default: Complaint.usage
    }
  }

  static func text(_ error: VaultTrouble, _ directory: String) -> String {
    let file = "\(directory)/secrets.vault"
    return switch error {
    case .passphrase: "the passphrase does not open \(file), or somebody has changed the file"
    case .inUse: "\(file) is in use: stop the signer that runs there, or ask it (`causeway-signer status`)"
    case .absent: "\(file) is missing: restore it from a backup (`causeway-signer backup restore --help`)"
    case .exists: "\(file) exists already"
    case .damaged: "\(file) is damaged: restore it from a backup (`causeway-signer backup restore --help`)"
    case .version: "\(file) was written by another version of this program"
    case .foreign: "\(file) belongs to another signer or key domain: do not mix directories"
    case .permissions(let mode):
      "\(file) may be used by others (mode \(String(mode, radix: 8))): `chmod 600 \(file)`, and think about who has read it"
    case .owner(let user): "\(file) belongs to user \(user): run the signer as that user"
    case .notRegular: "\(file) is no plain file"
    case .unreadable(let errno): "\(file) cannot be read (errno \(errno))"
    case .unwritable(let errno): "\(file) cannot be written (errno \(errno)): is the disk full?"
    case .cost: "scrypt's cost is out of bounds"
    case .memory: "there is not enough memory for scrypt"
    case .full: "\(file) holds as much as it can"
    case .name: "a label has 1 to 64 characters of a-z 0-9 . _ - and is used once"
    case .key: "these bytes are no private key of that suite"
    case .seal(let trouble): text(trouble, directory)
    }
  }

  static func code(_ trouble: SealTrouble) -> Int32 {
    switch trouble {
    case .unavailable: Complaint.notNow
    case .otherChip, .registers, .refused, .authorisation: Complaint.refused
    case .absent, .file, .damaged, .noChip, .passphraseUnwanted, .passphraseWanted: Complaint.usage
    }
  }

  /// Why the TPM does not open the secrets, and what to do.
  static func text(_ trouble: SealTrouble, _ directory: String) -> String {
    let restore =
      "restore the signer from a backup into a new directory (`causeway-signer backup restore --help`)"
    return switch trouble {
    case .absent:
      "\(directory)/secrets.sealed is missing, and without it nothing opens secrets.vault: bring it back, or \(restore)"
    case .file(let error): "\(directory)/secrets.sealed: \(text(error))"
    case .damaged: "\(directory)/secrets.sealed is damaged: bring back a copy of it, or \(restore)"
    case .otherChip:
      "another TPM sealed what opens \(directory)/secrets.vault: the directory was carried to this machine, or the TPM was "
        + "cleared. Start the signer on its own machine; if that is gone, \(restore)"
    case .registers(let code):
      "this machine was not started as it was when the secrets were sealed (the TPM's code is \(code)): firmware, boot "
        + "loader or secure boot's keys have changed. Start it as it was; if that cannot be, \(restore)"
    case .unavailable(let code):
      "the TPM that opens the secrets cannot be reached (its code is \(code)): is it there, and may this user use it?"
    case .refused(let code): "the TPM that opens the secrets refused (its code is \(code))"
    case .authorisation(let code):
      "the TPM's owner hierarchy asks for an authorisation (its code is \(code)): secrets are sealed by TPMs without one"
    case .noChip: "the secrets are sealed, and signer.json names no TPM that could open them"
    case .passphraseUnwanted: "the TPM alone opens the secrets of \(directory): leave --passphrase-file out"
    case .passphraseWanted:
      "the secrets of \(directory) open with the TPM and a passphrase: give --passphrase-file"
    }
  }

  static func text(_ error: AccessPolicyError) -> String {
    switch error {
    case .json(let error): "it is not JSON: \(error)"
    case .member(let path, let wanted): "`\(path)` is missing, or is not \(wanted)"
    case .unknownMember(let path): "`\(path)` is no member of a policy"
    default: "\(error)"
    }
  }

  static func text(_ error: PolicyFileError, _ directory: String) -> String {
    switch error {
    case .vault(let error): text(error, directory)
    case .call(let error): "\(directory)/policy.json: \(text(error))"
    case .absent: "\(directory)/policy.json is missing: put back the one that was in force"
    case .policy(let error): "\(directory)/policy.json is no policy: \(text(error))"
    case .foreign(let found, let inForce):
      "\(directory)/policy.json (\(found)) is not the policy in force (\(inForce.map { "\($0)" } ?? "none")): somebody wrote to it. "
        + "Put back the right file, and find out who; `policy propose` is the way to another one"
    case .domain(let domain): "the policy is one of the \(domain.rawValue) domain"
    }
  }

  static func text(_ error: KeyTrouble) -> String {
    switch error {
    case .unknown: "there is no such key"
    case .duplicateLabel: "a key of that label exists: `keys rotate` makes its successor"
    case .purpose: "keys of this domain are never for that"
    case .unavailable(let code):
      "the token cannot be reached (its code is \(code)): is it there, and is its service running?"
    case .refused(let code): "the token refused (its code is \(code))"
    case .authorisation(let code): "the token's PIN is wrong or locked (its code is \(code))"
    case .noBackEnd: "no such place is configured: --token-module, or --tpm"
    case .suite: "that place makes no keys of that suite"
    case .label: "a label has 1 to 64 characters of a-z 0-9 . _ -"
    case .path: "the path is none, or none of this domain's"
    case .reason: "a reason has 1 to 128 bytes on one line"
    case .missing: "its private half is gone"
    case .badSignature: "the token gave something that is no signature by the key"
    case .malformed: "the token's answer, or its description, cannot be read"
    case .tooMany: "there are as many keys as there may be"
    case .state, .locked: "the key's state does not allow that"
    case .file(let error): text(error, "the directory")
    case .inventory: "keys.json is damaged, or somebody has written to it: restore it from a backup"
    case .olderInventory(let sequence, let recorded):
      "keys.json is an older copy: it is at change \(sequence), and the records know change \(recorded). A key that was revoked since would sign again, so nothing does. "
        + "Bring the newest keys.json back; if it is lost, see docs/operations/keys.md, \"Restore\", then `causeway-signer anchor adopt`, and revoke again what was revoked"
    case .forkedInventory(let sequence):
      "keys.json is another than the records know from change \(sequence) on: two signers have used this directory or a copy of it. "
        + "Stop both, compare their audit logs; see docs/operations/keys.md, \"Restore\", then `causeway-signer anchor adopt`"
    }
  }

  /// Whether waiting may help: another signer is still stopping, or the TPM is not there yet.
  static func mayPass(_ error: SignerStartError) -> Bool {
    switch error {
    case .vault(.inUse), .vault(.seal(.unavailable)), .records(.inUse), .server(.socket): true
    default: false
    }
  }

  static func code(_ error: SignerStartError) -> Int32 {
    switch error {
    case .configuration: Complaint.usage
    case .vault(let error): code(error)
    case .records(.inUse), .records(.counter(.unavailable)), .records(.counter(.undecided)),
      .keys(.unavailable), .server:
      Complaint.notNow
    default: Complaint.refused
    }
  }

  static func text(_ error: SignerStartError, _ directory: String) -> String {
    switch error {
    case .configuration(let error): text(error, directory)
    case .vault(let error): text(error, directory)
    case .keys(let error): text(error)
    case .policy(let error): text(error, directory)
    case .records(let refusal): text(refusal, directory)
    case .write(let failure): "the records could not be written: \(failure). Is the disk full?"
    case .identity:
      "the identity that \(directory)/signer.json names is not the one in secrets.vault: somebody wrote to it, or directories were mixed"
    case .server(.socket(let error)):
      "its socket cannot be used (\(error)): does another signer listen there?"
    case .server(.tls):
      "certificate, private key or roots cannot be read, or do not fit: see `tls` in \(directory)/signer.json"
    case .server(.bind):
      "its address is in use, or is none of this machine's: see `tls` in \(directory)/signer.json"
    }
  }

  static func code(_ error: SignerCreationError) -> Int32 {
    switch error {
    case .vault(let error): code(error)
    case .exists: Complaint.refused
    case .seal(let trouble): code(trouble)
    case .key(_, .unavailable): Complaint.notNow
    default: Complaint.usage
    }
  }

  static func text(_ error: SignerCreationError, _ directory: String) -> String {
    switch error {
    case .directory(let error): "\(directory) cannot be used: \(text(error))"
    case .exists:
      "there is a signer in \(directory) already, or what is left of one: nothing was changed. Choose another directory"
    case .vault(let error): text(error, directory)
    case .key(let label, let error): "the key \(label) was not made: \(text(error)). \(leftOver(directory))"
    case .label(let label): "two keys are called \(label)"
    case .policyFile(let error): text(error, directory) + ". " + leftOver(directory)
    case .policy(let error): "the policy is none: \(text(error)). \(leftOver(directory))"
    case .unknownLabel(let label):
      "the policy names the key label:\(label), which no --key makes. \(leftOver(directory))"
    case .json(let error): "the policy is not JSON: \(error). \(leftOver(directory))"
    case .records(let refusal): text(refusal, directory)
    case .write(let failure): "the records could not be written: \(failure). \(leftOver(directory))"
    case .pin(let error): text(error, "the file of the PIN")
    case .seal(let trouble): "\(text(trouble, directory)). \(leftOver(directory))"
    }
  }

  private static func leftOver(_ directory: String) -> String {
    "No signer was made: remove what is in \(directory) before you try again"
  }

  /// - Parameter maker: the verb that makes such a file.
  static func text(_ error: PersonalKeyError, _ file: String, _ maker: String) -> String {
    switch error {
    case .file(let error):
      error.number == 17 ? "\(file) exists: it is not overwritten" : "\(file): \(text(error))"
    case .absent: "there is no key in \(file): make one with `causeway-signer \(maker) --out \(file)`"
    case .form: "\(file) is no file of `causeway-signer \(maker)`"
    }
  }

  /// Why a signer does not start on its records, and how to go on.
  static func text(_ refusal: StartRefusal, _ directory: String) -> String {
    let chapter = "docs/operations/keys.md, \"Restore\""
    let adopt = "causeway-signer anchor adopt --directory \(directory)"
    return switch refusal {
    case .missingState(let anchor):
      "\(directory)/watermarks is gone, and the anchor knows of \(anchor.map { "\($0.sequence) records" } ?? "records"): what was signed is not known here. "
        + "Bring the newest copy back; if there is none, see \(chapter), then `\(adopt) --watermarks EXPORT`"
    case .missingAnchor(let state):
      "the anchor is gone, and the records are at \(state.sequence): whether they are the newest cannot be told. "
        + "Is its disk mounted (--anchor-directory)? If it is lost, see \(chapter), then `\(adopt)`"
    case .restoredOlderState(let state, let anchor):
      "the records are older than the anchor (epoch \(state.epoch) record \(state.sequence), anchor epoch \(anchor.epoch) record \(anchor.sequence)): a copy was restored. "
        + "A signer on it could sign a second claim, so it does not start. Bring the newest copy back, or see \(chapter), then `\(adopt) --watermarks EXPORT`"
    case .restoredOlderAnchor(let state, let anchor):
      "the anchor is older than the records (anchor record \(anchor.sequence), records \(state.sequence)): a copy of the anchor was restored. See \(chapter), then `\(adopt)`"
    case .forked(let sequence):
      "records and anchor differ from record \(sequence) on: two signers have used this directory or a copy of it. Stop both, compare their audit logs; see \(chapter)"
    case .foreignVault: "the records belong to another vault: directories were mixed"
    case .inUse: "another process has the records open: stop the signer that runs there"
    case .alreadyThere: "there are records of this vault already"
    case .auditTruncated, .auditForked:
      "the audit log is not the one that the anchor knows: lines were removed or changed. Keep the files; see docs/operations/keys.md, \"The log is not whole\""
    case .counterAhead(let recorded, let counter):
      "the TPM's counter is at \(counter), and the newest start that the records know left it at \(recorded): directory and anchor are older copies, put back together. "
        + "A signer on them could sign a second claim, so it does not start. Bring the newest copy back, or see \(chapter), then `\(adopt) --watermarks EXPORT`"
    case .counterBehind(let recorded, let counter):
      "the TPM's counter is at \(counter), and the records know it at \(recorded): it is another TPM's, or was made anew. "
        + "Find out why; see \(chapter), then `\(adopt)`"
    case .counterMissing(let recorded):
      "earlier starts raised a TPM's counter to \(recorded), and \(directory)/signer.json names none: put `counter` back, or find out who took it out; "
        + "see \(chapter), then `\(adopt)`"
    case .record(let sequence):
      "record \(sequence) contradicts those before it: the records were changed. Restore from a backup"
    case .nothingToAdopt: "records and anchor agree: there is nothing to adopt"
    case .journal(let error): "the records in \(directory)/watermarks cannot be used: \(error)"
    case .anchor(let error): "the anchor cannot be used: \(error)"
    case .audit(let error): "the audit log cannot be used: \(error)"
    case .counter(let error): text(error, directory)
    case .files(let error): "the records cannot be used: \(text(error))"
    }
  }

  private static func text(_ error: MonotonicCounterError, _ directory: String) -> String {
    switch error {
    case .unavailable(let code):
      "the TPM with the counter cannot be reached (its code is \(code)): is it there, and does nothing else hold it? (`counter` in \(directory)/signer.json)"
    case .missing:
      "the TPM has no such counter: it was cleared, or it is another TPM. If you know why, `causeway-signer anchor adopt --directory \(directory) --make-counter` makes it anew"
    case .foreign: "what the TPM has in the counter's place is none of ours: somebody has replaced it"
    case .authorisation(let code):
      "the TPM's counter does not take this vault's authorisation (its code is \(code)): it is another vault's, or the TPM has locked itself"
    case .refused(let code): "the TPM refused its counter (its code is \(code))"
    case .malformed: "the TPM's answer, or `counter` in \(directory)/signer.json, cannot be read"
    case .undecided: "the connection to the TPM was lost while its counter was raised: start again"
    case .moved(let expected, let found):
      "the TPM's counter went to \(found) instead of \(expected): somebody else raises it, too. Start again, and find out who"
    case .exhausted: "the TPM's counter is as high as it can be"
    }
  }

  private static func text(_ error: ApprovalError) -> String {
    switch error {
    case .noApprovers:
      "the policy names no approvers: whoever has the passphrase decides alone, and there is nothing to propose or approve"
    case .tooFewApprovals(let given, let needed): "\(given) of \(needed) approvers have approved it"
    case .delayed(let effectiveFrom):
      "it is approved, and its delay runs until \(AnswerText.time(.number(String(effectiveFrom.milliseconds)))): give the same command again then"
    case .unknownApprover(let key): "the policy in force does not name the approver \(key)"
    case .approvedAlready(let key): "two approvals are by the one approver \(key)"
    case .signature: "an approval's signature is not over this proposal"
    case .alreadyPending(let number): "the same change waits already, as number \(number)"
    case .notPending, .expired, .tooManyPending, .numberOrder:
      "\(AdministrationFault(error)): \(AdministrationFault(error).advice)"
    }
  }

  static func code(_ error: OfflineError) -> Int32 {
    switch error {
    case .approval(.delayed): Complaint.notNow
    case .vault(let error): code(error)
    case .records(.inUse), .records(.counter(.unavailable)), .records(.counter(.undecided)): Complaint.notNow
    case .configuration, .watermarks: Complaint.usage
    default: Complaint.refused
    }
  }

  static func text(_ error: OfflineError, _ directory: String) -> String {
    switch error {
    case .configuration(let error): text(error, directory)
    case .vault(let error): text(error, directory)
    case .policy(let error): text(error, directory)
    case .records(let refusal): text(refusal, directory)
    case .failure(let error): "the records could not be written: \(error)"
    case .approvers(let count):
      "\(count) approvers decide about that: start the signer, and use `causeway-signer policy propose`"
    case .unconfirmed(let refusal):
      text(refusal, directory) + ". When you know what was signed since, say so with --i-know-what-was-signed"
    case .unconfirmedKeys(let trouble):
      text(trouble) + ". When you know what was changed since, say so with --i-know-what-was-signed"
    case .watermarks(let error): "that is no export of watermarks: \(error)"
    case .conflict(let error): "the export contradicts what is known here, so nothing was added: \(error)"
    case .key(let error): text(error)
    case .file(let error): "\(directory): \(text(error))"
    case .approval(let error): text(error)
    case .unproposed(let change):
      "nothing of this very content waits for approval (\(change)): propose it first with the same options (`backup propose`, `anchor propose`)"
    case .otherVault(let expected, let found):
      "an approval is for the vault \(found), and this one is \(expected)"
    case .otherProposal(let expected, let found):
      "an approval is for the proposal \(found), and this one is \(expected)"
    case .restoredMarks(let expected):
      "\(directory)/restored-watermarks.json is not what the restore brought (\(expected)): put it back, or restore again. Without it a second claim could be signed"
    case .backup(let error):
      "the backup cannot be used (\(error.name))" + (error.nextStep.map { ". \($0)" } ?? "")
    }
  }
}

/// Stopped signers, for verbs.
enum OfflineText {
  static func configuration(_ directory: SignerDirectory) throws -> SignerConfiguration {
    do { return try SignerConfiguration.read(directory) } catch {
      throw Complaint(SignerText.text(error, directory.path))
    }
  }

  /// Opens a directory, hardened as a running signer is but for the filter, and gives failures words.
  static func with<Value>(
    _ place: PlaceArguments, _ passphrase: PassphraseArguments,
    _ body: (borrowing OfflineSigner) throws(OfflineError) -> Value
  ) throws -> Value {
    let directory = SignerDirectory(place.directory)
    let configuration = try configuration(directory)
    _ = configuration.hardening(.off).apply()
    let secret = try passphrase.read("passphrase", for: configuration)
    do throws(OfflineError) {
      let offline = try OfflineSigner.open(directory, anchors: place.anchorDirectory, passphrase: secret)
      return try body(offline)
    } catch { throw Complaint(SignerText.text(error, place.directory), code: SignerText.code(error)) }
  }
}
