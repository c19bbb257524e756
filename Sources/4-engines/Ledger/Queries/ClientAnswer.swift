public import Encodings
public import Messages
public import PacketHost

extension LedgerQueries {
  /// What a client of the host says of itself.
  public struct Client: Hashable, Sendable {
    public let status: ClientStatus
    /// The newest height that it knows; nil before the first update.
    public let latest: Height?
    /// That height's time; zero when there is none.
    public let latestTime: UnixTime
    public let counterparty: Counterparty?
    /// The canonical text of the policy; nil for a client that was made from a client state of another type.
    public let policy: String?
  }
}

/// Why bytes are no answer about a client.
public enum ClientAnswerError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case status(UInt64)
  case counterparty(Counterparty.FormError)
}

extension LedgerQueries.Client {
  /// {status 1 (1 active, 2 expired, 3 frozen), expired_at 2, frozen_height 3, latest_height 4, latest_time 5,
  /// counterparty 6, policy 7}.
  func write(to writer: inout ProtobufWriter) {
    func height(_ field: UInt32, _ height: Height, _ writer: inout ProtobufWriter) {
      writer.message(field) { writer in
        writer.varint(1, height.revision)
        writer.varint(2, height.number)
      }
    }
    switch status {
    case .active: writer.varint(1, 1)
    case .expired(let at):
      writer.varint(1, 2)
      writer.varint(2, at.seconds)
    case .frozen(let at):
      writer.varint(1, 3)
      height(3, at, &writer)
    }
    if let latest { height(4, latest, &writer) }
    writer.varint(5, latestTime.seconds)
    if let counterparty { writer.alwaysBytes(6, counterparty.encoded()) }
    if let policy { writer.string(7, policy) }
  }

  /// Reads the answer to ``QueryName/client`` from untrusted bytes.
  ///
  /// - Throws: ``ClientAnswerError``; no input traps.
  public init(decoding bytes: [UInt8]) throws(ClientAnswerError) {
    let span = bytes.span
    var (state, expiredAt, latestTime): (UInt64, UInt64, UInt64) = (0, 0, 0)
    var (frozen, latest): (Height?, Height?) = (nil, nil)
    var counterparty: Counterparty?
    var policy: String?
    do {
      var reader = ProtobufReader(
        ProtobufRules(singular: [1, 2, 3, 4, 5, 6, 7]), sizeBytesMax: PolicyClientState.sizeMax)
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1: state = try field.uint64()
        case 2: expiredAt = try field.uint64()
        case 3: frozen = try Self.height(span.extracting(try field.message()))
        case 4: latest = try Self.height(span.extracting(try field.message()))
        case 5: latestTime = try field.uint64()
        case 6: counterparty = try Counterparty(decoding: span.extracting(try field.message()))
        default: policy = try field.string(in: span)
        }
      }
    } catch let error as ProtobufError {
      throw .protobuf(error)
    } catch let error as Counterparty.FormError {
      throw .counterparty(error)
    } catch { throw .status(state) }
    let status: ClientStatus
    switch (state, frozen) {
    case (1, _): status = .active
    case (2, _): status = .expired(at: UnixTime(seconds: expiredAt))
    case (3, let height?): status = .frozen(height)
    default: throw .status(state)
    }
    self.init(
      status: status, latest: latest, latestTime: UnixTime(seconds: latestTime), counterparty: counterparty,
      policy: policy)
  }

  private static func height(_ bytes: Span<UInt8>) throws(ProtobufError) -> Height {
    var (revision, number): (UInt64, UInt64) = (0, 0)
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { revision = try field.uint64() } else { number = try field.uint64() }
    }
    return Height(revision: revision, number)
  }
}
