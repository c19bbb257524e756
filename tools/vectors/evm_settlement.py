#!/usr/bin/env python3
"""Makes Tests/Vectors/enclaves/evm-settlement.json: what the contracts of contracts/evm/enclaves hash, by remerkleable.

    python3 -m venv venv && venv/bin/pip install remerkleable==0.1.28
    venv/bin/python tools/vectors/evm_settlement.py
"""
import hashlib, json, pathlib, random

from remerkleable.basic import uint16, uint64, uint256
from remerkleable.byte_arrays import ByteList, Bytes32
from remerkleable.complex import Container, List

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors" / "enclaves"
CHAIN_ID = 31337
rng = random.Random(7)


class EnclaveKeys(Container):
    version: uint16
    domain: ByteList[64]
    operator: ByteList[64]
    program: Bytes32
    policy: Bytes32
    signingSuite: ByteList[64]
    signingKey: ByteList[2048]
    sealingSuite: uint16
    sealingKey: ByteList[2048]
    sequence: uint64
    anchorHeight: uint64
    anchorHash: Bytes32
    issued: uint64
    expires: uint64


class Coin(Container):
    denom: ByteList[128]
    amount: uint256


class Payout(Container):
    account: ByteList[64]
    coins: List[Coin, 8]


class Update(Container):
    version: uint16
    payouts: List[Payout, 256]
    stateBefore: Bytes32
    stateAfter: Bytes32


class Receipt(Container):
    version: uint16
    registration: Bytes32
    program: Bytes32
    policy: Bytes32
    case: Bytes32
    inputs: Bytes32
    update: Bytes32
    replies: Bytes32
    sequence: uint64
    previous: Bytes32
    time: uint64


class Token(Container):
    version: uint16
    case: Bytes32
    inputs: Bytes32
    registration: Bytes32
    attempt: uint64
    expires: uint64


def blob(n):
    return rng.randbytes(n)


def hexed(b):
    return "0x" + bytes(b).hex()


def S(b):
    return hashlib.sha256(b).digest()


def tag(text):
    return bytes([len(text)]) + text.encode()


def chain(number):
    raw = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    return b"\x00\x01\x00\x00" + bytes([len(raw)]) + raw + b"\x00"


def account(number, address):
    return chain(number)[:-1] + b"\x14" + address


DOMAIN = chain(CHAIN_ID)


def digest(name, root):
    return S(tag(name) + S(DOMAIN) + root)


def u64():
    return rng.choice([1, 255, 256, 2**32, 2**63, 2**64 - 1, rng.getrandbits(64)])


keys = []
for size in (1, 31, 32, 33, 64, 1216, 2047, 2048):
    # X25519 and X-Wing by their sizes, which the types in Swift check; the chain takes any.
    suite = {32: 1, 1216: 2}.get(size) or rng.choice([1, 2])
    issued, expires = sorted((u64(), rng.getrandbits(64)))
    operator = rng.choice([account(CHAIN_ID, blob(20)), b"\x00\x01\xca\x02\x0fcosmos:harbor-1\x14" + blob(20)])
    value = EnclaveKeys(
        version=1, domain=DOMAIN, operator=operator, program=blob(32), policy=blob(32), signingSuite=b"secp256k1-address",
        signingKey=blob(20), sealingSuite=suite, sealingKey=blob(size), sequence=u64(), anchorHeight=u64(),
        anchorHash=blob(32), issued=issued, expires=expires)
    root = bytes(value.hash_tree_root())
    keys.append({
        "operator": hexed(value.operator), "program": hexed(value.program), "policy": hexed(value.policy),
        "signer": hexed(value.signingKey), "sealingSuite": int(value.sealingSuite), "sealingKey": hexed(value.sealingKey),
        "sequence": int(value.sequence), "anchorHeight": int(value.anchorHeight), "anchorHash": hexed(value.anchorHash),
        "issued": int(value.issued), "expires": int(value.expires), "registration": hexed(root),
        "reportData": hexed(hashlib.sha512(tag("causeway/enclave-keys/v1") + root).digest())})

inputs = []
for count in (0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 127, 128, 255, 256):
    seed = blob(8)
    leaves = [S(seed + i.to_bytes(2, "big")) for i in range(count)]
    inputs.append({"count": count, "seed": hexed(seed), "root": hexed(List[Bytes32, 256](leaves).hash_tree_root())})

updates = []
for count in (0, 1, 2, 3, 5, 8, 17, 256):
    token, seed, before, after = blob(20), blob(8), blob(32), blob(32)
    # Accounts and amounts from the seed, so that the file stays short.
    payouts = [(S(seed + i.to_bytes(2, "big"))[:20], int.from_bytes(S(b"amount" + seed + i.to_bytes(2, "big"))[:12], "big"))
               for i in range(count)]
    value = Update(
        version=1, stateBefore=before, stateAfter=after,
        payouts=[Payout(account=account(CHAIN_ID, a), coins=[Coin(denom=hexed(token).encode(), amount=n)]) for a, n in payouts])
    updates.append({"count": count, "token": hexed(token), "seed": hexed(seed), "before": hexed(before), "after": hexed(after),
                    "root": hexed(value.hash_tree_root())})

receipts = []
for sequence in (1, 2, 255, 256, 2**32, 2**64 - 1):
    fields = {name: blob(32) for name in ("registration", "program", "policy", "case", "inputs", "update", "replies", "previous")}
    if sequence == 1:
        fields["previous"] = bytes(32)
    numbers = {"sequence": sequence, "time": u64()}
    root = Receipt(version=1, **fields, **numbers).hash_tree_root()
    receipts.append({**{k: hexed(v) for k, v in fields.items()}, **numbers,
                     "digest": hexed(digest("causeway/receipt/v1", bytes(root)))})

tokens = []
for _ in range(6):
    fields = {name: blob(32) for name in ("case", "inputs", "registration")}
    numbers = {"attempt": u64(), "expires": u64()}
    root = Token(version=1, **fields, **numbers).hash_tree_root()
    tokens.append({**{k: hexed(v) for k, v in fields.items()}, **numbers,
                   "digest": hexed(digest("causeway/token/v1", bytes(root)))})

cases = []
for number in (0, 1, 2**32, 2**64 - 1):
    raw = tag("causeway/case/v1") + len(DOMAIN).to_bytes(2, "big") + DOMAIN + number.to_bytes(8, "big")
    cases.append({"number": str(number), "id": hexed(S(raw))})

OUT.mkdir(parents=True, exist_ok=True)
(OUT / "evm-settlement.json").write_text(json.dumps({
    "schema": "causeway-vectors/evm-settlement/1",
    "source": "remerkleable 0.1.28 and hashlib; tools/vectors/evm_settlement.py",
    "chainId": CHAIN_ID, "keys": keys, "inputs": inputs, "updates": updates, "receipts": receipts, "tokens": tokens,
    "cases": cases,
}, indent=1) + "\n")
