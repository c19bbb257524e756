#!/usr/bin/env python3
"""Makes Tests/Vectors/threshold/frost.json: key generation and signing with FROST(Ed25519, SHA-512).

The curve is written out below from RFC 8032 in Python integers and the protocol from RFC 9591 and Figure 1 of the FROST
paper; every signature is checked by PyNaCl. The case `zcash foundation` holds the values that ZcashFoundation/frost
@ 1069191bf671 publishes in frost-ed25519/tests/helpers/vectors_dkg.json, and the arithmetic here is checked against them.

    python3 -m venv venv && venv/bin/pip install pynacl && venv/bin/python tools/vectors/threshold.py
"""
import hashlib
import json
import pathlib
import random

from nacl.signing import VerifyKey

ROOT = pathlib.Path(__file__).resolve().parents[2]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
CONTEXT = b"FROST-ED25519-SHA512-v1"
rng = random.Random(9591)


def recover(y, sign):
    """The x of a point, or None (RFC 8032, section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign and x else x


BASE = (recover(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1] % P
    return (
        (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, P - 2, P) % P,
        (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P) % P,
    )


def mul(n, point=BASE):
    total = (0, 1)
    for bit in bin(n)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def enc(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def dec(raw):
    value = int.from_bytes(raw, "little")
    y = value & (2**255 - 1)
    return recover(y, value >> 255), y


def s(n):
    return (n % L).to_bytes(32, "little")


def n(raw):
    return int.from_bytes(raw, "little")


def x(raw):
    return "0x" + bytes(raw).hex()


def h(tag, m):
    return hashlib.sha512(CONTEXT + tag + m).digest()


def scalar(digest):
    return n(digest) % L


def evaluate(coefficients, place):
    return sum(c * pow(place, k, L) for k, c in enumerate(coefficients)) % L


def weight(own, everyone):
    result = 1
    for other in everyone:
        if other != own:
            result = result * other * pow(other - own, L - 2, L) % L
    return result


def generation(name, context, threshold, members, proof_of=None):
    """members: {identifier: [coefficients]}"""
    out = []
    for own, coefficients in members.items():
        nonce = rng.randrange(1, L)
        point, commitment = enc(mul(coefficients[0])), enc(mul(nonce))
        challenge = scalar(h(b"dkg", s(own) + point + commitment + context))
        proof = commitment + s(nonce + challenge * coefficients[0])
        if proof_of:
            proof = proof_of[own]
            challenge = scalar(h(b"dkg", s(own) + point + proof[:32] + context))
            assert mul(n(proof[32:])) == add(dec(proof[:32]), mul(challenge, dec(point)))
        share = sum(evaluate(c, own) for c in members.values()) % L
        out.append({
            "identifier": own, "coefficients": [x(s(c)) for c in coefficients],
            "commitments": [x(enc(mul(c))) for c in coefficients], "proof": x(proof),
            "shares": {str(to): x(s(evaluate(coefficients, to))) for to in members},
            "signingShare": x(s(share)), "verifyingShare": x(enc(mul(share))),
        })
    secret = sum(c[0] for c in members.values()) % L
    return {
        "name": name, "context": x(context), "threshold": threshold, "participants": out,
        "groupKey": x(enc(mul(secret))),
    }


def signing(name, threshold, identifiers, signers, message):
    coefficients = [rng.randrange(1, L) for _ in range(threshold)]
    key = enc(mul(coefficients[0]))
    shares = {i: evaluate(coefficients, i) for i in identifiers}
    rows, listed = {}, b""
    for i in sorted(signers):
        hiding, binding = rng.randbytes(32), rng.randbytes(32)
        d, e = scalar(h(b"nonce", hiding + s(shares[i]))), scalar(h(b"nonce", binding + s(shares[i])))
        rows[i] = (hiding, binding, d, e)
        listed += s(i) + enc(mul(d)) + enc(mul(e))
    prefix = key + h(b"msg", message) + h(b"com", listed)
    factors = {i: scalar(h(b"rho", prefix + s(i))) for i in rows}
    commitment = (0, 1)
    for i, (_, _, d, e) in rows.items():
        commitment = add(commitment, mul((d + e * factors[i]) % L))
    challenge = scalar(hashlib.sha512(enc(commitment) + key + message).digest())
    answers = {
        i: (d + e * factors[i] + weight(i, rows) * shares[i] * challenge) % L for i, (_, _, d, e) in rows.items()
    }
    signature = enc(commitment) + s(sum(answers.values()))
    VerifyKey(key).verify(message, signature)
    return {
        "name": name, "threshold": threshold, "message": x(message), "groupKey": x(key),
        "participants": [{"identifier": i, "secret": x(s(v)), "public": x(enc(mul(v)))} for i, v in shares.items()],
        "signers": [
            {"identifier": i, "hidingRandomness": x(row[0]), "bindingRandomness": x(row[1]),
             "hiding": x(enc(mul(row[2]))), "binding": x(enc(mul(row[3]))), "factor": x(s(factors[i])),
             "share": x(s(answers[i]))}
            for i, row in rows.items()
        ],
        "signature": x(signature),
    }


ZCASH = {
    1: ("fc36bff380c95d607cd78080f493dd382df50f7007ec1b150b9bfbd8041fd208",
        "2d2c3e2b558e555b1608838e0ded66cd36d8aaa9ed1e39ce8474855d0825b20e",
        "64c41c1d0417aef33576c23a5150de2921d6249d7086b10012f942405fc08ed5"
        "1a872dd021db2ac01e9f4182e950324c5f563421bd835f3f514a60c975cab70c",
        "db67948a73033b0c886ed757d97352428df05ad5803aff256bc388c9a0772bfe",
        "2afd4ef9a27f9e636dd627ae56772951b98f929ebaa13b11ede611e82e9baf08",
        "f6b5e87c902796d8dab6369cbd6d342a32e46c136e9f1f5af2fc385aed804de3"),
    2: ("2b76dcb99b75fbada4ffdc213b1ae4ec7c1b2a5da25d9ea85741a3ab376ca307",
        "ad167472cc332ee98237a1018ea89a7e002420f9e5e518995a10298405a5870d",
        "4062dc7fc11144e636f4eddd7f2d8d3e02761671ae913674314a12b91f50bf98"
        "e9c410d651c45c3a1766c88524fccb7670de191e12686324c59333e74fc93402",
        "17194e192408980956a9cfc388d38456b2e9619c42a57196facd7feaf980a3bd",
        "80a16ad6cf78be27995d5e312722ff2d42a5b08380b49dbc2e7e65c124220e0a",
        "f326b756ed38b43a94bdac698e044d9e3f3a08a40e7c9d2e5346dd5bfaadf2f5"),
    3: ("61336fd6127a18548f9709e01b64a8214ff561a02bc8a3aa9e575ccfc13ec60d",
        "7c29694bbb90f21c7d9b7a27eab63911898d2b8e118b8b410c2e68b222073a0e",
        "37df5a836ceaaf9f5e3b9ae6a485bad5c15788f3883386fe43f2921bbe2cb987"
        "d23683ca18973065a00d69bbf74f7961889b820e64f98878df7844a4e4785907",
        "0e9c22b9edbcd06757eee5ba3cfeb74e4fa6470932aa1ab689c86f1fe3dde70c",
        "8bd411475cdc423c1ba94cf11b80e776592d5f675419398800d17173d673f40a",
        "6bc91a2755902d955ce220ad0df6fbf57162260949d40bcf5a69cfffec9c085a"),
}
zcash = generation(
    "zcash foundation", b"", 2, {i: [n(bytes.fromhex(v[0])), n(bytes.fromhex(v[1]))] for i, v in ZCASH.items()},
    {i: bytes.fromhex(v[2]) for i, v in ZCASH.items()})
for row in zcash["participants"]:
    published = ZCASH[row["identifier"]]
    assert row["commitments"][0] == "0x" + published[3]
    assert row["verifyingShare"] == "0x" + published[5]
    # The signing shares that are published for 2 and 3 do not fit the verifying shares beside them; only the first is read.
    assert row["identifier"] > 1 or row["signingShare"] == "0x" + published[4]
assert zcash["groupKey"] == "0x3d9a67b93cec3acad2d32349cf7bdffaa23ae031a81174ddadae1c96bb455f4d"

generations = [zcash]
for name, threshold, identifiers in [
    ("2 of 2", 2, [1, 2]), ("3 of 5, far apart", 3, [1, 2, 7, 300, 65535]), ("4 of 4", 4, [3, 5, 8, 13]),
]:
    generations.append(generation(
        name, rng.randbytes(32), threshold, {i: [rng.randrange(1, L) for _ in range(threshold)] for i in identifiers}))

signings = [
    signing("2 of 3", 2, [1, 2, 3], [2, 3], b"causeway"),
    signing("all of 3", 2, [1, 2, 3], [1, 2, 3], b""),
    signing("3 of 5, far apart", 3, [1, 2, 7, 300, 65535], [2, 300, 65535], rng.randbytes(1000)),
    signing("4 of 4", 4, [3, 5, 8, 13], [3, 5, 8, 13], rng.randbytes(32)),
]

order8 = None
while order8 is None:
    y = rng.randrange(P)
    root = recover(y, 0)
    if root is not None:
        candidate = mul(L, (root, y))
        if mul(4, candidate) != (0, 1):
            order8 = candidate
points = [{"name": "identity", "point": x(enc((0, 1))), "error": "identity"}]
for k in range(1, 8):
    points.append({"name": f"small order {k}", "point": x(enc(mul(k, order8))), "error": "invalid"})
    points.append({
        "name": f"base point and small order {k}", "point": x(enc(add(BASE, mul(k, order8)))), "error": "invalid"})
points += [
    {"name": "identity with a sign bit", "point": x((1 | 1 << 255).to_bytes(32, "little")), "error": "invalid"},
    {"name": "y = p + 1", "point": x((P + 1).to_bytes(32, "little")), "error": "invalid"},
    {"name": "y = p", "point": x(P.to_bytes(32, "little")), "error": "invalid"},
    {"name": "y = 2^255 - 1", "point": x((2**255 - 1).to_bytes(32, "little")), "error": "invalid"},
    {"name": "not on the curve", "error": "invalid", "point": x(
        next(v for v in range(2, 99) if recover(v, 0) is None).to_bytes(32, "little"))},
    {"name": "base point", "point": x(enc(BASE)), "error": None},
    {"name": "minus the base point", "point": x(enc(mul(L - 1))), "error": None},
    {"name": "some multiple", "point": x(enc(mul(rng.randrange(L)))), "error": None},
]
scalars = [
    {"name": "zero", "scalar": x(bytes(32)), "error": "zero"},
    {"name": "one", "scalar": x(s(1)), "error": None},
    {"name": "L - 1", "scalar": x(s(L - 1)), "error": None},
    {"name": "L", "scalar": x(L.to_bytes(32, "little")), "error": "notCanonical"},
    {"name": "L + 1", "scalar": x((L + 1).to_bytes(32, "little")), "error": "notCanonical"},
    {"name": "2 L", "scalar": x((2 * L).to_bytes(32, "little")), "error": "notCanonical"},
    {"name": "2^255 - 19", "scalar": x(P.to_bytes(32, "little")), "error": "notCanonical"},
    {"name": "all ones", "scalar": x(b"\xff" * 32), "error": "notCanonical"},
    {"name": "31 bytes", "scalar": x(bytes(31)), "error": "length"},
    {"name": "33 bytes", "scalar": x(b"\1" + bytes(32)), "error": "length"},
]

path = ROOT / "Tests/Vectors/threshold/frost.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({
    "schema": "causeway.vectors.frost/1",
    "source": "tools/vectors/threshold.py (curve and protocol in Python, PyNaCl); ZcashFoundation/frost @ 1069191bf671",
    "cases": {"generations": generations, "signings": signings, "points": points, "scalars": scalars},
}, indent=1) + "\n")
print(path, len(generations), len(signings), len(points), len(scalars))
