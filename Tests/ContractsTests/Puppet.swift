import ContractHost
import Contracts
import Digests
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

/// wasmtime and an engine, made once for all tests; nil when the library is not installed.
enum TestEngine {
  static let library: WasmtimeLibrary? = try? WasmtimeLibrary.find()
  static let shared: ContractEngine? = library.flatMap { try? ContractEngine(library: $0) }
  static let absent: Comment = "wasmtime's library is not installed: run script/setup"
  static var isThere: Bool { shared != nil }

  static func engine() throws -> ContractEngine { try #require(shared) }

  static func assemble(_ text: String) throws -> [UInt8] {
    try ContractEngine.assemble(text, with: try #require(library))
  }
}

/// Contracts in text, made for these tests by hand.
enum WAT {
  /// Memory, an allocator that never frees, and regions.
  static func module(imports: String = "", _ body: String) -> String {
    """
    (module
      \(imports)
      (memory (export "memory") 4)
      (func (export "interface_version_8"))
      (func (export "deallocate") (param i32))
      (global $heap (mut i32) (i32.const 65536))
      (func $allocate (export "allocate") (param $n i32) (result i32) (local $p i32) (local $end i32)
        (local.set $p (global.get $heap))
        (local.set $end (i32.and (i32.add (i32.add (local.get $p) (i32.const 15)) (local.get $n)) (i32.const -4)))
        (block $fits (loop $more
          (br_if $fits (i32.le_u (local.get $end) (i32.shl (memory.size) (i32.const 16))))
          (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 0))))
          (br $more)))
        (i32.store (local.get $p) (i32.add (local.get $p) (i32.const 12)))
        (i32.store offset=4 (local.get $p) (local.get $n))
        (i32.store offset=8 (local.get $p) (i32.const 0))
        (global.set $heap (local.get $end))
        (local.get $p))
      (func $region (param $n i32) (result i32) (local $p i32)
        (local.set $p (call $allocate (local.get $n)))
        (i32.store offset=8 (local.get $p) (local.get $n))
        (local.get $p))
      ;; A region over bytes that are there already.
      (func $over (param $at i32) (param $n i32) (result i32) (local $p i32)
        (local.set $p (call $allocate (i32.const 0)))
        (i32.store (local.get $p) (local.get $at))
        (i32.store offset=4 (local.get $p) (local.get $n))
        (i32.store offset=8 (local.get $p) (local.get $n))
        (local.get $p))
      (func $length (param $r i32) (result i32) (i32.load offset=8 (local.get $r)))
      (func $byte (param $r i32) (param $i i32) (result i32)
        (i32.load8_u (i32.add (i32.load (local.get $r)) (local.get $i))))
      (func $part (param $r i32) (param $from i32) (param $n i32) (result i32)
        (call $over (i32.add (i32.load (local.get $r)) (local.get $from)) (local.get $n)))
      \(body))
    """
  }

  static let database = """
    (import "env" "db_read" (func $db_read (param i32) (result i32)))
    (import "env" "db_write" (func $db_write (param i32 i32)))
    (import "env" "query_chain" (func $query_chain (param i32) (result i32)))
    """

  static let nothing = #"{"ok":{"messages":[],"attributes":[],"events":[],"data":null}}"#
  static let basic = #"{"ok":{"messages":[],"attributes":[],"events":[]}}"#
  static let receipt = #"{"ok":{"acknowledgement":"AQ==","messages":[],"attributes":[],"events":[]}}"#

  /// Texts at fixed places, each as an expression that gives a region over it.
  struct Texts {
    private var next = 1_024
    private(set) var segments = ""

    mutating func region(_ text: String) -> String {
      let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      let count = text.utf8.count
      defer { next += count }
      segments += "(data (i32.const \(next)) \"\(escaped)\")\n"
      return "(call $over (i32.const \(next)) (i32.const \(count)))"
    }
  }

  /// A contract that does what it is told: its message is its answer.
  ///
  /// - `execute` counts itself under `c`, and answers with what lies under `s`, or with its message. A message `[x]` puts
  ///   x under `s`; `[[x]]` asks the chain x and puts the answer under `a`.
  /// - `query` answers with its message; `[x]` asks the chain x and answers what it answers, `[]` asks what lies under `s`.
  /// - `reply` counts itself under `d`, keeps the reply under `last`, and answers with the payload, with what lies under
  ///   `s`, or with nothing.
  /// - Everything else keeps its message under its own name, and answers with what lies under `s`, or with nothing.
  static func puppet(version: UInt64? = nil, ibc: Bool = false, migrateInfo: Bool = true) -> String {
    var texts = Texts()
    let (c, d, s, a) = (texts.region("c"), texts.region("d"), texts.region("s"), texts.region("a"))
    let last = texts.region("last")
    let (ok, basic, receipt) = (texts.region(nothing), texts.region(basic), texts.region(receipt))
    var kept = ""
    var names = [
      "ibc_source_callback", "ibc_destination_callback", "ibc2_packet_send", "ibc2_packet_receive",
      "ibc2_packet_ack", "ibc2_packet_timeout", "sudo",
    ]
    if ibc {
      names += [
        "ibc_channel_open", "ibc_channel_connect", "ibc_channel_close", "ibc_packet_receive",
        "ibc_packet_ack",
        "ibc_packet_timeout",
      ]
    }
    for name in names {
      let usual = name == "sudo" ? ok : name.hasSuffix("receive") ? receipt : basic
      kept += """
        (func (export "\(name)") (param $env i32) (param $msg i32) (result i32)
          (call $db_write \(texts.region(name)) (local.get $msg))
          (call $script \(usual)))
        """
    }
    let migrate = texts.region("migrate")
    let information = migrateInfo ? "(param $info i32)" : ""
    let custom = version.map { "(@custom \"cw_migrate_version\" \"\($0)\")" } ?? ""
    let body = """
      (func $count (param $key i32) (local $old i32) (local $new i32)
        (local.set $new (call $region (i32.const 4)))
        (local.set $old (call $db_read (local.get $key)))
        (i32.store (i32.load (local.get $new)) (i32.add (i32.const 1)
          (if (result i32) (local.get $old) (then (i32.load (i32.load (local.get $old)))) (else (i32.const 0)))))
        (call $db_write (local.get $key) (local.get $new)))
      (func $script (param $usual i32) (result i32) (local $r i32)
        (local.set $r (call $db_read \(s)))
        (if (result i32) (local.get $r) (then (local.get $r)) (else (local.get $usual))))
      (func (export "instantiate") (param $env i32) (param $info i32) (param $msg i32) (result i32) (local.get $msg))
      (func (export "execute") (param $env i32) (param $info i32) (param $msg i32) (result i32) (local $n i32)
        (local.set $n (call $length (local.get $msg)))
        (if (i32.eq (call $byte (local.get $msg) (i32.const 0)) (i32.const 0x5b)) (then
          (if (i32.eq (call $byte (local.get $msg) (i32.const 1)) (i32.const 0x5b))
            (then (call $db_write \(a) (call $query_chain
              (call $part (local.get $msg) (i32.const 2) (i32.sub (local.get $n) (i32.const 4))))))
            (else (call $db_write \(s)
              (call $part (local.get $msg) (i32.const 1) (i32.sub (local.get $n) (i32.const 2))))))
          (return \(ok))))
        (call $count \(c))
        (call $script (local.get $msg)))
      (func (export "query") (param $env i32) (param $msg i32) (result i32) (local $n i32) (local $a i32)
        (local.set $n (call $length (local.get $msg)))
        (if (i32.ne (call $byte (local.get $msg) (i32.const 0)) (i32.const 0x5b)) (then (return (local.get $msg))))
        (local.set $a (call $query_chain (if (result i32) (i32.eq (local.get $n) (i32.const 2))
          (then (call $db_read \(s)))
          (else (call $part (local.get $msg) (i32.const 1) (i32.sub (local.get $n) (i32.const 2)))))))
        ;; What stands inside {"ok":…}.
        (call $part (local.get $a) (i32.const 6) (i32.sub (call $length (local.get $a)) (i32.const 7))))
      (func $sextet (param $b i32) (result i32)
        (if (i32.eq (local.get $b) (i32.const 43)) (then (return (i32.const 62))))
        (if (i32.eq (local.get $b) (i32.const 47)) (then (return (i32.const 63))))
        (if (i32.lt_u (local.get $b) (i32.const 58)) (then (return (i32.add (local.get $b) (i32.const 4)))))
        (if (i32.lt_u (local.get $b) (i32.const 91)) (then (return (i32.sub (local.get $b) (i32.const 65)))))
        (i32.sub (local.get $b) (i32.const 71)))
      (func (export "reply") (param $env i32) (param $msg i32) (result i32)
        (local $i i32) (local $b i32) (local $held i32) (local $bits i32) (local $out i32) (local $n i32)
        (call $db_write \(last) (local.get $msg))
        (call $count \(d))
        ;; {"id":N,"payload":"…": the text begins twelve bytes from the first comma.
        (block $found (loop $search
          (br_if $found (i32.eq (call $byte (local.get $msg) (local.get $i)) (i32.const 0x2c)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $search)))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (local.set $out (call $region (call $length (local.get $msg))))
        (block $end (loop $next
          (local.set $b (call $byte (local.get $msg) (local.get $i)))
          (br_if $end (i32.or (i32.eq (local.get $b) (i32.const 0x22)) (i32.eq (local.get $b) (i32.const 0x3d))))
          (local.set $held (i32.or (i32.shl (local.get $held) (i32.const 6)) (call $sextet (local.get $b))))
          (local.set $bits (i32.add (local.get $bits) (i32.const 6)))
          (if (i32.ge_u (local.get $bits) (i32.const 8)) (then
            (local.set $bits (i32.sub (local.get $bits) (i32.const 8)))
            (i32.store8 (i32.add (i32.load (local.get $out)) (local.get $n))
              (i32.shr_u (local.get $held) (local.get $bits)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next)))
        (if (i32.eqz (local.get $n)) (then (return (call $script \(ok)))))
        (i32.store offset=8 (local.get $out) (local.get $n))
        (local.get $out))
      (func (export "migrate") (param $env i32) (param $msg i32) \(information) (result i32)
        (call $db_write \(migrate) (local.get \(migrateInfo ? "$info" : "$msg")))
        (local.get $msg))
      \(kept)
      \(texts.segments)
      \(custom)
      """
    return module(imports: database, body)
  }

  /// `execute` and `query` run for ever; `instantiate` answers with its message.
  static let spinner = module(
    """
    (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
    (func (export "execute") (param i32 i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))
    (func (export "query") (param i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))
    """)

  /// `execute` traps; `query` writes; `reply` answers with no JSON; `sudo` answers with a region out of memory.
  static let broken = module(
    imports: database,
    """
    (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
    (func (export "execute") (param i32 i32 i32) (result i32) unreachable)
    (func (export "query") (param i32 i32) (result i32)
      (call $db_write (local.get 1) (local.get 1)) (local.get 1))
    (func (export "migrate") (param i32 i32) (result i32) (call $over (i32.const 0x7fffff00) (i32.const 64)))
    (func (export "sudo") (param i32 i32) (result i32) (call $over (i32.const 2048) (i32.const 4)))
    (data (i32.const 2048) "junk")
    """)

  /// `execute` takes an address as a JSON string, and keeps under `v` what `addr_validate` says of it, or `valid`, and
  /// under `h` the address written anew from its bytes, where it has any.
  static let checker = module(
    imports: """
      (import "env" "db_write" (func $db_write (param i32 i32)))
      (import "env" "addr_validate" (func $addr_validate (param i32) (result i32)))
      (import "env" "addr_canonicalize" (func $addr_canonicalize (param i32 i32) (result i32)))
      (import "env" "addr_humanize" (func $addr_humanize (param i32 i32) (result i32)))
      """,
    """
    (data (i32.const 1024) "{\\"ok\\":{\\"messages\\":[],\\"attributes\\":[],\\"events\\":[],\\"data\\":null}}")
    (data (i32.const 2048) "vhvalid")
    (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
    (func (export "execute") (param $env i32) (param $info i32) (param $msg i32) (result i32)
      (local $text i32) (local $said i32) (local $bytes i32) (local $human i32)
      (local.set $text (call $part (local.get $msg) (i32.const 1)
        (i32.sub (call $length (local.get $msg)) (i32.const 2))))
      (local.set $said (call $addr_validate (local.get $text)))
      (call $db_write (call $over (i32.const 2048) (i32.const 1))
        (if (result i32) (local.get $said) (then (local.get $said))
          (else (call $over (i32.const 2050) (i32.const 5)))))
      (local.set $bytes (call $allocate (i32.const 64)))
      (if (i32.eqz (call $addr_canonicalize (local.get $text) (local.get $bytes))) (then
        (local.set $human (call $allocate (i32.const 128)))
        (if (i32.eqz (call $addr_humanize (local.get $bytes) (local.get $human))) (then
          (call $db_write (call $over (i32.const 2049) (i32.const 1)) (local.get $human))))))
      (call $over (i32.const 1024) (i32.const 62)))
    """)

  /// `execute` walks over its keys between the two of its message `["x","y"]`, against their order when the message ends
  /// with a blank, and answers with their first bytes as data of an event; it keeps what it is instantiated with nowhere.
  static let walker = module(
    imports: """
      (import "env" "db_read" (func $db_read (param i32) (result i32)))
      (import "env" "db_write" (func $db_write (param i32 i32)))
      (import "env" "db_scan" (func $db_scan (param i32 i32 i32) (result i32)))
      (import "env" "db_next_key" (func $db_next_key (param i32) (result i32)))
      """,
    """
    (data (i32.const 1024) "{\\"ok\\":{\\"messages\\":[],\\"attributes\\":[],\\"events\\":[],\\"data\\":null}}")
    (data (i32.const 2048) "abcdefghijklmnopqrstuvwxyz")
    (data (i32.const 3072) "~found")
    (func (export "instantiate") (param i32 i32 i32) (result i32) (local $i i32)
      (loop $l
        (call $db_write (call $over (i32.add (i32.const 2048) (local.get $i)) (i32.const 1))
          (call $over (i32.const 2048) (i32.const 3)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 26))))
      (local.get 2))
    (func (export "execute") (param $env i32) (param $info i32) (param $msg i32) (result i32)
      (local $walk i32) (local $key i32) (local $n i32)
      (local.set $walk (call $db_scan
        (call $part (local.get $msg) (i32.const 2) (i32.const 1))
        (call $part (local.get $msg) (i32.const 6) (i32.const 1))
        (i32.add (i32.const 1) (i32.eq (call $length (local.get $msg)) (i32.const 10)))))
      (block $end (loop $next
        (local.set $key (call $db_next_key (local.get $walk)))
        (br_if $end (i32.eqz (local.get $key)))
        (i32.store8 (i32.add (i32.const 4096) (local.get $n)) (call $byte (local.get $key) (i32.const 0)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next)))
      (call $db_write (call $over (i32.const 3072) (i32.const 6))
        (call $over (i32.const 4095) (i32.add (local.get $n) (i32.const 1))))
      (call $over (i32.const 1024) (i32.const 62)))
    """)
}

/// Answers of contracts, for messages that say what to answer.
enum Say {
  static func ok(
    _ messages: [SubMsg] = [], attributes: [ContractAttribute] = [], events: [ContractEvent] = [],
    bytes: [UInt8]? = nil
  ) -> [UInt8] {
    ContractResult<ContractResponse>.ok(
      ContractResponse(messages: messages, attributes: attributes, events: events, bytes: bytes)
    ).encoded()
  }

  static func error(_ text: String) -> [UInt8] { ContractResult<ContractResponse>.error(text).encoded() }

  static func execute(_ contract: AccountAddress, _ message: [UInt8], funds: [ContractCoin] = []) -> CosmosMsg
  {
    .wasm(.execute(contract: contract.text, message: message, funds: funds))
  }

  static func coin(_ amount: UInt64, _ token: String = "ucause") -> ContractCoin {
    ContractCoin(denomination: token, amount: UInt256(amount))
  }

  static func send(_ amount: UInt64, _ token: String = "ucause", to account: AccountAddress) -> CosmosMsg {
    .bank(.send(to: account.text, amount: [ContractCoin(denomination: token, amount: UInt256(amount))]))
  }

  static func json(_ bytes: [UInt8]) throws -> JSONValue { try JSONValue(decoding: bytes) }
}
