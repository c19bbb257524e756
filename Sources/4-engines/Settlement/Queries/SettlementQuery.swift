import Enclaves
import Encodings
public import Ledger
import Messages
public import WireBytes

/// A question to the settlement module, as `abci_query` takes it: a gRPC name and a protobuf request.
public enum SettlementQuery: Hashable, Sendable {
  case caseByID(Bytes32)
  case caseByNumber(UInt64)
  /// Open cases by number, after one.
  case openCases(after: UInt64, limit: Int)
  /// All submissions of a case, in order.
  case inputs(Bytes32)
  case registration(Bytes32)
  /// Registrations by id, after one.
  case registrations(after: Bytes32?, limit: Int)
  /// The custody chain of a case or a registration.
  case links(Bytes32)
  case policy(Bytes32)
  case result(Bytes32)

  public enum Path: String, Hashable, Sendable, CaseIterable {
    case `case` = "/causeway.settlement.v1.Query/Case"
    case openCases = "/causeway.settlement.v1.Query/OpenCases"
    case inputs = "/causeway.settlement.v1.Query/Inputs"
    case registration = "/causeway.settlement.v1.Query/Registration"
    case registrations = "/causeway.settlement.v1.Query/Registrations"
    case links = "/causeway.settlement.v1.Query/Links"
    case policy = "/causeway.settlement.v1.Query/Policy"
    case result = "/causeway.settlement.v1.Query/Result"
  }

  public var path: Path {
    switch self {
    case .caseByID, .caseByNumber: .case
    case .openCases: .openCases
    case .inputs: .inputs
    case .registration: .registration
    case .registrations: .registrations
    case .links: .links
    case .policy: .policy
    case .result: .result
    }
  }

  /// {subject 1: an id or a hash, number 2, limit 3}.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .caseByID(let id), .inputs(let id), .registration(let id), .links(let id), .policy(let id),
      .result(let id):
      writer.bytes(1, id)
    case .caseByNumber(let number): writer.varint(2, number)
    case .openCases(let after, let limit):
      writer.varint(2, after)
      writer.varint(3, UInt64(clamping: limit))
    case .registrations(let after, let limit):
      if let after { writer.bytes(1, after) }
      writer.varint(3, UInt64(clamping: limit))
    }
    return writer.bytes
  }

  /// Reads a request.
  ///
  /// - Throws: `ModuleQueryRefusal.request` for bytes that are no request of this name.
  public init(path: Path, decoding bytes: [UInt8]) throws(ModuleQueryRefusal) {
    let span = bytes.span
    var subject: Bytes32?
    var (number, limit): (UInt64, UInt64) = (0, 0)
    do throws(ProtobufError) {
      let rules = ProtobufRules(singular: [1, 2, 3], form: .foreign, unknown: .refuse)
      var reader = ProtobufReader(rules, sizeBytesMax: 256)
      while let field = try reader.next(in: span) {
        switch field.number {
        case 1: subject = try field.fixed(in: span)
        case 2: number = try field.uint64()
        default: limit = try field.uint64()
        }
      }
    } catch { throw .request }
    // The largest page when none is asked for.
    let page = limit == 0 ? SettlementLimits.pageMax : min(Int(clamping: limit), SettlementLimits.pageMax)
    switch path {
    case .openCases: self = .openCases(after: number, limit: page)
    case .registrations: self = .registrations(after: subject, limit: page)
    case .case where subject == nil && number > 0: self = .caseByNumber(number)
    default:
      guard let subject else { throw .request }
      switch path {
      case .inputs: self = .inputs(subject)
      case .registration: self = .registration(subject)
      case .links: self = .links(subject)
      case .policy: self = .policy(subject)
      case .result: self = .result(subject)
      case .case, .openCases, .registrations: self = .caseByID(subject)
      }
    }
  }
}
