import ContractHost

/// What wasmd charges around a call, in gas of the Cosmos SDK (`x/wasm/types/gas_register.go`).
enum ContractGas {
  /// Making an instance of code that this transaction has not used before, and that is not pinned.
  static let instance: UInt64 = 60_000
  static let instanceDiscount: UInt64 = 2_000
  static let compilePerByte: UInt64 = 3
  static let pin: UInt64 = 500_000
  static let customEvent: UInt64 = 20
  static let attribute: UInt64 = 10
  static let attributeByte: UInt64 = 1
  /// Bytes of attributes of one response that cost nothing.
  static let attributeBytesFree: UInt64 = 100
  /// Reading one byte of an answer.
  static let resultByte: UInt64 = 1
  static let humanize: UInt64 = 5
  static let canonicalize: UInt64 = 4
  static let validate: UInt64 = 9
  /// wasmd `handler_plugin_encoders.go`, AnyMsgBaseGasCost and AnyMsgPerKBGasCost.
  static let anyMessage: UInt64 = 5
  static let anyMessagePerKilobyte: UInt64 = 1

  static func events(_ attributes: [ContractAttribute], _ events: [ContractEvent]) -> UInt64 {
    var free = attributeBytesFree
    var gas = cost(attributes, &free)
    for event in events {
      gas += customEvent + UInt64(event.type.utf8.count) * attributeByte + cost(event.attributes, &free)
    }
    return gas
  }

  private static func cost(_ attributes: [ContractAttribute], _ free: inout UInt64) -> UInt64 {
    var bytes: UInt64 = 0
    for attribute in attributes {
      bytes += UInt64(attribute.key.utf8.count) + UInt64(attribute.value.utf8.count)
    }
    let paid = bytes - min(bytes, free)
    free -= min(bytes, free)
    return paid * attributeByte + UInt64(attributes.count) * attribute
  }

  /// Waking a contract with a reply.
  static func reply(_ events: [ContractEvent]) -> UInt64 {
    var types: UInt64 = 0
    for event in events { types += UInt64(event.type.utf8.count) * attributeByte }
    return types + Self.events(events.flatMap(\.attributes), []) + instanceDiscount
  }

  /// Gas of the machine for gas of the ledger; held at the largest number.
  static func machine(_ gas: UInt64) -> UInt64 {
    let (product, overflow) = gas.multipliedReportingOverflow(by: VMGas.perSDKGas)
    return overflow ? .max : product
  }

  /// Rounded down, as wasmd does.
  static func ledger(_ gas: UInt64) -> UInt64 { gas / VMGas.perSDKGas }
}
