import ContractHost
import Encodings
import TestSupport
import Testing

@Suite("Kit: misbehaving", .enabled(if: Bench.isReady, Bench.absence))
struct MisbehavingTests {
  private static let alice = MiniDomain.account("alice")

  private static func started() throws -> (MiniDomain, String) {
    let harbor = MiniDomain("harbor-1")
    return (harbor, try harbor.instantiate("misbehaving", #"{"nothing":{}}"#, by: alice))
  }

  private static let guest = "Error executing Wasm: Wasmer runtime error: RuntimeError: "

  @Test(
    "is stopped by its host, whatever it does, in the same words twice",
    arguments: [
      (#"{"trap":{}}"#, guest + "unreachable"),
      (#"{"abort":{"text":"no way"}}"#, guest + "Aborted: no way"),
      (#"{"error":{"text":"own words"}}"#, "own words"),
      (#"{"loop":{}}"#, "Ran out of gas during contract execution"),
      (#"{"loop_storage":{}}"#, "Ran out of gas during contract execution"),
      (#"{"recurse":{"depth":100000000}}"#, guest + "call stack exhausted"),
      (#"{"read_at":{"address":4294967295}}"#, guest + "out of bounds memory access"),
    ])
  func stopped(message: String, words: String) throws {
    let (harbor, contract) = try Self.started()
    #expect(harbor.refusal(contract, message, by: Self.alice) == words)
    #expect(harbor.refusal(contract, message, by: Self.alice) == words)
    #expect(harbor.world.storage[contract] ?? [:] == [:])
    // And still works.
    try harbor.execute(contract, #"{"nothing":{}}"#, by: Self.alice)
  }

  @Test(
    "gets away with no pointer, region, key or answer that is none",
    arguments: [
      #"{"allocate_for_ever":{}}"#, #"{"allocate":{"bytes":40000000}}"#, #"{"return_pointer":{"pointer":0}}"#,
      #"{"return_pointer":{"pointer":4294967290}}"#,
      #"{"return_region":{"offset":0,"capacity":0,"length":0}}"#,
      #"{"return_region":{"offset":4294967290,"capacity":100,"length":100}}"#,
      #"{"return_region":{"offset":1024,"capacity":10,"length":11}}"#,
      #"{"return_region":{"offset":1024,"capacity":2147483647,"length":2147483647}}"#,
      #"{"return_bytes":{"bytes":""}}"#, #"{"return_bytes":{"bytes":"bm9wZQ=="}}"#,
      #"{"return_bytes":{"bytes":"eyJvayI6MX0="}}"#, #"{"return_bytes":{"bytes":"/w=="}}"#,
      #"{"return_deep":{"depth":100000}}"#, #"{"return_big":{"bytes":5000000}}"#,
      #"{"give_region_to":{"import":"db_read","offset":0,"capacity":5,"length":5}}"#,
      #"{"give_region_to":{"import":"db_write_value","offset":1024,"capacity":5,"length":6}}"#,
      #"{"give_region_to":{"import":"query_chain","offset":4294967000,"capacity":500,"length":500}}"#,
      #"{"give_region_to":{"import":"debug","offset":1024,"capacity":4294967295,"length":1}}"#,
      #"{"give_pointer_to":{"import":"db_remove","pointer":0}}"#,
      #"{"give_pointer_to":{"import":"addr_validate","pointer":4294967288}}"#,
      #"{"give_pointer_to":{"import":"db_scan","pointer":4294967288}}"#,
      #"{"write":{"key_bytes":65537,"value_bytes":1}}"#, #"{"write":{"key_bytes":1,"value_bytes":131073}}"#,
      #"{"scan":{"iterators":40000}}"#, #"{"scan_order":{"order":3}}"#, #"{"next":{"iterator":7}}"#,
    ])
  func refused(message: String) throws {
    let (harbor, contract) = try Self.started()
    let words = harbor.refusal(contract, message, by: Self.alice)
    #expect(words != "not refused")
    #expect(!words.contains("0x"), "a stack trace: \(words)")
    #expect(harbor.refusal(contract, message, by: Self.alice) == words)
    #expect(harbor.world.storage[contract] ?? [:] == [:])
  }

  @Test("writes nothing in a query")
  func queries() throws {
    let (harbor, contract) = try Self.started()
    let words = Self.guest + "Must not call a writing storage function in this context."
    for message in [
      #"{"store":{"key":"a","value":"b"}}"#, #"{"give_pointer_to":{"import":"db_remove","pointer":65536}}"#,
    ] {
      #expect(throws: Failed.self) { try harbor.query(contract, message) }
    }
    #expect(throws: Failed(words)) { try harbor.query(contract, #"{"store":{"key":"a","value":"b"}}"#) }
    #expect(harbor.world.storage[contract] ?? [:] == [:])
  }

  @Test("has what failed undone, and is told of it when it asks")
  func replies() throws {
    let (harbor, contract) = try Self.started()
    let inner = Base64.encode([UInt8](#"{"store_and_fail":{"key":"a"}}"#.utf8))
    let message = """
      {"send_with_reply":{"reply_on":"always","id":7,"payload":{"x":1},"msg":{"wasm":{"execute":\
      {"contract_addr":"\(contract)","msg":"\(inner)","funds":[]}}}}}
      """
    try harbor.execute(contract, message, by: Self.alice)
    let note = try harbor.query(contract, #"{"note":{"key":"a"}}"#)
    #expect(note == .null)
    let replies = try harbor.query(contract, #"{"replies":{}}"#)
    #expect(replies[0]?["result"]?["error"]?.string == "after a write")
    #expect(replies[0]?["payload"]?.string == "eyJ4IjoxfQ==")
    #expect(
      harbor.refusal(contract, message.replacing("always", with: "success"), by: Self.alice)
        == "after a write")
  }
}
