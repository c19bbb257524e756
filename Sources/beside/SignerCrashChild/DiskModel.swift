import Foundation

/// What a power cut leaves of the changes that were not flushed.
enum Loss: String, CaseIterable {
  /// All of them are there: the process died, and the machine went on.
  case nothing
  /// None is there.
  case everything
  /// Files are as they were flushed, under their newest names.
  case contents
  /// Files have all that was written, under the names that were flushed.
  case names
  /// The first half of the changes, the next one in part.
  case secondHalf
  /// Every second change: later ones without earlier ones.
  case everySecond
}

/// A shadow of a directory tree: what is certainly on disk, and the changes since, in order.
struct DiskModel {
  private enum Change {
    case write(file: Int, offset: Int, bytes: [UInt8])
    case truncate(file: Int, size: Int)
    case name(path: String, file: Int)
    case move(path: String, to: String, file: Int)
    case remove(path: String)
    case directory(path: String)

    var isOfNames: Bool {
      switch self {
      case .write, .truncate: false
      case .name, .move, .remove, .directory: true
      }
    }

    var file: Int? {
      switch self {
      case .write(let file, _, _), .truncate(let file, _): file
      case .name, .move, .remove, .directory: nil
      }
    }

    func isIn(_ directory: String) -> Bool {
      switch self {
      case .write, .truncate: false
      case .name(let path, _), .remove(let path), .directory(let path): DiskModel.parent(path) == directory
      case .move(let path, let other, _):
        DiskModel.parent(path) == directory || DiskModel.parent(other) == directory
      }
    }

    /// What is left when the power goes while it is done.
    var torn: Change? {
      guard case .write(let file, let offset, let bytes) = self else { return nil }
      return .write(file: file, offset: offset, bytes: [UInt8](bytes[..<(bytes.count / 2)]))
    }
  }

  private let root: String
  /// On disk.
  private var contents: [Int: [UInt8]] = [:]
  private var names: [String: Int] = [:]
  private var directories: Set<String>
  /// Not certainly on disk.
  private var changes: [Change] = []
  /// As the process sees it.
  private var newest: [String: Int] = [:]
  private var newestDirectories: Set<String>
  private var next = 1

  /// Everything under `root` counts as flushed.
  init(root: String) throws {
    self.root = root
    directories = [root]
    newestDirectories = [root]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root).map({ "\(root)/\($0)" }) {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      if attributes[.type] as? FileAttributeType == .typeDirectory {
        directories.insert(path)
      } else {
        contents[next] = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
        names[path] = next
        next += 1
      }
    }
    newest = names
    newestDirectories = directories
  }

  static func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  /// The file that a path names, made when there is none.
  mutating func file(at path: String) -> Int {
    if let file = newest[path] { return file }
    defer { next += 1 }
    newest[path] = next
    contents[next] = []
    changes.append(.name(path: path, file: next))
    return next
  }

  mutating func write(_ bytes: [UInt8], to file: Int, at offset: Int) {
    changes.append(.write(file: file, offset: offset, bytes: bytes))
  }

  mutating func truncate(_ file: Int, to size: Int) { changes.append(.truncate(file: file, size: size)) }

  mutating func rename(_ path: String, to other: String) {
    guard let file = newest.removeValue(forKey: path) else { return }
    newest[other] = file
    changes.append(.move(path: path, to: other, file: file))
  }

  mutating func remove(_ path: String) {
    guard newest.removeValue(forKey: path) != nil else { return }
    changes.append(.remove(path: path))
  }

  mutating func makeDirectory(_ path: String) {
    guard newestDirectories.insert(path).inserted else { return }
    changes.append(.directory(path: path))
  }

  mutating func flush(_ file: Int) { settle { $0.file == file } }

  mutating func flushDirectory(_ path: String) { settle { $0.isIn(path) } }

  private mutating func settle(_ isMeant: (Change) -> Bool) {
    for change in changes where isMeant(change) { apply(change) }
    changes.removeAll(where: isMeant)
  }

  private mutating func apply(_ change: Change) {
    switch change {
    case .write(let file, let offset, let bytes):
      var old = contents[file] ?? []
      if old.count < offset + bytes.count {
        old.append(contentsOf: repeatElement(0, count: offset + bytes.count - old.count))
      }
      old.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
      contents[file] = old
    case .truncate(let file, let size):
      let old = contents[file] ?? []
      contents[file] =
        old.count > size ? [UInt8](old[..<size]) : old + [UInt8](repeating: 0, count: size - old.count)
    case .name(let path, let file): names[path] = file
    case .move(let path, let other, let file):
      names[path] = nil
      names[other] = file
    case .remove(let path): names[path] = nil
    case .directory(let path): directories.insert(path)
    }
  }

  /// Cuts the power: the tree has what was flushed, and of the rest what `loss` leaves.
  mutating func cut(_ loss: Loss) throws {
    let middle = changes.count / 2
    for (index, change) in changes.enumerated() {
      switch loss {
      case .nothing: apply(change)
      case .everything: break
      case .contents: if change.isOfNames { apply(change) }
      case .names: if !change.isOfNames { apply(change) }
      case .secondHalf:
        if index < middle { apply(change) } else if index == middle, let torn = change.torn { apply(torn) }
      case .everySecond: if index % 2 == 1 { apply(change) }
      }
    }
    for entry in try FileManager.default.contentsOfDirectory(atPath: root) {
      try FileManager.default.removeItem(atPath: "\(root)/\(entry)")
    }
    for path in directories.sorted() where path != root && directories.contains(Self.parent(path)) {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    for (path, file) in names where FileManager.default.fileExists(atPath: Self.parent(path)) {
      guard FileManager.default.createFile(atPath: path, contents: Data(contents[file] ?? [])) else {
        throw CocoaError(.fileWriteUnknown)
      }
    }
  }
}
