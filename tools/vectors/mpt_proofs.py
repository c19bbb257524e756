#!/usr/bin/env python3
"""Makes Tests/Vectors/mpt/trie_proofs.json: roots and proofs of random tries by py-trie.

Needs: pip install trie rlp "eth-hash[pycryptodome]"
The tries are small and their keys are not hashed, so that nodes of fewer than 32 bytes are embedded often, keys are
prefixes of each other, and every way for a path to leave the trie occurs. py-trie lists proof nodes as go-ethereum does
not: an embedded node is repeated as an element of its own, which is the OP Stack's convention. The go-ethereum form is
the same list without the elements that are embedded.
"""

import json
import pathlib
import random

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/mpt/trie_proofs.json"


def hexed(value):
    return "0x" + value.hex()


def encoded_proof(trie, key):
    return [rlp.encode(node) for node in trie.get_proof(key)]


def make_trie(source, count, key_max, value_max, alphabet):
    entries = {}
    trie = HexaryTrie(db={}, prune=False)
    for _ in range(count):
        key = bytes(source.choice(alphabet) for _ in range(source.randint(1, key_max)))
        value = bytes(source.randint(1, 255) for _ in range(source.randint(1, value_max)))
        entries[key] = value
        trie[key] = value
    for key in sorted(entries):
        if source.random() < 0.15:
            entries[key] = b""
            del trie[key]
    return trie, entries


def main():
    source = random.Random(20260101)
    shapes = [
        (1, 3, 4, [0x11, 0x12]),
        (6, 2, 2, [0x11, 0x12, 0x21]),
        (10, 4, 3, [0x00, 0x01, 0x10, 0x11]),
        (12, 3, 40, [0x00, 0x0F, 0xF0, 0xFF]),
        (30, 3, 6, list(range(0, 256, 17))),
        (60, 5, 60, [0x00, 0x01, 0x02, 0x20, 0x21]),
    ]
    tries = []
    for number, (count, key_max, value_max, alphabet) in enumerate(shapes * 2):
        trie, entries = make_trie(source, count, key_max, value_max, alphabet)
        asked = sorted(entries)
        asked = source.sample(asked, min(len(asked), 8))
        for _ in range(6):
            asked.append(bytes(source.choice(alphabet + [0x55]) for _ in range(source.randint(1, key_max + 1))))
        proofs = []
        for key in asked:
            repeated = encoded_proof(trie, key)
            plain = [node for place, node in enumerate(repeated) if place == 0 or len(node) >= 32]
            value = entries.get(key, b"")
            proofs.append(
                {
                    "key": hexed(key),
                    "want": hexed(value) if value else "absent",
                    "geth": [hexed(node) for node in plain],
                    "optimism": [hexed(node) for node in repeated],
                }
            )
        tries.append(
            {
                "name": f"trie {number}",
                "entries": [[hexed(key), hexed(value)] for key, value in entries.items()],
                "root": hexed(trie.root_hash),
                "proofs": proofs,
            }
        )
        assert trie.root_hash == keccak(rlp.encode(trie.root_node.raw)) or not any(entries.values())
    document = {
        "schema": "causeway.mpt.trie_proofs/1",
        "source": "py-trie, by tools/vectors/mpt_proofs.py",
        "cases": tries,
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n")


main()
