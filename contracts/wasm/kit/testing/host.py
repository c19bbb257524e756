"""A little chain that runs contracts in wasmtime: for a contract's own tests.

    from host import Chain, Refused, account, coin

    chain = Chain()
    contract = chain.instantiate("build/mine.wasm", {"owner": None}, by=account("alice"))
    chain.execute(contract, {"do": {}}, by=account("alice"), funds=[coin(5, "stake")])
    assert chain.query(contract, {"what": {}}) == {...}

It has accounts, coins, calls, replies, and packets that were sent (`chain.packets`); it has no gas but a bound on
instructions. What a refused call did is undone. Needs the `wasmtime` package alone.
"""
import base64, copy, hashlib, json, struct

import wasmtime

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class Refused(Exception):
    """The words of a contract, or of this chain."""


def _polymod(values):
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for index, generator in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            if top >> index & 1:
                state ^= generator
    return state


def _expand(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(groups, wide, narrow, pad):
    held = bits = 0
    out = []
    for group in groups:
        held = (held << wide | group) & 0xFFFFFF
        bits += wide
        while bits >= narrow:
            bits -= narrow
            out.append(held >> bits & ((1 << narrow) - 1))
    if pad and bits:
        out.append(held << (narrow - bits) & ((1 << narrow) - 1))
    return out


def bech32(prefix, raw):
    words = _regroup(raw, 8, 5, True)
    sum_ = _polymod(_expand(prefix) + words + [0] * 6) ^ 1
    return prefix + "1" + "".join(ALPHABET[w] for w in words + [sum_ >> 5 * (5 - i) & 31 for i in range(6)])


def address_bytes(text):
    if text != text.lower() or "1" not in text:
        raise ValueError("no address")
    prefix, _, rest = text.rpartition("1")
    if any(c not in ALPHABET for c in rest):
        raise ValueError("no address")
    words = [ALPHABET.index(c) for c in rest]
    if _polymod(_expand(prefix) + words) != 1:
        raise ValueError("wrong checksum")
    return bytes(_regroup(words[:-6], 5, 8, False))


def account(name, size=20):
    """An account by a name of your choice."""
    return bech32("cause", hashlib.sha256(name.encode()).digest()[:size])


def coin(amount, denom):
    return {"denom": denom, "amount": str(amount)}


def base64_json(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def protobuf(raw):
    """Fields by number: lists of integers and bytes."""
    fields, place = {}, 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = raw[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(raw):
        tag = number()
        if tag & 7 == 0:
            fields.setdefault(tag >> 3, []).append(number())
        else:
            size = number()
            fields.setdefault(tag >> 3, []).append(raw[place : place + size])
            place += size
    return fields


class Chain:
    INSTRUCTIONS = 100_000_000

    def __init__(self, chain_id="harbor-1"):
        config = wasmtime.Config()
        config.consume_fuel = True
        # What CosmWasm chains do not take is not taken here.
        config.wasm_bulk_memory = False
        config.wasm_simd = False
        config.wasm_relaxed_simd = False
        self.engine = wasmtime.Engine(config)
        self.chain_id, self.height, self.seconds = chain_id, 10, 1_700_000_000
        self.modules, self.codes, self.storage, self.coins, self.sequences = {}, {}, {}, {}, {}
        self.packets, self.instances, self.instructions, self.depth = [], 0, 0, 0

    # Coins

    def balance(self, who, denom):
        return self.coins.get((who, denom), 0)

    def mint(self, who, amount, denom):
        self.coins[who, denom] = self.balance(who, denom) + amount

    def _move(self, source, target, coins):
        for each in coins:
            amount = int(each["amount"])
            if self.balance(source, each["denom"]) < amount:
                raise Refused("insufficient funds")
            self.coins[source, each["denom"]] -= amount
            self.mint(target, amount, each["denom"])

    # Calls

    def instantiate(self, wasm, message, by, funds=()):
        if wasm not in self.modules:
            self.modules[wasm] = wasmtime.Module.from_file(self.engine, wasm)
        self.instances += 1
        contract = account(f"{self.chain_id}/contract/{self.instances}", 32)

        def body():
            self.codes[contract] = wasm
            self._move(by, contract, funds)
            info = {"sender": by, "funds": list(funds)}
            self._dispatch(contract, self._call(contract, "instantiate", info, message))
            return contract

        return self._undoing(body)

    def execute(self, contract, message, by, funds=()):
        """The bytes that the contract answers, or None; Refused when it says no."""
        return self._undoing(lambda: self._execute(contract, message, by, list(funds)))

    def query(self, contract, message):
        return json.loads(base64.b64decode(self._call(contract, "query", message)))

    def settled(self, contract, message):
        """`ibc_source_callback`."""
        return self._undoing(lambda: self._dispatch(contract, self._call(contract, "ibc_source_callback", message)))

    def _undoing(self, body):
        names = ("codes", "storage", "coins", "sequences", "packets")
        before = {name: copy.deepcopy(getattr(self, name)) for name in names}
        try:
            return body()
        except Refused:
            for name in names:
                setattr(self, name, before[name])
            raise

    def _execute(self, contract, message, by, funds):
        self._move(by, contract, funds)
        if contract not in self.codes:
            raise Refused("no such contract")
        return self._dispatch(contract, self._call(contract, "execute", {"sender": by, "funds": funds}, message))

    def _dispatch(self, contract, response):
        answer = base64.b64decode(response["data"]) if response.get("data") else None
        for each in response["messages"]:
            try:
                result, good = self._undoing(lambda: self._send(contract, each["msg"])), True
            except Refused as refusal:
                result, good = str(refusal), False
            if not good and each["reply_on"] in ("never", "success"):
                raise Refused(result)
            if each["reply_on"] not in ("always", "success" if good else "error"):
                continue
            told = {"error": result}
            if good:
                value = base64.b64encode(result).decode()
                told = {"ok": {"events": [], "data": None, "msg_responses": [{"type_url": "/answer", "value": value}]}}
            reply = {"id": each["id"], "payload": each["payload"], "gas_used": 0, "result": told}
            later = self._dispatch(contract, self._call(contract, "reply", reply))
            answer = answer if later is None else later
        return answer

    def _send(self, contract, message):
        if "bank" in message:
            self._move(contract, message["bank"]["send"]["to_address"], message["bank"]["send"]["amount"])
            return b""
        if "wasm" in message:
            call = message["wasm"]["execute"]
            inner = json.loads(base64.b64decode(call["msg"]))
            answer = self._execute(call["contract_addr"], inner, contract, call["funds"])
            return b"\x0a" + varint(len(answer)) + answer if answer else b""
        if message.get("any", {}).get("type_url") == "/ibc.core.channel.v2.MsgSendPacket":
            fields = protobuf(base64.b64decode(message["any"]["value"]))
            client = fields[1][0].decode()
            self.sequences[client] = self.sequences.get(client, 0) + 1
            payloads = [protobuf(each) for each in fields[3]]
            self.packets.append(
                {"client": client, "sequence": self.sequences[client], "timeout": fields[2][0], "payloads": payloads}
            )
            return b"\x08" + varint(self.sequences[client])
        raise Refused("unknown message")

    def _ask(self, request):
        try:
            if "bank" in request:
                asked = request["bank"]["balance"]
                answer = {"amount": coin(self.balance(asked["address"], asked["denom"]), asked["denom"])}
            else:
                asked = request["wasm"]["smart"]
                if asked["contract_addr"] not in self.codes:
                    return {"error": {"no_such_contract": {"addr": asked["contract_addr"]}}}
                answer = self.query(asked["contract_addr"], json.loads(base64.b64decode(asked["msg"])))
        except KeyError:
            return {"error": {"unsupported_request": {"kind": "unknown"}}}
        except Refused as refusal:
            return {"ok": {"error": str(refusal)}}
        return {"ok": {"ok": base64_json(answer)}}

    def _call(self, contract, entry, *arguments):
        if self.depth > 10:
            raise Refused("max call depth exceeded")
        store = wasmtime.Store(self.engine)
        store.set_fuel(self.INSTRUCTIONS)
        entries = self.storage.setdefault(contract, {})
        iterators, guest = [], {}

        def read(region):
            offset, capacity, length = struct.unpack("<III", guest["memory"].read(store, region, region + 12))
            assert offset and length <= capacity, "a bad region"
            return bytes(guest["memory"].read(store, offset, offset + length))

        def fill(region, raw):
            offset, capacity, _ = struct.unpack("<III", guest["memory"].read(store, region, region + 12))
            assert len(raw) <= capacity, "a region that is too small"
            guest["memory"].write(store, raw, offset)
            guest["memory"].write(store, struct.pack("<I", len(raw)), region + 8)

        def give(raw):
            region = guest["allocate"](store, len(raw))
            assert region, "no memory"
            fill(region, raw)
            return region

        def db_read(key):
            value = entries.get(read(key))
            return 0 if value is None else give(value)

        def db_write(key, value):
            assert entry != "query", "a write in a query"
            entries[read(key)] = read(value)

        def db_remove(key):
            assert entry != "query", "a write in a query"
            entries.pop(read(key), None)

        def db_scan(start, end, order):
            low, high = read(start) if start else b"", read(end) if end else None
            keys = sorted(k for k in entries if k >= low and (high is None or k < high))
            iterators.append([(k, entries[k]) for k in (keys if order == 1 else reversed(keys))])
            return len(iterators)

        def db_next(iterator):
            left = iterators[iterator - 1]
            key, value = left.pop(0) if left else (b"", b"")
            return give(key + struct.pack(">I", len(key)) + value + struct.pack(">I", len(value)))

        def addr_validate(text):
            try:
                address_bytes(read(text).decode())
                return 0
            except ValueError as error:
                return give(str(error).encode())

        def addr_canonicalize(text, target):
            try:
                fill(target, address_bytes(read(text).decode()))
                return 0
            except ValueError as error:
                return give(str(error).encode())

        def abort(words):
            raise Refused(f"aborted: {read(words).decode()}")

        imports = {
            "db_read": db_read, "db_write": db_write, "db_remove": db_remove, "db_scan": db_scan, "db_next": db_next,
            "addr_validate": addr_validate, "addr_canonicalize": addr_canonicalize, "abort": abort,
            "query_chain": lambda request: give(json.dumps(self._ask(json.loads(read(request)))).encode()),
            "debug": lambda words: print("contract:", read(words).decode()),
        }  # fmt: skip
        module = self.modules[self.codes[contract]]
        functions = [wasmtime.Func(store, each.type, imports[each.name]) for each in module.imports]
        guest.update(wasmtime.Instance(store, module, functions).exports(store))
        if entry not in guest:
            raise Refused(f"Missing export {entry}")
        env = {
            "block": {"height": self.height, "time": str(self.seconds * 10**9), "chain_id": self.chain_id},
            "transaction": {"index": 0},
            "contract": {"address": contract},
        }
        self.depth += 1
        try:
            regions = [give(json.dumps(each).encode()) for each in (env, *arguments)]
            result = json.loads(read(guest[entry](store, *regions)))
        except (wasmtime.WasmtimeError, wasmtime.Trap, AssertionError, ValueError) as error:
            raise Refused(f"trap: {error}") from error
        finally:
            self.depth -= 1
            self.instructions = self.INSTRUCTIONS - store.get_fuel()
        if "error" in result:
            raise Refused(result["error"])
        return result["ok"]
