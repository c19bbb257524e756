private import Foundation

/// Why a file of the signer's directory is not used.
public enum OwnedFileError: Error, Hashable, Sendable {
  case unreadable(errno: Int32)
  case unwritable(errno: Int32)
  /// A directory, a link or a device.
  case notRegular
  /// It belongs to another user of this machine.
  case owner(UInt32)
  /// Others than its owner may do something with it: `mode` has bits beyond 0700.
  case permissions(mode: UInt32)
  case tooLarge(max: Int)
  /// Another process, or another value of this one, has it open.
  case inUse
}

/// A file that its owner alone may use: checked when it is opened, replaced in one step.
///
/// The one place of this room that calls the system for files. Every pointer handed over is of a value borrowed for the
/// call, and no call keeps it.
enum OwnedFile {
  /// Nil when there is no file.
  static func read(_ path: String, sizeBytesMax: Int) throws(OwnedFileError) -> [UInt8]? {
    // A link is not followed: what it names may be another's. A pipe is not waited for.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else {
      switch errno {
      case ENOENT: return nil
      case ELOOP: throw .notRegular
      case let number: throw .unreadable(errno: number)
      }
    }
    defer { _ = close(file) }
    let size = try check(file)
    guard size <= sizeBytesMax else { throw .tooLarge(max: sizeBytesMax) }
    // One byte more than it should have, so that a file that grows meanwhile is seen.
    var bytes = [UInt8](repeating: 0, count: size + 1)
    var count = 0
    while count < bytes.count {
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        guard let start = buffer.baseAddress else { return 0 }
        return unsafe Foundation.read(file, start + count, buffer.count - count)
      }
      if got == 0 { break }
      guard got > 0 else {
        if errno == EINTR { continue }
        throw .unreadable(errno: errno)
      }
      count += got
    }
    guard count <= size else { throw .tooLarge(max: sizeBytesMax) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// Puts a file with `bytes` at `path`: written beside, flushed, moved there, and its name flushed. Whoever calls holds
  /// the lock.
  static func replace(_ path: String, with bytes: [UInt8]) throws(OwnedFileError) {
    let beside = path + ".new"
    let file = unsafe open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard file >= 0 else { throw errno == ELOOP ? .notRegular : .unwritable(errno: errno) }
    defer { _ = close(file) }
    // What a crash has left there may not have been ours, and somebody may have it open.
    _ = try check(file)
    guard ftruncate(file, 0) == 0, write(bytes, to: file), fsync(file) == 0,
      unsafe rename(beside, path) == 0, flushDirectory(of: path)
    else { throw .unwritable(errno: errno) }
  }

  /// The file at `path` is a plain one that is ours alone.
  static func confirm(_ path: String) throws(OwnedFileError) {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { throw errno == ELOOP ? .notRegular : .unreadable(errno: errno) }
    defer { _ = close(file) }
    _ = try check(file)
  }

  /// The file's size, if it is a plain one that its owner alone may use, who is us.
  fileprivate static func check(_ file: Int32) throws(OwnedFileError) -> Int {
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw .unreadable(errno: errno) }
    guard UInt32(status.st_mode) & UInt32(S_IFMT) == UInt32(S_IFREG) else { throw .notRegular }
    guard status.st_uid == geteuid() else { throw .owner(UInt32(status.st_uid)) }
    let mode = UInt32(status.st_mode) & 0o7777
    guard mode & 0o077 == 0 else { throw .permissions(mode: mode) }
    return Int(status.st_size)
  }

  private static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let done = unsafe bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return 0 }
        return unsafe Foundation.write(file, start + written, buffer.count - written)
      }
      if done < 0 {
        if errno == EINTR { continue }
        return false
      }
      written += done
    }
    return true
  }

  /// Makes a file's name in its directory durable.
  private static func flushDirectory(of path: String) -> Bool {
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
      separator: "/")
    let start = directory.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : directory
    let file = unsafe open(start, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    guard file >= 0 else { return false }
    defer { _ = close(file) }
    return fsync(file) == 0
  }
}

/// The right to write beside `path`, until this value goes; the system takes it back when the process dies.
struct OwnedFileLock: ~Copyable {
  private let file: Int32

  /// Takes the lock `path` + `.lock`, and does not wait for it.
  init(_ path: String) throws(OwnedFileError) {
    let file = unsafe open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard file >= 0 else { throw errno == ELOOP ? .notRegular : .unwritable(errno: errno) }
    do {
      _ = try OwnedFile.check(file)
    } catch {
      _ = close(file)
      throw error
    }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let number = errno
      if number == EINTR { continue }
      _ = close(file)
      throw number == EWOULDBLOCK ? .inUse : .unwritable(errno: number)
    }
    self.file = file
  }

  deinit { _ = close(file) }
}
