import SignatureSchemes
public import WireBytes

/// Why a VAA is not accepted under a guardian set. Positions count signatures from 0.
public enum VAARefusal: Error, Hashable, Sendable {
  /// The set has no keys, or none is known under the index that the VAA names.
  case unknownGuardianSet(index: UInt32)
  /// The VAA names one set and was held against another.
  case otherGuardianSet(named: UInt32, given: UInt32)
  /// The set was replaced and its overlap is over, or not known to last, at `time`.
  case guardianSetExpired(index: UInt32, expired: UInt64?, time: UInt64)
  case noQuorum(signatures: Int, needed: Int)
  /// No key can be recovered: r or s is zero or too large, v is neither 0 nor 1, or the point does not exist.
  case recoveryFailed(position: Int)
  /// Guardian indices must increase, so that no guardian counts twice.
  case indicesNotAscending(position: Int, index: UInt8, previous: UInt8)
  case guardianIndexOutOfBounds(position: Int, index: UInt8, guardians: Int)
  /// The signature was made by another key, or over another body.
  case signatureInvalid(position: Int, guardian: UInt8, recovered: Bytes20)

  /// The text with which the EVM contract refuses (Messages.sol at 640e1848).
  public var contractReason: String {
    switch self {
    case .unknownGuardianSet, .otherGuardianSet: "invalid guardian set"
    case .guardianSetExpired: "guardian set has expired"
    case .noQuorum: "no quorum"
    case .recoveryFailed: "ecrecover failed with signature"
    case .indicesNotAscending: "signature indices must be ascending"
    case .guardianIndexOutOfBounds: "guardian index out of bounds"
    case .signatureInvalid: "VM signature invalid"
    }
  }

  /// The case name: stable, for programs.
  public var code: String {
    switch self {
    case .unknownGuardianSet: "unknownGuardianSet"
    case .otherGuardianSet: "otherGuardianSet"
    case .guardianSetExpired: "guardianSetExpired"
    case .noQuorum: "noQuorum"
    case .recoveryFailed: "recoveryFailed"
    case .indicesNotAscending: "indicesNotAscending"
    case .guardianIndexOutOfBounds: "guardianIndexOutOfBounds"
    case .signatureInvalid: "signatureInvalid"
    }
  }
}

/// A VAA whose signatures were checked; only ``VAA/verify(under:at:)`` makes one.
public struct VerifiedVAA: Hashable, Sendable {
  public let vaa: VAA
  /// The set whose quorum signed.
  public let guardianSet: GuardianSet
  /// The replay key.
  public let digest: Bytes32

  fileprivate init(vaa: VAA, guardianSet: GuardianSet, digest: Bytes32) {
    self.vaa = vaa
    self.guardianSet = guardianSet
    self.digest = digest
  }
}

extension VAA {
  /// Checks the signatures as the contracts do, in their order: keys known, set in force, quorum, then each signature:
  /// recoverable, index ascending, index in bounds, signer right. All signatures are checked, not only a quorum.
  ///
  /// A high `s` is accepted, as on every chain: the bytes of a VAA are malleable, its ``digest`` is not.
  ///
  /// - Parameter time: Unix seconds at which a replaced set must still be in its overlap; nil judges the signatures
  ///   alone, as for a message of the past.
  /// - Throws: ``VAARefusal``.
  /// - Complexity: one key recovery per signature; no allocation.
  /// - SeeAlso: wormhole ethereum/contracts/Messages.sol, verifyVMInternal and verifySignatures.
  public func verify(under set: GuardianSet, at time: UInt64?) throws(VAARefusal) -> VerifiedVAA {
    guard !set.keys.isEmpty else { throw .unknownGuardianSet(index: guardianSetIndex) }
    guard set.index == guardianSetIndex else {
      throw .otherGuardianSet(named: guardianSetIndex, given: set.index)
    }
    if case .replaced(let expires) = set.standing, let time {
      guard let expires, time <= expires else {
        throw .guardianSetExpired(index: set.index, expired: expires, time: time)
      }
    }
    guard signatures.count >= set.quorum else {
      throw .noQuorum(signatures: signatures.count, needed: set.quorum)
    }
    let digest = digest
    var previous: UInt8?
    for position in signatures.indices {
      let signature = signatures[position]
      let index = signature.guardianIndex
      guard let signer = SignerRecovery.address(of: digest, signature: signature.bytes, form: .zeroOrOne)
      else { throw .recoveryFailed(position: position) }
      if let previous, index <= previous {
        throw .indicesNotAscending(position: position, index: index, previous: previous)
      }
      previous = index
      guard Int(index) < set.keys.count else {
        throw .guardianIndexOutOfBounds(position: position, index: index, guardians: set.keys.count)
      }
      guard signer == set.keys[Int(index)] else {
        throw .signatureInvalid(position: position, guardian: index, recovered: signer)
      }
    }
    return VerifiedVAA(vaa: self, guardianSet: set, digest: digest)
  }

  /// The addresses that made the signatures, in their order; nil where no key can be recovered.
  ///
  /// Says nothing about whether they may sign.
  public func recoveredSigners() -> [Bytes20?] {
    let digest = digest
    return signatures.map { SignerRecovery.address(of: digest, signature: $0.bytes, form: .zeroOrOne) }
  }
}
