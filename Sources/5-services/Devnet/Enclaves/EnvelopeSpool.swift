public import Enclaves
import Encodings
import Foundation
import Messages
public import WireBytes

/// Where other processes leave sealed envelopes for the coordinator: one file for each, in a folder that is closed to
/// other users. What lies there is not believed.
public struct EnvelopeSpool: Sendable {
  /// Files that one look takes.
  static let countMax = 256
  static let suffix = ".envelope"

  private let directory: DevnetDirectory

  public init(_ directory: DevnetDirectory) { self.directory = directory }

  struct Delivery {
    let path: String
    let name: String
    let bytes: [UInt8]
  }

  /// Leaves an envelope.
  public func leave(_ envelope: SealedEnvelope) throws(EnclaveSideError) {
    let name = Hex.encode(envelope.commitment.array, prefix: "")
    let path = "\(directory.envelopes)/\(name)"
    try? FileManager.default.removeItem(atPath: answerPath(name))
    guard
      FileManager.default.createFile(
        atPath: path + ".new", contents: Data(envelope.encoded()), attributes: [.posixPermissions: 0o600]),
      (try? FileManager.default.moveItem(atPath: path + ".new", toPath: path + Self.suffix)) != nil
    else { throw .file(path) }
  }

  /// What became of an envelope: nil while nobody has looked, an empty name when it was taken, the refusal's name
  /// otherwise.
  public func answer(to commitment: Bytes32) -> String? {
    let path = answerPath(Hex.encode(commitment.array, prefix: ""))
    guard let bytes = FileManager.default.contents(atPath: path),
      let json = try? JSONValue(decoding: [UInt8](bytes))
    else { return nil }
    return json["refused"]?.string ?? ""
  }

  private func answerPath(_ name: String) -> String { "\(directory.deliveries)/\(name).json" }

  func waiting() -> [Delivery] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.envelopes)) ?? []
    return names.filter { $0.hasSuffix(Self.suffix) }.sorted().prefix(Self.countMax).compactMap { file in
      let path = "\(directory.envelopes)/\(file)"
      let name = String(file.dropLast(Self.suffix.count))
      guard (try? Bytes32(hex: "0x" + name)) != nil, let handle = FileHandle(forReadingAtPath: path) else {
        try? FileManager.default.removeItem(atPath: path)
        return nil
      }
      defer { try? handle.close() }
      // One byte more than an envelope has: it is refused, and not read further.
      let bytes = (try? handle.read(upToCount: SealedEnvelope.sizeMax + 1)).flatMap { $0 } ?? Data()
      return Delivery(path: path, name: name, bytes: [UInt8](bytes))
    }
  }

  func answer(_ delivery: Delivery, refusal: String?) throws(DevnetError) {
    let json: JSONValue = refusal.map { ["refused": .string($0)] } ?? ["taken": true]
    try DevnetDirectory.replace(answerPath(delivery.name), with: json.text() + "\n")
    try? FileManager.default.removeItem(atPath: delivery.path)
  }
}
