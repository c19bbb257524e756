private import CProcess
private import Foundation
internal import KeyVault
internal import Secrets

/// Why there is no passphrase.
public enum PassphraseError: Error, Hashable, Sendable {
  case unreadable(errno: Int32)
  /// Others than its owner may read the file: `mode` has bits beyond 0700.
  case permissions(mode: UInt32)
  case empty
  case tooLong(max: Int)
  /// It is asked for on a terminal, and there is none.
  case noTerminal
  /// What was typed the second time is not what was typed first.
  case different
}

/// What opens a signer's secrets, in guarded memory until it is let go. It is read once, and copied nowhere else.
public struct Passphrase: ~Copyable, Sendable {
  public static let sizeMax = 1_024
  let bytes: SecretBytes

  private init(_ bytes: consuming SecretBytes) { self.bytes = bytes }

  /// None: what a TPM alone opens is opened with it.
  public static var absent: Passphrase { Passphrase(SecretBytes(zeroed: 0)) }

  public var isAbsent: Bool { bytes.count == 0 }

  /// For signers that are thrown away.
  static var drill: Passphrase {
    let text = [UInt8]("a drill".utf8)
    return Passphrase(SecretBytes(copying: text.span))
  }

  /// The first line of a file, which its owner alone may read; a pipe serves, too.
  public static func read(file path: String) throws(PassphraseError) -> Passphrase {
    // The path is lent as a C string for the length of the call.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unreadable(errno: errno) }
    defer { _ = close(file) }
    var status = stat()
    // `status` is written for the length of the call.
    guard unsafe fstat(file, &status) == 0 else { throw .unreadable(errno: errno) }
    let mode = UInt32(status.st_mode)
    if mode & UInt32(S_IFMT) == UInt32(S_IFREG), mode & 0o077 != 0 {
      throw .permissions(mode: mode & 0o7777)
    }
    return try line(of: file)
  }

  /// Asks on the terminal, which does not show what is typed.
  ///
  /// - Parameter twice: a new passphrase is typed twice.
  public static func ask(_ question: String, twice: Bool) throws(PassphraseError) -> Passphrase {
    // The path is lent as a C string for the length of the call.
    let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0, causeway_terminal_echo(terminal, 0) == 0 else {
      if terminal >= 0 { _ = close(terminal) }
      throw .noTerminal
    }
    defer {
      _ = causeway_terminal_echo(terminal, 1)
      say("\n", on: terminal)
      _ = close(terminal)
    }
    say(question + ": ", on: terminal)
    let first = try line(of: terminal)
    guard twice else { return first }
    say("\nonce more: ", on: terminal)
    let second = try line(of: terminal)
    guard first.bytes.matches(second.bytes) else { throw .different }
    return first
  }

  private static func say(_ text: String, on file: Int32) {
    // The bytes are lent for the length of the call, which writes no more than there are.
    _ = unsafe Array(text.utf8).withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
  }

  /// Up to the end of the line, or of the file.
  private static func line(of file: Int32) throws(PassphraseError) -> Passphrase {
    var buffer = SecretBytes(zeroed: sizeMax + 1)
    var count = 0
    reading: while count <= sizeMax {
      // One byte at a time, so that nothing beyond the line is taken from a pipe. The address lies within the buffer.
      let got = unsafe buffer.withUnsafeMutableBytes { memory in
        unsafe memory.baseAddress.map { unsafe Foundation.read(file, $0 + count, 1) } ?? 0
      }
      if got < 0 {
        if errno == EINTR { continue }
        throw .unreadable(errno: errno)
      }
      if got == 0 { break }
      let last = buffer.withSpan { $0[count] }
      if last == UInt8(ascii: "\n") { break reading }
      count += 1
    }
    guard count <= sizeMax else { throw .tooLong(max: sizeMax) }
    guard count > 0 else { throw .empty }
    return Passphrase(buffer.slice(0..<count))
  }
}
