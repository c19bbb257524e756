import Encodings
import Foundation
import Synchronization
public import WireBytes

/// Where a devnet keeps what: one directory, closed to other users.
public struct DevnetDirectory: Hashable, Sendable {
  public static let defaultPath = "./causeway-devnet"
  public static let attesterCount = 4

  /// Absolute, so that it stays true when the process moves.
  public let path: String

  public init(_ path: String) { self.path = URL(fileURLWithPath: path).standardizedFileURL.path }

  /// One domain's ledger, genesis and validators.
  public func domain(_ name: String) -> String { path + "/" + name }
  public func genesis(_ name: String) -> String { domain(name) + "/genesis.json" }
  public func validators(_ name: String) -> String { domain(name) + "/validators.json" }
  public var keys: String { path + "/keys" }
  /// The key processes, and what their clients need.
  public var signers: String { path + "/signers" }
  /// Accounts of people, of the relayer and of the operator.
  public var accountKeys: String { keys + "/accounts.json" }
  public var attesterKeys: String { keys + "/attesters.json" }
  public func attester(_ number: Int) -> String { path + "/attester-\(number).sqlite" }
  /// Compiled contracts; may be removed while nothing runs.
  public var codes: String { path + "/codes" }
  public var relayer: String { path + "/relayer.sqlite" }
  /// Endpoints, clients and addresses: ``Network``.
  public var network: String { path + "/network.json" }
  /// How the agents do, a second ago: ``DevnetStatus``.
  public var status: String { path + "/status.json" }
  /// The enclave, its emulated TPM and their policies.
  public var enclave: String { path + "/enclave" }
  public var coordinator: String { path + "/coordinator" }
  /// Signs tokens: see ``EnclaveSide``.
  public var coordinatorKeys: String { keys + "/coordinator.json" }
  /// Where other processes leave sealed envelopes, and what became of them: ``EnvelopeSpool``.
  public var envelopes: String { coordinator + "/envelopes" }
  public var deliveries: String { coordinator + "/deliveries" }
  /// Sealed replies of settled cases.
  public var replies: String { coordinator + "/replies" }
  public func replies(of id: Bytes32) -> String { "\(replies)/\(Hex.encode(id.array, prefix: "")).json" }
  /// How enclaves and cases do: schema ``EnclaveSide/statusSchema``.
  public var enclaveStatus: String { path + "/enclave.json" }
  /// Where other processes leave commands: ``CommandSpool``.
  public var commands: String { path + "/commands" }
  var lock: String { path + "/lock" }

  /// Makes what does not exist.
  func make() throws(DevnetError) {
    for folder in [path, keys, commands] {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch { throw .unwritable(folder) }
    }
  }

  /// The process that runs it; nil when none does.
  public var runningProcess: Int32? { DirectoryLock.holder(of: self) }

  /// Whether there is anything of a devnet here.
  public var exists: Bool { FileManager.default.fileExists(atPath: network) }

  /// Removes everything that a devnet keeps here, and nothing else; for a new beginning.
  ///
  /// - Throws: `running` when a process runs it.
  public func erase() throws(DevnetError) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let lock = try DirectoryLock(self)
    defer { lock.release() }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw .unwritable(path)
    }
    for name in names where Self.isOurs(name) {
      do { try FileManager.default.removeItem(atPath: path + "/" + name) } catch {
        throw .unwritable(path + "/" + name)
      }
    }
  }

  /// Whether a devnet makes files of this name.
  static func isOurs(_ name: String) -> Bool {
    let whole = [
      "harbor", "island", "reef", "keys", "signers", "commands", "network.json", "status.json",
      "enclave", "enclave.json", "coordinator",
    ]
    return whole.contains(name) || name.hasPrefix("relayer.sqlite")
      || (name.hasPrefix("attester-") && name.contains(".sqlite"))
  }

  /// Writes a file so that a reader finds the old one or the new one, whole.
  static func replace(_ path: String, with text: String) throws(DevnetError) {
    do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw .unwritable(path)
    }
  }
}

/// The right to run a directory's devnet: an advisory lock that ends with the process, however it ends.
final class DirectoryLock: Sendable {
  private let file: Mutex<FileHandle?>

  /// - Throws: `running` when another process holds it.
  init(_ directory: DevnetDirectory) throws(DevnetError) {
    if !FileManager.default.fileExists(atPath: directory.lock) {
      _ = FileManager.default.createFile(
        atPath: directory.lock, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    guard let file = FileHandle(forUpdatingAtPath: directory.lock) else {
      throw .unwritable(directory.lock)
    }
    // Somebody who only looks whether it is held holds it for a moment.
    var attempts = 20
    while flock(file.fileDescriptor, LOCK_EX | LOCK_NB) != 0, attempts > 0 {
      attempts -= 1
      Thread.sleep(forTimeInterval: 0.01)
    }
    guard attempts > 0 else {
      let text = (try? file.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
      throw .running(process: text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
    }
    do {
      try file.truncate(atOffset: 0)
      try file.write(contentsOf: Data("\(ProcessInfo.processInfo.processIdentifier)\n".utf8))
    } catch { throw .unwritable(directory.lock) }
    self.file = Mutex(file)
  }

  /// The process that runs a directory's devnet; nil when none does.
  static func holder(of directory: DevnetDirectory) -> Int32? {
    guard let file = FileHandle(forReadingAtPath: directory.lock) else { return nil }
    defer { try? file.close() }
    guard flock(file.fileDescriptor, LOCK_SH | LOCK_NB) != 0 else { return nil }
    let text = (try? file.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? ""
    return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  func release() {
    file.withLock { held in
      try? held?.close()
      held = nil
    }
  }

  deinit { release() }
}
