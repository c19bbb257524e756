import Digests
public import Encodings
public import WireBytes

/// Why simulated evidence was refused.
public enum SimulatedRefusal: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case reportDataLength(limit: Int, actual: Int)
  case version(UInt64)
  /// Simulated evidence has no collateral.
  case collateral(bytes: Int)
  case time(UInt64)
  /// The program is not among those allowed.
  case program(Bytes32)
  /// The enclave's policy is not among those allowed.
  case policy(Bytes32)
}

/// What the simulated platform says: anybody can write it. Canonical protobuf: 1 version (1), 2 program (32 bytes),
/// 3 policy (32 bytes), 4 report data (1 to 64 bytes), 5 issued (UNIX seconds).
public struct SimulatedStatement: Hashable, Sendable {
  /// SHA-256 of the program.
  public let program: Bytes32
  /// Hash of the enclave's policy.
  public let policy: Bytes32
  public let reportData: [UInt8]
  public let issued: Int64

  public init(program: Bytes32, policy: Bytes32, reportData: [UInt8], issued: Int64) {
    self.program = program
    self.policy = policy
    self.reportData = reportData
    self.issued = issued
  }

  private static let rules = ProtobufRules(singular: [1, 2, 3, 4, 5])

  /// - Throws: ``SimulatedRefusal``.
  public init(decoding bytes: Span<UInt8>) throws(SimulatedRefusal) {
    var version: UInt64 = 0
    var (program, policy) = (Bytes32(), Bytes32())
    var data: [UInt8] = []
    var issued: UInt64 = 0
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: 256)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: version = try field.uint64()
        case 2: program = try field.fixed(in: bytes)
        case 3: policy = try field.fixed(in: bytes)
        case 4: data = try field.bytes(in: bytes)
        default: issued = try field.uint64()
        }
      }
    } catch { throw .protobuf(error) }
    guard version == 1 else { throw .version(version) }
    guard (1...64).contains(data.count) else { throw .reportDataLength(limit: 64, actual: data.count) }
    guard let time = Int64(exactly: issued) else { throw .time(issued) }
    self.init(program: program, policy: policy, reportData: data, issued: time)
  }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, 1)
    writer.bytes(2, program)
    writer.bytes(3, policy)
    writer.bytes(4, reportData)
    writer.int64(5, issued)
    return writer.bytes
  }

  /// The statement as evidence.
  public var evidence: AttestationEvidence { AttestationEvidence(platform: .simulated, statement: encoded()) }
}

/// Which simulated statements a policy takes. JSON: `programs` and `policies`, lists of 32-byte hashes.
public struct SimulatedPolicy: Hashable, Sendable {
  public let programs: [Bytes32]
  public let policies: [Bytes32]

  public init(programs: [Bytes32], policies: [Bytes32]) {
    self.programs = programs
    self.policies = policies
  }

  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: ["programs", "policies"])
    programs = try Read.hexList(object, "programs", path: path, lengths: 32...32).map {
      Bytes32($0.span, at: 0)
    }
    policies = try Read.hexList(object, "policies", path: path, lengths: 32...32).map {
      Bytes32($0.span, at: 0)
    }
  }

  public var json: JSONValue {
    [
      "programs": .array(programs.map { .string($0.description) }),
      "policies": .array(policies.map { .string($0.description) }),
    ]
  }
}

/// Reads simulated evidence. It proves nothing, which its result says.
public enum SimulatedVerifier {
  public static func verify(
    _ evidence: AttestationEvidence, under policy: SimulatedPolicy
  ) throws(SimulatedRefusal) -> AttestationResult {
    guard evidence.collateral.isEmpty else { throw .collateral(bytes: evidence.collateral.count) }
    let statement = try SimulatedStatement(decoding: evidence.statement.span)
    guard policy.programs.contains(statement.program) else { throw .program(statement.program) }
    guard policy.policies.contains(statement.policy) else { throw .policy(statement.policy) }
    return AttestationResult(
      platform: .simulated,
      measurements: [
        AttestationMeasurement("program", statement.program.array),
        AttestationMeasurement("policy", statement.policy.array),
      ],
      reportData: statement.reportData, isDebug: false, issued: statement.issued, limits: [],
      reasons: [.simulated], identity: SHA256Hash.hash(evidence.statement))
  }
}
