public import Encodings
import WireBytes

/// What is asked of Nitro documents. JSON: `measurements`, a list of objects from register number to value, of which one
/// must fit whole; `allowDebug`; `requireRevocation`.
///
/// An empty list of measurements refuses everything; a set that names no register is no set.
public struct NitroPolicy: Hashable, Sendable {
  /// Registers and the values they must have, sorted by register.
  public struct Measurements: Hashable, Sendable {
    public let pcrs: [NitroDocument.PCR]

    /// - Parameter pcrs: from register number to value.
    public init(_ pcrs: [Int: [UInt8]]) {
      self.pcrs = pcrs.sorted { $0.key < $1.key }.map { NitroDocument.PCR(index: $0.key, value: $0.value) }
    }
  }

  public let measurements: [Measurements]
  public let allowsDebug: Bool
  /// Refuses chains for whose authorities no revocation list is at hand.
  public let requiresRevocation: Bool

  public init(measurements: [Measurements], allowsDebug: Bool = false, requiresRevocation: Bool = false) {
    self.measurements = measurements
    self.allowsDebug = allowsDebug
    self.requiresRevocation = requiresRevocation
  }

  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(
      json, path: path, known: ["measurements", "allowDebug", "requireRevocation"])
    let list = Read.join(path, "measurements")
    var sets: [Measurements] = []
    for (index, element) in try Read.array(object, "measurements", path: path).enumerated() {
      let here = Read.join(list, String(index))
      let registers = try Read.object(element, path: here, known: Set((0..<32).map { String($0) }))
      guard !registers.isEmpty else { throw .empty(path: here) }
      var pcrs: [Int: [UInt8]] = [:]
      for name in registers.keys.sorted() {
        guard let number = Int(name) else { throw .unknownMember(path: Read.join(here, name)) }
        let value = try Read.hex(registers, name, path: here, lengths: 32...64)
        guard [32, 48, 64].contains(value.count) else {
          throw .length(path: Read.join(here, name), expected: 48, actual: value.count)
        }
        pcrs[number] = value
      }
      let set = Measurements(pcrs)
      guard !sets.contains(set) else { throw .duplicate(path: here) }
      sets.append(set)
    }
    measurements = sets
    allowsDebug = try Read.flag(object, "allowDebug", path: path)
    requiresRevocation = try Read.flag(object, "requireRevocation", path: path)
  }

  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "measurements": .array(
        measurements.map { set in
          .object(
            Dictionary(
              set.pcrs.map { (String($0.index), JSONValue.string(Hex.encode($0.value))) }
            ) { first, _ in first })
        })
    ]
    if allowsDebug { members["allowDebug"] = true }
    if requiresRevocation { members["requireRevocation"] = true }
    return .object(members)
  }
}
