import ForeignProtocols
import WireBytes

/// Hyperlane's refusals and bodies in words.
enum HyperlaneText {
  /// A warp route's body reads as a recipient with a small amount; anything else is only counted.
  static func body(_ body: [UInt8]) -> String {
    if let transfer = try? WarpTransfer(decoding: body.span), transfer.metadata.isEmpty,
      transfer.amount.limbs.3 == 0
    {
      return "by its form, a token transfer of \(transfer.amount) to \(transfer.recipient)"
    }
    if !body.isEmpty, body.count <= 256, body.allSatisfy({ (0x20...0x7e).contains($0) }) {
      return "text \"\(String(decoding: body, as: UTF8.self))\""
    }
    return "\(body.count) bytes of the recipient's own format"
  }

  static func text(_ error: HyperlaneSignatureError) -> String {
    switch error {
    case .highS: "s is above half the group order (contracts say \"ECDSA: invalid signature 's' value\")"
    case .invalid: "no signer can be recovered (contracts say \"ECDSA: invalid signature\")"
    }
  }

  static func text(_ error: CheckpointQuorum.AddError) -> String {
    switch error {
    case .signature(let error): text(error)
    case .notAValidator(let signer): "the signature is of \(signer), which is no validator"
    case .equivocation(let validator, let first, let second):
      "validator \(validator) signed roots \(first.root) and \(second.root) for index \(second.index)"
    case .tooManyCheckpoints(let limit): "more than \(limit) different checkpoints"
    }
  }

  static func text(_ refusal: HyperlaneRefusal) -> String {
    let says = refusal.revertReason.map {
      $0.isEmpty ? " (contracts revert without a reason)" : " (contracts say \"\($0)\")"
    }
    return reason(refusal) + (says ?? "")
  }

  private static func reason(_ refusal: HyperlaneRefusal) -> String {
    switch refusal {
    case .metadata(.truncated(let needed, let actual)):
      "\(actual) bytes of metadata, where \(needed) are needed"
    case .metadata(.tooLarge(let limit, let actual)): "\(actual) bytes of metadata, where \(limit) are read"
    case .merkleIndex(let message, let signed):
      "the message is leaf \(message), behind the signed index \(signed)"
    case .noThreshold: "the threshold is zero"
    case .signature(let position, .highS): "signature \(position) has an s above half the group order"
    case .signature(let position, .invalid): "signature \(position) recovers no signer"
    case .threshold(let position, let recovered, let needed):
      "signature \(position) of the \(needed) needed is of \(recovered), who is no validator or stands before an "
        + "earlier signer"
    case .thresholdWeight(let weight, let total):
      "a threshold weight of \(weight), which must be in 1 to \(total)"
    case .signaturesLength(let length): "\(length) bytes of signatures do not divide by 65"
    case .invalidSigner(let position, let recovered):
      "signature \(position) is of \(recovered), out of order or unknown"
    case .insufficientWeight(let reached, let needed): "a weight of \(reached), \(needed) is needed"
    case .tooManyModules(let given, let needed):
      "metadata for \(given) modules, where exactly \(needed) are wanted"
    case .tooFewModules(let given, let needed): "metadata for \(given) modules, \(needed) are needed"
    case .aggregationRange(let module, let start, let end, let size):
      "metadata of module \(module) lies at \(start) to \(end) of \(size) bytes"
    case .module(let position, let refusal): "module \(position): \(reason(refusal))"
    case .noRoute(let origin): "no module for origin \(HyperlaneDomain.description(origin))"
    case .treeTooLarge:
      "the tree of modules is deeper than \(HyperlaneModule.depthMax) or larger than "
        + "\(HyperlaneModule.countMax)"
    }
  }
}
