internal import Enclaves
public import Encodings
internal import WireBytes

/// What is asked of an enclave.
public enum EnclaveCall: UInt64, Hashable, Sendable, CaseIterable {
  case status = 1
  /// The newest keys with their evidence.
  case keys = 2
  /// Those of one registration.
  case evidence = 3
  case rotate = 4
  case compute = 5
  case follow = 6
}

/// Why an enclave did not do what was asked: stable names, which go over the socket as they are.
public enum EnclaveRefusalCode: String, Hashable, Sendable, CaseIterable {
  /// The request cannot be read.
  case malformed
  /// No such call, or this enclave does not serve it.
  case unsupported
  /// No keys were made yet: rotate first.
  case noKeys
  /// No such registration is held, or its keys have expired.
  case unknownRegistration
  /// The anchor is older than one that was used.
  case anchor
  /// The job does not fit its case, its ledger or the policy.
  case job
  /// An envelope does not open, or is for somebody else.
  case envelope
  /// The program gave no answer, or one that cannot be used.
  case program
  /// The case was computed with other inputs.
  case otherInputs
  /// The answer is larger than what can be written down.
  case answerTooLarge
  /// As many cases as one enclave holds.
  case full
  /// The block does not follow from the trusted state.
  case block
  /// More validators have to be shown: too little of the trusted set signed this block.
  case notEnoughTrust
  /// The platform failed: no evidence, no signature.
  case platform
  /// Nothing can be written down any more; the process has to be started again.
  case records
  case busy
}

/// A request as it goes over the socket: `{call 1, body 2}`.
struct EnclaveRequestFrame: Hashable, Sendable {
  let call: EnclaveCall
  let body: [UInt8]

  init(_ call: EnclaveCall, _ body: [UInt8] = []) {
    self.call = call
    self.body = body
  }

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, call.rawValue)
    writer.bytes(2, body)
    return writer.bytes
  }

  init(decoding bytes: Span<UInt8>) throws(EnclaveFrameError) {
    var number: UInt64 = 0
    var body: [UInt8] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(
        ProtobufRules(singular: [1, 2]), sizeBytesMax: EnclaveFrames.requestSizeMax)
      while let field = try reader.next(in: bytes) {
        if field.number == 1 { number = try field.uint64() } else { body = try field.bytes(in: bytes) }
      }
    } catch { throw .protobuf(error) }
    guard let call = EnclaveCall(rawValue: number) else { throw .call(number) }
    self.init(call, body)
  }
}

/// An answer as it goes over the socket: `{body 1}`, or `{code 2, text 3}` for a refusal.
enum EnclaveAnswerFrame: Hashable, Sendable {
  case done([UInt8])
  case refused(EnclaveRefusalCode, String)

  static let textSizeMax = 1_024

  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .done(let body): writer.alwaysBytes(1, body)
    case .refused(let code, let text):
      writer.string(2, code.rawValue)
      writer.string(3, String(decoding: [UInt8](text.utf8.prefix(Self.textSizeMax)), as: UTF8.self))
    }
    return writer.bytes
  }

  init(decoding bytes: Span<UInt8>) throws(EnclaveFrameError) {
    var body: [UInt8]?
    var code: String?
    var text = ""
    do throws(ProtobufError) {
      var reader = ProtobufReader(
        ProtobufRules(singular: [2, 3], explicit: [1]), sizeBytesMax: EnclaveFrames.answerSizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: body = try field.bytes(in: bytes)
        case 2: code = try field.string(in: bytes)
        default: text = try field.string(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    switch (body, code) {
    case (let body?, nil) where text.isEmpty: self = .done(body)
    case (nil, let name?):
      guard let code = EnclaveRefusalCode(rawValue: name) else { throw .code(String(name.prefix(64))) }
      self = .refused(code, text)
    default: throw .shape
    }
  }
}

/// Why bytes on the socket are no frame.
public enum EnclaveFrameError: Error, Hashable, Sendable {
  /// The length that a frame opens with.
  case length(max: Int, actual: Int)
  case protobuf(ProtobufError)
  case call(UInt64)
  case code(String)
  /// Both a body and a refusal, or neither.
  case shape
}

/// Frames: u32 length, big-endian, and as many bytes of protobuf. One answer for each request, in order.
enum EnclaveFrames {
  /// 256 envelopes of 131,072 bytes and what goes with them.
  static let requestSizeMax = ComputationJob.sizeMax + 64
  static let answerSizeMax = 32 << 20

  static func framed(_ message: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(message.count + 4)
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: message.count))
    return bytes + message
  }

  /// The length of the frame that opens with these four bytes.
  static func length(_ four: [UInt8], max: Int) throws(EnclaveFrameError) -> Int {
    precondition(four.count == 4)
    let length = four.reduce(0) { $0 << 8 | Int($1) }
    guard (1...max).contains(length) else { throw .length(max: max, actual: length) }
    return length
  }
}
