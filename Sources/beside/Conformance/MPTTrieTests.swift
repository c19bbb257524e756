import Encodings
import MerkleProofs
import OfflineVerification
import WireBytes

/// ethereum/tests TrieTests: `{name: {in, root}}`, where `in` is a map or a list of `[key, value or null]`.
///
/// Upstream says in the file's name, not in the file, that the keys are hashed first.
enum MPTTrieTests {
  static func run(_ tests: [String: JSONValue], file: String, into report: inout ConformanceReport) {
    let base = file.split(separator: "/").last.map(String.init) ?? file
    let keys: MerklePatriciaTrie.Keys = base.lowercased().contains("secure") ? .hashed : .plain
    for (name, json) in tests.sorted(by: { $0.key < $1.key }) {
      guard let entries = entries(json["in"]), let root = json["root"]?.string else {
        report.skip(file, name, reason: "in is neither a map nor a list of pairs of strings")
        continue
      }
      guard let trie = try? MerklePatriciaTrie(entries, keys: keys) else {
        report.fail(file, name, expected: root, actual: "no trie")
        continue
      }
      report.expect(file, name, root, "\(trie.root)")
      let wrong = entries.filter { !isProven($0.key, entries: entries, trie: trie, keys: keys) }
      report.expect(
        file, "\(name): each key is proven, deleted ones absent, and no mutation survives", "",
        wrong.map { Hex.encode($0.key) }.joined(separator: ", "))
    }
  }

  private static func entries(_ json: JSONValue?) -> [MerklePatriciaTrie.Entry]? {
    var pairs: [(JSONValue?, JSONValue?)] = []
    if let members = json?.object {
      for (key, value) in members.sorted(by: { $0.key < $1.key }) { pairs.append((.string(key), value)) }
    } else if let list = json?.array {
      pairs = list.map { ($0[0], $0[1]) }
    } else {
      return nil
    }
    var entries: [MerklePatriciaTrie.Entry] = []
    for (key, value) in pairs {
      guard let key = bytes(key), let value = value?.isNull == true ? [] : bytes(value) else { return nil }
      entries.append(MerklePatriciaTrie.Entry(key: key, value: value))
    }
    return entries
  }

  /// Text, or hex after `0x`.
  private static func bytes(_ json: JSONValue?) -> [UInt8]? {
    guard let text = json?.string else { return nil }
    return text.hasPrefix("0x") ? try? Hex.decode(text) : [UInt8](text.utf8)
  }

  private static func isProven(
    _ key: [UInt8], entries: [MerklePatriciaTrie.Entry], trie: MerklePatriciaTrie,
    keys: MerklePatriciaTrie.Keys
  ) -> Bool {
    let value = entries.last { $0.key == key }?.value ?? []
    for convention in [MerklePatriciaConvention.geth, .optimism] {
      let nodes = trie.proof(key, convention: convention)
      guard
        let result = try? trie.verify(key, nodes: nodes, convention: convention)
      else { return false }
      switch result {
      case .included(let proven): if proven != value { return false }
      case .excluded: if !value.isEmpty { return false }
      }
      for mutation in MPTMutations.of(nodes)
      where (try? trie.verify(key, nodes: mutation.nodes, convention: convention)) != nil {
        return false
      }
    }
    return true
  }
}
