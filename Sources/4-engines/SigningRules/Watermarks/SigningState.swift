private import Digests
import LightClients
public import Messages
import Transactions
import WireBytes

/// How much a signer remembers, and how far ahead of its clock a claim may be.
public struct SigningLimits: Hashable, Sendable {
  /// Of one key, origin and format; the newest ones.
  public let heightsKept: Int
  /// Over all heights of one key, origin and format. About 100 bytes of memory each.
  public let pathsKept: Int
  public let pathsPerHeight: Int
  /// Keys times origins times formats, and keys times chains.
  public let tracksMax: Int
  /// Of one key and EVM chain; the newest ones.
  public let noncesKept: Int
  /// An attestation whose time is further ahead is refused: times do not go back, so that one far ahead at a low height
  /// would end the key's use.
  public let aheadSecondsMax: UInt64

  public init(
    heightsKept: Int = 10_000, pathsKept: Int = 1 << 18, pathsPerHeight: Int = 1 << 17, tracksMax: Int = 128,
    aheadSecondsMax: UInt64 = 3_600, noncesKept: Int = 1 << 14
  ) {
    precondition(
      heightsKept > 0 && pathsKept > 0 && pathsPerHeight > 0 && tracksMax > 0 && noncesKept > 0)
    self.heightsKept = heightsKept
    self.pathsKept = pathsKept
    self.pathsPerHeight = pathsPerHeight
    self.tracksMax = tracksMax
    self.aheadSecondsMax = aheadSecondsMax
    self.noncesKept = noncesKept
  }
}

/// That a request may be signed, once `records` are on disk.
public struct Admission: Hashable, Sendable {
  public let payload: SigningPayload
  /// What the key binds itself to with this signature, beyond what it already has. Empty when the same was admitted
  /// before.
  public let records: [WatermarkRecord]
}

/// Why a record cannot be true together with what is kept: one of the two copies is not the whole history.
public enum WatermarkConflict: Error, Hashable, Sendable {
  case claim(KeyID, KeyPurpose, DomainID, Height, SigningRefusal)
  case foreignOrigin(KeyID, kept: DomainID, other: DomainID)
  case vote(KeyID, chainID: String, SigningRefusal)
  case nonce(KeyID, chainID: UInt64, SigningRefusal)
  case tooManyTracks(max: Int)
}

/// Decides what the keys of one domain sign: the policy first, then what each key has signed before.
///
/// Pure: time is given, and what must last is handed out as records. Whoever runs it writes and flushes the records of
/// an admission, and signs then. When that fails, nothing is signed, and what was promised here stays promised.
///
/// - SeeAlso: docs/spec/signing-rules.md.
public struct SigningState: Sendable {
  public let domain: KeyDomain
  public let limits: SigningLimits
  public private(set) var policy: AccessPolicy
  private var admission: AdmissionRules
  private var trackIndex: [TrackKey: Int] = [:]
  private var tracks: [AttestationTrack] = []
  private var foreignOrigins: [KeyID: DomainID] = [:]
  private var votes: [VoteKey: VoteMark] = [:]
  private var nonces: [NonceKey: NonceTrack] = [:]
  private var locked: Set<KeyID> = []

  struct TrackKey: Hashable {
    let key: KeyID
    let purpose: KeyPurpose
    let origin: DomainID
  }

  struct VoteKey: Hashable {
    let key: KeyID
    let chainID: String
  }

  struct NonceKey: Hashable {
    let key: KeyID
    let chainID: UInt64
  }

  /// A signer that has signed nothing. Nothing is granted when `policy` is of another domain.
  public init(domain: KeyDomain, policy: AccessPolicy, limits: SigningLimits = SigningLimits()) {
    self.domain = domain
    self.policy = policy
    self.limits = limits
    admission = AdmissionRules(domain: domain, policy: policy)
  }

  /// Puts another policy in force. What was signed, and how much of each limit is used up, stays.
  public mutating func adopt(_ policy: AccessPolicy) throws(AccessPolicyError) {
    guard policy.domain == domain else { throw .otherDomain(policy.domain) }
    admission.adopt(policy)
    self.policy = policy
  }

  // MARK: Requests

  /// Grants a request, or says why not. What is granted is kept at once.
  ///
  /// - Throws: ``SigningRefusal``; checked are, in this order: client, domain, key, grants, limits, form, watermarks.
  public mutating func admit(
    _ request: SigningRequest, key: KeyFacts, client: ClientName, at now: UnixMilliseconds
  ) throws(SigningRefusal) -> Admission {
    let scope = try admission.check(request, key: key, client: client, isLocked: locked.contains(key.id))
    try admission.take(key: key.id, purpose: request.purpose, client: client, at: now)
    let entries = try request.checkedEntries()
    let records: [WatermarkRecord]
    switch request {
    case .attestation(let statement):
      try checkAhead(statement.timestamp, now)
      var root: Bytes32?
      if case .state(let value) = statement.body { root = value }
      records = try bind(
        TrackKey(key: key.id, purpose: .attestation, origin: statement.binding.origin),
        height: statement.height, time: statement.timestamp, root: root, entries: entries)
    case .foreignAttestation(let origin, let statement):
      if let bound = foreignOrigins[key.id], bound != origin { throw .keyServesOtherOrigin(bound) }
      let height: Height
      var time: UnixTime?
      switch statement {
      case .state(let number, let seconds):
        height = Height(number)
        time = UnixTime(seconds: seconds)
        try checkAhead(UnixTime(seconds: seconds), now)
      case .packets(let number, _): height = Height(number)
      }
      let claims = try bind(
        TrackKey(key: key.id, purpose: .foreignAttestation, origin: origin), height: height, time: time,
        root: nil, entries: entries)
      if foreignOrigins.updateValue(origin, forKey: key.id) == nil {
        records = [.foreignOrigin(key: key.id, origin: origin)] + claims
      } else {
        records = claims
      }
    case .vote(let vote): return try admit(vote, request, key.id)
    case .transaction: records = []
    case .evmTransaction(let transaction):
      guard case .evmTransaction(let own) = scope, !own.oneCallPerNonce else {
        records = try bind(transaction, key)
        break
      }
      records = []
    }
    return Admission(payload: request.payload, records: records)
  }

  private func checkAhead(_ time: UnixTime, _ now: UnixMilliseconds) throws(SigningRefusal) {
    guard time.seconds(since: now.seconds) <= limits.aheadSecondsMax else {
      throw .timeAhead(secondsMax: limits.aheadSecondsMax)
    }
  }

  private mutating func bind(
    _ name: TrackKey, height: Height, time: UnixTime?, root: Bytes32?, entries: [StoredEntry]
  ) throws(SigningRefusal) -> [WatermarkRecord] {
    let known = trackIndex[name]
    let track = known ?? tracks.count
    if known == nil, trackIndex.count >= limits.tracksMax { throw .tooManyOrigins(max: limits.tracksMax) }
    let addition =
      if let known {
        try tracks[known].addition(height: height, time: time, root: root, entries: entries)
      } else {
        try AttestationTrack().addition(height: height, time: time, root: root, entries: entries)
      }
    guard !addition.isEmpty else { return [] }
    let paths = known.map { tracks[$0].pathCount(with: addition) } ?? addition.entries.count
    guard paths <= limits.pathsPerHeight else { throw .heightFull(pathsMax: limits.pathsPerHeight) }
    if known == nil {
      tracks.append(AttestationTrack())
      trackIndex[name] = track
    }
    tracks[track].add(addition)
    var records: [WatermarkRecord] = [
      .claim(
        ClaimMark(
          key: name.key, purpose: name.purpose, origin: name.origin, height: height, time: addition.time,
          root: addition.root, entries: addition.entries))
    ]
    if prune(track), let floor = floorRecord(name, tracks[track]) { records.append(floor) }
    return records
  }

  private mutating func prune(_ track: Int) -> Bool {
    tracks[track].prune(heightsKept: limits.heightsKept, pathsKept: limits.pathsKept)
  }

  private func floorRecord(_ name: TrackKey, _ track: AttestationTrack) -> WatermarkRecord? {
    guard let floor = track.floor else { return nil }
    return .floor(
      FloorMark(
        key: name.key, purpose: name.purpose, origin: name.origin, height: floor, time: track.floorTime))
  }

  /// Height, round and kind never go back; one of them is signed in one form of bytes only.
  private mutating func admit(
    _ vote: VoteStatement, _ request: SigningRequest, _ key: KeyID
  ) throws(SigningRefusal) -> Admission {
    let mark = VoteMark(
      key: key, chainID: vote.chainID, height: vote.height, round: vote.round, kind: vote.kind,
      block: vote.blockID.map { SHA256Hash.hash($0.encoded()) } ?? Bytes32(),
      signBytesHash: SHA256Hash.hash(vote.signBytes))
    let name = VoteKey(key: key, chainID: vote.chainID)
    if let kept = votes[name] {
      guard kept.step <= mark.step else {
        throw .voteBehind(height: kept.height, round: kept.round, kind: kept.kind)
      }
      if kept.step == mark.step {
        try mark.checkSame(as: kept)
        return Admission(payload: request.payload, records: [])
      }
    } else if votes.count >= limits.tracksMax {
      throw .tooManyOrigins(max: limits.tracksMax)
    }
    votes[name] = mark
    return Admission(payload: request.payload, records: [.vote(mark)])
  }

  /// A nonce has one call: two would be two stories of which only the chain's next block chooses one.
  private mutating func bind(
    _ transaction: EVMTransaction, _ key: KeyFacts
  ) throws(SigningRefusal) -> [WatermarkRecord] {
    // It may stand beside any call, and below the floor: it can only take the place of one.
    guard !transaction.isCancellation(of: key.evmAddress) else { return [] }
    let name = NonceKey(key: key.id, chainID: transaction.chainID)
    let known = nonces[name]
    if known == nil, nonces.count >= limits.tracksMax { throw .tooManyOrigins(max: limits.tracksMax) }
    let call = transaction.callHash
    guard let place = try (known ?? NonceTrack()).place(of: call, at: transaction.nonce) else { return [] }
    nonces[name, default: NonceTrack()].add(call, at: transaction.nonce, place: place)
    var records: [WatermarkRecord] = [
      .call(CallMark(key: key.id, chainID: transaction.chainID, nonce: transaction.nonce, call: call))
    ]
    if nonces[name]?.prune(kept: limits.noncesKept) == true, let floor = nonces[name]?.floor {
      records.append(.nonceFloor(key: key.id, chainID: transaction.chainID, nonce: floor))
    }
    return records
  }

  // MARK: Locks

  /// Keys that sign nothing until they are unlocked, sorted.
  public var lockedKeys: [KeyID] { locked.sorted() }

  /// - Returns: what to write, empty when it was locked already.
  public mutating func lock(_ key: KeyID) -> [WatermarkRecord] {
    locked.insert(key).inserted ? [.lock(key: key, isLocked: true)] : []
  }

  /// Approvers decide this: ``Approvals``.
  public mutating func unlock(_ key: KeyID) -> [WatermarkRecord] {
    locked.remove(key) == nil ? [] : [.lock(key: key, isLocked: false)]
  }

  // MARK: Records

  /// Takes back what was written, in the order of writing or any other (locks: in that order).
  ///
  /// - Throws: ``WatermarkConflict`` when the record contradicts another one; nothing has then changed.
  public mutating func restore(_ record: WatermarkRecord) throws(WatermarkConflict) {
    _ = try raise(record)
  }

  /// - Returns: whether something is known now that was not.
  mutating func raise(_ record: WatermarkRecord) throws(WatermarkConflict) -> Bool {
    switch record {
    case .claim(let mark):
      let track = try track(TrackKey(key: mark.key, purpose: mark.purpose, origin: mark.origin))
      // What is below the floor is refused already.
      if let floor = tracks[track].floor, mark.height <= floor { return false }
      let addition: AttestationTrack.Addition
      do {
        addition = try tracks[track].addition(
          height: mark.height, time: mark.time, root: mark.root, entries: mark.entries)
      } catch { throw .claim(mark.key, mark.purpose, mark.origin, mark.height, error) }
      guard !addition.isEmpty else { return false }
      tracks[track].add(addition)
      _ = prune(track)
      return true
    case .floor(let mark):
      let track = try track(TrackKey(key: mark.key, purpose: mark.purpose, origin: mark.origin))
      do { return try tracks[track].raise(floor: mark.height, time: mark.time) } catch {
        throw .claim(mark.key, mark.purpose, mark.origin, mark.height, error)
      }
    case .foreignOrigin(let key, let origin):
      if let kept = foreignOrigins[key] {
        guard kept == origin else { throw .foreignOrigin(key, kept: kept, other: origin) }
        return false
      }
      foreignOrigins[key] = origin
      return true
    case .vote(let mark):
      let name = VoteKey(key: mark.key, chainID: mark.chainID)
      if let kept = votes[name] {
        guard kept.step <= mark.step else { return false }
        if kept.step == mark.step {
          do { try mark.checkSame(as: kept) } catch {
            throw .vote(mark.key, chainID: mark.chainID, error)
          }
          return false
        }
      } else if votes.count >= limits.tracksMax {
        throw .tooManyTracks(max: limits.tracksMax)
      }
      votes[name] = mark
      return true
    case .call(let mark):
      let name = NonceKey(key: mark.key, chainID: mark.chainID)
      try checkRoom(for: name)
      let track = nonces[name] ?? NonceTrack()
      // What is below the floor is refused already.
      if let floor = track.floor, mark.nonce <= floor { return false }
      let place: Int?
      do { place = try track.place(of: mark.call, at: mark.nonce) } catch {
        throw .nonce(mark.key, chainID: mark.chainID, error)
      }
      guard let place else { return false }
      nonces[name, default: NonceTrack()].add(mark.call, at: mark.nonce, place: place)
      _ = nonces[name]?.prune(kept: limits.noncesKept)
      return true
    case .nonceFloor(let key, let chainID, let nonce):
      let name = NonceKey(key: key, chainID: chainID)
      try checkRoom(for: name)
      return nonces[name, default: NonceTrack()].raise(floor: nonce)
    case .lock(let key, let isLocked):
      return isLocked ? locked.insert(key).inserted : locked.remove(key) != nil
    }
  }

  private func checkRoom(for name: NonceKey) throws(WatermarkConflict) {
    guard nonces[name] != nil || nonces.count < limits.tracksMax else {
      throw .tooManyTracks(max: limits.tracksMax)
    }
  }

  /// The index of a track, which is made when there is none.
  private mutating func track(_ name: TrackKey) throws(WatermarkConflict) -> Int {
    if let known = trackIndex[name] { return known }
    guard trackIndex.count < limits.tracksMax else { throw .tooManyTracks(max: limits.tracksMax) }
    tracks.append(AttestationTrack())
    trackIndex[name] = tracks.count - 1
    return tracks.count - 1
  }

  /// Everything that is kept, in one order whatever the history was: restoring it gives an equal state.
  public func snapshot() -> [WatermarkRecord] {
    var records: [WatermarkRecord] = []
    let names = trackIndex.sorted { left, right in
      let (left, right) = (left.key, right.key)
      if left.key != right.key { return left.key < right.key }
      if left.purpose != right.purpose { return left.purpose.byte < right.purpose.byte }
      return left.origin < right.origin
    }
    for (name, index) in names {
      let track = tracks[index]
      if let floor = floorRecord(name, track) { records.append(floor) }
      for mark in track.marks { Self.append(mark, name, to: &records) }
    }
    for (key, origin) in foreignOrigins.sorted(by: { $0.key < $1.key }) {
      records.append(.foreignOrigin(key: key, origin: origin))
    }
    let marks = votes.values.sorted { left, right in
      left.key == right.key
        ? left.chainID.utf8.lexicographicallyPrecedes(right.chainID.utf8) : left.key < right.key
    }
    records += marks.map { .vote($0) }
    let accounts = nonces.sorted { left, right in
      (left.key.key, left.key.chainID) < (right.key.key, right.key.chainID)
    }
    for (name, track) in accounts {
      if let floor = track.floor {
        records.append(.nonceFloor(key: name.key, chainID: name.chainID, nonce: floor))
      }
      records += track.marks.map {
        .call(CallMark(key: name.key, chainID: name.chainID, nonce: $0.nonce, call: $0.call))
      }
    }
    records += locked.sorted().map { .lock(key: $0, isLocked: true) }
    return records
  }

  /// One record for a height, or more when it has more paths than a record holds.
  private static func append(
    _ mark: AttestationTrack.Mark, _ name: TrackKey, to records: inout [WatermarkRecord]
  ) {
    var entries = mark.paths.map { StoredEntry(pathHash: $0.key.bytes, commitment: $0.value) }
    entries.sort { $0.pathHash < $1.pathHash }
    var start = 0
    repeat {
      let end = min(entries.count, start + WatermarkRecord.entryCountMax)
      records.append(
        .claim(
          ClaimMark(
            key: name.key, purpose: name.purpose, origin: name.origin, height: mark.height,
            time: start == 0 ? mark.time : nil, root: start == 0 ? mark.root : nil,
            entries: [StoredEntry](entries[start..<end]))))
      start = end
    } while start < entries.count
  }
}

extension VoteMark {
  /// Height, round and kind, in the order in which they come.
  struct Step: Comparable {
    let height: Int64
    let round: Int32
    let kind: Int32

    static func < (left: Step, right: Step) -> Bool {
      (left.height, left.round, left.kind) < (right.height, right.round, right.kind)
    }
  }

  var step: Step { Step(height: height, round: round, kind: kind.rawValue) }

  /// Refuses another vote of the same step.
  func checkSame(as kept: VoteMark) throws(SigningRefusal) {
    guard block == kept.block else { throw .otherVote }
    guard signBytesHash == kept.signBytesHash else { throw .otherVoteTime }
  }
}
