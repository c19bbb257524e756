import ContractHost
import Testing

@Suite("Analysis of uploaded code")
struct AnalysisTests {
  private typealias Module = ModuleBytes

  private static func refusal(_ module: ModuleBytes, limits: CodeLimits = .standard) -> AnalysisRefusal? {
    refusal(module.bytes, limits: limits)
  }

  private static func refusal(_ bytes: [UInt8], limits: CodeLimits = .standard) -> AnalysisRefusal? {
    do {
      _ = try CodeAnalysis(checking: bytes, limits: limits)
      return nil
    } catch { return error }
  }

  /// One change of the least module, and what it is refused for.
  private static func refusal(_ change: (inout ModuleBytes) -> Void) -> AnalysisRefusal? {
    var module = ModuleBytes.least
    change(&module)
    return refusal(module)
  }

  @Test("tells what the least module has")
  func least() throws {
    var module = Module.least
    module.imports = [Module.importFunction("env", "db_read", 1)]
    module.exports = [
      Module.export("interface_version_8", 0, 1), Module.export("allocate", 0, 2),
      Module.export("deallocate", 0, 3), Module.export("requires_iterator", 0, 1),
      Module.export("requires_", 0, 1), Module.export("query", 0, 2), Module.export("memory", 2, 0),
    ]
    module.customs = [("cw_migrate_version", [UInt8]("42".utf8)), ("name", [9, 9])]
    let analysis = try CodeAnalysis(checking: module.bytes)
    #expect(analysis.imports.map { $0.name } == ["db_read"])
    #expect(
      analysis.exports.map { $0.name } == [
        "allocate", "deallocate", "interface_version_8", "query", "requires_", "requires_iterator",
      ])
    #expect(analysis.exportType("query") == WasmFunctionType(parameters: [.i32], results: [.i32]))
    #expect(analysis.requiredCapabilities == ["iterator"])
    #expect(analysis.entryPoints == [.query])
    #expect(analysis.migrateVersion == 42)
    #expect(analysis.memoryPagesInitial == 1)
    #expect(analysis.exportsMemory)
    #expect(!analysis.hasIbcEntryPoints && !analysis.hasIbc2EntryPoints)
  }

  @Test("knows contracts of both versions of IBC by all their exports")
  func ibc() throws {
    let v1 = [
      "channel_open", "channel_connect", "channel_close", "packet_receive", "packet_ack", "packet_timeout",
    ]
    let v2 = ["send", "receive", "ack", "timeout"]
    var module = Module.least
    module.exports += v1.map { Module.export("ibc_\($0)", 0, 1) }
    let first = try CodeAnalysis(checking: module.bytes)
    #expect(first.hasIbcEntryPoints && !first.hasIbc2EntryPoints)
    module.exports = Module.least.exports + v2.map { Module.export("ibc2_packet_\($0)", 0, 1) }
    let second = try CodeAnalysis(checking: module.bytes)
    #expect(!second.hasIbcEntryPoints && second.hasIbc2EntryPoints)
    module.exports.removeLast()
    #expect(!(try CodeAnalysis(checking: module.bytes)).hasIbc2EntryPoints)
  }

  @Test("refuses what is no module before it looks further")
  func size() {
    #expect(Self.refusal([]) == .empty)
    #expect(Self.refusal([0x1f, 0x8b, 0x08, 0]) == .gzip)
    let limit = 800 << 10
    #expect(
      Self.refusal([UInt8](repeating: 0, count: limit + 1)) == .tooLarge(limit: limit, actual: limit + 1))
    #expect(Self.refusal([UInt8](repeating: 0, count: limit)) == .malformed(.header))
    #expect(Self.refusal([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]) == .malformed(.header))
    // Components have version 13 and layer 1.
    #expect(Self.refusal([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]) == .malformed(.header))
    var module = Module.least
    let short = module.bytes.count
    module.customs = [("x", [UInt8](repeating: 7, count: limit - short - 6))]
    #expect(module.bytes.count == limit)
    #expect(Self.refusal(module) == nil)
  }

  @Test("refuses tables as CosmWasm does")
  func tables() {
    #expect(Self.refusal { $0.tables = [[0x70, 1, 0, 0xc4, 0x13]] } == nil)
    #expect(
      Self.refusal { $0.tables = [[0x70, 1, 0, 0xc5, 0x13]] } == .tableTooLarge(limit: 2_500, actual: 2_501))
    #expect(Self.refusal { $0.tables = [[0x70, 0, 1]] } == .tableUnbounded)
    #expect(Self.refusal { $0.tables = [[0x70, 1, 0, 1], [0x70, 1, 0, 1]] } == .tables(count: 2))
    #expect(Self.refusal { $0.tables = [[0x70, 1, 2, 1]] } == .malformed(.limits(offset: 33)))
    #expect(Self.refusal { $0.tables = [[0x6f, 1, 0, 1]] } == .malformed(.valueType(0x6f, offset: 32)))
  }

  @Test("refuses memories as CosmWasm does")
  func memories() {
    #expect(Self.refusal { $0.memories = [[0, 0x80, 4]] } == nil)
    #expect(Self.refusal { $0.memories = [[0, 0x81, 4]] } == .memoryInitial(limit: 512, actual: 513))
    #expect(Self.refusal { $0.memories = [[1, 1, 0x80, 4]] } == .memoryMaximum(512))
    #expect(Self.refusal { $0.memories = [[0, 1], [0, 1]] } == .memories(count: 2))
    #expect(
      Self.refusal {
        $0.memories = []
        $0.exports.removeLast()
      } == .memories(count: 0))
    // Shared (threads) and 64-bit memories.
    #expect(Self.refusal { $0.memories = [[3, 1, 1]] } == .malformed(.form(3, offset: 32)))
    #expect(Self.refusal { $0.memories = [[4, 1]] } == .malformed(.form(4, offset: 32)))
    #expect(Self.refusal { $0.memories = [[0, 0x81, 0x80, 4]] } == .malformed(.limits(offset: 32)))
  }

  @Test("refuses other interface versions, and missing exports")
  func exports() {
    func without(_ name: String) -> AnalysisRefusal? {
      Self.refusal { module in
        module.exports = Module.least.exports.filter { !$0.starts(with: Module.name(name)) }
      }
    }
    #expect(without("interface_version_8") == .interfaceVersionMissing)
    #expect(without("allocate") == .missingExport("allocate"))
    #expect(without("deallocate") == .missingExport("deallocate"))
    #expect(without("memory") == nil)
    #expect(
      Self.refusal { $0.exports.append(Module.export("interface_version_9", 0, 0)) }
        == .interfaceVersions(count: 2))
    #expect(
      Self.refusal { $0.exports[0] = Module.export("interface_version_7", 0, 0) }
        == .interfaceVersion("interface_version_7"))
    // Only functions count.
    #expect(
      Self.refusal { $0.exports[0] = Module.export("interface_version_8", 2, 0) } == .interfaceVersionMissing)
    #expect(
      Self.refusal { $0.exports.append(Module.export("allocate", 0, 0)) }
        == .malformed(.duplicateExport(offset: 92)))
    #expect(
      Self.refusal { $0.exports.append(Module.export("more", 0, 3)) }
        == .malformed(.index(.function, 3, offset: 98)))
  }

  @Test("refuses imports that the host has not, and those that are no functions")
  func imports() {
    func importing(_ entry: [UInt8], _ count: Int = 1) -> AnalysisRefusal? {
      Self.refusal { $0.imports = Array(repeating: entry, count: count) }
    }
    #expect(importing(Module.importFunction("env", "db_write", 2)) == nil)
    #expect(importing(Module.importFunction("env", "db_wrote", 2)) == .unsupportedImport("env.db_wrote"))
    #expect(importing(Module.importFunction("wasi", "debug", 2)) == .unsupportedImport("wasi.debug"))
    #expect(
      importing(Module.name("env") + Module.name("debug") + [3, 0x7f, 0]) == .nonFunctionImport("env.debug"))
    #expect(importing(Module.importFunction("env", "debug", 2), 100) == nil)
    #expect(
      importing(Module.importFunction("env", "nope", 2), 101) == .imports(limit: 100, actual: 101))
    #expect(importing(Module.importFunction("env", "debug", 3)) == .malformed(.index(.type, 3, offset: 37)))
    // Tags belong to exceptions.
    #expect(
      importing(Module.name("env") + Module.name("debug") + [4, 0, 0]) == .malformed(.form(4, offset: 36)))
  }

  @Test("refuses capabilities that the chain has not, and names them in order")
  func capabilities() {
    let change: (inout ModuleBytes) -> Void = {
      for name in ["requires_zebra", "requires_staking", "requires_apple"] {
        $0.exports.append(Module.export(name, 0, 0))
      }
    }
    #expect(Self.refusal(change) == .capabilities(missing: ["apple", "zebra"]))
    var module = Module.least
    change(&module)
    #expect(
      Self.refusal(module, limits: CodeLimits(capabilities: ["zebra", "apple", "staking"])) == nil)
    #expect(Self.refusal(module)?.text.hasSuffix("unavailable capabilities: {\"apple\", \"zebra\"}") == true)
  }

  @Test("refuses functions over each limit")
  func functions() {
    func typed(_ parameters: Int, _ results: Int) -> AnalysisRefusal? {
      Self.refusal {
        $0.types.append(
          Module.type(
            [UInt8](repeating: Module.i32, count: parameters), [UInt8](repeating: Module.i32, count: results))
        )
      }
    }
    #expect(typed(100, 1) == nil)
    #expect(typed(101, 1) == .parameters(limit: 100, actual: 101))
    #expect(typed(0, 2) == .results(limit: 1, actual: 2))
    #expect(typed(1_001, 0) == .malformed(.count(offset: 25, actual: 1_001)))

    // 99 functions of 100 parameters, 99 of one, and the two that are there: 10,001 in all.
    func total(_ singles: Int) -> AnalysisRefusal? {
      Self.refusal {
        $0.types.append(Module.type([UInt8](repeating: Module.i32, count: 100), []))
        $0.functions += Array(repeating: 3, count: 99) + Array(repeating: 2, count: singles)
        $0.bodies += Array(repeating: Module.body([]), count: 99 + singles)
      }
    }
    #expect(total(98) == nil)
    #expect(total(99) == .parametersTotal(limit: 10_000, actual: 10_001))

    #expect(Self.refusal(Module.running([], locals: 100)) == nil)
    #expect(Self.refusal(Module.running([], locals: 101)) == .locals(limit: 100, actual: 101))
    #expect(
      Self.refusal(Module.running([], locals: .max)) == .locals(limit: 100, actual: Int(UInt32.max)))
    func locals(_ last: UInt32) -> AnalysisRefusal? {
      Self.refusal {
        $0.functions += Array(repeating: 0, count: 101)
        $0.bodies +=
          Array(repeating: Module.body([], locals: 100), count: 100) + [Module.body([], locals: last)]
      }
    }
    #expect(locals(0) == nil)
    #expect(locals(1) == .localsTotal(limit: 10_000, actual: 10_001))

    func many(_ count: Int) -> AnalysisRefusal? {
      Self.refusal {
        $0.functions += Array(repeating: 0, count: count)
        $0.bodies += Array(repeating: [2, 0, 0x0b], count: count)
      }
    }
    #expect(many(19_997) == nil)
    #expect(many(19_998) == .functions(limit: 20_000, actual: 20_001))
  }

  @Test("checks in CosmWasm's order")
  func order() {
    var module = Module.least
    module.tables = [[0x70, 0, 1]]
    module.memories = [[1, 1, 1]]
    module.exports = []
    module.imports = [Module.importFunction("env", "nope", 0)]
    module.types.append(Module.type([], [Module.i32, Module.i32]))
    module.start = 0
    module.functions.append(0)
    module.bodies.append(Module.body([0xfc, 0x0b, 0]))
    module.customs = [("cw_migrate_version", [])]
    var seen: [AnalysisRefusal?] = []
    let mend: [(inout ModuleBytes) -> Void] = [
      { $0.customs = [] }, { $0.tables = [] }, { $0.memories = [[0, 1]] },
      { $0.exports = [Module.export("interface_version_8", 0, 1), Module.export("requires_zebra", 0, 1)] },
      { $0.exports += [Module.export("allocate", 0, 2), Module.export("deallocate", 0, 3)] },
      { $0.imports = [Module.importFunction("env", "debug", 2)] },
      { $0.exports.remove(at: 1) }, { $0.types.removeLast() }, { $0.start = nil },
      { $0.bodies[3] = Module.body([]) },
    ]
    for step in mend {
      seen.append(Self.refusal(module))
      step(&module)
    }
    seen.append(Self.refusal(module))
    #expect(
      seen == [
        .migrateVersion, .tableUnbounded, .memoryMaximum(1), .interfaceVersionMissing,
        .missingExport("allocate"), .unsupportedImport("env.nope"), .capabilities(missing: ["zebra"]),
        .results(limit: 1, actual: 2), .startSection,
        .feature(.bulkMemory, opcode: 0xfc0b, function: 4), nil,
      ])
  }

  @Test("reads the migrate version as decimal digits of 64 bits")
  func migrateVersion() throws {
    func version(_ text: String) throws(AnalysisRefusal) -> UInt64? {
      var module = Module.least
      module.customs = [("cw_migrate_version", [UInt8](text.utf8))]
      return try CodeAnalysis(checking: module.bytes).migrateVersion
    }
    #expect(try version("0") == 0)
    #expect(try version("18446744073709551615") == .max)
    for text in ["", "not a number", "-1", "+1", "1 ", "18446744073709551616", "4.2", "٤٢"] {
      #expect(throws: AnalysisRefusal.migrateVersion) { try version(text) }
    }
    #expect(
      Self.refusal { $0.customs = [("cw_migrate_version", [0xff])] } == .migrateVersion)
    #expect(
      Self.refusal { $0.customs = Array(repeating: ("cw_migrate_version", [0x31]), count: 2) }
        == .migrateVersion)
  }

  @Test(
    "refuses operators of features that contracts must not use",
    arguments: [
      ([0xfc, 8, 0, 0], WasmFeature.bulkMemory, 0xfc08), ([0xfc, 9, 0], .bulkMemory, 0xfc09),
      ([0xfc, 10, 0, 0], .bulkMemory, 0xfc0a), ([0xfc, 11, 0], .bulkMemory, 0xfc0b),
      ([0xfc, 12, 0, 0], .bulkMemory, 0xfc0c), ([0xfc, 13, 0], .bulkMemory, 0xfc0d),
      ([0xfc, 14, 0, 0], .bulkMemory, 0xfc0e), ([0xfc, 15, 0], .referenceTypes, 0xfc0f),
      ([0xfc, 16, 0], .referenceTypes, 0xfc10), ([0xfc, 17, 0], .referenceTypes, 0xfc11),
      ([0xfc, 18, 0], .memoryControl, 0xfc12), ([0xfd, 12], .simd, 0xfd0c),
      ([0xfd, 0x80, 2], .relaxedSIMD, 0xfd0100), ([0xfe, 0, 2, 0], .threads, 0xfe00),
      ([0xfb, 0, 0], .gc, 0xfb00), ([0x06, 0x40], .exceptions, 6), ([0x07, 0], .exceptions, 7),
      ([0x08, 0], .exceptions, 8), ([0x09, 0], .exceptions, 9), ([0x0a], .exceptions, 10),
      ([0x18, 0], .exceptions, 0x18), ([0x19], .exceptions, 0x19), ([0x1f, 0x40, 0], .exceptions, 0x1f),
      ([0x12, 0], .tailCalls, 0x12), ([0x13, 0, 0], .tailCalls, 0x13),
      ([0x14, 0], .functionReferences, 0x14), ([0x15, 0], .functionReferences, 0x15),
      ([0xd4], .functionReferences, 0xd4), ([0xd5, 0], .functionReferences, 0xd5),
      ([0xd6, 0], .functionReferences, 0xd6), ([0x1c, 1, 0x7f], .referenceTypes, 0x1c),
      ([0x25, 0], .referenceTypes, 0x25), ([0x26, 0], .referenceTypes, 0x26),
      ([0xd0, 0x70], .referenceTypes, 0xd0), ([0xd1], .referenceTypes, 0xd1),
      ([0xd2, 0], .referenceTypes, 0xd2), ([0xd3], .gc, 0xd3),
    ] as [([UInt8], WasmFeature, UInt32)])
  func features(code: [UInt8], feature: WasmFeature, opcode: UInt32) {
    #expect(
      Self.refusal(ModuleBytes.running(code)) == .feature(feature, opcode: opcode, function: 3))
  }

  @Test("walks over operators of all allowed kinds")
  func operators() {
    var module = Module.running([
      0x41, 0, 0x11, 0, 0x00,  // i32.const 0, call_indirect type 0
      0x11, 0, 0x80, 0x80, 0x00,  // the table's index in more bytes than it needs, as Rust writes it
    ])
    #expect(Self.refusal(module) == .malformed(.index(.table, 0, offset: 113)))
    module.tables = [[0x70, 1, 1, 1]]
    #expect(Self.refusal(module) == nil)

    let good: [[UInt8]] = [
      [0x00, 0x01, 0x0f, 0x1a, 0x1b], [0x02, 0x40, 0x0c, 0, 0x0b], [0x03, 0x7f, 0x0d, 1, 0x0b],
      [0x04, 0x7c, 0x05, 0x0b], [0x04, 0x40, 0x0b], [0x0e, 2, 0, 0, 0], [0x02, 0, 0x0e, 1, 0, 1, 0x0b],
      [0x10, 3], [0x28, 2, 0], [0x29, 3, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x3b, 1, 0], [0x3f, 0], [0x40, 0],
      [0x41, 0xff, 0xff, 0xff, 0xff, 0x07], [0x41, 0x80, 0x80, 0x80, 0x80, 0x78], [0x43, 0, 0, 0xc0, 0x7f],
      [0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
      [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f], [0x45, 0x92, 0xbf, 0xc0, 0xc4], [0xfc, 0], [0xfc, 7],
    ]
    for code in good { #expect(Self.refusal(Module.running(code)) == nil, "\(code)") }
    #expect(Self.refusal(Module.running([0x20, 1, 0x21, 0, 0x22, 0], locals: 2)) == nil)
    var global = Module.running([0x23, 0, 0x24, 1])
    global.globals = [[0x7f, 0, 0x41, 7, 0x0b], [0x7e, 1, 0x42, 7, 0x0b]]
    #expect(Self.refusal(global) == nil)
  }

  @Test(
    "refuses operators that are none, or whose operands are out of range",
    arguments: [
      ([0x16], .opcode(0x16, offset: 109)), ([0x27], .opcode(0x27, offset: 109)),
      ([0xc5], .opcode(0xc5, offset: 109)), ([0xff], .opcode(0xff, offset: 109)),
      ([0xfc, 19], .opcode(0xfc13, offset: 109)), ([0x05], .blocks(offset: 109)),
      ([0x02, 0x40, 0x05, 0x0b], .blocks(offset: 111)),
      ([0x04, 0x40, 0x05, 0x05, 0x0b], .blocks(offset: 112)),
      ([0x0b], .blocks(offset: 110)), ([0x02, 0x40], .truncated(offset: 112, needed: 1)),
      ([0x02, 0x70, 0x0b], .valueType(0x70, offset: 110)), ([0x02, 3, 0x0b], .index(.type, 3, offset: 110)),
      ([0x02, 0xff, 0x7f, 0x0b], .valueType(0x7f, offset: 110)), ([0x0c, 1], .index(.label, 1, offset: 110)),
      ([0x0e, 0, 1], .index(.label, 1, offset: 111)), ([0x0e, 0x7f], .count(offset: 110, actual: 0x7f)),
      ([0x10, 4], .index(.function, 4, offset: 110)), ([0x20, 0], .index(.local, 0, offset: 110)),
      ([0x23, 0], .index(.global, 0, offset: 110)), ([0x28, 3, 0], .alignment(3, offset: 109)),
      ([0x2d, 1, 0], .alignment(1, offset: 109)), ([0x28, 0x42, 0, 0], .alignment(0x42, offset: 109)),
      ([0x3f, 1], .form(1, offset: 109)),
      ([0x41, 0x80, 0x80, 0x80, 0x80, 0x08], .integer(offset: 110)),
      ([0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0], .integer(offset: 110)),
      ([0x10, 0x80, 0x80, 0x80, 0x80, 0x10], .integer(offset: 110)),
    ] as [([UInt8], WasmMalformation)])
  func operands(code: [UInt8], malformation: WasmMalformation) {
    // The code begins at offset 109, and its `end` is the last byte.
    #expect(ModuleBytes.running(code).bytes.count == 109 + code.count + 1)
    #expect(Self.refusal(ModuleBytes.running(code)) == .malformed(malformation))
  }

  @Test("refuses sections out of place, of wrong sizes or of other features")
  func sections() {
    let least = Module.least.bytes
    #expect(Self.refusal(least + [1, 1, 0]) == .malformed(.sectionOrder(id: 1, offset: 106)))
    #expect(Self.refusal(least + [13, 1, 0]) == .malformed(.section(id: 13, offset: 106)))
    #expect(Self.refusal(least + [11, 2, 0, 0]) == .malformed(.sectionSize(id: 11, offset: 109)))
    #expect(Self.refusal(least + [11, 1, 1]) == .malformed(.count(offset: 108, actual: 1)))
    #expect(Self.refusal(least + [0, 2, 1, 0xff]) == .malformed(.name(offset: 108)))
    #expect(Self.refusal(least + [0, 1, 5]) == .malformed(.truncated(offset: 109, needed: 5)))
    #expect(Self.refusal { $0.functions.append(0) } == .malformed(.bodies(declared: 4, actual: 3)))
    #expect(Self.refusal { $0.functions.append(3) } == .malformed(.index(.type, 3, offset: 29)))
    #expect(Self.refusal { $0.types[0][0] = 0x5f } == .malformed(.form(0x5f, offset: 11)))
    #expect(Self.refusal { $0.types[0] = [0x60, 1, 0x7b, 0] } == .malformed(.valueType(0x7b, offset: 13)))
    #expect(Self.refusal { $0.types.append(Module.type([0x70, 0x6f], [])) } == nil)
    #expect(
      Self.refusal { $0.globals = [[0x70, 0, 0xd0, 0x70, 0x0b]] } == .malformed(.valueType(0x70, offset: 37)))
    #expect(Self.refusal { $0.globals = [[0x7f, 2, 0x41, 0, 0x0b]] } == .malformed(.form(2, offset: 38)))
    #expect(
      Self.refusal { $0.globals = [[0x7f, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b]] }
        == .malformed(.constant(offset: 39)))
    #expect(Self.refusal { $0.dataCount = 1 } == .malformed(.dataSegments(declared: 1, actual: 0)))
    #expect(Self.refusal { $0.dataCount = 0 } == nil)
    #expect(Self.refusal { $0.start = 3 } == .malformed(.index(.function, 3, offset: 94)))
  }

  @Test("refuses segments of bulk memory, and takes those of the first version and of reference types")
  func segments() {
    #expect(Self.refusal { $0.segments = [[0, 0x41, 0, 0x0b, 2, 1, 2]] } == nil)
    #expect(Self.refusal { $0.segments = [[2, 0, 0x41, 0, 0x0b, 1, 1]] } == nil)
    #expect(Self.refusal { $0.segments = [[1, 2, 1, 2]] } == .malformed(.form(1, offset: 109)))
    #expect(
      Self.refusal { $0.segments = [[2, 1, 0x41, 0, 0x0b, 1, 1]] }
        == .malformed(.index(.memory, 1, offset: 109)))
    let table: [UInt8] = [0x70, 1, 3, 3]
    func elements(_ segment: [UInt8]) -> AnalysisRefusal? {
      Self.refusal {
        $0.tables = [table]
        $0.elements = [segment]
      }
    }
    #expect(elements([0, 0x41, 0, 0x0b, 2, 0, 2]) == nil)
    #expect(elements([2, 0, 0x41, 0, 0x0b, 0, 1, 2]) == nil)
    #expect(elements([4, 0x41, 0, 0x0b, 2, 0xd2, 0, 0x0b, 0xd0, 0x70, 0x0b]) == nil)
    #expect(elements([6, 0, 0x41, 0, 0x0b, 0x70, 1, 0xd2, 0, 0x0b]) == nil)
    for form in [UInt8(1), 3, 5, 7, 8] {
      #expect(elements([form, 0, 0, 0, 0, 0, 0]) == .malformed(.form(form, offset: 102)))
    }
    #expect(elements([0, 0x41, 0, 0x0b, 1, 3]) == .malformed(.index(.function, 3, offset: 107)))
    #expect(
      Self.refusal { $0.elements = [[0, 0x41, 0, 0x0b, 0]] } == .malformed(.index(.table, 0, offset: 95)))
  }

  @Test("refuses every shorter module, and never traps over one changed byte")
  func mutations() {
    var module = Module.running([
      0x02, 0x40, 0x41, 5, 0x0e, 1, 0, 1, 0x0b, 0x41, 0, 0x28, 2, 0, 0x1a, 0xfc, 2,
    ])
    module.tables = [[0x70, 1, 3, 3]]
    module.globals = [[0x7f, 1, 0x41, 7, 0x0b]]
    module.elements = [[0, 0x41, 0, 0x0b, 2, 0, 2]]
    module.dataCount = 1
    module.segments = [[0, 0x41, 0, 0x0b, 2, 1, 2]]
    module.imports = [Module.importFunction("env", "debug", 2)]
    module.exports = module.exports.map { export in
      var export = export
      if export[export.count - 2] == 0 { export[export.count - 1] += 1 }
      return export
    }
    let whole = module.bytes
    #expect(Self.refusal(whole) == nil)
    for count in 0..<whole.count { #expect(Self.refusal([UInt8](whole.prefix(count))) != nil) }
    for place in whole.indices {
      for value in UInt8.min...UInt8.max {
        var changed = whole
        changed[place] = value
        _ = Self.refusal(changed)
      }
    }
  }
}
