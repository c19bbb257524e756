#!/usr/bin/env python3
"""Makes Tests/Vectors/statetree/: roots and proofs of the sparse Merkle tree, computed from its definition.

Every root is computed from scratch over all keys of a version, and every proof by walking that recursion, with
hashlib alone; tools/ics23_check verifies each proof before it is written.
"""
import hashlib
import json
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "ics23_check"))
import ics23_check  # noqa: E402

EMPTY = bytes(32)


def sha(data):
    return hashlib.sha256(data).digest()


def bit(path, index):
    return path[index // 8] >> (7 - index % 8) & 1


def leaf(key, value):
    return sha(b"\x00" + sha(key) + sha(value))


def subtree(items, depth):
    """items: [(path, key, value)] that share `depth` bits, in order."""
    if not items:
        return EMPTY
    if len(items) == 1:
        return leaf(items[0][1], items[0][2])
    cut = next((i for i, item in enumerate(items) if bit(item[0], depth)), len(items))
    return sha(b"\x01" + subtree(items[:cut], depth + 1) + subtree(items[cut:], depth + 1))


def ordered(state):
    return sorted((sha(key), key, value) for key, value in state.items())


def root(state):
    return subtree(ordered(state), 0)


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data if data else b""


def existence(items, path):
    steps, depth = [], 0
    while len(items) > 1:
        cut = next((i for i, item in enumerate(items) if bit(item[0], depth)), len(items))
        halves = items[:cut], items[cut:]
        side = bit(path, depth)
        other = subtree(halves[1 - side], depth + 1)
        steps.append((b"\x01" + other, b"") if side else (b"\x01", other))
        items, depth = halves[side], depth + 1
    _, key, value = items[0]
    out = field(1, key) + field(2, value) + field(3, bytes.fromhex("0801100118012a0100"))
    for prefix, suffix in reversed(steps):
        out += field(4, b"\x08\x01" + field(2, prefix) + field(3, suffix))
    return out


def prove(state, key):
    items, path = ordered(state), sha(key)
    if key in state:
        return field(1, existence(items, path))
    left = max((item[0] for item in items if item[0] < path), default=None)
    right = min((item[0] for item in items if item[0] > path), default=None)
    out = field(1, key)
    if left is not None:
        out += field(2, existence(items, left))
    if right is not None:
        out += field(3, existence(items, right))
    return field(2, out)


def hexed(data):
    return "0x" + data.hex()


def alike(random_source, bits, count):
    """`count` keys whose hashed paths share their first `bits` bits."""
    target, found = None, []
    while len(found) < count:
        key = random_source.randbytes(9)
        head = int.from_bytes(sha(key)[:4], "big") >> (32 - bits)
        if target is None:
            target = head
        if head == target:
            found.append(key)
    return found


def history(name, seed, rounds, keys):
    source = random.Random(seed)
    state, commits, proofs = {}, [], []
    for version, size in enumerate(rounds, start=1):
        changes = {}
        for key in source.sample(keys, min(size, len(keys))):
            roll = source.random()
            if roll < 0.25 and (key in state or source.random() < 0.3):
                changes[key] = None
            elif roll < 0.35 and key in state:
                changes[key] = state[key]
            else:
                changes[key] = source.randbytes(source.choice([1, 8, 32, 100]))
        for key, value in changes.items():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        now = root(state)
        commits.append({
            "version": version, "root": hexed(now),
            "changes": [[hexed(k), None if v is None else hexed(v)] for k, v in sorted(changes.items())],
        })
        if not state:
            continue
        asked = source.sample(keys, min(6, len(keys))) + [source.randbytes(6) for _ in range(4)]
        for key in asked:
            proof = prove(state, key)
            ics23_check.check(now, key, state.get(key), proof)
            case = {"version": version, "key": hexed(key), "proof": hexed(proof)}
            case["value"] = hexed(state[key]) if key in state else None
            proofs.append(case)
    return {"name": name, "commits": commits, "proofs": proofs}


def main():
    source = random.Random(1)
    cases = [
        history("one key", 11, [1, 1, 1], [b"only"]),
        history("two keys", 12, [2, 1, 2, 2], [b"first", b"second"]),
        history("packet commitments", 13, [20, 10, 30, 5],
                [b"client-0\x01" + n.to_bytes(8, "big") for n in range(40)]),
        history("a few hundred keys", 14, [200, 150, 200], [source.randbytes(20) for _ in range(300)]),
        history("paths that share 16 bits", 15, [6, 4, 6, 3], alike(source, 16, 6)),
        history("one key inside the path of another", 16, [3, 2, 3, 3], alike(source, 18, 3)),
        history("deletions to nothing", 17, [3, 3, 3, 3, 3, 3], [b"a", b"b", b"c"]),
    ]
    # The last history ends empty.
    last = cases[-1]["commits"]
    last.append({"version": len(last) + 1, "root": hexed(EMPTY),
                 "changes": [[hexed(k), None] for k in (b"a", b"b", b"c")]})
    out = {
        "schema": "causeway/statetree/v1",
        "source": "tools/vectors/statetree.py: computed from the definition with hashlib; "
                  "proofs verified by tools/ics23_check/ics23_check.py",
        "cases": cases,
    }
    target = ROOT / "Tests" / "Vectors" / "statetree" / "histories.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(out, indent=1) + "\n")
    print(f"{target.relative_to(ROOT)}: {len(cases)} histories, "
          f"{sum(len(c['commits']) for c in cases)} commits, {sum(len(c['proofs']) for c in cases)} proofs")


if __name__ == "__main__":
    main()
