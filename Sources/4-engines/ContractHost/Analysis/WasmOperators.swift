extension WasmModule {
  /// Why a body is refused.
  enum BodyRefusal: Error {
    case malformed(WasmMalformation)
    case feature(WasmFeature, opcode: UInt32)
  }

  /// Walks over every operator of every body: only allowed ones, each with operands in range, blocks closed.
  ///
  /// Types on the stack are left to the compiler.
  func checkBodies() throws(AnalysisRefusal) {
    let first = functionTypes.count - functions.count
    for (index, body) in bodies.enumerated() {
      var walk = OperatorWalk(
        module: self, code: body.code, locals: types[functions[index]].parameters.count + body.locals)
      do { try walk.run() } catch {
        switch error {
        case .malformed(let cause): throw .malformed(cause)
        case .feature(let feature, let opcode):
          throw .feature(feature, opcode: opcode, function: first + index)
        }
      }
    }
  }
}

/// One pass over a body.
private struct OperatorWalk {
  let module: WasmModule
  var code: WasmCursor
  let locals: Int
  /// The blocks that are open, each true when it is an `if` that may still have its `else`.
  var blocks: [Bool] = [false]

  mutating func run() throws(WasmModule.BodyRefusal) {
    while !blocks.isEmpty {
      let start = code.offset
      let opcode: UInt8
      do { opcode = try code.byte() } catch { throw .malformed(error) }
      if let feature = Self.refused(opcode) { throw .feature(feature, opcode: UInt32(opcode)) }
      if [0xfb, 0xfc, 0xfd, 0xfe].contains(opcode) {
        try prefixed(opcode, start)
        continue
      }
      do { try plain(opcode, start) } catch { throw .malformed(error) }
    }
    guard code.isAtEnd else { throw .malformed(.blocks(offset: code.offset)) }
  }

  private static func refused(_ opcode: UInt8) -> WasmFeature? {
    switch opcode {
    case 0x06...0x0a, 0x18, 0x19, 0x1f: .exceptions
    case 0x12, 0x13: .tailCalls
    case 0x14, 0x15, 0xd4...0xd6: .functionReferences
    case 0x1c, 0x25, 0x26, 0xd0...0xd2: .referenceTypes
    case 0xd3: .gc
    default: nil
    }
  }

  /// Operators of two parts: only the conversions of floats that saturate are allowed.
  private mutating func prefixed(_ prefix: UInt8, _ start: Int) throws(WasmModule.BodyRefusal) {
    let second: UInt32
    do { second = try code.u32() } catch { throw .malformed(error) }
    let opcode = UInt32(prefix) << (second > 0xff ? 16 : 8) | (second & 0xffff)
    switch (prefix, second) {
    case (0xfc, 0...7): return
    case (0xfc, 8...14): throw .feature(.bulkMemory, opcode: opcode)
    case (0xfc, 15...17): throw .feature(.referenceTypes, opcode: opcode)
    case (0xfc, 18): throw .feature(.memoryControl, opcode: opcode)
    case (0xfb, _): throw .feature(.gc, opcode: opcode)
    case (0xfd, 0...0xff): throw .feature(.simd, opcode: opcode)
    case (0xfd, _): throw .feature(.relaxedSIMD, opcode: opcode)
    case (0xfe, _): throw .feature(.threads, opcode: opcode)
    default: throw .malformed(.opcode(opcode, offset: start))
    }
  }

  private mutating func plain(_ opcode: UInt8, _ start: Int) throws(WasmMalformation) {
    switch opcode {
    case 0x02, 0x03, 0x04:  // block, loop, if
      try blockType()
      blocks.append(opcode == 0x04)
    case 0x05:  // else
      guard blocks.removeLast() else { throw .blocks(offset: start) }
      blocks.append(false)
    case 0x0b: blocks.removeLast()
    case 0x0c, 0x0d: _ = try code.index(.label, below: blocks.count)
    case 0x0e:  // br_table: the labels and the default
      for _ in 0...(try code.count()) { _ = try code.index(.label, below: blocks.count) }
    case 0x10: _ = try code.index(.function, below: module.functionTypes.count)
    case 0x11:
      _ = try code.index(.type, below: module.types.count)
      _ = try code.index(.table, below: module.tableCount)
    case 0x20...0x22: _ = try code.index(.local, below: locals)
    case 0x23, 0x24: _ = try code.index(.global, below: module.globalCount)
    case 0x28...0x3e: try memoryOperand(opcode, start)
    case 0x3f, 0x40:
      let memory = try code.byte()
      guard memory == 0 else { throw .form(memory, offset: start) }
      try needMemory(start)
    case 0x41: _ = try code.signed(32)
    case 0x42: _ = try code.signed(64)
    case 0x43: try code.skip(4)
    case 0x44: try code.skip(8)
    // unreachable, nop; return; drop, select; comparisons, arithmetic, conversions, sign extensions
    case 0x00, 0x01, 0x0f, 0x1a, 0x1b, 0x45...0xc4: break
    default: throw .opcode(UInt32(opcode), offset: start)
    }
  }

  /// Nothing, one value, or the index of a type.
  private mutating func blockType() throws(WasmMalformation) {
    let start = code.offset
    let type = try code.signed(33)
    if type >= 0 {
      guard type < module.types.count else {
        throw .index(.type, UInt32(truncatingIfNeeded: type), offset: start)
      }
      return
    }
    // The negative numbers of one byte are -64...-1: the bytes 0x40...0x7f.
    let byte = UInt8(truncatingIfNeeded: type & 0x7f)
    let isSmall = type >= -64 && code.offset == start + 1
    let value = WasmValueType(rawValue: byte)
    guard isSmall, byte == 0x40 || (value.map { !$0.isReference } ?? false) else {
      throw .valueType(byte, offset: start)
    }
  }

  /// The alignment, at most what the operator reads or writes at once, and the offset.
  private mutating func memoryOperand(_ opcode: UInt8, _ start: Int) throws(WasmMalformation) {
    let alignment = try code.u32()
    guard alignment <= Self.alignment(opcode) else { throw .alignment(alignment, offset: start) }
    _ = try code.u32()
    try needMemory(start)
  }

  private func needMemory(_ start: Int) throws(WasmMalformation) {
    guard module.memoryCount > 0 else { throw .index(.memory, 0, offset: start) }
  }

  /// The binary logarithm of how many bytes a load or a store moves.
  private static func alignment(_ opcode: UInt8) -> UInt32 {
    switch opcode {
    case 0x28, 0x2a, 0x34, 0x35, 0x36, 0x38, 0x3e: 2
    case 0x29, 0x2b, 0x37, 0x39: 3
    case 0x2e, 0x2f, 0x32, 0x33, 0x3b, 0x3d: 1
    default: 0
    }
  }
}
