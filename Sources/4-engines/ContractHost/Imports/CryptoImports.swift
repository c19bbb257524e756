private import SignatureSchemes
private import WireBytes

/// What a crypto import answers besides 0 and 1 (cosmwasm packages/crypto/src/errors.rs, `code`).
enum CryptoCode {
  static let valid: UInt64 = 0
  static let invalid: UInt64 = 1
  static let hashFormat: UInt64 = 3
  static let signatureFormat: UInt64 = 4
  static let keyFormat: UInt64 = 5
  static let recoveryParameter: UInt64 = 6
  static let batch: UInt64 = 7
  static let generic: UInt64 = 10
}

/// Signatures. Bad input is an answer, not a failure: the contract reads the code.
extension CallFrame {
  /// ECDSA over a digest. Either s is taken; keys are 33 bytes (02, 03) or 65 (04).
  func verifyECDSA(
    _ host: HostImport, _ hashPointer: UInt32, _ signaturePointer: UInt32, _ keyPointer: UInt32
  ) throws(CallFailure) -> UInt64 {
    let hash = try read(regionAt: hashPointer, limit: ImportLimits.digest)
    let signature = try read(regionAt: signaturePointer, limit: ImportLimits.signature)
    let key = try read(regionAt: keyPointer, limit: ImportLimits.ecdsaKey)
    let isK1 = host == .secp256k1Verify
    try meter.charge(isK1 ? VMGas.secp256k1Verify : VMGas.secp256r1Verify)
    guard let digest = try? Bytes32(hash) else { return CryptoCode.hashFormat }
    guard let compact = try? Bytes64(signature) else { return CryptoCode.signatureFormat }
    guard Self.isSEC1(key) else { return CryptoCode.keyFormat }
    return isK1 ? Self.verifyK1(digest, compact, key) : Self.verifyR1(digest, compact, key)
  }

  private static func isSEC1(_ key: [UInt8]) -> Bool {
    switch key.first {
    case 2, 3: key.count == 33
    case 4: key.count == 65
    default: false
    }
  }

  private static func verifyK1(_ digest: Bytes32, _ compact: Bytes64, _ key: [UInt8]) -> UInt64 {
    guard let signature = try? Secp256k1.Signature(compact: compact),
      let key = try? Secp256k1.PublicKey(sec1: key)
    else { return CryptoCode.generic }
    do {
      try Secp256k1.verify(digest: digest, signature: signature, key: key, policy: .anyS)
      return CryptoCode.valid
    } catch {
      return CryptoCode.invalid
    }
  }

  private static func verifyR1(_ digest: Bytes32, _ compact: Bytes64, _ key: [UInt8]) -> UInt64 {
    guard let key = try? ECDSAP256.PublicKey(sec1: key.span) else { return CryptoCode.generic }
    do {
      try ECDSAP256.verify(digest: digest, signature: compact, key: key)
      return CryptoCode.valid
    } catch {
      switch error {
      case .rZero, .rOverflow, .sZero, .sOverflow: return CryptoCode.generic
      default: return CryptoCode.invalid
      }
    }
  }

  /// The key that made a signature: a region of 65 bytes in the low half, or a code in the high half.
  func recoverECDSA(
    _ host: HostImport, _ hashPointer: UInt32, _ signaturePointer: UInt32, _ parameter: UInt32
  ) throws(CallFailure) -> UInt64 {
    let hash = try read(regionAt: hashPointer, limit: ImportLimits.digest)
    let signature = try read(regionAt: signaturePointer, limit: ImportLimits.signature)
    guard parameter <= UInt8.max else { return CryptoCode.recoveryParameter << 32 }
    let isK1 = host == .secp256k1RecoverPubkey
    try meter.charge(isK1 ? VMGas.secp256k1Recover : VMGas.secp256r1Recover)
    guard let digest = try? Bytes32(hash) else { return CryptoCode.hashFormat << 32 }
    guard let compact = try? Bytes64(signature) else { return CryptoCode.signatureFormat << 32 }
    guard parameter <= (isK1 ? 1 : 3) else { return CryptoCode.recoveryParameter << 32 }
    let recovered =
      isK1 ? Self.recoverK1(digest, compact, parameter) : Self.recoverR1(digest, compact, parameter)
    guard let key = recovered else { return CryptoCode.generic << 32 }
    return try UInt64(give(key))
  }

  private static func recoverK1(_ digest: Bytes32, _ compact: Bytes64, _ parameter: UInt32) -> [UInt8]? {
    guard let signature = try? Secp256k1.Signature(compact: compact),
      let recoverable = try? Secp256k1.RecoverableSignature(
        signature, v: UInt64(parameter), form: .zeroOrOne),
      let key = try? Secp256k1.recover(digest: digest, signature: recoverable, policy: .anyS)
    else { return nil }
    return key.uncompressed.array
  }

  private static func recoverR1(_ digest: Bytes32, _ compact: Bytes64, _ parameter: UInt32) -> [UInt8]? {
    guard let recoveryID = UInt8(exactly: parameter),
      let key = try? ECDSAP256.recover(digest: digest, signature: compact, recoveryID: recoveryID)
    else { return nil }
    return key.uncompressed.array
  }

  /// EdDSA by the rules of ZIP 215, as ed25519-zebra has them.
  func verifyEd25519(
    _ messagePointer: UInt32, _ signaturePointer: UInt32, _ keyPointer: UInt32
  ) throws(CallFailure) -> UInt64 {
    let message = try read(regionAt: messagePointer, limit: ImportLimits.ed25519Message)
    let signature = try read(regionAt: signaturePointer, limit: ImportLimits.signature)
    let key = try read(regionAt: keyPointer, limit: ImportLimits.ed25519Key)
    try meter.charge(VMGas.ed25519Verify)
    return Self.verify(message[...], signature[...], key[...])
  }

  private static func verify(
    _ message: ArraySlice<UInt8>, _ signature: ArraySlice<UInt8>, _ key: ArraySlice<UInt8>
  ) -> UInt64 {
    guard let signature = try? Bytes64([UInt8](signature)) else { return CryptoCode.signatureFormat }
    guard let key = try? Bytes32([UInt8](key)) else { return CryptoCode.keyFormat }
    do {
      try Ed25519.verify(message.span, signature: signature, key: key, rule: .zip215)
      return CryptoCode.valid
    } catch {
      return CryptoCode.invalid
    }
  }

  /// Many at once, or one message for many keys, or many messages for one key.
  ///
  /// Each is verified for itself: under ZIP 215's cofactored equation a batch passes when and only when all do, and
  /// so the answer depends on no random numbers.
  func verifyEd25519Batch(
    _ messagesPointer: UInt32, _ signaturesPointer: UInt32, _ keysPointer: UInt32
  ) throws(CallFailure) -> UInt64 {
    let most = ImportLimits.ed25519Batch
    let messages = try sections(messagesPointer, limit: (ImportLimits.ed25519Message + 4) * most)
    let signatures = try sections(signaturesPointer, limit: (ImportLimits.signature + 4) * most)
    let keys = try sections(keysPointer, limit: (ImportLimits.ed25519Key + 4) * most)
    let lists = try [messages, signatures, keys].map { (list) throws(CallFailure) in try decode(list) }
    let (messageRanges, signatureRanges, keyRanges) = (lists[0], lists[1], lists[2])
    let cost = keyRanges.count == 1 ? VMGas.ed25519BatchOneKey : VMGas.ed25519Batch
    try meter.charge(cost.cost(signatureRanges.count))

    let count = signatureRanges.count
    let equal = messageRanges.count == count && keyRanges.count == count
    let oneMessage = messageRanges.count == 1 && keyRanges.count == count
    let oneKey = keyRanges.count == 1 && messageRanges.count == count
    guard equal || oneMessage || oneKey else { return CryptoCode.batch }
    // Formats first, all of them: a bad one answers with its code even when an earlier signature is wrong.
    for index in 0..<count {
      guard signatureRanges[index].count == 64 else { return CryptoCode.signatureFormat }
      guard keyRanges[keyRanges.count == count ? index : 0].count == 32 else { return CryptoCode.keyFormat }
    }
    for index in 0..<count {
      let message = messages[messageRanges[messageRanges.count == count ? index : 0]]
      let key = keys[keyRanges[keyRanges.count == count ? index : 0]]
      let verdict = Self.verify(message, signatures[signatureRanges[index]], key)
      if verdict != CryptoCode.valid { return verdict }
    }
    return CryptoCode.valid
  }

  private func sections(_ pointer: UInt32, limit: Int) throws(CallFailure) -> [UInt8] {
    try read(regionAt: pointer, limit: limit)
  }

  private func decode(_ bytes: [UInt8]) throws(CallFailure) -> [Range<Int>] {
    do { return try Sections.decode(bytes) } catch { throw .host(.section(error), in: place) }
  }
}
