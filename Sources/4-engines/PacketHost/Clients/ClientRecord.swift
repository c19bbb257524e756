import Encodings
import LightClients
import Messages
import WireBytes

/// What a host remembers of a client beside its public state: all that judging a packet needs, and no policy
/// text.
struct ClientRecord: Hashable {
  enum Kind: UInt64 {
    case tendermint = 1
    case policy = 2

    /// The part of the identifier before the number.
    var name: String {
      switch self {
      case .tendermint: "07-tendermint"
      case .policy: "client"
      }
    }
  }

  /// What the counterparty's state is.
  enum Store: Hashable {
    case sparseMerkleTree
    /// An IAVL tree under a simple tree.
    case cosmos
    /// A router's slots in the state of an EVM chain.
    case evm(router: Bytes20)

    fileprivate enum Number: UInt64 {
      case sparseMerkleTree = 1
      case cosmos = 2
      case evm = 3
    }

    fileprivate var number: Number {
      switch self {
      case .sparseMerkleTree: .sparseMerkleTree
      case .cosmos: .cosmos
      case .evm: .evm
      }
    }

    fileprivate init?(_ number: Number, router: Bytes20?) {
      switch (number, router) {
      case (.sparseMerkleTree, nil): self = .sparseMerkleTree
      case (.cosmos, nil): self = .cosmos
      case (.evm, let router?): self = .evm(router: router)
      default: return nil
      }
    }
  }

  let kind: Kind
  let store: Store
  let creator: AccountAddress
  /// The other domain.
  let domain: DomainID
  let policyHash: Bytes32
  /// Nil when the policy can be satisfied without any earlier state.
  let trustingPeriodSeconds: UInt64?
  var frozen: Height?
  var latest: Height?
  var latestTime = UnixTime(seconds: 0)
  /// States that are kept.
  var count: UInt64 = 0
  var oldest: Height?
  /// The highest state that was forgotten.
  var floor: Height?

  init(
    kind: Kind, store: Store, creator: AccountAddress, domain: DomainID, policyHash: Bytes32,
    trustingPeriodSeconds: UInt64?
  ) {
    self.kind = kind
    self.store = store
    self.creator = creator
    self.domain = domain
    self.policyHash = policyHash
    self.trustingPeriodSeconds = trustingPeriodSeconds
  }

  func status(at now: UnixTime) -> ClientStatus {
    if let frozen { return .frozen(frozen) }
    if let trustingPeriodSeconds {
      let end = latestTime.adding(seconds: trustingPeriodSeconds)
      if end <= now { return .expired(at: end) }
    }
    return .active
  }

  /// How many levels a counterparty's prefix has.
  var prefixCounts: ClosedRange<Int> {
    switch store {
    case .sparseMerkleTree, .evm: 1...1
    case .cosmos: 2...2
    }
  }

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, kind.rawValue)
    writer.varint(2, store.number.rawValue)
    writer.alwaysBytes(3, creator.bytes)
    writer.alwaysBytes(4, policyHash.array)
    // One more, so that zero is told from none.
    if let trustingPeriodSeconds { writer.varint(5, trustingPeriodSeconds &+ 1) }
    writer.height(6, frozen)
    writer.height(7, latest)
    writer.varint(8, latestTime.seconds)
    writer.varint(9, count)
    writer.height(10, oldest)
    writer.height(11, floor)
    writer.string(12, domain.text)
    if case .evm(let router) = store { writer.bytes(13, router) }
    return writer.bytes
  }

  /// Nil for bytes that this host did not write.
  init?(stored bytes: [UInt8]) {
    var numbers: [UInt32: UInt64] = [:]
    var heights: [UInt32: Height] = [:]
    var creator: AccountAddress?
    var policyHash: Bytes32?
    var domain = ""
    var router: Bytes20?
    let span = bytes.span
    do {
      let rules = ProtobufRules(singular: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
      var reader = ProtobufReader(rules, sizeBytesMax: 4_096)
      while let field = try reader.next(in: span) {
        switch field.number {
        case 3: creator = AccountAddress(bytes: try field.bytes(in: span))
        case 4: policyHash = try field.fixed(in: span)
        case 6, 7, 10, 11:
          heights[field.number] = try Height(protobuf: span.extracting(try field.message()))
        case 12: domain = try field.string(in: span)
        case 13: router = try field.fixed(in: span)
        default: numbers[field.number] = try field.uint64()
        }
      }
    } catch { return nil }
    guard let kind = numbers[1].flatMap(Kind.init(rawValue:)),
      let store = numbers[2].flatMap(Store.Number.init(rawValue:)).flatMap({ Store($0, router: router) }),
      let creator, let policyHash, let domain = try? DomainID(domain)
    else { return nil }
    self.init(
      kind: kind, store: store, creator: creator, domain: domain, policyHash: policyHash,
      trustingPeriodSeconds: numbers[5].map { $0 - 1 })
    frozen = heights[6]
    latest = heights[7]
    latestTime = UnixTime(seconds: numbers[8] ?? 0)
    count = numbers[9] ?? 0
    oldest = heights[10]
    floor = heights[11]
  }
}

/// The neighbours of a kept state among the kept ones, and how many pieces of evidence are kept with it.
struct ConsensusLink: Hashable {
  var lower: Height?
  var higher: Height?
  var evidenceCount: UInt8 = 0

  private static let size = 33

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [evidenceCount]
    for height in [lower, higher] {
      bytes.append(bigEndian: height?.revision ?? 0)
      // No state has the number 0, so it stands for none.
      bytes.append(bigEndian: height?.number ?? 0)
    }
    return bytes
  }

  init() {}

  init?(stored bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    func height(at offset: Int) -> Height? {
      var numbers: [UInt64] = [0, 0]
      for index in 0..<16 { numbers[index / 8] = numbers[index / 8] << 8 | UInt64(bytes[offset + index]) }
      return numbers[1] == 0 ? nil : Height(revision: numbers[0], numbers[1])
    }
    evidenceCount = bytes[0]
    lower = height(at: 1)
    higher = height(at: 17)
  }
}

extension Height {
  /// Reads {revision 1, number 2}, the `ibc.core.client.v1.Height`.
  init(protobuf bytes: Span<UInt8>) throws(ProtobufError) {
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    var (revision, number): (UInt64, UInt64) = (0, 0)
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { revision = try field.uint64() } else { number = try field.uint64() }
    }
    self.init(revision: revision, number)
  }

  /// The same height as the light client's type.
  var tendermint: Tendermint.Height { Tendermint.Height(revision: revision, height: number) }
}

extension ProtobufWriter {
  /// Nothing for nil.
  mutating func height(_ field: UInt32, _ height: Height?) {
    guard let height else { return }
    message(field) { writer in
      writer.varint(1, height.revision)
      writer.varint(2, height.number)
    }
  }
}
