public import Secrets
internal import WireBytes

/// Why a counter was not made, read or raised.
public enum TPMCounterError: Error, Hashable, Sendable {
  /// Indices of the owner are 0x01000000 to 0x01bfffff; others belong to makers and platforms.
  case index(UInt32)
  /// There is something under the index, which is no counter of ours.
  case otherIndex
  /// The answer cannot be read.
  case answer(TPMDecodingError)
  /// It was raised or not: the connection was lost on the way. Reading tells.
  case undecided
  case device(TPMError)
}

/// A counter in the TPM that only goes up, over restarts and over being deleted and made again: an anchor for an epoch,
/// which a restored copy of a disk does not take back.
///
/// An index of type counter (TPM 2.0 Library Specification, part 1, section 37.2.4): eight bytes, used with its own
/// authorisation, made with the owner's. Its first value is higher than that of any counter that the TPM ever had. Each
/// increase wears the TPM's memory: at a start, not at a signature.
public struct TPMCounter: Sendable {
  package static let indices: ClosedRange<UInt32> = 0x0100_0000...0x01bf_ffff
  /// TPMA_NV: authWrite, type counter, authRead.
  private static let attributes: UInt32 = 1 << 2 | 1 << 4 | 1 << 18
  private static let noDA: UInt32 = 1 << 25
  private static let written: UInt32 = 1 << 29

  private let connection: TPMConnection
  private let index: UInt32
  private let authorisation: SharedSecret?

  /// - Parameters:
  ///   - index: 0x01000000 to 0x01bfffff.
  ///   - authorisation: what reading and raising ask for; nil for none. 1 to 32 bytes.
  public init(
    _ connection: TPMConnection, index: UInt32, authorisation: SharedSecret? = nil
  ) throws(TPMCounterError) {
    guard Self.indices.contains(index) else { throw .index(index) }
    if let authorisation, !(1...TPMConfiguration.authorisationSizeMax).contains(authorisation.count) {
      throw .device(.authorisation(code: 0))
    }
    self.connection = connection
    self.index = index
    self.authorisation = authorisation
  }

  /// TPMS_NV_PUBLIC: index, name algorithm, attributes, no policy, eight bytes.
  private func area(written: Bool) -> [UInt8] {
    let attributes = Self.attributes | (authorisation == nil ? Self.noDA : 0) | (written ? Self.written : 0)
    return TPMBytes.integer(index) + TPMBytes.integer(TPMAlgorithm.sha256) + TPMBytes.integer(attributes)
      + TPMBytes.integers(0, 8)
  }

  /// Makes the index, raises it once, so that it has a value, and gives that.
  ///
  /// - Throws: `.device(.refused)` with TPM_RC_NV_DEFINED (0x14c) when there is one already.
  public func define() throws(TPMCounterError) -> UInt64 {
    let area = area(written: false)
    try answer { device throws(TPMFault) in
      try device.context.setAuthorisation(device.configuration.ownerAuthorisation, of: .owner)
      let handle = try device.hiding(command: true, response: false) { session throws(TPMFault) in
        try device.context.defineIndex(area, authorisation: authorisation, session: session)
      }
      device.context.close(handle)
    }
    return try increment()
  }

  /// Raises it by one.
  ///
  /// - Returns: the value after, or a higher one when somebody else raised it too.
  /// - Throws: ``TPMCounterError/undecided`` when it may have been raised and may not: it is not raised twice for one call.
  @discardableResult
  public func increment() throws(TPMCounterError) -> UInt64 {
    let isDecided = try use { device, handle throws(TPMFault) in
      do throws(TPMFault) {
        try device.context.increment(handle, session: device.session)
      } catch {
        // Whether the TPM did it before its answer was lost, nobody knows; the operation must not be run again.
        guard error.kind == .connectionLost || error.kind == .malformed else { throw error }
        return false
      }
      return true
    }
    guard isDecided else { throw .undecided }
    return try read()
  }

  /// - Throws: `.device(.missing)` when there is no such index.
  public func read() throws(TPMCounterError) -> UInt64 {
    let bytes = try use { device, handle throws(TPMFault) in
      try device.context.readIndex(handle, count: 8, session: device.session)
    }
    var reader = ByteReader(bytes.span)
    do {
      let value = try TPMReading.integer(&reader, UInt64.self)
      try TPMReading.finish(reader)
      return value
    } catch { throw .answer(error) }
  }

  /// Deletes the index. A new one begins above this one's value.
  public func undefine() throws(TPMCounterError) {
    try answer { device throws(TPMFault) in
      try device.context.setAuthorisation(device.configuration.ownerAuthorisation, of: .owner)
      let handle = try device.context.open(index)
      do throws(TPMFault) {
        try device.context.undefineIndex(handle, session: device.session)
      } catch {
        device.context.close(handle)
        throw error
      }
    }
  }

  /// Opens the index, checks that it is a counter of ours and not something in its place, and uses it.
  private func use<Result: Sendable>(
    _ body: (TPMDevice, TPMHandle) throws(TPMFault) -> Result
  ) throws(TPMCounterError) -> Result {
    let expected = [area(written: false), area(written: true)]
    let result: Result? = try answer { device throws(TPMFault) in
      let handle = try device.context.open(index)
      defer { device.context.close(handle) }
      guard expected.contains(try device.context.readIndexArea(handle)) else { return nil }
      try device.context.setAuthorisation(authorisation, of: handle)
      return try body(device, handle)
    }
    guard let result else { throw .otherIndex }
    return result
  }

  private func answer<Result: Sendable>(
    _ operation: (TPMDevice) throws(TPMFault) -> Result
  ) throws(TPMCounterError) -> Result {
    do { return try connection.run(operation) } catch { throw .device(TPMError(error)) }
  }
}
