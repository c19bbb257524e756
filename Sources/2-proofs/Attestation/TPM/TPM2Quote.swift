import WireBytes

extension TPM2 {
  /// Which PCRs of one bank (TPMS_PCR_SELECTION).
  public struct PCRSelection: Hashable, Sendable {
    public let hash: Hash
    /// Bytes of the bit field: 3, or 4 on TPMs with more than 24 PCRs.
    public let selectSize: Int
    /// Indices, ascending.
    public let indices: [Int]

    /// - Parameter indices: of 0 to 31; each counts once.
    public init(hash: Hash, indices: [Int]) {
      let chosen = Set(indices).sorted()
      precondition(chosen.allSatisfy { (0..<32).contains($0) })
      self.init(hash: hash, selectSize: (chosen.last ?? 0) < 24 ? 3 : 4, indices: chosen)
    }

    init(hash: Hash, selectSize: Int, indices: [Int]) {
      self.hash = hash
      self.selectSize = selectSize
      self.indices = indices
    }
  }

  /// The TPM's clock at the moment of an attestation (TPMS_CLOCK_INFO).
  public struct ClockInfo: Hashable, Sendable {
    /// Milliseconds that the TPM was powered.
    public let clock: UInt64
    /// Grows with each TPM reset: a reboot.
    public let resetCount: UInt32
    /// Grows with each restart or resume, and starts again at a reset.
    public let restartCount: UInt32
    /// Whether no higher `clock` can have been told before.
    public let isSafe: Bool

    public init(clock: UInt64, resetCount: UInt32, restartCount: UInt32, isSafe: Bool) {
      self.clock = clock
      self.resetCount = resetCount
      self.restartCount = restartCount
      self.isSafe = isSafe
    }

    /// Whether this was told before `other` by the same TPM: a state that was rolled back, or an old quote
    /// again.
    public func precedes(_ other: ClockInfo) -> Bool {
      if resetCount != other.resetCount { return resetCount < other.resetCount }
      if restartCount != other.restartCount { return restartCount < other.restartCount }
      return clock < other.clock
    }
  }

  /// A quote: what a TPM says of its PCRs (TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE; part 2, section 10.12).
  public struct Quote: Hashable, Sendable {
    /// Longest encoding that is looked at.
    public static let sizeMax = 1024
    /// sizeof(TPMT_HA) with the longest hash: the longest `extraData`.
    public static let extraDataMax = 66
    /// Banks in one selection (HASH_COUNT of the TPMs known).
    public static let selectionsMax = 8

    /// The qualified name of the signing key: its name under those of its ancestors. Only the TPM knows
    /// these, so it is told, and not compared.
    public let qualifiedSigner: [UInt8]
    /// What the asker gave: the nonce, or here the report data.
    public let extraData: [UInt8]
    public let clockInfo: ClockInfo
    /// The vendor's number; a restricted key of another hierarchy than the endorsement's blurs it.
    public let firmwareVersion: UInt64
    public let selections: [PCRSelection]
    /// Hash of the selected values one after the other, by the hash of the signing scheme.
    public let pcrDigest: [UInt8]

    /// Decodes all of `bytes`.
    ///
    /// - Throws: ``TPM2/DecodingError`` and nothing else. The input is untrusted; no input traps.
    public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
      guard bytes.count <= Self.sizeMax else {
        throw .wire(.overLimit(limit: Self.sizeMax, actual: bytes.count))
      }
      var reader = ByteReader(bytes)
      let magic = try TPM2Reading.integer(&reader, UInt32.self)
      guard magic == TPM2.generated else { throw .magic(magic) }
      let type = try TPM2Reading.integer(&reader, UInt16.self)
      // TPM_ST_ATTEST_QUOTE (part 2, table 19).
      guard type == 0x8018 else { throw .attestationType(type) }
      qualifiedSigner = try TPM2Reading.sized(&reader, max: Name.sizeMax, .qualifiedSigner)
      extraData = try TPM2Reading.sized(&reader, max: Self.extraDataMax, .extraData)
      let clock = try TPM2Reading.integer(&reader, UInt64.self)
      let resetCount = try TPM2Reading.integer(&reader, UInt32.self)
      let restartCount = try TPM2Reading.integer(&reader, UInt32.self)
      let safe = try TPM2Reading.integer(&reader, UInt8.self)
      guard safe <= 1 else { throw .boolean(safe) }
      clockInfo = ClockInfo(
        clock: clock, resetCount: resetCount, restartCount: restartCount, isSafe: safe == 1)
      firmwareVersion = try TPM2Reading.integer(&reader, UInt64.self)
      let count = try TPM2Reading.integer(&reader, UInt32.self)
      guard count <= UInt32(Self.selectionsMax) else {
        throw .tooMany(.pcrSelection, limit: Self.selectionsMax, actual: Int(count))
      }
      var selections: [PCRSelection] = []
      for _ in 0..<count {
        let selection = try PCRSelection(reading: &reader)
        guard !selections.contains(where: { $0.hash == selection.hash }) else {
          throw .duplicateBank(selection.hash.rawValue)
        }
        selections.append(selection)
      }
      self.selections = selections
      pcrDigest = try TPM2Reading.sized(&reader, max: 64, .pcrDigest)
      try TPM2Reading.finish(reader)
    }

    /// The bytes it was decoded from.
    public func encoded() -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(bigEndian: TPM2.generated)
      bytes.append(bigEndian: UInt16(0x8018))
      bytes.append(sized: qualifiedSigner)
      bytes.append(sized: extraData)
      bytes.append(bigEndian: clockInfo.clock)
      bytes.append(bigEndian: clockInfo.resetCount)
      bytes.append(bigEndian: clockInfo.restartCount)
      bytes.append(clockInfo.isSafe ? 1 : 0)
      bytes.append(bigEndian: firmwareVersion)
      bytes.append(bigEndian: UInt32(truncatingIfNeeded: selections.count))
      for selection in selections { selection.append(to: &bytes) }
      bytes.append(sized: pcrDigest)
      return bytes
    }
  }
}

extension TPM2.PCRSelection {
  init(reading reader: inout ByteReader) throws(TPM2.DecodingError) {
    let hash = try TPM2Reading.hash(&reader, .pcrSelection)
    let size = try TPM2Reading.integer(&reader, UInt8.self)
    // PCR_SELECT_MIN of the PC client profile is 3; 4 covers the 32 handles of PCRs.
    guard size == 3 || size == 4 else { throw .selectSize(size) }
    let bits = try TPM2Reading.bytes(&reader, Int(size))
    self.init(
      hash: hash, selectSize: Int(size),
      indices: (0..<bits.count * 8).filter { bits[$0 / 8] >> ($0 % 8) & 1 == 1 })
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: hash.rawValue)
    bytes.append(UInt8(truncatingIfNeeded: selectSize))
    var bits = [UInt8](repeating: 0, count: selectSize)
    for index in indices { bits[index / 8] |= 1 << UInt8(index % 8) }
    bytes.append(contentsOf: bits)
  }
}
