import Encodings

/// The IBC client of CometBFT chains, `07-tendermint` (ICS-7): its protobuf messages and its rules, as in ibc-go.
public enum Tendermint {
  /// A height of a chain that may restart at 1 with a new revision.
  public struct Height: Hashable, Comparable, Sendable {
    public let revision: UInt64
    public let height: UInt64

    /// No height: what a client that is not frozen has as its frozen height.
    public static let zero = Height(revision: 0, height: 0)
    /// What every frozen client has as its frozen height (`FrozenHeight`, misbehaviour.go).
    public static let frozen = Height(revision: 0, height: 1)

    public init(revision: UInt64, height: UInt64) {
      self.revision = revision
      self.height = height
    }

    public static func < (left: Height, right: Height) -> Bool {
      (left.revision, left.height) < (right.revision, right.height)
    }
  }

  /// The revision in a chain id: the number after its last `-`, 0 when there is none (`ParseChainID`, 02-client).
  ///
  /// - Returns: nil for a number over 64 bits, on which ibc-go panics.
  public static func revision(ofChainID chainID: String) -> UInt64? {
    guard let parts = revisionParts(chainID) else { return 0 }
    return UInt64(parts.digits)
  }

  /// `chainID` with another revision; unchanged when it has none.
  static func chainID(_ chainID: String, revision: UInt64) -> String {
    guard let parts = revisionParts(chainID) else { return chainID }
    return "\(parts.name)-\(revision)"
  }

  /// Splits what matches `^.*[^\n-]-{1}[1-9][0-9]*$`.
  private static func revisionParts(_ chainID: String) -> (name: String, digits: String)? {
    let bytes = [UInt8](chainID.utf8)
    let dash = UInt8(ascii: "-")
    let newline = UInt8(ascii: "\n")
    guard let split = bytes.lastIndex(of: dash), split > 0, !bytes.contains(newline) else { return nil }
    let digits = bytes[(split + 1)...]
    guard bytes[split - 1] != dash, let first = digits.first, first != 0x30,
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return (
      String(decoding: bytes[..<split], as: UTF8.self), String(decoding: digits, as: UTF8.self)
    )
  }
}

extension Tendermint.Height {
  /// Decodes {revision_number 1, revision_height 2}.
  init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var (revision, height): (UInt64, UInt64) = (0, 0)
    while let field = try reader.next(in: message) {
      if field.number == 1 { revision = try field.uint64() } else { height = try field.uint64() }
    }
    self.init(revision: revision, height: height)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.varint(1, revision)
    writer.varint(2, height)
  }
}

extension Tendermint.Height: CustomStringConvertible {
  /// `revision-height`, as events and paths write it.
  public var description: String { "\(revision)-\(height)" }
}
