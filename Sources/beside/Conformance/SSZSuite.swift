import Encodings
import WireBytes
import Yams

/// The `ssz_generic` tests of the Ethereum consensus specifications.
///
/// One directory per case: `<handler>/<valid|invalid>/<case>/serialized.ssz_snappy`, for valid ones with `value.yaml`
/// and `meta.yaml`. The type follows from the handler and the case's name (tests/formats/ssz_generic/README.md).
public enum SSZSuite: ConformanceSuite {
  public static let name = "ssz"
  public static let summary = "SSZ decoding, encoding and roots: consensus-specs ssz_generic directories"

  private static let serialized = "serialized.ssz_snappy"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    for file in corpus.files {
      let parts = file.split(separator: "/").map(String.init)
      if parts.last == serialized {
        runCase(corpus, file: file, directory: parts.dropLast(), into: &report)
      } else if !["value.yaml", "meta.yaml", "manifest.yaml", "SOURCES.md", "README.md"]
        .contains(parts.last ?? "")
      {
        report.skip(file, "file", reason: "no file of an ssz_generic case")
      }
    }
  }

  private static func runCase(
    _ corpus: CorpusDirectory, file: String, directory: ArraySlice<String>,
    into report: inout ConformanceReport
  ) {
    let path = directory.joined(separator: "/")
    let prefix = path.isEmpty ? "" : path + "/"
    var places = Array(directory.suffix(3))
    if places.count < 3 {
      // The directory that was run lies below the handler: the manifest names the case.
      guard let manifest = try? yaml(corpus, prefix + "manifest.yaml"),
        let handler = manifest["handler"]?.string,
        let suite = manifest["suite"]?.string, let name = manifest["case"]?.string
      else {
        report.skip(file, path, reason: "neither path nor manifest.yaml names handler, suite and case")
        return
      }
      places = [handler, suite, name]
    }
    let (handler, suite, name) = (places[0], places[1], places[2])
    let label = "\(handler)/\(suite)/\(name)"
    guard suite == "valid" || suite == "invalid" else {
      report.skip(file, label, reason: "the suite is neither valid nor invalid")
      return
    }
    guard let type = SSZGenericTypes.type(handler: handler, name: name) else {
      report.skip(file, label, reason: "no type is known for this handler and case name")
      return
    }
    do {
      let bytes = try Snappy.decompress(try corpus.bytes(file))
      if suite == "invalid" {
        do {
          _ = try type.decode(bytes)
          report.fail(file, label, expected: "refused", actual: "decoded")
        } catch {
          report.pass(file, label)
        }
      } else {
        try runValid(corpus, type, bytes, prefix: prefix, file: file, label: label, into: &report)
      }
    } catch {
      report.fail(file, label, expected: "a readable case", actual: "\(error)")
    }
  }

  private static func runValid(
    _ corpus: CorpusDirectory, _ type: SSZType, _ bytes: [UInt8], prefix: String, file: String, label: String,
    into report: inout ConformanceReport
  ) throws {
    let value: SSZValue
    do { value = try type.decode(bytes) } catch {
      report.fail(file, label, expected: "decoded", actual: "\(error)")
      return
    }
    guard let root = try yaml(corpus, prefix + "meta.yaml")["root"]?.string else {
      report.skip(file, label, reason: "meta.yaml has no root")
      return
    }
    let encoded = try type.encode(value)
    guard encoded == bytes else {
      report.fail(file, label, expected: Hex.encode(bytes), actual: Hex.encode(encoded))
      return
    }
    let expected = try SSZGenericTypes.value(try yaml(corpus, prefix + "value.yaml"), type)
    guard expected == value else {
      report.fail(file, label, expected: "\(expected)", actual: "\(value)")
      return
    }
    // The tree that proofs are built from has to give the same root as the direct way.
    let tree = try SSZTree(value, type: type)
    guard tree.root == (try type.hashTreeRoot(value)) else {
      report.fail(file, label, expected: "one root", actual: "the tree has another one: \(tree.root)")
      return
    }
    report.expect(file, label, root, tree.root.description)
  }

  private static func yaml(_ corpus: CorpusDirectory, _ file: String) throws -> Node {
    let text = String(decoding: try corpus.bytes(file), as: UTF8.self)
    guard let node = try Yams.compose(yaml: text) else { throw SSZGenericTypes.YAMLMismatch.empty }
    return node
  }
}
