#!/usr/bin/env python3
"""Writes Tests/Vectors/messages/eureka.json: what attesters of an Eureka client sign, by eth_abi and hashlib.

Needs: pip install eth_abi
"""
import hashlib
import json
import pathlib

from eth_abi import encode

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/messages"


def sha(raw):
    return hashlib.sha256(raw).digest()


def hexa(raw):
    return "0x" + raw.hex()


def signed(tag, attestation):
    return {"attestation": hexa(attestation), "digest": hexa(sha(bytes([tag]) + sha(attestation)))}


def state(height, seconds):
    return {"form": "state", "height": str(height), "timestamp": str(seconds)} | signed(
        1, encode(["uint64", "uint64"], [height, seconds]))


def packets(height, entries):
    return {
        "form": "packets", "height": str(height),
        "entries": [{"path": hexa(path), "commitment": hexa(commitment)} for path, commitment in entries],
    } | signed(2, encode(["(uint64,(bytes32,bytes32)[])"], [(height, entries)]))


def main():
    pair = (sha(b"path"), sha(b"commitment"))
    cases = [
        state(1, 1700000000), state(2**64 - 1, 2**64 - 1), state(0, 0), packets(7, []), packets(7, [pair]),
        packets(2**64 - 1, [pair, (sha(b"absent"), bytes(32)), pair]),
        packets(8, [(sha(b"%d" % n), sha(b"value %d" % n)) for n in range(40)]),
    ]
    text = json.dumps(
        {"schema": "causeway.vectors.eureka/1", "source": "eth_abi 6.0.0, hashlib", "cases": cases}, indent=1)
    (OUT / "eureka.json").write_text(text + "\n")


main()
