import Encodings
import Foundation
import KeyVault
import Messages
import SignerAccess
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import Synchronization
import WireBytes

/// A counter in memory, in the place of a TPM's.
final class HomeCounter: MonotonicCounter {
  private let value = Mutex<UInt64>(100)

  func read() throws(MonotonicCounterError) -> UInt64 { value.withLock { $0 } }
  func increment() throws(MonotonicCounterError) -> UInt64 {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

/// A signer's directory as `init` makes it, with one key for attestations, and what opens and asks it.
final class SignerHome: Sendable {
  let folder: RigDirectory
  let client = ClientKey()
  let identity: Bytes32
  let vault: Bytes32
  let key: KeyID
  let publicKey: [UInt8]
  let clock = RigClock()
  let counter: HomeCounter?

  var directory: SignerDirectory { SignerDirectory(folder.path + "/s") }
  var anchors: String { folder.path + "/a" }

  init(withCounter: Bool = false, alarms: AlarmRules = AlarmRules()) throws {
    folder = try RigDirectory()
    counter = withCounter ? HomeCounter() : nil
    guard
      FileManager.default.createFile(
        atPath: folder.path + "/pass", contents: Data("a passphrase\n".utf8),
        attributes: [.posixPermissions: 0o600])
    else { throw RigError.directory }
    let creation = SignerCreation(
      directory: SignerDirectory(folder.path + "/s"), domain: .operator, anchors: folder.path + "/a",
      scryptLog2N: SignerCreation.scryptLog2NRange.lowerBound)
    let client = client.publicKey
    let made = try creation.create(
      passphrase: Passphrase.read(file: folder.path + "/pass"), pin: nil,
      orders: [KeyOrder(label: "attester-0", suite: .secp256k1, purposes: [.attestation])], at: Rig.now
    ) { (keys: [SignerCreation.Created.Key]) throws(SignerCreationError) in
      guard let origin = try? DomainID("cosmos:demo-1"), let name = try? ClientName("attester-0") else {
        throw .label("attester-0")
      }
      do throws(AccessPolicyError) {
        return try AccessPolicy(
          domain: .operator,
          clients: [
            PolicyClient(
              name: name, key: client, peers: [.uid(getuid())], roles: [.sign, .admin, .observe],
              perMinute: 100_000,
              grants: [Grant(keys: keys.map(\.id), scope: .attestation(origins: [origin]))])
          ],
          keyLimits: keys.map { KeyLimit(key: $0.id, purpose: .attestation, perMinute: 100_000) },
          alarms: alarms)
      } catch { throw .policy(error) }
    }
    guard let first = made.keys.first else { throw RigError.form }
    identity = made.configuration.identity
    vault = made.configuration.vault
    key = first.id
    publicKey = first.publicKey
  }

  func passphrase() throws -> Passphrase { try Passphrase.read(file: folder.path + "/pass") }

  func start() async throws -> SignerProcess {
    try await settled { () async throws(SignerStartError) in
      let clock = clock
      let passphrase: Passphrase
      do { passphrase = try self.passphrase() } catch { throw .identity }
      return try await SignerProcess.start(
        directory, passphrase: passphrase, hardening: HardeningReport(lines: []), counter: counter,
        clock: { UnixMilliseconds(clock.now) })
    }
  }

  /// Tries again while the run before lets go of its files: its thread ends a little after it has stopped.
  private func settled<Value>(_ body: () async throws -> Value) async throws -> Value {
    let patience = ContinuousClock.now + .seconds(20)
    while true {
      do { return try await body() } catch SignerStartError.vault(.inUse) where ContinuousClock.now < patience
      {
        await Task.yield()
      } catch SignerStartError.records(.inUse) where ContinuousClock.now < patience {
        await Task.yield()
      }
    }
  }

  /// What it does not start for; nil when it starts, and then it was stopped again.
  func refusal() async throws -> SignerStartError? {
    do {
      let process = try await start()
      await process.stop()
      return nil
    } catch let error as SignerStartError { return error }
  }

  func offline<Value>(_ body: (borrowing OfflineSigner) throws -> Value) async throws -> Value {
    let patience = ContinuousClock.now + .seconds(20)
    while true {
      do {
        let offline = try OfflineSigner.open(directory, passphrase: passphrase(), counter: counter)
        return try body(offline)
      } catch OfflineError.vault(.inUse) where ContinuousClock.now < patience {
        await Task.yield()
      }
    }
  }

  func access() -> SignerClient {
    let clock = clock
    return SignerClient(
      endpoint: .unix(path: directory.socket), key: client, signer: identity, domain: .operator,
      clock: { clock.now })
  }

  /// Runs it, signs each height, asks what `body` asks, and stops it.
  func run(
    signing heights: ClosedRange<UInt64>? = nil, _ body: (SignerClient) async throws -> Void = { _ in }
  ) async throws {
    let process = try await start()
    let client = access()
    do {
      for height in heights.map(Array.init) ?? [] {
        _ = try await client.sign(try Rig.request(height: height), key: key)
      }
      try await body(client)
    } catch {
      await client.close()
      await process.stop()
      throw error
    }
    await client.close()
    await process.stop()
  }

  /// Copies directory and anchor, as a backup of the disk would; the socket is left out.
  func copy(to name: String) throws {
    for (from, part) in [(directory.path, "s"), (anchors, "a")] {
      let place = folder.path + "/" + name + "-" + part
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      for file in try FileManager.default.contentsOfDirectory(atPath: from) where file != "signer.sock" {
        try FileManager.default.copyItem(atPath: from + "/" + file, toPath: place + "/" + file)
      }
    }
  }

  /// Puts the copy in the place of what is there.
  func restore(_ name: String, anchorToo: Bool = true) throws {
    for (to, part) in [(directory.path, "s"), (anchors, "a")] where part == "s" || anchorToo {
      try FileManager.default.removeItem(atPath: to)
      try FileManager.default.moveItem(atPath: folder.path + "/" + name + "-" + part, toPath: to)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: to)
    }
  }
}
