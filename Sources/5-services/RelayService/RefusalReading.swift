package import Ledger
package import RelayEngine

/// What a domain says when it refuses a transaction, as a part and a code.
package enum RefusalReading {
  /// Longer names are cut: nobody's code is so long.
  static let nameSizeMax = 128

  /// Numbers of cosmos-sdk `types/errors/errors.go` and ibc-go `04-channel/v2/types/errors.go`, for domains whose log
  /// does not begin with a name.
  private static let numbers: [String: String] = [
    "sdk/5": "insufficientFunds", "sdk/11": "outOfGas", "sdk/13": "insufficientFee",
    "sdk/19": "duplicateTransaction", "sdk/20": "mempoolFull", "sdk/21": "transactionTooLarge",
    "sdk/32": "accountSequence", "sdk/41": "gasLimit", "channelv2/10": "timeoutElapsed",
    "channelv2/13": "timeoutNotReached", "channelv2/7": "acknowledgementCount",
  ]

  /// - Parameter updatesClient: message 0 is then the update.
  package static func read(
    codespace: String, number: UInt32, log: String, updatesClient: Bool
  ) -> (part: SubmissionResult.Part, code: String) {
    let code = name(log) ?? numbers["\(codespace)/\(number)"] ?? "\(codespace).\(number)"
    return (part(log, code: code, updatesClient: updatesClient), code)
  }

  /// The dotted case names at the start of a log of the ledger.
  static func name(_ log: String) -> String? {
    let head = log.utf8.prefix { $0 != UInt8(ascii: ":") }
    guard !head.isEmpty, head.count <= nameSizeMax, head.count < log.utf8.count else { return nil }
    let isName = head.allSatisfy { byte in
      byte == UInt8(ascii: ".") || (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
    }
    return isName ? String(decoding: Array(head), as: UTF8.self) : nil
  }

  /// Which message: the ledger's log has `message(index: 3, …`, the Cosmos SDK's `message index: 3: …`.
  private static func part(_ log: String, code: String, updatesClient: Bool) -> SubmissionResult.Part {
    guard let index = index(after: "message(index: ", log) ?? index(after: "message index: ", log) else {
      return .transaction
    }
    guard updatesClient else { return .message(index) }
    return index == 0 ? .update : .message(index - 1)
  }

  private static func index(after mark: String, _ log: String) -> Int? {
    // The index stands in the first lines of a log.
    let bytes = Array(log.utf8.prefix(512))
    let mark = Array(mark.utf8)
    guard bytes.count > mark.count else { return nil }
    for start in 0...(bytes.count - mark.count) where bytes[start..<(start + mark.count)].elementsEqual(mark)
    {
      let digits = bytes[(start + mark.count)...].prefix(6).prefix { (0x30...0x39).contains($0) }
      return Int(String(decoding: digits, as: UTF8.self))
    }
    return nil
  }

  /// What became of each message of an included transaction, without the update.
  package static func outcomes(_ result: TransactionResult, _ request: SubmitRequest) -> [MessageOutcome] {
    guard let answers = try? TransactionAnswers(decoding: result.payload).answers else { return [] }
    return answers.dropFirst(request.updatesClient ? 1 : 0).map { answer in
      // `ResponseResultType` in field 1: 1 no operation, 2 success, 3 failure (ibc-go `channel/v2/tx.proto`).
      switch answer.value {
      case [8, 2]: .done
      case [8, 3]: .executionFailed(code: "packetFailed")
      default: .noOperation
      }
    }
  }
}
