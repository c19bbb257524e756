import Contracts
import Encodings
import Ledger
import SigningRules

/// Which keys a devnet's signers hold, and who may ask for what: the policy that they are made with.
struct SignerPlan {
  let domain: KeyDomain
  let keys: [SignerClients.Key]
  let clients: [SignerClients.Client]

  /// Keys of people: nobody but their own client may ask for them.
  static let user = SignerPlan(
    domain: .user,
    keys: DevnetNames.users.map { .init(label: $0, suite: .secp256k1, purpose: .transaction) },
    clients: [
      .init(
        name: SignerClients.people, keys: DevnetNames.users, purpose: .transaction,
        messages: [
          LedgerMessage.TypeURL.send, LedgerMessage.TypeURL.callProgram, LedgerMessage.TypeURL.sendPacket,
          // Anybody may relay.
          LedgerMessage.TypeURL.updateClient, LedgerMessage.TypeURL.receivePacket,
          LedgerMessage.TypeURL.acknowledgePacket, LedgerMessage.TypeURL.timeOutPacket,
        ] + contracts, chains: chains)
    ])

  /// What people may do with contracts: all that needs no authority over the domain.
  private static let contracts: [String] = WasmMessage.TypeURL.allCases.compactMap { type in
    switch type {
    case .storeCode, .instantiate, .instantiate2, .execute, .migrate, .updateAdmin, .clearAdmin, .updateLabel,
      .updateInstantiateConfig:
      type.rawValue
    case .sudo, .pinCodes, .unpinCodes: nil
    }
  }

  /// Keys of those who run the devnet's agents. Each agent may use its own key, for its own work.
  static let operators = SignerPlan(
    domain: .operator,
    keys: [DevnetNames.operatorAccount, DevnetNames.relayerAccount].map {
      .init(label: $0, suite: .secp256k1, purpose: .transaction)
    } + DevnetNames.attesters.map { .init(label: $0, suite: .secp256k1, purpose: .attestation) }
      + domains.map {
        .init(label: SignerClients.validator($0), suite: .ed25519, purpose: .vote)
      },
    clients: [
      .init(
        name: DevnetNames.operatorAccount, keys: [DevnetNames.operatorAccount], purpose: .transaction,
        messages: [
          LedgerMessage.TypeURL.createClient, LedgerMessage.TypeURL.registerCounterparty,
          LedgerMessage.TypeURL.updateClient,
        ], chains: chains),
      .init(
        name: DevnetNames.relayerAccount, keys: [DevnetNames.relayerAccount], purpose: .transaction,
        messages: [
          LedgerMessage.TypeURL.updateClient, LedgerMessage.TypeURL.receivePacket,
          LedgerMessage.TypeURL.acknowledgePacket, LedgerMessage.TypeURL.timeOutPacket,
        ], chains: chains),
    ]
      + DevnetNames.attesters.map {
        .init(name: $0, keys: [$0], purpose: .attestation, chains: chains.map { "cosmos:\($0)" })
      }
      + domains.map {
        let name = SignerClients.validator($0)
        return .init(name: name, keys: [name], purpose: .vote, chains: [DevnetGenesis.chainID($0)])
      })

  private static let domains = [DevnetNames.harbor, DevnetNames.island]
  private static let chains = domains.map { DevnetGenesis.chainID($0) }

  /// More than a devnet can use; a signer that people depend on has its own figures.
  private static let perMinute: JSONValue = 600_000
  private static let feeMax: JSONValue = "1000000000000"
  private static let gasMax: JSONValue = 1_000_000_000

  /// What `causeway-signer init --key` takes.
  var keyArguments: [String] {
    keys.flatMap { ["--key", "\($0.suite.rawValue):\($0.purpose.rawValue):\($0.label)"] }
  }

  /// The policy's JSON, with keys named by label.
  ///
  /// - Parameters:
  ///   - publicKeys: of the clients, by name, in hex.
  ///   - user: the one user of this machine who may connect.
  func policy(publicKeys: [String: String], user: UInt32) -> JSONValue {
    .object([
      "version": 1, "domain": .string(domain.rawValue),
      "clients": .array(
        clients.map { client in
          .object([
            "name": .string(client.name), "key": .string(publicKeys[client.name] ?? ""),
            "peers": [["uid": .number(String(user))]], "roles": ["sign", "observe"],
            "perMinute": Self.perMinute, "grants": [grant(client)],
          ])
        }),
      "keyLimits": .array(
        keys.map { key in
          [
            "key": .string("label:\(key.label)"), "purpose": .string(key.purpose.rawValue),
            "perMinute": Self.perMinute,
          ]
        }),
      // Nothing of a devnet's signers can be changed: it is made anew instead.
      "approvers": ["threshold": 0, "keys": [], "delaySeconds": 0, "expirySeconds": 0],
      "alarms": [
        "newPurpose": ["action": "note"], "unknownClient": ["action": "note"],
        "refusals": ["perMinute": 60, "action": "note"],
      ],
    ])
  }

  private func grant(_ client: SignerClients.Client) -> JSONValue {
    var members: [String: JSONValue] = [
      "purpose": .string(client.purpose.rawValue),
      "keys": .array(client.keys.map { .string("label:\($0)") }),
    ]
    let chains = JSONValue.array(client.chains.map { .string($0) })
    switch client.purpose {
    case .attestation, .foreignAttestation: members["origins"] = chains
    case .vote: members["chains"] = chains
    case .transaction:
      members["chains"] = chains
      members["typeURLs"] = .array(client.messages.map { .string($0) })
      members["feeMax"] = .array(
        Self.domains.map { ["denom": .string(DevnetGenesis.denom($0)), "amount": Self.feeMax] })
      members["gasMax"] = Self.gasMax
    }
    return .object(members)
  }
}
