/// A module of WebAssembly, put together section by section as the binary format says.
struct ModuleBytes {
  /// Contents by section id; what is nil is left out.
  var types: [[UInt8]] = []
  var imports: [[UInt8]] = []
  var functions: [UInt32] = []
  var tables: [[UInt8]] = []
  var memories: [[UInt8]] = []
  var globals: [[UInt8]] = []
  var exports: [[UInt8]] = []
  var start: UInt32?
  var elements: [[UInt8]] = []
  var dataCount: UInt32?
  var bodies: [[UInt8]] = []
  var segments: [[UInt8]] = []
  var customs: [(String, [UInt8])] = []

  static let i32: UInt8 = 0x7f
  static let i64: UInt8 = 0x7e

  static func leb(_ value: UInt32) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    repeat {
      let next = UInt8(value & 0x7f)
      value >>= 7
      bytes.append(value == 0 ? next : next | 0x80)
    } while value != 0
    return bytes
  }

  static func vector(_ elements: [[UInt8]]) -> [UInt8] { leb(UInt32(elements.count)) + elements.joined() }
  static func name(_ text: String) -> [UInt8] { leb(UInt32(text.utf8.count)) + [UInt8](text.utf8) }
  static func type(_ parameters: [UInt8], _ results: [UInt8]) -> [UInt8] {
    [0x60] + leb(UInt32(parameters.count)) + parameters + leb(UInt32(results.count)) + results
  }
  static func export(_ text: String, _ kind: UInt8, _ index: UInt32) -> [UInt8] {
    name(text) + [kind] + leb(index)
  }
  static func importFunction(_ module: String, _ text: String, _ type: UInt32) -> [UInt8] {
    name(module) + name(text) + [0] + leb(type)
  }
  /// A body with `locals` of i32 in one group.
  static func body(_ code: [UInt8], locals: UInt32 = 0) -> [UInt8] {
    let content = (locals == 0 ? [0] : [1] + leb(locals) + [i32]) + code + [0x0b]
    return leb(UInt32(content.count)) + content
  }

  /// The least that may be uploaded: type 0 is `() -> ()`, type 1 `(i32) -> i32`, type 2 `(i32) -> ()`.
  static var least: ModuleBytes {
    var module = ModuleBytes()
    module.types = [type([], []), type([i32], [i32]), type([i32], [])]
    module.functions = [0, 1, 2]
    module.memories = [[0, 1]]
    module.exports = [
      export("interface_version_8", 0, 0), export("allocate", 0, 1), export("deallocate", 0, 2),
      export("memory", 2, 0),
    ]
    module.bodies = [body([]), body([0x41, 0]), body([])]
    return module
  }

  /// ``least`` with one more function of type 0, whose code is `code`; its index is 3.
  static func running(_ code: [UInt8], locals: UInt32 = 0) -> ModuleBytes {
    var module = least
    module.functions.append(0)
    module.bodies.append(body(code, locals: locals))
    return module
  }

  var bytes: [UInt8] {
    var module: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
    func section(_ id: UInt8, _ content: [UInt8]) {
      module += [id] + Self.leb(UInt32(content.count)) + content
    }
    func section(_ id: UInt8, _ elements: [[UInt8]]) {
      if !elements.isEmpty { section(id, Self.vector(elements)) }
    }
    section(1, types)
    section(2, imports)
    section(3, functions.map(Self.leb))
    section(4, tables)
    section(5, memories)
    section(6, globals)
    section(7, exports)
    if let start { section(8, Self.leb(start)) }
    section(9, elements)
    if let dataCount { section(12, Self.leb(dataCount)) }
    section(10, bodies)
    section(11, segments)
    for (name, content) in customs { section(0, Self.name(name) + content) }
    return module
  }
}
