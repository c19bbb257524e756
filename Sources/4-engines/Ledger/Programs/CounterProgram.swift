import Encodings
public import PacketHost
import WireBytes

/// A counter that anybody may raise: the smallest program that keeps state, answers, and can be made to fail.
///
/// Input is JSON, as CosmWasm contracts take it: `{"add":{"by":5}}` answers `{"count":"7"}`, `{"get":{}}`
/// likewise; `{"fail":{}}` refuses; `{"burn":{"gas":"100000"}}` uses gas.
public struct CounterProgram: LedgerProgram {
  public static let inputSizeMax = 4_096

  public init() {}

  public var name: String { "counter" }

  public func call(
    _ input: [UInt8], funds: [Coin], by caller: ProgramCaller, in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8] {
    let limits = JSONLimits(sizeBytes: Self.inputSizeMax, depth: 4)
    guard let members = (try? JSONValue(decoding: input, limits: limits))?.object, members.count == 1,
      let (verb, body) = members.first
    else { throw refusal("input") }
    switch verb {
    case "add":
      guard let amount = body["by"]?.integer(UInt64.self), amount > 0 else { throw refusal("input") }
      let (sum, overflow) = try count(in: &context).addingReportingOverflow(amount)
      guard !overflow else { throw refusal("overflow") }
      var bytes: [UInt8] = []
      bytes.append(bigEndian: sum)
      do { try context.write(bytes, to: stateKey("count")) } catch { throw .halt(error) }
      return answer(sum)
    case "get": return answer(try count(in: &context))
    case "fail": throw refusal("asked")
    case "burn":
      guard let amount = body["gas"]?.integer(UInt64.self) else { throw refusal("input") }
      do { try context.charge(amount) } catch { throw .halt(error) }
      return answer(try count(in: &context))
    default: throw refusal("verb")
    }
  }

  private func count(in context: inout HostContext) throws(AttemptFailure<ProgramRefusal>) -> UInt64 {
    let bytes: [UInt8]?
    do { bytes = try context.read(stateKey("count")) } catch { throw .halt(error) }
    guard let bytes else { return 0 }
    var reader = ByteReader(bytes.span)
    guard let count = try? reader.readBigEndian(UInt64.self) else { throw .halt(.state(.unreadable)) }
    return count
  }

  private func answer(_ count: UInt64) -> [UInt8] {
    [UInt8](JSONValue.object(["count": .string(String(count))]).text().utf8)
  }

  private func refusal(_ code: String) -> AttemptFailure<ProgramRefusal> {
    .failure(ProgramRefusal(program: name, code: code))
  }
}
