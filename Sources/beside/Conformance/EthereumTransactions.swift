import Digests
import Encodings
import SignatureSchemes
import WireBytes

/// Why bytes are no valid signed Ethereum transaction.
enum EthereumTransactionError: Error, Hashable, Sendable {
  case rlp(RLPError)
  case fieldCount(expected: Int, actual: Int)
  case leadingZero(Field)
  /// A number is wider than its field.
  case overflow(Field)
  /// The recipient is neither empty nor 20 bytes.
  case recipient(length: Int)
  case accessListShape
  case accessListAddress(length: Int)
  case accessListStorageKey(length: Int)
  /// A type that the fork does not have.
  case type(UInt8)
  /// A type that this code does not read.
  case unreadType(UInt8)
  case chainID
  /// v, r or s are out of range, or give no key.
  case signature
  /// Gas limit times price is 2^256 or more.
  case gasProduct
  case priorityAboveMaximumFee
  case nonceAtMaximum
  case intrinsicGas(needed: UInt64, limit: UInt64)
  case initCodeSize(Int)

  enum Field: Hashable, Sendable {
    case chainID, nonce, gasPrice, priorityFee, maximumFee, gasLimit, value, v, r, s
  }
}

/// A signed transaction: legacy, EIP-2930 or EIP-1559.
struct EthereumTransaction: Sendable {
  /// Hard forks in order, by the names of ethereum/tests.
  enum Fork: Int, Comparable, Sendable, CaseIterable {
    case frontier, homestead, eip150, eip158, byzantium, constantinople, constantinopleFix, istanbul, berlin,
      london, paris, shanghai, cancun, prague, osaka

    init?(name: String) {
      switch name {
      case "Frontier": self = .frontier
      case "Homestead": self = .homestead
      case "EIP150": self = .eip150
      case "EIP158": self = .eip158
      case "Byzantium": self = .byzantium
      case "Constantinople": self = .constantinople
      case "ConstantinopleFix": self = .constantinopleFix
      case "Istanbul": self = .istanbul
      case "Berlin": self = .berlin
      case "London": self = .london
      case "Paris", "Merge": self = .paris
      case "Shanghai": self = .shanghai
      case "Cancun": self = .cancun
      case "Prague": self = .prague
      case "Osaka": self = .osaka
      default: return nil
      }
    }

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  let type: UInt8
  let chainID: UInt256
  let nonce: UInt256
  /// The price, or for EIP-1559 the maximum fee.
  let gasPrice: UInt256
  let priorityFee: UInt256
  let gasLimit: UInt256
  let recipient: Bytes20?
  let input: [UInt8]
  let accessListAddresses: Int
  let accessListKeys: Int
  let v: UInt256
  let r: UInt256
  let s: UInt256
  let hash: Bytes32
  /// The fields as they were encoded, for the digest that was signed.
  private let encodedFields: [[UInt8]]

  /// Decodes `bytes`, which are the transaction alone.
  init(decoding bytes: [UInt8]) throws(EthereumTransactionError) {
    guard let first = bytes.first else { throw .rlp(.truncated(offset: 0, needed: 1)) }
    let span = bytes.span
    switch first {
    case 1, 2: type = first
    case 0xc0...0xff: type = 0
    case 0...0x7f: throw .unreadType(first)
    default: throw .rlp(.expectedList(offset: 0))
    }
    let body = span.extracting((type == 0 ? 0 : 1)..<span.count)
    let fields: [RLPSlice]
    do {
      // The whole tree first: a field that is read as bytes must not hide a malformed list.
      _ = try RLPItem(decoding: body)
      fields = try RLP.items(of: RLP.slice(body), in: body, max: 64)
    } catch { throw .rlp(error) }
    let expected = [9, 11, 12][Int(type)]
    guard fields.count == expected else { throw .fieldCount(expected: expected, actual: fields.count) }
    func number(_ index: Int, _ field: EthereumTransactionError.Field) throws(EthereumTransactionError)
      -> UInt256
    {
      // A leading zero is named even when it makes the number too wide.
      if let first = fields[index].payload.first, body[first] == 0, !fields[index].isList {
        throw .leadingZero(field)
      }
      do { return try fields[index].uint256(in: body) } catch {
        switch error {
        case .leadingZero: throw .leadingZero(field)
        case .length: throw .overflow(field)
        default: throw .rlp(error)
        }
      }
    }
    func content(_ index: Int) throws(EthereumTransactionError) -> [UInt8] {
      do { return try fields[index].bytes(in: body) } catch { throw .rlp(error) }
    }
    var next = 0
    func take() -> Int {
      next += 1
      return next - 1
    }
    chainID = type == 0 ? .zero : try number(take(), .chainID)
    nonce = try number(take(), .nonce)
    if type == 2 {
      priorityFee = try number(take(), .priorityFee)
      gasPrice = try number(take(), .maximumFee)
    } else {
      gasPrice = try number(take(), .gasPrice)
      priorityFee = gasPrice
    }
    gasLimit = try number(take(), .gasLimit)
    let to = try content(take())
    guard to.isEmpty || to.count == 20 else { throw .recipient(length: to.count) }
    recipient = to.isEmpty ? nil : Bytes20(to.span, at: 0)
    _ = try number(take(), .value)
    input = try content(take())
    var addresses = 0
    var keys = 0
    if type > 0 { (addresses, keys) = try Self.accessList(fields[take()], body) }
    accessListAddresses = addresses
    accessListKeys = keys
    v = try number(take(), .v)
    r = try number(take(), .r)
    s = try number(take(), .s)
    encodedFields = fields.map { [UInt8](copying: body.extracting($0.encoded)) }
    hash = Keccak256.hash(span)
  }

  private static func accessList(
    _ list: RLPSlice, _ bytes: Span<UInt8>
  ) throws(EthereumTransactionError) -> (addresses: Int, keys: Int) {
    do {
      let entries = try RLP.items(of: list, in: bytes, max: 1 << 16)
      var keyCount = 0
      for entry in entries {
        let parts = try RLP.items(of: entry, in: bytes, max: 3)
        guard parts.count == 2 else { throw EthereumTransactionError.accessListShape }
        let address = try parts[0].stringRange().count
        guard address == 20 else { throw EthereumTransactionError.accessListAddress(length: address) }
        for key in try RLP.items(of: parts[1], in: bytes, max: 1 << 16) {
          let length = try key.stringRange().count
          guard length == 32 else { throw EthereumTransactionError.accessListStorageKey(length: length) }
          keyCount += 1
        }
      }
      return (entries.count, keyCount)
    } catch let error as EthereumTransactionError {
      throw error
    } catch let error as RLPError {
      throw .rlp(error)
    } catch {
      throw .accessListShape
    }
  }

  /// Checks everything that does not need the state, under `fork` on chain `chain`, and recovers the sender.
  func sender(fork: Fork, chain: UInt64) throws(EthereumTransactionError) -> Bytes20 {
    if type == 1, fork < .berlin { throw .type(1) }
    if type == 2, fork < .london { throw .type(2) }
    guard let limit = gasLimit.asUInt64 else { throw .overflow(.gasLimit) }
    if gasPrice.multipliedReportingOverflow(by: limit).overflow { throw .gasProduct }
    guard priorityFee <= gasPrice else { throw .priorityAboveMaximumFee }
    guard let nonce = nonce.asUInt64 else { throw .overflow(.nonce) }
    // EIP-2681.
    guard nonce < UInt64.max else { throw .nonceAtMaximum }
    let (recoveryID, digest) = try signed(fork: fork, chain: chain)
    let sender: Bytes20
    do {
      let compact = Bytes64 { index in index < 32 ? self.r.bigEndian[index] : self.s.bigEndian[index - 32] }
      // EIP-2: a high s is refused from Homestead on.
      let policy: Secp256k1.SignaturePolicy = fork >= .homestead ? .lowSRequired : .anyS
      let recoverable = try Secp256k1.RecoverableSignature(
        Secp256k1.Signature(compact: compact), v: recoveryID, form: .zeroOrOne)
      sender = try Secp256k1.recover(digest: digest, signature: recoverable, policy: policy).ethereumAddress
    } catch { throw .signature }
    // EIP-3860.
    if fork >= .shanghai, recipient == nil, input.count > 49152 { throw .initCodeSize(input.count) }
    let needed = intrinsicGas(fork: fork)
    guard limit >= needed else { throw .intrinsicGas(needed: needed, limit: limit) }
    return sender
  }

  /// The recovery id and the digest that was signed.
  private func signed(fork: Fork, chain: UInt64) throws(EthereumTransactionError) -> (UInt64, Bytes32) {
    var writer = RLPWriter()
    if type > 0 {
      guard chainID == UInt256(chain) else { throw .chainID }
      guard let parity = v.asUInt64, parity <= 1 else { throw .signature }
      writer.list { list in
        for field in encodedFields.dropLast(3) { list.encoded(field.span) }
      }
      return (parity, Keccak256.hash([type] + writer.bytes))
    }
    let v = self.v.asUInt64
    // EIP-155: v = 35 + 2 * chain + parity, and the chain is part of the digest.
    let isProtected = v != 27 && v != 28
    if isProtected, fork < .eip158 { throw .signature }
    if isProtected, v != 35 + 2 * chain, v != 36 + 2 * chain { throw .chainID }
    guard let v else { throw .chainID }
    writer.list { list in
      for field in encodedFields.dropLast(3) { list.encoded(field.span) }
      if isProtected {
        list.integer(chain)
        list.integer(UInt64(0))
        list.integer(UInt64(0))
      }
    }
    return (isProtected ? v - 35 - 2 * chain : v - 27, Keccak256.hash(writer.bytes))
  }

  /// Gas that every execution costs (yellow paper, section 6.2; EIP-2, EIP-2028, EIP-2930, EIP-3860).
  func intrinsicGas(fork: Fork) -> UInt64 {
    let zeroes = UInt64(input.count { $0 == 0 })
    let others = UInt64(input.count) - zeroes
    var gas: UInt64 = 21000 + 4 * zeroes + (fork >= .istanbul ? 16 : 68) * others
    if recipient == nil {
      if fork >= .homestead { gas += 32000 }
      if fork >= .shanghai { gas += 2 * UInt64((input.count + 31) / 32) }
    }
    return gas + 2400 * UInt64(accessListAddresses) + 1900 * UInt64(accessListKeys)
  }
}
