import LightClients
import WireBytes

extension CometBFT.CommitTally {
  /// One line with the numbers.
  var text: String {
    "\(signatures) signatures with \(signed) of \(total) power, more than \(needed) needed"
  }
}

extension CometBFT.CommitRefusal {
  /// The case's name.
  var code: String {
    switch self {
    case .signatureCount: "signatureCount"
    case .height: "commitHeight"
    case .blockID: "blockID"
    case .validatorAddress: "validatorAddress"
    case .doubleVote: "doubleVote"
    case .power: "power"
    case .signature: "signature"
    }
  }

  /// One sentence with the numbers.
  var text: String {
    switch self {
    case .signatureCount(let validators, let signatures):
      "the commit has \(signatures) entries for \(validators) validators"
    case .height(let expected, let actual): "the commit is for height \(actual), not \(expected)"
    case .blockID: "the commit is for another block id"
    case .validatorAddress(let index, let expected, let actual):
      "entry \(index) of the commit is by \(actual), where the set has \(expected)"
    case .doubleVote(let validator, let first, let second):
      "validator \(validator) votes twice, in entries \(first) and \(second)"
    case .power(let signed, let needed): "\(signed) of the power signed, more than \(needed) is needed"
    case .signature(let index, _): "the signature in entry \(index) of the commit is wrong"
    }
  }
}

extension CometBFT.HeaderRefusal {
  /// The case's name; for a commit that of its own reason.
  var code: String {
    switch self {
    case .trustedValidators: "trustedValidators"
    case .expired: "expired"
    case .blockProtocol: "blockProtocol"
    case .chainID: "chainID"
    case .heightNotPositive: "heightNotPositive"
    case .noValidatorsHash: "noValidatorsHash"
    case .noProposer: "noProposer"
    case .commitHeight: "commitHeight"
    case .commitForNothing: "commitForNothing"
    case .noSignatures: "noSignatures"
    case .commitBlock: "commitBlock"
    case .heightNotLater: "heightNotLater"
    case .timeNotLater: "timeNotLater"
    case .fromTheFuture: "fromTheFuture"
    case .validators: "validators"
    case .nextValidators: "nextValidators"
    case .successorValidators: "successorValidators"
    case .trustedCommit(let refusal), .commit(let refusal): refusal.code
    }
  }

  /// One sentence with the numbers.
  var text: String {
    func name(_ hash: Bytes32?) -> String { hash?.description ?? "nothing" }
    return switch self {
    case .trustedValidators(let expected, let actual):
      "the set given as trusted hashes to \(actual), the trusted header names \(name(expected))"
    case .expired(let at, let now):
      "the trusted header left its trusting period at Unix time \(at.components.seconds), it is "
        + "\(now.components.seconds)"
    case .blockProtocol(let expected, let actual): "block protocol \(actual) instead of \(expected)"
    case .chainID(let expected, let actual): "the header is of chain '\(actual)', not '\(expected)'"
    case .heightNotPositive(let height): "height \(height) is not positive"
    case .noValidatorsHash: "the header has no validators hash"
    case .noProposer: "the header has no proposer"
    case .commitHeight(let header, let commit):
      "the header has height \(header), its commit \(commit)"
    case .commitForNothing: "the commit is for no block"
    case .noSignatures: "the commit has no entries"
    case .commitBlock(let header, let commit):
      "the header hashes to \(header), its commit is for \(name(commit))"
    case .heightNotLater(let trusted, let header):
      "height \(header) is not after the trusted \(trusted)"
    case .timeNotLater(let trusted, let header): "time \(header) is not after the trusted \(trusted)"
    case .fromTheFuture(let header, let limit):
      "time \(header) is not before Unix time \(limit.components.seconds), our clock and the allowed drift"
    case .validators(let expected, let actual):
      "the validator set hashes to \(actual), the header names \(expected)"
    case .nextValidators(let expected, let actual):
      "the next validator set hashes to \(actual), the header names \(name(expected))"
    case .successorValidators(let expected, let actual):
      "the header's set is \(actual), the header before announced \(name(expected))"
    case .trustedCommit(let refusal): "the trusted set's votes: \(refusal.text)"
    case .commit(let refusal): refusal.text
    }
  }
}
