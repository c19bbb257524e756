/// What the sections of a module say; bodies are left unread until ``WasmModule/checkBodies(_:)``.
struct WasmModule {
  struct Import {
    let module: String
    let name: String
    let kind: WasmKind
    /// Of functions.
    let type: Int?
  }
  struct Export {
    let name: String
    let kind: WasmKind
    let index: Int
  }
  struct Body {
    /// Declared locals, without parameters.
    let locals: Int
    /// Behind the declarations of locals.
    let code: WasmCursor
  }

  var types: [WasmFunctionType] = []
  var imports: [Import] = []
  /// Types of the functions that are not imported.
  var functions: [Int] = []
  /// Those of the table section, and of the memory section.
  var tables: [WasmBounds] = []
  var memories: [WasmBounds] = []
  var globals = 0
  var exports: [Export] = []
  var hasStart = false
  var bodies: [Body] = []
  var migrateVersions: [[UInt8]] = []
  private var dataCount: UInt32?
  private var dataSegments = 0

  private var importedFunctionTypes: [Int] { imports.compactMap { $0.type } }
  private func imported(_ kind: WasmKind) -> Int { imports.count { $0.kind == kind } }
  /// Types by index of function, imported ones first.
  private(set) var functionTypes: [Int] = []
  var tableCount: Int { imported(.table) + tables.count }
  var memoryCount: Int { imported(.memory) + memories.count }
  var globalCount: Int { imported(.global) + globals }

  /// Sections in the order in which they may come (WebAssembly core 2.0, section 5.5.2).
  private static let order: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]

  init(_ wasm: [UInt8]) throws(WasmMalformation) {
    guard wasm.starts(with: [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) else { throw .header }
    var cursor = WasmCursor(wasm)
    try cursor.skip(8)
    var place = -1
    while !cursor.isAtEnd {
      let start = cursor.offset
      let id = try cursor.byte()
      let size = try cursor.u32()
      var section = try cursor.part(size)
      if id != 0 {
        guard let next = Self.order.firstIndex(of: id) else { throw .section(id: id, offset: start) }
        guard next > place else { throw .sectionOrder(id: id, offset: start) }
        place = next
      }
      try read(id, &section)
      guard section.isAtEnd else { throw .sectionSize(id: id, offset: section.offset) }
    }
    guard bodies.count == functions.count else {
      throw .bodies(declared: functions.count, actual: bodies.count)
    }
    if let dataCount, Int(dataCount) != dataSegments {
      throw .dataSegments(declared: dataCount, actual: dataSegments)
    }
  }

  private mutating func read(_ id: UInt8, _ section: inout WasmCursor) throws(WasmMalformation) {
    switch id {
    case 0:
      let name = try section.name()
      if name == "cw_migrate_version" { migrateVersions.append([UInt8](section.rest())) }
      try section.skip(section.remaining)
    case 1: for _ in 0..<(try section.count()) { types.append(try section.functionType()) }
    case 2:
      for _ in 0..<(try section.count()) { imports.append(try readImport(&section)) }
      functionTypes = importedFunctionTypes
    case 3:
      for _ in 0..<(try section.count()) { functions.append(try section.index(.type, below: types.count)) }
      functionTypes = importedFunctionTypes + functions
    case 4: for _ in 0..<(try section.count()) { tables.append(try section.table()) }
    case 5: for _ in 0..<(try section.count()) { memories.append(try section.memory()) }
    case 6:
      for _ in 0..<(try section.count()) {
        try section.globalType()
        try readConstant(&section)
        globals += 1
      }
    case 7: try readExports(&section)
    case 8:
      _ = try section.index(.function, below: functionTypes.count)
      hasStart = true
    case 9: for _ in 0..<(try section.count()) { try readElements(&section) }
    case 10:
      let count = try section.count()
      guard count == functions.count else { throw .bodies(declared: functions.count, actual: count) }
      for _ in 0..<count { bodies.append(try readBody(&section)) }
    case 11:
      for _ in 0..<(try section.count()) {
        try readSegment(&section)
        dataSegments += 1
      }
    case 12: dataCount = try section.u32()
    default: throw .section(id: id, offset: section.offset)
    }
  }

  private func readImport(_ section: inout WasmCursor) throws(WasmMalformation) -> Import {
    let (module, name) = (try section.name(), try section.name())
    let start = section.offset
    let form = try section.byte()
    guard let kind = WasmKind(rawValue: form) else { throw .form(form, offset: start) }
    var type: Int?
    switch kind {
    case .function: type = try section.index(.type, below: types.count)
    case .table: _ = try section.table()
    case .memory: _ = try section.memory()
    case .global: try section.globalType()
    }
    return Import(module: module, name: name, kind: kind, type: type)
  }

  private mutating func readExports(_ section: inout WasmCursor) throws(WasmMalformation) {
    var names: Set<String> = []
    for _ in 0..<(try section.count()) {
      let start = section.offset
      let name = try section.name()
      guard names.insert(name).inserted else { throw .duplicateExport(offset: start) }
      let form = try section.byte()
      guard let kind = WasmKind(rawValue: form) else { throw .form(form, offset: start) }
      let index =
        switch kind {
        case .function: try section.index(.function, below: functionTypes.count)
        case .table: try section.index(.table, below: tableCount)
        case .memory: try section.index(.memory, below: memoryCount)
        case .global: try section.index(.global, below: globalCount)
        }
      exports.append(Export(name: name, kind: kind, index: index))
    }
  }

  /// One constant and `end`: the value of a global, or where a segment lies.
  private func readConstant(_ section: inout WasmCursor) throws(WasmMalformation) {
    let start = section.offset
    switch try section.byte() {
    case 0x23: _ = try section.index(.global, below: globalCount)
    case 0x41: _ = try section.signed(32)
    case 0x42: _ = try section.signed(64)
    case 0x43: try section.skip(4)
    case 0x44: try section.skip(8)
    default: throw .constant(offset: start)
    }
    guard try section.byte() == 0x0b else { throw .constant(offset: start) }
  }

  /// Entries of a table. Passive and declared segments belong to bulk memory and are refused.
  private func readElements(_ section: inout WasmCursor) throws(WasmMalformation) {
    let start = section.offset
    let form = try section.u32()
    guard [0, 2, 4, 6].contains(form) else { throw .form(UInt8(truncatingIfNeeded: form), offset: start) }
    if form & 2 != 0 {
      _ = try section.index(.table, below: tableCount)
    } else if tableCount == 0 {
      throw .index(.table, 0, offset: start)
    }
    try readConstant(&section)
    if form & 2 != 0 {
      let kindOffset = section.offset
      let kind = try section.byte()
      guard kind == (form & 4 == 0 ? 0x00 : WasmValueType.functionReference.rawValue) else {
        throw .form(kind, offset: kindOffset)
      }
    }
    for _ in 0..<(try section.count()) {
      guard form & 4 != 0 else {
        _ = try section.index(.function, below: functionTypes.count)
        continue
      }
      let entry = section.offset
      switch try section.byte() {
      case 0xd0:
        guard try section.byte() == WasmValueType.functionReference.rawValue else {
          throw .constant(offset: entry)
        }
      case 0xd2: _ = try section.index(.function, below: functionTypes.count)
      default: throw .constant(offset: entry)
      }
      guard try section.byte() == 0x0b else { throw .constant(offset: entry) }
    }
  }

  /// Bytes of the memory. Passive segments belong to bulk memory and are refused.
  private func readSegment(_ section: inout WasmCursor) throws(WasmMalformation) {
    let start = section.offset
    let form = try section.u32()
    guard form == 0 || form == 2 else { throw .form(UInt8(truncatingIfNeeded: form), offset: start) }
    let memory = form == 2 ? try section.u32() : 0
    guard Int(memory) < memoryCount else { throw .index(.memory, memory, offset: start) }
    try readConstant(&section)
    _ = try section.part(try section.u32())
  }

  private func readBody(_ section: inout WasmCursor) throws(WasmMalformation) -> Body {
    var code = try section.part(try section.u32())
    var locals = 0
    for _ in 0..<(try code.count()) {
      // No sum of these overflows: a module has less than 2^32 groups of less than 2^32 locals.
      locals += Int(try code.u32())
      _ = try code.valueType(references: false)
    }
    return Body(locals: locals, code: code)
  }
}
