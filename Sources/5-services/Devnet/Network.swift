public import Encodings
import Foundation
public import Ledger
public import Messages
public import RelayEngine
import WireBytes

/// What a tool must know of a running devnet: `network.json` of its directory, schema `causeway.network/1`.
public struct Network: Hashable, Sendable {
  public static let schema = "causeway.network/1"

  public struct Domain: Hashable, Sendable {
    /// `harbor` or `island`.
    public let name: String
    public let chainID: String
    public let feeDenom: Denom
    public let port: Int

    public var id: DomainID
    /// Where its CometBFT RPC answers.
    public var endpoint: String { "http://127.0.0.1:\(port)" }
  }

  /// Two clients of each other, and how they are convinced.
  public struct Lane: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
      /// Attesters sign what a domain holds; a quorum of them is believed.
      case attested
      /// 07-tendermint: headers that validators have signed, and proofs of the state tree.
      case light
    }
    public let kind: Kind
    /// Harbor's client of island.
    public let harborClient: ClientID
    /// Island's client of harbor.
    public let islandClient: ClientID

    public init(kind: Kind, harborClient: ClientID, islandClient: ClientID) {
      self.kind = kind
      self.harborClient = harborClient
      self.islandClient = islandClient
    }

    public func client(on name: String) -> ClientID {
      name == DevnetNames.harbor ? harborClient : islandClient
    }
  }

  public let harbor: Domain
  public let island: Domain
  public let lanes: [Lane]
  /// Accounts by name; they are the same in both domains.
  public let accounts: [String: AccountAddress]
  /// Which of ``accounts`` are for people to use.
  public let users: [String]
  /// Addresses of the attesters' keys, in the order of the policies.
  public let attesters: [String]
  public let quorum: Int
  public let process: Int32

  public var domains: [Domain] { [harbor, island] }

  /// The domain of that name, chain id or CAIP-2 id.
  public func domain(_ text: String) -> Domain? {
    domains.first { $0.name == text || $0.chainID == text || $0.id.text == text }
  }
  public func other(_ domain: Domain) -> Domain { domain.name == harbor.name ? island : harbor }
  public func lane(_ kind: Lane.Kind) -> Lane? { lanes.first { $0.kind == kind } }
  public func end(_ lane: Lane, on domain: Domain) -> LaneEnd {
    LaneEnd(domain.id, lane.client(on: domain.name))
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
    [
      "schema": .string(Self.schema), "process": .number(String(process)),
      "domains": .array(
        domains.map {
          [
            "name": .string($0.name), "chain_id": .string($0.chainID), "fee_denom": .string($0.feeDenom.text),
            "rpc": .string($0.endpoint), "port": .number(String($0.port)),
          ]
        }),
      "lanes": .array(
        lanes.map {
          [
            "kind": .string($0.kind.rawValue), "harbor_client": .string($0.harborClient.text),
            "island_client": .string($0.islandClient.text),
          ]
        }),
      "accounts": .object(accounts.mapValues { .string($0.text) }),
      "users": .array(users.map { .string($0) }),
      "attesters": .array(attesters.map { .string($0) }), "quorum": .number(String(quorum)),
    ]
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
    guard let domains = json["domains"]?.array, domains.count == 2 else { throw .form(member: "domains") }
    harbor = try Self.domain(domains[0])
    island = try Self.domain(domains[1])
    var lanes: [Lane] = []
    for lane in json["lanes"]?.array ?? [] {
      guard let kind = lane["kind"]?.string.flatMap(Lane.Kind.init(rawValue:)),
        let harborClient = lane["harbor_client"]?.string.flatMap({ try? ClientID($0) }),
        let islandClient = lane["island_client"]?.string.flatMap({ try? ClientID($0) })
      else { throw .form(member: "lanes") }
      lanes.append(Lane(kind: kind, harborClient: harborClient, islandClient: islandClient))
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
    users = json["users"]?.array?.compactMap(\.string) ?? []
    attesters = json["attesters"]?.array?.compactMap(\.string) ?? []
    quorum = json["quorum"]?.integer(Int.self) ?? 0
    self.process = process
  }

  private static func domain(_ json: JSONValue) throws(NetworkFileError) -> Domain {
    guard let name = json["name"]?.string, let chainID = json["chain_id"]?.string,
      let denom = json["fee_denom"]?.string.flatMap({ try? Denom($0) }),
      let port = json["port"]?.integer(Int.self), let id = try? DomainID("cosmos:\(chainID)")
    else { throw .form(member: "domains") }
    return Domain(name: name, chainID: chainID, feeDenom: denom, port: port, id: id)
  }
}
