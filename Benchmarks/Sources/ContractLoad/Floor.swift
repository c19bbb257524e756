import CWasmtimePeer

/// A contract in wasmtime with nothing around it but a little C. A class, since it owns what C made.
final class Floor {
  private let peer: OpaquePointer
  private var answer = [UInt8](repeating: 0, count: 64 << 10)

  init(library: String, wasm: [UInt8], fuel: Bool = true) throws {
    guard let peer = causeway_peer_open(library, wasm, wasm.count, fuel ? 1 : 0) else {
      throw LoadError.setup("the floor's wasmtime")
    }
    self.peer = peer
  }

  deinit { causeway_peer_close(peer) }

  func instance() throws {
    guard causeway_peer_instance(peer) == 0 else { throw LoadError.refused("the floor's instance") }
  }

  func clear() { causeway_peer_clear(peer) }

  @discardableResult
  func call(_ entry: String, _ arguments: [[UInt8]]) throws -> Int {
    var bytes = arguments.flatMap { $0 }
    let count = bytes.withUnsafeMutableBufferPointer { all in
      var parts: [causeway_peer_bytes] = []
      var offset = 0
      for argument in arguments {
        parts.append(
          causeway_peer_bytes(
            bytes: all.baseAddress.map { UnsafePointer($0 + offset) }, count: argument.count))
        offset += argument.count
      }
      return causeway_peer_call(peer, entry, parts, parts.count, &answer, answer.count)
    }
    guard count >= 0 else { throw LoadError.refused("the floor's \(entry): \(count)") }
    return count
  }

  /// The answer to the last call.
  func text(_ count: Int) -> String { String(decoding: answer[..<count], as: UTF8.self) }
}
