import Synchronization

/// Files that live in memory, for tests and fuzzing. A fault can be asked for at any call.
///
/// A class because descriptors mean the same files to all who hold it.
public final class MemoryFiles: DurableFiles {
  /// Asked before each call with its number, counted from 0: an errno makes the call fail, having done nothing.
  public typealias Fault = @Sendable (_ index: Int, _ call: FileCallError.Call) -> Int32?

  private struct Contents {
    var files: [Int: [UInt8]] = [:]
    var names: [String: Int] = [:]
    var directories: Set<String> = []
    var open: [Int32: Int] = [:]
    var locked: [Int: Int32] = [:]
    var nextFile = 1
    var nextDescriptor: Int32 = 3
    var calls = 0
    var fault: Fault?

    mutating func check(_ call: FileCallError.Call) throws(FileCallError) {
      defer { calls += 1 }
      if let number = fault?(calls, call) { throw FileCallError(call, errno: number) }
    }

    func file(_ descriptor: Int32, _ call: FileCallError.Call) throws(FileCallError) -> Int {
      guard let file = open[descriptor] else { throw FileCallError(call, errno: 9) }
      return file
    }
  }

  private let contents = Mutex(Contents())

  public init() {}

  /// Sets what fails from now on, and counts calls from 0 again.
  public func setFault(_ fault: Fault?) {
    contents.withLock {
      $0.fault = fault
      $0.calls = 0
    }
  }

  /// Calls since the fault was last set.
  public var calls: Int { contents.withLock { $0.calls } }

  /// The bytes of a file; setting makes it, nil removes it.
  public subscript(path: String) -> [UInt8]? {
    get { contents.withLock { contents in contents.names[path].flatMap { contents.files[$0] } } }
    set {
      contents.withLock { contents in
        guard let newValue else {
          contents.names[path] = nil
          return
        }
        if let file = contents.names[path] {
          contents.files[file] = newValue
        } else {
          contents.files[contents.nextFile] = newValue
          contents.names[path] = contents.nextFile
          contents.nextFile += 1
        }
      }
    }
  }

  /// The paths of all files, sorted.
  public var paths: [String] { contents.withLock { $0.names.keys.sorted() } }

  /// A copy of all files, nothing open.
  public func copy() -> MemoryFiles {
    let copy = MemoryFiles()
    let (files, names, directories, next) = contents.withLock {
      ($0.files, $0.names, $0.directories, $0.nextFile)
    }
    copy.contents.withLock {
      $0.files = files
      $0.names = names
      $0.directories = directories
      $0.nextFile = next
    }
    return copy
  }

  public func open(_ path: String, _ mode: FileMode) throws(FileCallError) -> Int32 {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.open)
      let file: Int
      switch (contents.names[path], mode) {
      case (_?, .makeNew): throw FileCallError(.open, errno: FileNumbers.exists)
      case (let found?, _): file = found
      case (nil, .read), (nil, .write): throw FileCallError(.open, errno: FileNumbers.missing)
      case (nil, .make), (nil, .makeNew):
        file = contents.nextFile
        contents.nextFile += 1
        contents.files[file] = []
        contents.names[path] = file
      }
      defer { contents.nextDescriptor += 1 }
      contents.open[contents.nextDescriptor] = file
      return contents.nextDescriptor
    }
  }

  public func close(_ file: Int32) {
    contents.withLock { contents in
      guard let closed = contents.open.removeValue(forKey: file) else { return }
      if contents.locked[closed] == file { contents.locked[closed] = nil }
    }
  }

  public func size(_ file: Int32) throws(FileCallError) -> Int {
    try contents.withLock { (contents) throws(FileCallError) in
      contents.files[try contents.file(file, .read)]?.count ?? 0
    }
  }

  public func read(_ file: Int32, at offset: Int, count: Int) throws(FileCallError) -> [UInt8] {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.read)
      let bytes = contents.files[try contents.file(file, .read)] ?? []
      let start = min(offset, bytes.count)
      return [UInt8](bytes[start..<min(bytes.count, start + count)])
    }
  }

  public func write(_ file: Int32, _ bytes: [UInt8], at offset: Int) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.write)
      let number = try contents.file(file, .write)
      var old = contents.files.removeValue(forKey: number) ?? []
      if old.count < offset + bytes.count {
        old.append(contentsOf: repeatElement(0, count: offset + bytes.count - old.count))
      }
      old.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
      contents.files[number] = old
    }
  }

  public func flush(_ file: Int32) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in try contents.check(.flush) }
  }

  public func truncate(_ file: Int32, to size: Int) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.truncate)
      let number = try contents.file(file, .truncate)
      let old = contents.files[number] ?? []
      contents.files[number] =
        old.count > size ? [UInt8](old[..<size]) : old + [UInt8](repeating: 0, count: size - old.count)
    }
  }

  public func rename(_ path: String, to other: String) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.rename)
      guard let file = contents.names.removeValue(forKey: path) else {
        throw FileCallError(.rename, errno: FileNumbers.missing)
      }
      contents.names[other] = file
    }
  }

  public func flushDirectory(_ path: String) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in try contents.check(.flushDirectory) }
  }

  public func remove(_ path: String) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.remove)
      guard contents.names.removeValue(forKey: path) != nil else {
        throw FileCallError(.remove, errno: FileNumbers.missing)
      }
    }
  }

  public func makeDirectory(_ path: String) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.makeDirectory)
      contents.directories.insert(path)
    }
  }

  public func names(in directory: String) throws(FileCallError) -> [String] {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.list)
      guard contents.directories.contains(directory) else {
        throw FileCallError(.list, errno: FileNumbers.missing)
      }
      let prefix = directory + "/"
      return contents.names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        .filter { !$0.contains("/") }
    }
  }

  public func lock(_ file: Int32) throws(FileCallError) {
    try contents.withLock { (contents) throws(FileCallError) in
      try contents.check(.lock)
      let number = try contents.file(file, .lock)
      guard contents.locked[number] == nil || contents.locked[number] == file else {
        throw FileCallError(.lock, errno: FileNumbers.wouldBlock)
      }
      contents.locked[number] = file
    }
  }
}
