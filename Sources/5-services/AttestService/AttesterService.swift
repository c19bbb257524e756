public import ChainAccess
import Digests
public import Gate
import LightClients
public import Messages
import WireBytes

/// One attester: it reads domains with its own eyes, and signs what it read for the clients that it serves.
///
/// Before its first signature for a height, the height's time and root are on disk. From then on it signs nothing there
/// that does not belong to them, also after a crash, and whatever its endpoints say by then.
public actor AttesterService: AttesterAccess {
  /// Questions that may be under way at once; more are turned away.
  public static let questionsMax = 1024
  /// Heights of one origin whose watermarks are held in memory, so that further questions about them cost no write.
  public static let heightsHeld = 256

  public nonisolated let attester: Attester
  private let signer: any AttestationSigning
  private let origins: [DomainID: AttestedOrigin]
  private let serves: Set<AttestationBinding>
  private let record: AttestationRecord

  private var held: [DomainID: HeldHeights] = [:]
  /// Origins that contradict what was signed: nothing is signed for them until they tell it again.
  private var paused: [DomainID: (height: Height, watermark: Watermark)] = [:]
  private var underWay = 0
  private var signerIsChecked = false
  private var counted = AttesterStatus()

  /// - Parameters:
  ///   - origins: the domains that it reads, each once.
  ///   - serves: for which clients it signs; their origins should be among `origins`.
  ///   - record: of this attester alone. Whoever takes it away makes the attester able to contradict itself.
  public init(
    attester: Attester, signer: any AttestationSigning, origins: [AttestedOrigin],
    serves: [AttestationBinding],
    record: AttestationRecord
  ) {
    self.attester = attester
    self.signer = signer
    self.origins = Dictionary(origins.map { ($0.access.domain, $0) }) { first, _ in first }
    self.serves = Set(serves)
    self.record = record
  }

  /// What it has done since it started.
  public var status: AttesterStatus {
    var status = counted
    status.paused = paused.mapValues(\.height)
    return status
  }

  public func attest(
    _ question: AttestationQuestion
  ) async throws(AttestationFailure) -> AttestationAnswer {
    do throws(AttestationFailure) {
      guard underWay < Self.questionsMax else { throw .unreachable }
      underWay += 1
      defer { underWay -= 1 }
      let answer = try await answer(question)
      counted.answered += 1
      return answer
    } catch {
      counted.refused[error.code, default: 0] += 1
      throw error
    }
  }

  private func answer(
    _ question: AttestationQuestion
  ) async throws(AttestationFailure) -> AttestationAnswer {
    guard serves.contains(question.binding), let origin = origins[question.binding.origin] else {
      throw .bindingUnknown
    }
    if case .packets(let paths) = question.subject { try Self.check(paths) }
    try await checkPause(of: origin)
    let watermark = try await watermark(of: origin, at: question.height)
    let body: AttestedBody
    switch question.subject {
    case .state: body = .state(root: watermark.root)
    case .packets(let paths):
      body = .packets(
        try await Self.entries(
          paths, of: origin, router: question.binding.router, at: question.height, under: watermark.root))
    }
    let statement = AttestedStatement(
      binding: question.binding, height: question.height, timestamp: watermark.time, body: body)
    return AttestationAnswer(
      timestamp: watermark.time, body: body, signature: try await signature(of: statement))
  }

  // MARK: The question

  private static func check(_ paths: [PacketPath]) throws(AttestationFailure) {
    guard !paths.isEmpty else { throw .noPaths }
    guard paths.count <= PacketsClaim.entryCountMax else {
      throw .tooManyPaths(max: PacketsClaim.entryCountMax)
    }
    // Batches come in order: then no path can be there twice, and none needs to be remembered.
    let isAscending = zip(paths, paths.dropFirst()).allSatisfy { left, right in
      left.sequence < right.sequence && left.kind == right.kind && left.client == right.client
    }
    guard !isAscending else { return }
    var seen: Set<PacketPath> = []
    for (index, path) in paths.enumerated() {
      guard seen.insert(path).inserted else { throw .pathRepeated(index) }
    }
  }

  // MARK: The height

  /// Time and root of `height`, which are on disk when this returns.
  private func watermark(
    of origin: AttestedOrigin, at height: Height
  ) async throws(AttestationFailure) -> Watermark {
    let domain = origin.access.domain
    if let known = held[domain]?.watermarks[height] { return known }
    try await checkFinal(height, on: origin)
    try await checkNewest(of: origin, below: height)
    let read = try await header(of: origin, at: height)
    do { try await record.settle(read, origin: domain, height: height) } catch {
      switch error {
      case .conflict(let kept):
        paused[domain] = (height, kept)
        counted.equivocations += 1
        throw .equivocation(height)
      case .timeOrder:
        counted.equivocations += 1
        throw .equivocation(height)
      case .pruned(let floor): throw .recordPruned(floor)
      case .heightRange: throw .endpoint(.heightUnknown(height.number))
      case .engine, .corruptRow: throw .record
      }
    }
    held[domain, default: HeldHeights()].hold(read, at: height)
    counted.newest[domain] = max(counted.newest[domain] ?? height, height)
    return read
  }

  /// Refuses everything while the origin contradicts what was signed for it; once it no longer does, it goes on by
  /// itself.
  private func checkPause(of origin: AttestedOrigin) async throws(AttestationFailure) {
    let domain = origin.access.domain
    guard let (height, kept) = paused[domain] else { return }
    guard try await header(of: origin, at: height) == kept else {
      counted.equivocations += 1
      throw .equivocation(height)
    }
    // Another question may have found another contradiction meanwhile.
    if let now = paused[domain], now.height == height { paused[domain] = nil }
  }

  /// Sees that the newest height that was signed for still is what it was, on origins whose blocks can be rolled back:
  /// one that has taken back a final block may not be believed at another height either.
  private func checkNewest(of origin: AttestedOrigin, below height: Height) async throws(AttestationFailure) {
    let domain = origin.access.domain
    guard held[domain]?.mayRollBack == true else { return }
    let newest: (height: Height, watermark: Watermark)?
    do { newest = try await record.newest(origin: domain) } catch { throw .record }
    guard let newest, newest.height != height, newest.height.revision == height.revision else { return }
    let told: Watermark
    do { told = try await header(of: origin, at: newest.height) } catch {
      // Nothing can be said of what it no longer has.
      if case .endpoint(.heightPruned) = error { return }
      throw error
    }
    guard told == newest.watermark else {
      paused[domain] = newest
      counted.equivocations += 1
      throw .equivocation(newest.height)
    }
  }

  private func checkFinal(_ height: Height, on origin: AttestedOrigin) async throws(AttestationFailure) {
    let domain = origin.access.domain
    if let final = held[domain]?.final, final.revision == height.revision, height <= final { return }
    let head: ChainHead
    do { head = try await origin.headers.head() } catch { throw .endpoint(error) }
    let final = Height(revision: head.revision, head.finalHeight)
    // Another revision is another chain: what it says about the height is not known here.
    guard height.revision == final.revision, height <= final else { throw .notFinal(final: final) }
    held[domain, default: HeldHeights()].raise(final)
    if head.hash != nil { held[domain, default: HeldHeights()].mayRollBack = true }
  }

  private func header(
    of origin: AttestedOrigin, at height: Height
  ) async throws(AttestationFailure) -> Watermark {
    // The state that header 1 proves is that before any block, or after the first one.
    guard height.number > 0 else { throw .endpoint(.heightUnknown(0)) }
    let header: StateHeader
    do { header = try await origin.header(at: height.number) } catch {
      throw .endpoint(error)
    }
    guard header.height == height.number, let seconds = UInt64(exactly: header.time.seconds), seconds > 0
    else { throw .endpoint(.malformed) }
    return Watermark(time: UnixTime(seconds: seconds), root: header.root)
  }

  // MARK: What lies there

  private static func entries(
    _ paths: [PacketPath], of origin: AttestedOrigin, router: [UInt8], at height: Height, under root: Bytes32
  ) async throws(AttestationFailure) -> [StoredEntry] {
    let prefix = origin.storePrefix
    let keys = prefix.isEmpty ? paths.map(\.bytes) : paths.map { prefix + $0.bytes }
    let values: [[UInt8]?]
    guard let version = origin.headers.version(provenAt: height.number) else {
      throw .endpoint(.heightUnknown(height.number))
    }
    do { values = try await origin.values(of: keys, of: router, at: version, under: root) } catch {
      throw .endpoint(error)
    }
    var entries: [StoredEntry] = []
    entries.reserveCapacity(keys.count)
    for (key, value) in zip(keys, values) {
      guard let commitment = commitment(of: value) else { throw .endpoint(.malformed) }
      entries.append(StoredEntry(pathHash: Keccak256.hash(key), commitment: commitment))
    }
    return entries
  }

  /// The word that stands for what a host stores: the 32 bytes themselves, SHA-256 of anything else (a receipt), zero for
  /// nothing. Nil for 32 zero bytes, which would read as nothing.
  private static func commitment(of value: [UInt8]?) -> Bytes32? {
    guard let value else { return Bytes32() }
    guard value.count == 32 else { return SHA256Hash.hash(value) }
    let word = Bytes32(value.span, at: 0)
    return word.isZero ? nil : word
  }

  // MARK: The signature

  private func signature(of statement: AttestedStatement) async throws(AttestationFailure) -> [UInt8] {
    let signature: [UInt8]
    do { signature = try await signer.sign(statement) } catch { throw .signer }
    guard signature.count == attester.suite.signatureSize else { throw .signer }
    if !signerIsChecked {
      // Once: that the signer holds the key which policies list.
      do { try attester.verify(signature, digest: statement.digest, at: statement.timestamp) } catch {
        throw .signer
      }
      signerIsChecked = true
    }
    return signature
  }
}

/// What an attester has done since it started.
public struct AttesterStatus: Hashable, Sendable {
  public internal(set) var answered: UInt64 = 0
  /// Origins that contradict what was signed for them, with the height; they go on when they no longer do.
  public internal(set) var paused: [DomainID: Height] = [:]
  /// By the failure's code.
  public internal(set) var refused: [String: UInt64] = [:]
  /// How often an endpoint contradicted the record: never in order.
  public internal(set) var equivocations: UInt64 = 0
  /// The highest height signed for, by origin.
  public internal(set) var newest: [DomainID: Height] = [:]

  public init() {}
}

/// The newest watermarks of one origin, all of them on disk.
private struct HeldHeights {
  private(set) var watermarks: [Height: Watermark] = [:]
  /// A height known to be final.
  private(set) var final: Height?
  /// Its blocks have hashes to tell them apart by.
  var mayRollBack = false

  mutating func raise(_ height: Height) { final = max(final ?? height, height) }

  mutating func hold(_ watermark: Watermark, at height: Height) {
    watermarks[height] = watermark
    if watermarks.count > AttesterService.heightsHeld, let lowest = watermarks.keys.min() {
      watermarks[lowest] = nil
    }
  }
}
