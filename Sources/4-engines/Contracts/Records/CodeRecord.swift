import Encodings
import Ledger
public import Messages
public import WireBytes

/// What is known of stored code beside its bytes.
public struct CodeRecord: Hashable, Sendable {
  /// SHA-256 of the binary.
  public let checksum: Bytes32
  public let creator: AccountAddress
  /// Who may instantiate it.
  public var access: AccessConfig
  /// Bytes of the binary.
  public let size: Int

  public init(checksum: Bytes32, creator: AccountAddress, access: AccessConfig, size: Int) {
    self.checksum = checksum
    self.creator = creator
    self.access = access
    self.size = size
  }

  /// `cosmwasm.wasm.v1.CodeInfo` {code_hash 1, creator 2, instantiate_config 5}, and the size as field 15.
  var stored: [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, checksum)
    writer.string(2, creator.text)
    writer.alwaysBytes(5, access.encoded())
    writer.varint(15, UInt64(size))
    return writer.bytes
  }

  /// Reads what ``stored`` wrote; nil for anything else.
  init?(stored bytes: [UInt8]) {
    let span = bytes.span
    var checksum: Bytes32?
    var creator: AccountAddress?
    var access: AccessConfig?
    var size = 0
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 5, 15]))
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1: checksum = try field.fixed(in: span, as: Bytes32.self)
        case 2: creator = AccountNames().account(named: try field.string(in: span))
        case 5: access = try AccessConfig(decoding: span.extracting(try field.message()))
        default: size = Int(clamping: try field.uint64())
        }
      }
    } catch { return nil }
    guard let checksum, let creator, let access else { return nil }
    self.init(checksum: checksum, creator: creator, access: access, size: size)
  }
}
