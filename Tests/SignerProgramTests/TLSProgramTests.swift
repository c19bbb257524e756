import Encodings
import Foundation
import NIOCore
import NIOSSL
import SignerAccess
import SignerWire
import SigningRules
import Testing

/// `causeway-signer run` over mutual TLS 1.3, in a process of its own under its filter of system calls.
@Suite("causeway-signer over TLS", .timeLimit(.minutes(10)))
struct TLSProgramTests {
  @Test("signs for the client that its certificate and its key name, and refuses all others by their reason")
  func clients() async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(.tls)
      if HardeningTests.filters { #expect(try signer.kernel("Seccomp") == "2") }
      #expect(!signer.complaint.contains("system calls"))
      try await signer.checkServes(height: 1)

      // What the frames refuse: the certificate leads to the root, and names nobody, two, or somebody else.
      for (height, certificate, fault) in [
        (UInt64(2), "other", SignerFault.peer), (3, "two", .certificate), (4, "none", .certificate),
      ] {
        await #expect(throws: SignerClientError.refused(SignerRefusal(fault)), "\(certificate)") {
          try await signer.sign(try signer.access(certificate: certificate), height: height)
        }
        try await signer.checkServes(height: height)
      }
      // The right certificate, with a key that nobody knows, and with another client's.
      for (height, key, fault) in [
        (UInt64(5), ClientKey(), SignerFault.unknownClient), (6, try #require(signer.keys["other"]), .peer),
      ] {
        await #expect(throws: SignerClientError.refused(SignerRefusal(fault))) {
          try await signer.sign(try signer.access(key: key, certificate: "client"), height: height)
        }
        try await signer.checkServes(height: height)
      }
      // What TLS refuses: issued by another trust domain, and out of date.
      for (height, certificate, alert) in [
        (UInt64(7), "foreign", SignerTLSFailure.Alert.unknownAuthority), (8, "expired", .certificateExpired),
      ] {
        await #expect(throws: SignerClientError.tls(.refused(alert)), "\(certificate)") {
          try await signer.sign(try signer.access(certificate: certificate), height: height)
        }
        try await signer.checkServes(height: height)
      }
      let faults = try await signer.faults()
      #expect(faults["peer"] == 2 && faults["certificate"] == 2 && faults["unknownClient"] == 1)
      #expect(faults["tlsHandshake"] == 2)
      #expect(signer.stop() == 0)
    }
  }

  @Test("speaks TLS 1.3 only, and to nobody without a certificate")
  func handshakes() async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(.tls)
      func alert(_ configuration: TLSConfiguration) async throws -> SignerTLSFailure? {
        do {
          try await RawStream.with(signer, tls: configuration) { stream in
            while try await stream.bytes() != nil {}
          }
          return nil
        } catch { return SignerTLSFailure(error) }
      }
      var old = try RawStream.configuration(signer, "client")
      old.minimumTLSVersion = .tlsv12
      old.maximumTLSVersion = .tlsv12
      #expect(try await alert(old) == .refused(.protocolVersion))
      try await signer.checkServes(height: 1)
      #expect(try await alert(try RawStream.configuration(signer, nil)) == .refused(.certificateRequired))
      try await signer.checkServes(height: 2)
      // No TLS at all: it ends, and nothing of the protocol is answered.
      try await RawStream.with(signer) { stream in
        try await stream.send([0, 0, 0, 0, 1])
        // The signer may have closed it by now.
        try? await stream.send([UInt8]("GET / HTTP/1.1\r\n\r\n".utf8))
        while let bytes = try await stream.bytes() {
          // A TLS alert, at most.
          #expect(bytes.first == 21)
        }
      }
      try await signer.checkServes(height: 3)
      #expect(try await signer.faults()["tlsHandshake"] == 3)
      #expect(signer.stop() == 0)
    }
  }

  @Test(
    "takes no session that another certificate was granted, nor its client's key from another certificate")
  func stolen() async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(.tls)
      let stolen = try await RawStream.with(signer, as: "client") { stream in
        var session = try await stream.handshake(signer, "client")
        return try RawStream.asking(signer, height: 1, in: &session)
      }
      try await RawStream.with(signer, as: "client") { victim in
        // Beside the victim's open connection, too.
        var session = try await victim.handshake(signer, "client")
        let heard = try RawStream.asking(signer, height: 2, in: &session)
        try await RawStream.with(signer, as: "other") { thief in
          for frame in [stolen, heard] {
            try await thief.send(frame)
            #expect(try await thief.refusal() == .unknownSession)
          }
          var own = try await thief.handshake(signer, "other")
          for frame in [stolen, heard] {
            try await thief.send(frame)
            #expect(try await thief.refusal() == .unknownSession)
          }
          // Its own session serves it still, in its own name.
          try await thief.send(try RawStream.asking(signer, height: 3, in: &own))
          let answer = try #require(try await thief.receive())
          #expect(answer.kind == .signatures)
          let signed = try SigningAnswers.decode(try own.open(answer).content, expected: 1)
          #expect(try signed.first?.get().count == 65)
        }
        // With the client's very key, from another certificate.
        try await RawStream.with(signer, as: "other") { thief in
          let open = ClientHandshake(
            key: try #require(signer.keys["client"]), signer: signer.identity, domain: .operator,
            at: RawStream.now)
          try await thief.send(open.start)
          #expect(try await thief.refusal() == .peer)
          #expect(try await thief.receive() == nil)
        }
        // The victim was not disturbed.
        try await victim.send(heard)
        let answer = try #require(try await victim.receive())
        #expect(try SigningAnswers.decode(try session.open(answer).content, expected: 1).count == 1)
      }
      try await signer.checkServes(height: 1)
      #expect(signer.stop() == 0)
    }
  }

  @Test("is not spoken to by a client that expects another name, other roots or another identity")
  func impostor() async throws {
    try await OwnThreads.run {
      let signer = try ServedSigner(.tls)
      let another = try signer.access(tls: signer.tls("client", name: "spiffe://example.org/another"))
      await #expect(throws: SignerClientError.tls(.signerName)) { try await signer.sign(another, height: 1) }
      let roots = try signer.access(tls: signer.tls("client", trust: "otherRoot"))
      await #expect(throws: SignerClientError.tls(.untrustedSigner)) {
        try await signer.sign(roots, height: 1)
      }
      let absent = try signer.access(tls: signer.tls("absent"))
      await #expect(throws: SignerClientError.tls(.files)) { try await signer.sign(absent, height: 1) }
      let pinned = ClientKey().publicKey
      let identity = try signer.access(signer: pinned)
      await #expect(throws: SignerClientError.identity(expected: pinned, actual: signer.identity)) {
        try await signer.sign(identity, height: 1)
      }
      try await signer.checkServes(height: 1)
      #expect(signer.stop() == 0)
    }
  }

  // MARK: The command

  private static func ask(
    _ signer: ServedSigner, _ verb: [String], as name: String = "admin", trust: String = "root",
    serverID: String = ServedSigner.name, identity: String? = nil
  ) throws -> SignerProgram.Run {
    let path = signer.folder.path
    return try SignerProgram.run(
      verb + [
        "--connect", "tls://127.0.0.1:\(signer.port)", "--key", "\(path)/\(name).client",
        "--tls-certificates", "\(path)/\(name).pem", "--tls-key", "\(path)/\(name).key", "--tls-trust",
        "\(path)/\(trust).pem", "--server-id", serverID, "--signer",
        identity ?? "\(signer.identity)", "--domain", "operator", "--json",
      ])
  }

  @Test("is asked by the command from afar, as on its socket")
  func command() throws {
    let signer = try ServedSigner(.tls)
    let status = try Self.ask(signer, ["status"])
    #expect(status.code == 0, "\(status.complaint)")
    #expect(try status.json()["domain"]?.string == "operator")
    #expect(try status.json()["keys"]?["active"]?.integer(Int.self) == 1)
    let keys = try Self.ask(signer, ["keys", "list"])
    #expect(try keys.json()["keys"]?[0]?["id"]?.string == "\(signer.key)")
    #expect(try Self.ask(signer, ["policy", "show"]).output.contains("spiffe://example.org/attester"))
    #expect(try Self.ask(signer, ["pending"]).json()["pending"]?.array?.isEmpty == true)
    #expect(try Self.ask(signer, ["keys", "lock", "attester-0", "--reason", "test"]).code == 0)
    #expect(try Self.ask(signer, ["keys", "show", "attester-0"]).json()["state"]?.string == "locked")
    // The signer's directory says where it listens, but not the port that the system chose.
    let directory = try SignerProgram.run([
      "status", "--directory", signer.directory, "--key", signer.folder.path + "/admin.client",
    ])
    #expect(directory.code == 2 && directory.complaint.contains("--connect tls://HOST:PORT"))
    #expect(signer.stop() == 0)
    #expect(try Self.ask(signer, ["status"]).code == 3)
  }

  @Test("tells whoever asks the wrong signer, or as the wrong client, what is wrong")
  func commandRefusals() throws {
    let signer = try ServedSigner(.tls)
    let role = try Self.ask(signer, ["status"], as: "client")
    #expect(role.code == 1 && role.complaint.contains("refused: role (25)"), "\(role.complaint)")
    let roots = try Self.ask(signer, ["status"], trust: "otherRoot")
    #expect(roots.code == 3 && roots.complaint.contains("does not lead to --tls-trust"), "\(roots.complaint)")
    let name = try Self.ask(signer, ["status"], serverID: "spiffe://example.org/another")
    #expect(name.code == 3 && name.complaint.contains("is not for --server-id"), "\(name.complaint)")
    let identity = try Self.ask(signer, ["status"], identity: "\(ClientKey().publicKey)")
    #expect(identity.code == 3 && identity.complaint.contains("not the one that was expected"))
    let url = ["status", "--key", signer.folder.path + "/admin.client", "--connect"]
    for (rest, words) in [
      (["127.0.0.1:1"], "--connect"), (["tls://127.0.0.1:1"], "--connect needs --tls-certificates"),
      (["tls://a:1", "--socket", "x"], "not both"), (["tls://a:1", "--server-id", "a"], "needs"),
    ] {
      let run = try SignerProgram.run(url + rest)
      #expect(run.code == 2 || run.code == 64, "\(rest): \(run.code)")
      #expect(run.complaint.contains(words), "\(rest): \(run.complaint)")
    }
    #expect(try SignerProgram.run(["status", "--help"]).output.contains("--connect tls://"))
    #expect(signer.stop() == 0)
  }

  @Test("is not made without a URI for each client, nor started without its files")
  func making() throws {
    let folder = try Folder()
    defer { folder.remove() }
    let key = "0x\(String(repeating: "11", count: 32))"
    func make(_ client: String, _ more: [String]) throws -> SignerProgram.Run {
      try SignerProgram.run(
        ["init", "--directory", folder.path + "/signer", "--domain", "operator", "--client", client] + more)
    }
    let tls = [
      "--tls-listen", "127.0.0.1:0", "--tls-certificates", "a", "--tls-key", "b", "--tls-trust", "c",
    ]
    for (client, more) in [("a=\(key):sign", tls), ("a=\(key):sign@spiffe://example.org/a", [])] {
      let run = try make(client, more)
      #expect(run.code == 2 && run.complaint.contains("spiffe://"), "\(run.code) \(run.complaint)")
    }
    #expect(try make("a=\(key):sign@https://a", tls).code == 2)
    for place in ["127.0.0.1", "127.0.0.1:65536", ":1", "::1:80", "[::1]", "[a]:x"] {
      let run = try make("a=\(key):sign@spiffe://example.org/a", ["--tls-listen", place] + tls.dropFirst(2))
      #expect(run.code == 2, "\(place): \(run.code) \(run.complaint)")
    }
    try SignerStoryTests.Home.write("a passphrase\n", to: folder.path + "/pass")
    let opening = [
      "--passphrase-file", folder.path + "/pass", "--anchor-directory", folder.path + "/anchors",
    ]
    let made = try make(
      "a=\(key):sign@spiffe://example.org/a", tls + opening + ["--scrypt-log-n", "14"])
    #expect(made.code == 0, "\(made.complaint)")
    let run = try SignerProgram.run(["run", "--directory", folder.path + "/signer"] + opening)
    #expect(run.code == 2 || run.code == 3, "\(run.code)")
    #expect(run.complaint.contains("certificate, private key or roots cannot be read"), "\(run.complaint)")
  }
}
