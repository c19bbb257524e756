import Foundation

/// Standard input, output and error, and whether a person is looking.
enum Terminal {
  /// Largest input that is read: more than any message that is verified here.
  static let inputSizeMax = 64 << 20

  static func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  static func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// Whether standard output is a terminal that wants colour (https://no-color.org).
  static let isColoured: Bool =
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  /// `text` in an SGR colour where colours are wanted.
  static func paint(_ text: String, _ code: Int) -> String {
    isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }

  /// All bytes of `file`, or of standard input when it is `-`.
  static func read(_ file: String) throws(InputFailure) -> [UInt8] {
    let handle: FileHandle
    if file == "-" {
      handle = .standardInput
    } else {
      guard let opened = FileHandle(forReadingAtPath: file) else { throw .cannotOpen(file) }
      handle = opened
    }
    guard let bytes = try? handle.read(upToCount: inputSizeMax + 1) else {
      if file == "-" { return [] }
      throw .cannotRead(file)
    }
    guard bytes.count <= inputSizeMax else { throw .tooLarge(file) }
    return [UInt8](bytes)
  }
}

/// Why a file cannot be read at all.
enum InputFailure: Error, CustomStringConvertible {
  case cannotOpen(String)
  case cannotRead(String)
  case tooLarge(String)

  var description: String {
    switch self {
    case .cannotOpen(let file): "cannot open '\(file)': no such file, or not readable"
    case .cannotRead(let file): "cannot read '\(file)': is it a directory?"
    case .tooLarge(let file): "'\(file)' is larger than \(Terminal.inputSizeMax >> 20) MiB"
    }
  }
}
