import Encodings
import Foundation
import KeyVault
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import TestSupport
import Testing

@Suite("A signer over mutual TLS", .timeLimit(.minutes(10)))
struct TLSTests {
  /// Writes the test certificates into a directory, and says where they are.
  private struct Files {
    let directory: String

    init(_ directory: String) throws {
      self.directory = directory
      let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signer-wire/tls.json")
      let vectors = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
      for (name, value) in try #require(vectors.object) {
        if let certificate = value["certificate"]?.string, let key = value["key"]?.string {
          try Data(certificate.utf8).write(to: URL(fileURLWithPath: directory + "/\(name).pem"))
          try Data(key.utf8).write(to: URL(fileURLWithPath: directory + "/\(name).key"))
        } else if let text = value.string {
          try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/\(name).pem"))
        }
      }
    }

    func server(_ name: String = "signer") -> SignerTLSFiles {
      SignerTLSFiles(
        certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key",
        trust: "\(directory)/root.pem")
    }

    func client(
      _ name: String, trust: String = "root", signer: String = "spiffe://example.org/signer"
    ) -> SignerTLS {
      SignerTLS(
        certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key",
        trust: "\(directory)/\(trust).pem", signer: signer)
    }
  }

  private static func start(_ server: String = "signer") async throws -> (Rig, Files) {
    let rig = try await Rig.start(
      peers: [.spiffe("spiffe://example.org/attester")],
      address: { directory in
        guard let files = try? Files(directory.path) else { return .unix(path: "/nowhere") }
        return .tls(host: "127.0.0.1", port: 0, files.server(server))
      })
    return (rig, try Files(rig.directory.path))
  }

  private static func ask(_ rig: Rig, _ tls: SignerTLS) async throws(SignerClientError) -> Int {
    let clock = rig.clock
    let access = SignerClient(
      endpoint: .tls(host: "127.0.0.1", port: rig.server.port ?? 0, tls), key: rig.client,
      signer: rig.identity.publicKey, domain: .operator, clock: { clock.now })
    guard let request = try? Rig.request(height: 1) else { throw .closed }
    do throws(SignerClientError) {
      let count = try await access.sign(request, key: rig.key.id).count
      await access.close()
      return count
    } catch {
      await access.close()
      throw error
    }
  }

  @Test("signs for a client whose certificate names it as its policy does, and for no other")
  func names() async throws {
    let (rig, files) = try await Self.start()
    #expect(try await Self.ask(rig, files.client("client")) == 65)
    await #expect(throws: SignerClientError.refused(SignerRefusal(.peer))) {
      try await Self.ask(rig, files.client("other"))
    }
    await #expect(throws: SignerClientError.refused(SignerRefusal(.certificate))) {
      try await Self.ask(rig, files.client("two"))
    }
    // TLS itself refuses these.
    for (name, alert) in [
      ("foreign", SignerTLSFailure.Alert.unknownAuthority), ("expired", .certificateExpired),
    ] {
      await #expect(throws: SignerClientError.tls(.refused(alert))) {
        try await Self.ask(rig, files.client(name))
      }
    }
    // The client does not speak to a signer with another name, or under other roots.
    await #expect(throws: SignerClientError.tls(.signerName)) {
      try await Self.ask(rig, files.client("client", signer: "spiffe://example.org/another"))
    }
    await #expect(throws: SignerClientError.tls(.untrustedSigner)) {
      try await Self.ask(rig, files.client("client", trust: "otherRoot"))
    }
    #expect(try await Self.ask(rig, files.client("client")) == 65)
    await rig.server.stop()
  }

  @Test("is not believed when its own certificate is a client's")
  func impostor() async throws {
    let (rig, files) = try await Self.start("client")
    await #expect(throws: SignerClientError.tls(.signerName)) {
      try await Self.ask(rig, files.client("client"))
    }
    await rig.server.stop()
  }

  @Test("does not start with files that are not there or do not fit")
  func files() async throws {
    let (rig, files) = try await Self.start()
    for broken in [
      SignerTLSFiles(certificate: "/nowhere", key: files.server().key, trust: files.server().trust),
      SignerTLSFiles(
        certificate: files.server().certificate, key: files.server().trust, trust: files.server().trust),
      SignerTLSFiles(certificate: files.server().certificate, key: files.server().key, trust: "/nowhere"),
    ] {
      await #expect(throws: SignerServerError.tls) {
        try await SignerServer.start(
          .tls(host: "127.0.0.1", port: 0, broken), core: rig.core, clients: rig.clients,
          identity: rig.identity,
          domain: .operator)
      }
    }
    await rig.server.stop()
  }
}

@Suite("A client's key file")
struct ClientKeyFileTests {
  @Test("is for its owner alone, and never overwritten")
  func file() throws {
    let directory = try RigDirectory()
    let path = directory.path + "/client.key"
    let made = try ClientKeyFile.make(path)
    let read = try ClientKeyFile.open(path)
    #expect(read.key.publicKey == made.key.publicKey)
    #expect(read.signer == nil && read.domain == nil)
    #expect(throws: ClientKeyFileError.exists) { try ClientKeyFile.make(path) }
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
    #expect(mode?.intValue == 0o600)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    #expect(throws: ClientKeyFileError.permissions(0o640)) { try ClientKeyFile.open(path) }
    #expect(throws: ClientKeyFileError.missing) { try ClientKeyFile.open(path + "2") }
    let full = directory.path + "/full.key"
    try ClientKeyFile.write(full, key: made.key, domain: .operator, signer: made.key.publicKey)
    let other = try ClientKeyFile.open(full)
    #expect(other.signer == made.key.publicKey && other.domain == .operator)
    #expect("\(made.key)" == "client \(made.key.publicKey)")
    for (text, member) in [
      ("[]", ""), ("{}", "version"), ("{\"version\":1}", "seed"),
      ("{\"version\":1,\"seed\":\"0x00\"}", "seed"),
      ("{\"version\":1,\"more\":1}", "more"),
    ] {
      let broken = directory.path + "/broken"
      _ = FileManager.default.createFile(
        atPath: broken, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
      #expect(throws: ClientKeyFileError.form(member)) { try ClientKeyFile.open(broken) }
    }
  }
}
