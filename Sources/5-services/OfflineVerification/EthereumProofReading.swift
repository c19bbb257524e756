public import Encodings
public import MerkleProofs
public import WireBytes

/// Reading of Ethereum's JSON-RPC forms: quantities, which drop leading zeroes, and byte strings.
public enum EthereumJSON {
  /// A quantity of `0x` and 1 to 64 hex digits; leading zeroes are read over, since not all clients drop them.
  public static func quantity(_ value: JSONValue?) -> UInt256? {
    guard let text = value?.string, text.hasPrefix("0x") else { return nil }
    let digits = text.dropFirst(2)
    guard (1...64).contains(digits.utf8.count) else { return nil }
    let padded = String(repeating: "0", count: 64 - digits.utf8.count) + digits
    guard let bytes = try? Bytes32(hex: padded) else { return nil }
    return UInt256(bigEndian: bytes)
  }

  /// Proof nodes: an array of hex strings, with or without `0x`.
  public static func nodes(_ value: JSONValue?) -> [[UInt8]]? {
    guard let elements = value?.array else { return nil }
    var nodes: [[UInt8]] = []
    for element in elements {
      guard let text = element.string, let node = try? Hex.decode(text) else { return nil }
      nodes.append(node)
    }
    return nodes
  }
}

extension EthereumStateProof {
  /// Reads an `eth_getProof` answer (EIP-1186).
  ///
  /// Slot numbers may lack leading zeroes. The hash of the storage trie may be called `storageHash` or, as some
  /// verifiable APIs do, stand with the other fields under `account`.
  ///
  /// - Parameters:
  ///   - json: the answer itself, without an envelope.
  ///   - address: the account, where the answer does not name it.
  ///   - path: where the answer stands in the input, for the error's text.
  /// - Throws: ``InputError/member(path:wanted:)``.
  public init(json: JSONValue, address: Bytes20? = nil, path: String = "") throws(InputError) {
    let at = path.isEmpty ? "" : path + "."
    let account = json["account"] ?? json
    func quantity(_ name: String, of value: JSONValue, _ place: String) throws(InputError) -> UInt256 {
      guard let quantity = EthereumJSON.quantity(value[name]) else {
        throw .member(path: place + name, wanted: "a quantity of 0x and hex digits, at most 256 bits")
      }
      return quantity
    }
    func nodes(_ name: String, of value: JSONValue, _ place: String) throws(InputError) -> [[UInt8]] {
      guard let nodes = EthereumJSON.nodes(value[name]) else {
        throw .member(path: place + name, wanted: "an array of nodes in hex")
      }
      return nodes
    }
    guard let nonce = try quantity("nonce", of: account, at).asUInt64 else {
      throw .member(path: at + "nonce", wanted: "a quantity of at most 64 bits")
    }
    let claim = EthereumAccount(
      nonce: nonce, balance: try quantity("balance", of: account, at),
      storageRoot: try account.fixed(account["storageHash"] == nil ? "storageRoot" : "storageHash"),
      codeHash: try account.fixed("codeHash"))
    var storage: [EthereumStorageProof] = []
    for (index, entry) in try json.array("storageProof").enumerated() {
      let place = "\(at)storageProof.\(index)."
      guard let slot = EthereumJSON.quantity(entry["key"]) else {
        throw .member(path: place + "key", wanted: "a slot of 0x and hex digits, at most 256 bits")
      }
      storage.append(
        EthereumStorageProof(
          slot: slot.bigEndian, value: try quantity("value", of: entry, place),
          nodes: try nodes("proof", of: entry, place)))
    }
    let named = if let address { address } else { try json.fixed("address", Bytes20.self) }
    self.init(
      address: named, claim: claim,
      accountNodes: try nodes("accountProof", of: json, at), storage: storage)
  }
}

/// An `eth_getProof` answer as found in a file, and the state root beside it if there is one.
public struct EthereumProofDocument: Hashable, Sendable {
  public let proof: EthereumStateProof
  /// From the same file as the proof: the file's author chose it.
  public let stateRoot: Bytes32?

  /// Reads one of the forms: the answer itself; a JSON-RPC envelope with it under `result`; an object with either
  /// under `proof`. Beside the outermost of them may stand `stateRoot`, or a block with one under `block`, the block
  /// with or without its own envelope.
  public init(_ input: JSONValue) throws(InputError) {
    var body = input
    var path = ""
    for name in ["proof", "result"] where body["accountProof"] == nil {
      guard let inner = body[name] else { continue }
      body = inner
      path += path.isEmpty ? name : ".\(name)"
    }
    guard body["accountProof"] != nil else {
      throw .form(
        wanted:
          "an eth_getProof answer, its JSON-RPC envelope, or an object with it under 'proof' and 'stateRoot'")
    }
    proof = try EthereumStateProof(json: body, path: path)
    for place in ["stateRoot", "block.stateRoot", "block.result.stateRoot"] where input.member(place) != nil {
      stateRoot = try input.fixed(place)
      return
    }
    stateRoot = nil
  }
}
