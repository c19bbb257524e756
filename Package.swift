// swift-tools-version: 6.2
// Floors and rooms follow docs/layout.md; Tests/HouseTests enforces which room may import which.

import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Storing a `Span` in a cursor, and lending the bytes of a value, need these; no other room has them.
let lifetimes: [SwiftSetting] = [
  .enableExperimentalFeature("Lifetimes"), .enableExperimentalFeature("AddressableTypes"),
  .enableExperimentalFeature("AddressableParameters"),
]

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func room(
  _ floor: String, _ name: String, _ dependencies: [Target.Dependency], extra: [SwiftSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(floor)/\(name)", swiftSettings: settings + extra)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)Tests",
    swiftSettings: settings)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let wire: [Target.Dependency] = ["WireBytes", "Digests", "Encodings"]
let floors0To3: [Target.Dependency] =
  wire + ["SignatureSchemes", "MerkleProofs", "LightClients", "Attestation", "Messages", "Gate"]

let package = Package(
  name: "causeway",
  platforms: [.macOS("26.0")],
  products: [
    .library(
      name: "Causeway",
      targets: [
        "WireBytes", "Digests", "Encodings", "SignatureSchemes", "MerkleProofs", "LightClients", "Attestation",
        "Messages", "Transactions", "Gate", "ForeignProtocols",
      ]),
    .library(name: "CausewayEngines", targets: ["StateTree", "PacketHost", "Ledger", "ContractHost", "Contracts", "RelayEngine", "Enclaves", "Settlement"]),
    .library(
      name: "CausewayServices",
      targets: [
        "Persistence", "ChainAccess", "LocalKeys", "LedgerService", "AttestService", "RelayService", "Devnet",
      ]),
    .library(name: "Simulation", targets: ["Simulation"]),
    .library(name: "CausewaySignerClient", targets: ["SigningRules", "SignerWire", "SignerAccess"]),
    .library(name: "FuzzBodies", targets: ["FuzzBodies"]),
    .executable(name: "causeway", targets: ["causeway"]),
    .executable(name: "causeway-signer", targets: ["causeway-signer"]),
    .executable(name: "causeway-enclave", targets: ["causeway-enclave"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // 0 wire
    room("0-wire", "WireBytes", [], extra: lifetimes),
    room("0-wire", "Digests", ["WireBytes", crypto]),
    room("0-wire", "Encodings", ["WireBytes", "Digests"]),
    // 1 crypto
    .systemLibrary(
      name: "CSecp256k1", path: "Sources/1-crypto/CSecp256k1", pkgConfig: "libsecp256k1",
      providers: [.apt(["libsecp256k1-dev"]), .brew(["secp256k1"])]),
    room("1-crypto", "SignatureSchemes", wire + ["CSecp256k1", crypto, cryptoExtras]),
    .systemLibrary(
      name: "CSodium", path: "Sources/1-crypto/CSodium", pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
    // 2 proofs
    room("2-proofs", "MerkleProofs", wire + ["SignatureSchemes"]),
    room("2-proofs", "LightClients", wire + ["SignatureSchemes", "MerkleProofs"]),
    room("2-proofs", "Attestation", wire + ["SignatureSchemes", asn1, crypto, cryptoExtras]),
    // 3 gate
    room("3-gate", "Messages", wire + ["SignatureSchemes"]),
    room("3-gate", "Transactions", wire + ["SignatureSchemes", "Messages"]),
    room(
      "3-gate", "Gate", wire + ["SignatureSchemes", "MerkleProofs", "LightClients", "Attestation", "Messages"]),
    room(
      "3-gate", "ForeignProtocols",
      wire + ["SignatureSchemes", "MerkleProofs", "LightClients", "Messages", "Gate"]),
    // 4 engines
    room("4-engines", "StateTree", wire + ["MerkleProofs"]),
    room("4-engines", "PacketHost", floors0To3),
    room("4-engines", "RelayEngine", wire + ["Messages"]),
    room("4-engines", "Ledger", floors0To3 + ["Transactions", "PacketHost", "StateTree"]),
    room(
      "4-engines", "SigningRules", wire + ["SignatureSchemes", "LightClients", "Messages", "Transactions"]),
    .target(name: "CWasmtime", path: "Sources/4-engines/CWasmtime", linkerSettings: [.linkedLibrary("dl")]),
    room("4-engines", "ContractHost", wire + ["SignatureSchemes", "CWasmtime"]),
    room(
      "4-engines", "Contracts",
      floors0To3 + ["Transactions", "PacketHost", "Ledger", "ContractHost"]),
    room("4-engines", "Enclaves", floors0To3 + ["StateTree", crypto]),
    room(
      "4-engines", "Settlement",
      floors0To3 + ["Transactions", "PacketHost", "StateTree", "Ledger", "Enclaves"]),
    room("4-engines", "ThresholdSigning", wire + ["SignatureSchemes", "CSodium", crypto]),
    // 5 services: the key process and its client
    .systemLibrary(
      name: "CPKCS11", path: "Sources/5-services/CPKCS11",
      providers: [.apt(["libp11-kit-dev"]), .brew(["p11-kit"])]),
    .systemLibrary(
      name: "CTPM", path: "Sources/5-services/CTPM", pkgConfig: "tss2-esys",
      providers: [.apt(["libtss2-dev"])]),
    .target(
      name: "CProcess", path: "Sources/5-services/CProcess",
      linkerSettings: [.linkedLibrary("seccomp", .when(platforms: [.linux]))]),
    room("5-services", "Secrets", ["CSodium"]),
    room("5-services", "TPMAccess", wire + ["SignatureSchemes", "Secrets", "CTPM"]),
    room(
      "5-services", "KeyVault",
      wire + [
        "SignatureSchemes", "Messages", "SigningRules", "ThresholdSigning", "Secrets", "TPMAccess",
        "CSecp256k1", "CSodium", "CPKCS11", crypto, cryptoExtras,
      ]),
    room("5-services", "SignerJournal", wire),
    room(
      "5-services", "SignerWire",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "ThresholdSigning",
        crypto,
      ]),
    room(
      "5-services", "SignerAccess",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "SignerWire", crypto,
        nioCore,
        nioPosix, nioSSL,
      ]),
    room(
      "5-services", "SignerService",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "ThresholdSigning",
        "Secrets", "TPMAccess", "KeyVault",
        "SignerJournal", "SignerWire", "CProcess", crypto, nioCore, nioPosix, nioSSL,
      ]),
    // 5 services: enclaves
    room(
      "5-services", "EnclaveService",
      floors0To3 + [
        "ContractHost", "Enclaves", "SignerJournal", "Secrets", "TPMAccess", "CProcess",
        "CSecp256k1", crypto, nioCore, nioPosix,
      ]),
    room(
      "5-services", "CoordinatorService",
      floors0To3 + [
        "Transactions", "PacketHost", "Ledger", "Enclaves", "Settlement", "Persistence",
        "ChainAccess", "EnclaveService", grdb, crypto,
      ]),
    // 5 services
    room("5-services", "Persistence", wire + ["StateTree", grdb]),
    room(
      "5-services", "ChainAccess",
      floors0To3 + [
        "Transactions", "PacketHost", "StateTree", "Ledger", "OfflineVerification", asyncHTTPClient, nioCore,
        nioPosix, nioHTTP1, nioWebSocket,
      ]),
    room("5-services", "LocalKeys", wire + ["SignatureSchemes", "CSecp256k1", crypto]),
    room(
      "5-services", "LedgerService",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "Persistence", "ChainAccess", grdb, crypto, nioCore, nioPosix,
        nioHTTP1, nioWebSocket,
      ]),
    room(
      "5-services", "AttestService",
      floors0To3 + ["PacketHost", "StateTree", "Ledger", "Persistence", "ChainAccess", grdb]),
    room(
      "5-services", "RelayService",
      floors0To3 + [
        "Transactions", "PacketHost", "StateTree", "Ledger", "RelayEngine", "Persistence", "ChainAccess", grdb,
      ]),
    room(
      "5-services", "Devnet",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "RelayEngine", "Persistence", "ChainAccess", "LocalKeys",
        "LedgerService", "AttestService", "RelayService", "Transactions", "SigningRules", "SignerWire",
        "SignerAccess", "ContractHost", "Contracts", "Enclaves", "Settlement", "TPMAccess",
        "EnclaveService", "CoordinatorService", grdb,
      ]),
    room(
      "5-services", "OfflineVerification",
      wire + [
        "SignatureSchemes", "MerkleProofs", "LightClients", "Attestation", "Messages", "Gate", "ForeignProtocols",
      ]),
    // 6 programs
    .executableTarget(
      name: "causeway",
      dependencies: [
        "WireBytes", "Digests", "Encodings", "SignatureSchemes", "MerkleProofs", "LightClients", "Messages",
        "Gate", "PacketHost", "Ledger", "RelayEngine", "ChainAccess", "LocalKeys", "LedgerService",
        "AttestService", "RelayService", "Devnet", "Simulation", "OfflineVerification", "Conformance",
        "Transactions", "SigningRules", "ContractHost", "Contracts", "Attestation", "Enclaves", "Settlement",
        "EnclaveService", "CoordinatorService", arguments,
      ],
      path: "Sources/6-programs/causeway", swiftSettings: settings),
    .executableTarget(
      name: "causeway-signer",
      dependencies: wire + [
        "SignatureSchemes", "Messages", "SigningRules", "ThresholdSigning", "SignerJournal", "SignerWire",
        "SignerAccess", "SignerService", arguments,
      ],
      path: "Sources/6-programs/causeway-signer", swiftSettings: settings),
    .executableTarget(
      name: "causeway-enclave",
      dependencies: floors0To3 + ["Enclaves", "EnclaveService", "TPMAccess", arguments],
      path: "Sources/6-programs/causeway-enclave", swiftSettings: settings),
    // beside
    room("beside", "TestSupport", wire),
    room(
      "beside", "Simulation",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "RelayEngine", "Enclaves", "Settlement", crypto,
      ]),
    room(
      "beside", "Conformance",
      wire + [
        "SignatureSchemes", "MerkleProofs", "LightClients", "Messages", "Gate", "ForeignProtocols",
        "OfflineVerification", "SigningRules", "ContractHost", "Attestation", "Enclaves", yams,
      ]),
    room(
      "beside", "FuzzBodies",
      wire + [
        "SignatureSchemes", "MerkleProofs", "LightClients", "Messages", "Transactions", "Gate", "ForeignProtocols",
        "OfflineVerification", "PacketHost", "StateTree", "RelayEngine", "Ledger", "SigningRules",
        "SignerJournal", "ThresholdSigning", "SignerWire", "ContractHost", "Attestation", "Enclaves", "Settlement",
      ]),
    .executableTarget(
      name: "LedgerCrashChild",
      dependencies: wire + [
        "LightClients", "Messages", "PacketHost", "StateTree", "Ledger", "LedgerService", crypto,
      ],
      path: "Sources/beside/LedgerCrashChild", swiftSettings: settings),
    .executableTarget(
      name: "SignerCrashChild",
      dependencies: wire + ["Messages", "SigningRules", "SignerJournal", crypto],
      path: "Sources/beside/SignerCrashChild", swiftSettings: settings),
    // tests
    tests(
      "Attestation", wire + ["SignatureSchemes", "Attestation", "OfflineVerification", "Conformance", crypto, asn1]),
    tests("Enclaves", floors0To3 + ["StateTree", "Enclaves", crypto]),
    tests(
      "Settlement",
      floors0To3 + ["Transactions", "PacketHost", "StateTree", "Ledger", "Enclaves", "Settlement", crypto]),
    tests("TPMAccess", wire + ["SignatureSchemes", "Secrets", "TPMAccess", crypto]),
    tests(
      "EnclaveService",
      floors0To3 + [
        "ContractHost", "Enclaves", "SignerJournal", "Secrets", "TPMAccess", "EnclaveService",
        "causeway-enclave",
        crypto, nioCore, nioPosix,
      ]),
    tests(
      "CoordinatorService",
      floors0To3 + [
        "Transactions", "PacketHost", "StateTree", "Ledger", "Enclaves", "Settlement", "Persistence",
        "ChainAccess", "LocalKeys", "LedgerService", "EnclaveService", "CoordinatorService", crypto,
      ]),
    tests("WireBytes", ["WireBytes", "Encodings"]),
    tests("Digests", ["WireBytes", "Digests"]),
    tests("Encodings", wire + ["Conformance"]),
    tests("SignatureSchemes", wire + ["SignatureSchemes", "Conformance"]),
    tests("MerkleProofs", wire + ["MerkleProofs", "Conformance"]),
    tests(
      "LightClients",
      wire + [
        "SignatureSchemes", "MerkleProofs", "LightClients", "OfflineVerification", "Conformance",
        "FuzzBodies", crypto,
      ]),
    tests("Messages", wire + ["Messages"]),
    tests("Transactions", wire + ["SignatureSchemes", "Messages", "Transactions"]),
    tests(
      "Gate",
      wire + [
        "SignatureSchemes", "MerkleProofs", "LightClients", "Messages", "Gate", "Conformance", crypto,
      ]),
    tests(
      "ForeignProtocols",
      wire + ["SignatureSchemes", "MerkleProofs", "Messages", "Gate", "ForeignProtocols", "Conformance"]),
    tests("RelayEngine", wire + ["Messages", "RelayEngine"]),
    tests("StateTree", wire + ["MerkleProofs", "StateTree"]),
    tests("Persistence", wire + ["MerkleProofs", "StateTree", "Persistence"]),
    tests(
      "Ledger", floors0To3 + ["PacketHost", "StateTree", "Ledger", "LedgerCrashChild", crypto]),
    tests("ContractHost", wire + ["SignatureSchemes", "ContractHost", "Conformance", crypto]),
    tests(
      "Contracts",
      floors0To3 + ["Transactions", "PacketHost", "StateTree", "Ledger", "ContractHost", "Contracts", crypto]),
    tests("ContractKit", floors0To3 + ["Transactions", "PacketHost", "Ledger", "ContractHost"]),
    tests("PacketHost", floors0To3 + ["PacketHost", "StateTree", "FuzzBodies", crypto]),
    tests(
      "LedgerService",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "Persistence", "LedgerService", "LedgerCrashChild",
        "OfflineVerification", crypto, grdb, nioCore, nioPosix,
      ]),
    tests(
      "ChainAccess",
      floors0To3 + [
        "Transactions", "PacketHost", "StateTree", "Ledger", "ChainAccess", "LedgerService", "LocalKeys", crypto,
        nioCore, nioPosix, nioHTTP1,
      ]),
    tests(
      "SigningRules",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "Conformance", crypto,
      ]),
    tests("ThresholdSigning", wire + ["SignatureSchemes", "ThresholdSigning", crypto]),
    tests(
      "KeyVault",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "SigningRules", "ThresholdSigning", "Secrets",
        "TPMAccess", "KeyVault", crypto, cryptoExtras,
      ]),
    tests("SignerJournal", wire + ["SignerJournal", "SignerCrashChild", crypto]),
    tests(
      "SignerWire",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "SignerWire", crypto,
      ]),
    tests(
      "SignerService",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "ThresholdSigning",
        "Secrets", "TPMAccess", "KeyVault",
        "SignerJournal", "SignerWire", "SignerAccess", "SignerService", crypto, nioCore, nioPosix, nioSSL,
      ]),
    tests("LocalKeys", wire + ["SignatureSchemes", "LocalKeys"]),
    tests(
      "AttestService",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "Persistence", "ChainAccess", "AttestService", "LocalKeys",
        crypto, grdb,
      ]),
    tests(
      "RelayService",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "RelayEngine", "Persistence", "ChainAccess", "LedgerService",
        "LocalKeys", "RelayService", crypto,
      ]),
    tests(
      "Devnet",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "RelayEngine", "ChainAccess", "LocalKeys", "LedgerService",
        "AttestService", "RelayService", "Devnet", "Transactions", "SigningRules", "SignerWire",
        "SignerAccess", "ContractHost", "Contracts", "Enclaves", "Settlement", "TPMAccess",
        "EnclaveService", "CoordinatorService", "causeway-signer", "causeway-enclave", crypto,
      ]),
    // An application as its developer would test it: beside its contracts, and on what they can import.
    .testTarget(
      name: "TicketsTests",
      dependencies: ["WireBytes", "Encodings", "Messages", "Ledger", "RelayEngine", "ChainAccess", "Devnet"],
      path: "examples/tickets/Tests", swiftSettings: settings),
    tests(
      "Simulation",
      floors0To3 + [
        "PacketHost", "StateTree", "Ledger", "RelayEngine", "Enclaves", "Settlement", "Simulation",
      ]),
    tests("OfflineVerification", wire + ["OfflineVerification"]),
    tests("Conformance", wire + ["Conformance"]),
    tests("Fuzz", wire + ["FuzzBodies"]),
    tests("House", ["Encodings"]),
    tests("Program", wire + ["Gate", "ForeignProtocols", "causeway", "causeway-signer"]),
    tests(
      "SignerProgram",
      wire + [
        "SignatureSchemes", "LightClients", "Messages", "Transactions", "SigningRules", "SignerWire",
        "SignerAccess", "causeway-signer", crypto, nioCore, nioPosix, nioSSL,
      ]),
  ]
)
