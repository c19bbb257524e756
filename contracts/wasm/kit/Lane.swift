/// The way from this domain to another: our client of them, and their client of us.
struct Lane: JSONCodable {
  /// Our client of the other domain: packets name it.
  let client: Text
  /// The other domain's CAIP-2 id, for instance `cosmos:island-1`.
  let domain: Text
  /// Their client of us.
  let destinationClient: Text

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    try self.init(&fields)
    try fields.finish()
  }

  /// For transfers alone, which need no more.
  init(client: Text) {
    self.client = client
    domain = ""
    destinationClient = ""
  }

  /// Takes its three members and leaves the others.
  init(_ fields: inout Fields) throws(Refusal) {
    client = try fields.take("client")
    domain = try fields.take("domain")
    destinationClient = try fields.take("destination_client")
  }

  var json: JSON {
    ["client": client.json, "domain": domain.json, "destination_client": destinationClient.json]
  }

  /// The account through which `contract`, of this domain, acts in the other one: no key opens it.
  ///
  /// Accounts of EVM chains are made otherwise: ``EVMRoute/account(of:in:)``.
  func account(of contract: Address, in env: Env) throws(Refusal) -> Text {
    guard !isEVM else { throw .malformed("domain") }
    let own = try InteroperableAddress.encode(domain: env.domain, try Host.canonical(contract))
    return Lane.account(of: own, over: destinationClient, prefix: Bech32.prefix(of: contract.text) ?? [])
  }

  /// Whether the other domain is an EVM chain, which names accounts and tokens in its own way.
  var isEVM: Bool { domain.hasPrefix("eip155:") }

  /// The name by which the other domain knows a token that is `path` here. EVM chains keep the path.
  func tokenThere(_ path: Text) -> Text {
    let hop = "transfer/\(client)/" as Text
    let there =
      path.hasPrefix(hop) ? path.dropping(hop.count) : "transfer/\(destinationClient)/\(path)"
    return isEVM ? there : TokenPath.token(there)
  }

  /// docs/spec/host.md: the first 20 bytes of SHA-256 over a tag, the client of the domain where the account is,
  /// and the ERC-7930 address of the sender.
  static func account(of sender: [UInt8], over client: Text, prefix: [UInt8]) -> Text {
    let hash = SHA256.hash(accountPreimage(of: sender, over: client))
    return Bech32.encode(prefix: prefix, Array(hash[0..<20]))
  }

  /// What names an execution account, before it is hashed in the other domain's way.
  @inline(never)
  static func accountPreimage(of sender: [UInt8], over client: Text) -> [UInt8] {
    var preimage = ("causeway/execution-account/v1" as StaticString).array
    preimage.push(UInt8(truncatingIfNeeded: client.count))
    preimage.push(client.bytes)
    preimage.push(sender)
    return preimage
  }
}

/// An account of this domain that is stated as what it is: one of ours, or somebody elsewhere.
enum Authority {
  /// `{"account":"…"}` or `{"across":{"client":"…","domain":"…","address":"…"}}`: an address of another domain,
  /// through our client of that domain.
  static func address(_ json: JSON, in env: Env) throws(Refusal) -> Address {
    let (name, value) = try json.single()
    switch name {
    case "account": return try Address(json: value)
    case "across":
      var fields = try Fields(value)
      let client: Text = try fields.take("client")
      let domain: Text = try fields.take("domain")
      let address: Text = try fields.take("address")
      try fields.finish()
      guard let bytes = Bech32.decode(address) else { throw .malformed("address") }
      let sender = try InteroperableAddress.encode(domain: domain, bytes)
      let prefix = Bech32.prefix(of: env.contract.text) ?? []
      return try Address(Lane.account(of: sender, over: client, prefix: prefix))
    default: throw .message(name)
    }
  }
}

extension Env {
  /// This domain as others name it.
  var domain: Text { "cosmos:\(chainID)" }
}

/// ERC-7930, as docs/spec/envelope.md section 2 has it.
enum InteroperableAddress {
  static func encode(domain: Text, _ address: [UInt8]) throws(Refusal) -> [UInt8] {
    var bytes: [UInt8] = [0, 1]
    var reference = domain.bytes
    if domain.hasPrefix("eip155:") {
      guard let chain = Uint128(decimal: domain.dropping(7)), domain.bytes[7] != 0x30, address.count == 20
      else { throw .malformed("domain") }
      reference = Array(chain.bytes(littleEndian: false).drop { $0 == 0 })
      bytes.push([0, 0])
    } else {
      bytes.push([0xca, 0x02])
    }
    guard !address.isEmpty, reference.count <= 41, address.count <= 52 else { throw .malformed("address") }
    bytes.push(UInt8(reference.count))
    bytes.push(reference)
    bytes.push(UInt8(address.count))
    bytes.push(address)
    guard bytes.count <= 64 else { throw .malformed("address") }
    return bytes
  }
}

/// ICS-20's names of tokens.
enum TokenPath {
  /// What balances call a token: its own name, or `ibc/{hash}` of a path with a hop.
  static func token(_ path: Text) -> Text {
    path.hasPrefix("transfer/") ? "ibc/\(Hex.upper(SHA256.hash(path.bytes)))" : path
  }

  /// The path of `denom`: itself, unless it is a voucher, whose path must be said and is checked.
  static func check(_ path: Text?, of denom: Text) throws(Refusal) -> Text {
    let path = path ?? denom
    guard token(path) == denom else { throw .malformed("path") }
    return path
  }
}
