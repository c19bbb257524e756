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
  case module(ModuleRefusal)

  /// Numbers of cosmos-sdk `types/errors/errors.go`.
  public var code: (codespace: String, number: UInt32) {
    switch self {
    case .heightUnknown, .heightPruned: ("sdk", 26)
    case .pathUnknown: ("sdk", 6)
    case .request, .proofUnavailable: ("sdk", 18)
    case .notFound: ("sdk", 38)
    case .state, .tree: ("sdk", 35)
    case .module(let refusal): (refusal.codespace, refusal.number)
    }
  }
}

extension LedgerChain {
  /// The path of raw reads, as Cosmos chains name their IBC store; this domain has one store, so every key
  /// lies in it.
  public static var storePath: String { "store/ibc/key" }

  /// Answers a query at `height`, the newest when nil or zero.
  ///
  /// Beside the store's own path the names of ``QueryName`` are known.
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
    guard let name = QueryName(rawValue: path) else {
      let modules = execution.programs.allModules
      guard !modules.isEmpty else { throw .pathUnknown(path) }
      guard !prove else { throw .proofUnavailable }
      var answer: [UInt8]?
      do throws(ModuleQueryRefusal) {
        for module in modules where answer == nil {
          answer = try module.query(path: path, request: request, on: state, at: moment)
        }
      } catch {
        switch error {
        case .request: throw .request
        case .notFound: throw .notFound
        case .refused(let refusal): throw .module(refusal)
        case .state: throw .state
        }
      }
      guard let answer else { throw .pathUnknown(path) }
      return ABCIAnswer(key: [], value: answer, proof: nil, height: height)
    }
    guard !prove else { throw .proofUnavailable }
    let answer = try named(name, request, in: state)
    return ABCIAnswer(key: [], value: answer, proof: nil, height: height)
  }
}
