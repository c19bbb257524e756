import Foundation
import FuzzBodies

/// The body that `CAUSEWAY_FUZZ_BODY` names, looked up once.
private let body: FuzzBody = {
  let name = ProcessInfo.processInfo.environment["CAUSEWAY_FUZZ_BODY"] ?? ""
  guard let body = FuzzRegistry.all.first(where: { $0.name == name }) else {
    let names = FuzzRegistry.all.map(\.name).joined(separator: " ")
    FileHandle.standardError.write(Data("set CAUSEWAY_FUZZ_BODY to one of: \(names)\n".utf8))
    exit(2)
  }
  return body
}()

/// libFuzzer calls this with each input it makes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  body.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
  return 0
}
