public import Encodings
public import LightClients
public import Messages
public import PacketHost
public import WireBytes

/// How a domain begins: its name, its time, its validators, its tokens and its rules.
public struct Genesis: Hashable, Sendable {
  /// An embedded domain has one operator; more validators than this would only be slower.
  public static let validatorCountMax = 7
  public static let balanceCountMax = 10_000

  public struct Validator: Hashable, Sendable {
    public let name: String
    public let publicKey: Bytes32
    public let power: Int64

    public init(name: String, publicKey: Bytes32, power: Int64) {
      self.name = name
      self.publicKey = publicKey
      self.power = power
    }
  }

  public struct Balance: Hashable, Sendable {
    public let account: AccountAddress
    public let coins: [Coin]

    public init(account: AccountAddress, coins: [Coin]) {
      self.account = account
      self.coins = coins
    }
  }

  public let rules: LedgerRules
  /// The time of the first block.
  public let time: CometBFT.Timestamp
  /// As they were given; consensus orders them by power.
  public let validators: [Validator]
  public let balances: [Balance]
  let firstSet: CometBFT.ValidatorSet
  let firstProposer: Int

  /// Why parts do not make a genesis.
  public enum FormError: Error, Hashable, Sendable {
    case rules(LedgerRules.FormError)
    case validatorCount(max: Int, actual: Int)
    case validators(CometBFT.ValidatorSetError)
    case validatorPower(index: Int)
    /// IBC packets count whole seconds since 1970.
    case timeBefore1970
    case balanceCount(max: Int, actual: Int)
    /// An account, or a token of one account, is given twice.
    case balanceTwice(index: Int)
    case balanceZero(index: Int)
    case supplyOverflow(Denom)
    /// A member of the JSON text is absent, or not in the form that is read.
    case member(String)
  }

  /// - Throws: ``FormError``.
  public init(
    rules: LedgerRules, time: CometBFT.Timestamp, validators: [Validator], balances: [Balance]
  ) throws(FormError) {
    guard (1...Self.validatorCountMax).contains(validators.count) else {
      throw .validatorCount(max: Self.validatorCountMax, actual: validators.count)
    }
    for (index, validator) in validators.enumerated() where validator.power < 1 {
      throw .validatorPower(index: index)
    }
    guard time.seconds >= 0 else { throw .timeBefore1970 }
    guard balances.count <= Self.balanceCountMax else {
      throw .balanceCount(max: Self.balanceCountMax, actual: balances.count)
    }
    try Self.check(balances)
    let set: CometBFT.ValidatorSet
    do {
      set = try CometBFT.ValidatorSet(
        sorting: validators.map { CometBFT.Validator(publicKey: $0.publicKey, power: $0.power) })
    } catch { throw .validators(error) }
    guard let (firstSet, proposer) = set.atFirstHeight() else { throw .validatorPower(index: 0) }
    self.rules = rules
    self.time = time
    self.validators = validators
    self.balances = balances
    self.firstSet = firstSet
    firstProposer = proposer
  }

  private static func check(_ balances: [Balance]) throws(FormError) {
    var accounts: Set<AccountAddress> = []
    var supplies: [Denom: UInt256] = [:]
    for (index, balance) in balances.enumerated() {
      guard accounts.insert(balance.account).inserted,
        Set(balance.coins.map(\.denom)).count == balance.coins.count
      else { throw .balanceTwice(index: index) }
      for coin in balance.coins {
        guard coin.amount > .zero else { throw .balanceZero(index: index) }
        let (sum, overflow) = supplies[coin.denom, default: .zero].addingReportingOverflow(coin.amount)
        guard !overflow else { throw .supplyOverflow(coin.denom) }
        supplies[coin.denom] = sum
      }
    }
  }

  /// The state before the first block, strictly ascending by key: committed as version 0, its root is the
  /// first header's app hash. Accounts are numbered in the order of their addresses.
  public func state() -> [WrittenEntry] {
    var context = HostContext(
      moment: BlockMoment(height: 0, time: UnixTime(seconds: UInt64(time.seconds))),
      state: WorkingState(MemoryState()), gas: GasMeter(limit: .max))
    let bank = Bank()
    do {
      // Binds the state to the chain, and keeps it from being empty.
      try context.write([UInt8](rules.chainID.utf8), to: Self.chainIDKey)
      for balance in balances.sorted(by: { $0.account < $1.account }) {
        for coin in balance.coins.sorted(by: { $0.denom < $1.denom }) {
          try bank.mint(coin, to: balance.account, in: &context)
        }
      }
    } catch { preconditionFailure("balances were checked: \(error)") }
    return context.finish().state.changes
  }

  public static let chainIDKey = [UInt8]("chainID".utf8)

  /// The tip before the first block.
  ///
  /// - Parameter root: of the tree with ``state()``.
  public func tip(root: Bytes32) -> ChainTip {
    ChainTip(
      height: 0, blockID: .none, time: time, commit: nil, appHash: root,
      resultsHash: CometBFT.resultsHash([]), validators: firstSet, proposer: firstProposer)
  }
}

extension Genesis {
  /// CometBFT's genesis document; fees and balances stand under `app_state`.
  public var json: JSONValue {
    .object([
      "genesis_time": .string(time.description),
      "chain_id": .string(rules.chainID),
      "initial_height": "1",
      "consensus_params": rules.consensusParameters,
      "validators": .array(
        validators.map { validator in
          let key = validator.publicKey
          return .object([
            "address": .string(
              Hex.encode(CometBFT.Validator.address(of: key).array, prefix: "").uppercased()),
            "pub_key": .object([
              "type": "tendermint/PubKeyEd25519", "value": .string(Base64.encode(key.span)),
            ]),
            "power": .string(String(validator.power)), "name": .string(validator.name),
          ])
        }),
      "app_hash": "",
      "app_state": .object([
        "fees": .object([
          "denom": .string(rules.feeDenom.text),
          "numerator": .string(String(rules.feeNumerator)),
          "denominator": .string(String(rules.feeDenominator)),
        ]),
        "contracts": .boolean(rules.hasContracts),
        "modules": .array(rules.modules.map { .string($0) }),
        "balances": .array(
          balances.map { balance in
            .object([
              "address": .string(balance.account.text),
              "coins": .array(
                balance.coins.map {
                  .object(["denom": .string($0.denom.text), "amount": .string($0.amount.description)])
                }),
            ])
          }),
      ]),
    ])
  }

  /// Reads a genesis document; members that ``json`` does not have are not looked at.
  ///
  /// - Throws: ``FormError``.
  public init(json: JSONValue) throws(FormError) {
    let block = json["consensus_params"]?["block"]
    let fees = json["app_state"]?["fees"]
    guard let chainID = json["chain_id"]?.string else { throw .member("chain_id") }
    guard json["initial_height"]?.string == "1" else { throw .member("initial_height") }
    guard let time = json["genesis_time"]?.string.flatMap({ try? CometBFT.Timestamp(rfc3339: $0) }) else {
      throw .member("genesis_time")
    }
    guard let size = block?["max_bytes"]?.string.flatMap({ Int($0) }) else { throw .member("max_bytes") }
    guard let gas = block?["max_gas"]?.string.flatMap({ UInt64($0) }) else { throw .member("max_gas") }
    guard let denom = fees?["denom"]?.string.flatMap({ try? Denom($0) }) else { throw .member("fees.denom") }
    guard let numerator = fees?["numerator"]?.string.flatMap({ UInt64($0) }) else {
      throw .member("fees.numerator")
    }
    guard let denominator = fees?["denominator"]?.string.flatMap({ UInt64($0) }) else {
      throw .member("fees.denominator")
    }
    // Domains that began before there were contracts do not say.
    guard let hasContracts = (json["app_state"]?["contracts"] ?? false).boolean else { throw .member("contracts") }
    var modules: [String] = []
    for module in json["app_state"]?["modules"]?.array ?? [] {
      guard let name = module.string else { throw .member("modules") }
      modules.append(name)
    }
    let rules: LedgerRules
    do {
      rules = try LedgerRules(
        chainID: chainID, feeDenom: denom, feeNumerator: numerator, feeDenominator: denominator,
        blockGasMax: gas, blockSizeMax: size, hasContracts: hasContracts, modules: modules)
    } catch { throw .rules(error) }
    guard let validators = json["validators"]?.array else { throw .member("validators") }
    guard let balances = json["app_state"]?["balances"]?.array else { throw .member("balances") }
    guard validators.count <= Self.validatorCountMax else {
      throw .validatorCount(max: Self.validatorCountMax, actual: validators.count)
    }
    guard balances.count <= Self.balanceCountMax else {
      throw .balanceCount(max: Self.balanceCountMax, actual: balances.count)
    }
    var read: [Validator] = []
    for validator in validators { read.append(try Self.validator(validator)) }
    var funded: [Balance] = []
    for balance in balances { funded.append(try Self.balance(balance)) }
    try self.init(rules: rules, time: time, validators: read, balances: funded)
  }

  private static func validator(_ json: JSONValue) throws(FormError) -> Validator {
    guard json["pub_key"]?["type"]?.string == "tendermint/PubKeyEd25519",
      let text = json["pub_key"]?["value"]?.string, let bytes = try? Base64.decode(text),
      let key = try? Bytes32(bytes)
    else { throw .member("validators.pub_key") }
    guard let power = json["power"]?.string.flatMap({ Int64($0) }) else { throw .member("validators.power") }
    return Validator(name: json["name"]?.string ?? "", publicKey: key, power: power)
  }

  private static func balance(_ json: JSONValue) throws(FormError) -> Balance {
    guard let account = json["address"]?.string.flatMap({ try? AccountAddress(text: $0) }) else {
      throw .member("balances.address")
    }
    var coins: [Coin] = []
    for coin in json["coins"]?.array ?? [] {
      guard let denom = coin["denom"]?.string.flatMap({ try? Denom($0) }),
        let amount = coin["amount"]?.string.flatMap({ UInt256(decimal: $0) })
      else { throw .member("balances.coins") }
      coins.append(Coin(amount, denom))
    }
    return Balance(account: account, coins: coins)
  }
}

extension LedgerRules {
  /// As `consensus_params` of CometBFT's RPC writes them. Evidence is never taken; the members are for
  /// readers.
  public var consensusParameters: JSONValue {
    .object([
      "block": .object([
        "max_bytes": .string(String(blockSizeMax)), "max_gas": .string(String(blockGasMax)),
      ]),
      "evidence": .object([
        "max_age_num_blocks": "100000", "max_age_duration": "172800000000000", "max_bytes": "0",
      ]),
      "validator": .object(["pub_key_types": .array(["ed25519"])]),
      "version": .object(["app": .string(String(ProposedBlock.appProtocol))]),
      "abci": .object(["vote_extensions_enable_height": "0"]),
    ])
  }
}
