import Encodings
import Messages
import SignerWire
import SigningRules
import Testing
import Transactions
import WireBytes

@Suite("Requests on the wire")
struct RequestCodingTests {
  @Test("are read as they were written, and at no other length")
  func roundTrips() throws {
    for request in try Samples.all() {
      let bytes = try SigningRequestCoding.encode(request)
      #expect(try SigningRequestCoding.decode(bytes) == request)
      for count in 0..<bytes.count {
        #expect(throws: SignerMessageError.self) {
          try SigningRequestCoding.decode(Array(bytes.prefix(count)))
        }
      }
      #expect(throws: SignerMessageError.self) { try SigningRequestCoding.decode(bytes + [0]) }
    }
  }

  @Test("have one encoding: what a turned bit gives is refused, or another request with that encoding")
  func bits() throws {
    for request in try Samples.all() {
      let bytes = try SigningRequestCoding.encode(request)
      for bit in 0..<(bytes.count * 8) {
        var other = bytes
        other[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let read = try? SigningRequestCoding.decode(other) else { continue }
        #expect(read != request)
        #expect(try SigningRequestCoding.encode(read) == other)
      }
    }
  }

  @Test("are laid out as the specification says")
  func layout() throws {
    let state = try SigningRequestCoding.encode(try Samples.state())
    let expected =
      "0x01" + "01" + "0d" + "636f736d6f733a64656d6f2d31" + "03" + "696263" + "08" + "636c69656e742d30"
      + "0000000000000001" + "000000000000000a" + "000000006553f100" + String(repeating: "07", count: 32)
    #expect(Hex.encode(state) == expected)
  }

  @Test("with more than 1,024 entries are not written and not read")
  func entries() throws {
    #expect(throws: SignerMessageError.count(limit: 1_024, actual: 1_025)) {
      try SigningRequestCoding.encode(try Samples.packets(count: 1_025))
    }
    var bytes = try SigningRequestCoding.encode(try Samples.packets(count: 1_024))
    #expect(try SigningRequestCoding.decode(bytes) == (try Samples.packets(count: 1_024)))
    let count = bytes.count - 1_024 * 64 - 4
    bytes.replaceSubrange(count..<(count + 4), with: [0xff, 0xff, 0xff, 0xff])
    #expect(throws: SignerMessageError.count(limit: 1_024, actual: 0xffff_ffff)) {
      try SigningRequestCoding.decode(bytes)
    }
  }

  @Test("of unknown tags are refused", arguments: [UInt8(0), 6, 0xff])
  func tags(_ tag: UInt8) throws {
    #expect(throws: SignerMessageError.tag(tag)) { try SigningRequestCoding.decode([tag]) }
    #expect(throws: SignerMessageError.tag(tag)) { try SigningRequestCoding.decode([1, tag]) }
  }

  @Test("as transactions that carry a signature already, or other bytes than their fields give, are refused")
  func transactions() throws {
    guard case .transaction(let transaction)? = try Samples.all().last else { throw Samples.Missing.step }
    let plain = try SigningRequestCoding.encode(.transaction(transaction))
    let raw = transaction.signed([])
    let head = Array(plain.dropLast(raw.count))
    #expect(throws: SignerMessageError.notCanonical) {
      try SigningRequestCoding.decode(head + transaction.signed([1, 2, 3]))
    }
    // A field that says nothing: sequence 0 written out in a body with an unknown, non-minimal length.
    #expect(throws: SignerMessageError.self) { try SigningRequestCoding.decode(head + raw + raw) }
  }

  @Test("as EVM transactions of another type, in other bytes, or for no chain, are refused")
  func evmTransactions() throws {
    let good = try EVMTransaction(
      chainID: 1, nonce: 0, maxPriorityFeePerGas: .zero, maxFeePerGas: .zero, gasLimit: 0, to: nil)
    let bytes = good.encoded()
    // The tag, and what eth_sendRawTransaction takes without its signature.
    #expect(try SigningRequestCoding.encode(.evmTransaction(good)) == [5] + bytes)
    #expect(bytes == [2, 0xc9, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0])
    func refusal(_ change: (inout [UInt8]) -> Void) -> SignerMessageError? {
      var changed = [5] + bytes
      change(&changed)
      do throws(SignerMessageError) {
        _ = try SigningRequestCoding.decode(changed)
        return nil
      } catch { return error }
    }
    #expect(refusal { $0.removeLast(11) } == .evmTransaction(.type(nil)))
    #expect(refusal { $0[1] = 1 } == .evmTransaction(.type(1)))
    #expect(refusal { $0[3] = 0x80 } == .evmTransaction(.chainIDZero))
    // A zero that is written out.
    #expect(
      refusal { $0[4] = 0 } == .evmTransaction(.rlp(part: .transaction, .leadingZero(offset: 2))))
    #expect(
      refusal { $0.append(0) }
        == .evmTransaction(.rlp(part: .transaction, .trailingBytes(offset: 10, count: 1))))
    #expect(refusal { $0[5] = 1 } == .evmTransaction(.priorityFeeAboveMaxFee))
    let long = [UInt8](repeating: 0, count: EVMTransaction.sizeMax)
    #expect(
      refusal { $0 += long }
        == .evmTransaction(.tooLarge(max: EVMTransaction.sizeMax, actual: EVMTransaction.sizeMax + 11)))
  }

  @Test("batches hold 1 to 64 requests")
  func batches() throws {
    let item = SigningItem(key: KeyID(Samples.bytes(1)), request: try Samples.state())
    let items = try Samples.all().map { SigningItem(key: KeyID(Samples.bytes(2)), request: $0) }
    let bytes = try SigningBatch.encode(items)
    #expect(try SigningBatch.decode(bytes) == items)
    for count in 0..<bytes.count {
      #expect(throws: SignerMessageError.self) { try SigningBatch.decode(Array(bytes.prefix(count))) }
    }
    #expect(throws: SignerMessageError.form(.trailingBytes(offset: bytes.count, count: 1))) {
      try SigningBatch.decode(bytes + [0])
    }
    #expect(throws: SignerMessageError.count(limit: 64, actual: 0)) { try SigningBatch.encode([]) }
    #expect(throws: SignerMessageError.count(limit: 64, actual: 65)) {
      try SigningBatch.encode(Array(repeating: item, count: 65))
    }
    #expect(throws: SignerMessageError.count(limit: 64, actual: 0)) { try SigningBatch.decode([0, 0]) }
    #expect(throws: SignerMessageError.count(limit: 64, actual: 65)) { try SigningBatch.decode([0, 65]) }
    let large = SigningItem(key: KeyID(Samples.bytes(1)), request: try Samples.packets(count: 1_024))
    #expect(throws: SignerMessageError.self) {
      try SigningBatch.encode(Array(repeating: large, count: 17))
    }
  }

  @Test("answers are read for the number of requests that were asked")
  func answers() throws {
    let answers: [SigningAnswer] = [
      .success([1, 2, 3]), .failure(SignerRefusal(.unknownKey)), .success([]),
      .failure(SignerRefusal(code: 401, name: "otherRoot", retry: .later(milliseconds: 5))),
    ]
    let bytes = try SigningAnswers.encode(answers)
    #expect(try SigningAnswers.decode(bytes, expected: 4) == answers)
    #expect(throws: SignerMessageError.count(limit: 3, actual: 4)) {
      try SigningAnswers.decode(bytes, expected: 3)
    }
    for count in 0..<bytes.count {
      #expect(throws: SignerMessageError.self) {
        try SigningAnswers.decode(Array(bytes.prefix(count)), expected: 4)
      }
    }
    let refusal = SigningAnswers.encode(refusal: SignerRefusal(.overloaded))
    #expect(
      try SigningAnswers.decode(refusal, expected: 2)
        == [.failure(SignerRefusal(.overloaded)), .failure(SignerRefusal(.overloaded))])
  }
}

@Suite("Administration on the wire")
struct AdminCodingTests {
  static func all() throws -> [AdminRequest] {
    let key = KeyID(Samples.bytes(7))
    return [
      .status, .keys, .key(key), .location(key, challenge: Samples.bytes(1)),
      .generate(
        .init(
          label: "att-0", suite: .secp256k1, purposes: [.attestation, .vote],
          origin: try DomainID("eip155:1"),
          chainIDs: ["b", "a"])),
      .generate(.init(label: "u", suite: .mlDSA65, purposes: [], backEnd: "tpm", path: "m/0'")),
      .rotate(key, overlapSeconds: .max), .revoke(key, reason: "lost \"\\ ü"), .destroy(key),
      .lock(key, reason: ""), .unlock(key), .propose(.object(["policy": "x"])),
      .approve(number: 3, approver: Samples.bytes(1), signature: Bytes64 { UInt8($0) }),
      .cancel(number: 3, approver: Samples.bytes(1), signature: Bytes64 { UInt8($0) }), .execute(number: 1),
      .pending, .policy, .exportWatermarks, .importWatermarks(.array([1, 2])), .exportEIP3076,
      .importEIP3076(.object([:])), .auditHead, .auditTail(count: 9),
      .threshold(round: "commit", message: [1, 2, 3]), .ceremony(step: "backup", fields: .object([:])),
    ]
  }

  @Test("every operation is read as it was written, in one form only")
  func roundTrips() throws {
    #expect(Set(try Self.all().map(\.operation)).count == AdminRequest.Operation.allCases.count)
    for request in try Self.all() {
      let bytes = request.encoded()
      #expect(try AdminRequest(decoding: bytes) == request)
      for count in 0..<bytes.count {
        #expect(throws: AdminRequestError.self) { try AdminRequest(decoding: Array(bytes.prefix(count))) }
      }
      #expect(throws: AdminRequestError.notCanonical) { try AdminRequest(decoding: bytes + [0x20]) }
      #expect(throws: AdminRequestError.notCanonical) { try AdminRequest(decoding: [0x20] + bytes) }
    }
  }

  @Test("what it does not know is refused by name")
  func unknown() {
    func decode(_ text: String) throws(AdminRequestError) -> AdminRequest {
      try AdminRequest(decoding: [UInt8](text.utf8))
    }
    #expect(throws: AdminRequestError.operation("reboot")) { try decode("{\"operation\":\"reboot\"}") }
    #expect(throws: AdminRequestError.member("operation")) { try decode("{}") }
    #expect(throws: AdminRequestError.member("")) { try decode("[]") }
    #expect(throws: AdminRequestError.unknownMember("key")) {
      try decode("{\"key\":\"0x00\",\"operation\":\"status\"}")
    }
    #expect(throws: AdminRequestError.member("key")) {
      try decode("{\"key\":\"0x00\",\"operation\":\"destroy\"}")
    }
    let upper = "0x" + String(repeating: "AB", count: 32)
    #expect(throws: AdminRequestError.notCanonical) {
      try decode("{\"key\":\"\(upper)\",\"operation\":\"destroy\"}")
    }
    let long = String(repeating: "a", count: 257)
    #expect(throws: AdminRequestError.tooLong(limit: 256, actual: 257)) {
      try decode("{\"operation\":\"\(long)\"}")
    }
    #expect(throws: AdminRequestError.member("count")) {
      try decode("{\"count\":-1,\"operation\":\"auditTail\"}")
    }
    #expect(throws: AdminRequestError.self) {
      try decode("{\"operation\":\"status\",\"operation\":\"keys\"}")
    }
  }

  @Test("answers are JSON in one form, or a refusal")
  func answers() throws {
    let json = JSONValue.object(["a": 1, "b": .array([.null, "x"])])
    #expect(try AdminAnswer.decode(AdminAnswer.encode(.success(json))) == .success(json))
    let refusal = SignerRefusal(code: 801, name: "pendingFull", retry: .afterChange)
    #expect(try AdminAnswer.decode(AdminAnswer.encode(.failure(refusal))) == .failure(refusal))
    #expect(throws: SignerMessageError.notCanonical) { try AdminAnswer.decode([1] + [UInt8]("{ }".utf8)) }
    #expect(throws: SignerMessageError.tag(2)) { try AdminAnswer.decode([2]) }
    #expect(throws: SignerMessageError.form(.truncated(offset: 0, needed: 1))) { try AdminAnswer.decode([]) }
    let large = JSONValue.string(String(repeating: "a", count: SignerLimits.frameSizeMax))
    #expect(
      try AdminAnswer.decode(AdminAnswer.encode(.success(large))) == .failure(SignerRefusal(.answerTooLarge)))
  }

  @Test("a listed key has the id of its suite and public key")
  func keys() throws {
    let key = SignerKey(
      label: "a", suite: .ed25519, publicKey: [UInt8](repeating: 1, count: 32), purposes: [.vote],
      state: "active", backEnd: "file", chainIDs: ["demo-1"])
    #expect(try SignerKey(json: key.json) == key)
    guard case .object(var members) = key.json else { throw Samples.Missing.step }
    members["id"] = .string(Samples.bytes(1).description)
    #expect(throws: AdminRequestError.member("id")) { try SignerKey(json: .object(members)) }
  }
}
