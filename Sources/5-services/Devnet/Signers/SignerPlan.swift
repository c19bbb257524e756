import Contracts
import Encodings
import Ledger
import Settlement
import SigningRules
import WireBytes

/// Which keys a devnet's signers hold, and who may ask for what: the policy that they are made with.
struct SignerPlan {
  let domain: KeyDomain
  let keys: [SignerClients.Key]
  let clients: [SignerClients.Client]

  /// Keys of people: nobody but their own client may ask for them.
  static let user = SignerPlan(
    domain: .user,
    keys: DevnetNames.users.map { .init(label: $0, suite: .secp256k1, purposes: account) },
    clients: [
      .init(
        name: SignerClients.people, keys: DevnetNames.users,
        uses: [
          .transaction(
            messages: [
              LedgerMessage.TypeURL.send, LedgerMessage.TypeURL.callProgram,
              LedgerMessage.TypeURL.sendPacket,
              // Anybody may relay.
              LedgerMessage.TypeURL.updateClient, LedgerMessage.TypeURL.receivePacket,
              LedgerMessage.TypeURL.acknowledgePacket, LedgerMessage.TypeURL.timeOutPacket,
            ] + contracts + settlement),
          .evmAccount,
        ])
    ])

  private static let account: [KeyPurpose] = [.transaction, .evmTransaction]

  /// What people may do with contracts: all that needs no authority over the domain.
  private static let contracts: [String] = WasmMessage.TypeURL.allCases.compactMap { type in
    switch type {
    case .storeCode, .instantiate, .instantiate2, .execute, .migrate, .updateAdmin, .clearAdmin, .updateLabel,
      .updateInstantiateConfig:
      type.rawValue
    case .sudo, .pinCodes, .unpinCodes: nil
    }
  }

  /// What needs no authority of its own in settlement: the ledger lets anybody, and looks at what is sent.
  private static let settlement = SettlementMessage.TypeURL.allCases.map(\.rawValue)

  /// Keys of those who run the devnet's agents. Each agent may use its own key, for its own work.
  static let operators = SignerPlan(
    domain: .operator,
    keys: [DevnetNames.operatorAccount, DevnetNames.relayerAccount].map {
      .init(label: $0, suite: .secp256k1, purposes: account)
    } + DevnetNames.attesters.map { .init(label: $0, suite: .secp256k1, purposes: [.attestation]) }
      + domains.map {
        .init(label: SignerClients.validator($0), suite: .ed25519, purposes: [.vote])
      },
    clients: [
      .init(
        name: DevnetNames.operatorAccount, keys: [DevnetNames.operatorAccount],
        uses: [
          .transaction(
            messages: [
              LedgerMessage.TypeURL.createClient, LedgerMessage.TypeURL.registerCounterparty,
              LedgerMessage.TypeURL.updateClient,
              // It runs the enclave and the coordinator too.
            ] + settlement),
          // It makes the contracts, whose addresses nobody knows before.
          .evmAccount,
        ]),
      .init(
        name: DevnetNames.relayerAccount, keys: [DevnetNames.relayerAccount],
        uses: [
          .transaction(
            messages: [
              LedgerMessage.TypeURL.updateClient, LedgerMessage.TypeURL.receivePacket,
              LedgerMessage.TypeURL.acknowledgePacket, LedgerMessage.TypeURL.timeOutPacket,
            ]), .evmCalls(of: relaying),
        ]),
    ]
      + DevnetNames.attesters.map {
        .init(
          name: $0, keys: [$0], uses: [.attestation(origins: chains.map { "cosmos:\($0)" } + [evmChain])])
      }
      + domains.map {
        let name = SignerClients.validator($0)
        return .init(name: name, keys: [name], uses: [.vote(chain: DevnetGenesis.chainID($0))])
      })

  /// What the router lets anybody do.
  private static let relaying: [String] = {
    let packet = "(uint64,string,string,uint64,(string,string,string,string,bytes)[])"
    let proof = "bytes,(uint64,uint64)"
    return [
      "recvPacket((\(packet),\(proof)))", "recvPayloads((\(packet),\(proof)))",
      "ackPacket((\(packet),bytes,\(proof)))", "ackPayloads((\(packet),bytes[],\(proof)))",
      "timeoutPacket((\(packet),\(proof)))", "updateClient(string,bytes)", "submitMisbehaviour(string,bytes)",
      "multicall(bytes[])", "relay(bytes[])",
    ]
  }()
  /// The chain of `reef`.
  private static let evmChain = EVMTransactionScope.chainPrefix + "31337"

  private static let domains = [DevnetNames.harbor, DevnetNames.island]
  private static let chains = domains.map { DevnetGenesis.chainID($0) }

  /// More than a devnet can use; a signer that people depend on has its own figures.
  private static let perMinute: JSONValue = 600_000
  private static let feeMax: JSONValue = "1000000000000"
  private static let gasMax: JSONValue = 1_000_000_000
  /// In wei: a million of the chain's token, and a thousand gwei.
  private static let valueMax: JSONValue = "1000000000000000000000000"
  private static let feePerGasMax: JSONValue = "1000000000000"

  /// What `causeway-signer init --key` takes.
  var keyArguments: [String] {
    keys.flatMap {
      ["--key", "\($0.suite.rawValue):\($0.purposes.map(\.rawValue).joined(separator: "+")):\($0.label)"]
    }
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
            "perMinute": Self.perMinute, "grants": .array(client.uses.map { grant($0, client.keys) }),
          ])
        }),
      "keyLimits": .array(
        keys.flatMap { key in
          key.purposes.map { purpose in
            [
              "key": .string("label:\(key.label)"), "purpose": .string(purpose.rawValue),
              "perMinute": Self.perMinute,
            ]
          }
        }),
      // Nothing of a devnet's signers can be changed: it is made anew instead.
      "approvers": ["threshold": 0, "keys": [], "delaySeconds": 0, "expirySeconds": 0],
      "alarms": [
        "newPurpose": ["action": "note"], "unknownClient": ["action": "note"],
        "refusals": ["perMinute": 60, "action": "note"],
      ],
    ])
  }

  private func grant(_ use: SignerClients.Use, _ labels: [String]) -> JSONValue {
    var members: [String: JSONValue] = ["keys": .array(labels.map { .string("label:\($0)") })]
    func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    func evm(selectors: JSONValue, makesContracts: Bool, valueMax: JSONValue) {
      members["purpose"] = .string(KeyPurpose.evmTransaction.rawValue)
      members["chains"] = texts([Self.evmChain])
      members["calls"] = [["to": "any", "selectors": selectors]]
      members["makesContracts"] = .boolean(makesContracts)
      members["valueMax"] = valueMax
      members["gasMax"] = Self.gasMax
      members["feePerGasMax"] = Self.feePerGasMax
      // A devnet's chain is rolled back on purpose, and its nonces with it.
      members["oneCallPerNonce"] = false
    }
    switch use {
    case .attestation(let origins):
      members["purpose"] = .string(KeyPurpose.attestation.rawValue)
      members["origins"] = texts(origins)
    case .vote(let chain):
      members["purpose"] = .string(KeyPurpose.vote.rawValue)
      members["chains"] = texts([chain])
    case .transaction(let messages):
      members["purpose"] = .string(KeyPurpose.transaction.rawValue)
      members["chains"] = texts(Self.chains)
      members["typeURLs"] = texts(messages)
      members["feeMax"] = .array(
        Self.domains.map { ["denom": .string(DevnetGenesis.denom($0)), "amount": Self.feeMax] })
      members["gasMax"] = Self.gasMax
    case .evmCalls(let functions):
      evm(
        selectors: texts(functions.map { ABI.selector($0).description }), makesContracts: false, valueMax: "0"
      )
    case .evmAccount: evm(selectors: "any", makesContracts: true, valueMax: Self.valueMax)
    }
    return .object(members)
  }
}
