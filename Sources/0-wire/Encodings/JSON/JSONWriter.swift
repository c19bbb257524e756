extension JSONValue {
  /// The value as JSON text: members sorted by name, so that equal values give equal bytes.
  ///
  /// - Parameter pretty: two spaces a level and a line a member; otherwise no white space.
  public func text(pretty: Bool = false) -> String {
    // Bytes are appended several times faster than scalars of a string (script/bench crossings).
    var output: [UInt8] = []
    write(to: &output, indent: pretty ? 0 : nil)
    return String(decoding: output, as: UTF8.self)
  }

  private func write(to output: inout [UInt8], indent: Int?) {
    switch self {
    case .null: output += "null".utf8
    case .boolean(let value): output += (value ? "true" : "false").utf8
    case .number(let text): output += text.utf8
    case .string(let text): Self.write(string: text, to: &output)
    case .array(let elements):
      Self.write(elements, open: "[", close: "]", to: &output, indent: indent) { element, output, indent in
        element.write(to: &output, indent: indent)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      Self.write(sorted, open: "{", close: "}", to: &output, indent: indent) { member, output, indent in
        Self.write(string: member.key, to: &output)
        output += (indent == nil ? ":" : ": ").utf8
        member.value.write(to: &output, indent: indent)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], open: Unicode.Scalar, close: Unicode.Scalar, to output: inout [UInt8],
    indent: Int?, _ body: (Element, inout [UInt8], Int?) -> Void
  ) {
    output.append(UInt8(ascii: open))
    guard !elements.isEmpty else {
      output.append(UInt8(ascii: close))
      return
    }
    let inner = indent.map { $0 + 1 }
    for (index, element) in elements.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      if let inner { breakLine(&output, indent: inner) }
      body(element, &output, inner)
    }
    if let indent { breakLine(&output, indent: indent) }
    output.append(UInt8(ascii: close))
  }

  private static func breakLine(_ output: inout [UInt8], indent: Int) {
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indent))
  }

  /// Printable ASCII that stands for itself.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func write(string: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    defer { output.append(UInt8(ascii: "\"")) }
    guard !string.utf8.allSatisfy(isPlain) else {
      output += string.utf8
      return
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\"".utf8
      case "\\": output += "\\\\".utf8
      case "\n": output += "\\n".utf8
      case "\r": output += "\\r".utf8
      case "\t": output += "\\t".utf8
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}":
        let digits = String(scalar.value, radix: 16)
        output += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
      default: output += scalar.utf8
      }
    }
  }
}
