// swift-tools-version: 6.2
// Measures the library beside other implementations of the same operation, in one process. script/bench runs it.

import PackageDescription

let package = Package(
  name: "causeway-benchmarks",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "causeway", path: ".."),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .target(name: "CAllocations"),
    .systemLibrary(name: "CSecp256k1Peer", pkgConfig: "libsecp256k1"),
    .target(name: "CPeers", dependencies: ["CSecp256k1Peer"]),
    .executableTarget(
      name: "CausewayBenchmarks",
      dependencies: [
        "CAllocations", "CPeers",
        .product(name: "Causeway", package: "causeway"),
        .product(name: "CausewayEngines", package: "causeway"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // An embedded domain under packets, by stage: script/bench domain
    .executableTarget(
      name: "DomainLoad",
      dependencies: [
        .product(name: "Causeway", package: "causeway"),
        .product(name: "CausewayEngines", package: "causeway"),
        .product(name: "CausewayServices", package: "causeway"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // Contracts in wasmtime, from a bare call to blocks of executions: script/bench contracts
    .target(name: "CWasmtimePeer", linkerSettings: [.linkedLibrary("dl")]),
    .executableTarget(
      name: "ContractLoad",
      dependencies: [
        "CAllocations", "CWasmtimePeer",
        .product(name: "Causeway", package: "causeway"),
        .product(name: "CausewayEngines", package: "causeway"),
        .product(name: "CausewayServices", package: "causeway"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // Signatures of a running signer over its socket: script/bench signer
    .executableTarget(
      name: "SignerLoad",
      dependencies: [
        .product(name: "Causeway", package: "causeway"),
        .product(name: "CausewaySignerClient", package: "causeway"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // Crossings from end to end over two domains, attesters and a relayer: script/bench crossings
    .executableTarget(
      name: "CrossingLoad",
      dependencies: [
        .product(name: "Causeway", package: "causeway"),
        .product(name: "CausewayEngines", package: "causeway"),
        .product(name: "CausewayServices", package: "causeway"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
