import Encodings
import Ledger
import Messages
import WireBytes

/// The fields of one message, read by number: known ones alone, in canonical protobuf, each within its limit.
struct SettlementFields {
  private var values: [UInt32: [[UInt8]]] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  /// Which fields a type has, and of what kind.
  private struct Shape {
    /// Fields of bytes or text, and how many bytes they hold at most.
    var sizes: [UInt32: Int] = [1: 128]
    var numbers: [UInt32] = []
    var coins: UInt32?
    /// Fields that say something by being there and empty.
    var explicit: [UInt32] = []
  }

  private static func shape(_ type: SettlementMessage.TypeURL) -> Shape {
    var shape = Shape()
    switch type {
    case .storePolicy: shape.sizes[2] = SettlementLimits.policySizeMax
    case .registerEnclave:
      shape.sizes[2] = SettlementLimits.keysSizeMax
      shape.sizes[3] = SettlementLimits.evidenceSizeMax
      shape.sizes[4] = 32
    case .invalidateEnclave:
      shape.sizes[2] = 32
      shape.sizes[3] = SettlementLimits.evidenceSizeMax
      shape.explicit = [3]
    case .openCase:
      for field: UInt32 in [2, 3, 4, 11] { shape.sizes[field] = 32 }
      shape.sizes[5] = 64
      shape.sizes[6] = SettlementLimits.keySizeMax
      shape.numbers = [7, 8, 9]
      shape.coins = 10
    case .submit:
      shape.sizes[2] = 32
      shape.sizes[3] = 32
      shape.numbers = [4]
      shape.coins = 5
    case .settle:
      shape.sizes[2] = 32
      shape.sizes[3] = SettlementLimits.updateSizeMax
      shape.sizes[4] = SettlementLimits.receiptSizeMax
      shape.sizes[5] = SettlementLimits.signatureSizeMax
      shape.sizes[6] = SettlementLimits.receiptSizeMax
      shape.sizes[7] = SettlementLimits.signatureSizeMax
    case .reclaim: shape.sizes[2] = 32
    }
    return shape
  }

  init(_ bytes: [UInt8], of type: SettlementMessage.TypeURL) throws(Ledger.MessageRefusal) {
    let span = bytes.span
    let shape = Self.shape(type)
    let singular = shape.sizes.keys.filter { !shape.explicit.contains($0) } + shape.numbers
    let rules = ProtobufRules(
      singular: singular.sorted(), repeated: shape.coins.map { [$0] } ?? [], explicit: shape.explicit)
    do {
      var reader = ProtobufReader(rules, sizeBytesMax: SettlementLimits.messageSizeMax)
      while let field = try reader.next(in: span) {
        let number = field.number
        if shape.numbers.contains(number) {
          numbers[number] = try field.uint64()
        } else if number == shape.coins {
          guard (values[number]?.count ?? 0) < LedgerMessage.coinCountMax else {
            throw Ledger.MessageRefusal.count(field: number, max: LedgerMessage.coinCountMax)
          }
          values[number, default: []].append([UInt8](copying: span.extracting(try field.message())))
        } else {
          let range = try field.message()
          guard let max = shape.sizes[number], range.count <= max else {
            throw Ledger.MessageRefusal.form(field: number)
          }
          values[number] = [[UInt8](copying: span.extracting(range))]
        }
      }
    } catch let error as ProtobufError {
      throw .protobuf(error)
    } catch let error as Ledger.MessageRefusal {
      throw error
    } catch { throw .form(field: 0) }
  }

  func number(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }

  func optionalBytes(_ field: UInt32) -> [UInt8]? { values[field]?.first }

  func bytes(_ field: UInt32) throws(Ledger.MessageRefusal) -> [UInt8] {
    guard let bytes = values[field]?.first else { throw .form(field: field) }
    return bytes
  }

  func hash(_ field: UInt32) throws(Ledger.MessageRefusal) -> Bytes32 {
    guard let hash = try? Bytes32(try bytes(field)) else { throw .form(field: field) }
    return hash
  }

  /// Nil when the field is not there; zero is no hash.
  func optionalHash(_ field: UInt32) throws(Ledger.MessageRefusal) -> Bytes32? {
    guard values[field] != nil else { return nil }
    let hash = try hash(field)
    guard !hash.isZero else { throw .form(field: field) }
    return hash
  }

  func text(_ field: UInt32) throws(Ledger.MessageRefusal) -> String {
    guard let text = String(validating: try bytes(field), as: UTF8.self) else { throw .form(field: field) }
    return text
  }

  func account(_ field: UInt32) throws(Ledger.MessageRefusal) -> AccountAddress {
    let text = try text(field)
    let account: AccountAddress
    do { account = try AccountAddress(text: text) } catch { throw .account(error) }
    // Bech32 may be all upper case, which is its only other spelling; one per account is read here.
    guard account.text == text else { throw .form(field: field) }
    return account
  }

  /// Each denomination once, in order, none of them zero: one spelling of a set of coins.
  func coins(_ field: UInt32) throws(Ledger.MessageRefusal) -> [Coin] {
    var coins: [Coin] = []
    for bytes in values[field] ?? [] {
      let coin: Coin
      do { coin = try Coin(decoding: bytes.span) } catch { throw .coin(error) }
      guard coin.amount > .zero, coins.last.map({ $0.denom < coin.denom }) ?? true else {
        throw .form(field: field)
      }
      coins.append(coin)
    }
    return coins
  }
}
