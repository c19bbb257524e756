public import Encodings
public import Messages
public import WireBytes

/// Why a program's answer is none. `path` leads to the member, dotted.
public enum ProgramAnswerError: Error, Hashable, Sendable {
  case json(JSONError)
  /// A member is absent or not of its form.
  case member(path: String)
  case unknownMember(path: String)
  case address(path: String, InteroperableAddressError)
  case base64(path: String, Base64Error)
  case count(path: String, max: Int, actual: Int)
  case size(path: String, max: Int, actual: Int)
  /// A reply to an input that there is not.
  case replyTo(index: Int, inputCount: Int)
  /// An account is named by two payouts.
  case accountTwice(index: Int)
  case payoutOverflow
  /// The payouts of a denomination are not what the inputs brought of it.
  case payouts(denomination: [UInt8], escrow: UInt256, paid: UInt256)
  case format(EnclaveFormatError)
}

/// What a case's program answers: `{"payouts":[…],"state":…,"replies":[…]}`, and nothing else.
package struct ProgramAnswer {
  package static let sizeMax = 24 << 20

  package struct Reply {
    /// The place of the input among those that the program was given.
    package let to: Int
    package let body: [UInt8]
  }

  package let payouts: [Update.Payout]
  package let state: Bytes32
  package let replies: [Reply]

  /// - Throws: ``ProgramAnswerError``; programs are not trusted to answer well.
  package init(decoding text: [UInt8], inputCount: Int) throws(ProgramAnswerError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 8))
    } catch { throw .json(error) }
    let members = try Self.object(json, path: "", known: ["payouts", "state", "replies"])
    var payouts: [Update.Payout] = []
    var accounts: Set<InteroperableAddress> = []
    for (index, element) in try Self.array(members, "payouts", path: "", max: Update.payoutCountMax)
      .enumerated()
    {
      let payout = try Self.payout(element, path: "payouts.\(index)")
      guard accounts.insert(payout.account).inserted else { throw .accountTwice(index: index) }
      payouts.append(payout)
    }
    self.payouts = payouts
    guard let hex = members["state"]?.string, let state = try? Bytes32(hex: hex),
      hex == Hex.encode(state.span)
    else { throw .member(path: "state") }
    self.state = state
    var replies: [Reply] = []
    for (index, element) in try Self.array(members, "replies", path: "", max: SealedReply.countMax)
      .enumerated()
    {
      let path = "replies.\(index)"
      let parts = try Self.object(element, path: path, known: ["to", "body"])
      guard case .number(let digits)? = parts["to"], digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let to = Int(digits)
      else { throw .member(path: path + ".to") }
      guard to < inputCount else { throw .replyTo(index: index, inputCount: inputCount) }
      guard let encoded = parts["body"]?.string else { throw .member(path: path + ".body") }
      let body: [UInt8]
      do { body = try Base64.decode(encoded) } catch { throw .base64(path: path + ".body", error) }
      guard body.count <= SealedReply.bodySizeMax else {
        throw .size(path: path + ".body", max: SealedReply.bodySizeMax, actual: body.count)
      }
      replies.append(Reply(to: to, body: body))
    }
    self.replies = replies
  }

  private static func payout(_ json: JSONValue, path: String) throws(ProgramAnswerError) -> Update.Payout {
    let members = try object(json, path: path, known: ["account", "coins"])
    guard let hex = members["account"]?.string, hex.hasPrefix("0x"), hex == hex.lowercased(),
      let bytes = try? Hex.decode(hex)
    else { throw .member(path: path + ".account") }
    let account: InteroperableAddress
    do { account = try InteroperableAddress(decoding: bytes.span) } catch {
      throw .address(path: path + ".account", error)
    }
    var coins: [Update.Coin] = []
    for (index, element) in try array(members, "coins", path: path, max: Update.coinCountMax).enumerated() {
      let inner = path + ".coins.\(index)"
      let parts = try object(element, path: inner, known: ["denom", "amount"])
      guard let denom = parts["denom"]?.string else { throw .member(path: inner + ".denom") }
      guard let digits = parts["amount"]?.string, !digits.hasPrefix("0"),
        let amount = UInt256(decimal: digits)
      else { throw .member(path: inner + ".amount") }
      coins.append(Update.Coin(denomination: [UInt8](denom.utf8), amount: amount))
    }
    do { return try Update.Payout(account: account, coins: coins) } catch { throw .format(error) }
  }

  private static func object(
    _ json: JSONValue, path: String, known: Set<String>
  ) throws(ProgramAnswerError) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path: path) }
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: path.isEmpty ? stranger : path + "." + stranger)
    }
    return members
  }

  private static func array(
    _ members: [String: JSONValue], _ name: String, path: String, max: Int
  ) throws(ProgramAnswerError) -> [JSONValue] {
    let path = path.isEmpty ? name : path + "." + name
    guard let elements = members[name]?.array else { throw .member(path: path) }
    guard elements.count <= max else { throw .count(path: path, max: max, actual: elements.count) }
    return elements
  }
}
