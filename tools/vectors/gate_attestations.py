#!/usr/bin/env python3
"""Writes Tests/Vectors/gate/attestations.json: digests by hashlib, signatures by coincurve and pycryptodome.

Needs: pip install coincurve eth_abi pycryptodome
"""
import hashlib
import json
import pathlib

import coincurve
from Crypto.Hash import keccak
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from eth_abi import encode

from gate_names import chain

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/gate"


def sha(raw):
    return hashlib.sha256(raw).digest()


def hexa(raw):
    return "0x" + raw.hex()


def u(size, number):
    return number.to_bytes(size, "big")


def short(raw):
    return u(1, len(raw)) + raw


def binding(origin, router, client):
    raw = chain(origin)
    return sha(short(b"causeway/attestation/v1") + u(2, len(raw)) + raw + short(router) + short(client.encode()))


def address(key):
    public = key.public_key.format(compressed=False)[1:]
    return keccak.new(digest_bits=256, data=public).digest()[12:]


KEYS = {n: coincurve.PrivateKey(u(32, n)) for n in range(1, 7)}
EDWARDS = ECC.construct(curve="Ed25519", seed=bytes(range(32)))


def sign(key, digest):
    raw = key.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([raw[64] + 27])


ORIGIN, ROUTER, CLIENT = "cosmos:demo-1", b"ibc", "client-0"
ROOT, OTHER = sha(b"root"), sha(b"other root")
PATHS = [sha(b"path %d" % n) for n in range(3)]

STATEMENTS = [
    ("state 10", 1, 0, 10, 1700000000, ROOT),
    ("state 10, other root", 1, 0, 10, 1700000000, OTHER),
    ("state 10, other time", 1, 0, 10, 1700000001, ROOT),
    ("state 11, earlier time", 1, 0, 11, 1699999999, ROOT),
    ("state 11", 1, 0, 11, 1700000005, OTHER),
    ("packets 10", 2, 0, 10, 1700000000, [(PATHS[0], sha(b"a")), (PATHS[1], bytes(32))]),
    ("packets 10, other value", 2, 0, 10, 1700000000, [(PATHS[1], sha(b"b"))]),
    ("packets 10, a path twice", 2, 0, 10, 1700000000, [(PATHS[0], bytes(32)), (PATHS[0], sha(b"a"))]),
    ("packets 10, none", 2, 0, 10, 1700000000, []),
    ("state with revision", 1, 7, 2**64 - 1, 4102444800, ROOT),
    ("state 0", 1, 0, 0, 1700000000, ROOT),
    ("state 10 at time 0", 1, 0, 10, 0, ROOT),
]


def statement(name, form, revision, height, seconds, rest):
    body = u(8, revision) + u(8, height) + u(8, seconds)
    case = {"name": name, "form": ["", "state", "packets"][form], "revision": revision, "height": str(height),
            "timestamp": seconds}
    if form == 1:
        body += rest
        case["root"] = hexa(rest)
    else:
        body += u(4, len(rest)) + b"".join(p + c for p, c in rest)
        case["entries"] = [{"path": hexa(p), "commitment": hexa(c)} for p, c in rest]
    digest = sha(u(1, form) + binding(ORIGIN, ROUTER, CLIENT) + sha(body))
    case["body"] = hexa(body)
    case["digest"] = hexa(digest)
    case["signatures"] = {str(n): hexa(sign(k, digest)) for n, k in KEYS.items()}
    case["ed25519"] = hexa(eddsa.new(EDWARDS, "rfc8032").sign(digest))
    return case


def policy_hash(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hexa(sha(b"causeway/policy/v1" + text.encode()))


def attested(keys, quorum, form="state", **extra):
    value = {
        "mode": "causeway", "form": form, "origin": ORIGIN, "router": hexa(ROUTER), "client": CLIENT,
        "quorum": quorum, "surplus": "allow", "unknownSigners": "refuse",
        "attesters": [{"suite": "secp256k1-address", "key": hexa(address(KEYS[n])), "weight": 1} for n in keys]}
    value.update(extra)
    return {"attested": value}


def policies():
    a, b = attested([1, 2, 3], 2), attested([4, 5, 6], 2)
    comet = {"cometbft": {
        "domain": ORIGIN, "chainId": "demo-1", "trustLevel": {"numerator": 1, "denominator": 3},
        "trustingPeriodSeconds": 1209600, "clockDriftSeconds": 10}}
    recipient = hexa(chain("eip155:1")[:-1] + short(bytes(range(20))))
    return [
        ("attested", a),
        ("with freshness", attested([1, 2, 3], 2, freshness={"ageMaxSeconds": 60, "driftMaxSeconds": 5})),
        ("all", {"all": [a, b]}), ("any", {"any": [a, b]}),
        ("threshold", {"threshold": {"required": 2, "of": [a, b, comet]}}),
        ("route by value", {"route": {"by": "value", "branches": [{"upTo": "1000", "policy": a}], "otherwise": b}}),
        ("route by recipient", {"route": {"by": "recipient", "branches": [{"is": recipient, "policy": b}]}}),
        ("route by age", {"route": {"by": "age", "branches": [{"upTo": 60, "policy": b}], "otherwise": a}}),
        ("delay", {"delay": {"above": "115792089237316195423570985008687907853269984665640564039457584007913129639935",
                             "seconds": 3600, "policy": a}}),
        ("cometbft", comet),
    ]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write("attestations.json", {
        "schema": "causeway.vectors.attestation/1", "source": "hashlib, coincurve 21.0.0, eth_abi 6.0.0, pycryptodome",
        "origin": ORIGIN, "router": hexa(ROUTER), "client": CLIENT,
        "bindingHash": hexa(binding(ORIGIN, ROUTER, CLIENT)),
        "attesters": [hexa(address(k)) for k in KEYS.values()],
        "ed25519": hexa(EDWARDS.public_key().export_key(format="raw")),
        "eurekaProofs": [
            {"attestation": hexa(a), "signatures": [hexa(s) for s in signatures],
             "encoded": hexa(encode(["(bytes,bytes[])"], [(a, signatures)]))}
            for a, signatures in [(b"\x01\x02\x03", [b"\x04\x05", b"\x06"]), (b"", []), (bytes(64), [bytes(65)] * 3)]],
        "cases": [statement(*s) for s in STATEMENTS]})
    write("policies.json", {
        "schema": "causeway.vectors.policy/1", "source": "json and hashlib of Python",
        "cases": [{"name": n, "policy": p, "hash": policy_hash(p)} for n, p in policies()]})


def write(name, value):
    (OUT / name).write_text(json.dumps(value, indent=1) + "\n")


main()
