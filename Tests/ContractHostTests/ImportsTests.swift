import ContractHost
import Crypto
import Digests
import SignatureSchemes
import Testing
import WireBytes

/// Every import, called with the three arguments of `execute` as its regions.
@Suite("contract imports", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct ImportsTests {
  /// A contract whose `execute` is this one call, its answer in a region of four or eight bytes.
  private static func answer(_ host: HostImport, _ arguments: String) throws -> CompiledCode {
    let body =
      switch host.answer {
      case .nothing: "(call $\(host.rawValue) \(arguments)) (call $number (i32.const 77))"
      case .i32: "(call $number (call $\(host.rawValue) \(arguments)))"
      case .i64: "(call $wide (call $\(host.rawValue) \(arguments)))"
      }
    return try TestEngine.code(WAT(imports: [host], execute: body))
  }

  /// A contract that returns the region that the import answers with, or an empty one for 0.
  private static func region(_ host: HostImport, _ arguments: String) throws -> CompiledCode {
    try TestEngine.code(
      WAT(imports: [host], execute: "(call $orEmpty (call $\(host.rawValue) \(arguments)))"))
  }

  private static let three = "(local.get $env) (local.get $info) (local.get $msg)"

  // MARK: storage

  @Test("reads, writes and removes")
  func storage() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend([[1]: [10, 11], [2]: []])
    let read = try Self.region(.dbRead, "(local.get $env)")
    #expect(engine.execute(read, [1], on: &backend).bytes == [10, 11])
    #expect(engine.execute(read, [9], on: &backend).bytes == [])
    let isThere = try Self.answer(.dbRead, "(local.get $env)")
    // An empty value is there, an absent one is address 0.
    #expect(try #require(engine.execute(isThere, [2], on: &backend).number) != 0)
    #expect(engine.execute(isThere, [9], on: &backend).number == 0)
    let write = try Self.answer(.dbWrite, "(local.get $env) (local.get $info)")
    #expect(engine.execute(write, [3], [4, 5], on: &backend).number == 77)
    #expect(backend.storage[[3]] == [4, 5])
    let remove = try Self.answer(.dbRemove, "(local.get $env)")
    #expect(engine.execute(remove, [1], on: &backend).number == 77)
    #expect(backend.storage.keys.count == 2)
    #expect(engine.execute(remove, [1], on: &backend).number == 77)
  }

  @Test("takes keys of 64 KiB and values of 128 KiB and no more")
  func storageLimits() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    let write = try Self.answer(.dbWrite, "(local.get $env) (local.get $info)")
    let key = [UInt8](repeating: 1, count: 65_536)
    let value = [UInt8](repeating: 2, count: 131_072)
    #expect(engine.execute(write, key, value, on: &backend).number == 77)
    let longKey = engine.execute(write, key + [1], value, on: &backend)
    #expect(longKey.failure == .host(.keyTooBig(bytes: 65_537, limit: 65_536), in: .dbWrite))
    let longValue = engine.execute(write, key, value + [1], on: &backend)
    #expect(longValue.failure == .host(.valueTooBig(bytes: 131_073, limit: 131_072), in: .dbWrite))
    #expect(
      longValue.failure?.text
        == "Error executing Wasm: Wasmer runtime error: RuntimeError: Generic error: "
        + "Value too big. Tried to write 131073 bytes to storage, limit is 131072.")
    for host in [HostImport.dbRead, .dbRemove] {
      let code = try Self.answer(host, "(local.get $env)")
      let failure = engine.execute(code, key + [1], on: &backend).failure
      #expect(failure == .host(.region(.tooLong(length: 65_537, limit: 65_536)), in: host))
    }
  }

  @Test("does not write in a query")
  func readOnly() throws {
    let engine = try TestEngine.engine()
    for (host, call) in [
      (HostImport.dbWrite, "(call $db_write (local.get $env) (local.get $msg))"),
      (.dbRemove, "(call $db_remove (local.get $env))"),
    ] {
      let code = try TestEngine.code(WAT(imports: [host], query: "\(call) (local.get $msg)"))
      var backend = DictionaryBackend([[1]: [1]])
      let outcome = engine.call(
        ContractCall(.query, arguments: [[1], [2]], gasLimit: TestEngine.plenty), of: code, backend: &backend)
      #expect(outcome.failure == .host(.writeInQuery, in: host))
      #expect(
        outcome.failure?.text.hasSuffix("Must not call a writing storage function in this context.") == true)
      #expect(backend.storage == [[1]: [1]])
    }
  }

  @Test("walks in both directions, within bounds, to the end and past it")
  func iterators() throws {
    let engine = try TestEngine.engine()
    let entries: [[UInt8]: [UInt8]] = [[1]: [11], [2]: [], [2, 0]: [12], [3]: [13]]
    var backend = DictionaryBackend(entries)
    // Concatenates what db_next gives until the key is empty; then asks once more.
    func walk(_ scan: String) throws -> CompiledCode {
      try TestEngine.code(
        WAT(
          imports: [.dbScan, .dbNext],
          execute: """
            (local $id i32) (local $entry i32) (local $out i32) (local $at i32) (local $n i32) (local $from i32)
            (local.set $id (call $db_scan \(scan)))
            (local.set $out (call $region (i32.const 200)))
            (local.set $at (i32.load (local.get $out)))
            (block $end (loop $again
              (local.set $entry (call $db_next (local.get $id)))
              (local.set $n (i32.load offset=8 (local.get $entry)))
              (br_if $end (i32.eq (local.get $n) (i32.const 8)))
              (local.set $from (i32.load (local.get $entry)))
              (loop $copy
                (i32.store8 (local.get $at) (i32.load8_u (local.get $from)))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (local.set $from (i32.add (local.get $from) (i32.const 1)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $copy (local.get $n)))
              (br $again)))
            (if (i32.ne (i32.load offset=8 (call $db_next (local.get $id))) (i32.const 8)) (then (unreachable)))
            (i32.store offset=8 (local.get $out) (i32.sub (local.get $at) (i32.load (local.get $out))))
            (local.get $out)
            """))
    }
    func sections(_ pairs: [([UInt8], [UInt8])]) -> [UInt8] {
      pairs.flatMap { key, value in
        key + [0, 0, 0, UInt8(key.count)] + value + [0, 0, 0, UInt8(value.count)]
      }
    }
    let all: [([UInt8], [UInt8])] = [([1], [11]), ([2], []), ([2, 0], [12]), ([3], [13])]
    let rising = try walk("(i32.const 0) (i32.const 0) (i32.const 1)")
    #expect(engine.execute(rising, on: &backend).bytes == sections(all))
    let falling = try walk("(i32.const 0) (i32.const 0) (i32.const 2)")
    #expect(engine.execute(falling, on: &backend).bytes == sections(all.reversed()))
    // The start is in, the end is not.
    let bounded = try walk("(local.get $env) (local.get $info) (i32.const 2)")
    #expect(engine.execute(bounded, [2], [3], on: &backend).bytes == sections([all[2], all[1]]))
    let outcome = engine.execute(bounded, [2], [3], on: &backend)
    #expect(outcome.hostCalls == [.dbScan, .dbNext, .dbNext, .dbNext, .dbNext])
  }

  @Test("gives keys alone and values alone")
  func halves() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend([[1]: [11]])
    for (host, expected) in [(HostImport.dbNextKey, [UInt8(1)]), (.dbNextValue, [11])] {
      let code = try TestEngine.code(
        WAT(
          imports: [.dbScan, host],
          execute: """
            (local $id i32) (local $first i32)
            (local.set $id (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))
            (local.set $first (call $\(host.rawValue) (local.get $id)))
            (if (call $\(host.rawValue) (local.get $id)) (then (unreachable)))
            (local.get $first)
            """))
      #expect(engine.execute(code, on: &backend).bytes == expected)
    }
  }

  @Test("refuses an order or an iterator that does not exist")
  func badIterators() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    for order in [Int32(0), 3, -1, .min] {
      let code = try Self.answer(.dbScan, "(i32.const 0) (i32.const 0) (i32.const \(order))")
      let failure = engine.execute(code, on: &backend).failure
      #expect(failure == .host(.order(order), in: .dbScan))
      #expect(failure?.text.hasSuffix("Got an invalid value for iteration order: \(order)") == true)
    }
    for number in [UInt32(0), 1, .max] {
      for host in [HostImport.dbNext, .dbNextKey, .dbNextValue] {
        let code = try Self.answer(host, "(i32.const \(Int32(bitPattern: number)))")
        let failure = engine.execute(code, on: &backend).failure
        #expect(failure == .host(.unknownIterator(number), in: host))
      }
    }
  }

  // MARK: addresses

  @Test("validates, canonicalizes and humanizes, and answers with words what it refuses")
  func addresses() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    func text(_ outcome: CallOutcome) -> String? { outcome.bytes.map { String(decoding: $0, as: UTF8.self) } }
    let validate = try Self.region(.addrValidate, "(local.get $env)")
    #expect(text(engine.execute(validate, [UInt8]("alice".utf8), on: &backend)) == "")
    #expect(text(engine.execute(validate, [UInt8]("Alice".utf8), on: &backend)) == "address not normalized")
    #expect(text(engine.execute(validate, [], on: &backend)) == "Input is empty")
    #expect(text(engine.execute(validate, [0xff, 0xfe], on: &backend)) == "Input is not valid UTF-8")
    let long = engine.execute(validate, [UInt8](repeating: 97, count: 257), on: &backend)
    #expect(long.failure == .host(.region(.tooLong(length: 257, limit: 256)), in: .addrValidate))

    // The contract prepares the destination; when there are words, they are what it returns.
    func convert(_ host: HostImport, _ capacity: Int) throws -> CompiledCode {
      try TestEngine.code(
        WAT(
          imports: [host],
          execute: """
            (local $to i32) (local $words i32)
            (local.set $to (call $allocate (i32.const \(capacity))))
            (local.set $words (call $\(host.rawValue) (local.get $env) (local.get $to)))
            (if (result i32) (local.get $words) (then (local.get $words)) (else (local.get $to)))
            """))
    }
    let canonicalize = try convert(.addrCanonicalize, 32)
    let canonical = [UInt8]("alice".utf8) + [UInt8](repeating: 0, count: 27)
    #expect(engine.execute(canonicalize, [UInt8]("alice".utf8), on: &backend).bytes == canonical)
    #expect(text(engine.execute(canonicalize, [], on: &backend)) == "Input is empty")
    #expect(text(engine.execute(canonicalize, [0x80], on: &backend)) == "Input is not valid UTF-8")
    #expect(text(engine.execute(canonicalize, [UInt8](repeating: 97, count: 33), on: &backend)) == "too long")
    let small = engine.execute(try convert(.addrCanonicalize, 31), [97], on: &backend)
    #expect(small.failure == .host(.region(.tooSmall(capacity: 31, needed: 32)), in: .addrCanonicalize))
    let humanize = try convert(.addrHumanize, 90)
    #expect(text(engine.execute(humanize, canonical, on: &backend)) == "alice")
    #expect(text(engine.execute(humanize, [1], on: &backend)) == "not canonical")
    let tooLong = engine.execute(humanize, [UInt8](repeating: 1, count: 65), on: &backend)
    #expect(tooLong.failure == .host(.region(.tooLong(length: 65, limit: 64)), in: .addrHumanize))
  }

  // MARK: the rest

  @Test("prints, asks the chain and aborts")
  func words() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    let debug = try Self.answer(.debug, "(local.get $env)")
    #expect(engine.execute(debug, [UInt8]("here we go 🚀".utf8), on: &backend).number == 77)
    #expect(engine.execute(debug, [0x61, 0xff], on: &backend).number == 77)
    #expect(backend.printed == ["here we go 🚀", "a\u{fffd}"])
    let query = try Self.region(.queryChain, "(local.get $env)")
    #expect(engine.execute(query, [1, 2], on: &backend).bytes == [UInt8](#"{"ok":{"ok":"aGk="}}"#.utf8))
    #expect(backend.queries == [[1, 2]])
    #expect(try #require(backend.queryLimits.first) < TestEngine.plenty)
    let long = engine.execute(query, [UInt8](repeating: 1, count: 65_537), on: &backend)
    #expect(long.failure == .host(.region(.tooLong(length: 65_537, limit: 65_536)), in: .queryChain))
    let abort = try Self.answer(.abort, "(local.get $env)")
    let words = "panicked at src/contract.rs:115:5:\nThis page intentionally faulted"
    let aborted = engine.execute(abort, [UInt8](words.utf8), on: &backend)
    #expect(aborted.failure == .aborted(words))
    #expect(
      aborted.failure?.text
        == "Error executing Wasm: Wasmer runtime error: RuntimeError: Aborted: \(words)")
    #expect(aborted.hostCalls == [.abort])
    for host in [HostImport.debug, .abort] {
      let code = try Self.answer(host, "(local.get $env)")
      let outcome = engine.execute(code, [UInt8](repeating: 97, count: (2 << 20) + 1), on: &backend)
      #expect(outcome.failure == .host(.region(.tooLong(length: 2_097_153, limit: 2_097_152)), in: host))
    }
  }

  @Test("loads a module that wants BLS12-381, and fails the call by name")
  func pairings() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    for host in HostImport.allCases where host.rawValue.hasPrefix("bls12_381_") {
      let arguments = String(repeating: "(local.get $env)", count: host.parameterCount)
      let outcome = engine.execute(try Self.answer(host, arguments), on: &backend)
      #expect(outcome.failure == .host(.notSupported, in: host))
      #expect(outcome.failure?.text.hasSuffix("this host has no BLS12-381") == true)
    }
  }

  @Test("passes a backend's failure on, and charges what was used so far")
  func backendFailures() throws {
    let engine = try TestEngine.engine()
    let code = try Self.answer(.dbRead, "(local.get $env)")
    var backend = DictionaryBackend()
    backend.failure = .refused("no")
    let refused = engine.execute(code, [1], on: &backend)
    #expect(refused.failure == .backend("no"))
    #expect(refused.failure?.text.hasSuffix("Error calling into the VM's backend: no") == true)
    #expect(refused.gasUsedInternally > VMGas.perFuel * 1_000)
    backend.failure = .halt
    #expect(engine.execute(code, [1], on: &backend).failure == .halted)
  }

  // MARK: signatures

  private static let digest = SHA256Hash.hash([1, 2, 3])

  @Test("verifies over P-256, with either s and both forms of keys, and answers with codes")
  func p256() throws {
    let engine = try TestEngine.engine()
    let code = try Self.answer(.secp256r1Verify, Self.three)
    var backend = DictionaryBackend()
    let secret = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 7, count: 32))
    let signature = [UInt8](try secret.signature(for: GivenHash(Self.digest)).rawRepresentation)
    let key = [UInt8](secret.publicKey.x963Representation)
    func run(_ hash: [UInt8], _ signature: [UInt8], _ key: [UInt8]) -> UInt32? {
      engine.execute(code, hash, signature, key, on: &backend).number
    }
    let hash = Self.digest.array
    #expect(run(hash, signature, key) == 0)
    #expect(run(hash, Self.flipped(signature, Self.orderR1), key) == 0)
    #expect(run(hash, signature, [UInt8](secret.publicKey.compressedRepresentation)) == 0)
    #expect(run(SHA256Hash.hash([]).array, signature, key) == 1)
    #expect(run([1], signature, key) == 3)
    #expect(run(hash, [UInt8](signature.dropLast()), key) == 4)
    #expect(run(hash, signature, [5] + key.dropFirst()) == 5)
    #expect(run(hash, signature, []) == 5)
    #expect(run(hash, signature, [UInt8](key.dropLast())) == 5)
    #expect(run(hash, [UInt8](repeating: 0, count: 64), key) == 10)
    #expect(run(hash, [UInt8](repeating: 255, count: 64), key) == 10)
    #expect(run(hash, signature, [4] + [UInt8](repeating: 1, count: 64)) == 10)
  }

  @Test("verifies over secp256k1 and answers with codes")
  func k1() throws {
    let engine = try TestEngine.engine()
    let code = try Self.answer(.secp256k1Verify, Self.three)
    var backend = DictionaryBackend()
    func run(_ hash: [UInt8], _ signature: [UInt8], _ key: [UInt8]) -> UInt32? {
      engine.execute(code, hash, signature, key, on: &backend).number
    }
    // cosmwasm packages/crypto/src/secp256k1.rs, COSMOS_SECP256K1_*_HEX1.
    let message = Self.hex(Self.cosmosMessage)
    let hash = SHA256Hash.hash(message).array
    let signature = Self.hex(Self.cosmosSignature)
    let compressed = Self.hex(Self.cosmosKey)
    let key = try Secp256k1.PublicKey(sec1: compressed).uncompressed.array
    #expect(run(hash, signature, key) == 0)
    #expect(run(hash, Self.flipped(signature, Self.orderK1), key) == 0)
    #expect(run(hash, signature, compressed) == 0)
    #expect(run(SHA256Hash.hash([]).array, signature, key) == 1)
    #expect(run([1], signature, key) == 3)
    #expect(run(hash, [1], key) == 4)
    #expect(run(hash, signature, [6] + key.dropFirst()) == 5)
    #expect(run(hash, [UInt8](repeating: 0, count: 64), key) == 10)
    #expect(run(hash, signature, [4] + [UInt8](repeating: 1, count: 64)) == 10)
  }

  @Test("recovers the keys of both curves")
  func recovery() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    // The region of 65 bytes, or the code as eight bytes.
    func code(_ host: HostImport, _ parameter: UInt32) throws -> CompiledCode {
      try TestEngine.code(
        WAT(
          imports: [host],
          execute: """
            (local $x i64)
            (local.set $x (call $\(host.rawValue) (local.get $env) (local.get $info)
              (i32.const \(Int32(bitPattern: parameter)))))
            (if (result i32) (i32.wrap_i64 (local.get $x))
              (then (i32.wrap_i64 (local.get $x)))
              (else (call $wide (i64.shr_u (local.get $x) (i64.const 32)))))
            """))
    }
    func answer(_ code: UInt8) -> [UInt8] { [code] + [UInt8](repeating: 0, count: 7) }
    let hash = Self.digest.array

    var seen = Set<UInt32>()
    for number in UInt8(1)...16 {
      let secret = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: number, count: 32))
      let signature = [UInt8](try secret.signature(for: GivenHash(Self.digest)).rawRepresentation)
      let key = [UInt8](secret.publicKey.x963Representation)
      let both = try (UInt32(0)...1).map { parameter in
        engine.execute(try code(.secp256r1RecoverPubkey, parameter), hash, signature, on: &backend).bytes
      }
      // One of the two is the key; the other is a key for which the signature holds as well.
      let index = try #require(both.firstIndex(of: key))
      seen.insert(UInt32(index))
      let other = try #require(both[1 - index])
      #expect(other != key)
      let verify = try Self.answer(.secp256r1Verify, Self.three)
      #expect(engine.execute(verify, hash, signature, other, on: &backend).number == 0)
      // With the other s the parity is the other.
      let flipped = Self.flipped(signature, Self.orderR1)
      let again = engine.execute(
        try code(.secp256r1RecoverPubkey, UInt32(1 - index)), hash, flipped, on: &backend)
      #expect(again.bytes == key)
    }
    #expect(seen == [0, 1])
    let signature = Self.hex(Self.cosmosSignature)
    for parameter in UInt32(2)...3 {
      let outcome = engine.execute(
        try code(.secp256r1RecoverPubkey, parameter), hash, signature, on: &backend)
      #expect(outcome.bytes == answer(10))
      let k1 = engine.execute(try code(.secp256k1RecoverPubkey, parameter), hash, signature, on: &backend)
      #expect(k1.bytes == answer(6))
    }
    let cosmosHash = SHA256Hash.hash(Self.hex(Self.cosmosMessage)).array
    let keys = try (UInt32(0)...1).map { parameter in
      engine.execute(try code(.secp256k1RecoverPubkey, parameter), cosmosHash, signature, on: &backend).bytes
    }
    #expect(keys.contains(try Secp256k1.PublicKey(sec1: Self.hex(Self.cosmosKey)).uncompressed.array))
    for host in [HostImport.secp256k1RecoverPubkey, .secp256r1RecoverPubkey] {
      #expect(engine.execute(try code(host, 4), hash, signature, on: &backend).bytes == answer(6))
      #expect(engine.execute(try code(host, 256), hash, signature, on: &backend).bytes == answer(6))
      #expect(engine.execute(try code(host, 0), [1], signature, on: &backend).bytes == answer(3))
      #expect(engine.execute(try code(host, 0), hash, [1], on: &backend).bytes == answer(4))
      let zeros = [UInt8](repeating: 0, count: 64)
      #expect(engine.execute(try code(host, 0), hash, zeros, on: &backend).bytes == answer(10))
    }
  }

  @Test("recovers where the sum of two equal points is asked for, and refuses infinity")
  func degenerateRecovery() throws {
    // With k known, s and z can be chosen so that s R = ∓ z G: then Q is a double, or nothing.
    let secret = try P256.KeyAgreement.PrivateKey(rawRepresentation: [UInt8](repeating: 9, count: 32))
    let point = [UInt8](secret.publicKey.x963Representation)
    let r = Bytes32 { point[1 + $0] }
    let odd = point[64] & 1
    // s = 1, z = ±k: s R − z G = R ∓ R.
    let k = Bytes32 { _ in 9 }
    let minusK = Self.minus(k, Self.orderR1)
    let one = Bytes32 { $0 == 31 ? 1 : 0 }
    let signature = Bytes64 { $0 < 32 ? r[$0] : one[$0 - 32] }
    #expect(throws: P256RecoveryError.unrecoverable) {
      try ECDSAP256.recover(digest: k, signature: signature, recoveryID: odd)
    }
    let doubled = try ECDSAP256.recover(digest: minusK, signature: signature, recoveryID: odd)
    try ECDSAP256.verify(digest: minusK, signature: signature, key: doubled)
    // z = 0: the key is r⁻¹ s R alone.
    let alone = try ECDSAP256.recover(digest: Bytes32(), signature: signature, recoveryID: odd)
    try ECDSAP256.verify(digest: Bytes32(), signature: signature, key: alone)
    #expect(throws: P256RecoveryError.recoveryID(4)) {
      try ECDSAP256.recover(digest: k, signature: signature, recoveryID: 4)
    }
    #expect(throws: P256RecoveryError.signature(.rZero)) {
      try ECDSAP256.recover(digest: k, signature: Bytes64(), recoveryID: 0)
    }
  }

  @Test("verifies Ed25519, alone and in batches, and answers with codes")
  func ed25519() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    let single = try Self.answer(.ed25519Verify, Self.three)
    let batch = try Self.answer(.ed25519BatchVerify, Self.three)
    let signers = try (UInt8(1)...3).map {
      try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: $0, count: 32))
    }
    let messages: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 1_000)]
    let keys = signers.map { [UInt8]($0.publicKey.rawRepresentation) }
    let signatures = try zip(signers, messages).map { [UInt8](try $0.signature(for: $1)) }
    func one(_ message: [UInt8], _ signature: [UInt8], _ key: [UInt8]) -> UInt32? {
      engine.execute(single, message, signature, key, on: &backend).number
    }
    for index in 0..<3 { #expect(one(messages[index], signatures[index], keys[index]) == 0) }
    #expect(one([2], signatures[1], keys[1]) == 1)
    #expect(one([1], [1], keys[1]) == 4)
    #expect(one([1], signatures[1], [1]) == 5)
    // ZIP 215: y = 1 of small order, S = 0, any message; strict RFC 8032 rules refuse it.
    let small = [UInt8(1)] + [UInt8](repeating: 0, count: 31)
    #expect(one([1, 2, 3], small + [UInt8](repeating: 0, count: 32), small) == 0)
    let most = [UInt8](repeating: 1, count: 131_073)
    #expect(
      engine.execute(single, most, signatures[1], keys[1], on: &backend).failure
        == .host(.region(.tooLong(length: 131_073, limit: 131_072)), in: .ed25519Verify))

    func many(_ messages: [[UInt8]], _ signatures: [[UInt8]], _ keys: [[UInt8]]) -> UInt32? {
      engine.execute(
        batch, Self.sections(messages), Self.sections(signatures), Self.sections(keys), on: &backend
      )
      .number
    }
    #expect(many(messages, signatures, keys) == 0)
    #expect(many(messages.reversed(), signatures, keys) == 1)
    #expect(many([], [], []) == 0)
    #expect(many([[1]], [], []) == 0)
    #expect(many([], [], [keys[0]]) == 0)
    let shared = try signers.map { [UInt8](try $0.signature(for: [5, 5])) }
    #expect(many([[5, 5]], shared, keys) == 0)
    let own = try messages.map { [UInt8](try signers[0].signature(for: $0)) }
    #expect(many(messages, own, [keys[0]]) == 0)
    #expect(many(messages, own, [keys[1]]) == 1)
    #expect(many(messages, [own[0], own[1]], [keys[0]]) == 7)
    #expect(many(messages, signatures, [keys[0], keys[1]]) == 7)
    // A bad form counts before a bad signature, wherever it stands.
    #expect(many(messages.reversed(), [signatures[0], signatures[1], [1]], keys) == 4)
    #expect(many(messages.reversed(), signatures, [keys[0], keys[1], []]) == 5)
    for (bytes, error) in [
      ([UInt8(1)], SectionError.extraBytes), ([0, 0, 0, 1], .lengthOverflow), ([9, 0, 0, 0, 0], .extraBytes),
      ([255, 255, 255, 255], .lengthOverflow),
    ] {
      let outcome = engine.execute(batch, [], bytes, [], on: &backend)
      #expect(outcome.failure == .host(.section(error), in: .ed25519BatchVerify))
    }
  }

  @Test("charges a batch by its signatures, and less when one key made them all")
  func batchPrice() throws {
    let engine = try TestEngine.engine()
    var backend = DictionaryBackend()
    let batch = try Self.answer(.ed25519BatchVerify, Self.three)
    // Refused for its form after the price was paid: 64 and 32 zero bytes verify or not at no difference of gas.
    func gas(_ signatures: Int, keys: Int) -> UInt64 {
      let signature = [UInt8](repeating: 0, count: 64)
      let key = [UInt8](repeating: 0, count: 32)
      return engine.execute(
        batch, Self.sections([[]]), Self.sections([[UInt8]](repeating: signature, count: signatures)),
        Self.sections([[UInt8]](repeating: key, count: keys)), on: &backend
      ).gasUsedInternally
    }
    let two = gas(2, keys: 2)
    let three = gas(3, keys: 3)
    #expect((21_000_000..<21_200_000).contains(three - two))
    #expect(gas(3, keys: 1) < three - 20_000_000)
  }

  // MARK: tools

  /// cosmwasm packages/crypto/src/secp256k1.rs: key, message and signature number 1.
  private static let cosmosKey = "0x034f04181eeba35391b858633a765c4a0c189697b40d216354d50890d350c70290"
  private static let cosmosMessage =
    "0x0a93010a90010a1c2f636f736d6f732e62616e6b2e763162657461312e4d736753656e6412700a2d636f736d6f7331706b707472653766646b"
    + "6c366766727a6c65736a6a766878686c63337234676d6d6b38727336122d636f736d6f7331717970717870713971637273737a673270767871"
    + "367273307a716733797963356c7a763778751a100a0575636f736d12073132333435363712650a4e0a460a1f2f636f736d6f732e63727970746f"
    + "2e736563703235366b312e5075624b657912230a21034f04181eeba35391b858633a765c4a0c189697b40d216354d50890d350c7029012040a02"
    + "080112130a0d0a0575636f736d12043230303010c09a0c1a0c73696d642d74657374696e672001"
  private static let cosmosSignature =
    "0xc9dd20e07464d3a688ff4b710b1fbc027e495e797cfa0b4804da2ed117959227772de059808f765aa29b8f92edf30f4c2c5a438e30d3fe6897"
    + "daa7141e3ce6f9"

  private static func hex(_ text: String) -> [UInt8] { (try? Hex.decode(text)) ?? [] }

  private static let orderR1: [UInt8] = hex(
    "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
  private static let orderK1: [UInt8] = hex(
    "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")

  /// The same signature with n − s.
  private static func flipped(_ signature: [UInt8], _ order: [UInt8]) -> [UInt8] {
    let s = Bytes32 { signature[32 + $0] }
    return signature[..<32] + minus(s, order).array
  }

  private static func minus(_ value: Bytes32, _ order: [UInt8]) -> Bytes32 {
    UInt256(bigEndian: Bytes32 { order[$0] }).subtractingReportingOverflow(UInt256(bigEndian: value))
      .partialValue
      .bigEndian
  }

  private static func sections(_ list: [[UInt8]]) -> [UInt8] {
    list.flatMap { bytes in
      bytes + (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) }
    }
  }
}

/// A hash that swift-crypto signs as it stands.
private struct GivenHash: Crypto.Digest {
  static let byteCount = 32
  private let bytes: [UInt8]

  init(_ bytes: Bytes32) { self.bytes = bytes.array }

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try unsafe bytes.withUnsafeBytes(body)
  }
  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
  static func == (left: GivenHash, right: GivenHash) -> Bool { left.bytes == right.bytes }
  var description: String { "given" }
  func makeIterator() -> Array<UInt8>.Iterator { bytes.makeIterator() }
}
