import Testing

/// The table of docs/layout.md: which room may import which. Edges go down, never up.
@Suite("The house")
struct ArchitectureTests {
  private static let wire: Set<String> = ["WireBytes", "Digests", "Encodings"]
  private static let proofs: Set<String> = wire.union(["SignatureSchemes", "MerkleProofs", "LightClients"])
  private static let gate: Set<String> = proofs.union(["Attestation", "Messages", "Gate"])

  /// What the key process may know of the rest: what it signs, and nothing that reads a chain.
  private static let keys: Set<String> = wire.union([
    "SignatureSchemes", "MerkleProofs", "LightClients", "Messages", "Transactions",
  ])

  private static let services: Set<String> = gate.union([
    "PacketHost", "StateTree", "Ledger", "RelayEngine", "Persistence", "ChainAccess", "LocalKeys",
    "LedgerService", "AttestService", "RelayService",
  ])

  /// Rooms, and products of other packages, that each room may import.
  private static let allowed: [String: (rooms: Set<String>, products: Set<String>)] = [
    "WireBytes": ([], []),
    "Digests": (["WireBytes"], ["Crypto"]),
    "Encodings": (["WireBytes", "Digests"], []),
    "CSecp256k1": ([], []),
    "SignatureSchemes": (wire.union(["CSecp256k1"]), ["Crypto", "CryptoExtras"]),
    "MerkleProofs": (wire.union(["SignatureSchemes"]), []),
    "LightClients": (wire.union(["SignatureSchemes", "MerkleProofs"]), []),
    "Messages": (wire.union(["SignatureSchemes"]), []),
    "Transactions": (wire.union(["SignatureSchemes", "Messages"]), []),
    "Gate": (proofs.union(["Attestation", "Messages"]), []),
    "ForeignProtocols": (gate, []),
    "PacketHost": (gate, []),
    "StateTree": (proofs, []),
    "RelayEngine": (gate, []),
    "Ledger": (gate.union(["Transactions", "PacketHost", "StateTree"]), []),
    "Persistence": (gate.union(["ForeignProtocols", "StateTree"]), ["GRDB"]),
    "ChainAccess": (
      gate.union(["Transactions", "PacketHost", "StateTree", "Ledger", "OfflineVerification"]),
      ["AsyncHTTPClient", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket"]
    ),
    "LocalKeys": (wire.union(["SignatureSchemes", "CSecp256k1"]), ["Crypto"]),
    "AttestService": (
      gate.union(["PacketHost", "StateTree", "Ledger", "Persistence", "ChainAccess"]), ["GRDB"]
    ),
    "Attestation": (wire.union(["SignatureSchemes"]), ["SwiftASN1", "Crypto", "CryptoExtras"]),
    "Enclaves": (gate.union(["StateTree"]), ["Crypto"]),
    "Settlement": (
      gate.union(["Transactions", "PacketHost", "StateTree", "Ledger", "Enclaves"]), []
    ),
    "Secrets": (["CSodium"], []),
    "TPMAccess": (wire.union(["SignatureSchemes", "Secrets", "CTPM"]), []),
    "EnclaveService": (
      gate.union([
        "ContractHost", "Enclaves", "SignerJournal", "Secrets", "TPMAccess", "CProcess",
        "CSecp256k1",
      ]), ["Crypto", "NIOCore", "NIOPosix"]
    ),
    "CoordinatorService": (
      gate.union([
        "Transactions", "PacketHost", "Ledger", "Enclaves", "Settlement", "Persistence",
        "ChainAccess", "EnclaveService",
      ]), ["GRDB", "Crypto"]
    ),
    "causeway-enclave": (
      gate.union(["Enclaves", "EnclaveService", "TPMAccess"]), ["ArgumentParser"]
    ),
    "RelayService": (
      gate.union([
        "Transactions", "PacketHost", "StateTree", "Ledger", "RelayEngine", "Persistence", "ChainAccess",
      ]), ["GRDB"]
    ),
    "Devnet": (
      services.union([
        "Transactions", "SigningRules", "SignerWire", "SignerAccess", "ContractHost", "Contracts",
        "Enclaves", "Settlement", "TPMAccess", "EnclaveService", "CoordinatorService",
      ]), ["GRDB"]
    ),
    "LedgerService": (
      gate.union(["PacketHost", "StateTree", "Ledger", "Persistence", "ChainAccess"]),
      ["GRDB", "Crypto", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket"]
    ),
    "CSodium": ([], []),
    "CWasmtime": ([], []),
    "ContractHost": (wire.union(["SignatureSchemes", "CWasmtime"]), []),
    "Contracts": (gate.union(["Transactions", "PacketHost", "Ledger", "ContractHost"]), []),
    "SigningRules": (keys, []),
    "ThresholdSigning": (wire.union(["SignatureSchemes", "CSodium"]), ["Crypto"]),
    "CPKCS11": ([], []),
    "CTPM": ([], []),
    "CProcess": ([], []),
    "KeyVault": (
      keys.union([
        "Secrets", "TPMAccess", "SigningRules", "ThresholdSigning", "CSecp256k1", "CSodium", "CPKCS11",
      ]),
      ["Crypto", "CryptoExtras"]
    ),
    "SignerJournal": (wire, []),
    "SignerWire": (keys.union(["SigningRules", "ThresholdSigning"]), ["Crypto"]),
    "SignerAccess": (
      keys.union(["SigningRules", "SignerWire"]), ["Crypto", "NIOCore", "NIOPosix", "NIOSSL"]
    ),
    "SignerService": (
      keys.union([
        "SigningRules", "ThresholdSigning", "Secrets", "TPMAccess", "KeyVault", "SignerJournal", "SignerWire",
        "CProcess",
      ]),
      ["Crypto", "NIOCore", "NIOPosix", "NIOSSL"]
    ),
    "causeway-signer": (
      keys.union([
        "SigningRules", "ThresholdSigning", "SignerJournal", "SignerWire", "SignerAccess", "SignerService",
      ]),
      ["ArgumentParser"]
    ),
    "OfflineVerification": (gate.union(["ForeignProtocols"]), []),
    "causeway": (
      services.union([
        "Devnet", "Simulation", "ForeignProtocols", "OfflineVerification", "Conformance", "Transactions",
        "SigningRules", "ContractHost", "Contracts", "Enclaves", "Settlement", "EnclaveService",
        "CoordinatorService",
      ]),
      ["ArgumentParser"]
    ),
    "Simulation": (
      gate.union(["PacketHost", "StateTree", "Ledger", "RelayEngine", "Enclaves", "Settlement"]),
      ["Crypto"]
    ),
    "LedgerCrashChild": (gate.union(["PacketHost", "StateTree", "Ledger", "LedgerService"]), ["Crypto"]),
    "SignerCrashChild": (keys.union(["SigningRules", "SignerJournal"]), ["Crypto"]),
    "TestSupport": (wire, []),
    "Conformance": (
      gate.union([
        "Transactions", "ForeignProtocols", "OfflineVerification", "SigningRules", "ContractHost",
        "Enclaves",
      ]), ["Yams"]
    ),
    "FuzzBodies": (
      gate.union([
        "Transactions", "ForeignProtocols", "OfflineVerification", "PacketHost", "StateTree", "RelayEngine",
        "Ledger", "SigningRules", "SignerJournal", "ThresholdSigning", "SignerWire", "ContractHost",
        "Enclaves", "Settlement",
      ]), []
    ),
  ]

  /// System modules that need no edge. Networking is in none of them: FoundationNetworking is a module of its own.
  private static let system: Set<String> = ["Swift", "Foundation", "FoundationEssentials", "Synchronization"]

  /// Rooms of floors 0 to 3, which people embed: no Foundation beyond its essentials.
  private static let embedded = gate.union(["Transactions", "ForeignProtocols"])

  @Test("has no edge that the table does not allow")
  func edges() throws {
    for room in try House.rooms.get() where room.kind != "test" {
      let allowed = try #require(Self.allowed[room.name], "\(room.name) is not in the table")
      #expect(room.rooms.subtracting(allowed.rooms).isEmpty, "\(room.name)")
      #expect(room.products.subtracting(allowed.products).isEmpty, "\(room.name)")
    }
  }

  @Test("imports only what the manifest declares")
  func imports() throws {
    let rooms = try House.rooms.get().filter { $0.kind == "library" || $0.kind == "executable" }
    #expect(rooms.count >= 13)
    for room in rooms {
      let declared = room.rooms.union(room.products).union(Self.system)
      for file in try House.swiftFiles(under: room.path) {
        let undeclared = House.imports(file.text).subtracting(declared)
        #expect(undeclared.isEmpty, "\(file.path) imports \(undeclared.sorted())")
        if Self.embedded.contains(room.name) {
          #expect(!House.imports(file.text).contains("Foundation"), "\(file.path)")
        }
      }
    }
  }

  @Test("keeps each room in the folder of its floor")
  func folders() throws {
    for room in try House.rooms.get() where room.kind != "test" {
      let parts = room.path.split(separator: "/")
      #expect(parts.count == 3 && parts[0] == "Sources" && parts[2] == Substring(room.name), "\(room.path)")
    }
  }

  @Test("has no two rooms that import each other, directly or through others")
  func cycles() throws {
    let rooms = try House.rooms.get()
    let edges = Dictionary(uniqueKeysWithValues: rooms.map { ($0.name, $0.rooms) })
    func reaches(_ start: String, _ goal: String, _ seen: inout Set<String>) -> Bool {
      for next in edges[start, default: []] where seen.insert(next).inserted {
        if next == goal || reaches(next, goal, &seen) { return true }
      }
      return false
    }
    for room in rooms {
      var seen: Set<String> = []
      #expect(!reaches(room.name, room.name, &seen), "\(room.name)")
    }
  }
}
