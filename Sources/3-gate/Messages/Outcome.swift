public import Encodings
public import WireBytes

/// Why bytes or parts are no outcome.
public enum OutcomeError: Error, Hashable, Sendable {
  case ssz(SSZError)
  /// 0 is success and 1 an error; nothing else is defined.
  case status(UInt64)
  /// A success with an error text.
  case errorOfSuccess
  /// An error with results, although nothing was executed.
  case resultsOfError
  case tooManyResults(max: Int, actual: Int)
  case resultSize(max: Int, actual: Int)
  case errorSize(max: Int, actual: Int)
}

/// What the destination answers to an execution envelope: the result of each call, or why none was made.
public struct Outcome: Hashable, Sendable {
  public static let resultCountMax = 16
  public static let resultSizeMax = 16_384
  public static let errorSizeMax = 512

  public enum Status: UInt64, Hashable, Sendable {
    case success = 0
    /// Nothing was executed; what was sent goes back.
    case error = 1
  }

  public let status: Status
  public let gasUsed: UInt64
  public let results: [[UInt8]]
  public let error: [UInt8]

  /// - Throws: ``OutcomeError``.
  public init(
    status: Status, gasUsed: UInt64, results: [[UInt8]] = [], error: [UInt8] = []
  ) throws(OutcomeError) {
    if status == .success, !error.isEmpty { throw .errorOfSuccess }
    if status == .error, !results.isEmpty { throw .resultsOfError }
    guard results.count <= Self.resultCountMax else {
      throw .tooManyResults(max: Self.resultCountMax, actual: results.count)
    }
    for result in results where result.count > Self.resultSizeMax {
      throw .resultSize(max: Self.resultSizeMax, actual: result.count)
    }
    guard error.count <= Self.errorSizeMax else {
      throw .errorSize(max: Self.errorSizeMax, actual: error.count)
    }
    self.status = status
    self.gasUsed = gasUsed
    self.results = results
    self.error = error
  }

  /// The SSZ type.
  public static let type: SSZType = .container([
    .init("status", .uint(.uint8)), .init("gasUsed", .uint(.uint64)),
    .init("results", .list(.byteList(limit: UInt64(resultSizeMax)), limit: UInt64(resultCountMax))),
    .init("error", .byteList(limit: UInt64(errorSizeMax))),
  ])

  private var value: SSZValue {
    .sequence([
      .uint(status.rawValue), .uint(gasUsed), .sequence(results.map { .packed($0) }), .packed(error),
    ])
  }

  /// The SSZ encoding: the acknowledgement of an execution payload.
  public func encoded() -> [UInt8] {
    do { return try Self.type.encode(value) } catch { Self.unfit(error) }
  }

  /// The `hash_tree_root`.
  public func root() -> Bytes32 {
    do { return try Self.type.hashTreeRoot(value) } catch { Self.unfit(error) }
  }

  /// A value that was checked always fits its type.
  private static func unfit(_ error: SSZError) -> Never {
    preconditionFailure("an outcome does not fit its own type: \(error)")
  }

  /// Decodes untrusted bytes strictly.
  ///
  /// - Throws: ``OutcomeError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(OutcomeError) {
    let value: SSZValue
    do { value = try Self.type.decode(bytes) } catch { throw .ssz(error) }
    guard case .sequence(let fields) = value, fields.count == 4, case .uint(let number) = fields[0],
      case .uint(let gasUsed) = fields[1], case .sequence(let elements) = fields[2],
      case .packed(let error) = fields[3]
    else { throw .ssz(.shape) }
    guard let status = number.asUInt64.flatMap(Status.init(rawValue:)) else {
      throw .status(number.asUInt64 ?? .max)
    }
    var results: [[UInt8]] = []
    for element in elements {
      guard case .packed(let bytes) = element else { throw .ssz(.shape) }
      results.append(bytes)
    }
    try self.init(status: status, gasUsed: gasUsed.asUInt64 ?? 0, results: results, error: error)
  }
}
