public import Messages

/// What a domain has decided about its contracts. Everybody who replays its blocks must share it.
public struct ContractSettings: Hashable, Sendable {
  /// Who may store code.
  public let upload: AccessConfig
  /// Who may instantiate code whose owner does not say.
  public let instantiateDefault: AccessConfig
  /// Who pins code and calls `sudo`; nil when nobody does.
  public let authority: AccountAddress?
  /// What one smart query from outside may use (wasmd `app/app.go`, DefaultSmartQueryGasLimit).
  public let queryGasLimit: UInt64
  /// Messages inside messages (wasmd `x/wasm/keeper/keeper_cgo.go`, 100 since CWA-2024-005).
  public let callDepthMax: Int
  /// Queries inside queries (wasmd, CWA-2022-004).
  public let queryStackMax: Int

  public init(
    upload: AccessConfig = .everybody, instantiateDefault: AccessConfig = .everybody,
    authority: AccountAddress? = nil, queryGasLimit: UInt64 = 3_000_000, callDepthMax: Int = 100,
    queryStackMax: Int = 10
  ) {
    self.upload = upload
    self.instantiateDefault = instantiateDefault
    self.authority = authority
    self.queryGasLimit = queryGasLimit
    self.callDepthMax = callDepthMax
    self.queryStackMax = queryStackMax
  }

  /// Everybody may upload and instantiate, and nobody pins.
  public static let standard = ContractSettings()
}
