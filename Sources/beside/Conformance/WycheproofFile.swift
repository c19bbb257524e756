import Encodings
import WireBytes

/// A Wycheproof file: groups of tests with their common fields.
struct WycheproofFile {
  enum Result: String {
    case valid, invalid, acceptable
  }

  struct Test {
    /// `tcId` and the comment.
    let name: String
    let result: Result
    let flags: [String]
    let fields: JSONValue
  }

  struct Group {
    let type: String
    let fields: JSONValue
    let tests: [Test]
  }

  let schema: String
  let algorithm: String
  let groups: [Group]

  /// Nil when the file is not of this kind.
  init?(_ json: JSONValue) {
    guard let groups = json["testGroups"]?.array else { return nil }
    // The suffix ".json" of the schema's file is dropped.
    let schema = json["schema"]?.string ?? ""
    self.schema = schema.hasSuffix(".json") ? String(schema.dropLast(5)) : schema
    algorithm = json["algorithm"]?.string ?? ""
    var read: [Group] = []
    for group in groups {
      guard let tests = group["tests"]?.array else { return nil }
      var readTests: [Test] = []
      for test in tests {
        guard let result = test["result"]?.string.flatMap(Result.init(rawValue:)) else { return nil }
        let number = test["tcId"]?.integer(Int.self).map(String.init) ?? "?"
        readTests.append(
          Test(
            name: "\(number) \(test["comment"]?.string ?? "")", result: result,
            flags: (test["flags"]?.array ?? []).compactMap { $0.string }, fields: test))
      }
      read.append(Group(type: group["type"]?.string ?? "", fields: group, tests: readTests))
    }
    self.groups = read
  }
}

extension JSONValue {
  /// The bytes of a hex string.
  var bytes: [UInt8]? { string.flatMap { try? Hex.decode($0) } }
}
