public import ChainAccess
public import Encodings
public import WireBytes

/// A contract's function, by its Solidity signature, with what it is given and what it answers.
public struct EVMFunction: Sendable {
  private let function: ABIFunction
  private let answers: [ABIType]

  /// - Throws: `answer` for a signature that is none.
  public init(_ signature: String, returns answers: [ABIType] = []) throws(EVMSideError) {
    do { function = try ABIFunction(signature) } catch { throw .answer(signature) }
    self.answers = answers
  }

  public func input(_ arguments: [ABIValue]) throws(EVMSideError) -> [UInt8] {
    do { return try function.encode(arguments) } catch { throw .answer(function.signature) }
  }

  /// What the contract answers now; nil when it reverts.
  public func ask(
    _ contract: Bytes20, _ arguments: [ABIValue] = [], from sender: Bytes20? = nil, at height: UInt64? = nil,
    on chain: any EVMChainAccess
  ) async throws(EVMSideError) -> [ABIValue]? {
    let call = EVMCall(to: contract, input: try input(arguments))
    let answer: EVMCallAnswer
    do { answer = try await chain.call(call, from: sender, at: height) } catch { throw .access(error) }
    switch answer {
    case .reverted: return nil
    case .returned(let bytes):
      do { return try ABI.decode(bytes, as: answers) } catch { throw .answer(function.signature) }
    }
  }
}

