public import ChainAccess
import Foundation
import Ledger
import Messages
import PacketHost
public import RelayEngine
public import WireBytes

/// Whether every packet that two domains ever sent has ended exactly once, from their blocks alone.
public struct HistoryAudit: Hashable, Sendable {
  public enum Fault: Hashable, Sendable {
    /// Sequences of an end must be 1, 2, 3 …: this one is missing, or was given twice.
    case sequence(PacketKey)
    case receivedTwice(PacketKey)
    case endedTwice(PacketKey)
    /// It ended, and was never sent.
    case endedUnsent(PacketKey)
    /// Acknowledged, and never executed.
    case acknowledgedUnreceived(PacketKey)
    /// Executed, and refunded as if it had not been.
    case timedOutAfterReceipt(PacketKey)
    /// A client was told that the transaction is in this block, and it is not there.
    case lost(transaction: Bytes32, domain: String, height: UInt64)
  }

  public private(set) var sent = 0
  public private(set) var succeeded = 0
  public private(set) var failed = 0
  public private(set) var timedOut = 0
  /// Sent, and not ended yet.
  public private(set) var open: [PacketKey] = []
  public private(set) var faults: [Fault] = []
  /// Fees that transactions have paid, by domain, in the smallest unit.
  public private(set) var fees: [String: UInt256] = [:]
  public private(set) var heights: [String: UInt64] = [:]
  /// Transactions of the journal that were found in their blocks.
  public private(set) var journalled = 0

  /// Faults that are kept; a count of them goes on.
  public static let faultsMax = 100
  public private(set) var faultCount = 0

  public var holds: Bool { faultCount == 0 }

  /// Reads every block of both domains.
  ///
  /// - Parameter journal: what a sender was told about its transactions: each must be in its block.
  public init(
    network: Network, accesses: [String: any DomainAccess],
    journal: [JournalEntry] = []
  ) async throws(AuditError) {
    var sequences: [LaneEnd: [UInt64]] = [:]
    var received: Set<PacketKey> = []
    var errors: Set<PacketKey> = []
    var acknowledged: Set<PacketKey> = []
    var expired: Set<PacketKey> = []
    var included: [String: [Bytes32: UInt64]] = [:]
    for domain in network.domains {
      guard let access = accesses[domain.name] else { continue }
      let head = try await ValueAudit.reach(domain) { () async throws(AccessError) in try await access.head()
      }
      heights[domain.name] = head.height
      var sum = UInt256.zero
      for height in stride(from: UInt64(1), through: head.height, by: 1) {
        let block = try await ValueAudit.reach(domain) { () async throws(AccessError) in
          try await access.block(at: height)
        }
        for transaction in block.transactions {
          included[domain.name, default: [:]][transaction.hash] = height
          sum = sum.addingReportingOverflow(Self.fee(transaction, domain)).partialValue
          for event in transaction.result.events {
            switch event.type {
            case "send_packet":
              if let key = Self.key(event, domain) {
                sequences[key.origin, default: []].append(key.sequence.rawValue)
              }
            case "recv_packet":
              if let key = Self.receivedKey(event, on: domain, network), !received.insert(key).inserted {
                record(.receivedTwice(key))
              }
            case "packet_failed":
              if let key = Self.receivedKey(event, on: domain, network) { errors.insert(key) }
            case "acknowledge_packet", "timeout_packet":
              guard let key = Self.key(event, domain) else { continue }
              let isTimeout = event.type == "timeout_packet"
              if acknowledged.contains(key) || expired.contains(key) { record(.endedTwice(key)) }
              if isTimeout { expired.insert(key) } else { acknowledged.insert(key) }
            default: continue
            }
          }
        }
      }
      fees[domain.name] = sum
    }
    var known: Set<PacketKey> = []
    for (end, numbers) in sequences.sorted(by: { $0.key < $1.key }) {
      sent += numbers.count
      for (index, number) in numbers.sorted().enumerated() {
        guard let sequence = Sequence(number) else { continue }
        let key = PacketKey(end, sequence)
        known.insert(key)
        if number != UInt64(index) + 1 { record(.sequence(key)) }
        if !acknowledged.contains(key), !expired.contains(key) { open.append(key) }
      }
    }
    for key in acknowledged.sorted() where !received.contains(key) { record(.acknowledgedUnreceived(key)) }
    for key in expired.sorted() where received.contains(key) { record(.timedOutAfterReceipt(key)) }
    for key in acknowledged.union(expired).sorted() where !known.contains(key) { record(.endedUnsent(key)) }
    timedOut = expired.count
    failed = acknowledged.intersection(errors).count
    succeeded = acknowledged.count - failed
    for entry in journal {
      guard let height = entry.height else { continue }
      if included[entry.domain]?[entry.transaction] == height {
        journalled += 1
      } else {
        record(.lost(transaction: entry.transaction, domain: entry.domain, height: height))
      }
    }
  }

  private mutating func record(_ fault: Fault) {
    faultCount += 1
    if faults.count < Self.faultsMax { faults.append(fault) }
  }

  private static func key(_ event: Event, _ origin: Network.Domain) -> PacketKey? {
    guard let client = event.value("packet_source_client").flatMap({ try? ClientID($0) }),
      let sequence = event.value("packet_sequence").flatMap({ UInt64($0) }).flatMap({ Sequence($0) })
    else { return nil }
    return PacketKey(LaneEnd(origin.id, client), sequence)
  }

  /// The packet of an event at its destination.
  private static func receivedKey(
    _ event: Event, on domain: Network.Domain, _ network: Network
  ) -> PacketKey? {
    guard let client = event.value("packet_dest_client").flatMap({ try? ClientID($0) }),
      let lane = network.lane(of: client, on: domain),
      let sequence = event.value("packet_sequence").flatMap({ UInt64($0) }).flatMap({ Sequence($0) })
    else { return nil }
    let origin = network.other(domain, over: lane)
    return PacketKey(LaneEnd(origin.id, lane.far(from: domain.name).client), sequence)
  }

  static func fee(_ transaction: ObservedTransaction, _ domain: Network.Domain) -> UInt256 {
    let text = transaction.result.events.first { $0.type == "tx" }?.value("fee") ?? ""
    guard text.hasSuffix(domain.feeDenom.text) else { return .zero }
    return UInt256(decimal: String(text.dropLast(domain.feeDenom.text.count))) ?? .zero
  }
}

/// What a sender was told about one transaction.
public struct JournalEntry: Hashable, Sendable {
  public let domain: String
  public let transaction: Bytes32
  /// Nil when it was accepted, and its block was never seen.
  public let height: UInt64?

  public init(domain: String, transaction: Bytes32, height: UInt64?) {
    self.domain = domain
    self.transaction = transaction
    self.height = height
  }

  /// One line of a journal: `domain hash height`, the height `-` while it is not known.
  public var line: String { "\(domain) \(transaction) \(height.map(String.init) ?? "-")" }

  public init?(line: some StringProtocol) {
    let parts = line.split(separator: " ")
    guard parts.count == 3, let hash = try? Bytes32(hex: String(parts[1])) else { return nil }
    let height = parts[2] == "-" ? nil : UInt64(parts[2])
    guard height != nil || parts[2] == "-" else { return nil }
    self.init(domain: String(parts[0]), transaction: hash, height: height)
  }

  /// All entries of a journal's text. The last line may have been cut off by the end of its writer.
  public static func all(of text: String) throws(AuditError) -> [JournalEntry] {
    var entries: [JournalEntry] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      if let entry = JournalEntry(line: line) {
        entries.append(entry)
      } else if index < lines.count - 1 {
        throw .journal(line: index + 1)
      }
    }
    return entries
  }
}
