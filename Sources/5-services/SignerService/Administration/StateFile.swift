internal import SignerJournal

/// Small files of a signer's directory that are replaced as a whole.
enum StateFile {
  /// More than any of them is long.
  static let sizeMax = 16 << 20

  /// Nil when there is no file.
  static func read(_ path: String, _ files: any DurableFiles) throws(FileCallError) -> [UInt8]? {
    let file: Int32
    do throws(FileCallError) {
      file = try files.open(path, .read)
    } catch {
      // ENOENT
      guard error.number == 2 else { throw error }
      return nil
    }
    defer { files.close(file) }
    let size = try files.size(file)
    // EFBIG
    guard size <= sizeMax else { throw FileCallError(.read, errno: 27) }
    return try files.read(file, at: 0, count: size)
  }

  /// Written beside, flushed, moved to its place, and its name flushed: after a crash there is the old file or the new one.
  static func replace(_ path: String, with bytes: [UInt8], _ files: any DurableFiles) throws(FileCallError) {
    let beside = path + ".new"
    let file = try files.open(beside, .make)
    defer { files.close(file) }
    try files.truncate(file, to: 0)
    try files.write(file, bytes, at: 0)
    try files.flush(file)
    try files.rename(beside, to: path)
    try files.flushDirectory(folder(of: path))
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
