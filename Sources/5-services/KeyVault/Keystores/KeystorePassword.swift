private import Foundation
internal import Secrets

/// A password as EIP-2335 wants it: NFKD, without control characters, UTF-8.
enum KeystorePassword {
  static let sizeMax = 1024

  /// - Parameter password: UTF-8, as it was typed.
  /// - Throws: ``KeystoreError/password(length:)`` when nothing is left or it is too long, ``KeystoreError/passwordText``.
  static func processed(_ password: borrowing SecretBytes) throws(KeystoreError) -> SecretBytes {
    guard (1...sizeMax).contains(password.count) else { throw .password(length: password.count) }
    let isASCII = password.withSpan { span in
      var all: UInt8 = 0
      for index in span.indices { all |= span[index] }
      return all < 0x80
    }
    // ASCII is its own NFKD and stays in guarded memory.
    guard !isASCII else {
      var kept = 0
      var stripped = SecretBytes(zeroed: password.count)
      password.withSpan { span in
        for index in span.indices where span[index] >= 0x20 && span[index] != 0x7f {
          stripped.set(span[index], at: kept)
          kept += 1
        }
      }
      guard kept > 0 else { throw .password(length: 0) }
      return stripped.slice(0..<kept)
    }
    // Foundation knows the table of decompositions; what it makes on the way lies in ordinary memory.
    var bytes = password.withSpan { span in
      String(validating: (0..<span.count).map { span[$0] }, as: UTF8.self).map { text in
        var scalars = String.UnicodeScalarView()
        for scalar in text.decomposedStringWithCompatibilityMapping.unicodeScalars {
          // C0, delete and C1 (EIP-2335, "Password requirements").
          guard scalar.value >= 0x20, !(0x7f...0x9f).contains(scalar.value) else { continue }
          scalars.append(scalar)
        }
        return [UInt8](String(scalars).utf8)
      }
    }
    guard bytes != nil else { throw .passwordText }
    var processed = bytes.take() ?? []
    guard (1...sizeMax * 18).contains(processed.count) else { throw .password(length: processed.count) }
    return SecretBytes(wiping: &processed)
  }
}
