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

/// Two clients that track each other's domains.
struct SimulatedLane: Sendable {
  struct End: Sendable {
    let domain: Int
    let client: ClientID
  }
  let index: Int
  /// The one that is called origin in rules, and the other.
  let ends: [End]
  let form: EvidenceForm
  /// Which attesters serve it; nil for a light client.
  let group: Int?
  /// What each end's client believes, as the checkers know it; nil for a light client.
  let policies: [AttestedPolicy?]
  /// Who must sign as well, whatever the group says; nil when the group is enough.
  let notaries: [AttestedPolicy?]
  let trustingSeconds: UInt64?

  /// The whole policy of an end's client; nil for a light client.
  func policy(_ side: Int) throws -> Policy? {
    guard let group = policies[side] else { return nil }
    guard let notary = notaries[side] else { return try Policy(.attested(group)) }
    return try Policy(.all([.attested(group), .attested(notary)]))
  }

  func serves(_ attester: AttesterNode) -> Bool {
    attester.group == group || (attester.group == Quorum.notaryGroup && notaries[0] != nil)
  }

  func laneEnd(_ side: Int, _ domains: [DomainNode]) -> LaneEnd {
    LaneEnd(domains[ends[side].domain].id, ends[side].client)
  }
}

/// What one attester states, with its signature.
struct Statement: Sendable {
  let attester: Int
  let height: Height
  let timestamp: UnixTime
  let body: AttestedBody
  let signature: [UInt8]
}

/// What an attester reads about a height.
struct Reading: Sendable {
  let timestamp: UnixTime
  let root: Bytes32
  let body: AttestedBody
}

/// One attester: its key, and its record of what it has signed.
struct AttesterNode: Sendable {
  enum Kind: String, Sendable {
    case honest
    /// Honest, but what it reads may be false.
    case misled
    /// Signs what a liar wants.
    case corrupt
  }
  struct Place: Hashable, Sendable {
    let domain: Int
    let height: UInt64
  }
  struct Watermark: Hashable, Sendable {
    let timestamp: UnixTime
    let root: Bytes32
  }
  let index: Int
  let group: Int
  let key: SimulatedKey
  let kind: Kind
  var isUp = true
  var journal = Journal()
  var watermarks: [Place: Watermark] = [:]

  /// Writes the watermark; true when it may sign. Nothing is signed before the record is on disk.
  mutating func record(_ mark: Watermark, at place: Place) -> Bool {
    if let known = watermarks[place] { return known == mark }
    var row: [UInt8] = [UInt8(truncatingIfNeeded: place.domain)]
    row.append(bigEndian: place.height)
    row.append(bigEndian: mark.timestamp.seconds)
    row += mark.root.array
    journal.append(row)
    watermarks[place] = mark
    return true
  }

  mutating func restart() {
    watermarks = [:]
    for row in journal.recover().records where row.count == 49 {
      var reader = ByteReader(row.span)
      guard let domain = try? reader.readBigEndian(UInt8.self),
        let height = try? reader.readBigEndian(UInt64.self),
        let seconds = try? reader.readBigEndian(UInt64.self),
        let root = try? Bytes32([UInt8](row.suffix(32)))
      else { continue }
      watermarks[Place(domain: Int(domain), height: height)] = Watermark(
        timestamp: UnixTime(seconds: seconds), root: root)
    }
    isUp = true
  }

  func sign(
    _ body: AttestedBody, height: Height, timestamp: UnixTime, for policy: AttestedPolicy
  ) throws -> Statement {
    let bytes =
      switch body {
      case .state(let root): AttestationDigest.stateBody(height: height, timestamp: timestamp, root: root)
      case .packets(let entries):
        AttestationDigest.packetsBody(height: height, timestamp: timestamp, entries: entries)
      }
    let digest = AttestationDigest.of(form: body.form, binding: policy.binding, body: bytes)
    return Statement(
      attester: index, height: height, timestamp: timestamp, body: body,
      signature: try key.sign(digest.array))
  }
}

extension Statement {
  /// Whether both say the same, to the byte.
  func agrees(with other: Statement) -> Bool {
    height == other.height && timestamp == other.timestamp && body == other.body
  }

  func digest(for policy: AttestedPolicy) -> Bytes32 {
    let bytes =
      switch body {
      case .state(let root): AttestationDigest.stateBody(height: height, timestamp: timestamp, root: root)
      case .packets(let entries):
        AttestationDigest.packetsBody(height: height, timestamp: timestamp, entries: entries)
      }
    return AttestationDigest.of(form: body.form, binding: policy.binding, body: bytes)
  }
}

/// How many attesters a lane has, and how many must agree.
enum Quorum {
  static let attesters = 4
  static let required = 3
  /// The group of the one that signs beside the others.
  static let notaryGroup = 2
  static let notary = 8
}

extension StoredEntry {
  /// What is stated of a path: the 32 bytes under it; a receipt's one byte, in front of zeros; zero when nothing is there.
  static func of(_ path: PacketPath, value: [UInt8]?) -> StoredEntry {
    var commitment = Bytes32()
    if let value {
      commitment = (try? Bytes32(value)) ?? Bytes32 { $0 < value.count ? value[$0] : 0 }
    }
    return StoredEntry(pathHash: path.hash(), commitment: commitment)
  }
}
