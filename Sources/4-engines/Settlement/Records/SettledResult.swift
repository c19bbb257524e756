public import Enclaves
public import Encodings
public import Messages

/// What settled a case, as the ledger keeps it for those who walk its custody chain.
public struct SettledResult: Hashable, Sendable {
  public let receipt: Receipt
  public let signature: [UInt8]
  public let token: Token
  public let tokenSignature: [UInt8]
  public let update: Update

  public init(
    receipt: Receipt, signature: [UInt8], token: Token, tokenSignature: [UInt8], update: Update
  ) {
    self.receipt = receipt
    self.signature = signature
    self.token = token
    self.tokenSignature = tokenSignature
    self.update = update
  }

  /// Why bytes are none.
  public enum FormError: Error, Hashable, Sendable {
    case protobuf(ProtobufError)
    case part(field: UInt32, EnclaveFormatError)
    case size(field: UInt32, max: Int, actual: Int)
  }

  public static let sizeMax = SettlementLimits.updateSizeMax + 16 << 10

  /// {receipt 1, signature 2, token 3, token_signature 4, update 5}: SSZ inside canonical protobuf.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, receipt.encoded())
    writer.bytes(2, signature)
    writer.bytes(3, token.encoded())
    writer.bytes(4, tokenSignature)
    writer.bytes(5, update.encoded())
    return writer.bytes
  }

  /// Reads untrusted bytes.
  ///
  /// - Throws: ``FormError``; no input traps.
  public init(decoding bytes: [UInt8]) throws(FormError) {
    var parts: [UInt32: [UInt8]] = [:]
    let span = bytes.span
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3, 4, 5]), sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: span) { parts[field.number] = try field.bytes(in: span) }
    } catch { throw .protobuf(error) }
    for field: UInt32 in [2, 4] {
      let count = parts[field]?.count ?? 0
      guard count <= SettlementLimits.signatureSizeMax else {
        throw .size(field: field, max: SettlementLimits.signatureSizeMax, actual: count)
      }
    }
    receipt = try Self.part(parts, 1)
    signature = parts[2] ?? []
    token = try Self.part(parts, 3)
    tokenSignature = parts[4] ?? []
    update = try Self.part(parts, 5)
  }

  private static func part<Part: EnclaveContainer>(
    _ parts: [UInt32: [UInt8]], _ field: UInt32
  ) throws(FormError) -> Part {
    do { return try Part(decoding: parts[field] ?? []) } catch { throw .part(field: field, error) }
  }
}
