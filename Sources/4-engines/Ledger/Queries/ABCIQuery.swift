import Encodings
public import MerkleProofs
import Messages
import PacketHost
public import StateTree
import WireBytes

/// The answer to CometBFT's `abci_query`.
public struct ABCIAnswer: Hashable, Sendable {
  public let key: [UInt8]
  /// Empty when nothing lies there.
  public let value: [UInt8]
  /// Of the key, or of its absence, under the app hash of header `height + 1`.
  public let proof: ICS23.CommitmentProof?
  /// The height after whose block the state was read.
  public let height: UInt64

  /// The name of the one proof operation that `proofOps` holds.
  public static let proofType = "ics23:smt"
}

/// Why a query has no answer.
public enum QueryRefusal: Error, Hashable, Sendable {
  /// Beyond the newest block.
  case heightUnknown(UInt64, newest: UInt64)
  /// The state after that block was pruned.
  case heightPruned(UInt64, oldest: UInt64)
  case pathUnknown(String)
  /// The request is not the protobuf of its type, or names something in a form that does not exist.
  case request
  case notFound
  /// Only values of the store are proven.
  case proofUnavailable
  case state
  case tree(StateTreeError)

  /// Numbers of cosmos-sdk `types/errors/errors.go`.
  public var code: (codespace: String, number: UInt32) {
    switch self {
    case .heightUnknown, .heightPruned: ("sdk", 26)
    case .pathUnknown: ("sdk", 6)
    case .request, .proofUnavailable: ("sdk", 18)
    case .notFound: ("sdk", 38)
    case .state, .tree: ("sdk", 35)
    }
  }
}

extension LedgerChain {
  /// The path of raw reads, as Cosmos chains name their IBC store; this domain has one store, so every key
  /// lies in it.
  public static var storePath: String { "store/ibc/key" }

  /// Answers a query at `height`, the newest when nil or zero.
  ///
  /// Beside the store's own path these gRPC names are known, with protobuf requests and answers:
  /// `/cosmos.auth.v1beta1.Query/Account`, `/cosmos.bank.v1beta1.Query/Balance`,
  /// `/ibc.core.client.v1.Query/ClientState`, `/ibc.core.channel.v2.Query/PacketCommitment`,
  /// `/ibc.core.channel.v2.Query/NextSequenceSend`.
  public func query(
    path: String, request: [UInt8], at height: UInt64? = nil, prove: Bool = false
  ) throws(QueryRefusal) -> ABCIAnswer {
    let newest = UInt64(tip.height)
    let height = height.flatMap { $0 == 0 ? nil : $0 } ?? newest
    guard height <= newest else { throw .heightUnknown(height, newest: newest) }
    let state: TreeState<Store>
    do {
      if let oldest = try tree.versions()?.oldest, height < oldest {
        throw QueryRefusal.heightPruned(height, oldest: oldest)
      }
      state = TreeState(tree: tree, version: height)
    } catch let error as QueryRefusal {
      throw error
    } catch { throw .state }
    if path == Self.storePath || path == "/" + Self.storePath {
      guard !request.isEmpty else { throw .request }
      do {
        let value = try tree.value(of: request, at: height) ?? []
        return ABCIAnswer(
          key: request, value: value, proof: prove ? try tree.prove(request, at: height) : nil, height: height
        )
      } catch { throw .tree(error) }
    }
    let answer = try named(path, request, in: state)
    guard !prove else { throw .proofUnavailable }
    return ABCIAnswer(key: [], value: answer, proof: nil, height: height)
  }

  private func named(
    _ path: String, _ request: [UInt8], in state: TreeState<Store>
  ) throws(QueryRefusal) -> [UInt8] {
    let queries = LedgerQueries(state)
    var writer = ProtobufWriter()
    do {
      switch path {
      case "/cosmos.auth.v1beta1.Query/Account":
        let fields = try QueryFields(request)
        guard let address = try? AccountAddress(text: fields.text(1)) else { throw QueryRefusal.request }
        guard let account = try queries.account(address) else { throw QueryRefusal.notFound }
        var base = ProtobufWriter()
        base.string(1, address.text)
        base.varint(3, account.number)
        base.varint(4, account.sequence)
        writer.bytes(
          1, AnyMessage(typeURL: "/cosmos.auth.v1beta1.BaseAccount", value: base.bytes).encoded())
      case "/cosmos.bank.v1beta1.Query/Balance":
        let fields = try QueryFields(request)
        guard let address = try? AccountAddress(text: fields.text(1)), let denom = try? Denom(fields.text(2))
        else { throw QueryRefusal.request }
        writer.bytes(1, Coin(try queries.balance(of: address, denom), denom).encoded())
      case "/ibc.core.client.v1.Query/ClientState":
        let fields = try QueryFields(request)
        guard let client = try? ClientID(fields.text(1)) else { throw QueryRefusal.request }
        guard let stored = try state.value(for: HostKeys.clientState(client)) else {
          throw QueryRefusal.notFound
        }
        writer.bytes(1, stored)
        Self.write(height: state.version, to: &writer)
      case "/ibc.core.channel.v2.Query/PacketCommitment":
        let fields = try QueryFields(request)
        guard let client = try? ClientID(fields.text(1)), let sequence = Sequence(fields.number(2)) else {
          throw QueryRefusal.request
        }
        let path = PacketPath(.commitment, client: client, sequence: sequence)
        guard let stored = try state.value(for: path.bytes) else { throw QueryRefusal.notFound }
        writer.bytes(1, stored)
        Self.write(height: state.version, to: &writer)
      case "/ibc.core.channel.v2.Query/NextSequenceSend":
        let fields = try QueryFields(request)
        guard let client = try? ClientID(fields.text(1)) else { throw QueryRefusal.request }
        writer.varint(1, try queries.nextSequence(of: client).rawValue)
        Self.write(height: state.version, to: &writer)
      default: throw QueryRefusal.pathUnknown(path)
      }
    } catch let error as QueryRefusal {
      throw error
    } catch is ProtobufError {
      throw .request
    } catch { throw .state }
    return writer.bytes
  }

  /// `proof_height`, field 3 of the answers that relayers read.
  private static func write(height: UInt64, to writer: inout ProtobufWriter) {
    writer.message(3) { $0.varint(2, height) }
  }
}

/// A request of texts and numbers, from any protobuf writer.
private struct QueryFields {
  private var texts: [UInt32: String] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  init(_ request: [UInt8]) throws(ProtobufError) {
    let span = request.span
    let rules = ProtobufRules(singular: [1, 2], form: .foreign, unknown: .skip)
    var reader = ProtobufReader(rules, sizeBytesMax: 4_096)
    while let field = try reader.next(in: span) {
      if case .varint(let value) = field.value {
        numbers[field.number] = value
      } else {
        texts[field.number] = try field.string(in: span)
      }
    }
  }

  func text(_ field: UInt32) -> String { texts[field] ?? "" }
  func number(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }
}
