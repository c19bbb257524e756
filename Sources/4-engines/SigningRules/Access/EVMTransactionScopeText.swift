import Encodings
import WireBytes

/// How a policy says which transactions of EVM chains it allows:
///
///     {"purpose": "evmTransaction", "keys": […], "chains": ["eip155:1"],
///      "calls": [{"to": address | "any", "selectors": ["0x01020304" | "0x"…] | "any"}],
///      "makesContracts": false, "valueMax": "0", "gasMax": 3000000, "feePerGasMax": "100000000000", "oneCallPerNonce": true}
extension EVMTransactionScope {
  /// What stands where everything is allowed.
  private static let any = "any"

  init(_ members: PolicyMembers) throws(AccessPolicyError) {
    var calls: [EVMCalls] = []
    for (index, element) in try members.array("calls", .calls).enumerated() {
      let place = try PolicyMembers(element, members.join("calls") + ".\(index)", ["to", "selectors"])
      var to: Bytes20?
      if try place.string("to") != Self.any {
        guard let address = Self.fixed(try place.value("to"), as: Bytes20.self) else {
          throw .member(path: place.join("to"), wanted: .contract)
        }
        to = address
      }
      var selectors: [EVMSelector]?
      if place.optional("selectors")?.string != Self.any {
        selectors = try place.list("selectors", .selectors, .selector) { json in
          json.string == "0x" ? EVMSelector.none : Self.fixed(json).map { .function($0) }
        }
      }
      calls.append(EVMCalls(to: to, selectors: selectors))
    }
    self.init(
      chains: try members.list("chains", .chains, .evmChain) { $0.string.flatMap { Self.chain($0) } },
      calls: calls, makesContracts: try members.boolean("makesContracts"),
      valueMax: try members.amount("valueMax"), gasMax: try members.integer("gasMax"),
      feePerGasMax: try members.amount("feePerGasMax"),
      oneCallPerNonce: try members.boolean("oneCallPerNonce"))
  }

  /// Nil for anything but `eip155:` and a number above zero in its one form.
  private static func chain(_ text: String) -> UInt64? {
    guard text.hasPrefix(chainPrefix), let number = UInt64(text.dropFirst(chainPrefix.utf8.count)),
      number > 0,
      chainPrefix + String(number) == text
    else { return nil }
    return number
  }

  /// Lower-case hex behind `0x`: one form a value.
  private static func fixed<let count: Int>(
    _ json: JSONValue, as type: FixedBytes<count>.Type = FixedBytes<count>.self
  ) -> FixedBytes<count>? {
    guard let text = json.string, let bytes = try? FixedBytes<count>(hex: text), bytes.description == text
    else {
      return nil
    }
    return bytes
  }

  /// Everything but the purpose and the keys.
  func write(to members: inout [String: JSONValue]) {
    members["chains"] = .array(chains.map { .string(Self.chainPrefix + String($0)) })
    members["calls"] = .array(
      calls.map { calls in
        [
          "to": .string(calls.to?.description ?? Self.any),
          "selectors": calls.selectors.map { .array($0.map { .string($0.text) }) } ?? .string(Self.any),
        ]
      })
    members["makesContracts"] = .boolean(makesContracts)
    members["valueMax"] = .string(valueMax.description)
    members["gasMax"] = .number(String(gasMax))
    members["feePerGasMax"] = .string(feePerGasMax.description)
    members["oneCallPerNonce"] = .boolean(oneCallPerNonce)
  }
}

extension EVMSelector {
  fileprivate var text: String {
    switch self {
    case .none: "0x"
    case .function(let selector): selector.description
    }
  }
}
