import Encodings
import Gate
import Messages
import WireBytes

/// How a host keeps what a client remembers of enclaves: `{state 1, repeated {keys 1, platform 2, measurement 3,
/// expires 4} 2}`.
extension EnclaveMemory {
  func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    if let state { writer.alwaysBytes(1, state.array) }
    for registration in registrations {
      writer.message(2) { writer in
        writer.alwaysBytes(1, registration.keys.encoded())
        writer.string(2, registration.platform)
        writer.string(3, registration.measurement)
        writer.varint(4, registration.expires.seconds)
      }
    }
    return writer.bytes
  }

  /// Nil for bytes that this host did not write.
  init?(stored bytes: [UInt8]) {
    var state: Bytes32?
    var registrations: [RegisteredEnclave] = []
    let span = bytes.span
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1], repeated: [2]), sizeBytesMax: 1 << 16)
      while let field = try reader.next(in: span) {
        if field.number == 1 {
          state = try field.fixed(in: span)
        } else {
          guard let registration = RegisteredEnclave(stored: span.extracting(try field.message())) else { return nil }
          registrations.append(registration)
        }
      }
    } catch { return nil }
    self.init(state: state, registrations: registrations)
  }
}

extension RegisteredEnclave {
  fileprivate init?(stored bytes: Span<UInt8>) {
    var keys: EnclaveKeys?
    var (platform, measurement) = ("", "")
    var expires: UInt64 = 0
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3, 4]))
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: keys = try EnclaveKeys(decoding: bytes.extracting(try field.message()))
        case 2: platform = try field.string(in: bytes)
        case 3: measurement = try field.string(in: bytes)
        default: expires = try field.uint64()
        }
      }
    } catch { return nil }
    guard let keys else { return nil }
    self.init(keys: keys, platform: platform, measurement: measurement, expires: UnixTime(seconds: expires))
  }
}
