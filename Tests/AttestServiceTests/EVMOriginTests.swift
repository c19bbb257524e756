import AttestService
import ChainAccess
import Digests
import Gate
import Ledger
import LightClients
import LocalKeys
import MerkleProofs
import Messages
import PacketHost
import Synchronization
import Testing
import WireBytes

/// An EVM chain of the test's making, whose blocks have state roots and can be replaced.
private final class ScriptedEVM: DomainAccess {
  struct Block {
    let hash: Bytes32
    let seconds: Int64
    let slots: [Bytes32: Bytes32]
  }

  struct Script {
    var blocks: [Block] = []
    var depth: UInt64 = 1
    /// What is told of a key instead of the truth, with the true proof.
    var values: [[UInt8]: [UInt8]?] = [:]
    /// The proof that is given for whatever is asked, of that key.
    var proofKey: [UInt8]?
    var headersAsked = 0
  }

  static let router = Bytes20 { UInt8($0 + 1) }
  let domain: DomainID
  let script = Mutex(Script())
  var commitmentLag: UInt64 { 0 }

  init() throws {
    domain = try DomainID("eip155:31337")
    commit([:])
  }

  func commit(_ changes: [PacketPath: [UInt8]?], fork: UInt8 = 0) {
    script.withLock { script in
      var slots = script.blocks.last?.slots ?? [:]
      for (path, word) in changes { slots[path.evmSlot] = word.flatMap { try? Bytes32($0) } }
      let height = UInt8(truncatingIfNeeded: script.blocks.count)
      script.blocks.append(
        Block(
          hash: Bytes32 { $0 == 0 ? height : fork }, seconds: 1_700_000_000 + Int64(script.blocks.count) * 12,
          slots: slots))
    }
  }

  func set(_ change: (inout Script) -> Void) { script.withLock { change(&$0) } }

  static func slot(_ key: [UInt8]) -> Bytes32 { Keccak256.hash(Keccak256.hash(key), PacketPath.evmStoreSlot) }

  private static func tries(
    _ block: Block
  ) throws(AccessError) -> (storage: MerklePatriciaTrie, state: MerklePatriciaTrie) {
    do {
      let storage = try MerklePatriciaTrie(
        block.slots.map {
          .init(key: $0.key.array, value: EthereumStorageValue.encode(UInt256(bigEndian: $0.value)) ?? [])
        }, keys: .hashed)
      let account = EthereumAccount(
        nonce: 1, balance: .zero, storageRoot: storage.root, codeHash: Bytes32 { _ in 7 })
      let state = try MerklePatriciaTrie(
        [
          .init(key: router.array, value: account.encoded()),
          .init(key: [UInt8](repeating: 9, count: 20), value: account.encoded()),
        ], keys: .hashed)
      return (storage, state)
    } catch { throw .malformed }
  }

  private func block(_ height: UInt64) throws(AccessError) -> Block {
    let found = script.withLock { height < UInt64($0.blocks.count) ? $0.blocks[Int(height)] : nil }
    guard let found else { throw .heightUnknown(height) }
    return found
  }

  func head() async throws(AccessError) -> ChainHead {
    let (newest, depth) = script.withLock { (UInt64($0.blocks.count - 1), $0.depth) }
    let block = try block(newest)
    guard let time = try? CometBFT.Timestamp(seconds: block.seconds) else { throw .malformed }
    return ChainHead(
      height: newest, time: time, finalHeight: newest - min(depth, newest), finalTime: time, revision: 0,
      hash: block.hash)
  }

  func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    script.withLock { $0.headersAsked += 1 }
    let block = try block(height)
    guard let time = try? CometBFT.Timestamp(seconds: block.seconds) else { throw .malformed }
    return StateHeader(
      height: height, time: time, root: try Self.tries(block).state.root, hash: block.hash, parent: nil)
  }

  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [ChainAccess.StateEntry] {
    let block = try block(version)
    let tries = try Self.tries(block)
    let (lies, proofKey) = script.withLock { ($0.values, $0.proofKey) }
    return keys.map { key in
      let proof = tries.storage.proof(Self.slot(proofKey ?? key).array)
      return StateEntry(
        key: key, value: lies[key] ?? block.slots[Self.slot(key)]?.array,
        proof: .evmStorage(account: tries.state.proof(Self.router.array), storage: proof))
    }
  }

  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead { try await head() }
  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock { throw .unreachable }
  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock { throw .notSupported }
  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] { throw .unreachable }
  func client(_ id: ClientID) async throws(AccessError) -> ClientView? { throw .unreachable }
  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? { throw .unreachable }
  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] { throw .unreachable }
  func supplies() async throws(AccessError) -> [Coin] { throw .unreachable }
  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 { throw .unreachable }
  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? { throw .unreachable }
  func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] { throw .unreachable }
}

@Suite("Attesting an EVM chain")
struct EVMOriginTests {
  let bench: Bench
  private let chain: ScriptedEVM
  private let binding: AttestationBinding

  init() throws {
    bench = try Bench()
    chain = try ScriptedEVM()
    binding = try AttestationBinding(
      origin: chain.domain, router: ScriptedEVM.router.array, client: ClientID("client-0"))
    chain.commit([
      try Bench.path(1): Bench.word(1), try Bench.path(2): Bench.word(2), try Bench.path(9, .receipt): Bench.word(9),
    ])
    chain.commit([try Bench.path(1): nil])
    for _ in 0..<3 { chain.commit([:]) }
  }

  private func service(
    router: [UInt8]? = nil, headers: (any DomainAccess)? = nil, record: AttestationRecord? = nil
  ) throws -> (AttesterService, AttestationBinding) {
    let binding = try router.map {
      try AttestationBinding(origin: chain.domain, router: $0, client: ClientID("client-0"))
    }
    let service = AttesterService(
      attester: try bench.attester(), signer: KeySigner(key: bench.keys[0]),
      origins: [AttestedOrigin(chain, headers: headers, reading: .proven)], serves: [binding ?? self.binding],
      record: try record ?? bench.record())
    return (service, binding ?? self.binding)
  }

  private func question(
    _ height: UInt64, _ paths: [PacketPath]? = nil, _ binding: AttestationBinding? = nil
  ) -> AttestationQuestion {
    AttestationQuestion(
      binding: binding ?? self.binding, height: Height(height), subject: paths.map { .packets($0) } ?? .state)
  }

  @Test("signs what the block itself has written, under its own state root")
  func believed() async throws {
    let (service, _) = try service()
    let paths = [try Bench.path(1), try Bench.path(2), try Bench.path(9, .receipt), try Bench.path(3, .receipt)]
    for (height, first) in [(UInt64(1), Bench.word(1)), (2, Bench.word(0))] {
      let answer = try await service.attest(question(height, paths))
      #expect(answer.timestamp == UnixTime(seconds: 1_700_000_000 + height * 12))
      let want = [first, Bench.word(2), Bench.word(9), Bench.word(0)]
      #expect(
        answer.body
          == .packets(
            try zip(paths, want).map { StoredEntry(pathHash: $0.hash(), commitment: try Bytes32($1)) }))
      let policy = try AttestedPolicy(
        form: .packets, binding: binding, attesters: [try bench.attester()], quorum: 1)
      let verdict = try Gate.evaluate(
        try Policy(.attested(policy)),
        .attested(
          AttestedEvidence(
            height: Height(height), timestamp: answer.timestamp, body: answer.body,
            signatures: [.init(attester: 0, bytes: answer.signature)])), in: GateContext(now: answer.timestamp))
      _ = try Membership.proveAbsence(of: paths[3], in: verdict.claim, store: .listed(prefix: []), by: .listed)
    }
    let root = try await chain.stateHeader(at: 2).root
    #expect(try await service.attest(question(2)).body == .state(root: root))
    // Final are those with one on top.
    #expect(await Bench.failure(service, question(5)) == .notFinal(final: Height(4)))
  }

  @Test("believes no value without its proof, and no address where there is no contract")
  func unproven() async throws {
    let (service, _) = try service()
    let (path, absent) = (try Bench.path(2), try Bench.path(7))
    for lie in [Bench.word(8), nil] as [[UInt8]?] {
      chain.set { $0.values[path.bytes] = .some(lie) }
      #expect(await Bench.failure(service, question(2, [path])) == .endpoint(.unproven))
    }
    chain.set { $0.values = [absent.bytes: Bench.word(1)] }
    #expect(await Bench.failure(service, question(2, [absent])) == .endpoint(.unproven))
    chain.set {
      $0.values = [:]
      $0.proofKey = absent.bytes
    }
    #expect(await Bench.failure(service, question(2, [path])) == .endpoint(.unproven))
    chain.set { $0.proofKey = nil }
    _ = try await service.attest(question(2, [path, absent]))
    for router in [[UInt8](repeating: 3, count: 20), [7], [UInt8](repeating: 0, count: 21)] {
      let (other, binding) = try self.service(router: router, record: try bench.record("other-\(router.count)"))
      #expect(await Bench.failure(other, question(2, [absent], binding)) == .endpoint(.unproven))
    }
  }

  @Test("signs nothing for a chain that has taken back a final block, until it has that block again")
  func equivocation() async throws {
    let (service, _) = try service()
    let first = try await service.attest(question(3))
    let blocks = chain.script.withLock { $0.blocks }
    chain.set { $0.blocks.removeLast(3) }
    for fork in 0..<5 { chain.commit([try Bench.path(5): Bench.word(5)], fork: UInt8(fork + 1)) }
    // Not at a height that was never signed for, and not at the one that was, though it is remembered.
    for height in [UInt64(5), 2, 3] {
      #expect(await Bench.failure(service, question(height)) == .equivocation(Height(3)))
    }
    #expect(await service.status.paused == [chain.domain: Height(3)])
    #expect(await service.status.equivocations == 3)
    // Nor after a restart.
    let (again, _) = try self.service()
    #expect(await Bench.failure(again, question(6)) == .equivocation(Height(3)))
    #expect(try await bench.record().watermark(origin: chain.domain, height: Height(6)) == nil)
    chain.set { $0.blocks = blocks }
    chain.commit([:])
    for service in [service, again] {
      #expect(try await service.attest(question(3)) == first)
      _ = try await service.attest(question(4))
      #expect(await service.status.paused.isEmpty)
    }
  }
}
