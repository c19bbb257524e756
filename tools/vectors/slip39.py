#!/usr/bin/env python3
"""Makes Tests/Vectors/threshold/slip39.json with PyPI's shamir-mnemonic, and checks shares that were made here with it.

    python3 -m venv venv && venv/bin/pip install shamir-mnemonic==0.3.0
    venv/bin/python tools/vectors/slip39.py                makes the file
    venv/bin/python tools/vectors/slip39.py check FILE     reads shares made by the tests (CAUSEWAY_SLIP39_OUT=FILE)

A line of FILE: secret in hex, TAB, passphrase, TAB, mnemonics with commas between them.
"""
import json
import pathlib
import random
import sys

from shamir_mnemonic import combine_mnemonics, generate_mnemonics, shamir
from shamir_mnemonic.shamir import _interpolate, RawShare

ROOT = pathlib.Path(__file__).resolve().parents[2]


def make():
    rng = random.Random(39)
    shamir.RANDOM_BYTES = rng.randbytes
    cases = []
    for size, threshold, groups, passphrase, extendable, exponent in [
        (16, 1, [(1, 1)], b"", True, 0), (16, 1, [(2, 3)], b"TREZOR", True, 0), (32, 1, [(3, 5)], b"", False, 0),
        (32, 2, [(2, 3), (1, 1), (3, 4)], b"two words", True, 0), (18, 1, [(2, 2)], b"", True, 1),
        (20, 2, [(1, 1), (1, 1), (1, 1)], b"~ !", False, 1), (24, 1, [(16, 16)], b"", True, 0),
        (64, 3, [(2, 2), (1, 1), (5, 6), (2, 3)], b"", True, 0), (32, 16, [(1, 1)] * 16, b"", False, 0),
        (34, 1, [(4, 7)], b"", True, 0), (48, 1, [(2, 16)], b"x" * 64, True, 2),
    ]:
        secret = rng.randbytes(size)
        made = generate_mnemonics(threshold, groups, secret, passphrase, extendable, exponent)
        chosen = rng.sample(range(len(groups)), threshold)
        used = [m for g in chosen for m in rng.sample(made[g], groups[g][0])]
        assert combine_mnemonics(used, passphrase) == secret
        cases.append({
            "name": f"{size} bytes, {threshold} of {groups}, exponent {exponent}, extendable {extendable}",
            "secret": "0x" + secret.hex(), "passphrase": passphrase.decode(), "mnemonics": used,
            "withoutPassphrase": "0x" + combine_mnemonics(used, b"").hex(),
        })
    products = []
    for _ in range(64):
        places = rng.sample(range(256), 3)
        values = [rng.randbytes(16) for _ in places]
        at = rng.randrange(256)
        products.append({
            "places": places, "values": ["0x" + v.hex() for v in values], "at": at,
            "value": "0x" + _interpolate([RawShare(p, v) for p, v in zip(places, values)], at).hex(),
        })
    path = ROOT / "Tests/Vectors/threshold/slip39.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({
        "schema": "causeway.vectors.slip39/1", "source": "tools/vectors/slip39.py (shamir-mnemonic 0.3.0)",
        "cases": {"shares": cases, "interpolations": products},
    }, indent=1) + "\n")
    print(path, len(cases), len(products))


def check(path):
    lines = pathlib.Path(path).read_text().splitlines()
    for line in lines:
        secret, passphrase, mnemonics = line.split("\t")
        assert combine_mnemonics(mnemonics.split(","), passphrase.encode()).hex() == secret, line
    print(len(lines), "sets of shares give their secrets")


if len(sys.argv) == 3 and sys.argv[1] == "check":
    check(sys.argv[2])
else:
    make()
