public import Attestation
public import Enclaves
public import Encodings
public import Messages
public import WireBytes

/// Where an enclave's keys begin: a block of the settlement domain that whoever asks has seen.
public struct EnclaveAnchor: Hashable, Sendable {
  public let height: UInt64
  public let hash: Bytes32

  public init(height: UInt64, hash: Bytes32) {
    self.height = height
    self.hash = hash
  }

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, height)
    writer.bytes(2, hash)
    return writer.bytes
  }

  init(decoding bytes: Span<UInt8>) throws(ProtobufError) {
    var height: UInt64 = 0
    var hash = Bytes32()
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]), sizeBytesMax: 64)
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { height = try field.uint64() } else { hash = try field.fixed(in: bytes) }
    }
    self.init(height: height, hash: hash)
  }
}

/// Why bytes are none of the things that an enclave answers with.
public enum EnclaveAnswerError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case format(EnclaveFormatError)
  case evidence(AttestationEvidenceError)
  case count(max: Int, actual: Int)
  case missing(field: UInt32)
}

/// Keys of an enclave, and the evidence that binds them: what is registered.
public struct EnclaveRegistration: Hashable, Sendable {
  public let keys: EnclaveKeys
  public let evidence: AttestationEvidence

  public init(keys: EnclaveKeys, evidence: AttestationEvidence) {
    self.keys = keys
    self.evidence = evidence
  }

  /// ``EnclaveKeys/registration``.
  public var id: Bytes32 { keys.registration }

  /// Canonical protobuf: SSZ of the keys 1, evidence 2.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, keys.encoded())
    writer.bytes(2, evidence.encoded())
    return writer.bytes
  }

  /// - Throws: ``EnclaveAnswerError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(EnclaveAnswerError) {
    var keys: [UInt8] = []
    var evidence: [UInt8] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(
        ProtobufRules(singular: [1, 2]), sizeBytesMax: EnclaveKeys.sizeMax + AttestationEvidence.sizeMax + 32)
      while let field = try reader.next(in: bytes) {
        if field.number == 1 {
          keys = try field.bytes(in: bytes)
        } else {
          evidence = try field.bytes(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    do { self.keys = try EnclaveKeys(decoding: keys) } catch { throw .format(error) }
    do { self.evidence = try AttestationEvidence(decoding: evidence) } catch { throw .evidence(error) }
  }
}

/// What an enclave answers to a case: the signed receipt, what the case does to the ledger, and the sealed replies.
public struct CaseAnswer: Hashable, Sendable {
  public let receipt: Receipt
  /// By the signing key of the receipt's registration, over ``Receipt/digest(domain:)``.
  public let signature: [UInt8]
  public let update: Update
  public let replies: [SealedReply]

  public init(receipt: Receipt, signature: [UInt8], update: Update, replies: [SealedReply]) {
    self.receipt = receipt
    self.signature = signature
    self.update = update
    self.replies = replies
  }

  /// Canonical protobuf: SSZ of the receipt 1, signature 2, SSZ of the update 3, repeated SSZ of the replies 4.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, receipt.encoded())
    writer.bytes(2, signature)
    writer.bytes(3, update.encoded())
    for reply in replies { writer.alwaysBytes(4, reply.encoded()) }
    return writer.bytes
  }

  /// - Throws: ``EnclaveAnswerError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(EnclaveAnswerError) {
    var receipt: [UInt8] = []
    var signature: [UInt8] = []
    var update: [UInt8] = []
    var replies: [[UInt8]] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(
        ProtobufRules(singular: [1, 2, 3], repeated: [4]), sizeBytesMax: EnclaveFrames.answerSizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: receipt = try field.bytes(in: bytes)
        case 2: signature = try field.bytes(in: bytes)
        case 3: update = try field.bytes(in: bytes)
        default:
          replies.append(try field.bytes(in: bytes))
          guard replies.count <= SealedReply.countMax else { break }
        }
      }
    } catch { throw .protobuf(error) }
    guard replies.count <= SealedReply.countMax else {
      throw .count(max: SealedReply.countMax, actual: replies.count)
    }
    guard !signature.isEmpty else { throw .missing(field: 2) }
    do throws(EnclaveFormatError) {
      self.receipt = try Receipt(decoding: receipt)
      self.update = try Update(decoding: update)
      var opened: [SealedReply] = []
      for reply in replies { opened.append(try SealedReply(decoding: reply)) }
      self.replies = opened
    } catch { throw .format(error) }
    self.signature = signature
  }
}

/// A step of a followed chain that an enclave signed.
public struct SignedTransition: Hashable, Sendable {
  public let transition: Transition
  public let signature: [UInt8]

  public init(transition: Transition, signature: [UInt8]) {
    self.transition = transition
    self.signature = signature
  }

  /// Canonical protobuf: SSZ of the transition 1, signature 2.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, transition.encoded())
    writer.bytes(2, signature)
    return writer.bytes
  }

  /// - Throws: ``EnclaveAnswerError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(EnclaveAnswerError) {
    var transition: [UInt8] = []
    var signature: [UInt8] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]), sizeBytesMax: 8 << 10)
      while let field = try reader.next(in: bytes) {
        if field.number == 1 {
          transition = try field.bytes(in: bytes)
        } else {
          signature = try field.bytes(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    guard !signature.isEmpty else { throw .missing(field: 2) }
    do { self.transition = try Transition(decoding: transition) } catch { throw .format(error) }
    self.signature = signature
  }
}
