extension JSONValue {
  /// The value as JSON text: members sorted by name, so that equal values give equal bytes.
  ///
  /// - Parameter pretty: two spaces a level and a line a member; otherwise no white space.
  public func text(pretty: Bool = false) -> String {
    var output = ""
    write(to: &output, indent: pretty ? 0 : nil)
    return output
  }

  private func write(to output: inout String, indent: Int?) {
    switch self {
    case .null: output += "null"
    case .boolean(let value): output += value ? "true" : "false"
    case .number(let text): output += text
    case .string(let text): Self.write(string: text, to: &output)
    case .array(let elements):
      Self.write(elements, open: "[", close: "]", to: &output, indent: indent) { element, output, indent in
        element.write(to: &output, indent: indent)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      Self.write(sorted, open: "{", close: "}", to: &output, indent: indent) { member, output, indent in
        Self.write(string: member.key, to: &output)
        output += indent == nil ? ":" : ": "
        member.value.write(to: &output, indent: indent)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], open: String, close: String, to output: inout String, indent: Int?,
    _ body: (Element, inout String, Int?) -> Void
  ) {
    guard !elements.isEmpty else {
      output += open + close
      return
    }
    output += open
    let inner = indent.map { $0 + 1 }
    for (index, element) in elements.enumerated() {
      if index > 0 { output += "," }
      if let inner { output += "\n" + String(repeating: "  ", count: inner) }
      body(element, &output, inner)
    }
    if let indent { output += "\n" + String(repeating: "  ", count: indent) }
    output += close
  }

  private static func write(string: String, to output: inout String) {
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}":
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
