public import Messages
public import WireBytes

/// Why an input was not sealed.
public enum EnvelopeSealingError: Error, Hashable, Sendable {
  case format(EnclaveFormatError)
  case sealing(SealingError)
}

/// Why an envelope is not opened. Everything but ``sealed(_:)`` is found before a key is touched.
public enum EnvelopeRefusal: Error, Hashable, Sendable {
  /// Sealed for another registration's key.
  case registration(expected: Bytes32, actual: Bytes32)
  /// Sealed with another suite than the registered key's.
  case suite(expected: SealingSuite, actual: SealingSuite)
  case `case`(expected: Bytes32, actual: Bytes32)
  /// Not the account that submitted the commitment.
  case sender(expected: InteroperableAddress, actual: InteroperableAddress)
  /// Not the nonce that the commitment was submitted with.
  case nonce(expected: UInt64, actual: UInt64)
  /// `secondsLate` is 0 in the first second that is too late.
  case expired(expires: UInt64, secondsLate: UInt64)
  case sealed(SealingError)
  /// What was sealed is no input.
  case input(EnclaveFormatError)
  /// The header names the root of another input.
  case content(expected: Bytes32, actual: Bytes32)
  /// Body and fields are over what the policy takes.
  case inputSize(max: UInt64, actual: UInt64)
}

extension SealedEnvelope {
  /// HPKE's info: `tag("causeway/envelope/v1") ‖ registration`.
  static func context(registration: Bytes32) -> [UInt8] {
    EnclaveTag.bytes("causeway/envelope/v1") + registration.array
  }

  /// Seals `input` for the enclave of `keys`, whose registration the caller has checked to be live.
  ///
  /// - Throws: ``EnvelopeSealingError``.
  public init(
    sealing input: SealedInput, to keys: EnclaveKeys, case: Bytes32, sender: InteroperableAddress,
    nonce: UInt64, expires: UInt64
  ) throws(EnvelopeSealingError) {
    let header: EnvelopeHeader
    do {
      header = try EnvelopeHeader(
        suite: keys.sealing.suite, registration: keys.registration, case: `case`, sender: sender,
        nonce: nonce, expires: expires, content: input.root())
    } catch { throw .format(error) }
    try self.init(sealing: input, to: keys.sealing, header: header)
  }

  /// Seals under a header as it is; for tests of what openers refuse.
  package init(
    sealing input: SealedInput, to key: SealingPublicKey, header: EnvelopeHeader
  ) throws(EnvelopeSealingError) {
    let sealed: (encapsulated: [UInt8], ciphertext: [UInt8])
    do {
      sealed = try HPKESealing.seal(
        input.encoded(), to: key, context: Self.context(registration: header.registration),
        authenticating: header.encoded())
    } catch { throw .sealing(error) }
    do {
      try self.init(header: header, encapsulated: sealed.encapsulated, ciphertext: sealed.ciphertext)
    } catch { throw .format(error) }
  }

  /// What the ledger and the enclave know of the envelope that should be here.
  public struct Expectation: Hashable, Sendable {
    public let registration: Bytes32
    public let `case`: Bytes32
    public let sender: InteroperableAddress
    public let nonce: UInt64
    /// UNIX seconds of the decision.
    public let time: UInt64

    public init(
      registration: Bytes32, case: Bytes32, sender: InteroperableAddress, nonce: UInt64, time: UInt64
    ) {
      self.registration = registration
      self.case = `case`
      self.sender = sender
      self.nonce = nonce
      self.time = time
    }
  }

  /// Opens the envelope, when it is the one that `expected` tells of.
  ///
  /// - Throws: ``EnvelopeRefusal``.
  public func open(
    with key: some SealingKey, expecting expected: Expectation
  ) throws(EnvelopeRefusal) -> SealedInput {
    guard header.registration == expected.registration else {
      throw .registration(expected: expected.registration, actual: header.registration)
    }
    guard header.suite == key.publicKey.suite else {
      throw .suite(expected: key.publicKey.suite, actual: header.suite)
    }
    guard header.case == expected.case else { throw .case(expected: expected.case, actual: header.case) }
    guard header.sender == expected.sender else {
      throw .sender(expected: expected.sender, actual: header.sender)
    }
    guard header.nonce == expected.nonce else {
      throw .nonce(expected: expected.nonce, actual: header.nonce)
    }
    guard expected.time < header.expires else {
      throw .expired(expires: header.expires, secondsLate: expected.time - header.expires)
    }
    let plaintext: [UInt8]
    do {
      plaintext = try key.open(
        ciphertext, encapsulated: encapsulated, context: Self.context(registration: header.registration),
        authenticating: header.encoded())
    } catch { throw .sealed(error) }
    let input: SealedInput
    do { input = try SealedInput(decoding: plaintext) } catch { throw .input(error) }
    let root = input.root()
    guard root == header.content else { throw .content(expected: header.content, actual: root) }
    return input
  }
}

/// Why a reply is not opened.
public enum ReplyRefusal: Error, Hashable, Sendable {
  case registration(expected: Bytes32, actual: Bytes32)
  case `case`(expected: Bytes32, actual: Bytes32)
  /// An answer to another input.
  case commitment(expected: Bytes32, actual: Bytes32)
  case suite(expected: SealingSuite, actual: SealingSuite)
  case sealed(SealingError)
}

extension SealedReply {
  /// HPKE's info: `tag("causeway/reply/v1") ‖ case`.
  static func context(case id: Bytes32) -> [UInt8] { EnclaveTag.bytes("causeway/reply/v1") + id.array }

  /// Seals a reply to the key that came with the input.
  ///
  /// - Throws: ``EnvelopeSealingError``.
  public init(
    sealing body: [UInt8], to key: SealingPublicKey, registration: Bytes32, case: Bytes32,
    commitment: Bytes32, index: UInt64
  ) throws(EnvelopeSealingError) {
    guard body.count <= Self.bodySizeMax else {
      throw .sealing(.plaintextSize(max: Self.bodySizeMax, actual: body.count))
    }
    let header = ReplyHeader(
      suite: key.suite, registration: registration, case: `case`, commitment: commitment, index: index)
    let sealed: (encapsulated: [UInt8], ciphertext: [UInt8])
    do {
      sealed = try HPKESealing.seal(
        body, to: key, context: Self.context(case: `case`), authenticating: header.encoded())
    } catch { throw .sealing(error) }
    do {
      try self.init(header: header, encapsulated: sealed.encapsulated, ciphertext: sealed.ciphertext)
    } catch { throw .format(error) }
  }

  /// Opens the reply to the input of `commitment`.
  ///
  /// A reply that opens is not yet the enclave's: anyone can seal to a reply key. It is when its ``digest`` is among those
  /// of a receipt whose signature holds.
  ///
  /// - Throws: ``ReplyRefusal``.
  public func open(
    with key: some SealingKey, registration: Bytes32, case: Bytes32, commitment: Bytes32
  ) throws(ReplyRefusal) -> [UInt8] {
    guard header.registration == registration else {
      throw .registration(expected: registration, actual: header.registration)
    }
    guard header.case == `case` else { throw .case(expected: `case`, actual: header.case) }
    guard header.commitment == commitment else {
      throw .commitment(expected: commitment, actual: header.commitment)
    }
    guard header.suite == key.publicKey.suite else {
      throw .suite(expected: key.publicKey.suite, actual: header.suite)
    }
    do {
      return try key.open(
        ciphertext, encapsulated: encapsulated, context: Self.context(case: `case`),
        authenticating: header.encoded())
    } catch { throw .sealed(error) }
  }
}
