public import Gate

extension VerifiedVAA {
  /// The premise about the guardians of `set`: fewer than its quorum lie.
  public static func guardianAssumption(of set: GuardianSet) -> Assumption {
    .attesters(required: set.quorum, of: set.keys.count, suite: "Wormhole guardians, ECDSA secp256k1")
  }

  /// What must hold for the message to be true, beside the caller's trust in the guardian set.
  public var assumptions: [Assumption] {
    [
      Self.guardianAssumption(of: guardianSet),
      .originFinality(domain: WormholeChain.description(vaa.emitterChain)),
    ]
  }
}

extension HyperlaneModule {
  /// The premises about validators that a message passing this module rests on.
  ///
  /// - Parameter origin: the domain whose route is meant; without a route for it there is no premise and no message.
  public func assumptions(origin: UInt32) -> [Assumption] {
    switch self {
    case .multisig(let multisig):
      return [
        .attesters(
          required: Int(multisig.threshold), of: multisig.validators.count,
          suite: "Hyperlane validators, ECDSA secp256k1")
      ]
    case .weightedMultisig(let multisig):
      return [
        .attesterWeight(
          required: multisig.thresholdWeight, of: HyperlaneWeightedMultisig.totalWeight,
          suite: "Hyperlane validators, ECDSA secp256k1")
      ]
    case .aggregation(let modules, let threshold):
      let groups = modules.map { $0.assumptions(origin: origin) }
      // Whoever delivers chooses the modules: unless all are needed, each of them is relied on.
      return Int(threshold) == modules.count && groups.count > 1
        ? [.atLeastOneGroup(groups)] : groups.flatMap { $0 }
    case .routing(let routes, let fallback):
      return (routes[origin] ?? fallback)?.assumptions(origin: origin) ?? []
    }
  }
}
