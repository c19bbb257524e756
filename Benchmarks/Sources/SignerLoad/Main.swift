import ArgumentParser
import Foundation
import Messages
import SignerAccess
import SignerWire
import SigningRules
import Synchronization
import WireBytes

/// Asks a running signer for attestations, as many at once as told, and says how many a second it gave and how long each took.
@main
struct SignerLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "SignerLoad", abstract: "Measure signatures of a running signer, over its socket or TLS.")

  @Option(help: "The signer's socket, or tls://HOST:PORT.")
  var address: String
  @Option(help: "TLS: the client's certificate, PEM.")
  var tlsCertificates: String?
  @Option(help: "TLS: its private key, PEM.")
  var tlsKey: String?
  @Option(help: "TLS: who may have issued the signer's certificate, PEM.")
  var tlsTrust: String?
  @Option(help: "TLS: the URI of the signer's certificate.")
  var serverID: String?
  @Option(help: "The client's key file.")
  var client: String
  @Option(help: "The signer's identity, in hex; the key file's unless given.")
  var signer: String?
  @Option(help: "The key that signs, in hex; the signer's first attestation key unless given.")
  var key: String?
  @Option(help: "What is attested: the origin that the policy grants.")
  var origin = "cosmos:demo-1"
  @Option(help: "Requests.")
  var requests = 20_000
  @Option(help: "Connections.")
  var connections = 4
  @Option(help: "Requests that wait at once, over all connections.")
  var depth = 256
  @Option(help: "The first height that is attested; a signer attests each only once.")
  var height = UInt64(Date().timeIntervalSince1970)

  func run() async throws {
    let file = try ClientKeyFile.open(client)
    guard
      let identity = try signer.map({ try Bytes32(hex: $0.hasPrefix("0x") ? $0 : "0x" + $0) }) ?? file.signer
    else {
      throw ValidationError("no signer's identity: give --signer")
    }
    let endpoint = try endpoint()
    let clients = (0..<connections).map { _ in
      SignerClient(
        endpoint: endpoint, key: file.key, signer: identity, domain: file.domain ?? .operator)
    }
    let keyID: KeyID
    if let key {
      keyID = KeyID(try Bytes32(hex: key.hasPrefix("0x") ? key : "0x" + key))
    } else {
      guard let first = try await clients[0].keys().first(where: { $0.purposes.contains(.attestation) })
      else {
        throw ValidationError("the signer has no attestation key")
      }
      keyID = first.id
    }
    let binding = try AttestationBinding(
      origin: try DomainID(origin), router: [UInt8]("ibc".utf8), client: try ClientID("client-0"))
    let time = UnixTime(seconds: UInt64(Date().timeIntervalSince1970))
    // Connected, and with a session, before the clock starts.
    for client in clients { _ = try await client.keys() }
    let progress = Progress()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<depth {
        let client = clients[task % connections]
        group.addTask {
          while true {
            let number = progress.take()
            guard number < requests else { return }
            let statement = AttestedStatement(
              binding: binding, height: Height(height + UInt64(number)), timestamp: time,
              body: .state(root: Bytes32 { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8)) }))
            let begun = ContinuousClock.now
            _ = try await client.sign(.attestation(statement), key: keyID)
            let took = Double((ContinuousClock.now - begun) / .nanoseconds(1)) / 1_000
            progress.took(took)
          }
        }
      }
      try await group.waitForAll()
    }
    let seconds = Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
    let sorted = progress.sorted
    func at(_ part: Double) -> Int { Int(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) }
    print(
      "\(requests) signatures, \(connections) connections, \(depth) at once: \(Int(Double(requests) / seconds)) a second, "
        + "p50 \(at(0.5)) µs, p99 \(at(0.99)) µs")
    for client in clients { await client.close() }
  }

  private func endpoint() throws -> SignerEndpoint {
    let scheme = "tls://"
    guard address.hasPrefix(scheme) else { return .unix(path: address) }
    let parts = address.dropFirst(scheme.count).split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]), let tlsCertificates, let tlsKey, let tlsTrust,
      let serverID
    else {
      throw ValidationError(
        "TLS needs tls://HOST:PORT, --tls-certificates, --tls-key, --tls-trust and --server-id")
    }
    return .tls(
      host: String(parts[0]), port: port,
      SignerTLS(certificate: tlsCertificates, key: tlsKey, trust: tlsTrust, signer: serverID))
  }
}

/// Which requests were given out, and how long each took. A class, since tasks share it.
private final class Progress: Sendable {
  private let state = Mutex((next: 0, times: [Double]()))

  func take() -> Int {
    state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
  }

  func took(_ time: Double) { state.withLock { $0.times.append(time) } }
  var sorted: [Double] { state.withLock { $0.times.sorted() } }
}
