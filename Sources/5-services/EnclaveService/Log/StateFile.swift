import SignerJournal

/// Small files of the enclave's folder, read whole and replaced whole.
enum StateFile {
  static let sizeMax = 1 << 20

  /// Nil when there is none.
  ///
  /// - Throws: also EFBIG for one that has more than ``sizeMax`` bytes.
  static func read(_ path: String, _ files: any DurableFiles) throws(FileCallError) -> [UInt8]? {
    let file: Int32
    do throws(FileCallError) { file = try files.open(path, .read) } catch {
      guard error.number == missing else { throw error }
      return nil
    }
    defer { files.close(file) }
    let size = try files.size(file)
    guard size <= sizeMax else { throw FileCallError(.read, errno: tooLarge) }
    return try files.read(file, at: 0, count: size)
  }

  /// Writes a file beside, flushes it, moves it to its place, and flushes the directory: after a crash the old one is
  /// there or the new one.
  static func replace(
    _ path: String, in directory: String, with bytes: [UInt8], _ files: any DurableFiles
  ) throws(FileCallError) {
    let beside = path + ".new"
    do throws(FileCallError) { try files.remove(beside) } catch {
      guard error.number == missing else { throw error }
    }
    let file = try files.open(beside, .makeNew)
    do throws(FileCallError) {
      try files.write(file, bytes, at: 0)
      try files.flush(file)
    } catch {
      files.close(file)
      throw error
    }
    files.close(file)
    try files.rename(beside, to: path)
    try files.flushDirectory(directory)
  }

  /// ENOENT.
  private static let missing: Int32 = 2
  /// EFBIG.
  private static let tooLarge: Int32 = 27
}
