import ChainAccess
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// What the transfer application of an EVM chain holds and has issued, for the count of value.
struct ReefValue {
  private let chain: EVMDomainAccess
  private let transfer: Bytes20
  private let lane: Network.Lane
  private let name: String

  /// Nil without the chain.
  init?(_ network: Network, _ lane: Network.Lane, _ accesses: [String: any DomainAccess]) {
    guard let reef = network.reef, let chain = accesses[reef.name] as? EVMDomainAccess,
      let transfer = network.contracts?["Transfer"]
    else { return nil }
    self.chain = chain
    self.transfer = transfer
    self.lane = lane
    name = reef.name
  }

  /// Tokens of the chain that a ledger has vouchers for, with how many.
  func vouchers(
    on domain: Network.Domain, _ access: any DomainAccess, _ supplies: [Coin]
  ) async throws(AuditError) -> [(TokenPath, UInt256)] {
    guard let client = lane.client(on: domain.name) else { return [] }
    var found: [(TokenPath, UInt256)] = []
    for coin in supplies where coin.denom.text.hasPrefix("ibc/") && coin.amount > .zero {
      let path = try await ValueAudit.path(of: coin.denom, on: domain, access)
      if path.hasHop(.transfer, client) { found.append((path, coin.amount)) }
    }
    return found
  }

  /// What is held of a token for the other domain: of the chain's own by its address, of a voucher by its path.
  func escrowed(_ denomination: String) async throws(AuditError) -> UInt256 {
    let token: Bytes20?
    if let address = try? Bytes20(hex: denomination) {
      token = address
    } else {
      token = try await voucher(denomination)
    }
    guard let token else { return .zero }
    return try await amount(
      "escrowed(string,address)", of: transfer,
      [.string(lane.far(from: DevnetNames.harbor).client.text), .address(token)])
  }

  /// How many vouchers there are for a path.
  func supply(of path: String) async throws(AuditError) -> UInt256 {
    guard let token = try await voucher(path) else { return .zero }
    return try await amount("totalSupply()", of: token, [])
  }

  private func voucher(_ path: String) async throws(AuditError) -> Bytes20? {
    guard case .address(let token)? = try await ask("voucherOf(string)", transfer, [.string(path)], .address),
      token != Bytes20()
    else { return nil }
    return token
  }

  private func amount(
    _ signature: String, of contract: Bytes20, _ arguments: [ABIValue]
  ) async throws(AuditError) -> UInt256 {
    guard case .uint(let amount)? = try await ask(signature, contract, arguments, .uint256) else { return .zero }
    return amount
  }

  private func ask(
    _ signature: String, _ contract: Bytes20, _ arguments: [ABIValue], _ type: ABIType
  ) async throws(AuditError) -> ABIValue? {
    do { return try await EVMFunction(signature, returns: [type]).ask(contract, arguments, on: chain)?.first } catch {
      if case .access(let cause) = error { throw .access(domain: name, cause) }
      throw .access(domain: name, .malformed)
    }
  }
}
