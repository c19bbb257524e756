public import MerkleProofs
private import WireBytes

extension EthereumStateProofError {
  /// The position of the storage proof that failed; nil when the account's did, or none was looked at.
  var slot: Int? {
    switch self {
    case .account, .accountEncoding, .accountMismatch, .tooManySlots: nil
    case .storage(let slot, _), .storageEncoding(let slot, _), .storageMismatch(let slot, _, _),
      .storageOfAbsentAccount(let slot):
      slot
    }
  }

  /// The innermost case's name, and a sentence with its numbers.
  public var reason: VerificationReport.Reason {
    switch self {
    case .account(let error): error.reason
    case .storage(_, let error): error.reason
    case .accountEncoding(let error):
      VerificationReport.Reason(
        code: "accountEncoding", text: "the leaf holds no account: \(CaseText.of(error))")
    case .accountMismatch(let field):
      VerificationReport.Reason(
        code: "accountMismatch", text: "the claimed \(field) is not the one that the proof shows")
    case .tooManySlots(let limit, let actual):
      VerificationReport.Reason(code: "tooManySlots", text: "\(actual) slots, at most \(limit) are read")
    case .storageEncoding(_, let error):
      VerificationReport.Reason(
        code: "storageEncoding", text: "the leaf holds no non-zero integer: \(CaseText.of(error))")
    case .storageMismatch(_, let claimed, let proven):
      VerificationReport.Reason(
        code: "storageMismatch",
        text: "the answer claims \(Hex.encode(claimed.bigEndian.span)), the proof shows "
          + Hex.encode(proven.bigEndian.span))
    case .storageOfAbsentAccount:
      VerificationReport.Reason(
        code: "storageOfAbsentAccount", text: "nodes are given for a slot of an account that does not exist")
    }
  }
}

extension MerklePatriciaError {
  /// The case's name, and a sentence with its numbers.
  public var reason: VerificationReport.Reason {
    let (code, text): (String, String) =
      switch self {
      case .emptyKey: ("emptyKey", "the key is empty")
      case .keyTooLong(let limit, let actual):
        ("keyTooLong", "a key of \(actual) bytes, at most \(limit) are read")
      case .nibbleCount(let available, let actual):
        ("nibbleCount", "\(actual) nibbles of a key that has \(available)")
      case .nodeTooLarge(let node, let limit, let actual):
        ("nodeTooLarge", "node \(node) has \(actual) bytes, at most \(limit) are read")
      case .hashMismatch(let node): ("hashMismatch", "node \(node) is not the one that is named above it")
      case .missingNode(let node, let depth):
        ("missingNode", "the proof ends before node \(node), after \(depth) nibbles: it proves nothing")
      case .unusedNodes(let first, let count):
        ("unusedNodes", "\(count) nodes are left over, from node \(first) on")
      case .encoding(let node, let error):
        ("encoding", "node \(node) is not canonical RLP: \(CaseText.of(error))")
      case .arity(let node, let items): ("arity", "node \(node) has \(items) items, neither 2 nor 17")
      case .hexPrefix(let node, let byte):
        ("hexPrefix", "the path of node \(node) opens with byte \(byte)")
      case .missingPath(let node): ("missingPath", "node \(node) has no path")
      case .emptyExtensionPath(let node):
        ("emptyExtensionPath", "node \(node) is an extension with an empty path")
      case .childReference(let node, let length):
        ("childReference", "a child of node \(node) is named by \(length) bytes")
      case .embeddedTooLong(let node, let length):
        ("embeddedTooLong", "a child of \(length) bytes is embedded in node \(node)")
      case .hashedTooShort(let node, let length):
        ("hashedTooShort", "node \(node) of \(length) bytes is named by hash, not embedded")
      case .embeddedMismatch(let node):
        ("embeddedMismatch", "node \(node) does not repeat what is embedded above it")
      case .emptyValue(let node): ("emptyValue", "leaf \(node) holds an empty value")
      case .valueIsList(let node): ("valueIsList", "the value in node \(node) is a list")
      }
    return VerificationReport.Reason(code: code, text: text)
  }
}
