internal import Digests
public import WireBytes

/// A register's number and its value in the SHA-256 bank.
public struct TPMRegisterValue: Hashable, Sendable {
  public let number: Int
  public let value: Bytes32

  public init(number: Int, value: Bytes32) {
    self.number = number
    self.value = value
  }
}

/// The SHA-256 bank of a TPM's platform configuration registers.
public struct TPMRegisterBank: Sendable {
  private let connection: TPMConnection

  public init(_ connection: TPMConnection) { self.connection = connection }

  /// The value after `digest` is added to a register that has `value`: SHA-256(value ‖ digest).
  ///
  /// Source: TPM 2.0 Library Specification, part 1, section 17.3.
  public static func extended(_ value: Bytes32, with digest: Bytes32) -> Bytes32 {
    SHA256Hash.hash(value.array + digest.array)
  }

  /// The present values of 1 to 8 registers, in the order of their numbers.
  public func read(_ registers: TPMRegisters) throws(TPMError) -> [TPMRegisterValue] {
    precondition((1...TPMAttestationKey.registersMax).contains(registers.numbers.count))
    do { return try connection.run { device throws(TPMFault) in try device.registers(registers) } } catch {
      throw TPMError(error)
    }
  }

  /// Adds to a register.
  ///
  /// After a lost answer it is asked again and may be added twice: read the value where that matters.
  public func extend(_ register: Int, with digest: Bytes32) throws(TPMError) {
    precondition((0..<TPMRegisters.count).contains(register))
    do throws(TPMFault) {
      try connection.run { device throws(TPMFault) in
        try device.context.extend(register: UInt32(register), with: digest.array)
      }
    } catch { throw TPMError(error) }
  }
}

extension TPMDevice {
  /// The values of at most eight registers; a TPM that leaves some out has not given an answer that can be used.
  func registers(_ registers: TPMRegisters) throws(TPMFault) -> [TPMRegisterValue] {
    let answer = try context.readRegisters(registers)
    guard answer.selection == registers.encoded() else { throw .malformedAnswer }
    let numbers = registers.numbers
    var reader = ByteReader(answer.values.span)
    do throws(TPMDecodingError) {
      let count = try TPMReading.integer(&reader, UInt32.self)
      guard count == UInt32(numbers.count) else {
        throw TPMDecodingError.field(.pcrSelection, value: UInt64(count))
      }
      var values: [TPMRegisterValue] = []
      for number in numbers {
        let digest = try TPMReading.sized(&reader, max: 32, .digest)
        guard digest.count == 32 else { throw TPMDecodingError.field(.digest, value: UInt64(digest.count)) }
        values.append(TPMRegisterValue(number: number, value: Bytes32 { digest[$0] }))
      }
      try TPMReading.finish(reader)
      return values
    } catch { throw .malformedAnswer }
  }
}
