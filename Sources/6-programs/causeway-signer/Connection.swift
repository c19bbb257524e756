import ArgumentParser
import Encodings
import Foundation
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import WireBytes

/// What every verb takes that asks a running signer: on its socket, or over TLS.
struct ConnectionArguments: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The signer's directory: its socket and its identity are read there.", valueName: "dir"),
    completion: .directory)
  var directory: String?
  @Option(
    help: ArgumentHelp("The signer's socket, when it is not the directory's.", valueName: "path"),
    completion: .file())
  var socket: String?
  @Option(
    help: ArgumentHelp(
      "Where the signer listens, when it is over TLS: tls://HOST:PORT. It needs the four options below.",
      valueName: "url"))
  var connect: SignerURL?
  @Option(
    help: ArgumentHelp(
      "TLS: this client's certificate and what leads to its root, PEM.", valueName: "file"),
    completion: .file())
  var tlsCertificates: String?
  @Option(
    help: ArgumentHelp("TLS: the private key of that certificate, PEM.", valueName: "file"),
    completion: .file())
  var tlsKey: String?
  @Option(
    help: ArgumentHelp("TLS: who may have issued the signer's certificate, PEM.", valueName: "file"),
    completion: .file())
  var tlsTrust: String?
  @Option(
    help: ArgumentHelp(
      "TLS: the one URI that the signer's certificate must have: spiffe://….", valueName: "uri"))
  var serverID: String?
  @Option(
    help: ArgumentHelp(
      "The signer's identity, where its directory cannot be read: 32 bytes in hex, from `init`.",
      valueName: "hex"))
  var signer: Root?
  @Option(help: ArgumentHelp("Its key domain, where its directory cannot be read.", valueName: "domain"))
  var domain: KeyDomain?
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file of the client key that the policy knows.", valueName: "file"),
    completion: .file())
  var key: String
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard socket == nil || connect == nil else {
      throw ValidationError("Give --socket or --connect, not both.")
    }
    let files = [tlsCertificates, tlsKey, tlsTrust, serverID]
    guard connect == nil || files.allSatisfy({ $0 != nil }) else {
      throw ValidationError("--connect needs --tls-certificates, --tls-key, --tls-trust and --server-id.")
    }
    guard serverID?.hasPrefix("spiffe://") != false else {
      throw ValidationError("--server-id is a URI: spiffe://TRUST-DOMAIN/PATH.")
    }
  }

  /// Asks, prints the answer, and gives failures words.
  func ask(_ request: AdminRequest, lines: (JSONValue) -> [String]) async throws {
    let answer = try await answer(request)
    Terminal.print(answer, json: json) { lines(answer) }
  }

  func answer(_ request: AdminRequest) async throws -> JSONValue {
    try await with { client in try await client.admin(request) }
  }

  /// Gives `body` a client, and closes it.
  func with<Value: Sendable>(_ body: (SignerClient) async throws -> Value) async throws -> Value {
    let client = try client()
    do {
      let value = try await body(client)
      await client.close()
      return value
    } catch {
      await client.close()
      guard let error = error as? SignerClientError else { throw error }
      throw Complaint(ClientText.text(error, place), code: ClientText.code(error))
    }
  }

  /// Where the signer is, for messages.
  var place: String { socket ?? connect.map { "tls://\($0.place)" } ?? directory ?? "?" }

  private func client() throws -> SignerClient {
    let found = try configuration()
    let file = try ClientKeyArgument.open(key)
    guard let identity = signer?.bytes ?? found?.identity ?? file.signer,
      let domain = domain ?? found?.domain ?? file.domain
    else {
      throw Complaint(
        "name the signer: --directory DIR, or --socket PATH or --connect URL with --signer HEX and --domain DOMAIN"
      )
    }
    return SignerClient(endpoint: try endpoint(found), key: file.key, signer: identity, domain: domain)
  }

  private func endpoint(_ found: SignerConfiguration?) throws -> SignerEndpoint {
    if let socket { return .unix(path: socket) }
    // The directory says where it listens, too, unless the system chose the port.
    let known = found?.tls.flatMap { $0.port > 0 ? HostPort(host: $0.host, port: $0.port) : nil }
    if let place = connect?.place ?? known {
      guard let tlsCertificates, let tlsKey, let tlsTrust, let serverID else {
        throw Complaint(
          "this signer listens on tls://\(place): give --tls-certificates, --tls-key, --tls-trust and --server-id"
        )
      }
      return .tls(
        host: place.host, port: place.port,
        SignerTLS(certificate: tlsCertificates, key: tlsKey, trust: tlsTrust, signer: serverID))
    }
    guard found?.tls == nil else {
      throw Complaint("this signer listens on a port that `run` printed: --connect tls://HOST:PORT")
    }
    guard let directory else {
      throw Complaint("name the signer's place: --directory DIR, --socket PATH or --connect URL")
    }
    return .unix(path: SignerDirectory(directory).socket)
  }

  private func configuration() throws -> SignerConfiguration? {
    guard let directory else { return nil }
    do { return try SignerConfiguration.read(SignerDirectory(directory)) } catch {
      throw Complaint(SignerText.text(error, directory))
    }
  }
}

/// 32 bytes in hex, with or without 0x.
struct Root: ExpressibleByArgument {
  let bytes: Bytes32

  init?(argument: String) {
    let text = argument.hasPrefix("0x") ? argument : "0x" + argument
    guard let bytes = try? Bytes32(hex: text) else { return nil }
    self.bytes = bytes
  }
}

/// A client's failure, in words, with what to do next.
enum ClientText {
  static func code(_ error: SignerClientError) -> Int32 {
    switch error {
    case .refused: Complaint.refused
    default: Complaint.notNow
    }
  }

  static func text(_ error: SignerClientError, _ place: String) -> String {
    switch error {
    case .refused(let refusal): "refused: \(refusal.name) (\(refusal.code))\(advice(refusal))"
    case .unavailable:
      "no signer answers at \(place): start it with `causeway-signer run --directory DIR`, or look at its log"
    case .timedOut: "the signer at \(place) did not answer in time: it may be busy; ask `status` again"
    case .identity(let expected, let actual):
      "the signer at \(place) is not the one that was expected (\(expected)), but \(actual): do not use it before you know why"
    case .tls(let failure): tls(failure, place)
    case .batch(.form(.overLimit(let limit, let actual))):
      "the request has \(actual) bytes, and a signer takes \(limit): split the file"
    default: "the signer at \(place) did not answer as one does: \(error)"
    }
  }

  private static func tls(_ failure: SignerTLSFailure, _ place: String) -> String {
    switch failure {
    case .files: "certificate, private key or roots cannot be read, or do not fit: look at the --tls- options"
    case .untrustedSigner:
      "the certificate of the signer at \(place) does not lead to --tls-trust, or is not valid now: do not use it before you know why"
    case .signerName:
      "the certificate of the signer at \(place) is not for --server-id: do not use it before you know why"
    case .refused(.unknownAuthority): "the signer at \(place) does not know who issued this certificate"
    case .refused(.certificateExpired):
      "the signer at \(place) takes no certificate outside its dates: renew it, and look at both clocks"
    case .refused(let alert):
      "the signer at \(place) ended TLS with alert \(alert.rawValue) (RFC 8446, section 6)"
    case .broken: "TLS with the signer at \(place) broke: is it one?"
    }
  }

  private static func advice(_ refusal: SignerRefusal) -> String {
    let name = refusal.name
    if let more = AdministrationFault(rawValue: refusal.code)?.advice { return ": \(more)" }
    switch refusal.retry {
    case .never: return ""
    case .later(let milliseconds): return ": try again in \(max(1, milliseconds / 1_000)) s"
    case .newSession: return ": try again"
    case .afterChange:
      return name.isEmpty ? "" : ": the signer's policy or state must change first (`policy show`, `status`)"
    }
  }
}
