import Foundation
import Synchronization
import TPMAccess
import TestSupport
import WireBytes

/// Stands between a client and a simulator, and answers some commands itself: a TPM that is busy, lies or goes away.
///
/// The transport opens a connection for each command, so that one thread that serves one after the other is enough.
final class TPMInterposer: Sendable {
  enum Treatment: Sendable {
    case forward
    /// The command does not arrive.
    case dropBefore
    /// The command is done, and its answer is lost.
    case dropAfter
    /// The TPM is not asked; this is the answer.
    case answer([UInt8])
    /// The TPM's answer, changed.
    case change(@Sendable ([UInt8]) -> [UInt8])
  }

  enum Failure: Error {
    case socket(errno: Int32)
  }

  /// Commands by their codes (TPM_CC).
  static let sign: UInt32 = 0x15d
  static let increment: UInt32 = 0x134

  private struct Plan {
    var treatment: @Sendable (UInt32) -> Treatment = { _ in .forward }
    var counts: [UInt32: Int] = [:]
  }

  let path: String
  private let simulator: TPMSimulator
  private let listener: Int32
  private let plan = Mutex(Plan())

  init(_ simulator: TPMSimulator) throws {
    self.simulator = simulator
    path = simulator.directory.appendingPathComponent("i").path
    // Its control socket is the simulator's.
    try FileManager.default.createSymbolicLink(
      atPath: path + ".ctrl", withDestinationPath: simulator.socket + ".ctrl")
    listener = try unsafe Self.open(path) { file, address, size in unsafe bind(file, address, size) }
    guard listen(listener, 8) == 0 else { throw Failure.socket(errno: errno) }
    let (listener, socket) = (listener, simulator.socket)
    let thread = Thread { [weak self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        defer { close(client) }
        guard let self else { return }
        self.serve(client, socket)
      }
    }
    thread.start()
  }

  deinit {
    // Wakes the thread, which ends.
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var transport: String { "swtpm:path=\(path)" }

  /// How the commands that follow are treated; what was counted is forgotten.
  func treat(_ treatment: @escaping @Sendable (UInt32) -> Treatment) {
    plan.withLock { $0 = Plan(treatment: treatment) }
  }

  /// The same for one command.
  func treat(_ code: UInt32, _ treatment: Treatment) {
    treat { $0 == code ? treatment : .forward }
  }

  /// How often a command came since the treatment was set.
  func count(_ code: UInt32) -> Int { plan.withLock { $0.counts[code] ?? 0 } }

  /// An answer without parameters.
  static func response(code: UInt32) -> [UInt8] {
    [0x80, 0x01, 0, 0, 0, 10] + (0..<4).map { UInt8(truncatingIfNeeded: code >> UInt32(24 - 8 * $0)) }
  }

  private func serve(_ client: Int32, _ socket: String) {
    guard let command = Self.message(client) else { return }
    let code = command[6..<10].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let treatment = plan.withLock { plan in
      plan.counts[code, default: 0] += 1
      return plan.treatment(code)
    }
    switch treatment {
    case .dropBefore: return
    case .answer(let bytes): Self.write(bytes, to: client)
    case .forward, .dropAfter, .change:
      guard
        let server = try? unsafe Self.open(
          socket, { file, address, size in unsafe connect(file, address, size) })
      else {
        return
      }
      defer { close(server) }
      Self.write(command, to: server)
      guard let answer = Self.message(server) else { return }
      switch treatment {
      case .dropAfter: return
      case .change(let change): Self.write(change(answer), to: client)
      case .forward, .dropBefore, .answer: Self.write(answer, to: client)
      }
    }
  }

  /// A whole command or answer: ten bytes of header, of which the third to the sixth are the length.
  private static func message(_ file: Int32) -> [UInt8]? {
    guard let header = read(10, from: file) else { return nil }
    let size = header[2..<6].reduce(0) { $0 << 8 | Int($1) }
    guard (10...4096).contains(size), let rest = read(size - 10, from: file) else { return nil }
    return header + rest
  }

  private static func read(_ count: Int, from file: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // Within the array, which is not touched meanwhile.
      let got = unsafe bytes.withUnsafeMutableBytes {
        unsafe recv(file, $0.baseAddress.map { unsafe $0 + done }, count - done, 0)
      }
      guard got > 0 else { return nil }
      done += got
    }
    return bytes
  }

  private static func write(_ bytes: [UInt8], to file: Int32) {
    _ = unsafe bytes.withUnsafeBytes { unsafe send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  /// A socket of this path, bound or connected.
  private static func open(
    _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws -> Int32 {
    let file = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard file >= 0 else { throw Failure.socket(errno: errno) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = [UInt8](path.utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      precondition(bytes.count < target.count)
      unsafe target.copyBytes(from: bytes)
    }
    // The address outlives the call, which reads as many bytes as it is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe use(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let number = errno
      close(file)
      throw Failure.socket(errno: number)
    }
    return file
  }
}
