import AttestService
import ChainAccess
import Devnet
import Foundation
import Gate
import Ledger
import Messages
import SigningRules
import Testing
import Transactions
import WireBytes

/// What processes of one key domain get from signers when they are in the wrong hands.
@Suite("Keys apart", .timeLimit(.minutes(10)))
struct KeysApartTests {
  /// A devnet with its keys in two key processes.
  private func run(_ body: (Devnet, SignerProcesses, DevnetSignerKeys) async throws -> Void) async throws {
    let folder = DevnetFolder()
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("causeway-signer").path
    let net = try await Devnet(directory: folder.path, options: DevnetFolder.options) {
      directory async throws(DevnetError) in try await SignerProcesses(directory, executable: program)
    }
    do {
      try await net.start()
      // Whoever has read the operator's whole directory has this.
      let thief = try await DevnetSignerKeys(net.directory)
      try await body(net, try #require(net.signers as? SignerProcesses), thief)
      await thief.stop()
      await net.stop()
    } catch {
      await net.stop()
      throw error
    }
  }

  private static let agents =
    DevnetNames.attesters + [DevnetNames.operatorAccount, DevnetNames.relayerAccount, "harbor-validator"]

  private func theft(_ net: Devnet, from user: String, signedFor key: AccountKey) throws -> SigningRequest {
    let coin = Coin(UInt256(UInt64(1_000)), try Denom("uharbor"))
    return .transaction(
      UnsignedTransaction(
        [LedgerMessage.send(from: key.address, to: key.address, coins: [coin]).encoded()], fee: [coin],
        gasLimit: 100_000, key: key, sequence: 0, chainID: "harbor-1", accountNumber: 0))
  }

  private func claim(_ height: UInt64, _ word: UInt8) throws -> AttestedStatement {
    AttestedStatement(
      binding: try AttestationBinding(
        origin: DomainID("cosmos:harbor-1"), router: LaneSetup.router, client: ClientID("client-0")),
      // Ahead of every block of the test, and no further than the signer allows.
      height: Height(revision: 1, height),
      timestamp: UnixTime(seconds: UInt64(Date().timeIntervalSince1970) + 1_800),
      body: .state(root: Bytes32 { _ in word }))
  }

  @Test("no client of the operator's signer gets a signature of a person's key, here or there")
  func noUserSignature() async throws {
    try await run { net, _, thief in
      for user in DevnetNames.users {
        let key = try #require(thief.account(user)?.key)
        let request = try theft(net, from: user, signedFor: key)
        for agent in Self.agents {
          let here = await thief.refusal(of: request, askedBy: agent, withKeyOf: user)
          #expect(here == "unknownKey", "\(agent)")
          let there = try await thief.refusal(
            of: request, askedBy: agent, withKeyOf: user, at: .user, in: net.directory)
          #expect(there == "unknownClient", "\(agent)")
        }
        // The one client that may have it gets it.
        #expect(await thief.refusal(of: request, askedBy: user) == nil)
      }
    }
  }

  @Test("no agent gets another's signature, nor one for another purpose")
  func noOtherKey() async throws {
    try await run { net, _, thief in
      let claim = SigningRequest.attestation(try claim(1_000_000, 1))
      for agent in Self.agents where agent != "attester-1" {
        #expect(
          await thief.refusal(of: claim, askedBy: agent, withKeyOf: "attester-1") == "notGranted", "\(agent)")
      }
      let relayer = try #require(thief.account(DevnetNames.relayerAccount)?.key)
      let theft = try theft(net, from: DevnetNames.relayerAccount, signedFor: relayer)
      // Its own key, and still no coins.
      #expect(await thief.refusal(of: theft, askedBy: DevnetNames.relayerAccount) == "messageTypeNotGranted")
      #expect(await thief.refusal(of: theft, askedBy: "attester-1") == "purposeNotOfKey")
      #expect(await thief.refusal(of: claim, askedBy: DevnetNames.relayerAccount) == "purposeNotOfKey")
    }
  }

  @Test("no second claim for a height is signed, also not by a signer that was killed in between")
  func noSecondClaim() async throws {
    try await run { net, signers, thief in
      let attester = try #require(thief.attesters.first)
      let claim = try claim(1_000_000, 1)
      let first = try await attester.signer.sign(claim)
      let second = SigningRequest.attestation(
        AttestedStatement(
          binding: claim.binding, height: claim.height, timestamp: claim.timestamp,
          body: .state(root: Bytes32 { _ in 2 })))
      #expect(await thief.refusal(of: second, askedBy: "attester-1") == "otherRoot")
      let process = try #require(await signers.process(of: .operator))
      #expect(kill(process, SIGKILL) == 0)
      // The devnet starts it again; its clients wait for it.
      var again: [UInt8]?
      for _ in 0..<200 where again == nil {
        again = try? await attester.signer.sign(claim)
        if again == nil { try await Task.sleep(for: .milliseconds(100)) }
      }
      #expect(again == first)
      #expect(await signers.process(of: .operator) != process)
      #expect(await thief.refusal(of: second, askedBy: "attester-1") == "otherRoot")
      // The agents go on too.
      let crossing = try await net.cross([try await net.transfer(10, over: .attested)], over: .attested)
      #expect(crossing.ending == .success)
    }
  }
}
