/// Why bytes are no habit.
public enum ClientHabitError: Error, Hashable, Sendable {
  case empty
  case purpose(UInt8)
  case client
}

/// That a client has used a purpose: from then on it is nothing new.
///
/// Layout: purpose (1) ‖ the client's name.
public struct ClientHabit: Hashable, Sendable {
  public let client: ClientName
  public let purpose: KeyPurpose

  public init(client: ClientName, purpose: KeyPurpose) {
    self.client = client
    self.purpose = purpose
  }

  public func encoded() -> [UInt8] { [purpose.byte] + client.text.utf8 }

  public init(decoding bytes: [UInt8]) throws(ClientHabitError) {
    guard let first = bytes.first else { throw .empty }
    guard let purpose = KeyPurpose(byte: first) else { throw .purpose(first) }
    // A name has nothing but ASCII: other bytes are replaced by what a name never has.
    guard let client = try? ClientName(String(decoding: bytes.dropFirst(), as: UTF8.self)) else {
      throw .client
    }
    self.init(client: client, purpose: purpose)
  }
}
