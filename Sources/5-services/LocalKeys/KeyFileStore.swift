private import Foundation

/// A key file on disk: read with its permissions checked on the open file, replaced in one step.
enum KeyFileStore {
  /// Nil when there is no file.
  static func read(_ path: String) throws(LocalKeyFileError) -> [KeyFileText.Entry]? {
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
    guard size <= LocalKeyFile.sizeBytesMax else { throw .tooLarge(max: LocalKeyFile.sizeBytesMax) }
    // One byte more than it should have, so that a file that grows meanwhile is seen.
    var text = SecretText(capacity: size + 1)
    guard text.fill(from: file) else { throw .unreadable(errno: errno) }
    return try KeyFileText.decode(text)
  }

  /// Adds what is missing of `wanted` to the file at `path`, which is made when there is none.
  ///
  /// The file beside, which becomes the new one, is also the lock: whoever holds it writes.
  static func complete(
    _ path: String, with wanted: [KeyFileText.Wanted]
  ) throws(LocalKeyFileError) -> [KeyFileText.Entry] {
    let beside = path + ".new"
    while true {
      let file = unsafe open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
      guard file >= 0 else { throw errno == ELOOP ? .notRegular : .unwritable(errno: errno) }
      defer { _ = close(file) }
      while flock(file, LOCK_EX) != 0 {
        guard errno == EINTR else { throw .unwritable(errno: errno) }
      }
      // Whoever held it before may have moved it to its place: then this is not the file beside any more.
      guard isAt(beside, file) else { continue }
      // What a crash has left there may not have been ours, and somebody may have it open.
      _ = try check(file)
      let present = try read(path) ?? []
      let missing = try KeyFileText.missing(wanted, in: present)
      let entries = try KeyFileText.adding(missing, to: present)
      guard ftruncate(file, 0) == 0, KeyFileText.encoded(entries).write(to: file), fsync(file) == 0,
        unsafe rename(beside, path) == 0, flushDirectory(of: path)
      else { throw .unwritable(errno: errno) }
      return entries
    }
  }

  /// The file's size, if it is a plain one that its owner alone may use, who is us.
  private static func check(_ file: Int32) throws(LocalKeyFileError) -> Int {
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw .unreadable(errno: errno) }
    guard UInt32(status.st_mode) & UInt32(S_IFMT) == UInt32(S_IFREG) else { throw .notRegular }
    guard status.st_uid == geteuid() else { throw .owner(UInt32(status.st_uid)) }
    let mode = UInt32(status.st_mode) & 0o7777
    guard mode & 0o077 == 0 else { throw .permissions(mode: mode) }
    return Int(status.st_size)
  }

  private static func isAt(_ path: String, _ file: Int32) -> Bool {
    var here = stat()
    var there = stat()
    return unsafe fstat(file, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino
      && here.st_dev == there.st_dev
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
