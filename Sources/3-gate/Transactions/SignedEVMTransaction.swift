private import Digests
private import Encodings
public import SignatureSchemes
public import WireBytes

/// An EIP-1559 transaction with the signature of the account that it names by that.
public struct SignedEVMTransaction: Hashable, Sendable {
  public let transaction: EVMTransaction
  /// s is in the lower half (EIP-2), the recovery id 0 or 1.
  public let signature: Secp256k1.RecoverableSignature
  /// The account whose key signed.
  public let sender: Bytes20
  /// The raw bytes as nodes take them: `02 ‖ RLP` of the nine fields, the parity of y, r and s.
  public let encoded: [UInt8]

  /// The name of the transaction on its chain.
  public var hash: Bytes32 { Self.hash(of: encoded) }

  /// The name of a transaction, from its raw bytes.
  public static func hash(of encoded: [UInt8]) -> Bytes32 { Keccak256.hash(encoded) }

  /// Puts a signature to a transaction.
  ///
  /// - Parameter signature: `r ‖ s ‖ v`, 65 bytes, v 0, 1, 27 or 28.
  /// - Throws: ``EVMTransactionError/signature(_:)`` or, with all its bytes, `.tooLarge`.
  public init(
    _ transaction: EVMTransaction, signature: Span<UInt8>
  ) throws(EVMTransactionError) {
    let parsed: Secp256k1.RecoverableSignature
    do { parsed = try Secp256k1.RecoverableSignature(signature, form: .either) } catch {
      throw .signature(error)
    }
    try self.init(transaction, parsed)
  }

  /// Puts a signature to a transaction.
  public init(_ transaction: EVMTransaction, signature: [UInt8]) throws(EVMTransactionError) {
    try self.init(transaction, signature: signature.span)
  }

  private init(
    _ transaction: EVMTransaction, _ signature: Secp256k1.RecoverableSignature
  ) throws(EVMTransactionError) {
    let (r, s) = Self.parts(of: signature.signature.compact)
    var writer = RLPWriter()
    writer.list { writer in
      transaction.write(to: &writer)
      writer.integer(UInt64(signature.recoveryID))
      writer.integer(r)
      writer.integer(s)
    }
    let encoded = [EVMTransaction.type] + writer.bytes
    guard encoded.count <= EVMTransaction.sizeMax else {
      throw .tooLarge(max: EVMTransaction.sizeMax, actual: encoded.count)
    }
    do {
      sender = try Secp256k1.recover(
        digest: transaction.signingHash, signature: signature, policy: .lowSRequired
      ).ethereumAddress
    } catch { throw .signature(error) }
    self.transaction = transaction
    self.signature = signature
    self.encoded = encoded
  }

  private static func parts(of compact: Bytes64) -> (r: UInt256, s: UInt256) {
    (UInt256(bigEndian: Bytes32 { compact[$0] }), UInt256(bigEndian: Bytes32 { compact[$0 + 32] }))
  }

  /// Decodes untrusted raw bytes.
  ///
  /// - Throws: ``EVMTransactionError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(EVMTransactionError) {
    let items = try EVMTransaction.items(of: bytes, count: EVMTransaction.fieldCount + 3)
    let fields = bytes.extracting(droppingFirst: 1)
    let transaction = try EVMTransaction(items, in: fields)
    let parity: UInt64
    let (r, s): (UInt256, UInt256)
    do {
      parity = try items[9].uint64(in: fields)
      r = try items[10].uint256(in: fields)
      s = try items[11].uint256(in: fields)
    } catch { throw .rlp(part: .signature, error) }
    guard parity <= 1 else { throw .parity(parity) }
    let (first, second) = (r.bigEndian, s.bigEndian)
    let signature: Secp256k1.RecoverableSignature
    do {
      let compact = try Secp256k1.Signature(compact: Bytes64 { $0 < 32 ? first[$0] : second[$0 - 32] })
      signature = try Secp256k1.RecoverableSignature(compact, v: parity, form: .zeroOrOne)
    } catch { throw .signature(error) }
    try self.init(transaction, signature)
  }

  /// Decodes untrusted raw bytes.
  public init(decoding bytes: [UInt8]) throws(EVMTransactionError) { try self.init(decoding: bytes.span) }
}
