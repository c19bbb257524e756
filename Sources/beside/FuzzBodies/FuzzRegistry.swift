/// Every body, room by room.
public enum FuzzRegistry {
  public static let all: [FuzzBody] =
    EncodingsBodies.all + LightClientBodies.all + MPTBodies.all + ForeignProtocolBodies.all
    + SignatureBodies.all + ICS23Bodies.all + GateBodies.all + PacketHostBodies.all
    + LedgerBodies.all + StateTreeBodies.all + RelayEngineBodies.all + SignerJournalBodies.all
    + ThresholdBodies.all + SigningRulesBodies.all + SignerWireBodies.all + EVMTransactionBodies.all
    + ContractHostBodies.all + AttestationBodies.all + EnclaveBodies.all + SettlementBodies.all
}
