private import WireBytes

/// The longest regions that imports read (cosmwasm packages/vm/src/imports.rs).
enum ImportLimits {
  static let key = 64 << 10
  static let value = 128 << 10
  static let humanAddress = 256
  static let canonicalAddress = 64
  static let query = 64 << 10
  static let debug = 2 << 20
  static let abort = 2 << 20
  static let digest = 32
  static let signature = 64
  static let ecdsaKey = 65
  static let ed25519Message = 128 << 10
  static let ed25519Key = 32
  static let ed25519Batch = 256
}

/// Imports by name. What is charged, and in which order, follows packages/vm/src/imports.rs line by line.
extension CallFrame {
  /// - Returns: the result, in the low 32 bits unless the import answers with i64; 0 where it answers nothing.
  func perform(_ host: HostImport, _ arguments: ImportArguments) throws(CallFailure) -> UInt64 {
    let (first, second, third) = (arguments.first, arguments.second, arguments.third)
    switch host {
    case .dbRead: return try dbRead(first)
    case .dbWrite: return try dbWrite(first, second)
    case .dbRemove: return try dbRemove(first)
    case .dbScan: return try dbScan(first, second, Int32(bitPattern: third))
    case .dbNext:
      let entry = try next(first)
      return try UInt64(give(Sections.encode(entry?.key ?? [], entry?.value ?? [])))
    case .dbNextKey:
      guard let entry = try next(first) else { return 0 }
      return try UInt64(give(entry.key))
    case .dbNextValue:
      guard let entry = try next(first) else { return 0 }
      return try UInt64(give(entry.value))
    case .addrValidate: return try addrValidate(first)
    case .addrCanonicalize: return try addrCanonicalize(first, second)
    case .addrHumanize: return try addrHumanize(first, second)
    case .secp256k1Verify, .secp256r1Verify: return try verifyECDSA(host, first, second, third)
    case .secp256k1RecoverPubkey, .secp256r1RecoverPubkey: return try recoverECDSA(host, first, second, third)
    case .ed25519Verify: return try verifyEd25519(first, second, third)
    case .ed25519BatchVerify: return try verifyEd25519Batch(first, second, third)
    case .aggregateG1, .aggregateG2, .pairingEquality, .hashToG1, .hashToG2:
      throw .host(.notSupported, in: host)
    case .debug:
      debugPrint(String(decoding: try read(regionAt: first, limit: ImportLimits.debug), as: UTF8.self))
      return 0
    case .abort:
      let words = try read(regionAt: first, limit: ImportLimits.abort)
      try meter.charge(VMGas.text.cost(words.count))
      throw .aborted(String(decoding: words, as: UTF8.self))
    case .queryChain:
      let request = try read(regionAt: first, limit: ImportLimits.query)
      let left = meter.left
      return try UInt64(
        give(ask { frame throws(BackendFailure) in try frame.chainQuery(request, gasLimit: left) }))
    }
  }

  // MARK: storage

  private func dbRead(_ pointer: UInt32) throws(CallFailure) -> UInt64 {
    let key = try read(regionAt: pointer, limit: ImportLimits.key)
    guard let value = try ask({ frame throws(BackendFailure) in try frame.storageRead(key) }) else {
      return 0
    }
    return try UInt64(give(value))
  }

  private func dbWrite(_ keyPointer: UInt32, _ valuePointer: UInt32) throws(CallFailure) -> UInt64 {
    guard !isReadOnly else { throw .host(.writeInQuery, in: place) }
    let key = try readForStorage(keyPointer, limit: ImportLimits.key) { .keyTooBig(bytes: $0, limit: $1) }
    let value = try readForStorage(valuePointer, limit: ImportLimits.value) {
      .valueTooBig(bytes: $0, limit: $1)
    }
    try ask { frame throws(BackendFailure) in BackendAnswer((), gas: try frame.storageWrite(value, to: key)) }
    return 0
  }

  private func readForStorage(
    _ pointer: UInt32, limit: Int, tooBig: (Int, Int) -> HostFailure
  ) throws(CallFailure) -> [UInt8] {
    do {
      return try read(regionAt: pointer, limit: limit)
    } catch {
      guard case .host(.region(.tooLong(let length, let limit)), let place) = error else { throw error }
      throw .host(tooBig(length, limit), in: place)
    }
  }

  private func dbRemove(_ pointer: UInt32) throws(CallFailure) -> UInt64 {
    guard !isReadOnly else { throw .host(.writeInQuery, in: place) }
    let key = try read(regionAt: pointer, limit: ImportLimits.key)
    try ask { frame throws(BackendFailure) in BackendAnswer((), gas: try frame.storageRemove(key)) }
    return 0
  }

  private func dbScan(_ from: UInt32, _ until: UInt32, _ order: Int32) throws(CallFailure) -> UInt64 {
    let start = from == 0 ? nil : try read(regionAt: from, limit: ImportLimits.key)
    let end = until == 0 ? nil : try read(regionAt: until, limit: ImportLimits.key)
    guard order == 1 || order == 2 else { throw .host(.order(order), in: place) }
    guard iterators.count < limits.iteratorsMax else {
      throw .host(.iterators(limit: limits.iteratorsMax), in: place)
    }
    let handle = try ask { frame throws(BackendFailure) in
      try frame.storageScan(from: start, until: end, descending: order == 2)
    }
    iterators.append(handle)
    return UInt64(iterators.count)
  }

  private func next(_ number: UInt32) throws(CallFailure) -> ContractEntry? {
    guard number >= 1, Int(number) <= iterators.count else {
      throw .host(.unknownIterator(number), in: place)
    }
    let handle = iterators[Int(number) - 1]
    return try ask { frame throws(BackendFailure) in try frame.storageNext(handle) }
  }

  // MARK: addresses

  private func addrValidate(_ pointer: UInt32) throws(CallFailure) -> UInt64 {
    let source = try read(regionAt: pointer, limit: ImportLimits.humanAddress)
    guard let human = try address(source) else { return try refuseAddress(source) }
    let refusal = try ask { frame throws(BackendFailure) in try frame.addressValidate(human) }
    guard let refusal else { return 0 }
    return try UInt64(give([UInt8](refusal.text.utf8)))
  }

  private func addrCanonicalize(_ pointer: UInt32, _ destination: UInt32) throws(CallFailure) -> UInt64 {
    let source = try read(regionAt: pointer, limit: ImportLimits.humanAddress)
    guard let human = try address(source) else { return try refuseAddress(source) }
    switch try ask({ frame throws(BackendFailure) in try frame.addressCanonicalize(human) }) {
    case .success(let canonical):
      try write(canonical, toRegionAt: destination)
      return 0
    case .failure(let refusal): return try UInt64(give([UInt8](refusal.text.utf8)))
    }
  }

  private func addrHumanize(_ pointer: UInt32, _ destination: UInt32) throws(CallFailure) -> UInt64 {
    let canonical = try read(regionAt: pointer, limit: ImportLimits.canonicalAddress)
    switch try ask({ frame throws(BackendFailure) in try frame.addressHumanize(canonical) }) {
    case .success(let human):
      try write([UInt8](human.utf8), toRegionAt: destination)
      return 0
    case .failure(let refusal): return try UInt64(give([UInt8](refusal.text.utf8)))
    }
  }

  /// Nil when it is empty, which is free, or not UTF-8.
  private func address(_ source: [UInt8]) throws(CallFailure) -> String? {
    guard !source.isEmpty else { return nil }
    try meter.charge(VMGas.text.cost(source.count))
    return String(validating: source, as: UTF8.self)
  }

  private func refuseAddress(_ source: [UInt8]) throws(CallFailure) -> UInt64 {
    let words = source.isEmpty ? "Input is empty" : "Input is not valid UTF-8"
    return try UInt64(give([UInt8](words.utf8)))
  }

  // MARK: the backend

  /// Asks the backend, and counts what it charged.
  @discardableResult
  private func ask<Value>(
    _ question: (CallFrame) throws(BackendFailure) -> BackendAnswer<Value>
  ) throws(CallFailure) -> Value {
    let answer: BackendAnswer<Value>
    do {
      answer = try question(self)
    } catch {
      switch error {
      case .outOfGas: throw meter.exhaust()
      case .refused(let words): throw .backend(words)
      case .halt: throw .halted
      }
    }
    try meter.count(external: answer.gas)
    return answer.value
  }
}
