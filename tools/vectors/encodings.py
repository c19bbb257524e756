#!/usr/bin/env python3
"""Makes Tests/Vectors/encodings/*.json with independent libraries.

    python3 -m venv venv && venv/bin/pip install cbor2==6.2.1 base58==2.1.1 bech32==1.2.0 rlp==5.0.0 \
        eth_abi==6.0.0 remerkleable==0.1.28
    venv/bin/python tools/vectors/encodings.py
"""
import base64, json, pathlib, random

import base58, bech32, cbor2, rlp
from eth_abi import encode as abi_encode
from eth_abi.packed import encode_packed
from remerkleable.basic import boolean, uint8, uint16, uint64, uint256
from remerkleable.bitfields import Bitlist, Bitvector
from remerkleable.byte_arrays import ByteList, Bytes4, Bytes32, ByteVector
from remerkleable.complex import Container, List, Vector
from remerkleable.tree import gindex_bit_iter

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors" / "encodings"
rng = random.Random(20240)


def hexed(b):
    return "0x" + bytes(b).hex()


def write(name, source, cases):
    OUT.mkdir(parents=True, exist_ok=True)
    body = {"schema": f"encodings/{name}/1", "source": source, "cases": cases}
    (OUT / f"{name}.json").write_text(json.dumps(body, indent=1) + "\n")


def blob(n):
    return bytes(rng.randrange(256) for _ in range(n))


# --- UInt256: Python's own integers.
M = 1 << 256
edge = [0, 1, 2, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1, 1 << 64, (1 << 128) - 1, 1 << 128, 1 << 192, M // 2, M - 1]
pairs = [(a, b) for a in edge for b in edge[::3]] + [
    (rng.randrange(M), rng.randrange(1 << rng.choice([64, 128, 256]))) for _ in range(40)]
write("uint256", "Python integers", [
    {"name": f"{i}", "a": hexed(a.to_bytes(32, "big")), "b": hexed(b.to_bytes(32, "big")),
     "sum": hexed(((a + b) % M).to_bytes(32, "big")), "carry": a + b >= M,
     "difference": hexed(((a - b) % M).to_bytes(32, "big")), "borrow": a < b, "less": a < b,
     "factor": str(b % (1 << 64)), "product": hexed((a * (b % (1 << 64)) % M).to_bytes(32, "big")),
     "overflow": a * (b % (1 << 64)) >= M,
     "divisor": str(b % (1 << 64) or 1), "quotient": hexed((a // (b % (1 << 64) or 1)).to_bytes(32, "big")),
     "remainder": str(a % (b % (1 << 64) or 1)), "decimal": str(a)} for i, (a, b) in enumerate(pairs)])

# --- RLP: pyrlp.
def tree(depth):
    if depth == 0 or rng.random() < 0.5:
        return blob(rng.choice([0, 1, 1, 2, 32, 55, 56, 57, 300]))
    return [tree(depth - 1) for _ in range(rng.choice([0, 1, 3, 6]))]


def spell(item):
    return hexed(item) if isinstance(item, bytes) else [spell(i) for i in item]


write("rlp", "rlp 5.0.0 (pyrlp)", [
    {"name": f"{i}", "item": spell(t), "want": hexed(rlp.encode(t))} for i, t in
    enumerate([tree(4) for _ in range(40)])])

# --- ABI: eth_abi.
address = lambda: hexed(blob(20))
abi = [
    (["uint256", "uint32[]", "bytes10", "bytes"], [0x123, [0x456, 0x789], b"1234567890", b"Hello, world!"]),
    (["bytes", "bool", "uint256[]"], [b"dave", True, [1, 2, 3]]),
    (["bytes3[2]"], [[b"abc", b"def"]]),
    (["uint256[][]", "string[]"], [[[1, 2], [3]], ["one", "two", "three"]]),
    (["int8", "int64", "int256"], [-1, -(2 ** 63), 2 ** 255 - 1]),
    (["(address,uint256)[]", "bytes32"], [[(address(), 5), (address(), 2 ** 256 - 1)], blob(32)]),
    (["(uint64,(bytes,string)[2],bool)"], [(7, [(b"", ""), (blob(33), "é" * 20)], False)]),
    (["string", "bytes", "uint8[3]"], ["", b"", [0, 1, 255]]),
    (["(uint256,(uint256,address[])[])"], [(9, [(1, [address()]), (2, [])])]),
    (["bytes[]"], [[blob(n) for n in (0, 1, 31, 32, 33)]]),
    (["string[2][]"], [[["a", "b"], ["", "cc"]]]),
    (["uint256"], [0]), ([], []),
]


def arg(v):
    if isinstance(v, bool): return v
    if isinstance(v, bytes): return hexed(v)
    if isinstance(v, int): return str(v)
    if isinstance(v, (list, tuple)): return [arg(x) for x in v]
    return v


packed = [
    (["uint16", "bytes", "address", "bool", "string"], [0x42, b"ab", address(), True, "Hi"]),
    # No arrays: eth_abi does not pad their elements, Solidity does.
    (["bytes32", "uint256", "int24"], [blob(32), 5, -7]),
]
write("abi", "eth_abi 6.0.0", [
    {"name": f"encode {i}", "types": t, "arguments": arg(v), "want": hexed(abi_encode(t, v)), "packed": False}
    for i, (t, v) in enumerate(abi)] + [
    {"name": f"packed {i}", "types": t, "arguments": arg(v), "want": hexed(encode_packed(t, v)), "packed": True}
    for i, (t, v) in enumerate(packed)])

# --- CBOR: cbor2, canonical; its map order is by length first, so keys of one length are used.
values = [
    {1: -7, 4: b"key"}, {"a": [1, [2, {"b": None}]], "c": {}}, [2 ** 64 - 1, -(2 ** 64), 23, 24, 255, 256, 65535, 65536],
    cbor2.CBORTag(18, [b"\xa1\x01\x38\x22", {}, blob(40), blob(96)]), [0.0, -0.0, 1.5, 65504.0, 100000.0, 1.1, 5.960464477539063e-08],
    [float("inf"), float("-inf"), 3.4028234663852886e+38, 1e300, 1.401298464324817e-45, 2.2250738585072014e-308],
    ["", "é" * 20, "x" * 300], [b"", blob(23), blob(24), blob(300)], [True, False, None, cbor2.undefined],
    {k: k for k in range(0, 24)}, [[[[[[]]]]]], [cbor2.CBORSimpleValue(16), cbor2.CBORSimpleValue(255)],
]
write("cbor", "cbor2 6.2.1, canonical=True", [
    {"name": f"{i}", "want": hexed(cbor2.dumps(v, canonical=True))} for i, v in enumerate(values)])

# --- base 58, base 64, Bech32.
texts = [b"", b"\0", b"\0\0\0", b"\0\xff", b"Hello World!", blob(20), blob(21), blob(32), blob(64), b"\0\0" + blob(30)]
write("base", "base58 2.1.1, Python base64, bech32 1.2.0", [
    {"name": f"{i}", "bytes": hexed(b), "base58": base58.b58encode(b).decode(),
     "base58check": base58.b58encode_check(b).decode(), "base64": base64.b64encode(b).decode(),
     "base64url": base64.urlsafe_b64encode(b).decode().rstrip("="),
     "bech32": bech32.bech32_encode("cosmos", bech32.convertbits(b, 8, 5, True))} for i, b in enumerate(texts)])

# --- SSZ: remerkleable; the envelope of docs/spec, with its branches.
class Coin(Container):
    denom: ByteList[128]
    amount: uint256


class Call(Container):
    target: ByteList[64]
    funds: List[Coin, 8]
    gasLimit: uint64
    input: ByteList[131072]


class Attribute(Container):
    selector: Bytes4
    value: ByteList[4096]


class Envelope(Container):
    version: uint16
    calls: List[Call, 16]
    refundTo: ByteList[64]
    attributes: List[Attribute, 16]


class Committee(Container):
    pubkeys: Vector[ByteVector[48], 512]
    aggregate: ByteVector[48]
    bits: Bitvector[512]
    seen: Bitlist[2048]
    flags: List[boolean, 100]
    balances: List[uint64, 2 ** 40]


def call(k):
    return Call(target=blob(25), funds=[Coin(denom=b"uatom", amount=rng.randrange(M)) for _ in range(k)],
                gasLimit=rng.randrange(1 << 64), input=blob(100 * k))


def branch(view, gindex):
    node, siblings = view.get_backing(), []
    for right in gindex_bit_iter(gindex)[0]:
        siblings.append(node.get_left() if right else node.get_right())
        node = node.get_right() if right else node.get_left()
    return hexed(node.merkle_root()), [hexed(n.merkle_root()) for n in reversed(siblings)]


def ssz(name, kind, view, gindices):
    proofs = []
    for g in gindices:
        leaf, nodes = branch(view, g)
        proofs.append({"index": str(g), "leaf": leaf, "branch": nodes})
    return {"name": name, "type": kind, "serialized": hexed(view.encode_bytes()),
            "root": hexed(view.hash_tree_root()), "proofs": proofs}


envelopes = [
    Envelope(version=1, calls=[call(0)], refundTo=blob(25)),
    Envelope(version=1, calls=[call(k) for k in range(4)], refundTo=blob(60),
             attributes=[Attribute(selector=blob(4), value=blob(70)), Attribute(selector=blob(4))]),
    Envelope(),
]
committee = Committee(pubkeys=[blob(48) for _ in range(512)], aggregate=blob(48),
                      bits=[rng.random() < 0.7 for _ in range(512)], seen=[rng.random() < 0.5 for _ in range(777)],
                      flags=[True] * 37, balances=[rng.randrange(1 << 64) for _ in range(9)])
write("ssz", "remerkleable 0.1.28", [
    ssz(f"envelope {i}", "envelope", e, [4, 5, 6, 7, 10, 11, 12]) for i, e in enumerate(envelopes)] + [
    ssz("committee", "committee", committee, [8, 9, 10, 13, 8 * 512 + 77, (13 * 2) << 38, (13 * 2 << 38) + 1])])

# --- Varints: base 128, least significant group first.
def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n: return out


numbers = [1, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32 - 1, 2 ** 63, 2 ** 64 - 1, 300]
write("varint", "Python integers; protobuf encoding guide", [
    {"name": str(n), "value": str(n), "want": hexed(varint(n))} for n in numbers])
