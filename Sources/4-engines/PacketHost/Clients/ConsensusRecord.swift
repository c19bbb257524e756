import Encodings
import Gate
import LightClients
import Messages
import WireBytes

/// What is believed of one height of the other domain.
///
/// Stored as an `Any`, as ibc-go does: of a 07-tendermint client as its own consensus state; of the others as
/// `causeway.gate.v1.ConsensusState {timestamp {seconds 1, nanos 2} 1, root {hash 1} 2, next_validators_hash
/// 3, expires 4}`, in which root, set and expiry may be absent.
struct ConsensusRecord: Hashable {
  static let typeURL = "/causeway.gate.v1.ConsensusState"
  static let tendermintTypeURL = "/ibc.lightclients.tendermint.v1.ConsensusState"

  var seconds: UInt64
  var nanoseconds: UInt32 = 0
  /// Nil when only the time is known.
  var root: Bytes32?
  /// Nil when no header showed it.
  var nextValidatorsHash: Bytes32?
  /// The verdict must not be used from then on.
  var expires: UnixTime?

  var time: UnixTime { UnixTime(seconds: seconds) }

  init(
    seconds: UInt64, nanoseconds: UInt32 = 0, root: Bytes32?, nextValidatorsHash: Bytes32? = nil,
    expires: UnixTime? = nil
  ) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.root = root
    self.nextValidatorsHash = nextValidatorsHash
    self.expires = expires
  }

  /// What a claim and, when a header proved it, that header say. Nil for a claim without a time.
  init?(_ verdict: Verdict, header: CometBFT.TrustedState?) {
    guard let timestamp = verdict.claim.timestamp else { return nil }
    var root: Bytes32?
    if case .state(let claim) = verdict.claim { root = claim.root }
    self.init(seconds: timestamp.seconds, root: root, expires: verdict.expires)
    if let header {
      nanoseconds = UInt32(clamping: header.time.nanoseconds)
      nextValidatorsHash = header.nextValidatorsHash
    }
  }

  /// Whether both cannot be true of one height.
  func contradicts(_ other: ConsensusRecord) -> Bool {
    if seconds != other.seconds { return true }
    if let root, let theirs = other.root, root != theirs { return true }
    guard let nextValidatorsHash, let theirs = other.nextValidatorsHash else { return false }
    return nextValidatorsHash != theirs || nanoseconds != other.nanoseconds
  }

  /// Whether this cannot be the time of a height under that of `higher`. Between headers time grows;
  /// elsewhere whole seconds are all that is known, and two heights may share one.
  func crosses(_ higher: ConsensusRecord) -> Bool {
    if nextValidatorsHash != nil, higher.nextValidatorsHash != nil {
      return (seconds, nanoseconds) >= (higher.seconds, higher.nanoseconds)
    }
    return seconds > higher.seconds
  }

  /// This with what `other`, which does not contradict it, knows beyond it.
  func merged(_ other: ConsensusRecord) -> ConsensusRecord {
    var merged = self
    merged.root = root ?? other.root
    if nextValidatorsHash == nil, other.nextValidatorsHash != nil {
      merged.nextValidatorsHash = other.nextValidatorsHash
      merged.nanoseconds = other.nanoseconds
    }
    if let expires { merged.expires = other.expires.map { max($0, expires) } }
    return merged
  }

  func trustedState(chainID: String, height: Height) -> CometBFT.TrustedState? {
    guard let nextValidatorsHash, let seconds = Int64(exactly: seconds),
      let number = Int64(exactly: height.number),
      let nanoseconds = Int32(exactly: nanoseconds),
      let time = try? CometBFT.Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    else { return nil }
    return CometBFT.TrustedState(
      vouchedChainID: chainID, height: number, time: time, nextValidatorsHash: nextValidatorsHash)
  }

  // MARK: Protobuf

  func encoded(for kind: ClientRecord.Kind) -> [UInt8] {
    switch kind {
    case .tendermint: AnyForm(typeURL: Self.tendermintTypeURL, value: message(withExpiry: false)).encoded()
    case .policy: AnyForm(typeURL: Self.typeURL, value: message(withExpiry: true)).encoded()
    }
  }

  func message(withExpiry: Bool) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.message(1) { writer in
      writer.varint(1, seconds)
      writer.varint(2, UInt64(nanoseconds))
    }
    if let root { writer.message(2) { $0.bytes(1, root) } }
    if let nextValidatorsHash { writer.bytes(3, nextValidatorsHash) }
    if withExpiry, let expires { writer.varint(4, expires.seconds) }
    return writer.bytes
  }

  init(message bytes: Span<UInt8>) throws(ProtobufError) {
    var seconds: UInt64 = 0
    var nanoseconds: UInt32 = 0
    var root: Bytes32?
    var nextValidatorsHash: Bytes32?
    var expires: UnixTime?
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3, 4]), sizeBytesMax: 4_096)
    while let field = try reader.next(in: bytes) {
      switch field.number {
      case 1:
        let inner = bytes.extracting(try field.message())
        var times = ProtobufReader(ProtobufRules(singular: [1, 2]))
        while let part = try times.next(in: inner) {
          if part.number == 1 { seconds = try part.uint64() } else { nanoseconds = try part.uint32() }
        }
      case 2:
        let inner = bytes.extracting(try field.message())
        var roots = ProtobufReader(ProtobufRules(singular: [1]))
        while let part = try roots.next(in: inner) { root = try part.fixed(in: inner) }
      case 3: nextValidatorsHash = try field.fixed(in: bytes)
      default: expires = UnixTime(seconds: try field.uint64())
      }
    }
    self.init(
      seconds: seconds, nanoseconds: nanoseconds, root: root, nextValidatorsHash: nextValidatorsHash,
      expires: expires)
  }

  /// Nil for bytes that this host did not write.
  init?(stored bytes: [UInt8]) {
    guard let any = AnyForm(stored: bytes) else { return nil }
    let value = any.value
    guard let record = try? ConsensusRecord(message: value.span) else { return nil }
    self = record
  }
}

/// A `google.protobuf.Any`.
struct AnyForm: Hashable {
  let typeURL: String
  let value: [UInt8]

  init(typeURL: String, value: [UInt8]) {
    self.typeURL = typeURL
    self.value = value
  }

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, typeURL)
    writer.bytes(2, value)
    return writer.bytes
  }

  init?(stored bytes: [UInt8]) {
    let span = bytes.span
    var typeURL = ""
    var value: [UInt8] = []
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if field.number == 1 {
          typeURL = try field.string(in: span)
        } else {
          value = try field.bytes(in: span)
        }
      }
    } catch { return nil }
    self.init(typeURL: typeURL, value: value)
  }
}
