import Testing

/// The key process is apart: what it is built from is written down here, and nothing reaches keys beside it.
@Suite("The key process")
struct KeyProcessTests {
  private static let program = "causeway-signer"

  /// All that is linked into it, of this package.
  private static let rooms: Set<String> = [
    "WireBytes", "Digests", "Encodings", "CSecp256k1", "CSodium", "SignatureSchemes", "MerkleProofs",
    "LightClients", "Messages", "Transactions", "SigningRules", "ThresholdSigning", "CPKCS11", "CTPM",
    "CProcess", "Secrets", "TPMAccess", "KeyVault", "SignerJournal", "SignerWire", "SignerAccess", "SignerService",
  ]
  /// All that is linked into it, of other packages.
  private static let products: Set<String> = [
    "Crypto", "CryptoExtras", "NIOCore", "NIOPosix", "NIOSSL", "ArgumentParser",
  ]

  struct Closure {
    var rooms: Set<String> = []
    var products: Set<String> = []
  }

  static func closure(of start: String) throws -> Closure {
    let byName = Dictionary(uniqueKeysWithValues: try House.rooms.get().map { ($0.name, $0) })
    var closure = Closure()
    var open = [start]
    while let name = open.popLast() {
      let room = try #require(byName[name], "\(name)")
      closure.products.formUnion(room.products)
      for next in room.rooms where closure.rooms.insert(next).inserted { open.append(next) }
    }
    return closure
  }

  @Test("is built from the rooms and products that are written here, and from no other")
  func exact() throws {
    let closure = try Self.closure(of: Self.program)
    #expect(closure.rooms == Self.rooms)
    #expect(closure.products == Self.products)
  }

  @Test(
    "reaches nothing that reads a chain, keeps a database, or speaks HTTP",
    arguments: [
      "ChainAccess", "RelayEngine", "RelayService", "Ledger", "LedgerService", "PacketHost", "StateTree",
      "Gate",
      "ForeignProtocols", "ContractHost", "Contracts", "Persistence", "AttestService", "LocalKeys", "Devnet",
      "Attestation", "Enclaves", "EnclaveService", "Settlement", "CoordinatorService", "Simulation", "GRDB",
      "AsyncHTTPClient", "NIOHTTP1", "NIOWebSocket", "Hummingbird", "Yams",
    ])
  func apart(name: String) throws {
    let closure = try Self.closure(of: Self.program)
    #expect(!closure.rooms.contains(name))
    #expect(!closure.products.contains(name))
  }

  @Test("is alone with the vault: one room of the sources reaches it, and the program's other half does not")
  func vault() throws {
    let near = try House.rooms.get().filter { $0.kind != "test" && $0.rooms.contains("KeyVault") }
    #expect(near.map(\.name) == ["SignerService"])
    let beyond = try House.rooms.get().filter { $0.kind != "test" && $0.rooms.contains("SignerService") }
    #expect(beyond.map(\.name) == [Self.program])
    // Clients speak to a signer; they do not carry one.
    let client = try Self.closure(of: "SignerAccess")
    #expect(client.rooms.isDisjoint(with: ["KeyVault", "SignerService", "SignerJournal"]))
    #expect(!(try Self.closure(of: "causeway")).rooms.contains("KeyVault"))
  }

  /// The other process that holds keys: smaller in rooms, since it reads no user's transactions, and with a parser more.
  private static let enclave = "causeway-enclave"

  @Test("has a smaller closure than any program that reads chains or keeps a database")
  func smallest() throws {
    let own = try Self.closure(of: Self.program)
    let programs = try House.rooms.get().filter { $0.path.hasPrefix("Sources/6-programs/") }.map(\.name)
    #expect(programs.count >= 3)
    for program in programs where program != Self.program && program != Self.enclave {
      let other = try Self.closure(of: program)
      #expect(own.rooms.count < other.rooms.count, "\(program)")
      #expect(own.products.count < other.products.count, "\(program)")
    }
  }
}

/// The enclave is apart as well: what runs beside the sealed inputs is written down here.
@Suite("The enclave's process")
struct EnclaveProcessTests {
  @Test("is built from the rooms and products that are written here, and from no other")
  func exact() throws {
    let closure = try KeyProcessTests.closure(of: "causeway-enclave")
    #expect(
      closure.rooms == [
        "WireBytes", "Digests", "Encodings", "CSecp256k1", "CSodium", "SignatureSchemes", "MerkleProofs", "LightClients",
        "Attestation", "Messages", "Gate", "StateTree", "Enclaves", "CWasmtime", "ContractHost", "CTPM", "CProcess",
        "Secrets", "TPMAccess", "SignerJournal", "EnclaveService",
      ])
    #expect(
      closure.products == ["Crypto", "CryptoExtras", "SwiftASN1", "NIOCore", "NIOPosix", "ArgumentParser"])
  }
}
