import ContractHost
import Encodings
import Ledger
import Messages
import WireBytes

/// What wasmd checks of a message before anything else (`x/wasm/types/tx.go`, ValidateBasic).
extension WasmMessage {
  func check() throws(ContractFailure) {
    switch self {
    case .storeCode(_, let code, _):
      let text = "code bytes"
      guard !code.isEmpty else {
        throw ContractFailure(.invalidRequest, "\(text) is required: \(WasmError.empty.text)")
      }
      guard code.count <= Self.codeSizeMax else {
        throw ContractFailure(
          .invalidRequest,
          "\(text) cannot be longer than \(Self.codeSizeMax) bytes: \(WasmError.limit.text)")
      }
    case .instantiate(_, _, let codeID, let label, let message, let funds):
      try Self.check(codeID: codeID)
      try Self.check(label: label)
      try Self.check(funds: funds)
      try Self.check(message: message, "payload msg")
    case .instantiate2(_, _, let codeID, let label, let message, let funds, let salt, _):
      try Self.check(codeID: codeID)
      try Self.check(label: label)
      try Self.check(funds: funds)
      try Self.check(message: message, "payload msg")
      guard !salt.isEmpty else { throw ContractFailure(.empty, "salt: is required") }
      guard salt.count <= Self.saltSizeMax else {
        throw ContractFailure(.limit, "salt: cannot be longer than \(Self.saltSizeMax) characters")
      }
    case .execute(_, _, let message, let funds):
      try Self.check(funds: funds)
      try Self.check(message: message, "payload msg")
    case .migrate(_, _, let codeID, let message):
      try Self.check(codeID: codeID)
      try Self.check(message: message, "payload msg")
    case .updateAdmin(let sender, let admin, _):
      guard sender != admin else { throw ContractFailure(.invalid, "new admin is the same as the old") }
    case .clearAdmin, .updateInstantiateConfig: break
    case .updateLabel(_, let label, _): try Self.check(label: label)
    case .sudo(_, _, let message): try Self.check(message: message, "payload msg")
    case .pinCodes(_, let ids), .unpinCodes(_, let ids):
      guard !ids.isEmpty else { throw ContractFailure(.invalidRequest, "empty code ids") }
      guard Set(ids).count == ids.count else {
        throw ContractFailure(.invalidRequest, "duplicate code ids")
      }
    }
  }

  private static func check(codeID: UInt64) throws(ContractFailure) {
    guard codeID > 0 else { throw ContractFailure(.invalidRequest, "code id is required") }
  }

  /// 1 to 128 bytes of printable characters, without white space at its ends.
  private static func check(label: String) throws(ContractFailure) {
    guard !label.isEmpty else { throw ContractFailure(.empty, "label: is required") }
    guard label.utf8.count <= labelSizeMax else {
      throw ContractFailure(.limit, "label: cannot be longer than \(labelSizeMax) characters")
    }
    let scalars = label.unicodeScalars
    if let first = scalars.first, let last = scalars.last,
      first.properties.isWhitespace || last.properties.isWhitespace
    {
      throw ContractFailure(.invalid, "label: label must not start/end with whitespaces")
    }
    guard scalars.allSatisfy(isPrintable) else {
      throw ContractFailure(.invalid, "label: label must have printable characters only")
    }
  }

  /// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols, and the ASCII space.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  /// Each denomination once, in order, none of them zero.
  private static func check(funds: [Coin]) throws(ContractFailure) {
    for (index, coin) in funds.enumerated() {
      guard coin.amount > .zero, index == 0 || funds[index - 1].denom < coin.denom else {
        throw ContractFailure(.invalidCoins, "funds")
      }
    }
  }

  /// Contracts are told JSON, and nothing else.
  static func check(message: [UInt8], _ name: String) throws(ContractFailure) {
    guard !message.isEmpty else { throw ContractFailure(.empty, name) }
    let limits = JSONLimits(sizeBytes: MessageLimits.sizeBytesMax, depth: MessageLimits.depthMax)
    guard (try? JSONValue(decoding: message, limits: limits)) != nil else {
      throw ContractFailure(.invalid, name)
    }
  }
}

/// Coins as contracts write them.
extension [ContractCoin] {
  /// Sums of each denomination, in order, without zeros (wasmd ConvertWasmCoinsToSdkCoins).
  func coins() throws(ContractFailure) -> [Coin] {
    var sums: [Denom: UInt256] = [:]
    for coin in self {
      guard let denom = try? Denom(coin.denomination) else {
        throw ContractFailure(.invalidCoins, "invalid denom: \(coin.denomination)")
      }
      let (sum, overflow) = sums[denom, default: .zero].addingReportingOverflow(coin.amount)
      guard !overflow else { throw ContractFailure(.invalidCoins, "\(coin.amount)\(denom)") }
      sums[denom] = sum
    }
    return sums.filter { $0.value > .zero }.sorted { $0.key < $1.key }.map { Coin($0.value, $0.key) }
  }
}

extension [Coin] {
  var forContracts: [ContractCoin] {
    map { ContractCoin(denomination: $0.denom.text, amount: $0.amount) }
  }
}
