/// An errno, from the call that is named.
public struct FileCallError: Error, Hashable, Sendable {
  public enum Call: String, Hashable, Sendable {
    case open, read, write, flush, truncate, rename, flushDirectory, remove, makeDirectory, lock, list
  }

  public let call: Call
  public let number: Int32

  public init(_ call: Call, errno number: Int32) {
    self.call = call
    self.number = number
  }
}

/// How a file is opened. A link is never followed, and only a plain file is opened.
public enum FileMode: Hashable, Sendable {
  /// For reading alone.
  case read
  /// For reading and writing; there must be one.
  case write
  /// For reading and writing; made with mode 0600 when there is none.
  case make
  /// Made with mode 0600; there must be none.
  case makeNew
}

/// The calls that decide what is on disk after a crash. Everything that a signer writes goes through these, so that a test
/// can end the process at each of them.
///
/// A protocol and not a closure table because an implementation keeps what is open.
public protocol DurableFiles: Sendable {
  /// Returns a descriptor, which ``close(_:)`` gives back.
  func open(_ path: String, _ mode: FileMode) throws(FileCallError) -> Int32
  func close(_ file: Int32)
  /// In bytes.
  func size(_ file: Int32) throws(FileCallError) -> Int
  /// Up to `count` bytes from `offset`; fewer at the end only.
  func read(_ file: Int32, at offset: Int, count: Int) throws(FileCallError) -> [UInt8]
  /// All of `bytes` at `offset`.
  func write(_ file: Int32, _ bytes: [UInt8], at offset: Int) throws(FileCallError)
  /// Returns when the file's contents and size are on disk. After a failure nobody knows what is: the descriptor is to be
  /// given up, because a second call may succeed without having written anything.
  func flush(_ file: Int32) throws(FileCallError)
  func truncate(_ file: Int32, to size: Int) throws(FileCallError)
  /// Replaces `other` in one step when there is one.
  func rename(_ path: String, to other: String) throws(FileCallError)
  /// Returns when the names in the directory are on disk.
  func flushDirectory(_ path: String) throws(FileCallError)
  func remove(_ path: String) throws(FileCallError)
  /// Makes the directory with mode 0700 when there is none; its parent must exist.
  func makeDirectory(_ path: String) throws(FileCallError)
  /// The names in a directory, in no order.
  func names(in directory: String) throws(FileCallError) -> [String]
  /// Holds the file against other processes for as long as it is open; refuses at once when another holds it.
  func lock(_ file: Int32) throws(FileCallError)
}

/// The few numbers that the room reacts to, the same on Linux and Darwin.
enum FileNumbers {
  /// ENOENT.
  static let missing: Int32 = 2
  /// EEXIST.
  static let exists: Int32 = 17
  /// EWOULDBLOCK.
  #if canImport(Darwin)
    static let wouldBlock: Int32 = 35
  #else
    static let wouldBlock: Int32 = 11
  #endif
}

extension DurableFiles {
  /// Makes a directory and those above it that are missing, and writes each new name to disk.
  func makePath(_ path: String) throws(FileCallError) {
    let parent = Self.parent(of: path)
    do throws(FileCallError) {
      try makeDirectory(path)
    } catch {
      guard error.number == FileNumbers.missing, parent != path else { throw error }
      try makePath(parent)
      try makeDirectory(path)
    }
    try flushDirectory(parent)
  }

  /// Removes a file when it is there.
  func removeIfThere(_ path: String) throws(FileCallError) {
    do throws(FileCallError) {
      try remove(path)
    } catch {
      guard error.number == FileNumbers.missing else { throw error }
    }
  }

  /// What opening gives, or nil when there is no such file.
  func openIfThere(_ path: String, _ mode: FileMode) throws(FileCallError) -> Int32? {
    do throws(FileCallError) {
      return try open(path, mode)
    } catch {
      guard error.number == FileNumbers.missing else { throw error }
      return nil
    }
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

/// A descriptor that is closed when it is let go.
struct OpenFile: ~Copyable, Sendable {
  let files: any DurableFiles
  let descriptor: Int32

  init(_ files: any DurableFiles, _ descriptor: Int32) {
    self.files = files
    self.descriptor = descriptor
  }

  deinit { files.close(descriptor) }

  func size() throws(FileCallError) -> Int { try files.size(descriptor) }
  func read(at offset: Int, count: Int) throws(FileCallError) -> [UInt8] {
    try files.read(descriptor, at: offset, count: count)
  }
  func write(_ bytes: [UInt8], at offset: Int) throws(FileCallError) {
    try files.write(descriptor, bytes, at: offset)
  }
  func flush() throws(FileCallError) { try files.flush(descriptor) }
  func truncate(to size: Int) throws(FileCallError) { try files.truncate(descriptor, to: size) }
  func lock() throws(FileCallError) { try files.lock(descriptor) }

  /// Writes the bytes of `range` again where they are, so that a flush means them too.
  ///
  /// After a failed flush the system may hold pages that it believes are written and are not; whoever reads them after a
  /// restart must not rely on them before they were written anew.
  func rewrite(_ range: Range<Int>) throws(FileCallError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = try read(at: offset, count: min(1 << 20, range.upperBound - offset))
      guard !piece.isEmpty else { return }
      try write(piece, at: offset)
      offset += piece.count
    }
  }
}
