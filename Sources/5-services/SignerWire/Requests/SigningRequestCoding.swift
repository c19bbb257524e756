import LightClients
import Messages
public import SigningRules
import Transactions
import WireBytes

/// A typed request as bytes. One request has one encoding, and reading gives back the request and nothing else.
///
/// `[purpose: 1]`, then
/// - attestation: `[form: 1][origin: text][router: bytes][client: text][revision: 8][height: 8][seconds: 8][root: 32 | entries]`
/// - foreign attestation: `[form: 1][origin: text][height: 8][seconds: 8 | entries]`
/// - vote: `[kind: 1][chain id: text][height: 8][round: 4][block: 0 | 1 ‖ hash: 32 ‖ parts: 4 ‖ parts' hash: 32][seconds: 8][nanoseconds: 4]`
/// - transaction: `[chain id: text][account number: 8][TxRaw with an empty signature, to the end]`
/// - EVM transaction: `[02 ‖ RLP of EIP-1559's nine fields, to the end]`
///
/// text and bytes are `[length: 1][…]`, entries `[count: 4]([path hash: 32][commitment: 32])…`, integers big-endian, signed
/// ones in two's complement.
public enum SigningRequestCoding {
  /// - Throws: ``SignerMessageError/form(_:)`` when a part is longer than the layout can say.
  public static func encode(_ request: SigningRequest) throws(SignerMessageError) -> [UInt8] {
    var bytes: [UInt8] = [request.purpose.byte]
    switch request {
    case .attestation(let statement):
      bytes.append(formByte(statement.body.form))
      try bytes.append(short: statement.binding.origin.text.utf8)
      try bytes.append(short: statement.binding.router)
      try bytes.append(short: statement.binding.client.bytes)
      bytes.append(bigEndian: statement.height.revision)
      bytes.append(bigEndian: statement.height.number)
      bytes.append(bigEndian: statement.timestamp.seconds)
      switch statement.body {
      case .state(let root): bytes.append(root)
      case .packets(let entries): try append(entries, to: &bytes)
      }
    case .foreignAttestation(let origin, let statement):
      bytes.append(formByte(statement.form))
      try bytes.append(short: origin.text.utf8)
      switch statement {
      case .state(let height, let timestamp):
        bytes.append(bigEndian: height)
        bytes.append(bigEndian: timestamp)
      case .packets(let height, let entries):
        bytes.append(bigEndian: height)
        try append(entries, to: &bytes)
      }
    case .vote(let vote):
      bytes.append(vote.kind == .prevote ? 1 : 2)
      try bytes.append(short: vote.chainID.utf8)
      bytes.append(bigEndian: UInt64(bitPattern: vote.height))
      bytes.append(bigEndian: UInt32(bitPattern: vote.round))
      if let block = vote.blockID {
        // A statement holds no block id without both hashes.
        guard let hash = block.hash, let partsHash = block.parts.hash else { throw .vote }
        bytes.append(1)
        bytes.append(hash)
        bytes.append(bigEndian: block.parts.total)
        bytes.append(partsHash)
      } else {
        bytes.append(0)
      }
      bytes.append(bigEndian: UInt64(bitPattern: vote.timestamp.seconds))
      bytes.append(bigEndian: UInt32(bitPattern: vote.timestamp.nanoseconds))
    case .transaction(let transaction):
      try bytes.append(short: transaction.chainID.utf8)
      bytes.append(bigEndian: transaction.accountNumber)
      bytes += transaction.signed([])
    case .evmTransaction(let transaction): bytes += transaction.encoded()
    }
    return bytes
  }

  /// - Throws: ``SignerMessageError``. The input is untrusted; no input traps.
  public static func decode(_ bytes: Span<UInt8>) throws(SignerMessageError) -> SigningRequest {
    var reader = RequestReader(bytes)
    let tag = try reader.byte()
    guard let purpose = KeyPurpose(byte: tag) else { throw .tag(tag) }
    let request: SigningRequest
    switch purpose {
    case .attestation: request = .attestation(try reader.attestation())
    case .foreignAttestation: request = try reader.foreignAttestation()
    case .vote: request = .vote(try reader.vote())
    case .transaction: request = .transaction(try reader.transaction())
    case .evmTransaction: request = .evmTransaction(try reader.evmTransaction())
    }
    try reader.finish()
    return request
  }

  public static func decode(_ bytes: [UInt8]) throws(SignerMessageError) -> SigningRequest {
    try decode(bytes.span)
  }

  private static func formByte(_ form: AttestationForm) -> UInt8 { AttestationDigest.formByte(form) }

  private static func append(_ entries: [StoredEntry], to bytes: inout [UInt8]) throws(SignerMessageError) {
    guard entries.count <= SignerLimits.attestedEntriesMax else {
      throw .count(limit: SignerLimits.attestedEntriesMax, actual: entries.count)
    }
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: entries.count))
    for entry in entries {
      bytes.append(entry.pathHash)
      bytes.append(entry.commitment)
    }
  }
}

extension [UInt8] {
  /// Appends text or bytes behind their length.
  fileprivate mutating func append(short text: some Collection<UInt8>) throws(SignerMessageError) {
    guard text.count <= 255 else { throw .form(.overLimit(limit: 255, actual: text.count)) }
    append(UInt8(truncatingIfNeeded: text.count))
    append(contentsOf: text)
  }
}

/// Reads the parts of a request from bytes that are owned; the parts are short, and each is read once.
private struct RequestReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: Span<UInt8>) { self.bytes = [UInt8](copying: bytes) }

  private mutating func take(_ count: Int) throws(SignerMessageError) -> Int {
    guard count <= bytes.count - offset else { throw .form(.truncated(offset: offset, needed: count)) }
    defer { offset += count }
    return offset
  }

  mutating func byte() throws(SignerMessageError) -> UInt8 { bytes[try take(1)] }

  private mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self
  ) throws(SignerMessageError) -> Value {
    let start = try take(Value.bitWidth / 8)
    return bigEndian(bytes.span, at: start)
  }

  private mutating func hash() throws(SignerMessageError) -> Bytes32 {
    let start = try take(32)
    return Bytes32(bytes.span, at: start)
  }

  private mutating func short() throws(SignerMessageError) -> [UInt8] {
    let count = Int(try byte())
    let start = try take(count)
    return [UInt8](bytes[start..<(start + count)])
  }

  private mutating func text() throws(SignerMessageError) -> String {
    guard let text = String(validating: try short(), as: UTF8.self) else { throw .text }
    return text
  }

  private mutating func origin() throws(SignerMessageError) -> DomainID {
    let text = try text()
    do { return try DomainID(text) } catch { throw .origin(error) }
  }

  private mutating func form() throws(SignerMessageError) -> AttestationForm {
    let tag = try byte()
    guard let form = AttestationForm.allCases.first(where: { AttestationDigest.formByte($0) == tag }) else {
      throw .tag(tag)
    }
    return form
  }

  private mutating func entries() throws(SignerMessageError) -> [StoredEntry] {
    let count: UInt32 = try integer()
    guard count <= UInt32(SignerLimits.attestedEntriesMax) else {
      throw .count(limit: SignerLimits.attestedEntriesMax, actual: Int(count))
    }
    var entries: [StoredEntry] = []
    entries.reserveCapacity(Int(count))
    for _ in 0..<count { entries.append(StoredEntry(pathHash: try hash(), commitment: try hash())) }
    return entries
  }

  mutating func attestation() throws(SignerMessageError) -> AttestedStatement {
    let form = try form()
    let origin = try origin()
    let router = try short()
    let client: ClientID
    let clientText = try text()
    do { client = try ClientID(clientText) } catch { throw .client(error) }
    let binding: AttestationBinding
    do { binding = try AttestationBinding(origin: origin, router: router, client: client) } catch {
      throw .binding(error)
    }
    let height = Height(revision: try integer(), try integer())
    let timestamp = UnixTime(seconds: try integer())
    let body: AttestedBody =
      switch form {
      case .state: .state(root: try hash())
      case .packets: .packets(try entries())
      }
    return AttestedStatement(binding: binding, height: height, timestamp: timestamp, body: body)
  }

  mutating func foreignAttestation() throws(SignerMessageError) -> SigningRequest {
    let form = try form()
    let origin = try origin()
    let height: UInt64 = try integer()
    let statement: EurekaStatement =
      switch form {
      case .state: .state(height: height, timestamp: try integer())
      case .packets: .packets(height: height, try entries())
      }
    return .foreignAttestation(origin: origin, statement)
  }

  mutating func vote() throws(SignerMessageError) -> VoteStatement {
    let tag = try byte()
    guard let kind = VoteStatement.Kind(rawValue: Int32(tag)) else { throw .tag(tag) }
    let chainID = try text()
    let height = Int64(bitPattern: try integer())
    let round = Int32(bitPattern: try integer())
    let hasBlock = try byte()
    var block: CometBFT.BlockID?
    switch hasBlock {
    case 0: break
    case 1:
      let hash = try hash()
      let total: UInt32 = try integer()
      block = CometBFT.BlockID(hash: hash, parts: CometBFT.PartSetHeader(total: total, hash: try self.hash()))
    default: throw .tag(hasBlock)
    }
    let seconds = Int64(bitPattern: try integer())
    let nanoseconds = Int32(bitPattern: try integer())
    guard let timestamp = try? CometBFT.Timestamp(seconds: seconds, nanoseconds: nanoseconds),
      let vote = try? VoteStatement(
        chainID: chainID, kind: kind, height: height, round: round, blockID: block, timestamp: timestamp)
    else { throw .vote }
    return vote
  }

  mutating func transaction() throws(SignerMessageError) -> UnsignedTransaction {
    let chainID = try text()
    let accountNumber: UInt64 = try integer()
    let start = try take(bytes.count - offset)
    let raw = [UInt8](bytes[start...])
    let parsed: Transaction
    do { parsed = try Transaction(decoding: raw) } catch { throw .transaction(error) }
    let transaction = UnsignedTransaction(
      parsed.messages, memo: parsed.memo, timeoutHeight: parsed.timeoutHeight, fee: parsed.fee,
      gasLimit: parsed.gasLimit, key: parsed.key, sequence: parsed.sequence, chainID: chainID,
      accountNumber: accountNumber)
    // What is signed is what was read, so the bytes must be the ones that these fields give.
    guard transaction.signed([]) == raw else { throw .notCanonical }
    return transaction
  }

  /// RLP has one form for each transaction, and no other is read.
  mutating func evmTransaction() throws(SignerMessageError) -> EVMTransaction {
    let start = try take(bytes.count - offset)
    do { return try EVMTransaction(decoding: [UInt8](bytes[start...])) } catch {
      throw .evmTransaction(error)
    }
  }

  func finish() throws(SignerMessageError) {
    guard offset == bytes.count else {
      throw .form(.trailingBytes(offset: offset, count: bytes.count - offset))
    }
  }
}
