import Digests
import Enclaves
import Messages
import PacketHost
import WireBytes

/// A custody chain as it grows: the head and the number of its links.
struct CustodyHead: Hashable {
  var head: Bytes32
  var count: UInt16

  static let none = CustodyHead(head: CustodyChain.start, count: 0)
}

extension SettlementModule {
  /// Adds a link to the chain of `subject`, and keeps it for those who walk the chain.
  func link<Content: EnclaveContainer>(
    _ kind: CustodyKind, _ content: Content, to chain: inout CustodyHead, of subject: Bytes32,
    in context: inout HostContext
  ) throws(ExecutionHalt) {
    try context.charge(SettlementGas.link)
    let bytes = content.encoded()
    let hash = SHA256Hash.hash(bytes)
    chain.head = CustodyChain.link(after: chain.head, kind: kind, content: bytes)
    let index = UInt32(chain.count)
    chain.count += 1
    try context.write(
      [kind.rawValue] + hash.array + chain.head.array, to: SettlementKeys.link(subject, index))
  }
}
