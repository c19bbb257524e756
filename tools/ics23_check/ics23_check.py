#!/usr/bin/env python3
"""Verifies ICS-23 proofs under the sparse Merkle tree spec, with nothing but hashlib.

Written from the format's documents (cosmos/ics23 proto/cosmos/ics23/v1/proofs.proto and its rules) and sharing no
code with the Swift verifier, so that both can be held against each other.

usage: ics23_check.py CASES.json
  CASES: {"cases": [{"name", "root", "key", "value"?, "proof", "want"?: "accept" | "refuse"}]}, bytes as 0x-hex;
  without "value" the proof must show absence. Prints one line a case; exit code 1 when one is not as wanted.
"""
import hashlib
import json
import sys

EMPTY = bytes(32)


class Refused(Exception):
    pass


def sha(data):
    return hashlib.sha256(data).digest()


def fields(data):
    """(number, value) of a protobuf message; varints as int, byte strings as bytes."""
    at = 0

    def varint():
        nonlocal at
        shift = number = 0
        while True:
            if at >= len(data) or shift > 63:
                raise Refused("varint")
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 2:
            length = varint()
            if length > len(data) - at:
                raise Refused("length")
            yield tag >> 3, data[at:at + length]
            at += length
        else:
            raise Refused("wire type")


def existence(data):
    proof = {"key": b"", "value": b"", "leaf": None, "path": []}
    for number, value in fields(data):
        if number == 1:
            proof["key"] = value
        elif number == 2:
            proof["value"] = value
        elif number == 3:
            proof["leaf"] = dict(fields(value))
        elif number == 4:
            step = dict(fields(value))
            proof["path"].append((step.get(1, 0), step.get(2, b""), step.get(3, b"")))
        else:
            raise Refused("field")
    return proof


def root_of(proof):
    # SHA256 of prefix 00, hashed key, hashed value; no lengths.
    if proof["leaf"] != {1: 1, 2: 1, 3: 1, 5: b"\x00"}:
        raise Refused("leaf")
    if not proof["key"] or not proof["value"]:
        raise Refused("empty key or value")
    if len(proof["path"]) > 256:
        raise Refused("depth")
    digest = sha(b"\x00" + sha(proof["key"]) + sha(proof["value"]))
    for hash_op, prefix, suffix in proof["path"]:
        if hash_op != 1 or prefix[:1] != b"\x01" or (len(prefix), len(suffix)) not in ((1, 32), (33, 0)):
            raise Refused("inner step")
        digest = sha(prefix + digest + suffix)
    return digest


def is_right(step):
    return len(step[1]) == 33


def sibling(step):
    return step[1][1:] if is_right(step) else step[2]


def edge(path, right):
    """Nothing stands beyond the path on that side: each step is on that side, or its sibling there is empty."""
    return all(is_right(step) == right or sibling(step) == EMPTY for step in path)


def check(root, key, value, encoded):
    shapes = list(fields(encoded))
    if len(shapes) != 1:
        raise Refused("shape")
    number, inner = shapes[0]
    if value is not None:
        if number != 1:
            raise Refused("kind")
        proof = existence(inner)
        if proof["key"] != key or proof["value"] != value:
            raise Refused("key or value")
        if root_of(proof) != root:
            raise Refused("root")
        return
    if number != 2:
        raise Refused("kind")
    sides = dict(fields(inner))
    left, right = (existence(sides[n]) if n in sides else None for n in (2, 3))
    if left is None and right is None:
        raise Refused("no neighbours")
    for side in (left, right):
        if side is not None and root_of(side) != root:
            raise Refused("root")
    if left is not None and not sha(left["key"]) < sha(key):
        raise Refused("left key")
    if right is not None and not sha(key) < sha(right["key"]):
        raise Refused("right key")
    if left is None:
        if not edge(right["path"], right=False):
            raise Refused("not leftmost")
    elif right is None:
        if not edge(left["path"], right=True):
            raise Refused("not rightmost")
    else:
        one, two = left["path"][::-1], right["path"][::-1]
        common = 0
        while common < min(len(one), len(two)) and one[common] == two[common]:
            common += 1
        if common >= len(one) or common >= len(two):
            raise Refused("paths do not part")
        if is_right(one[common]) or not is_right(two[common]):
            raise Refused("not adjacent")
        if not edge(one[common + 1:], right=True) or not edge(two[common + 1:], right=False):
            raise Refused("something between")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 2
    cases = json.load(open(sys.argv[1]))["cases"]
    unhex = lambda text: bytes.fromhex(text.removeprefix("0x"))
    wrong = 0
    for case in cases:
        try:
            value = case.get("value")
            check(unhex(case["root"]), unhex(case["key"]), None if value is None else unhex(value), unhex(case["proof"]))
            verdict, why = "accept", ""
        except Refused as refusal:
            verdict, why = "refuse", str(refusal)
        want = case.get("want", "accept")
        wrong += verdict != want
        print(f"{'ok' if verdict == want else 'WRONG'}  {case['name']}: {verdict} {why}".rstrip())
    print(f"{len(cases)} cases, {wrong} not as wanted")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
