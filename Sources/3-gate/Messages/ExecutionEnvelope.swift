public import Encodings
public import WireBytes

/// Why bytes or parts are no execution envelope. `call`, `coin` and `attribute` are positions.
public enum EnvelopeError: Error, Hashable, Sendable {
  case ssz(SSZError)
  /// Only version 1 is defined.
  case version(UInt64)
  /// An envelope that executes nothing.
  case noCalls
  case target(call: Int, InteroperableAddressError)
  /// The target is a chain and no account of it.
  case targetWithoutAddress(call: Int)
  case refund(InteroperableAddressError)
  case refundWithoutAddress
  case emptyDenomination(call: Int, coin: Int)
  /// A coin of nothing.
  case amountZero(call: Int, coin: Int)
  /// A part is longer than its list may be.
  case overLimit(max: Int, actual: Int)
}

/// What is to be done in another domain: all calls, or none.
///
/// The value of a packet's payload on port `execution`: SSZ, so that one value has one encoding and any field can be
/// disclosed alone with a branch to ``root()``.
///
/// - SeeAlso: docs/spec/envelope.md section 4.
public struct ExecutionEnvelope: Hashable, Sendable {
  public static let version: UInt64 = 1
  public static let callCountMax = 16
  public static let attributeCountMax = 16
  public static let addressSizeMax = 64
  /// The payload's version and encoding.
  public static let payloadVersion = "causeway-1"
  public static let payloadEncoding = "application/x-ssz"

  /// An amount of one coin, in its smallest unit.
  public struct Coin: Hashable, Sendable {
    public static let denominationSizeMax = 128
    public let denomination: [UInt8]
    public let amount: UInt256

    public init(denomination: [UInt8], amount: UInt256) {
      self.denomination = denomination
      self.amount = amount
    }
  }

  /// One contract call.
  public struct Call: Hashable, Sendable {
    public static let coinCountMax = 8
    public static let inputSizeMax = 131_072
    public let target: InteroperableAddress
    public let funds: [Coin]
    public let gasLimit: UInt64
    /// CosmWasm JSON or EVM calldata.
    public let input: [UInt8]

    public init(target: InteroperableAddress, funds: [Coin] = [], gasLimit: UInt64, input: [UInt8]) {
      self.target = target
      self.funds = funds
      self.gasLimit = gasLimit
      self.input = input
    }
  }

  /// A wish of the sender, as in ERC-7786: a selector and its arguments.
  public struct Attribute: Hashable, Sendable {
    public static let valueSizeMax = 4096
    public let selector: FixedBytes<4>
    public let value: [UInt8]

    public init(selector: FixedBytes<4>, value: [UInt8]) {
      self.selector = selector
      self.value = value
    }
  }

  public let calls: [Call]
  /// Who gets back what was sent, when nothing of it is executed.
  public let refundTo: InteroperableAddress
  public let attributes: [Attribute]

  /// - Throws: ``EnvelopeError``.
  public init(
    calls: [Call], refundTo: InteroperableAddress, attributes: [Attribute] = []
  ) throws(EnvelopeError) {
    guard !calls.isEmpty else { throw .noCalls }
    try Self.check(calls.count, max: Self.callCountMax)
    try Self.check(attributes.count, max: Self.attributeCountMax)
    try Self.check(refundTo.encoded().count, max: Self.addressSizeMax)
    guard !refundTo.address.isEmpty else { throw .refundWithoutAddress }
    for (index, call) in calls.enumerated() {
      try Self.check(call.target.encoded().count, max: Self.addressSizeMax)
      guard !call.target.address.isEmpty else { throw .targetWithoutAddress(call: index) }
      try Self.check(call.funds.count, max: Call.coinCountMax)
      try Self.check(call.input.count, max: Call.inputSizeMax)
      for (position, coin) in call.funds.enumerated() {
        try Self.check(coin.denomination.count, max: Coin.denominationSizeMax)
        guard !coin.denomination.isEmpty else { throw .emptyDenomination(call: index, coin: position) }
        guard coin.amount > .zero else { throw .amountZero(call: index, coin: position) }
      }
    }
    for attribute in attributes { try Self.check(attribute.value.count, max: Attribute.valueSizeMax) }
    self.calls = calls
    self.refundTo = refundTo
    self.attributes = attributes
  }

  private static func check(_ count: Int, max: Int) throws(EnvelopeError) {
    guard count <= max else { throw .overLimit(max: max, actual: count) }
  }
}

extension ExecutionEnvelope {
  /// The SSZ type, for encoders, roots and branches.
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)),
    .init(
      "calls",
      .list(
        .container([
          .init("target", .byteList(limit: UInt64(addressSizeMax))),
          .init(
            "funds",
            .list(
              .container([
                .init("denom", .byteList(limit: UInt64(Coin.denominationSizeMax))),
                .init("amount", .uint(.uint256)),
              ]), limit: UInt64(Call.coinCountMax))),
          .init("gasLimit", .uint(.uint64)),
          .init("input", .byteList(limit: UInt64(Call.inputSizeMax))),
        ]), limit: UInt64(callCountMax))),
    .init("refundTo", .byteList(limit: UInt64(addressSizeMax))),
    .init(
      "attributes",
      .list(
        .container([
          .init("selector", .byteVector(4)), .init("value", .byteList(limit: UInt64(Attribute.valueSizeMax))),
        ]), limit: UInt64(attributeCountMax))),
  ])

  private var value: SSZValue {
    .sequence([
      .uint(Self.version),
      .sequence(
        calls.map { call in
          .sequence([
            .packed(call.target.encoded()),
            .sequence(call.funds.map { .sequence([.packed($0.denomination), .uint($0.amount)]) }),
            .uint(call.gasLimit), .packed(call.input),
          ])
        }),
      .packed(refundTo.encoded()),
      .sequence(attributes.map { .sequence([.packed($0.selector.array), .packed($0.value)]) }),
    ])
  }

  /// The SSZ encoding.
  public func encoded() -> [UInt8] {
    do { return try Self.type.encode(value) } catch { Self.unfit(error) }
  }

  /// The `hash_tree_root`.
  public func root() -> Bytes32 {
    do { return try Self.type.hashTreeRoot(value) } catch { Self.unfit(error) }
  }

  /// A value that was checked always fits its type.
  private static func unfit(_ error: SSZError) -> Never {
    preconditionFailure("an envelope does not fit its own type: \(error)")
  }

  /// Decodes untrusted bytes strictly: first offset, order of offsets, no gaps, no trailing bytes, list limits.
  ///
  /// - Throws: ``EnvelopeError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(EnvelopeError) {
    let value: SSZValue
    do { value = try Self.type.decode(bytes) } catch { throw .ssz(error) }
    let fields = try value.parts(4)
    let version = try fields[0].integer()
    guard version == UInt256(Self.version) else { throw .version(version.asUInt64 ?? .max) }
    var calls: [Call] = []
    for (index, element) in try fields[1].parts().enumerated() {
      let parts = try element.parts(4)
      let targetBytes = try parts[0].bytes()
      let target: InteroperableAddress
      do { target = try InteroperableAddress(decoding: targetBytes.span) } catch {
        throw .target(call: index, error)
      }
      var funds: [Coin] = []
      for coin in try parts[1].parts() {
        let members = try coin.parts(2)
        funds.append(Coin(denomination: try members[0].bytes(), amount: try members[1].integer()))
      }
      calls.append(
        Call(
          target: target, funds: funds, gasLimit: try parts[2].integer().asUInt64 ?? 0,
          input: try parts[3].bytes()))
    }
    let refundBytes = try fields[2].bytes()
    let refundTo: InteroperableAddress
    do { refundTo = try InteroperableAddress(decoding: refundBytes.span) } catch { throw .refund(error) }
    var attributes: [Attribute] = []
    for element in try fields[3].parts() {
      let members = try element.parts(2)
      let selector = try members[0].bytes()
      guard selector.count == 4 else { throw .ssz(.shape) }
      attributes.append(
        Attribute(selector: FixedBytes<4> { selector[$0] }, value: try members[1].bytes()))
    }
    try self.init(calls: calls, refundTo: refundTo, attributes: attributes)
  }
}

/// Members of a value that was decoded by its type: the shape is known, and still not assumed.
extension SSZValue {
  fileprivate func parts(_ count: Int? = nil) throws(EnvelopeError) -> [SSZValue] {
    guard case .sequence(let parts) = self, count == nil || parts.count == count else { throw .ssz(.shape) }
    return parts
  }

  fileprivate func bytes() throws(EnvelopeError) -> [UInt8] {
    guard case .packed(let bytes) = self else { throw .ssz(.shape) }
    return bytes
  }

  fileprivate func integer() throws(EnvelopeError) -> UInt256 {
    guard case .uint(let value) = self else { throw .ssz(.shape) }
    return value
  }
}
