import Encodings
public import WireBytes

extension CometBFT {
  /// A block header, untrusted: what it says has not been compared with any commit.
  public struct Header: Hashable, Sendable {
    /// Versions of the block format and of the application.
    public struct Version: Hashable, Sendable {
      public let block: UInt64
      public let app: UInt64

      public init(block: UInt64, app: UInt64) {
        self.block = block
        self.app = app
      }
    }

    public var version: Version
    public var chainID: String
    public var height: Int64
    public var time: Timestamp
    public var lastBlockID: BlockID
    /// Hashes are nil where the writer gave no bytes.
    public var lastCommitHash: Bytes32?
    public var dataHash: Bytes32?
    /// Of the set that signs this block.
    public var validatorsHash: Bytes32?
    /// Of the set that signs the block after this one.
    public var nextValidatorsHash: Bytes32?
    public var consensusHash: Bytes32?
    /// Of the state after the block *before* this one; any length.
    public var appHash: [UInt8]
    public var lastResultsHash: Bytes32?
    public var evidenceHash: Bytes32?
    /// Nil only where the writer gave no bytes. Nothing a light client decides depends on it.
    public var proposerAddress: Bytes20?

    public init(
      version: Version, chainID: String, height: Int64, time: Timestamp, lastBlockID: BlockID,
      lastCommitHash: Bytes32?, dataHash: Bytes32?, validatorsHash: Bytes32?, nextValidatorsHash: Bytes32?,
      consensusHash: Bytes32?, appHash: [UInt8], lastResultsHash: Bytes32?, evidenceHash: Bytes32?,
      proposerAddress: Bytes20?
    ) {
      self.version = version
      self.chainID = chainID
      self.height = height
      self.time = time
      self.lastBlockID = lastBlockID
      self.lastCommitHash = lastCommitHash
      self.dataHash = dataHash
      self.validatorsHash = validatorsHash
      self.nextValidatorsHash = nextValidatorsHash
      self.consensusHash = consensusHash
      self.appHash = appHash
      self.lastResultsHash = lastResultsHash
      self.evidenceHash = evidenceHash
      self.proposerAddress = proposerAddress
    }
  }
}

// MARK: Hash

extension CometBFT.Header {
  /// The 14 leaves under the header's hash, in order (`Header.Hash`, types/block.go).
  public func leaves() -> [[UInt8]] {
    func wrapped(_ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
      var writer = ProtobufWriter()
      write(&writer)
      return writer.bytes
    }
    func wrapped(_ hash: Bytes32?) -> [UInt8] { hash.map { hash in wrapped { $0.bytes(1, hash) } } ?? [] }
    return [
      wrapped { version.write(to: &$0) },
      wrapped { $0.string(1, chainID) },
      wrapped { $0.int64(1, height) },
      time.encoded(),
      lastBlockID.encoded(),
      wrapped(lastCommitHash),
      wrapped(dataHash),
      wrapped(validatorsHash),
      wrapped(nextValidatorsHash),
      wrapped(consensusHash),
      wrapped { $0.bytes(1, appHash) },
      wrapped(lastResultsHash),
      wrapped(evidenceHash),
      proposerAddress.map { address in wrapped { $0.bytes(1, address) } } ?? [],
    ]
  }

  /// The block's hash; nil when there is no validators hash, as such a header names no block.
  public func hash() -> Bytes32? {
    guard validatorsHash != nil else { return nil }
    return CometBFT.merkleRoot(leaves())
  }
}

// MARK: Protobuf

extension CometBFT.Header.Version {
  init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var (block, app): (UInt64, UInt64) = (0, 0)
    while let field = try reader.next(in: message) {
      if field.number == 1 { block = try field.uint64() } else { app = try field.uint64() }
    }
    self.init(block: block, app: app)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.varint(1, block)
    writer.varint(2, app)
  }
}

extension CometBFT.Header {
  /// Decodes the protobuf `Header`; field numbers are those of the leaves.
  ///
  /// - Throws: ``CometBFT/DecodingError``. The input is untrusted; no input traps.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [UInt32](1...14))
    var version: Version?
    var chainID = ""
    var height: Int64 = 0
    var time: CometBFT.Timestamp?
    var lastBlockID: CometBFT.BlockID?
    var hashes = [Bytes32?](repeating: nil, count: 14)
    var appHash: [UInt8] = []
    var proposerAddress: Bytes20?
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: version = try Version(decoding: message.extracting(try field.message()))
      case 2: chainID = try field.chainID(in: message)
      case 3: height = try field.int64()
      case 4: time = try CometBFT.Timestamp(decoding: message.extracting(try field.message()))
      case 5: lastBlockID = try CometBFT.BlockID(decoding: message.extracting(try field.message()))
      case 11:
        appHash = try field.bytes(in: message)
        guard appHash.count <= CometBFT.appHashBytesMax else {
          throw .appHashLength(limit: CometBFT.appHashBytesMax, actual: appHash.count)
        }
      case 14: proposerAddress = try field.fixed(in: message)
      default: hashes[Int(field.number) - 1] = try field.fixed(in: message)
      }
    }
    guard let version else { throw .missing(field: 1) }
    guard let time else { throw .missing(field: 4) }
    guard let lastBlockID else { throw .missing(field: 5) }
    guard height >= 0 else { throw .negativeHeight(height) }
    self.init(
      version: version, chainID: chainID, height: height, time: time, lastBlockID: lastBlockID,
      lastCommitHash: hashes[5], dataHash: hashes[6], validatorsHash: hashes[7],
      nextValidatorsHash: hashes[8],
      consensusHash: hashes[9], appHash: appHash, lastResultsHash: hashes[11], evidenceHash: hashes[12],
      proposerAddress: proposerAddress)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.message(1) { version.write(to: &$0) }
    writer.string(2, chainID)
    writer.int64(3, height)
    writer.message(4) { time.write(to: &$0) }
    writer.message(5) { lastBlockID.write(to: &$0) }
    func write(_ number: UInt32, _ hash: Bytes32?) {
      if let hash { writer.bytes(number, hash) }
    }
    write(6, lastCommitHash)
    write(7, dataHash)
    write(8, validatorsHash)
    write(9, nextValidatorsHash)
    write(10, consensusHash)
    writer.bytes(11, appHash)
    write(12, lastResultsHash)
    write(13, evidenceHash)
    if let proposerAddress { writer.bytes(14, proposerAddress) }
  }

  /// The protobuf `Header`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    return writer.bytes
  }
}
