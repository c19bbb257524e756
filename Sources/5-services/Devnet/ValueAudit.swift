public import ChainAccess
import Encodings
import Foundation
public import Ledger
import Messages
public import PacketHost
public import WireBytes

/// Why value could not be counted.
public enum AuditError: Error, Hashable, Sendable {
  case access(domain: String, AccessError)
  /// A domain's genesis file is missing or of no use: without it nobody knows what there was.
  case genesis(domain: String)
  case overflow
  /// A line of a journal is not what was written there.
  case journal(line: Int)
}

/// Whether anything was made or lost between two domains at rest.
///
/// Three sums must hold: what each domain issued is what its genesis gave; what lies in a lane's escrow is what the other
/// side has issued as vouchers for it; and fees are still there, with the collector.
public struct ValueAudit: Hashable, Sendable {
  /// One domain's own token.
  public struct Issue: Hashable, Sendable {
    public let domain: String
    public let denom: Denom
    public let genesis: UInt256
    public let supply: UInt256
    /// With the collector; part of ``supply``.
    public let fees: UInt256
    public var holds: Bool { genesis == supply }
  }

  /// One token in the escrow of one lane, and its vouchers on the other side.
  public struct Escrow: Hashable, Sendable {
    public let lane: Network.Lane.Kind
    public let home: String
    public let away: String
    public let denom: String
    public let escrowed: UInt256
    public let vouchers: UInt256
    public var holds: Bool { escrowed == vouchers }
  }

  public let issues: [Issue]
  public let escrows: [Escrow]
  /// Vouchers that no escrow stands behind, as `domain: token`.
  public let orphans: [String]

  public var holds: Bool {
    issues.allSatisfy(\.holds) && escrows.allSatisfy(\.holds) && orphans.isEmpty
  }

  /// Counts; both domains should be at rest, or packets in flight show as vouchers that are still to come.
  public init(
    network: Network, accesses: [String: any DomainAccess], in directory: DevnetDirectory
  ) async throws(AuditError) {
    var issues: [Issue] = []
    var escrows: [Escrow] = []
    var supplies: [String: [Coin]] = [:]
    let ledgers = network.domains.compactMap { domain in
      domain.kind == .embedded ? accesses[domain.name].map { (domain, $0) } : nil
    }
    for (domain, access) in ledgers {
      supplies[domain.name] = try await Self.reach(domain) { () async throws(AccessError) in
        try await access.supplies()
      }
    }
    var backed: [String: Set<String>] = [:]
    for (domain, access) in ledgers {
      let genesis = try Self.genesis(of: domain, in: directory)
      let fees = try await Self.reach(domain) { () async throws(AccessError) in
        try await access.balances(of: LedgerRules.feeCollector)
      }
      issues.append(
        Issue(
          domain: domain.name, denom: domain.feeDenom, genesis: genesis,
          supply: Self.amount(domain.feeDenom.text, in: supplies[domain.name] ?? []),
          fees: Self.amount(domain.feeDenom.text, in: fees)))
      for (lane, client) in network.lanes(on: domain) {
        let other = network.other(domain, over: lane)
        let reef = lane.kind == .evm ? ReefValue(network, lane, accesses) : nil
        if let reef {
          for (token, supply) in try await reef.vouchers(on: domain, access, supplies[domain.name] ?? []) {
            backed[domain.name, default: []].insert(token.token)
            escrows.append(
              Escrow(
                lane: lane.kind, home: other.name, away: domain.name, denom: token.dropping(.transfer, client).text,
                escrowed: try await reef.escrowed(token.dropping(.transfer, client).text), vouchers: supply))
          }
        }
        let held = try await Self.reach(domain) { () async throws(AccessError) in
          try await access.balances(of: TransferApplication.escrow(.transfer, client))
        }
        for coin in held where coin.amount > .zero {
          let path = try await Self.path(of: coin.denom, on: domain, access)
          let voucher = path.adding(.transfer, lane.far(from: domain.name).client).token
          backed[other.name, default: []].insert(voucher)
          let vouchers =
            if let reef {
              try await reef.supply(of: path.adding(.transfer, lane.far(from: domain.name).client).text)
            } else {
              Self.amount(voucher, in: supplies[other.name] ?? [])
            }
          escrows.append(
            Escrow(
              lane: lane.kind, home: domain.name, away: other.name, denom: path.text, escrowed: coin.amount,
              vouchers: vouchers))
        }
      }
    }
    self.issues = issues
    self.escrows = escrows
    var orphans: [String] = []
    for domain in network.domains where domain.kind == .embedded {
      for coin in supplies[domain.name] ?? [] where coin.denom.text.hasPrefix("ibc/") && coin.amount > .zero {
        if backed[domain.name]?.contains(coin.denom.text) != true {
          orphans.append("\(domain.name): \(coin)")
        }
      }
    }
    self.orphans = orphans
  }

  private static func amount(_ denom: String, in coins: [Coin]) -> UInt256 {
    coins.first { $0.denom.text == denom }?.amount ?? .zero
  }

  /// The whole path of a token by the name that balances have.
  public static func path(
    of denom: Denom, on domain: Network.Domain, _ access: any DomainAccess
  ) async throws(AuditError) -> TokenPath {
    guard denom.text.hasPrefix("ibc/") else { return TokenPath(denom.text) }
    let key = HostKeys.tokenTrace(String(denom.text.dropFirst(4)))
    let value = try await reach(domain) { () async throws(AccessError) in
      let version = try await access.head().height
      return try await access.values(of: [key], at: version, proven: false).first?.value
    }
    return TokenPath(value.map { String(decoding: $0, as: UTF8.self) } ?? denom.text)
  }

  private static func genesis(
    of domain: Network.Domain, in directory: DevnetDirectory
  ) throws(AuditError) -> UInt256 {
    guard let bytes = FileManager.default.contents(atPath: directory.genesis(domain.name)),
      let json = try? JSONValue(decoding: [UInt8](bytes)), let genesis = try? Genesis(json: json)
    else { throw .genesis(domain: domain.name) }
    var sum = UInt256.zero
    for balance in genesis.balances {
      for coin in balance.coins where coin.denom == domain.feeDenom {
        let (next, overflow) = sum.addingReportingOverflow(coin.amount)
        guard !overflow else { throw .overflow }
        sum = next
      }
    }
    return sum
  }

  static func reach<Value: Sendable>(
    _ domain: Network.Domain, _ body: () async throws(AccessError) -> Value
  ) async throws(AuditError) -> Value {
    do { return try await body() } catch { throw .access(domain: domain.name, error) }
  }
}
