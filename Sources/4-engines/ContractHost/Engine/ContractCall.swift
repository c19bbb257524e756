/// One call of a contract.
public struct ContractCall: Hashable, Sendable {
  public let entryPoint: EntryPoint
  /// JSON, each becomes a region: env, info for instantiate and execute, then the message.
  ///
  /// For `migrate` give three (env, message, MigrateInfo); the third is left out when the export takes two.
  public let arguments: [[UInt8]]
  /// What the call may use, its own work and that of the backend together, in VM units.
  public let gasLimit: UInt64
  /// Whether ``CallOutcome/hostCalls`` is filled.
  public let records: Bool

  public init(_ entryPoint: EntryPoint, arguments: [[UInt8]], gasLimit: UInt64, records: Bool = false) {
    self.entryPoint = entryPoint
    self.arguments = arguments
    self.gasLimit = gasLimit
    self.records = records
  }

  /// Whether storage is closed to writing.
  public var isReadOnly: Bool { entryPoint == .query }
}

/// How a call ended, and what it used.
///
/// For one module, arguments and answers of the backend this value is the same on every run and machine that
/// runs the same major version of wasmtime, except where a stack overflow depends on the machine's frame sizes.
public struct CallOutcome: Hashable, Sendable {
  /// The bytes that the contract returned, whatever they are, or why there are none.
  public let result: Result<[UInt8], CallFailure>
  /// VM units used by the contract's own work and by the engine for it. A multiple of ``VMGas/perFuel``, except
  /// when the gas ran out: then all that was left.
  public let gasUsedInternally: UInt64
  /// VM units that the backend said it had charged.
  public let gasUsedExternally: UInt64
  /// Imports in the order in which the contract called them, when the call records; at most ``hostCallsMax``.
  public let hostCalls: [HostImport]

  /// Host calls beyond this many are not recorded.
  public static let hostCallsMax = 1 << 16

  public init(
    result: Result<[UInt8], CallFailure>, gasUsedInternally: UInt64, gasUsedExternally: UInt64,
    hostCalls: [HostImport] = []
  ) {
    self.result = result
    self.gasUsedInternally = gasUsedInternally
    self.gasUsedExternally = gasUsedExternally
    self.hostCalls = hostCalls
  }
}
