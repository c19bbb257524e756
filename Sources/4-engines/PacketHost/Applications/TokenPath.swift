import Digests
public import Messages
import WireBytes

/// A token as ICS-20 names it between domains: the hops that it took, newest first, and its name at home.
///
/// - SeeAlso: ibc-go v10 `apps/transfer/types/denom.go`.
public struct TokenPath: Hashable, Sendable {
  /// `transfer/client-0/transfer/07-tendermint-3/stake`, or just `stake`.
  public let text: String

  public init(_ text: String) { self.text = text }

  private static func prefix(_ port: PortID, _ client: ClientID) -> String { "\(port)/\(client)/" }

  /// Whether the last hop of the token was through that port and client, so that going back undoes it.
  public func hasHop(_ port: PortID, _ client: ClientID) -> Bool {
    let prefix = Self.prefix(port, client)
    return text.hasPrefix(prefix) && text.utf8.count > prefix.utf8.count
  }

  /// Without the newest hop, which is through that port and client.
  public func dropping(_ port: PortID, _ client: ClientID) -> TokenPath {
    TokenPath(String(text.dropFirst(Self.prefix(port, client).count)))
  }

  public func adding(_ port: PortID, _ client: ClientID) -> TokenPath {
    TokenPath(Self.prefix(port, client) + text)
  }

  /// Whether it starts with a hop: `transfer/{client id}/…` with a client id of the form `name-number`.
  public var isVoucher: Bool {
    let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "transfer", !parts[2].isEmpty,
      (try? ClientID(String(parts[1]))) != nil,
      let dash = parts[1].lastIndex(of: "-"), dash != parts[1].startIndex
    else { return false }
    let digits = parts[1][parts[1].index(after: dash)...]
    return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// The upper-case hex SHA-256 of the path.
  public var hash: String {
    Hex.encode(SHA256Hash.hash([UInt8](text.utf8)).array, prefix: "").uppercased()
  }

  /// The name under which this domain's balances know it: its own, or `ibc/{hash}` of a voucher.
  public var token: String { isVoucher ? "ibc/\(hash)" : text }
}
