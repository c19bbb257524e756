public import Encodings
import WireBytes

/// Why a call reverted: the bytes that it gave back, read as the errors that Solidity and Vyper write and that
/// routers, their clients and applications define.
public struct EVMRevert: Hashable, Sendable {
  /// Longer ones are cut before they are read.
  public static let sizeMax = 65_536
  /// Errors within errors that are read.
  public static let depthMax = 4

  /// Of the error, for instance `IBCPacketReceiptMismatch`; `Error` for words, `Panic`, `empty` for no bytes at all,
  /// or the selector of an unknown one in hex.
  public let name: String
  public let arguments: [ABIValue]
  /// The words of `Error(string)`.
  public let words: String?
  /// Which call of several failed, when the router said so.
  public let callIndex: UInt64?

  private struct Definition {
    let name: String
    let arguments: [ABIType]
  }

  private static let definitions: [FixedBytes<4>: Definition] = {
    let bytes = ABIType.bytes
    let number = ABIType.uint256
    let narrow = ABIType.uint(64)
    let list: [(String, [ABIType])] = [
      // Router and clients (ICS26Router, ICS02Client, light clients).
      ("AccessManagedUnauthorized", [.address]), ("IBCAppNotFound", [.string]),
      ("IBCAsyncAcknowledgementNotSupported", []), ("IBCClientAlreadyExists", [.string]),
      ("IBCClientNotFound", [.string]), ("IBCCounterpartyClientNotFound", [.string]),
      ("IBCErrorUniversalAcknowledgement", []), ("IBCFailedCallback", []), ("IBCInvalidClientId", [.string]),
      ("IBCInvalidCounterparty", [.string, .string]), ("IBCInvalidPortIdentifier", [.string]),
      ("IBCInvalidTimeoutDuration", [number, number]), ("IBCInvalidTimeoutTimestamp", [number, number]),
      ("IBCMultiPayloadPacketNotSupported", []), ("IBCPacketAcknowledgementAlreadyExists", [bytes]),
      ("IBCPacketCommitmentAlreadyExists", [bytes]), ("IBCPacketCommitmentMismatch", [.bytes32, .bytes32]),
      ("IBCPacketReceiptMismatch", [.bytes32, .bytes32]), ("IBCPortAlreadyExists", [.string]),
      ("IBCUnauthorizedSender", [.address]), ("InvalidMerklePrefix", [.array(bytes)]),
      ("NoAcknowledgements", []), ("InvalidInitialization", []), ("ReentrancyGuardReentrantCall", []),
      ("BadQuorum", [.uint(8), number]), ("NoAttestors", []), ("ConsensusTimestampNotFound", [narrow]),
      ("DuplicateSigner", [.address]), ("EmptyPackets", []), ("EmptySignatures", []), ("EmptyValue", []),
      ("FeatureNotSupported", []), ("FrozenClientState", []), ("HeightMismatch", [narrow, narrow]),
      ("InvalidPathLength", [number, number]), ("InvalidSignatureLength", [bytes]),
      ("InvalidState", [narrow, narrow]), ("NotMember", []), ("NotNonMember", []),
      ("SignatureInvalid", [bytes]),
      ("ThresholdNotMet", [number, .uint(8)]), ("UnknownSigner", [.address]), ("ECDSAInvalidSignature", []),
      ("ECDSAInvalidSignatureS", [.bytes32]), ("AccessControlUnauthorizedAccount", [.address, .bytes32]),
      // Transfer.
      ("ICS20InvalidAddress", [.string]), ("ICS20InvalidAmount", [number]),
      ("ICS20InvalidPort", [.string, .string]), ("ICS20UnexpectedVersion", [.string, .string]),
      ("ICS20UnexpectedEncoding", [.string, .string]), ("ICS20DenomNotFound", [.string]),
      ("ICS20Unauthorized", [.address]), ("EnforcedPause", []),
      ("ERC20InsufficientBalance", [.address, number, number]),
      ("ERC20InsufficientAllowance", [.address, number, number]),
      // Of this project's contracts.
      ("CallFailed", [number, bytes]), ("Unauthorized", [.address]), ("ClientIsPaused", [.string]),
      ("ClientNotActive", [.string, .uint(8)]), ("CallbackStarved", [number, number]),
      ("AcknowledgementTooLong", [number]), ("InvalidPacket", []), ("InvalidEnvelope", [number]),
      ("InvalidClient", [.address]), ("InvalidApp", [.address]), ("NotNow", [bytes]), ("InvalidEvidence", []),
      ("SignerOutOfOrder", [number]), ("PathListedTwice", [.bytes32]), ("EvidenceNotAccepted", [.bytes32]),
      ("Contradiction", []), ("NoContradiction", []), ("TooOld", [number, number]),
      ("FromTheFuture", [number, number]), ("NoContract", [.address]), ("CallReverted", [number, bytes]),
      ("ResultTooLong", [number]),
      ("FundsRefused", [.address, number]), ("InvalidTransfer", [number]), ("TransferRefused", [.address]),
      ("InsufficientEscrow", [.address, number, number]), ("OverCap", [.string, .address, number, number]),
    ]
    var definitions: [FixedBytes<4>: Definition] = [:]
    for (name, arguments) in list {
      let selector = ABI.selector(name + ABIType.tuple(arguments).name)
      definitions[selector] = Definition(name: name, arguments: arguments)
    }
    return definitions
  }()

  /// Reads what a call gave back; nothing is refused, since anybody may revert with anything.
  public init(_ bytes: [UInt8]) { self.init(bytes, depth: 0) }

  private init(_ bytes: [UInt8], depth: Int) {
    guard bytes.count >= 4, bytes.count <= Self.sizeMax else {
      self.init(name: bytes.isEmpty ? "empty" : "bytes")
      return
    }
    let selector = FixedBytes<4> { bytes[$0] }
    let rest = Array(bytes.dropFirst(4))
    func arguments(_ types: [ABIType]) -> [ABIValue]? {
      // Vyper's reasons are padded as Solidity's are; what is not, is told by its name alone.
      try? ABI.decode(rest, as: types)
    }
    if selector == ABI.selector("Error(string)"), case .string(let words)? = arguments([.string])?.first {
      self.init(name: "Error", words: words)
    } else if selector == ABI.selector("Panic(uint256)"), let values = arguments([.uint256]) {
      self.init(name: "Panic", arguments: values)
    } else if let known = Self.definitions[selector] {
      let values = arguments(known.arguments) ?? []
      if known.name == "CallFailed", depth < Self.depthMax, case .uint(let index)? = values.first,
        case .bytes(let reason)? = values.last
      {
        let inner = EVMRevert(reason, depth: depth + 1)
        self.init(
          name: inner.name, arguments: inner.arguments, words: inner.words, callIndex: index.asUInt64)
      } else {
        self.init(name: known.name, arguments: values)
      }
    } else {
      self.init(name: selector.description)
    }
  }

  private init(name: String, arguments: [ABIValue] = [], words: String? = nil, callIndex: UInt64? = nil) {
    self.name = name
    self.arguments = arguments
    self.words = words
    self.callIndex = callIndex
  }

  /// A dotted name for logs and for deciding what to do next.
  public var code: String { "evm." + name }

  /// For people: the error with what it says.
  public var text: String {
    if let words { return words }
    guard !arguments.isEmpty else { return name }
    return "\(name)(\(arguments.map(Self.text).joined(separator: ", ")))"
  }

  private static func text(_ value: ABIValue) -> String {
    switch value {
    case .uint(let number), .int(let number): number.description
    case .address(let address): address.description
    case .boolean(let boolean): boolean.description
    case .fixedBytes(let bytes), .bytes(let bytes): Hex.encode(bytes)
    case .string(let string): string
    case .array(let values), .tuple(let values): "[" + values.map(text).joined(separator: ", ") + "]"
    }
  }
}
