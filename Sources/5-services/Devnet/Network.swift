public import Encodings
import Foundation
public import Ledger
public import Messages
public import RelayEngine
public import WireBytes

/// What a tool must know of a running devnet: `network.json` of its directory, schema `causeway.network/1`.
public struct Network: Hashable, Sendable {
  public static let schema = "causeway.network/1"

  public struct Domain: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
      /// A ledger in this process, with CometBFT's RPC.
      case embedded
      /// An EVM chain behind a node's JSON-RPC.
      case evm
    }
    /// ``DevnetNames/harbor``, ``DevnetNames/island`` or ``DevnetNames/reef``.
    public let name: String
    public let kind: Kind
    public let chainID: String
    /// What fees are paid in.
    public let feeDenom: Denom
    /// Where its RPC answers.
    public let endpoint: String
    public let id: DomainID
  }

  /// Two clients of each other, and how they are convinced. Every lane has harbor at its first end.
  public struct Lane: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
      /// Attesters sign what a domain holds; a quorum of them is believed.
      case attested
      /// 07-tendermint: headers that validators have signed, and proofs of the state tree.
      case light
      /// Between a ledger and an EVM chain. The chain's contract believes a quorum of attesters on what the ledger holds;
      /// the ledger believes them on the chain's state root, and a Merkle-Patricia proof of the router's slot under it.
      case evm

      /// Lanes between the two ledgers, which every devnet has.
      public static let embedded: [Kind] = [.attested, .light]
    }

    /// A client, and the domain that holds it.
    public struct End: Hashable, Sendable {
      public let domain: String
      public let client: ClientID

      public init(_ domain: String, _ client: ClientID) {
        self.domain = domain
        self.client = client
      }
    }

    public let kind: Kind
    public let first: End
    public let second: End

    public init(kind: Kind, _ first: End, _ second: End) {
      self.kind = kind
      self.first = first
      self.second = second
    }

    public var ends: [End] { [first, second] }
    /// The client on the domain of that name; nil when the lane does not reach it.
    public func client(on name: String) -> ClientID? { ends.first { $0.domain == name }?.client }
    /// The end that is not on the domain of that name.
    public func far(from name: String) -> End { first.domain == name ? second : first }
  }

  /// Contracts of the EVM chain, by the name that they are built under.
  public struct Contracts: Hashable, Sendable {
    public let addresses: [String: Bytes20]
    public init(_ addresses: [String: Bytes20]) { self.addresses = addresses }
    public subscript(_ name: String) -> Bytes20? { addresses[name] }
  }

  public let harbor: Domain
  public let island: Domain
  /// The EVM chain, in a devnet that has one.
  public let reef: Domain?
  /// Whether the chain's node is one that the devnet has started, which can be told to reorganise.
  public let isReefOwn: Bool
  public let contracts: Contracts?
  public let lanes: [Lane]
  /// Accounts by name; they are the same in both domains.
  public let accounts: [String: AccountAddress]
  /// The same keys' addresses on the EVM chain; empty in a devnet without one.
  public let evmAccounts: [String: Bytes20]
  /// Which of ``accounts`` are for people to use.
  public let users: [String]
  /// Addresses of the attesters' keys, in the order of the policies.
  public let attesters: [String]
  public let quorum: Int
  public let process: Int32

  public var domains: [Domain] { [harbor, island] + (reef.map { [$0] } ?? []) }

  /// The domain of that name, chain id or CAIP-2 id.
  public func domain(_ text: String) -> Domain? {
    domains.first { $0.name == text || $0.chainID == text || $0.id.text == text }
  }
  /// The domain at the lane's other end.
  public func other(_ domain: Domain, over lane: Lane) -> Domain {
    self.domain(lane.far(from: domain.name).domain) ?? domain
  }
  public func lane(_ kind: Lane.Kind) -> Lane? { lanes.first { $0.kind == kind } }
  /// The lanes that reach a domain, each with its client there.
  public func lanes(on domain: Domain) -> [(lane: Lane, client: ClientID)] {
    lanes.compactMap { lane in lane.client(on: domain.name).map { (lane, $0) } }
  }
  /// A lane's first end.
  public func end(of lane: Lane) -> LaneEnd? {
    domain(lane.first.domain).map { LaneEnd($0.id, lane.first.client) }
  }
  /// The lane that has `client` on `domain`.
  public func lane(of client: ClientID, on domain: Domain) -> Lane? {
    lanes.first { $0.client(on: domain.name) == client }
  }
  /// The name that an address has here, or the address.
  public func name(of address: AccountAddress) -> String {
    accounts.sorted { $0.key < $1.key }.first { $0.value == address }?.key ?? address.text
  }
  /// By name, or by its text.
  public func account(_ text: String) -> AccountAddress? {
    accounts[text] ?? (try? AccountAddress(text: text))
  }
}

/// Names that every devnet has.
public enum DevnetNames {
  public static let harbor = "harbor"
  public static let island = "island"
  /// The EVM chain.
  public static let reef = "reef"
  /// As development chains have it.
  public static let reefChainID: UInt64 = 31_337
  /// People.
  public static let users = ["alice", "bob", "carol"]
  /// Makes the lanes.
  public static let operatorAccount = "operator"
  public static let relayerAccount = "relayer"
  public static var accounts: [String] { users + [operatorAccount, relayerAccount] }
  public static let attesters = (1...DevnetDirectory.attesterCount).map { "attester-\($0)" }
  /// How many attesters a client believes.
  public static let quorum = 3
}

/// Why `network.json` is of no use.
public enum NetworkFileError: Error, Hashable, Sendable {
  /// No devnet was ever ready in this directory.
  case absent
  case form(member: String)
}

extension Network {
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema), "process": .number(String(process)),
      "domains": .array(
        domains.map {
          [
            "name": .string($0.name), "kind": .string($0.kind.rawValue), "chain_id": .string($0.chainID),
            "fee_denom": .string($0.feeDenom.text), "rpc": .string($0.endpoint), "caip2": .string($0.id.text),
          ]
        }),
      "lanes": .array(
        lanes.map {
          [
            "kind": .string($0.kind.rawValue),
            "ends": .array(
              $0.ends.map { ["domain": .string($0.domain), "client": .string($0.client.text)] }),
          ]
        }),
      "accounts": .object(accounts.mapValues { .string($0.text) }),
      "users": .array(users.map { .string($0) }),
      "attesters": .array(attesters.map { .string($0) }), "quorum": .number(String(quorum)),
    ]
    if reef != nil { members["reef_is_own"] = .boolean(isReefOwn) }
    if !evmAccounts.isEmpty {
      members["evm_accounts"] = .object(evmAccounts.mapValues { .string($0.description) })
    }
    if let contracts {
      members["contracts"] = .object(contracts.addresses.mapValues { .string($0.description) })
    }
    return .object(members)
  }

  /// Reads `network.json` of a directory.
  ///
  /// - Throws: ``NetworkFileError``.
  public init(in directory: DevnetDirectory) throws(NetworkFileError) {
    guard let bytes = FileManager.default.contents(atPath: directory.network) else { throw .absent }
    let json: JSONValue
    do { json = try JSONValue(decoding: [UInt8](bytes)) } catch { throw .form(member: "") }
    try self.init(json: json)
  }

  public init(json: JSONValue) throws(NetworkFileError) {
    guard json["schema"]?.string == Self.schema else { throw .form(member: "schema") }
    guard let process = json["process"]?.integer(Int32.self) else { throw .form(member: "process") }
    guard let domains = json["domains"]?.array, (2...3).contains(domains.count) else {
      throw .form(member: "domains")
    }
    harbor = try Self.domain(domains[0])
    island = try Self.domain(domains[1])
    reef = domains.count == 3 ? try Self.domain(domains[2]) : nil
    isReefOwn = json["reef_is_own"] == .boolean(true)
    let addresses = try Self.addresses(json, "contracts")
    contracts = addresses.isEmpty ? nil : Contracts(addresses)
    var lanes: [Lane] = []
    for lane in json["lanes"]?.array ?? [] {
      guard let kind = lane["kind"]?.string.flatMap(Lane.Kind.init(rawValue:)),
        let ends = lane["ends"]?.array, ends.count == 2, let first = Self.end(ends[0]),
        let second = Self.end(ends[1])
      else { throw .form(member: "lanes") }
      lanes.append(Lane(kind: kind, first, second))
    }
    self.lanes = lanes
    var accounts: [String: AccountAddress] = [:]
    for (name, value) in json["accounts"]?.object ?? [:] {
      guard let address = value.string.flatMap({ try? AccountAddress(text: $0) }) else {
        throw .form(member: "accounts")
      }
      accounts[name] = address
    }
    self.accounts = accounts
    evmAccounts = try Self.addresses(json, "evm_accounts")
    users = json["users"]?.array?.compactMap(\.string) ?? []
    attesters = json["attesters"]?.array?.compactMap(\.string) ?? []
    quorum = json["quorum"]?.integer(Int.self) ?? 0
    self.process = process
  }

  private static func addresses(
    _ json: JSONValue, _ member: String
  ) throws(NetworkFileError) -> [String: Bytes20] {
    var addresses: [String: Bytes20] = [:]
    for (name, value) in json[member]?.object ?? [:] {
      guard let address = value.string.flatMap({ try? Bytes20(hex: $0) }) else { throw .form(member: member) }
      addresses[name] = address
    }
    return addresses
  }

  private static func end(_ json: JSONValue) -> Lane.End? {
    guard let domain = json["domain"]?.string, let client = json["client"]?.string.flatMap({ try? ClientID($0) })
    else { return nil }
    return Lane.End(domain, client)
  }

  private static func domain(_ json: JSONValue) throws(NetworkFileError) -> Domain {
    guard let name = json["name"]?.string, let kind = json["kind"]?.string.flatMap(Domain.Kind.init(rawValue:)),
      let chainID = json["chain_id"]?.string,
      let denom = json["fee_denom"]?.string.flatMap({ try? Denom($0) }), let endpoint = json["rpc"]?.string,
      let id = json["caip2"]?.string.flatMap({ try? DomainID($0) })
    else { throw .form(member: "domains") }
    return Domain(name: name, kind: kind, chainID: chainID, feeDenom: denom, endpoint: endpoint, id: id)
  }
}
