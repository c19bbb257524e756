import Digests
import Encodings
import MerkleProofs
import OfflineVerification
import WireBytes

/// Transactions as JSON-RPC gives them, rebuilt into their trie.
enum MPTTransactions {
  static func run(
    _ list: [JSONValue], file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    let hash = list.first?["blockHash"]?.string
    guard let root = context.block(hash: hash)?.root("transactionsRoot") else {
      report.skip(file, "transactionsRoot", reason: "no header of block \(hash ?? "?") in the corpus")
      return
    }
    var leaves: [[UInt8]] = []
    var wrong: [String] = []
    for (index, json) in list.enumerated() {
      guard let leaf = encoded(json) else {
        report.skip(
          file, "transactionsRoot", reason: "transaction \(index) is of a type that is not rebuilt here")
        return
      }
      if let stated = json["hash"]?.string, "\(Keccak256.hash(leaf))" != stated { wrong.append("\(index)") }
      leaves.append(leaf)
    }
    report.expect(file, "hashes of \(list.count) transactions", "", wrong.joined(separator: ", "))
    let trie = try? MerklePatriciaTrie(list: leaves)
    report.expect(
      file, "transactionsRoot of \(list.count) transactions", "\(root)",
      trie.map { "\($0.root)" } ?? "no trie")
  }

  /// A legacy, access list (EIP-2930) or dynamic fee (EIP-1559) transaction; nil for another type or form.
  private static func encoded(_ json: JSONValue) -> [UInt8]? {
    func quantity(_ name: String) -> RLPItem? { EthereumJSON.quantity(json[name]).map { .integer($0) } }
    func bytes(_ name: String) -> RLPItem? {
      if json[name]?.isNull != false { return .string([]) }
      return json[name]?.string.flatMap { try? Hex.decode($0) }.map { .string($0) }
    }
    func accessList() -> RLPItem? {
      var entries: [RLPItem] = []
      for entry in json["accessList"]?.array ?? [] {
        guard let address = entry["address"]?.string.flatMap({ try? Hex.decode($0) }),
          let keys = EthereumJSON.nodes(entry["storageKeys"])
        else { return nil }
        entries.append(.list([.string(address), .list(keys.map { .string($0) })]))
      }
      return .list(entries)
    }
    let common = [quantity("gas"), bytes("to"), quantity("value"), bytes("input")]
    let signature = [quantity("v"), quantity("r"), quantity("s")]
    let type = json["type"] == nil ? 0 : EthereumJSON.quantity(json["type"])?.asUInt64
    let fields: [RLPItem?]
    switch type {
    case 0: fields = [quantity("nonce"), quantity("gasPrice")] + common + signature
    case 1:
      fields =
        [quantity("chainId"), quantity("nonce"), quantity("gasPrice")] + common + [accessList()] + signature
    case 2:
      let fees = [quantity("maxPriorityFeePerGas"), quantity("maxFeePerGas")]
      fields = [quantity("chainId"), quantity("nonce")] + fees + common + [accessList()] + signature
    default: return nil
    }
    guard let type, fields.allSatisfy({ $0 != nil }) else { return nil }
    let list = RLPItem.list(fields.compactMap { $0 }).encoded()
    return type == 0 ? list : [UInt8(type)] + list
  }
}
