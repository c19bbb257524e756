public import Encodings
public import SignerWire
public import SigningRules

/// Who asks to administer.
public struct AdminCaller: Hashable, Sendable {
  public let client: ClientName
  public let peer: ClientPeer
}

/// Carries out administrative requests. Roles were checked before: `observe` for what only reads, `admin` for the rest.
public protocol AdminExecutor: Sendable {
  /// Called on the signing thread, between batches. What it appends to `core` is on disk before the answer leaves.
  func execute(
    _ request: AdminRequest, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) -> Result<JSONValue, SignerRefusal>
}
