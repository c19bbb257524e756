import Foundation
import SignerJournal
import Synchronization

/// When, at a call, the process dies.
enum Moment: String, CaseIterable {
  case before
  case after
  /// With half of the bytes written; at calls that write nothing, as `before`.
  case half
}

/// Where the process dies, and what the power cut leaves.
struct Fault {
  /// Counted from 0 over all calls that change something, or make a change certain, and over signatures that leave.
  let call: Int
  let moment: Moment
  let loss: Loss
}

/// Mistakes that a signer could have, which the test that kills it must notice.
enum Mistake: String, CaseIterable {
  case none
  /// Nothing is ever flushed.
  case noFlush
  /// The journal is not flushed; all else is.
  case noJournalFlush
  /// New names are not flushed.
  case noDirectoryFlush
  /// Signatures leave before the commit.
  case signFirst
  /// The anchor is never written after it was made.
  case noAnchor
}

/// The system's files, with a shadow that knows what a power cut at this moment could take away.
///
/// Calls that only read are not counted: dying at them is dying after the call before. What a flush makes certain is the
/// shadow's to know, so that the system need not be waited for; `flushesReally` asks it too.
final class FaultingFiles: DurableFiles {
  private struct State {
    var disk: DiskModel
    var calls = 0
    var open: [Int32: (path: String, file: Int)] = [:]
  }

  private let system = SystemFiles()
  private let state: Mutex<State>
  private let fault: Fault?
  private let mistake: Mistake
  private let flushesReally: Bool

  init(root: String, fault: Fault?, mistake: Mistake, flushesReally: Bool) throws {
    state = Mutex(State(disk: try DiskModel(root: root)))
    self.fault = fault
    self.mistake = mistake
    self.flushesReally = flushesReally
  }

  /// Calls so far.
  var calls: Int { state.withLock { $0.calls } }

  /// A point that is counted as a call: a signature leaves.
  func point(_ body: () -> Void) {
    let dies = arrive()
    if dies == .before || dies == .half { die() }
    body()
    if dies == .after { die() }
  }

  /// Counts a call; when the process is to die at it, says how.
  private func arrive() -> Moment? {
    let call = state.withLock { state in
      defer { state.calls += 1 }
      return state.calls
    }
    guard let fault, fault.call == call else { return nil }
    return fault.moment
  }

  private func die() {
    let loss = fault?.loss ?? .nothing
    do { try state.withLock { try $0.disk.cut(loss) } } catch {
      FileHandle.standardError.write(Data("the power cut could not be made: \(error)\n".utf8))
      exit(70)
    }
    kill(getpid(), SIGKILL)
  }

  private func counted(
    _ call: () throws(FileCallError) -> Void, then: (inout State) -> Void
  ) throws(FileCallError) {
    let dies = arrive()
    if dies == .before || dies == .half { die() }
    defer { if dies == .after { die() } }
    try call()
    state.withLock { then(&$0) }
  }

  func open(_ path: String, _ mode: FileMode) throws(FileCallError) -> Int32 {
    var descriptor: Int32 = -1
    let opening = { () throws(FileCallError) in descriptor = try self.system.open(path, mode) }
    let noting = { (state: inout State) in
      state.open[descriptor] = (path, state.disk.file(at: path))
    }
    switch mode {
    case .read, .write:
      try opening()
      state.withLock { noting(&$0) }
    case .make, .makeNew:
      try counted(opening, then: noting)
    }
    return descriptor
  }

  func close(_ file: Int32) {
    state.withLock { $0.open[file] = nil }
    system.close(file)
  }

  func size(_ file: Int32) throws(FileCallError) -> Int { try system.size(file) }

  func read(_ file: Int32, at offset: Int, count: Int) throws(FileCallError) -> [UInt8] {
    try system.read(file, at: offset, count: count)
  }

  func write(_ file: Int32, _ bytes: [UInt8], at offset: Int) throws(FileCallError) {
    if mistake == .noAnchor, path(file).hasSuffix(".anchor") { return }
    let dies = arrive()
    if dies == .before { die() }
    let written = dies == .half ? [UInt8](bytes[..<(bytes.count / 2)]) : bytes
    try system.write(file, written, at: offset)
    state.withLock { state in
      if let open = state.open[file] { state.disk.write(written, to: open.file, at: offset) }
    }
    if dies != nil { die() }
  }

  func flush(_ file: Int32) throws(FileCallError) {
    let path = path(file)
    let forgets = mistake == .noFlush || (mistake == .noJournalFlush && path.contains("/watermarks/"))
    try counted {
      () throws(FileCallError) in
      if flushesReally { try system.flush(file) }
    } then: { state in
      if !forgets, let open = state.open[file] { state.disk.flush(open.file) }
    }
  }

  func truncate(_ file: Int32, to size: Int) throws(FileCallError) {
    try counted {
      () throws(FileCallError) in
      try system.truncate(file, to: size)
    } then: { state in
      if let open = state.open[file] { state.disk.truncate(open.file, to: size) }
    }
  }

  func rename(_ path: String, to other: String) throws(FileCallError) {
    try counted {
      () throws(FileCallError) in
      try system.rename(path, to: other)
    } then: {
      $0.disk.rename(path, to: other)
    }
  }

  func flushDirectory(_ path: String) throws(FileCallError) {
    let forgets = mistake == .noFlush || mistake == .noDirectoryFlush
    try counted {
      () throws(FileCallError) in
      if flushesReally { try system.flushDirectory(path) }
    } then: {
      if !forgets { $0.disk.flushDirectory(path) }
    }
  }

  func remove(_ path: String) throws(FileCallError) {
    try counted {
      () throws(FileCallError) in
      try system.remove(path)
    } then: {
      $0.disk.remove(path)
    }
  }

  func makeDirectory(_ path: String) throws(FileCallError) {
    try counted {
      () throws(FileCallError) in
      try system.makeDirectory(path)
    } then: {
      $0.disk.makeDirectory(path)
    }
  }

  func names(in directory: String) throws(FileCallError) -> [String] { try system.names(in: directory) }

  func lock(_ file: Int32) throws(FileCallError) { try system.lock(file) }

  private func path(_ file: Int32) -> String { state.withLock { $0.open[file]?.path ?? "" } }
}
