private import Foundation

/// The file calls of the operating system.
///
/// Interrupted calls are repeated and short ones continued. On Linux a file is flushed with `fdatasync`, which writes its
/// contents and its size; on Darwin with `F_FULLFSYNC`, because `fsync` there does not reach the medium.
public struct SystemFiles: DurableFiles {
  public init() {}

  public func open(_ path: String, _ mode: FileMode) throws(FileCallError) -> Int32 {
    // Without O_NONBLOCK a pipe that lies there would be waited for.
    let common = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY | common
      case .write: O_RDWR | common
      case .make: O_RDWR | O_CREAT | common
      case .makeNew: O_RDWR | O_CREAT | O_EXCL | common
      }
    let file = try repeated(.open) {
      // The path is lent as a C string for the length of the call.
      unsafe Foundation.open(path, flags, 0o600)
    }
    do throws(FileCallError) {
      guard try status(file, .open).st_mode & S_IFMT == S_IFREG else {
        throw FileCallError(.open, errno: EINVAL)
      }
    } catch {
      close(file)
      throw error
    }
    return file
  }

  public func close(_ file: Int32) { _ = Foundation.close(file) }

  public func size(_ file: Int32) throws(FileCallError) -> Int { Int(try status(file, .read).st_size) }

  public func read(_ file: Int32, at offset: Int, count: Int) throws(FileCallError) -> [UInt8] {
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    while got < count {
      // The closure's buffer has `count` bytes, of which `got` are filled; the call writes at most the rest.
      let more = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe buffer.baseAddress.map { unsafe pread(file, $0 + got, count - got, off_t(offset + got)) } ?? 0
      }
      if more < 0 {
        guard errno == EINTR else { throw FileCallError(.read, errno: errno) }
      } else if more == 0 {
        bytes.removeLast(count - got)
        return bytes
      } else {
        got += more
      }
    }
    return bytes
  }

  public func write(_ file: Int32, _ bytes: [UInt8], at offset: Int) throws(FileCallError) {
    var done = 0
    while done < bytes.count {
      // The closure's buffer has `bytes.count` bytes; the call reads at most those after `done`.
      let more = unsafe bytes.withUnsafeBytes { buffer in
        unsafe buffer.baseAddress.map {
          unsafe pwrite(file, $0 + done, bytes.count - done, off_t(offset + done))
        } ?? 0
      }
      if more < 0 {
        guard errno == EINTR else { throw FileCallError(.write, errno: errno) }
      } else if more == 0 {
        // No error and no progress: a full disk, as some file systems tell it.
        throw FileCallError(.write, errno: ENOSPC)
      } else {
        done += more
      }
    }
  }

  public func flush(_ file: Int32) throws(FileCallError) {
    #if canImport(Darwin)
      _ = try repeated(.flush) { fcntl(file, F_FULLFSYNC) }
    #else
      _ = try repeated(.flush) { fdatasync(file) }
    #endif
  }

  public func truncate(_ file: Int32, to size: Int) throws(FileCallError) {
    _ = try repeated(.truncate) { ftruncate(file, off_t(size)) }
  }

  public func rename(_ path: String, to other: String) throws(FileCallError) {
    // The paths are lent as C strings for the length of the call.
    _ = try repeated(.rename) { unsafe Foundation.rename(path, other) }
  }

  public func flushDirectory(_ path: String) throws(FileCallError) {
    let directory = try repeated(.flushDirectory) {
      // The path is lent as a C string for the length of the call.
      unsafe Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { close(directory) }
    _ = try repeated(.flushDirectory) { fsync(directory) }
  }

  public func remove(_ path: String) throws(FileCallError) {
    // The path is lent as a C string for the length of the call.
    _ = try repeated(.remove) { unsafe unlink(path) }
  }

  public func makeDirectory(_ path: String) throws(FileCallError) {
    do throws(FileCallError) {
      // The path is lent as a C string for the length of the call.
      _ = try repeated(.makeDirectory) { unsafe mkdir(path, 0o700) }
    } catch {
      guard error.number == EEXIST else { throw error }
      // There is something of that name: a directory, or this fails with ENOTDIR.
      // The path is lent as a C string for the length of the call.
      close(try repeated(.makeDirectory) { unsafe Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    }
  }

  public func names(in directory: String) throws(FileCallError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory)
    } catch {
      throw FileCallError(.list, errno: FileManager.default.fileExists(atPath: directory) ? EIO : ENOENT)
    }
  }

  public func lock(_ file: Int32) throws(FileCallError) {
    _ = try repeated(.lock) { flock(file, LOCK_EX | LOCK_NB) }
  }

  private func status(_ file: Int32, _ call: FileCallError.Call) throws(FileCallError) -> stat {
    var found = stat()
    // `found` is written for the length of the call.
    _ = try repeated(call) { unsafe fstat(file, &found) }
    return found
  }

  /// The result of a call that says with -1 that it failed; one that was interrupted is made again.
  private func repeated(
    _ name: FileCallError.Call, _ call: () -> Int32
  ) throws(FileCallError) -> Int32 {
    while true {
      let result = call()
      guard result < 0 else { return result }
      guard errno == EINTR else { throw FileCallError(name, errno: errno) }
    }
  }
}
