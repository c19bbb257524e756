private import Digests
public import WireBytes

/// Why a suite refused a signature; nested errors keep the scheme's own reason.
public indirect enum SignatureRefusal: Error, Hashable, Sendable {
  /// The registry has no suite with this number.
  case unknownSuite(UInt16)
  /// The suite is refused since this Unix second.
  case forbidden(UInt16, from: UInt64)
  /// A hybrid entry names a suite that is itself a hybrid.
  case nestedHybrid(UInt16)
  /// An Ethereum address has 20 bytes.
  case addressLength(Int)
  /// The signature was made by another address.
  case address(recovered: Bytes20)
  case secp256k1Key(Secp256k1.KeyError)
  case secp256k1(Secp256k1.VerificationError)
  case ecdsa(ECDSAError)
  case ed25519(Ed25519.VerificationError)
  case rsaPSS(RSAPSS.VerificationError)
  case mlDSA(MLDSA.VerificationError)
  /// The key of a hybrid is not in its format.
  case hybridKey(HybridFormatError)
  /// The signature of a hybrid is not in its format.
  case hybridSignature(HybridFormatError)
  /// The classical half was refused.
  case classicalHalf(SignatureRefusal)
  /// The post-quantum half was refused.
  case postQuantumHalf(SignatureRefusal)
}

/// The suites a deployment knows, as data: one call verifies a signature of any of them.
public struct SignatureSuites: Sendable {
  /// Sorted by number, without duplicates.
  public let entries: [SuiteEntry]

  /// Why entries are no registry.
  public enum RegistryError: Error, Hashable, Sendable {
    case duplicate(UInt16)
    /// A hybrid names a suite that is missing or itself a hybrid.
    case part(hybrid: UInt16, part: UInt16)
  }

  public init(_ entries: [SuiteEntry]) throws(RegistryError) {
    let sorted = entries.sorted { $0.id < $1.id }
    for index in sorted.indices.dropFirst() where sorted[index].id == sorted[index - 1].id {
      throw .duplicate(sorted[index].id.rawValue)
    }
    self.entries = sorted
    for entry in sorted {
      guard case .hybrid(let classical, let postQuantum) = entry.algorithm else { continue }
      for part in [classical, postQuantum] {
        guard let found = self.entry(part), !found.isHybrid else {
          throw .part(hybrid: entry.id.rawValue, part: part.rawValue)
        }
      }
    }
  }

  private init(wellFormed entries: [SuiteEntry]) { self.entries = entries }

  /// Every suite of ``SuiteID``. RSA is deprecated from 2031-01-01 and forbidden from 2036-01-01, because its suites
  /// admit 2048-bit keys (NIST IR 8547 ipd, table 2: 112-bit strength).
  public static let standard = SignatureSuites(wellFormed: [
    SuiteEntry(id: .secp256k1Keccak256, name: "secp256k1-keccak256", algorithm: .secp256k1(.keccak256)),
    SuiteEntry(id: .secp256k1SHA256, name: "secp256k1-sha256", algorithm: .secp256k1(.sha256)),
    SuiteEntry(id: .ethereumAddress, name: "ethereum-address", algorithm: .ethereumAddress),
    SuiteEntry(id: .p256SHA256, name: "p256-sha256", algorithm: .p256),
    SuiteEntry(id: .p384SHA384, name: "p384-sha384", algorithm: .p384),
    SuiteEntry(id: .ed25519, name: "ed25519", algorithm: .ed25519(.rfc8032Strict)),
    SuiteEntry(id: .ed25519ZIP215, name: "ed25519-zip215", algorithm: .ed25519(.zip215)),
    SuiteEntry(
      id: .rsaPSSSHA256, name: "rsa-pss-sha256", algorithm: .rsaPSS(.sha256),
      deprecatedFrom: weakRSADeprecated, forbiddenFrom: weakRSAForbidden),
    SuiteEntry(
      id: .rsaPSSSHA384, name: "rsa-pss-sha384", algorithm: .rsaPSS(.sha384),
      deprecatedFrom: weakRSADeprecated, forbiddenFrom: weakRSAForbidden),
    SuiteEntry(
      id: .rsaPSSSHA512, name: "rsa-pss-sha512", algorithm: .rsaPSS(.sha512),
      deprecatedFrom: weakRSADeprecated, forbiddenFrom: weakRSAForbidden),
    SuiteEntry(id: .mlDSA65, name: "ml-dsa-65", algorithm: .mlDSA(.mldsa65)),
    SuiteEntry(id: .mlDSA87, name: "ml-dsa-87", algorithm: .mlDSA(.mldsa87)),
    SuiteEntry(
      id: .ed25519AndMLDSA65, name: "ed25519+ml-dsa-65",
      algorithm: .hybrid(classical: .ed25519, postQuantum: .mlDSA65)),
    SuiteEntry(
      id: .secp256k1AndMLDSA65, name: "secp256k1-keccak256+ml-dsa-65",
      algorithm: .hybrid(classical: .secp256k1Keccak256, postQuantum: .mlDSA65)),
    SuiteEntry(
      id: .p384AndMLDSA87, name: "p384-sha384+ml-dsa-87",
      algorithm: .hybrid(classical: .p384SHA384, postQuantum: .mlDSA87)),
  ])

  private static let weakRSADeprecated: UInt64 = 1_924_992_000
  private static let weakRSAForbidden: UInt64 = 2_082_758_400

  /// The suite with number `id`, nil when there is none.
  public func entry(_ id: SuiteID) -> SuiteEntry? { entries.first { $0.id == id } }

  /// The suite with this name, nil when there is none.
  public func entry(named name: String) -> SuiteEntry? { entries.first { $0.name == name } }

  /// Checks `signature` over `message`; returning means that it holds.
  ///
  /// - Parameter seconds: Unix seconds of the decision, never of the signature: a signer can write any date.
  /// - Returns: whether the suite is active or already deprecated, for the caller to report.
  /// - Throws: ``SignatureRefusal``.
  @discardableResult
  public func verify(
    suite: SuiteID, key: Span<UInt8>, message: Span<UInt8>, signature: Span<UInt8>, at seconds: UInt64
  ) throws(SignatureRefusal) -> SuiteStatus {
    let (entry, status) = try admitted(suite, at: seconds)
    guard case .hybrid(let classical, let postQuantum) = entry.algorithm else {
      try check(entry, key: key, message: message, signature: signature, context: [])
      return status
    }
    return try checkHybrid(
      entry, classical, postQuantum, key: key, message: message, signature: signature, status: status,
      at: seconds)
  }

  /// Checks `signature` over a 32-byte digest.
  ///
  /// secp256k1 and P-256, whose hashes have 32 bytes, verify it as their digest; every other suite takes its 32 bytes
  /// as the message.
  @discardableResult
  public func verify(
    suite: SuiteID, key: Span<UInt8>, digest: Bytes32, signature: Span<UInt8>, at seconds: UInt64
  ) throws(SignatureRefusal) -> SuiteStatus {
    let (entry, status) = try admitted(suite, at: seconds)
    switch entry.algorithm {
    case .secp256k1: try checkSecp256k1(key: key, digest: digest, signature: signature)
    case .ethereumAddress: try checkAddress(key: key, digest: digest, signature: signature)
    case .p256: try checkP256(key: key, digest: digest, signature: signature)
    case .p384, .ed25519, .rsaPSS, .mlDSA, .hybrid:
      return try verify(suite: suite, key: key, message: digest.span, signature: signature, at: seconds)
    }
    return status
  }

  private func admitted(
    _ suite: SuiteID, at seconds: UInt64
  ) throws(SignatureRefusal) -> (SuiteEntry, SuiteStatus) {
    guard let entry = entry(suite) else { throw .unknownSuite(suite.rawValue) }
    let status = entry.status(at: seconds)
    if case .forbidden(let date) = status { throw .forbidden(suite.rawValue, from: date) }
    return (entry, status)
  }

  private func check(
    _ entry: SuiteEntry, key: Span<UInt8>, message: Span<UInt8>, signature: Span<UInt8>, context: [UInt8]
  ) throws(SignatureRefusal) {
    switch entry.algorithm {
    case .secp256k1(.keccak256):
      try checkSecp256k1(key: key, digest: Keccak256.hash(message), signature: signature)
    case .secp256k1(.sha256):
      try checkSecp256k1(key: key, digest: SHA256Hash.hash(message), signature: signature)
    case .ethereumAddress:
      try checkAddress(key: key, digest: Keccak256.hash(message), signature: signature)
    case .p256:
      try checkP256(key: key, digest: SHA256Hash.hash(message), signature: signature)
    case .p384:
      do {
        try ECDSAP384.verify(message, signature: signature, key: ECDSAP384.PublicKey(sec1: key))
      } catch { throw .ecdsa(error) }
    case .ed25519(let rule):
      do {
        try Ed25519.verify(message, signature: signature, key: key, rule: rule)
      } catch { throw .ed25519(error) }
    case .rsaPSS(let hash):
      do {
        try RSAPSS.verify(message, signature: signature, key: RSAPSS.PublicKey(der: key), hash: hash)
      } catch { throw .rsaPSS(error) }
    case .mlDSA(let parameters):
      do {
        try MLDSA.verify(
          message, signature: signature, key: key, context: context.span, parameters: parameters)
      } catch { throw .mlDSA(error) }
    case .hybrid:
      throw .nestedHybrid(entry.id.rawValue)
    }
  }

  private func checkSecp256k1(
    key: Span<UInt8>, digest: Bytes32, signature: Span<UInt8>
  ) throws(SignatureRefusal) {
    let parsed: Secp256k1.PublicKey
    do { parsed = try Secp256k1.PublicKey(sec1: key) } catch { throw .secp256k1Key(error) }
    do {
      try Secp256k1.verify(
        digest: digest, signature: Secp256k1.Signature(compact: signature), key: parsed, policy: .lowSRequired
      )
    } catch { throw .secp256k1(error) }
  }

  private func checkAddress(
    key: Span<UInt8>, digest: Bytes32, signature: Span<UInt8>
  ) throws(SignatureRefusal) {
    guard key.count == 20 else { throw .addressLength(key.count) }
    let recovered: Bytes20
    do {
      recovered = try Secp256k1.recoverAddress(
        digest: digest, signature: signature, form: .twentySevenOrTwentyEight, policy: .lowSRequired)
    } catch { throw .secp256k1(error) }
    guard recovered == Bytes20(key, at: 0) else { throw .address(recovered: recovered) }
  }

  private func checkP256(
    key: Span<UInt8>, digest: Bytes32, signature: Span<UInt8>
  ) throws(SignatureRefusal) {
    guard signature.count == 64 else { throw .ecdsa(.signatureLength(signature.count)) }
    do {
      let parsed = try ECDSAP256.PublicKey(sec1: key)
      try ECDSAP256.verify(digest: digest, signature: Bytes64(signature, at: 0), key: parsed)
    } catch { throw .ecdsa(error) }
  }

  private func checkHybrid(
    _ entry: SuiteEntry, _ classical: SuiteID, _ postQuantum: SuiteID, key: Span<UInt8>,
    message: Span<UInt8>, signature: Span<UInt8>, status: SuiteStatus, at seconds: UInt64
  ) throws(SignatureRefusal) -> SuiteStatus {
    let keys: HybridParts
    let signatures: HybridParts
    do {
      keys = try HybridParts(decoding: key, classical: classical, postQuantum: postQuantum)
    } catch { throw .hybridKey(error) }
    do {
      signatures = try HybridParts(decoding: signature, classical: classical, postQuantum: postQuantum)
    } catch { throw .hybridSignature(error) }
    let preimage = HybridSignature.preimage(message, suite: entry.id)
    var worst = status
    do {
      let (part, partStatus) = try admitted(classical, at: seconds)
      if worst == .active { worst = partStatus }
      try check(
        part, key: keys.classical.span, message: preimage.span, signature: signatures.classical.span,
        context: [])
    } catch { throw .classicalHalf(error) }
    do {
      let (part, partStatus) = try admitted(postQuantum, at: seconds)
      if worst == .active { worst = partStatus }
      try check(
        part, key: keys.postQuantum.span, message: preimage.span, signature: signatures.postQuantum.span,
        context: HybridSignature.context)
    } catch { throw .postQuantumHalf(error) }
    return worst
  }
}

extension SuiteEntry {
  fileprivate var isHybrid: Bool { if case .hybrid = algorithm { true } else { false } }
}
