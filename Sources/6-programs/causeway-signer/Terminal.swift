import Encodings
import Foundation

/// Standard input, output and error.
enum Terminal {
  /// Largest file that is read: policies, keystores, exports.
  static let inputSizeMax = 64 << 20

  static func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  static func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// The object with its schema, or the lines, as was asked.
  static func print(_ value: JSONValue, json: Bool, lines: () -> [String]) {
    print(json ? value.text(pretty: true) : lines().joined(separator: "\n"))
  }

  /// All bytes of `file`, or of standard input when it is `-`.
  static func read(_ file: String) throws -> [UInt8] {
    let handle: FileHandle
    if file == "-" {
      handle = .standardInput
    } else {
      guard let opened = FileHandle(forReadingAtPath: file) else {
        throw Complaint("cannot open '\(file)': no such file, or not readable")
      }
      handle = opened
    }
    let bytes: Data
    do { bytes = try handle.read(upToCount: inputSizeMax + 1) ?? Data() } catch {
      throw Complaint("cannot read '\(file)': is it a directory?")
    }
    guard bytes.count <= inputSizeMax else {
      throw Complaint("'\(file)' is larger than \(inputSizeMax >> 20) MiB")
    }
    return [UInt8](bytes)
  }

  static func readJSON(_ file: String) throws -> JSONValue {
    do { return try JSONValue(decoding: try read(file)) } catch let error as JSONError {
      throw Complaint("'\(file)' is not JSON: \(error)")
    }
  }

  /// Writes a new file with mode 0600; one that exists is not overwritten.
  static func write(_ bytes: [UInt8], to file: String) throws {
    guard FileManager.default.createFile(atPath: file, contents: nil, attributes: [.posixPermissions: 0o600])
    else { throw Complaint("cannot write '\(file)'") }
    do { try Data(bytes).write(to: URL(fileURLWithPath: file)) } catch {
      throw Complaint("cannot write '\(file)': \(error.localizedDescription)")
    }
  }
}

/// Two columns, the first as wide as it must be.
struct Table {
  private var rows: [[String]] = []

  mutating func row(_ cells: String...) { rows.append(cells) }

  var lines: [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { column < $0.count ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }
  }
}
