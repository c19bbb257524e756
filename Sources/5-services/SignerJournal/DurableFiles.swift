/// An errno, from the call that is named.
public struct FileCallError: Error, Hashable, Sendable {
  public enum Call: String, Hashable, Sendable {
    case open, read, write, flush, truncate, rename, flushDirectory, remove, makeDirectory, lock
  }

  public let call: Call
  public let number: Int32

  public init(_ call: Call, errno number: Int32) {
    self.call = call
    self.number = number
  }
}

/// The calls that decide what is on disk after a crash. Everything that a signer writes goes through these, so that a test
/// can end the process at each of them.
public protocol DurableFiles: Sendable {
  /// Opens for reading and appending, with mode 0600 when made; a link is not followed. Returns a descriptor.
  func open(_ path: String, create: Bool) throws(FileCallError) -> Int32
  func close(_ file: Int32)
  func size(_ file: Int32) throws(FileCallError) -> Int
  /// Up to `count` bytes from `offset`; fewer at the end only.
  func read(_ file: Int32, at offset: Int, count: Int) throws(FileCallError) -> [UInt8]
  /// All of `bytes` at `offset`.
  func write(_ file: Int32, _ bytes: [UInt8], at offset: Int) throws(FileCallError)
  /// Returns when the file's contents and size are on disk.
  func flush(_ file: Int32) throws(FileCallError)
  func truncate(_ file: Int32, to size: Int) throws(FileCallError)
  func rename(_ path: String, to other: String) throws(FileCallError)
  /// Returns when the names in the directory are on disk.
  func flushDirectory(_ path: String) throws(FileCallError)
  func remove(_ path: String) throws(FileCallError)
  /// Makes the directory with mode 0700 when there is none.
  func makeDirectory(_ path: String) throws(FileCallError)
  /// Holds the file against other processes for as long as it is open; refuses at once when another holds it.
  func lock(_ file: Int32) throws(FileCallError)
}
