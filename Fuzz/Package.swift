// swift-tools-version: 6.2
// libFuzzer over the bodies of FuzzBodies. docs/fuzzing.md says how to run it.

import PackageDescription

let package = Package(
  name: "causeway-fuzz",
  platforms: [.macOS("26.0")],
  dependencies: [.package(name: "causeway", path: "..")],
  targets: [
    .executableTarget(
      name: "CausewayFuzz",
      dependencies: [.product(name: "FuzzBodies", package: "causeway")],
      swiftSettings: [.swiftLanguageMode(.v6)])
  ]
)
