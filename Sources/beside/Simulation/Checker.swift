import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// A packet by its lane, the side that sent it, and its number.
struct PacketName: Hashable, Sendable, CustomStringConvertible {
  let lane: Int
  let side: Int
  let sequence: UInt64

  var description: String { "\(lane)/\(side)/\(sequence)" }
}

enum PacketEnding: String, Hashable, Sendable {
  case success
  case error
  case timeout
}

/// What committed blocks have shown of a packet.
struct ObservedPacket: Sendable {
  let packet: Packet
  /// Never sent: made up, and let in by a deceived client.
  let isForged: Bool
  /// What its calls leave behind, if they are executed.
  let tags: [[UInt8]]
  /// One of its calls cannot succeed.
  let mustFail: Bool
  var executions = 0
  var answer: Acknowledgement?
  var endings: [PacketEnding] = []
}

/// What the checkers keep, from committed blocks and signatures alone.
struct Checker: Sendable {
  struct ClientPlace: Hashable, Sendable {
    let domain: Int
    let client: ClientID

    init(_ domain: Int, _ client: ClientID) {
      self.domain = domain
      self.client = client
    }
  }
  struct Forgery: Sendable {
    let side: Int
    let evidence: [UInt8]
    let height: UInt64
    let paths: [PacketPath]?
  }
  struct EscrowPlace: Hashable, Sendable {
    let domain: Int
    let client: ClientID
    let token: String
  }
  struct SupplyPlace: Hashable, Sendable {
    let domain: Int
    let token: String
  }
  struct ClaimPlace: Hashable, Sendable {
    let attester: Int
    let domain: Int
    let height: UInt64
  }
  struct EntryPlace: Hashable, Sendable {
    let claim: ClaimPlace
    let path: Bytes32
  }
  struct VotePlace: Hashable, Sendable {
    let domain: Int
    let height: UInt64
  }

  private(set) var packets: [PacketName: ObservedPacket] = [:]
  private(set) var order: [PacketName] = []
  /// Of light clients: the newest time that they were shown.
  var trusted: [ClientPlace: UInt64] = [:]
  var frozen: [ClientPlace: UInt64] = [:]
  /// Lanes that have believed something false, as their policy allows when enough attesters lie.
  var deceived: Set<Int> = []
  var forgeries: [Int: Forgery] = [:]
  var paths: [Bytes32: PacketPath] = [:]
  var nativeSupply: [Int: UInt64] = [:]
  var escrow: [EscrowPlace: Int64] = [:]
  var supply: [SupplyPlace: Int64] = [:]
  var votes: [VotePlace: Bytes32] = [:]
  var times: [ClaimPlace: UnixTime] = [:]
  var roots: [ClaimPlace: Bytes32] = [:]
  var entries: [EntryPlace: Bytes32] = [:]

  mutating func know(_ path: PacketPath) { paths[path.hash()] = path }

  mutating func add(_ name: PacketName, _ observed: ObservedPacket) {
    packets[name] = observed
    order.append(name)
    for kind in PacketPath.Kind.allCases { know(PacketPath(kind, of: observed.packet)) }
  }

  mutating func change(_ name: PacketName, _ body: (inout ObservedPacket) -> Void) {
    guard var observed = packets[name] else { return }
    body(&observed)
    packets[name] = observed
  }

  /// One of the packets that fit, the newer ones more often.
  func anyPacket(
    _ numbers: inout SeededNumbers, _ fits: (ObservedPacket) -> Bool
  ) -> (PacketName, ObservedPacket)? {
    for _ in 0..<8 {
      guard let name = numbers.pick(Array(order.suffix(40))), let observed = packets[name] else { return nil }
      if fits(observed) { return (name, observed) }
    }
    return nil
  }
}

/// Two pieces of evidence in one message.
enum Misbehaviour {
  static func encoded(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (number, piece) in [(UInt8(1), first), (UInt8(2), second)] {
      bytes.append(number << 3 | 2)
      var size = piece.count
      while size >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: size & 0x7f | 0x80))
        size >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: size))
      bytes += piece
    }
    return bytes
  }
}
