private import SignatureSchemes
private import Transactions
private import WireBytes

/// Bodies over transactions of EVM chains, unsigned as a signer reads them and signed as nodes give them.
public enum EVMTransactionBodies {
  public static let all: [FuzzBody] = [unsigned, signed]

  private static let transaction = try? EVMTransaction(
    chainID: 1, nonce: 2, maxPriorityFeePerGas: UInt256(3), maxFeePerGas: UInt256(4), gasLimit: 5,
    to: Bytes20(),
    value: UInt256(6), input: [7, 8, 9, 10],
    accessList: [EVMAccess(address: Bytes20(), storageKeys: [Bytes32()])])

  static let unsigned = FuzzBody(name: "evm-transaction", seeds: transaction.map { [$0.encoded()] } ?? []) {
    bytes in
    guard let transaction = try? EVMTransaction(decoding: bytes) else { return }
    precondition(transaction.encoded() == bytes)
    precondition(transaction.maxPriorityFeePerGas <= transaction.maxFeePerGas)
  }

  /// r and s are 1: a signature by whoever it recovers to.
  static let signed = FuzzBody(
    name: "evm-signed-transaction",
    seeds: transaction.flatMap {
      try? SignedEVMTransaction($0, signature: (0..<65).map { $0 == 31 || $0 == 63 ? 1 : 0 })
    }.map { [$0.encoded] } ?? []
  ) { bytes in
    guard let signed = try? SignedEVMTransaction(decoding: bytes) else { return }
    precondition(signed.encoded == bytes)
    precondition(signed.signature.signature.hasLowS)
    let again = try? SignedEVMTransaction(
      signed.transaction,
      signature: signed.signature.signature.compact.array + [27 + signed.signature.recoveryID])
    precondition(again == signed)
  }
}
