import EnclaveService
import Enclaves
import Foundation
import Messages
import SignerJournal
import Testing
import WireBytes

/// An enclave behind its socket, and what hostile clients can do to it.
@Suite(
  "An enclave's socket", .enabled(if: FixedProgram.library != nil, Comment(rawValue: FixedProgram.absence)))
struct ServerTests {
  private struct Served {
    let folder: Folder
    let enclave: Enclave
    let server: EnclaveServer
    var path: String { folder.path + "/s" }
    var client: EnclaveClient { EnclaveClient(path: path) }

    init(_ limits: EnclaveServerLimits = EnclaveServerLimits()) async throws {
      folder = try Folder()
      let clock = Clock()
      enclave = try Enclave(
        Bench.configuration(folder), workload: Bench.cases(FixedProgram.wasm()),
        platform: SimulatedPlatform(folder: folder.path, clock: clock.reading), clock: clock.reading)
      server = try await EnclaveServer.start(path: folder.path + "/s", enclave: enclave, limits: limits)
    }
  }

  @Test("gives the same answers over the socket as in the process")
  func same() async throws {
    let served = try await Served()
    let client = served.client
    let local = LocalEnclave(served.enclave)
    await #expect(throws: EnclaveAccessError.refused(.noKeys, "noKeys")) { try await client.keys() }
    let registration = try await client.rotate(Bench.anchor())
    #expect(try await client.keys() == registration)
    #expect(try await local.keys() == registration)
    #expect(try await client.evidence(of: registration.id) == registration)
    let status = try await client.status()
    #expect(status == served.enclave.status())
    #expect(status.isSimulated && status.registrations.map(\.id) == [registration.id])
    let replyKey = try EphemeralSealingKey(.x25519).publicKey
    let job = try Bench.job(1, bodies: [[1], [2]], for: registration, replyTo: replyKey)
    let answer = try await client.compute(job)
    #expect(try await local.compute(job) == answer)
    let other = try Bench.job(1, bodies: [[1]], for: registration, replyTo: replyKey)
    do {
      _ = try await client.compute(other)
      Issue.record("other inputs were computed")
    } catch {
      guard case .refused(.otherInputs, _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    await served.server.stop()
    await #expect(throws: EnclaveAccessError.away) { try await client.status() }
  }

  /// A client that sends what it likes.
  private final class Raw: Sendable {
    let file: Int32

    init(_ path: String) throws {
      file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = [UInt8](path.utf8)
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
      // The address outlives the call.
      let code = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(code == 0)
    }

    deinit { close(file) }

    func send(_ bytes: [UInt8]) {
      _ = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    }

    /// What comes until the other end closes, at most 4,096 bytes.
    func receive() -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 4_096)
      let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
      return [UInt8](bytes.prefix(max(0, count)))
    }
  }

  @Test("answers malformed requests with a refusal, ends connections without frames, and serves on")
  func hostile() async throws {
    let served = try await Served()
    // Lengths that no frame has: the connection ends without an answer.
    for bytes in [[0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0x02, 0x80, 0x00, 0x41]] as [[UInt8]] {
      let raw = try Raw(served.path)
      raw.send(bytes)
      #expect(raw.receive().isEmpty)
    }
    // Frames that are no request: refused, and the connection goes on.
    let raw = try Raw(served.path)
    for message in [
      [0xff], [0x08, 0x00], [0x08, 0x63], [0x08, 0x01, 0x08, 0x01], [0x08, 0x01, 0x12, 0x01, 0x00],
      [0x08, 0x03, 0x12, 0x01, 0x07],
      [0x08, 0x05, 0x12, 0x02, 0x00, 0x00], [0x08, 0x06], [0x08, 0x04, 0x12, 0x01, 0xff],
    ] as [[UInt8]] {
      raw.send([0, 0, 0, UInt8(message.count)] + message)
      let answer = raw.receive()
      // Field 2 of the answer: the refusal's name.
      #expect(answer.count > 6 && answer[4] == 0x12, "\(message)")
      #expect(String(decoding: answer.dropFirst(6).prefix(9), as: UTF8.self) == "malformed", "\(message)")
    }
    // A request in two pieces, and two requests in one.
    raw.send([0, 0, 0])
    raw.send([2, 0x08])
    raw.send([0x01])
    #expect(raw.receive().count > 100)
    raw.send([0, 0, 0, 2, 0x08, 0x02, 0, 0, 0, 2, 0x08, 0x02])
    var answers = raw.receive()
    if answers.count < 30 { answers += raw.receive() }
    #expect(String(decoding: answers, as: UTF8.self).contains("noKeys"))
    _ = try await served.client.status()
    await served.server.stop()
  }

  @Test("closes connections that send no whole frame, and those beyond its limit")
  func limits() async throws {
    var limits = EnclaveServerLimits()
    limits.connections = 2
    limits.frame = .milliseconds(50)
    limits.idle = .milliseconds(100)
    let served = try await Served(limits)
    let half = try Raw(served.path)
    half.send([0, 0, 0, 9, 1])
    #expect(half.receive().isEmpty)
    let idle = try Raw(served.path)
    #expect(idle.receive().isEmpty)
    let all = try (0..<8).map { _ in try Raw(served.path) }
    // None hangs: those over the limit are closed at once, the others when they were idle.
    for raw in all { #expect(raw.receive().isEmpty) }
    _ = try await served.client.status()
    await served.server.stop()
  }

  @Test("listens only where nobody else can, and only once")
  func places() async throws {
    let served = try await Served()
    await #expect(throws: EnclaveServerError.inUse) {
      try await EnclaveServer.start(path: served.path, enclave: served.enclave)
    }
    let open = try Folder()
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: open.path)
    await #expect(throws: EnclaveServerError.directory) {
      try await EnclaveServer.start(path: open.path + "/s", enclave: served.enclave)
    }
    let taken = try Folder()
    try Data([1]).write(to: URL(fileURLWithPath: taken.path + "/s"))
    await #expect(throws: EnclaveServerError.notASocket) {
      try await EnclaveServer.start(path: taken.path + "/s", enclave: served.enclave)
    }
    let long = served.folder.path + "/" + String(repeating: "s", count: 120)
    await #expect(throws: EnclaveServerError.pathLength(max: 107, actual: long.utf8.count)) {
      try await EnclaveServer.start(path: long, enclave: served.enclave)
    }
    await served.server.stop()
    let again = try await EnclaveServer.start(path: served.path, enclave: served.enclave)
    _ = try await served.client.status()
    await again.stop()
  }
}
