import Attestation
import Encodings
import Foundation
import WireBytes

/// A TPM has no debug mode, and no other enclave runs here: an example's document stands for it.
extension DemoStory {
  /// Verifies a Nitro document whose signature and chain are right, under the example's own root, at its own time.
  mutating func debugQuote() {
    let path = FileManager.default.currentDirectoryPath + "/examples/attestation/nitro-debug.json"
    guard FileManager.default.fileExists(atPath: path) else {
      return say("A debug-mode quote is among the examples of the sources, which are not here: left out.")
    }
    guard let bytes = try? Terminal.read(path), let json = try? JSONValue(decoding: bytes),
      let statement = json["statement"]?.string.flatMap({ try? Hex.decode($0) }),
      let root = json["root"]?.string.flatMap({ try? Bytes32(hex: $0) }), let at: Int64 = json["at"]?.integer(),
      let policy = json["policy"].flatMap({ try? AttestationPolicy(json: $0) })
    else { return check(false, "the example of a debug-mode quote reads") }
    let production = AttestationRoots.production
    let evidence = AttestationEvidence(platform: .nitro, statement: statement)
    func refusal(_ roots: AttestationRoots) -> AttestationRefusal? {
      do { _ = try AttestationVerifier.verify(evidence, under: policy, at: .archival(at), roots: roots) } catch {
        return error
      }
      return nil
    }
    let own = AttestationRoots(nitro: X509Roots([root]), amd: production.amd, intel: production.intel)
    let found = refusal(own)
    check(
      found == .nitro(.debug),
      "a debug-mode quote, with a true signature and chain: \(found.map { "refused, \($0.name)" } ?? "it was taken")")
    let foreign = refusal(production)
    check(
      foreign != nil && foreign != found,
      "the same under the vendor's own root: \(foreign.map { "refused, \($0.name)" } ?? "it was taken")")
  }
}
