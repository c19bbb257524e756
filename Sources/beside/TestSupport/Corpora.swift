public import Foundation

/// Where the outside test corpora lie: `$CAUSEWAY_VECTORS`, or `shared/vectors` beside the project.
///
/// The corpora are read in place and never copied into the project; docs/vectors.md says where each comes from.
public enum Corpora {
  /// The folder of one topic; nil when it is not there, in which case a suite must be skipped, not passed.
  public static func directory(_ topic: String) -> String? {
    let path = root.appendingPathComponent(topic).path
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// The folder that holds all topics, whether it exists or not.
  public static var root: URL {
    if let path = ProcessInfo.processInfo.environment["CAUSEWAY_VECTORS"] {
      return URL(fileURLWithPath: path)
    }
    return packageRoot.deletingLastPathComponent().appendingPathComponent("shared/vectors")
  }

  /// The root of the package, from this file's place in it.
  public static var packageRoot: URL {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    return url
  }
}
