import Encodings
import Foundation
import LightClients
import Messages
import NIOSSL
import SignerAccess
import SignerWire
import SigningRules
import TestSupport
import Testing
import WireBytes

/// The program, serving one attestation key on a socket or over mutual TLS, and clients that its policy knows.
///
/// A class: it ends the process and removes the directory when the test is over.
final class ServedSigner: Sendable {
  enum Transport: String, Sendable, CaseIterable {
    case unix
    case tls
  }

  static let name = "spiffe://example.org/signer"

  let folder: Folder
  let transport: Transport
  let identity: Bytes32
  let key: KeyID
  let port: Int
  /// The client keys of the policy: `client` and `other` sign, `admin` administers. Each has the certificate of its name.
  let keys: [String: ClientKey]
  private let process = Process()

  var directory: String { folder.path + "/signer" }
  var socket: String { directory + "/signer.sock" }
  var processID: Int32 { process.processIdentifier }
  var complaint: String { (try? String(contentsOfFile: folder.path + "/complaint", encoding: .utf8)) ?? "" }

  init(_ transport: Transport, arguments: [String] = []) throws {
    folder = try Folder()
    self.transport = transport
    try Self.writeCertificates(folder.path)
    try SignerStoryTests.Home.write("a passphrase\n", to: folder.path + "/pass")
    var made: [String: ClientKey] = [:]
    var clients: [String] = []
    for (client, uri, roles) in [
      ("client", "spiffe://example.org/attester", "sign"), ("other", "spiffe://example.org/other", "sign"),
      ("admin", "spiffe://example.org/admin", "admin+observe"),
    ] {
      let file = try ClientKeyFile.make(folder.path + "/\(client).client")
      made[client] = file.key
      let peer = transport == .tls ? "@\(uri)" : ""
      clients += ["--client", "\(client)=\(file.key.publicKey):\(roles)\(peer)"]
    }
    keys = made
    let listen =
      transport == .tls
      ? [
        "--tls-listen", "127.0.0.1:0", "--tls-certificates", folder.path + "/signer.pem", "--tls-key",
        folder.path + "/signer.key", "--tls-trust", folder.path + "/root.pem",
      ] : []
    let run = try SignerProgram.run(
      [
        "init", "--directory", folder.path + "/signer", "--domain", "operator", "--passphrase-file",
        folder.path + "/pass", "--anchor-directory", folder.path + "/anchors", "--scrypt-log-n", "14",
        "--json",
        "--key", "secp256k1:attestation:attester-0@cosmos:demo-1",
      ] + clients + listen)
    try #require(run.code == 0, "\(run.complaint)")
    let answer = try run.json()
    key = KeyID(try Bytes32(hex: try #require(answer["keys"]?[0]?["id"]?.string)))
    identity = try Bytes32(hex: try #require(answer["identity"]?.string))

    let output = Pipe()
    let complaint = folder.path + "/complaint"
    try Data().write(to: URL(fileURLWithPath: complaint))
    process.executableURL = URL(fileURLWithPath: SignerProgram.path)
    process.arguments =
      ["run", "--directory", folder.path + "/signer", "--passphrase-file", folder.path + "/pass", "--json"]
      + arguments
    process.environment = SignerProgram.environment
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: complaint))
    try process.run()
    let ready = try JSONValue(decoding: [UInt8](output.fileHandleForReading.availableData))
    let address = try #require(ready["address"]?.string)
    if transport == .tls {
      try #require(address.hasPrefix("tls://127.0.0.1:"))
      port = try #require(Int(address.split(separator: ":").last ?? ""))
    } else {
      port = 0
    }
  }

  deinit {
    if process.isRunning { _ = stop() }
    folder.remove()
  }

  /// SIGTERM, and the exit code.
  func stop() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }

  var isRunning: Bool { process.isRunning }

  /// The certificates of Tests/Vectors/signer-wire/tls.json, as files.
  private static func writeCertificates(_ directory: String) throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signer-wire/tls.json")
    let vectors = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    for (name, value) in try #require(vectors.object) {
      let parts = [("pem", value["certificate"]?.string ?? value.string), ("key", value["key"]?.string)]
      for (ending, text) in parts {
        guard let text else { continue }
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/\(name).\(ending)"))
      }
    }
  }

  // MARK: Clients

  func tls(_ certificate: String, trust: String = "root", name: String = ServedSigner.name) -> SignerTLS {
    SignerTLS(
      certificate: "\(folder.path)/\(certificate).pem", key: "\(folder.path)/\(certificate).key",
      trust: "\(folder.path)/\(trust).pem", signer: name)
  }

  /// A client with the key of `name`, or another, and the certificate of `name`, or another.
  func access(
    _ name: String = "client", key: ClientKey? = nil, certificate: String? = nil, tls: SignerTLS? = nil,
    signer: Bytes32? = nil
  ) throws -> SignerClient {
    SignerClient(
      endpoint: transport == .unix
        ? .unix(path: socket)
        : .tls(host: "127.0.0.1", port: port, tls ?? self.tls(certificate ?? name)),
      key: try key ?? #require(keys[name]), signer: signer ?? identity, domain: .operator)
  }

  /// Asks for one signature with a client that is closed afterwards.
  func sign(_ access: SignerClient, height: UInt64, root: UInt8 = 1) async throws(SignerClientError)
    -> [UInt8]
  {
    guard let request = try? Self.request(height: height, root: root) else { throw .closed }
    do throws(SignerClientError) {
      let signature = try await access.sign(request, key: key)
      await access.close()
      return signature
    } catch {
      await access.close()
      throw error
    }
  }

  /// A good client signs a claim at a height at which others were refused one, so that none of theirs was written down; and
  /// gets no second claim there.
  func checkServes(height: UInt64) async throws {
    #expect(try await sign(try access(), height: height, root: 2).count == 65)
    await #expect(
      throws: SignerClientError.refused(SignerRefusal(code: 401, name: "otherRoot", retry: .never))
    ) { try await self.sign(try self.access(), height: height, root: 1) }
    #expect(isRunning)
  }

  /// How many refusals of the protocol, or failures below it, have this name.
  func faults() async throws -> [String: Int] {
    let admin = try access("admin")
    let answer = try await admin.admin(.status)
    await admin.close()
    return (answer["counters"]?["faults"]?.object ?? [:]).compactMapValues { $0.integer(Int.self) }
  }

  static func request(height: UInt64, root: UInt8 = 1) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try AttestationBinding(
          origin: try DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: try ClientID("client-0")
        ),
        height: Height(height), timestamp: UnixTime(seconds: 1_700_000_000 + height),
        body: .state(root: Bytes32 { _ in root })))
  }

  // MARK: The kernel's view

  /// A line of /proc/PID/status, as `VmRSS` or `Seccomp`.
  func kernel(_ name: String) throws -> String {
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
    return line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
  }

  /// Resident memory, now and at its highest, in KiB.
  func memory() throws -> (now: Int, highest: Int) {
    func kibibytes(_ name: String) throws -> Int {
      try #require(Int(try kernel(name).split(separator: " ").first ?? ""))
    }
    return (try kibibytes("VmRSS"), try kibibytes("VmHWM"))
  }

  /// Open files; nil where only root may see them.
  var openFiles: Int? {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd"))?.count
  }
}
