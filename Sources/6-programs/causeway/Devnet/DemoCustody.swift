import ChainAccess
import Devnet
import Enclaves
import Encodings
import Foundation
import LightClients
import MerkleProofs
import Messages
import Settlement
import WireBytes

// The auditor of the chapter of enclaves.
extension DemoStory {
  /// Writes the custody of a settled case into a file, and walks it from that file alone.
  mutating func custody(_ id: Bytes32) async throws {
    title("Enclaves: an auditor, with one file and no network")
    let access = devnet.access(harbor)
    let block: LightBlock
    let bundle: CustodyBundle
    do {
      let height = try await access.head().height
      block = try await access.signedHeader(at: height)
      let policy = try EnclavePolicy(decoding: try Terminal.read(devnet.directory.enclave + "/policy.json"))
      bundle = try await CustodyExport.bundle(
        of: id, domain: harbor.id,
        block: LedgerBlock(signedHeader: block.signedHeader, validators: block.validators), policy: policy
      ) { (keys) async throws(AccessError) in
        try await access.values(of: keys, at: height - 1, proven: true).map {
          guard case .ics23(let proof)? = $0.proof else { return ProvenEntry(value: $0.value, proof: nil) }
          return ProvenEntry(value: $0.value, proof: proof)
        }
      }
    } catch { return check(false, "the custody of the case is written down: \(error)") }
    guard let hash = block.signedHeader.header.validatorsHash else {
      return check(false, "the block names its validators")
    }
    let path = devnet.directory.coordinator + "/custody.json"
    try? Data(bundle.text.utf8).write(to: URL(fileURLWithPath: path))
    let read = try CustodyBundle(decoding: Terminal.read(path))
    let report = CustodyAudit(trust: .init(chainID: harbor.chainID, validatorsHash: hash)).walk(read)
    var refused: String?
    do { try report.verify() } catch { refused = "\(error)" }
    check(
      refused == nil,
      "\(report.lines.count) links hold, from the validators to the payouts\(refused.map { ": " + $0 } ?? "")"
    )
    say("causeway audit \(path) --chain-id \(harbor.chainID) --validators-hash \(Hex.encode(hash.array))")
    let other = CustodyAudit(trust: .init(chainID: harbor.chainID, validatorsHash: id)).walk(read)
    var stranger: String?
    do { try other.verify() } catch { stranger = "\(error)" }
    check(stranger != nil, "under other validators it does not: refused")
  }
}
