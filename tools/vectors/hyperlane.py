"""Makes Tests/Vectors/hyperlane/modules.json: messages, metadata and security modules, with the contracts' answers.

The rules are those of hyperlane-monorepo solidity/contracts/isms at f0f8a56c, written again here on eth-keys and
pycryptodome; weighted and aggregation modules are in no public corpus:
    python3 tools/vectors/hyperlane.py
"""

import json
import pathlib

from Crypto.Hash import keccak
from eth_keys import keys

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OUT = pathlib.Path(__file__).parents[2] / "Tests/Vectors/hyperlane/modules.json"
TOTAL_WEIGHT = 10**10


class Refused(Exception):
    pass


def digest(data):
    return keccak.new(digest_bits=256, data=data).digest()


VALIDATORS = [keys.PrivateKey(digest(b"causeway test validator %d" % i)) for i in range(6)]
ADDRESSES = [k.public_key.to_canonical_address() for k in VALIDATORS]
HOOK = bytes(12) + b"\x22" * 20


def message(nonce=3, origin=1, body=b"hello"):
    return (
        b"\x03" + nonce.to_bytes(4, "big") + origin.to_bytes(4, "big") + bytes(12) + b"\x11" * 20
        + (10).to_bytes(4, "big") + bytes(12) + b"\x33" * 20 + body
    )


def checkpoint(origin, hook, root, index, identifier):
    domain = digest(origin.to_bytes(4, "big") + hook + b"HYPERLANE")
    inner = digest(domain + root + index.to_bytes(4, "big") + identifier)
    return digest(b"\x19Ethereum Signed Message:\n32" + inner)


def sign(validator, hashed):
    signature = VALIDATORS[validator].sign_msg_hash(hashed).to_bytes()
    return signature[:64] + bytes([signature[64] + 27])


def tree(leaves):
    zero, layers = bytes(32), [list(leaves)]
    for _ in range(32):
        layer = layers[-1]
        layers.append([
            digest(layer[i] + (layer[i + 1] if i + 1 < len(layer) else zero)) for i in range(0, len(layer), 2)
        ])
        zero = digest(zero + zero)
    return layers


def branch(layers, index):
    zero, path = bytes(32), []
    for layer in layers[:32]:
        path.append(layer[index ^ 1] if index ^ 1 < len(layer) else zero)
        index >>= 1
        zero = digest(zero + zero)
    return path


def branch_root(leaf, path, index):
    for level, sibling in enumerate(path):
        leaf = digest(sibling + leaf) if index >> level & 1 else digest(leaf + sibling)
    return leaf


def recover(hashed, signature):
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if s > N // 2:
        raise Refused("highS")
    if v not in (27, 28) or not 0 < r < N or s == 0:
        raise Refused("invalidSignature")
    try:
        public = keys.Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(hashed)
    except Exception:
        raise Refused("invalidSignature") from None
    return public.to_canonical_address()


def signed_part(kind, raw, metadata):
    origin, identifier = int.from_bytes(raw[5:9], "big"), digest(raw)
    if kind == "messageId":
        if len(metadata) < 68:
            raise Refused("metadata")
        index = int.from_bytes(metadata[64:68], "big")
        return checkpoint(origin, metadata[:32], metadata[32:64], index, identifier), metadata[68:]
    if len(metadata) < 1096:
        raise Refused("metadata")
    leaf, index = int.from_bytes(metadata[32:36], "big"), int.from_bytes(metadata[1092:1096], "big")
    if leaf > index:
        raise Refused("merkleIndex")
    path = [metadata[68 + 32 * i: 100 + 32 * i] for i in range(32)]
    root = branch_root(identifier, path, leaf)
    return checkpoint(origin, metadata[:32], root, index, metadata[36:68]), metadata[1096:]


def verify(module, raw, metadata):
    kind = module["type"]
    if kind in ("messageId", "merkleRoot"):
        hashed, signatures = signed_part(kind, raw, metadata)
        members = [bytes.fromhex(v[2:]) for v in module["validators"]]
        if module["threshold"] == 0:
            raise Refused("noThreshold")
        cursor = 0
        for i in range(module["threshold"]):
            if len(signatures) < 65 * (i + 1):
                raise Refused("metadata")
            signer = recover(hashed, signatures[65 * i: 65 * i + 65])
            while cursor < len(members) and members[cursor] != signer:
                cursor += 1
            if cursor == len(members):
                raise Refused("threshold")
            cursor += 1
    elif kind in ("weightedMessageId", "weightedMerkleRoot"):
        hashed, signatures = signed_part(kind.replace("weightedM", "m"), raw, metadata)
        wanted = module["thresholdWeight"]
        if not 0 < wanted <= TOTAL_WEIGHT:
            raise Refused("thresholdWeight")
        if len(signatures) % 65:
            raise Refused("signaturesLength")
        members = module["validators"]
        bound, cursor, weight, i = min(len(members), len(signatures) // 65), 0, 0, 0
        while weight < wanted and i < bound:
            signer = recover(hashed, signatures[65 * i: 65 * i + 65])
            while cursor < bound and bytes.fromhex(members[cursor]["address"][2:]) != signer:
                cursor += 1
            if cursor >= bound:
                raise Refused("invalidSigner")
            weight += members[cursor]["weight"]
            cursor += 1
            i += 1
        if weight < wanted:
            raise Refused("insufficientWeight")
    elif kind == "aggregation":
        left = module["threshold"]
        for i, inner in enumerate(module["modules"]):
            if len(metadata) < 8 * i + 8:
                raise Refused("metadata")
            start = int.from_bytes(metadata[8 * i: 8 * i + 4], "big")
            end = int.from_bytes(metadata[8 * i + 4: 8 * i + 8], "big")
            if start == 0:
                continue
            if start > end or end > len(metadata):
                raise Refused("aggregationRange")
            verify(inner, raw, metadata[start:end])
            if left == 0:
                raise Refused("tooManyModules")
            left -= 1
        if left:
            raise Refused("tooFewModules")
    elif kind == "routing":
        inner = module["domains"].get(str(int.from_bytes(raw[5:9], "big")), module.get("fallback"))
        if inner is None:
            raise Refused("noRoute")
        verify(inner, raw, metadata)


def main():
    cases = []

    def add(name, module, raw, metadata):
        case = {"name": name, "message": "0x" + raw.hex(), "metadata": "0x" + metadata.hex(), "ism": module}
        try:
            verify(module, raw, metadata)
            case["want"] = "0x" + digest(raw).hex()
        except Refused as refusal:
            case["error"] = str(refusal)
        cases.append(case)

    def multisig(kind, members, threshold):
        return {"type": kind, "validators": ["0x" + ADDRESSES[m].hex() for m in members], "threshold": threshold}

    def weighted(kind, weights, threshold):
        return {
            "type": kind, "thresholdWeight": threshold,
            "validators": [{"address": "0x" + ADDRESSES[m].hex(), "weight": w} for m, w in weights],
        }

    raw = message()
    root, index = digest(b"root"), 9

    def by_id(signers, raw=raw, root=root):
        hashed = checkpoint(int.from_bytes(raw[5:9], "big"), HOOK, root, index, digest(raw))
        return HOOK + root + index.to_bytes(4, "big") + b"".join(sign(s, hashed) for s in signers)

    three = multisig("messageId", [0, 1, 2], 2)
    for name, signers in [
        ("2 of 3, first two", [0, 1]), ("2 of 3, outer two", [0, 2]), ("2 of 3, last two", [1, 2]),
        ("2 of 3 in the wrong order", [1, 0]), ("2 of 3, one twice", [1, 1]), ("2 of 3, an outsider", [0, 3]),
        ("2 of 3, an outsider after the quorum", [0, 1, 3]), ("1 signature of 2", [0]),
    ]:
        add(name, three, raw, by_id(signers))
    add("threshold 0", multisig("messageId", [0], 0), raw, by_id([0]))
    add("threshold above the validators", multisig("messageId", [0], 2), raw, by_id([0, 1]))
    add("a validator listed twice signs twice", multisig("messageId", [0, 0], 2), raw, by_id([0, 0]))
    add("metadata of 67 bytes", three, raw, by_id([0, 1])[:67])
    add("last signature short", three, raw, by_id([0, 1])[:-1])
    add("another message", three, message(nonce=4), by_id([0, 1]))

    def edited(offset, value):
        metadata = bytearray(by_id([0, 1]))
        metadata[offset:offset + len(value)] = value
        return bytes(metadata)

    first_s = int.from_bytes(by_id([0])[100:132], "big")
    first_v = by_id([0])[132]
    add("high s", three, raw, edited(100, (N - first_s).to_bytes(32, "big") + bytes([55 - first_v])))
    add("v 0", three, raw, edited(132, b"\x00"))
    add("r zero", three, raw, edited(68, bytes(32)))

    messages = [message(nonce=n) for n in range(5)]
    layers = tree([digest(m) for m in messages])
    signed_id, signed_index, signed_root = digest(messages[4]), 4, layers[32][0]

    def by_root(leaf, signers, signed_index=signed_index):
        hashed = checkpoint(1, HOOK, signed_root, signed_index, signed_id)
        return (
            HOOK + leaf.to_bytes(4, "big") + signed_id + b"".join(branch(layers, leaf))
            + signed_index.to_bytes(4, "big") + b"".join(sign(s, hashed) for s in signers)
        )

    rooted = multisig("merkleRoot", [0, 1, 2], 2)
    for leaf in range(5):
        add("leaf %d under the root of 5" % leaf, rooted, messages[leaf], by_root(leaf, [0, 2]))
    add("leaf 1 with the branch of leaf 2", rooted, messages[1], by_root(2, [0, 2]))
    add("leaf behind the signed index", rooted, messages[4], by_root(4, [0, 2], signed_index=3))
    add("metadata of 1095 bytes", rooted, messages[0], by_root(0, [])[:1095])

    half = TOTAL_WEIGHT // 2
    heavy = weighted("weightedMessageId", [(0, half), (1, half // 2), (2, half // 2)], half + 1)
    add("weights of the first two", heavy, raw, by_id([0, 1]))
    add("weights of all three", heavy, raw, by_id([0, 1, 2]))
    add("the search ends at the count of signatures", heavy, raw, by_id([0, 2]))
    add("weights, one twice", heavy, raw, by_id([0, 0]))
    add("weights, too little", heavy, raw, by_id([0]))
    add("weights, wrong order", heavy, raw, by_id([1, 0]))
    add("weights, signatures do not divide", heavy, raw, by_id([0, 1]) + b"\x00")
    add("weights, nothing to reach", weighted("weightedMessageId", [(0, half)], 0), raw, by_id([0]))
    add("weights, more than all", weighted("weightedMessageId", [(0, half)], TOTAL_WEIGHT + 1), raw, by_id([0]))
    light = weighted("weightedMerkleRoot", [(0, half), (1, half)], half)
    add("weights under a root", light, messages[2], by_root(2, [0]))

    def aggregate(blobs):
        header, rest, offset = b"", b"", 8 * len(blobs)
        for blob in blobs:
            if blob is None:
                header += bytes(8)
            else:
                header += offset.to_bytes(4, "big") + (offset + len(blob)).to_bytes(4, "big")
                rest += blob
                offset += len(blob)
        return header + rest

    inner = [multisig("messageId", [0], 1), multisig("messageId", [1], 1), multisig("messageId", [2], 1)]
    two = {"type": "aggregation", "modules": inner, "threshold": 2}
    one_two = [by_id([0]), by_id([1]), None]
    add("aggregation, first two", two, raw, aggregate(one_two))
    add("aggregation, outer two", two, raw, aggregate([by_id([0]), None, by_id([2])]))
    add("aggregation, too few", two, raw, aggregate([by_id([0]), None, None]))
    add("aggregation, one too many", two, raw, aggregate([by_id([0]), by_id([1]), by_id([2])]))
    add("aggregation, one of them wrong", two, raw, aggregate([by_id([0]), by_id([0]), None]))
    add("aggregation, header short", two, raw, aggregate(one_two)[:23])
    add("aggregation, range past the end", two, raw, aggregate(one_two)[:-1])
    add("aggregation, range backwards", two, raw, (99).to_bytes(4, "big") + (98).to_bytes(4, "big") + aggregate(one_two)[8:])
    add("aggregation of nothing with threshold 0", {"type": "aggregation", "modules": [], "threshold": 0}, raw, b"")

    routing = {"type": "routing", "domains": {"1": three, "2": multisig("messageId", [3], 1)}}
    other = message(origin=2)
    add("routed by origin 1", routing, raw, by_id([0, 1]))
    add("routed by origin 2", routing, other, by_id([3], raw=other))
    add("no route", routing, message(origin=7), by_id([3]))
    fallen = message(origin=7)
    add("fallback", dict(routing, fallback=multisig("messageId", [4], 1)), fallen, by_id([4], raw=fallen))
    nested = {"type": "aggregation", "threshold": 2, "modules": [routing, rooted]}
    add("an aggregation of a routing and a root", nested, messages[3],
        aggregate([by_id([0, 1], raw=messages[3]), by_root(3, [1, 2])]))

    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({
        "schema": "causeway.vectors.hyperlane-modules/1",
        "source": "tools/vectors/hyperlane.py, eth-keys and pycryptodome",
        "cases": cases,
    }, indent=1) + "\n")
    print(len(cases), "cases", sum("error" in c for c in cases), "refusals")


main()
