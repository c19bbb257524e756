import ContractHost
import Digests
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// Code: its bytes in pieces, and what is known of it.
extension ContractKeeper {
  func store(
    _ sent: [UInt8], permission: AccessConfig?, by creator: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> (id: UInt64, checksum: Bytes32) {
    let usual: AccessConfig = settings.instantiateDefault
    let access = permission ?? usual
    guard settings.upload.allows(creator), access.isSubset(of: usual) else {
      throw .failure(ContractFailure(.unauthorized, "can not create code"))
    }
    var code = sent
    if Gzip.isGzip(sent) {
      // 0.15 a byte (wasmd gas_register.go, DefaultPerByteUncompressCost).
      try halting { () throws(ExecutionHalt) in try context.charge(UInt64(sent.count) * 15 / 100) }
      do { code = try Gzip.unpack(sent, sizeMax: WasmMessage.codeSizeMax) } catch {
        throw .failure(ContractFailure(.create, "uncompress wasm archive: \(error.text)"))
      }
    }
    // Before the compiler does the work.
    try halting { () throws(ExecutionHalt) in
      try context.charge(ContractGas.compilePerByte * UInt64(code.count))
    }
    let compiled: CompiledCode
    do { compiled = try engine.compile(code) } catch { throw .failure(ContractFailure(.create, error.text)) }
    let checksum = compiled.checksum
    let id = try next(ContractKeys.nextCode, in: &context)
    let record = CodeRecord(checksum: checksum, creator: creator, access: access, size: code.count)
    try halting { () throws(ExecutionHalt) in
      try context.write(record.stored, to: ContractKeys.code(id))
      for (chunk, start) in stride(from: 0, to: code.count, by: ContractKeys.chunkBytes).enumerated() {
        let bytes = Array(code[start..<min(start + ContractKeys.chunkBytes, code.count)])
        try context.writePrepaid(bytes, to: ContractKeys.binary(checksum, chunk: chunk))
      }
    }
    var attributes = [
      Event.Attribute("code_checksum", Hex.encode(checksum.array, prefix: "")),
      Event.Attribute("code_id", String(id)),
    ]
    let capabilities = compiled.analysis.requiredCapabilities.sorted()
    for capability in capabilities.isEmpty ? [""] : capabilities {
      attributes.append(Event.Attribute("required_capability", capability))
    }
    try halting { () throws(ExecutionHalt) in try context.emit(Event("store_code", attributes)) }
    return (id, checksum)
  }

  func setAccess(
    of codeID: UInt64, _ access: AccessConfig, by caller: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) {
    var record = try codeRecord(codeID, in: &context)
    guard record.creator == caller, access.isSubset(of: settings.instantiateDefault) else {
      throw .failure(ContractFailure(.unauthorized, "can not modify code access config"))
    }
    record.access = access
    var attributes = [
      Event.Attribute("code_permission", access.name), Event.Attribute("code_id", String(codeID)),
    ]
    if case .anyOf(let accounts) = access {
      attributes.append(
        Event.Attribute("authorized_addresses", accounts.map(\.text).joined(separator: ",")))
    }
    try halting { () throws(ExecutionHalt) in
      try context.write(record.stored, to: ContractKeys.code(codeID))
      try context.emit(Event("update_code_access_config", attributes))
    }
  }

  /// Marks code whose instances are cheap.
  func pin(_ codeID: UInt64, _ isPinned: Bool, in context: inout HostContext) throws(ContractStop) {
    _ = try codeRecord(codeID, in: &context)
    try halting { () throws(ExecutionHalt) in
      try context.charge(ContractGas.pin)
      if isPinned {
        try context.write([1], to: ContractKeys.isPinned(codeID))
      } else {
        try context.remove(ContractKeys.isPinned(codeID))
      }
      try context.emit(Event(isPinned ? "pin_code" : "unpin_code", ["code_id": String(codeID)]))
    }
  }

  func knownCode(_ id: UInt64, in context: inout HostContext) throws(ContractStop) -> CodeRecord? {
    let bytes = try halting { () throws(ExecutionHalt) in try context.read(ContractKeys.code(id)) }
    guard let bytes else { return nil }
    guard let record = CodeRecord(stored: bytes) else { throw .halt(.state(.unreadable)) }
    return record
  }

  func codeRecord(_ id: UInt64, in context: inout HostContext) throws(ContractStop) -> CodeRecord {
    guard let record = try knownCode(id, in: &context) else { throw .failure(.noSuchCode(id)) }
    return record
  }

  /// The code in the machine's form. What it costs to make that form does not show in gas: whether it was there
  /// already differs from one machine to the next.
  func compiled(_ record: CodeRecord, in context: inout HostContext) throws(ContractStop) -> CompiledCode {
    if let known = engine.code(record.checksum) { return known }
    let bytes = try halting { () throws(ExecutionHalt) in try binary(record, in: &context) }
    // It was compiled when it was stored; a machine that cannot now has no business in this chain.
    guard let compiled = try? engine.compile(bytes), compiled.checksum == record.checksum else {
      throw .halt(.state(.unreadable))
    }
    return compiled
  }

  /// The bytes of a binary, free of charge.
  func binary(_ record: CodeRecord, in context: inout HostContext) throws(ExecutionHalt) -> [UInt8] {
    let prefix = ContractKeys.binary(record.checksum)
    let chunks = try context.page(
      from: prefix, until: ContractKeys.end(of: prefix), descending: false,
      limit: WasmMessage.codeSizeMax / ContractKeys.chunkBytes + 1)
    let bytes = chunks.flatMap { $0.value }
    guard bytes.count == record.size, SHA256Hash.hash(bytes) == record.checksum else {
      throw .state(.unreadable)
    }
    return bytes
  }

  /// Takes the next number of a counter, which begins with 1.
  func next(_ key: [UInt8], in context: inout HostContext) throws(ContractStop) -> UInt64 {
    try halting { () throws(ExecutionHalt) in
      let number =
        try context.read(key).map { (bytes: [UInt8]) throws(ExecutionHalt) in
          try ContractKeys.number(stored: bytes)
        } ?? 1
      var bytes: [UInt8] = []
      bytes.append(bigEndian: number + 1)
      try context.write(bytes, to: key)
      return number
    }
  }
}
