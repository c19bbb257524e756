/// All suites, in the order in which `--help` lists them.
public enum ConformanceSuites {
  public static let all: [any ConformanceSuite.Type] = [
    RLPSuite.self, SSZSuite.self, Secp256k1Suite.self, Ed25519Suite.self, NISTSignaturesSuite.self,
    MPTSuite.self, ICS23Suite.self,
    TlogSuite.self, CometBFTSuite.self, WormholeSuite.self, HyperlaneSuite.self, EIP3076Suite.self,
    CosmWasmSuite.self, IBCSuite.self, AttestationSuite.self,
  ]

  public static var names: [String] { all.map { $0.name } }
}
