private import Digests
import WireBytes

/// A quote that holds: signed by a key that only says what its TPM says, over the values at hand.
///
/// Whose key that is, and whether the values are those of code that one wants, is not said by it: see
/// ``TPMVerifier``.
public struct VerifiedTPMQuote: Hashable, Sendable {
  public let quote: TPM2.Quote
  public let key: TPM2.Public
  /// The key's name.
  public let keyName: [UInt8]
  public let bank: TPM2.Hash
  /// The quoted PCRs, ascending.
  public let pcrs: [TPMStatement.PCR]

  /// Checks a quote with its key and values.
  ///
  /// In this order: forms; the key's attributes (restricted, sign, fixedTPM, fixedParent,
  /// sensitiveDataOrigin, and not decrypt); the signature by the key's own scheme; one bank of SHA-2; values
  /// of exactly the quoted PCRs; the digest over them.
  ///
  /// - Parameters:
  ///   - quote: TPMS_ATTEST.
  ///   - signature: TPMT_SIGNATURE.
  ///   - attestationKey: TPM2B_PUBLIC.
  ///   - values: ascending by index.
  /// - Throws: ``TPMRefusal``. The input is untrusted; no input traps.
  public init(
    quote: Span<UInt8>, signature: Span<UInt8>, attestationKey: Span<UInt8>, values: [TPMStatement.PCR]
  ) throws(TPMRefusal) {
    let key: TPM2.Public
    do { key = try TPM2.Public(decodingSized: attestationKey) } catch { throw .attestationKey(error) }
    let decoded: TPM2.Signature
    do { decoded = try TPM2.Signature(decoding: signature) } catch { throw .signatureForm(error) }
    try self.init(quote: quote, signature: decoded, key: key, values: values)
  }

  /// The same with a key and a signature that are read already.
  public init(
    quote bytes: Span<UInt8>, signature: TPM2.Signature, key: TPM2.Public, values: [TPMStatement.PCR]
  ) throws(TPMRefusal) {
    let missing = TPM2.Attributes.attestationKey.subtracting(key.attributes)
    let forbidden = key.attributes.intersection(.decrypt)
    guard missing.isEmpty, forbidden.isEmpty else {
      throw .keyAttributes(missing: missing, forbidden: forbidden)
    }
    guard key.nameAlgorithm.isAccepted, let name = key.name else {
      throw .nameAlgorithm(key.nameAlgorithm.rawValue)
    }
    do { try key.verify(bytes, signature: signature) } catch { throw .signature(error) }
    let checked = try Self.contents(bytes, signedWith: signature.hash, values: values)
    quote = checked
    self.key = key
    keyName = name
    bank = checked.selections[0].hash
    pcrs = values
  }

  /// Checks the selection and the digest of a quote whose signature holds.
  static func contents(
    _ bytes: Span<UInt8>, signedWith hash: TPM2.Hash, values: [TPMStatement.PCR]
  ) throws(TPMRefusal) -> TPM2.Quote {
    let quote: TPM2.Quote
    do { quote = try TPM2.Quote(decoding: bytes) } catch { throw .quote(error) }
    guard quote.selections.count == 1 else { throw .banks(count: quote.selections.count) }
    let selection = quote.selections[0]
    guard selection.hash.isAccepted else {
      throw .bank(expected: TPM2.Hash.sha256.rawValue, actual: selection.hash.rawValue)
    }
    let indices = values.map { Int($0.index) }
    guard indices == selection.indices else { throw .values(expected: selection.indices, actual: indices) }
    var joined: [UInt8] = []
    for value in values {
      guard value.value.count == selection.hash.size else {
        throw .valueLength(
          index: Int(value.index), expected: selection.hash.size, actual: value.value.count)
      }
      joined += value.value
    }
    guard let digest = hash.digest(joined.span) else { throw .signature(.weakHash(hash.rawValue)) }
    guard digest == quote.pcrDigest else { throw .pcrDigest(expected: digest, actual: quote.pcrDigest) }
    return quote
  }

  /// Refuses a quote that answers another challenge.
  public func checkNonce(_ expected: [UInt8]) throws(TPMRefusal) {
    guard quote.extraData == expected else { throw .nonce(expected: expected, actual: quote.extraData) }
  }

  /// Refuses a quote of other PCRs than `indices` of `bank`: fewer, more, or others.
  public func checkSelection(bank: TPM2.Hash, indices: [Int]) throws(TPMRefusal) {
    try Self.checkSelection(quote.selections[0], bank: bank, indices: indices)
  }

  static func checkSelection(
    _ selection: TPM2.PCRSelection, bank: TPM2.Hash, indices: [Int]
  ) throws(TPMRefusal) {
    guard selection.hash == bank else {
      throw .bank(expected: bank.rawValue, actual: selection.hash.rawValue)
    }
    guard selection.indices == indices else {
      throw .selection(expected: indices, actual: selection.indices)
    }
  }
}
