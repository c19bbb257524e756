#!/usr/bin/env python3
"""Makes Tests/Vectors/keys/signatures.json: keys, addresses and deterministic signatures.

secp256k1 by eth-keys' own arithmetic in Python (RFC 6979 nonces, low s), not by libsecp256k1; Ed25519 by cryptography.
"""
import hashlib
import json
import pathlib
import random

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_keys import KeyAPI
from eth_keys.backends import NativeECCBackend

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
api = KeyAPI(NativeECCBackend())
rng = random.Random(6979)


def x(raw):
    return "0x" + bytes(raw).hex()


def secp256k1(name, secret, digest):
    key = api.PrivateKey(secret)
    signature = api.ecdsa_sign(digest, key)
    assert signature.s <= ORDER // 2
    compact = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big")
    return {
        "name": name, "secret": x(secret), "public": x(key.public_key.to_compressed_bytes()),
        "address": x(key.public_key.to_canonical_address()), "digest": x(digest),
        "signature": x(compact), "v": 27 + signature.v,
    }


def ed25519(name, secret, message):
    key = Ed25519PrivateKey.from_private_bytes(secret)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"name": name, "secret": x(secret), "public": x(public), "message": x(message), "signature": x(key.sign(message))}


cases = []
for scalar in [1, 2, 3, ORDER // 2, ORDER // 2 + 1, ORDER - 2, ORDER - 1]:
    secret = scalar.to_bytes(32, "big")
    for text in ["Satoshi Nakamoto", "All those moments will be lost in time, like tears in rain. Time to die..."]:
        cases.append(secp256k1(f"{scalar:#x} {text[:3]}", secret, hashlib.sha256(text.encode()).digest()))
for digest in [bytes(32), b"\xff" * 32, ORDER.to_bytes(32, "big"), (ORDER - 1).to_bytes(32, "big")]:
    cases.append(secp256k1("edge digest " + digest.hex()[:8], rng.randbytes(32), digest))
for index in range(40):
    cases.append(secp256k1(f"random {index}", rng.randbytes(32), rng.randbytes(32)))
messages = [b"", b"\x72", b"causeway", rng.randbytes(1023)]
edwards = [ed25519(f"length {len(message)}", rng.randbytes(32), message) for message in messages]

path = ROOT / "Tests/Vectors/keys/signatures.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({
    "schema": "causeway.vectors.local-keys/1", "source": "tools/vectors/local_keys.py (eth-keys native, cryptography)",
    "cases": {
        "secp256k1": cases, "ed25519": edwards,
        "refused": [
            {"name": "zero", "secret": x(bytes(32)), "error": "range"},
            {"name": "the order", "secret": x(ORDER.to_bytes(32, "big")), "error": "range"},
            {"name": "above the order", "secret": x(b"\xff" * 32), "error": "range"},
            {"name": "31 bytes", "secret": x(b"\x01" * 31), "error": "length"},
            {"name": "33 bytes", "secret": x(b"\x01" * 33), "error": "length"},
            {"name": "no bytes", "secret": "0x", "error": "length"},
        ],
    },
}, indent=1) + "\n")
print(path, len(cases), len(edwards))
