/// The type of a value on WebAssembly's stack. Raw values are the binary format's bytes.
public enum WasmValueType: UInt8, Hashable, Sendable {
  case i32 = 0x7f
  case i64 = 0x7e
  case f32 = 0x7d
  case f64 = 0x7c
  case functionReference = 0x70
  case externalReference = 0x6f

  var isReference: Bool { self == .functionReference || self == .externalReference }
}

/// The type of a function.
public struct WasmFunctionType: Hashable, Sendable {
  public let parameters: [WasmValueType]
  public let results: [WasmValueType]

  public init(parameters: [WasmValueType], results: [WasmValueType]) {
    self.parameters = parameters
    self.results = results
  }
}

/// How large something begins and may become.
struct WasmBounds: Hashable, Sendable {
  let minimum: UInt32
  let maximum: UInt32?
}

/// What is imported or exported. Raw values are the binary format's bytes.
enum WasmKind: UInt8, Hashable, Sendable {
  case function = 0
  case table = 1
  case memory = 2
  case global = 3
}

extension WasmCursor {
  /// A type of values: a reference only where `references` are allowed.
  mutating func valueType(references: Bool) throws(WasmMalformation) -> WasmValueType {
    let start = offset
    let byte = try byte()
    guard let type = WasmValueType(rawValue: byte), references || !type.isReference else {
      throw .valueType(byte, offset: start)
    }
    return type
  }

  /// The most parameters, or results, of a type (wasmparser limits.rs; the limits of uploads are far below).
  static let valuesMax = 1_000

  mutating func valueTypes() throws(WasmMalformation) -> [WasmValueType] {
    let start = offset
    let count = try count()
    guard count <= Self.valuesMax else { throw .count(offset: start, actual: UInt32(count)) }
    var types: [WasmValueType] = []
    types.reserveCapacity(count)
    for _ in 0..<count { types.append(try valueType(references: true)) }
    return types
  }

  mutating func functionType() throws(WasmMalformation) -> WasmFunctionType {
    let start = offset
    let form = try byte()
    guard form == 0x60 else { throw .form(form, offset: start) }
    return WasmFunctionType(parameters: try valueTypes(), results: try valueTypes())
  }

  /// Limits that are neither shared nor of 64 bits, no number in them over `most`.
  mutating func bounds(most: UInt32) throws(WasmMalformation) -> WasmBounds {
    let start = offset
    let form = try byte()
    guard form <= 1 else { throw .form(form, offset: start) }
    let bounds = WasmBounds(minimum: try u32(), maximum: form == 1 ? try u32() : nil)
    guard bounds.minimum <= bounds.maximum ?? most, bounds.maximum ?? 0 <= most else {
      throw .limits(offset: start)
    }
    return bounds
  }

  /// A table of references to functions.
  mutating func table() throws(WasmMalformation) -> WasmBounds {
    let start = offset
    let type = try byte()
    guard type == WasmValueType.functionReference.rawValue else { throw .valueType(type, offset: start) }
    return try bounds(most: .max)
  }

  /// A memory of at most 4 GiB.
  mutating func memory() throws(WasmMalformation) -> WasmBounds { try bounds(most: 65_536) }

  mutating func globalType() throws(WasmMalformation) {
    _ = try valueType(references: false)
    let start = offset
    let mutability = try byte()
    guard mutability <= 1 else { throw .form(mutability, offset: start) }
  }
}
