import ContractHost
import Encodings
import Messages
import TestSupport
import Testing

@Suite("Kit: parameters and breaker", .enabled(if: Bench.isReady, Bench.absence))
struct GovernanceTests {
  private static let alice = MiniDomain.account("alice")
  private static let bob = MiniDomain.account("bob")

  private static func across(_ address: String) -> String {
    #"{"across":{"client":"client-7","domain":"cosmos:harbor-1","address":"\#(address)"}}"#
  }

  private static func lane(_ contract: String, _ deadline: UInt64) -> String {
    """
    "client":"client-0","domain":"cosmos:island-1","destination_client":"client-7","contract":"\(contract)",\
    "deadline":\(deadline)
    """
  }

  @Test("parameters follow their governor alone, here and from another domain")
  func parameters() throws {
    let harbor = MiniDomain("harbor-1")
    let island = MiniDomain("island-1")
    let here = try harbor.instantiate(
      "parameters", #"{"changes":[{"name":"fee","value":"30"}]}"#, by: Self.alice)
    let there = try island.instantiate(
      "parameters", #"{"governor":\#(Self.across(here))}"#, by: Self.alice)
    let set = #"{"set":{"changes":[{"name":"fee","value":"31"},{"name":"cap","value":"9"}],"version":0}}"#
    #expect(harbor.refusal(here, set, by: Self.bob) == "Unauthorized")
    #expect(island.refusal(there, set, by: Self.alice) == "Unauthorized")
    #expect(try harbor.execute(here, set, by: Self.alice) == #"{"version":1}"#)
    #expect(
      harbor.refusal(here, set, by: Self.alice) == "these changes are for version 0, and this is 1")
    try harbor.execute(here, #"{"set":{"changes":[{"name":"cap"}]}}"#, by: Self.alice)
    #expect(
      try harbor.query(here, #"{"values":{}}"#)
        == json(#"{"values":[{"name":"fee","value":"31"}],"version":2}"#))

    let changes = #""changes":[{"name":"pause","value":"yes"}],"version":0"#
    let message = #"{"set_across":{\#(Self.lane(there, harbor.seconds + 60)),\#(changes)}}"#
    #expect(harbor.refusal(here, message, by: Self.bob) == "Unauthorized")
    for _ in 0..<2 { try harbor.execute(here, message, by: Self.alice) }
    for packet in harbor.world.packets {
      if let results = try island.receive(packet) {
        try harbor.settle(packet, .acknowledged(results))
      } else {
        try harbor.settle(packet, .refused)
      }
    }
    #expect(harbor.callbackFailures == [])
    #expect(try island.query(there, #"{"value":{"name":"pause"}}"#) == json(#"{"value":"yes"}"#))
    // The second one was for a version that was over.
    for (sequence, state) in [(1, "done"), (2, "failed")] {
      let crossing = try harbor.query(here, #"{"crossing":{"client":"client-0","sequence":\#(sequence)}}"#)
      #expect(crossing["state"]?.string == state)
    }
  }

  @Test("a governor hands over, and is governor no more")
  func handOver() throws {
    let harbor = MiniDomain("harbor-1")
    let store = try harbor.instantiate("parameters", "{}", by: Self.alice)
    try harbor.execute(store, #"{"hand_over":{"governor":{"account":"\#(Self.bob)"}}}"#, by: Self.alice)
    let set = #"{"set":{"changes":[{"name":"a","value":"1"}]}}"#
    #expect(harbor.refusal(store, set, by: Self.alice) == "Unauthorized")
    try harbor.execute(store, set, by: Self.bob)
    #expect(harbor.refusal(store, #"{"set":{"changes":[]}}"#, by: Self.bob) == "no changes")
    #expect(
      harbor.refusal(store, #"{"set":{"changes":[{"name":"","value":"1"}]}}"#, by: Self.bob)
        == "a name has 1 to 64 bytes")
    let long = String(repeating: "x", count: 4097)
    #expect(
      harbor.refusal(store, #"{"set":{"changes":[{"name":"a","value":"\#(long)"}]}}"#, by: Self.bob)
        == "a value has at most 4096 bytes")
  }

  @Test("a breaker is tripped from another domain, and reset by its owner after a while")
  func breaker() throws {
    let harbor = MiniDomain("harbor-1")
    let island = MiniDomain("island-1")
    let here = try harbor.instantiate("breaker", "{}", by: Self.alice)
    let there = try island.instantiate(
      "breaker", #"{"trippers":[\#(Self.across(here))],"cool_down_seconds":100}"#, by: Self.bob)
    #expect(island.refusal(there, #"{"trip":{"reason":"x"}}"#, by: Self.alice) == "Unauthorized")
    let message = #"{"trip_across":{"reason":"fire",\#(Self.lane(there, harbor.seconds + 600))}}"#
    #expect(harbor.refusal(here, message, by: Self.bob) == "Unauthorized")
    try harbor.execute(here, message, by: Self.alice)
    let packet = harbor.world.packets[0]
    try harbor.settle(packet, .acknowledged(try #require(try island.receive(packet))))
    #expect(harbor.callbackFailures == [])
    let status = try island.query(there, #"{"status":{}}"#)
    #expect(status["tripped"]?.boolean == true && status["trip"]?["reason"]?.string == "fire")
    #expect(
      try harbor.query(here, #"{"crossing":{"client":"client-0","sequence":1}}"#)["state"]?.string == "done")
    // Tripping again keeps the first reason; a stranger resets nothing, and the owner not yet.
    try island.execute(there, #"{"trip":{"reason":"later"}}"#, by: Self.bob)
    #expect(try island.query(there, #"{"status":{}}"#) == status)
    #expect(island.refusal(there, #"{"reset":{}}"#, by: Self.alice) == "Unauthorized")
    #expect(
      island.refusal(there, #"{"reset":{}}"#, by: Self.bob) == "may be reset from \(island.seconds + 100) on")
    island.seconds += 100
    try island.execute(there, #"{"reset":{}}"#, by: Self.bob)
    #expect(island.refusal(there, #"{"reset":{}}"#, by: Self.bob) == "not tripped")
    try island.execute(there, #"{"remove_tripper":{"tripper":\#(Self.across(here))}}"#, by: Self.bob)
    try harbor.execute(here, message, by: Self.alice)
    #expect(try island.receive(harbor.world.packets[1]) == nil)
  }
}
