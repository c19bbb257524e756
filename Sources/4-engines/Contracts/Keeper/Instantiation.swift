import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// Making contracts, and changing what they are.
extension ContractKeeper {
  func instantiate(
    _ wanted: Instantiation, in context: inout HostContext
  ) throws(ContractStop) -> (contract: AccountAddress, result: [UInt8]?) {
    let code = try codeRecord(wanted.codeID, in: &context)
    try chargeInstance(of: code, id: wanted.codeID, in: &context)
    guard code.access.allows(wanted.creator) else {
      throw .failure(ContractFailure(.unauthorized, "can not instantiate"))
    }
    let contract = try address(for: wanted, code, in: &context)
    guard try knownContract(contract, in: &context) == nil else {
      throw .failure(
        ContractFailure(
          .duplicate,
          "contract address already exists, try a different combination of creator, checksum and salt"))
    }
    // Coins may have come before the contract; a key may not (CWA-2022-005).
    try halting { () throws(ExecutionHalt) in try accounts.ensure(contract, in: &context) }
    let account = try halting { () throws(ExecutionHalt) in try accounts.account(contract, in: &context) }
    guard account?.sequence == 0 else {
      throw .failure(ContractFailure(.accountExists, "address is claimed by external account"))
    }
    try move(wanted.funds, from: wanted.creator, to: contract, in: &context)
    let compiled = try compiled(code, in: &context)
    let response: ContractResponse = try invoke(
      .instantiate, of: contract, compiled,
      [
        environment(of: contract, in: context),
        information(sender: wanted.creator, funds: wanted.funds), wanted.message,
      ], refusal: .instantiate, in: &context)
    let order = try next(ContractKeys.nextOrder, in: &context)
    let record = ContractRecord(
      codeID: wanted.codeID, creator: wanted.creator, admin: wanted.admin, label: wanted.label,
      createdHeight: context.moment.height,
      ibcPort: compiled.analysis.hasIbcEntryPoints ? ContractPort.v1(contract) : nil,
      ibc2Port: ContractPort.v2(contract), order: order)
    try halting { () throws(ExecutionHalt) in
      try context.write(
        [1], to: ContractKeys.byCreator(wanted.creator, order: order, contract))
    }
    try keep(record, of: contract, operation: .instantiate, index: 1, message: wanted.message, in: &context)
    try emit("instantiate", contract, [("code_id", String(wanted.codeID))], in: &context)
    let result = try wrapping("dispatch") { () throws(ContractStop) in
      try settle(response.parts, of: contract, in: &context)
    }
    return (contract, result)
  }

  private func address(
    for wanted: Instantiation, _ code: CodeRecord, in context: inout HostContext
  ) throws(ContractStop) -> AccountAddress {
    guard let salt = wanted.salt else {
      let instance = try next(ContractKeys.nextInstance, in: &context)
      return AccountAddress(ContractAddresses.classic(codeID: wanted.codeID, instanceID: instance))
    }
    do {
      return AccountAddress(
        try ContractAddresses.predictable(
          checksum: code.checksum, creator: wanted.creator.bytes, salt: salt,
          message: wanted.fixesMessage ? wanted.message : nil))
    } catch { throw .failure(ContractFailure(.invalid, "salt")) }
  }

  /// Writes a contract's record, its place in lists, and a line of its history.
  private func keep(
    _ record: ContractRecord, of contract: AccountAddress, operation: ContractHistoryEntry.Operation,
    index: UInt64, message: [UInt8], in context: inout HostContext
  ) throws(ContractStop) {
    let entry = ContractHistoryEntry(
      operation: operation, codeID: record.codeID, height: context.moment.height, message: message)
    try halting { () throws(ExecutionHalt) in
      try context.write(record.stored, to: ContractKeys.contract(contract))
      try context.write([1], to: ContractKeys.byCode(record.codeID, order: record.order, contract))
      try context.write(entry.encoded(), to: ContractKeys.history(contract, index))
    }
  }

  func migrate(
    _ contract: AccountAddress, to codeID: UInt64, message: [UInt8], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(ContractStop) -> [UInt8]? {
    var record = try contractToChange(contract, "can not migrate", by: caller, in: &context)
    guard let code = try knownCode(codeID, in: &context) else {
      throw .failure(ContractFailure(.invalidRequest, "unknown code"))
    }
    guard code.access.allows(caller) else {
      throw .failure(ContractFailure(.unauthorized, "to use new code"))
    }
    let new = try compiled(code, in: &context)
    if new.analysis.hasIbcEntryPoints {
      record.ibcPort = ContractPort.v1(contract)
    } else if record.ibcPort != nil {
      throw .failure(ContractFailure(.migrate, "requires ibc callbacks"))
    }
    let old = try compiled(try codeRecord(record.codeID, in: &context), in: &context)
    let (oldVersion, newVersion) = (old.analysis.migrateVersion, new.analysis.migrateVersion)
    var response: ContractResponse?
    // Nothing is to be done where both say that their state is of the same version.
    if oldVersion == nil || oldVersion != newVersion {
      try chargeInstance(of: code, id: codeID, in: &context)
      let information = MigrateInfo(sender: caller.text, oldMigrateVersion: oldVersion)
      response = try invoke(
        .migrate, of: contract, new,
        [environment(of: contract, in: context), message, information.encoded()], refusal: .migrate,
        in: &context)
    }
    let prefix = ContractKeys.history(contract)
    let last = try halting { () throws(ExecutionHalt) in
      try context.remove(ContractKeys.byCode(record.codeID, order: record.order, contract))
      return try context.range(
        from: prefix, until: ContractKeys.end(of: prefix), descending: true, limit: 1
      ).first.map { (entry) throws(ExecutionHalt) in
        try ContractKeys.number(stored: Array(entry.key.dropFirst(prefix.count)))
      }
    }
    record.codeID = codeID
    record.order = try next(ContractKeys.nextOrder, in: &context)
    try keep(
      record, of: contract, operation: .migrate, index: (last ?? 0) + 1, message: message, in: &context)
    try halting { () throws(ExecutionHalt) in
      try context.emit(
        Event("migrate", ["code_id": String(codeID), "_contract_address": contract.text]))
    }
    guard let response else { return nil }
    return try wrapping("dispatch") { () throws(ContractStop) in
      try settle(response.parts, of: contract, in: &context)
    }
  }

  /// Changes the record of a contract on behalf of its admin.
  func change(
    _ contract: AccountAddress, by caller: AccountAddress, in context: inout HostContext,
    _ change: (inout ContractRecord) -> Void
  ) throws(ContractStop) {
    var record = try contractToChange(contract, "can not modify contract", by: caller, in: &context)
    change(&record)
    try halting { () throws(ExecutionHalt) in
      try context.write(record.stored, to: ContractKeys.contract(contract))
    }
  }

  private func contractToChange(
    _ contract: AccountAddress, _ refusal: String, by caller: AccountAddress, in context: inout HostContext
  ) throws(ContractStop) -> ContractRecord {
    guard let record = try knownContract(contract, in: &context) else {
      throw .failure(ContractFailure(.invalidRequest, "unknown contract"))
    }
    guard let admin = record.admin, admin == caller else {
      throw .failure(ContractFailure(.unauthorized, refusal))
    }
    return record
  }
}
