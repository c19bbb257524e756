public import WireBytes

/// Why a payload is not what its kind demands.
public enum WormholePayloadError: Error, Hashable, Sendable {
  case wire(WireError)
  /// The first byte or the four-byte prefix names another kind.
  case wrongKind(expected: UInt32, actual: UInt32)
  case unsupportedVersion(UInt8)
  /// A module name is left-padded ASCII; this one is not.
  case moduleName
  /// A value that has two encodings stands in the longer one.
  case notCanonical(offset: Int)
  /// A count does not equal the one it must match.
  case countMismatch(expected: Int, actual: Int)
  /// A list that must not be empty is.
  case empty(offset: Int)
  /// A value outside what the field allows.
  case outOfRange(offset: Int, value: UInt64)

  /// Gives a decoder that reads and judges in one body its single error type back.
  init(either error: any Error) {
    switch error {
    case let error as WormholePayloadError: self = error
    case let error as WireError: self = .wire(error)
    default: preconditionFailure("the decoders throw these two only")
    }
  }
}

/// A governance packet: which module of which chains must do what.
///
/// Layout: `[module: 32, left-padded ASCII][action: 1][chain: 2, 0 = all]` and the action's fields, exactly; the
/// chain is missing in ``Action/recoverChainID(evmChainID:newChainID:)``.
///
/// Source: wormhole ethereum/contracts/GovernanceStructs.sol, bridge/BridgeGovernance.sol, sdk/vaa/payloads.go.
public struct WormholeGovernance: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    /// Core 1; TokenBridge, NFTBridge and WormholeRelayer 2: replace the implementation.
    case upgradeContract(newContract: Bytes32)
    /// Core 2.
    case guardianSetUpgrade(newIndex: UInt32, keys: [Bytes20])
    /// Core 3: in the chain's smallest unit.
    case setMessageFee(UInt256)
    /// Core 4.
    case transferFees(amount: UInt256, recipient: Bytes32)
    /// Core 5, TokenBridge and NFTBridge 3: after a fork.
    case recoverChainID(evmChainID: UInt256, newChainID: UInt16)
    /// TokenBridge, NFTBridge, WormholeRelayer 1: trust this emitter.
    case registerChain(emitterChain: UInt16, emitter: Bytes32)
    /// WormholeRelayer 3.
    case setDefaultProvider(Bytes32)
    /// DelegatedGuardians 1: guardians that sign for a chain, and how many of them are needed.
    case delegateGuardians(configIndex: UInt256, sets: [DelegatedSet])
    /// CircleIntegration 1.
    case updateFinality(UInt8)
    /// CircleIntegration 2.
    case registerCircleEmitter(emitterChain: UInt16, emitter: Bytes32, circleDomain: UInt32)
    /// A module or action that is not decoded here.
    case other(fields: [UInt8])
  }

  /// Which guardians observe one chain for the others.
  public struct DelegatedSet: Hashable, Sendable {
    public let chain: UInt16
    public let threshold: UInt8
    public let keys: [Bytes20]
  }

  /// Solana's chain id.
  public static let emitterChain: UInt16 = 1
  /// 0x…04, the governance contract.
  public static let emitter = Bytes32(bigEndian: 4)

  public let module: String
  public let actionNumber: UInt8
  /// 0 for all; 0 too where the action has no such field.
  public let chain: UInt16
  public let action: Action

  /// - Throws: ``WormholePayloadError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      let name: Bytes32 = try reader.readFixed()
      guard let module = Self.name(name) else { throw WormholePayloadError.moduleName }
      self.module = module
      actionNumber = try reader.readUInt8()
      if (module == "Core" && actionNumber == 5)
        || ((module == "TokenBridge" || module == "NFTBridge") && actionNumber == 3)
      {
        chain = 0
        action = .recoverChainID(
          evmChainID: UInt256(bigEndian: try reader.readFixed()), newChainID: try reader.readBigEndian())
      } else {
        chain = try reader.readBigEndian()
        action = try Self.action(module, actionNumber, &reader)
      }
      try reader.finish()
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  private static func action(
    _ module: String, _ number: UInt8, _ reader: inout ByteReader
  ) throws -> Action {
    switch (module, number) {
    case ("Core", 1), ("TokenBridge", 2), ("NFTBridge", 2), ("WormholeRelayer", 2), ("CircleIntegration", 3):
      return .upgradeContract(newContract: try reader.readFixed())
    case ("Core", 2):
      let index: UInt32 = try reader.readBigEndian()
      return .guardianSetUpgrade(newIndex: index, keys: try keys(&reader))
    case ("Core", 3):
      return .setMessageFee(UInt256(bigEndian: try reader.readFixed()))
    case ("Core", 4):
      return .transferFees(
        amount: UInt256(bigEndian: try reader.readFixed()), recipient: try reader.readFixed())
    case ("TokenBridge", 1), ("NFTBridge", 1), ("WormholeRelayer", 1):
      return .registerChain(emitterChain: try reader.readBigEndian(), emitter: try reader.readFixed())
    case ("WormholeRelayer", 3):
      return .setDefaultProvider(try reader.readFixed())
    case ("CircleIntegration", 1):
      return .updateFinality(try reader.readUInt8())
    case ("CircleIntegration", 2):
      return .registerCircleEmitter(
        emitterChain: try reader.readBigEndian(), emitter: try reader.readFixed(),
        circleDomain: try reader.readBigEndian())
    case ("DelegatedGuardians", 1):
      let configIndex = UInt256(bigEndian: try reader.readFixed())
      let count = try reader.readUInt8()
      var sets: [DelegatedSet] = []
      for _ in 0..<count {
        let chain: UInt16 = try reader.readBigEndian()
        let threshold = try reader.readUInt8()
        sets.append(DelegatedSet(chain: chain, threshold: threshold, keys: try keys(&reader)))
      }
      return .delegateGuardians(configIndex: configIndex, sets: sets)
    default:
      return .other(fields: reader.readRest())
    }
  }

  private static func keys(_ reader: inout ByteReader) throws(WireError) -> [Bytes20] {
    let count = Int(try reader.readUInt8())
    var keys: [Bytes20] = []
    keys.reserveCapacity(count)
    for _ in 0..<count { keys.append(try reader.readFixed()) }
    return keys
  }

  /// Printable ASCII after leading zeroes; nil otherwise.
  private static func name(_ padded: Bytes32) -> String? {
    let characters = padded.array.drop { $0 == 0 }
    guard !characters.isEmpty, characters.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    return String(decoding: characters, as: UTF8.self)
  }
}
