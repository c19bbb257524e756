import PacketHost

extension AccountKey {
  /// What verifying one signature costs.
  public var gas: UInt64 {
    switch self {
    case .secp256k1: GasSchedule.verifySecp256k1
    case .ed25519: GasSchedule.verifyEd25519
    }
  }
}
