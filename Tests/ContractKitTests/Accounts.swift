import ContractHost
import Ledger
import Messages
import Testing

/// Addresses of tests, as bytes.
enum Accounts {
  static func bytes(_ text: String) throws -> [UInt8] { try AccountAddress(text: text).bytes }
}
