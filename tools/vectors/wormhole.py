"""Makes Tests/Vectors/wormhole/vaa.json: VAAs signed by throw-away guardians, and one case for each refusal.

The rules are those of wormhole ethereum/contracts/Messages.sol, written again here on eth-keys and pycryptodome:
    python3 tools/vectors/wormhole.py
"""

import json
import pathlib

from Crypto.Hash import keccak
from eth_keys import keys

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OUT = pathlib.Path(__file__).parents[2] / "Tests/Vectors/wormhole/vaa.json"


def digest(data):
    return keccak.new(digest_bits=256, data=data).digest()


GUARDIANS = [keys.PrivateKey(digest(b"causeway test guardian %d" % i)) for i in range(20)]
KEYS = [k.public_key.to_canonical_address() for k in GUARDIANS]


def body(payload=b"hello", sequence=7, emitter=b"\x11" * 32):
    return (
        (1_700_000_000).to_bytes(4, "big") + (42).to_bytes(4, "big") + (2).to_bytes(2, "big") + emitter
        + sequence.to_bytes(8, "big") + b"\x01" + payload
    )


def sign(guardian, content):
    return GUARDIANS[guardian].sign_msg_hash(digest(digest(content))).to_bytes()


def vaa(signatures, content, index=5, version=1):
    header = bytes([version]) + index.to_bytes(4, "big") + bytes([len(signatures)])
    return header + b"".join(bytes([i]) + s for i, s in signatures) + content


def verdict(raw, guardian_set, time):
    """The answer of the contract for a VAA that can be parsed."""
    assert raw[0] == 1
    index, count = int.from_bytes(raw[1:5], "big"), raw[5]
    content = raw[6 + 66 * count:]
    members = [bytes.fromhex(k[2:]) for k in guardian_set["keys"]]
    if not members:
        return "unknownGuardianSet"
    if index != guardian_set["index"]:
        return "otherGuardianSet"
    if "expires" in guardian_set and time is not None and guardian_set["expires"] < time:
        return "guardianSetExpired"
    if count < len(members) * 2 // 3 + 1:
        return "noQuorum"
    last = -1
    for i in range(count):
        entry = raw[6 + 66 * i: 72 + 66 * i]
        r, s, v = int.from_bytes(entry[1:33], "big"), int.from_bytes(entry[33:65], "big"), entry[65]
        signer = None
        if v in (0, 1) and 0 < r < N and 0 < s < N:
            try:
                signature = keys.Signature(vrs=(v, r, s))
                signer = signature.recover_public_key_from_msg_hash(digest(digest(content))).to_canonical_address()
            except Exception:
                signer = None
        if signer is None:
            return "recoveryFailed"
        if entry[0] <= last:
            return "indicesNotAscending"
        last = entry[0]
        if entry[0] >= len(members):
            return "guardianIndexOutOfBounds"
        if signer != members[entry[0]]:
            return "signatureInvalid"
    return None


def main():
    cases = []

    def add(name, raw, index=5, guardians=range(19), expires=None, time=None):
        guardian_set = {"index": index, "keys": ["0x" + KEYS[g].hex() for g in guardians]}
        if expires is not None:
            guardian_set["expires"] = expires
        case = {"name": name, "vaa": "0x" + raw.hex(), "set": guardian_set}
        if time is not None:
            case["time"] = time
        error = verdict(raw, guardian_set, time)
        if error:
            case["error"] = error
        else:
            case["want"] = "0x" + digest(digest(raw[6 + 66 * raw[5]:])).hex()
        cases.append(case)

    content = body()
    good = [(g, sign(g, content)) for g in range(13)]
    plain = vaa(good, content)
    add("13 of 19", plain)
    add("19 of 19", vaa([(g, sign(g, content)) for g in range(19)], content))
    add("the last 13", vaa([(g, sign(g, content)) for g in range(6, 19)], content))
    add("12 of 19", vaa(good[:12], content))
    add("no signature", vaa([], content))
    add("1 of 1", vaa(good[:1], content), guardians=range(1))
    add("2 of 3 is below the quorum of 3", vaa(good[:2], content), guardians=range(3))
    add("3 of 3", vaa(good[:3], content), guardians=range(3))
    add("empty payload", vaa([(g, sign(g, body(b""))) for g in range(13)], body(b"")))
    add("no keys", plain, guardians=())
    add("another set", plain, index=6)
    add("replaced set in its overlap", plain, expires=1000, time=1000)
    add("replaced set after its overlap", plain, expires=1000, time=1001)
    add("replaced set, archive", plain, expires=1000)
    add("a guardian twice", vaa(good[:12] + good[11:12], content))
    add("guardians not in order", vaa(good[:11] + [good[12], good[11]], content))
    add("guardian out of bounds", vaa(good[:12] + [(19, sign(19, content))], content))
    add("signature of an outsider", vaa(good[:12] + [(12, sign(19, content))], content))
    add("one bad signature beyond the quorum", vaa(good + [(13, sign(19, content))], content))
    add("signature of a neighbour", vaa(good[:12] + [(13, sign(12, content))], content))

    def changed(position, edit):
        signature = bytearray(good[position][1])
        edit(signature)
        return vaa(good[:position] + [(position, bytes(signature))] + good[position + 1:], content)

    def high_s(signature):
        s = N - int.from_bytes(signature[32:64], "big")
        signature[32:64] = s.to_bytes(32, "big")
        signature[64] ^= 1

    def put(at, value):
        def edit(signature):
            signature[at:at + len(value)] = value
        return edit

    add("high s", changed(4, high_s))
    add("v flipped", changed(4, lambda s: s.__setitem__(64, s[64] ^ 1)))
    add("v 2", changed(4, put(64, b"\x02")))
    add("v 27", changed(4, put(64, b"\x1b")))
    add("v 255", changed(4, put(64, b"\xff")))
    add("r zero", changed(4, put(0, bytes(32))))
    add("s zero", changed(4, put(32, bytes(32))))
    add("r is the order", changed(4, put(0, N.to_bytes(32, "big"))))
    add("s is the order", changed(4, put(32, N.to_bytes(32, "big"))))
    add("one byte more payload", plain + b"\x00")
    add("other sequence", vaa(good, body(sequence=8)))

    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({
        "schema": "causeway.vectors.vaa/1",
        "source": "tools/vectors/wormhole.py, eth-keys and pycryptodome",
        "cases": cases,
    }, indent=1) + "\n")
    print(len(cases), "cases", sum("error" in c for c in cases), "refusals")


main()
