import Foundation
public import SignerJournal

/// Why there is no place for a socket.
public enum UnixSocketError: Error, Hashable, Sendable {
  /// Longer than the kernel takes (`sun_path`).
  case pathLength(max: Int, actual: Int)
  /// The directory is missing, or another user may enter it.
  case directory
  /// Another process holds the socket's lock: a signer runs there.
  case inUse
  /// Something that is no socket has its name.
  case notASocket
  case files(FileCallError)
  /// It cannot be listened on.
  case bind
}

/// The place of a unix socket: a directory that is closed to others, and a lock, so that only a dead server's socket is removed.
struct UnixSocketFile: Sendable {
  /// 108 bytes with the zero at the end (unix(7)).
  static let pathSizeMax = 107

  let path: String
  private let files: any DurableFiles
  private let lock: Int32
  /// The socket that this process made; another one in its place is left alone.
  private var node: Int?

  /// Takes the place; removes what a dead server left there.
  init(path: String, files: any DurableFiles = SystemFiles()) throws(UnixSocketError) {
    guard path.utf8.count <= Self.pathSizeMax else {
      throw .pathLength(max: Self.pathSizeMax, actual: path.utf8.count)
    }
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: directory),
      attributes[.type] as? FileAttributeType == .typeDirectory,
      let permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue, permissions & 0o077 == 0
    else { throw .directory }
    self.path = path
    self.files = files
    do throws(FileCallError) { lock = try files.open(path + ".lock", .make) } catch { throw .files(error) }
    do throws(FileCallError) { try files.lock(lock) } catch {
      files.close(lock)
      throw .inUse
    }
    // Links are not followed there.
    guard let old = try? FileManager.default.attributesOfItem(atPath: path) else { return }
    guard old[.type] as? FileAttributeType == .typeSocket else {
      files.close(lock)
      throw .notASocket
    }
    do throws(FileCallError) { try files.remove(path) } catch {
      files.close(lock)
      throw .files(error)
    }
  }

  /// Says that the socket is made: only its owner may connect.
  mutating func made() throws(UnixSocketError) {
    do { try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path) } catch {
      throw .bind
    }
    node = Self.node(path)
  }

  /// Removes the socket, if it is the one that was made, and gives the place away.
  func release() {
    if let node, Self.node(path) == node { try? files.remove(path) }
    files.close(lock)
  }

  private static func node(_ path: String) -> Int? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.systemFileNumber] as? NSNumber)?.intValue
  }
}
