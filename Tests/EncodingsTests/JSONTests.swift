import Encodings
import Testing

/// RFC 8259, and what its section 4 leaves to readers: here, names are unique.
@Suite("JSON")
struct JSONTests {
  @Test("reads values of every kind, and numbers to the last digit")
  func values() throws {
    let text =
      #" {"a":[null,true,false,"x\u00e9\uD83D\uDE00\n"],"n":123456789012345678901234567890,"e":-1.5E+3} "#
    let value = try JSONValue(decoding: [UInt8](text.utf8))
    #expect(value["a"] == .array([.null, true, false, .string("x\u{e9}\u{1f600}\n")]))
    #expect(value["n"] == .number("123456789012345678901234567890"))
    #expect(value["e"] == .number("-1.5E+3"))
    #expect(value["n"]?.integer(UInt64.self) == nil)
  }

  @Test(
    "refuses what readers disagree about",
    arguments: [
      (#"{"a":1,"a":2}"#, JSONError.duplicateName(offset: 7)),
      (#"{"a":1,"\u0061":2}"#, .duplicateName(offset: 7)),
      (#"[1,]"#, .unexpected(offset: 3)), (#"[01]"#, .number(offset: 1)), (#"[1.]"#, .number(offset: 1)),
      (#"[-]"#, .number(offset: 1)), (#"[+1]"#, .unexpected(offset: 1)), (#"["\uD800"]"#, .string(offset: 4)),
      (#"["\x"]"#, .string(offset: 3)), ("[\"\u{1}\"]", .string(offset: 2)), ("[] []", .trailing(offset: 3)),
      ("{", .truncated(offset: 1)), ("", .truncated(offset: 0)), ("nul", .truncated(offset: 3)),
      ("\u{feff}[]", .unexpected(offset: 0)), ("{1:2}", .unexpected(offset: 1)),
    ])
  func refuses(text: String, error: JSONError) {
    #expect(throws: error) { try JSONValue(decoding: [UInt8](text.utf8)) }
  }

  @Test("refuses invalid UTF-8 inside a string")
  func utf8() {
    #expect(throws: JSONError.string(offset: 1)) { try JSONValue(decoding: [0x5b, 0x22, 0xff, 0x22, 0x5d]) }
  }

  @Test("holds its limits of size and depth at the bound")
  func limits() throws {
    let deep = [UInt8](repeating: 0x5b, count: 65) + [UInt8](repeating: 0x5d, count: 65)
    #expect(throws: JSONError.tooDeep(limit: 64, offset: 64)) { try JSONValue(decoding: deep) }
    _ = try JSONValue(decoding: [UInt8](deep.dropFirst().dropLast()))
    let four = JSONLimits(sizeBytes: 4)
    _ = try JSONValue(decoding: [UInt8]("1234".utf8), limits: four)
    #expect(throws: JSONError.tooLarge(limit: 4, actual: 5)) {
      try JSONValue(decoding: [UInt8]("12345".utf8), limits: four)
    }
  }

  @Test("writes equal values as equal texts, sorted by name")
  func writes() throws {
    let value: JSONValue = ["b": 1, "a": ["x": .null, "c": "\u{7}\"\\"]]
    #expect(value.text() == #"{"a":{"c":"\u0007\"\\","x":null},"b":1}"#)
    #expect(try JSONValue(decoding: [UInt8](value.text(pretty: true).utf8)) == value)
  }
}
