#!/usr/bin/env python3
"""Writes Tests/Vectors/signing-rules/rules.json: what a signer signs and writes, by hashlib, json and pyca/cryptography.

Protobuf is put together by hand here, after cometbft's canonical.proto and the Cosmos SDK's tx.proto.

Needs: pip install cryptography
"""
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/signing-rules"


def sha(raw):
    return hashlib.sha256(raw).digest()


def hexa(raw):
    return "0x" + raw.hex()


def u(size, number):
    return number.to_bytes(size, "big")


def short(raw):
    return u(1, len(raw)) + raw


# protobuf

def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """Defaults are left out, as proto3 does."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value if value else b""


def fixed(number, value):
    return varint(number << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def message(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def block_id(name):
    return field(1, sha(name)) + message(2, field(1, 3) + field(2, sha(name + b" parts")))


def vote_bytes(kind, height, round_, block, seconds, nanos, chain):
    raw = field(1, kind) + fixed(2, height) + fixed(3, round_)
    if block:
        raw += message(4, block_id(block))
    raw += message(5, field(1, seconds) + field(2, nanos)) + field(6, chain.encode())
    return varint(len(raw)) + raw


VOTES = [
    ("precommit for a block", 2, 10, 1, b"block", 1_700_000_000, 5, "demo-1"),
    ("precommit for none", 2, 10, 1, None, 1_700_000_000, 5, "demo-1"),
    ("prevote of round 0", 1, 1, 0, b"block", 1_700_000_000, 0, "demo-1"),
]


def transaction():
    key = sha(b"account")
    any_key = field(1, b"/cosmos.crypto.ed25519.PubKey") + field(2, field(1, key))
    body = message(1, field(1, b"/demo.MsgA") + field(2, b"one")) + message(1, field(1, b"/demo.MsgB"))
    body += field(2, b"memo") + field(3, 99)
    info = message(1, field(1, any_key) + message(2, message(1, field(1, 1))) + field(3, 7))
    info += message(2, message(1, field(1, b"stake") + field(2, b"150")) + field(2, 200_000))
    doc = field(1, body) + field(2, info) + field(3, b"demo-1") + field(4, 4)
    return {"key": hexa(key), "signBytes": hexa(doc)}


KEY, OTHER = sha(b"key"), sha(b"other key")
ROOT = sha(b"root")
PATHS = sorted(sha(b"path %d" % n) for n in range(3))
ORIGIN = b"cosmos:demo-1"
# A call of the contract 0x7070… without value.
CALL = sha(u(1, 20) + b"\x70" * 20 + u(32, 0) + bytes([1, 2, 3, 4, 9]))

RECORDS = [
    ("state", u(1, 1) + u(1, 1) + KEY + u(1, 1) + short(ORIGIN) + u(8, 1) + u(8, 10) + u(1, 3)
     + u(8, 1_700_000_000) + ROOT + u(2, 0)),
    ("packets", u(1, 1) + u(1, 1) + KEY + u(1, 2) + short(ORIGIN) + u(8, 0) + u(8, 11) + u(1, 0)
     + u(2, 3) + b"".join(p + sha(p) for p in PATHS)),
    ("floor", u(1, 1) + u(1, 2) + KEY + u(1, 1) + short(ORIGIN) + u(8, 1) + u(8, 9) + u(1, 1)
     + u(8, 1_699_999_999)),
    ("origin", u(1, 1) + u(1, 3) + KEY + short(ORIGIN)),
    ("vote", u(1, 1) + u(1, 4) + KEY + short(b"demo-1") + u(8, 10) + u(4, 1) + u(1, 2)
     + sha(block_id(b"block")) + sha(vote_bytes(*VOTES[0][1:]))),
    ("lock", u(1, 1) + u(1, 5) + OTHER + u(1, 1)),
    ("call", u(1, 1) + u(1, 6) + KEY + u(8, 31337) + u(8, 7) + CALL),
    ("nonces", u(1, 1) + u(1, 7) + KEY + u(8, 31337) + u(8, 6)),
]

INTERCHANGE_RECORDS = [
    {"kind": "floor", "key": hexa(KEY), "purpose": "attestation", "origin": "cosmos:demo-1", "revision": "1",
     "height": "9", "time": "1699999999"},
    {"kind": "claim", "key": hexa(KEY), "purpose": "attestation", "origin": "cosmos:demo-1", "revision": "1",
     "height": "10", "time": "1700000000", "root": hexa(ROOT),
     "paths": [[hexa(p), hexa(sha(p))] for p in PATHS]},
    {"kind": "foreignOrigin", "key": hexa(OTHER), "origin": "cosmos:demo-1"},
    {"kind": "vote", "key": hexa(KEY), "chain": "demo-1", "height": "10", "round": "1", "type": "2",
     "block": hexa(sha(block_id(b"block"))), "signBytesHash": hexa(sha(vote_bytes(*VOTES[0][1:])))},
    {"kind": "nonceFloor", "key": hexa(KEY), "chain": "31337", "nonce": "6"},
    {"kind": "call", "key": hexa(KEY), "chain": "31337", "nonce": "7", "call": hexa(CALL)},
]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def interchange():
    content = {"format": "causeway/watermarks/1", "vault": hexa(sha(b"vault")), "epoch": "7",
               "records": INTERCHANGE_RECORDS}
    digest = sha(canonical(content).encode())
    return {"text": canonical(content | {"contentHash": hexa(digest)}), "contentHash": hexa(digest)}


def signer(name):
    return Ed25519PrivateKey.from_private_bytes(sha(name))


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


APPROVERS = [signer(b"approver %d" % n) for n in range(3)]


def policy():
    document = {
        "version": 1, "domain": "operator",
        "clients": [{
            "name": "attester-0", "key": hexa(public(signer(b"client"))),
            "peers": [{"uid": 1000}, {"spiffe": "spiffe://example.org/attester"}],
            "roles": ["sign", "observe"], "perMinute": 6000,
            "grants": [
                {"purpose": "attestation", "keys": [hexa(KEY)], "origins": ["cosmos:demo-1"]},
                {"purpose": "vote", "keys": [hexa(KEY)], "chains": ["demo-1"]},
                {"purpose": "transaction", "keys": [hexa(KEY)], "chains": ["demo-1"], "typeURLs": ["/demo.MsgA"],
                 "feeMax": [{"denom": "stake", "amount": "1000"}], "gasMax": 300000},
                {"purpose": "evmTransaction", "keys": [hexa(KEY)], "chains": ["eip155:1", "eip155:31337"],
                 "calls": [{"to": "0x" + "70" * 20, "selectors": ["0x01020304", "0x"]},
                           {"to": "any", "selectors": ["0x05060708"]}, {"to": "0x" + "71" * 20, "selectors": "any"}],
                 "makesContracts": False, "valueMax": "5", "gasMax": 1000000, "feePerGasMax": "100000000000",
                 "oneCallPerNonce": True},
            ]}],
        "keyLimits": [{"key": hexa(KEY), "purpose": p, "perMinute": 6000}
                      for p in ("attestation", "vote", "transaction", "evmTransaction")],
        "approvers": {"threshold": 2, "keys": [hexa(public(k)) for k in APPROVERS], "delaySeconds": 3600,
                      "expirySeconds": 86400},
        "alarms": {"rate": {"factor": 4, "floorPerMinute": 600, "action": "note"},
                   "newPurpose": {"action": "note"}, "unknownClient": {"action": "note"},
                   "hours": {"fromMinute": 360, "toMinute": 1320, "action": "lock"},
                   "refusals": {"perMinute": 60, "action": "lock"}},
    }
    return {"text": canonical(document), "contentHash": hexa(sha(canonical(document).encode()))}


def approvals():
    vault = sha(b"vault")
    in_force = sha(b"policy")
    at = 1_700_000_000_000

    def identify(change, vault=vault, policy=in_force, number=1, at=at, proposer="admin-0"):
        return sha(short(b"causeway/proposal/v2") + vault + policy + u(8, number) + u(8, at)
                   + short(proposer.encode()) + change)

    def case(name, change, **other):
        fields = {"vault": vault, "policy": in_force, "number": 1, "at": at, "proposer": "admin-0"} | other
        return {"name": name, "change": hexa(change), "identifier": hexa(identify(change, **fields)),
                **{k: hexa(v) if isinstance(v, bytes) else v for k, v in fields.items()}}

    root = sha(b"content")
    unlock = u(1, 6) + KEY
    rotate = u(1, 2) + KEY
    cases = [
        case("policy", u(1, 1) + root), case("rotate", rotate + u(8, 3600)), case("rotate", rotate + u(8, 3601)),
        case("export", u(1, 3) + KEY + root), case("export", u(1, 3) + KEY + sha(b"another")),
        case("destroy", u(1, 4) + KEY), case("revoke", u(1, 5) + KEY), case("unlock", unlock),
        case("adoptAnchor", u(1, 7) + root), case("importWatermarks", u(1, 8) + root), case("backup", u(1, 9) + root),
        case("unlock", unlock, vault=sha(b"another")), case("unlock", unlock, policy=sha(b"another")),
        case("unlock", unlock, number=2), case("unlock", unlock, at=at + 1),
        case("unlock", unlock, proposer="admin-1"),
    ]
    rotation = sha(short(b"causeway/approval/v1") + vault + identify(rotate + u(8, 3600)))
    identifier = identify(unlock)
    approval = sha(short(b"causeway/approval/v1") + vault + identifier)
    cancel = sha(short(b"causeway/cancel/v1") + vault + identifier)
    return {
        "vault": hexa(vault), "policy": hexa(in_force), "proposer": "admin-0", "at": at, "unlocks": hexa(KEY),
        "identifier": hexa(identifier), "approvalDigest": hexa(approval), "cancelDigest": hexa(cancel),
        "approvers": [{"key": hexa(public(k)), "approval": hexa(k.sign(approval)), "cancel": hexa(k.sign(cancel)),
                       "other": hexa(k.sign(sha(b"something else")))} for k in APPROVERS],
        "cases": cases, "rotation": {"overlapSeconds": 3600, "approval": hexa(APPROVERS[0].sign(rotation))},
        "stranger": {"key": hexa(public(signer(b"stranger"))),
                     "approval": hexa(signer(b"stranger").sign(approval))},
    }


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "rules.json").write_text(json.dumps({
    "schema": "causeway.vectors.signing-rules/1",
    "source": "tools/vectors/signing_rules.py: hashlib, json, pyca/cryptography",
    "votes": [{"name": n, "signBytes": hexa(vote_bytes(*v))} for n, *v in VOTES],
    "transaction": transaction(),
    "records": [{"name": n, "bytes": hexa(b)} for n, b in RECORDS],
    "interchange": interchange(),
    "policy": policy(),
    "approvals": approvals(),
}, indent=1) + "\n")
