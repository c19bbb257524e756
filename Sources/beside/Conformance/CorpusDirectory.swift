public import Encodings
import Foundation
import WireBytes

/// A directory of vector files, or a single file, read with a bound on each file's size.
public struct CorpusDirectory: Sendable {
  /// Why a corpus cannot be read.
  public enum ReadError: Error, Hashable, Sendable {
    case missing(path: String)
    case unreadable(path: String)
    case tooLarge(path: String, limit: Int)
    case json(path: String, JSONError)
  }

  /// A file larger than this is refused.
  public static let fileSizeMax = 64 << 20

  private let root: URL
  /// Paths of all regular files, relative to the root, sorted bytewise.
  public let files: [String]

  public init(path: String) throws(ReadError) {
    let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    guard let isDirectory = Self.isDirectory(url) else { throw .missing(path: path) }
    guard isDirectory else {
      root = url.deletingLastPathComponent()
      files = [url.lastPathComponent]
      return
    }
    root = url
    guard let names = FileManager.default.enumerator(atPath: url.path) else { throw .unreadable(path: path) }
    var files: [String] = []
    while let name = names.nextObject() as? String {
      if Self.isDirectory(url.appendingPathComponent(name)) == false { files.append(name) }
    }
    self.files = files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Nil when nothing is there.
  private static func isDirectory(_ url: URL) -> Bool? {
    (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory
  }

  /// Whether there is a regular file at `file`, a path relative to the root.
  public func contains(_ file: String) -> Bool { files.contains(file) }

  /// The bytes of `file`, a path relative to the root.
  public func bytes(_ file: String) throws(ReadError) -> [UInt8] {
    let url = root.appendingPathComponent(file)
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
      if let size = attributes[.size] as? Int, size > Self.fileSizeMax {
        throw ReadError.tooLarge(path: file, limit: Self.fileSizeMax)
      }
      return [UInt8](try Data(contentsOf: url))
    } catch let error as ReadError {
      throw error
    } catch {
      throw .unreadable(path: file)
    }
  }

  /// The JSON text in `file`.
  public func json(_ file: String) throws(ReadError) -> JSONValue {
    let bytes = try bytes(file)
    do { return try JSONValue(decoding: bytes.span) } catch { throw .json(path: file, error) }
  }
}

extension CorpusDirectory {
  /// Hands each file that is JSON to `body`; the others are skipped, with the reason.
  func eachJSON(
    into report: inout ConformanceReport, _ body: (String, JSONValue, inout ConformanceReport) -> Void
  ) {
    for file in files {
      guard file.hasSuffix(".json") else {
        report.skip(file, "file", reason: "not JSON")
        continue
      }
      do { body(file, try json(file), &report) } catch {
        report.skip(file, "file", reason: "unreadable: \(error)")
      }
    }
  }
}
