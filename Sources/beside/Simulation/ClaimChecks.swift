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

/// What is checked of everything that is signed and believed.
extension World {
  // MARK: Signatures

  /// A validator signs one block a height.
  mutating func noteVote(_ domain: Int, _ height: UInt64, _ hash: Bytes32) {
    let place = Checker.VotePlace(domain: domain, height: height)
    if let known = checker.votes[place], known != hash {
      violate(.equivocation, "validators of domain \(domain) signed two blocks of height \(height)")
    }
    checker.votes[place] = hash
  }

  /// An attester that is not corrupt signs one claim for one height, and one commitment for one path in it.
  mutating func noteSignature(_ statement: Statement, _ domain: Int) {
    guard attesters[statement.attester].kind != .corrupt else { return }
    let place = Checker.ClaimPlace(
      attester: statement.attester, domain: domain, height: statement.height.number)
    let what = "attester \(statement.attester) signed two"
    if let known = checker.times[place], known != statement.timestamp {
      violate(.equivocation, "\(what) times of height \(place.height) of domain \(domain)")
    }
    checker.times[place] = statement.timestamp
    switch statement.body {
    case .state(let root):
      if let known = checker.roots[place], known != root {
        violate(.equivocation, "\(what) roots of height \(place.height) of domain \(domain)")
      }
      checker.roots[place] = root
    case .packets(let entries):
      for entry in entries {
        let entryPlace = Checker.EntryPlace(claim: place, path: entry.pathHash)
        if let known = checker.entries[entryPlace], known != entry.commitment {
          violate(.equivocation, "\(what) commitments at height \(place.height) of domain \(domain)")
        }
        checker.entries[entryPlace] = entry.commitment
      }
    }
  }

  // MARK: Claims that a block has believed

  mutating func judgeClaims(
    _ messages: [LedgerMessage], _ result: TransactionResult, _ domain: Int, _ seconds: UInt64,
    _ height: UInt64
  ) throws {
    let frozen = Set(
      result.events.filter { $0.type == "client_misbehaviour" }.compactMap { $0.value("client_id") })
    for message in messages {
      switch message {
      case .updateClient(let client, let update, _):
        // What contradicts is not believed: it froze the client.
        guard !frozen.contains(client.text) else { continue }
        if update.typeURL == Tendermint.Header.typeURL {
          try judge(header: update.value, domain, client)
        } else if update.typeURL == HostClients.MessageType.evidence {
          try judge(evidence: update.value, domain, client, seconds)
        }
      case .receivePacket(let packet, let proof, _, _) where proof.first == 2:
        try judge(evidence: [UInt8](proof.dropFirst()), domain, packet.destinationClient, seconds)
      case .acknowledgePacket(let packet, _, let proof, _, _) where proof.first == 2,
        .timeOutPacket(let packet, let proof, _, _) where proof.first == 2:
        try judge(evidence: [UInt8](proof.dropFirst()), domain, packet.sourceClient, seconds)
      default: continue
      }
    }
  }

  private mutating func judge(header bytes: [UInt8], _ domain: Int, _ client: ClientID) throws {
    guard let (lane, side) = laneSide(domain, client) else { return }
    let tracked = domains[lanes[lane].ends[1 - side].domain]
    let header = try Tendermint.Header(decoding: bytes.span).signedHeader.header
    count("claim.header")
    guard let height = UInt64(exactly: header.height), height > 0, height <= tracked.height,
      tracked.history[Int(height) - 1].block.header.hash() == header.hash()
    else {
      violate(
        .falseClaim, "domain \(domain) believed a header of height \(header.height) that was never decided")
      return
    }
    let place = Checker.ClientPlace(domain, client)
    checker.trusted[place] = max(checker.trusted[place, default: 0], UInt64(clamping: header.time.seconds))
  }

  private mutating func judge(
    evidence bytes: [UInt8], _ domain: Int, _ client: ClientID, _ seconds: UInt64
  ) throws {
    guard let (lane, side) = laneSide(domain, client), let policy = try lanes[lane].policy(side) else {
      return
    }
    let evidence = try Evidence(protobuf: bytes.span)
    count("claim.attested")
    do {
      _ = try Gate.evaluate(
        policy, evidence, in: GateContext(now: UnixTime(seconds: seconds)))
    } catch {
      violate(.falseClaim, "domain \(domain) believed what its policy refuses: \(error)")
      return
    }
    let parts: [Evidence?] = if case .parts(let parts) = evidence { parts } else { [evidence] }
    // The parts of a policy that needs them all say one thing: what one says is looked at.
    guard case .attested(let attested) = parts.first ?? nil else { return }
    let tracked = lanes[lane].ends[1 - side].domain
    guard let falsehood = try falsehood(of: attested, tracked) else { return }
    guard let group = lanes[lane].group, liarCount(group) >= Quorum.required else {
      violate(
        .falseClaim,
        "domain \(domain) believed of domain \(tracked) \(falsehood), with too few liars for that")
      return
    }
    count("claim.false")
    note("lane \(lane) is deceived: \(falsehood)")
    checker.deceived.insert(lane)
    guard checker.forgeries[lane] == nil else { return }
    var paths: [PacketPath]?
    if case .packets(let entries) = attested.body {
      paths = entries.compactMap { checker.paths[$0.pathHash] }
    }
    checker.forgeries[lane] = Checker.Forgery(
      side: side, evidence: bytes, height: attested.height.number, paths: paths)
    queue.push(.watch(lane: lane), at: now + 4_000 + numbers.below(UInt64(10_000)))
  }

  /// What is not true in a claim about `tracked`; nil when all of it is.
  private func falsehood(of claim: AttestedEvidence, _ tracked: Int) throws -> String? {
    let node = domains[tracked]
    let height = claim.height.number
    guard claim.height.revision == 1, let seconds = node.seconds(at: height) else {
      return "a height that is not there"
    }
    if seconds != claim.timestamp.seconds { return "another time at \(height)" }
    switch claim.body {
    case .state(let root):
      return node.history[Int(height) - 1].block.header.appHash == root.array
        ? nil : "another root at \(height)"
    case .packets(let entries):
      guard let tree = node.tree else { return nil }
      for entry in entries {
        guard let path = checker.paths[entry.pathHash] else { return "a path that nobody has asked for" }
        let value = try tree.value(of: path.bytes, at: height - 1)
        if StoredEntry.of(path, value: value).commitment != entry.commitment {
          return "another value at \(height)"
        }
      }
      return nil
    }
  }

  // MARK: Freezing

  mutating func noteFreeze(_ domain: Int, _ client: ClientID, _ height: UInt64) throws {
    guard let (lane, side) = laneSide(domain, client) else { return }
    count("lane.frozen")
    note("client \(client) of domain \(domain) is frozen")
    checker.frozen[Checker.ClientPlace(domain, client)] = height
    guard let group = lanes[lane].group, let policy = try lanes[lane].policy(side),
      liarCount(group) >= Quorum.required
    else {
      violate(.falseClaim, "client \(client) of domain \(domain) froze with too few liars for two claims")
      return
    }
    // Both pieces are kept, each satisfies the policy, and they cannot both be true.
    guard let tree = domains[domain].tree else { return }
    var claims: [Claim] = []
    for piece in 1...2 {
      guard let bytes = try tree.value(of: HostKeys.conflict(client, piece), at: height),
        let evidence = try? Evidence(protobuf: bytes.span)
      else {
        violate(.shutLaneExecuted, "piece \(piece) of the conflict of \(client) is not kept")
        return
      }
      let now = UnixTime(seconds: domains[domain].seconds(at: height) ?? 0)
      do {
        claims.append(
          try Gate.evaluate(policy, evidence, in: GateContext(now: now)).claim)
      } catch {
        violate(.falseClaim, "\(client) froze by evidence that its policy refuses: \(error)")
        return
      }
    }
    let isConflict = claims[0].conflicts(with: claims[1]) || claims[0].height != claims[1].height
    if !isConflict { violate(.falseClaim, "\(client) froze by claims that can both be true") }
  }

  // MARK: Repeats

  /// A block that is repeated gives what it gave before.
  mutating func compare(_ committed: CommittedBlock, with domain: Int, at height: UInt64) throws {
    let known = domains[domain].history[Int(height) - 1]
    if committed.block.blockID != known.block.blockID || committed.outcome.results != known.results {
      violate(.replayDiffers, "block \(height) of domain \(domain) gave something else the second time")
    }
  }
}
