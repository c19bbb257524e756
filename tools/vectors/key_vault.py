#!/usr/bin/env python3
"""Makes Tests/Vectors/key-vault/: what the key vault must read, refuse and compute, by other people's code.

hashlib.scrypt and PBKDF2, hmac, cryptography (AES, Ed25519, P-256, P-384, ML-DSA), eth-keys' own arithmetic in Python for
secp256k1 signatures, coincurve for its sums; P-256 sums in Python integers. Nothing here is the project's.
Needs: cryptography >= 46, coincurve, eth-keys.
"""
import hashlib
import hmac
import json
import pathlib
import random
import struct
import unicodedata

import coincurve
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_hash.auto import keccak
from eth_keys import KeyAPI
from eth_keys.backends import NativeECCBackend

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Tests/Vectors/key-vault"
api = KeyAPI(NativeECCBackend())
rng = random.Random(2335)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
POINT = (serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
HYBRID = b"causeway/hybrid-signature/v1"
SUITES = {
    "secp256k1": 32, "ed25519": 32, "p256": 32, "p384": 48, "ml-dsa-65": 32, "ml-dsa-87": 32,
    "ed25519+ml-dsa-65": 64, "secp256k1+ml-dsa-65": 64, "p384+ml-dsa-87": 80,
}
HALVES = {  # whole, classical, post-quantum: name and number of the registry
    "ed25519+ml-dsa-65": (0x0100, ("ed25519", 0x0020), ("ml-dsa-65", 0x0040)),
    "secp256k1+ml-dsa-65": (0x0101, ("secp256k1", 0x0001), ("ml-dsa-65", 0x0040)),
    "p384+ml-dsa-87": (0x0102, ("p384", 0x0011), ("ml-dsa-87", 0x0041)),
}


def x(raw):
    return "0x" + bytes(raw).hex()


def bytes_of(count):
    return bytes(rng.randrange(256) for _ in range(count))


def write(name, schema, **members):
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"schema": schema, "source": "tools/vectors/key_vault.py", **members}
    path.write_text(json.dumps(body, indent=1, sort_keys=False) + "\n")


# Signatures


def parts(halves, classical, post_quantum):
    (_, a), (_, b) = halves
    return (b"\x01" + struct.pack(">HH", a, len(classical)) + classical
            + struct.pack(">HH", b, len(post_quantum)) + post_quantum)


def public(suite, secret):
    if suite in HALVES:
        _, classical, post_quantum = HALVES[suite]
        cut = SUITES[classical[0]]
        return parts((classical, post_quantum), public(classical[0], secret[:cut]),
                     public(post_quantum[0], secret[cut:]))
    if suite == "secp256k1":
        return api.PrivateKey(secret).public_key.to_compressed_bytes()
    if suite == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(*RAW)
    if suite in ("p256", "p384"):
        curve = ec.SECP256R1() if suite == "p256" else ec.SECP384R1()
        return ec.derive_private_key(int.from_bytes(secret, "big"), curve).public_key().public_bytes(*POINT)
    key = mldsa.MLDSA65PrivateKey if suite == "ml-dsa-65" else mldsa.MLDSA87PrivateKey
    return key.from_seed_bytes(secret).public_key().public_bytes_raw()


def ecdsa(curve, width, secret, hashed, algorithm):
    key = ec.derive_private_key(int.from_bytes(secret, "big"), curve)
    r, s = utils.decode_dss_signature(key.sign(hashed, ec.ECDSA(utils.Prehashed(algorithm))))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def sign(suite, secret, kind, content, recoverable=False, context=b"", keccaked=False):
    """kind: digest or message; what each suite does with it is the key vault's page."""
    if suite in HALVES:
        number, classical, post_quantum = HALVES[suite]
        preimage = HYBRID + b"\0" + struct.pack(">H", number) + content
        cut = SUITES[classical[0]]
        return parts((classical, post_quantum),
                     sign(classical[0], secret[:cut], "message", preimage, keccaked=True),
                     sign(post_quantum[0], secret[cut:], "message", preimage, context=HYBRID))
    if suite == "secp256k1":
        digest = keccak(content) if keccaked else content if kind == "digest" else hashlib.sha256(content).digest()
        signature = api.ecdsa_sign(digest, api.PrivateKey(secret))
        compact = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big")
        return compact + bytes([27 + signature.v]) if recoverable else compact
    if suite == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret).sign(content)
    if suite == "p256":
        digest = content if kind == "digest" else hashlib.sha256(content).digest()
        return ecdsa(ec.SECP256R1(), 32, secret, digest, hashes.SHA256())
    if suite == "p384":
        return ecdsa(ec.SECP384R1(), 48, secret, hashlib.sha384(content).digest(), hashes.SHA384())
    key = mldsa.MLDSA65PrivateKey if suite == "ml-dsa-65" else mldsa.MLDSA87PrivateKey
    return key.from_seed_bytes(secret).sign(content, context)


def signatures():
    cases = []
    for suite, size in SUITES.items():
        secret = b"\x01" + bytes_of(size - 1)
        for kind, content in (("digest", bytes_of(32)), ("message", bytes_of(1)), ("message", bytes_of(300))):
            for recoverable in (False, True) if suite == "secp256k1" else (False,):
                cases.append({
                    "name": f"{suite} {kind} {len(content)}{' recoverable' if recoverable else ''}",
                    "suite": suite, "secret": x(secret), "public": x(public(suite, secret)), kind: x(content),
                    "recoverable": recoverable, "deterministic": suite in ("secp256k1", "ed25519"),
                    "signature": x(sign(suite, secret, kind, content, recoverable)),
                })
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    p384 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
    for suite, n, width in (("secp256k1", order, 32), ("p256", P256_ORDER, 32), ("p384", p384, 48)):
        for name, number in (("zero", 0), ("the order", n), ("over the order", n + 1)):
            cases.append({"name": f"{suite}: {name}", "suite": suite, "secret": x(number.to_bytes(width, "big")),
                          "error": "range"})
    for suite, size in SUITES.items():
        for off in (-1, 1):
            cases.append({"name": f"{suite}: {size + off} bytes", "suite": suite,
                          "secret": x(b"\x01" * (size + off)), "error": "length"})
    cases.append({"name": "no process holds it", "suite": "frost-ed25519", "secret": x(b"\x01" * 32),
                  "error": "unsupported"})
    write("signatures.json", "causeway/key-vault-signatures/v1", cases=cases)


# The file of secrets

PASSPHRASE = "correct horse battery staple".encode()
VAULT_ID = bytes(range(32))
DOMAINS = {"user": 1, "operator": 2, "settlement": 3, "enclave": 4}
COST = (1 << 14, 8, 1)


def named(text):
    return bytes([len(text)]) + text.encode()


def contents(keys, secrets):
    body = struct.pack(">I", len(keys) + len(secrets))
    for reference, label, suite, secret in sorted(keys):
        body += b"\x01" + reference + named(label) + named(suite) + struct.pack(">I", len(secret)) + secret
    for name, secret in sorted(secrets):
        body += b"\x02" + named(name) + struct.pack(">I", len(secret)) + secret
    return body


def vault(body, passphrase=PASSPHRASE, domain=2, vault_id=VAULT_ID, cost=COST, version=1, kdf=1,
          magic=b"CWSECRET", salt=b"\x5a" * 32, nonce=b"\xa5" * 12, key_cost=None):
    n, r, p = key_cost or cost
    key = hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=1 << 28, dklen=32)
    head = (magic + struct.pack(">HHIII", version, kdf, *cost) + salt + vault_id + bytes([domain]) + nonce
            + struct.pack(">I", len(body) + 16))
    sealed = AESGCM(key).encrypt(nonce, body, head)
    return head + sealed + hashlib.sha256(head + sealed).digest()


MAC_KEY = bytes_of(32)


def vaults():
    keys = []
    for index, (suite, size) in enumerate(SUITES.items()):
        keys.append((bytes([index]) * 16, f"key.{index}", suite, b"\x02" + bytes_of(size - 1)))
    secrets = [("identity", bytes_of(32)), ("inventory-mac", MAC_KEY), ("share_1", bytes_of(1200))]
    body = contents(keys, secrets)
    good = vault(body)

    def resummed(offset, replacement):
        changed = bytearray(good[:-32])
        changed[offset:offset + len(replacement)] = replacement
        return bytes(changed) + hashlib.sha256(changed).digest()

    def refused(name, file, error, **more):
        return {"name": name, "file": x(file), "error": error, **more}

    one = keys[0]
    other = (b"\xff" * 16, "b", "ed25519", bytes_of(32))
    swapped = struct.pack(">I", 2) + contents([other], [])[4:] + contents([one], [])[4:]
    mixed = struct.pack(">I", 2) + contents([], secrets[:1])[4:] + contents([one], [])[4:]
    cases = [
        {"name": "every suite and three secrets", "file": x(good), "want": {
            "keys": [{"reference": x(r), "label": label, "suite": suite, "secret": x(secret),
                      "public": x(public(suite, secret))} for r, label, suite, secret in sorted(keys)],
            "secrets": [{"name": name, "secret": x(secret)} for name, secret in sorted(secrets)]}},
        {"name": "nothing", "file": x(vault(contents([], []))), "want": {"keys": [], "secrets": []}},
        {"name": "another cost", "file": x(vault(contents([], []), cost=(1 << 15, 8, 2))),
         "want": {"keys": [], "secrets": []}},
        refused("empty", b"", "truncated"),
        refused("other magic", vault(body, magic=b"CWSECRES"), "magic"),
        refused("version 2", vault(body, version=2), "version"),
        refused("other derivation", vault(body, kdf=2), "derivation"),
        refused("N too small", vault(body, cost=(1 << 13, 8, 1)), "cost"),
        refused("N no power of two", resummed(12, struct.pack(">I", (1 << 14) + 1)), "cost"),
        refused("N of 2^31", resummed(12, struct.pack(">I", 1 << 31)), "cost"),
        refused("N of zero", resummed(12, struct.pack(">I", 0)), "cost"),
        refused("r too small", resummed(16, struct.pack(">I", 1)), "cost"),
        refused("r too large", resummed(16, struct.pack(">I", 1 << 20)), "cost"),
        refused("p of zero", resummed(20, struct.pack(">I", 0)), "cost"),
        refused("p too large", resummed(20, struct.pack(">I", 5)), "cost"),
        refused("other domain", vault(body, domain=1), "domain"),
        refused("no domain", vault(body, domain=9), "domain"),
        refused("other vault", vault(body, vault_id=b"\x77" * 32), "vaultID"),
        refused("other passphrase", vault(body, passphrase=b"correct horse battery stapler"), "passphrase"),
        refused("other salt, checksum made anew", resummed(24, b"\x5b"), "passphrase"),
        refused("vault id changed behind the seal", resummed(56 + 31, b"\x20"), "vaultID"),
        refused("nonce changed, checksum made anew", resummed(89, b"\xa6"), "passphrase"),
        refused("cheaper cost in the header than was paid",
                vault(body, cost=(1 << 14, 8, 1), key_cost=(1 << 15, 8, 1)), "passphrase"),
        refused("contents changed, checksum made anew", resummed(105, b"\x00"), "passphrase"),
        refused("tag changed, checksum made anew", resummed(len(good) - 33, bytes([good[-33] ^ 1])), "passphrase"),
        refused("contents changed", good[:200] + bytes([good[200] ^ 1]) + good[201:], "damaged"),
        refused("checksum changed", good[:-1] + bytes([good[-1] ^ 1]), "damaged"),
        refused("a byte short", good[:-1], "truncated"),
        refused("a byte long", good + b"\0", "trailing"),
        refused("sealed: nothing at all", vault(b""), "malformed"),
        refused("sealed: count too low", vault(struct.pack(">I", 0) + body[4:]), "malformed"),
        refused("sealed: count too high", vault(struct.pack(">I", 13) + body[4:]), "malformed"),
        refused("sealed: count over the maximum", vault(struct.pack(">I", 4097) + body[4:]), "tooMany"),
        refused("sealed: a byte after the end", vault(body + b"\0"), "malformed"),
        refused("sealed: kind 3", vault(struct.pack(">I", 1) + b"\x03" + named("a")), "malformed"),
        refused("sealed: keys out of order", vault(swapped), "malformed"),
        refused("sealed: one key twice",
                vault(struct.pack(">I", 2) + 2 * contents([one], [])[4:]), "malformed"),
        refused("sealed: a key after a secret", vault(mixed), "malformed"),
        refused("sealed: one secret twice",
                vault(struct.pack(">I", 2) + 2 * contents([], secrets[:1])[4:]), "malformed"),
        refused("sealed: a name with a space", vault(contents([], [("a b", b"1")])), "malformed"),
        refused("sealed: no name", vault(contents([], [("", b"1")])), "malformed"),
        refused("sealed: an empty secret", vault(contents([], [("a", b"")])), "malformed"),
        refused("sealed: a secret over 64 KiB", vault(contents([], [("a", bytes(65537))])), "malformed"),
        refused("sealed: an unknown suite", vault(contents([(b"1" * 16, "a", "p521", bytes(66))], [])), "malformed"),
        refused("sealed: a key of zero", vault(contents([(b"1" * 16, "a", "p256", bytes(32))], [])), "key"),
        refused("sealed: a short key", vault(contents([(b"1" * 16, "a", "p384", b"\x01" * 47)], [])), "key"),
        refused("sealed: a share as a key",
                vault(contents([(b"1" * 16, "a", "frost-ed25519", b"\x01" * 32)], [])), "key"),
    ]
    write("vaults.json", "causeway/key-vault-file/v1", passphrase=x(PASSPHRASE), domain="operator",
          vault=x(VAULT_ID), cases=cases)
    return keys, good


# The inventory


def inventory(keys, file):
    def record(index, **more):
        reference, label, suite, secret = keys[index]
        key = public(suite, secret)
        return {"id": x(hashlib.sha256(suite.encode() + b"\0" + key).digest()), "label": label, "generation": 1,
                "suite": suite, "public": x(key), "backEnd": "file", "reference": x(reference),
                "madeAt": 1700000000, "purposes": ["attestation"], "state": {"name": "active"}, **more}

    def text(members, key=MAC_KEY, pretty=True):
        members = {k: v for k, v in members.items() if v is not None}
        compact = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        members["mac"] = x(hmac.new(key, compact.encode(), hashlib.sha256).digest())
        if pretty:
            return json.dumps(members, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
        return json.dumps(members, sort_keys=True, ensure_ascii=False)

    def top(keys, **more):
        return {"schema": "causeway/key-inventory/v1", "vault": x(VAULT_ID), "domain": "operator", "sequence": 7,
                "keys": keys, **more}

    full = [
        record(0), record(1, purposes=["foreignAttestation", "vote"], origin="cosmos:demo-1"),
        record(2, chains=["a-1", "b-2"], purposes=["transaction"], path="m/44'/0'/0"),
        record(3, state={"name": "retiring", "until": 1700000600}),
        record(4, state={"name": "revoked", "at": 1700000300, "reason": "laptop \"lost\" é"}),
        record(5, state={"name": "destroyed", "at": 1700000400}),
        record(6, lock={"at": 1700000500, "reason": "alarm"}),
    ]
    # The second of a label, and one that its back end has lost.
    gone = dict(record(7), reference=x(b"\xee" * 16), label="key.0", generation=2)
    full.insert(1, gone)
    good = text(top(full))
    changed = good.replace('"revoked"', '"REVOKED"')
    active = dict(full[5], state={"name": "active"})

    def refused(name, body, error):
        return {"name": name, "text": body, "error": error}

    def alone(**more):
        return text(top([record(0, **more)]))

    cases = [
        {"name": "every state", "text": good,
         "want": {"ids": [r["id"] for r in full], "lost": [gone["id"]],
                  # At 1700000500: active ones and the retiring one sign, unless locked.
                  "signing": [r["id"] for r in full[:5]]}},
        {"name": "no keys", "text": text(top([])), "want": {"ids": [], "lost": [], "signing": []}},
        refused("a revoked key made active by hand", json.dumps(
            dict(json.loads(good), keys=full[:5] + [active] + full[6:]), sort_keys=True, indent=2) + "\n", "code"),
        refused("a letter changed", changed, "code"),
        refused("another key's code", text(top(full), key=b"\x01" * 32), "code"),
        refused("no code", json.dumps(top(full), sort_keys=True, indent=2) + "\n", "member"),
        refused("an unknown member", text(top(full, colour="blue")), "unknownMember"),
        refused("an unknown member of a key", alone(colour="blue"), "unknownMember"),
        refused("an unknown member of a state", alone(state={"name": "active", "at": 1}), "unknownMember"),
        refused("one id twice", text(top([record(0), record(0, generation=2)])), "duplicateID"),
        refused("one generation twice", text(top([record(0), record(1, label="key.0")])), "duplicateGeneration"),
        refused("an id of another key", alone(id=record(1)["id"]), "id"),
        refused("another suite for the public key", alone(suite="p256"), "id"),
        refused("another vault", text(top([], vault=x(b"\x09" * 32))), "vaultID"),
        refused("another domain", text(top([], domain="user")), "domain"),
        refused("another schema", text(top([], schema="causeway/key-inventory/v2")), "schema"),
        refused("no sequence", text(top([], sequence=None)), "member"),
        refused("a negative sequence", text(top([], sequence=-1)), "member"),
        refused("no state", alone(state=None), "member"),
        refused("an unknown state", alone(state={"name": "asleep"}), "member"),
        refused("an unknown suite", alone(suite="p521"), "member"),
        refused("an unknown back end", alone(backEnd="cloud"), "member"),
        refused("an unknown purpose", alone(purposes=["fun"]), "member"),
        refused("a purpose twice", alone(purposes=["vote", "vote"]), "member"),
        refused("an origin that is none", alone(origin="nowhere"), "member"),
        refused("a path that is none", alone(path="m/01"), "member"),
        refused("a label with a space", alone(label="a b"), "member"),
        refused("keys out of order", text(top([record(1), record(0)])), "notCanonical"),
        refused("without line breaks", text(top([record(0)]), pretty=False), "notCanonical"),
        refused("without the last line break", text(top([record(0)]))[:-1], "notCanonical"),
        refused("upper-case hex", alone(public=record(0)["public"].upper().replace("0X", "0x")), "notCanonical"),
        refused("purposes out of order", alone(purposes=["vote", "attestation"]), "notCanonical"),
        refused("not JSON", "{", "json"),
        refused("a member twice", good.replace('"sequence"', '"domain": "operator",\n  "sequence"'), "json"),
    ]
    write("inventories.json", "causeway/key-inventory-file/v1", passphrase=x(PASSPHRASE), domain="operator",
          vault=x(VAULT_ID), file=x(file), cases=cases)


# Derivation


def children(curve, seed, path):
    """SLIP-10, and BIP-32 for secp256k1, where both agree."""
    label = {"secp256k1": b"Bitcoin seed", "p256": b"Nist256p1 seed", "ed25519": b"ed25519 seed"}[curve]
    code = hmac.new(label, seed, hashlib.sha512).digest()
    key, chain = code[:32], code[32:]
    for step in path:
        if step >= 1 << 31:
            head = b"\0" + key
        else:
            head = public(curve, key)
        code = hmac.new(chain, head + struct.pack(">I", step), hashlib.sha512).digest()
        if curve == "ed25519":
            key = code[:32]
        elif curve == "secp256k1":
            key = coincurve.PrivateKey(key).add(code[:32]).secret
        else:
            key = ((int.from_bytes(key, "big") + int.from_bytes(code[:32], "big")) % P256_ORDER).to_bytes(32, "big")
        chain = code[32:]
    return key


def roots():
    cases = []
    for size in (32, 48, 64):
        seed = bytes_of(size)
        for domain in DOMAINS:
            root = HKDF(hashes.SHA512(), 64, b"causeway/derivation-root/v1", domain.encode()).derive(seed)
            for suite in ("secp256k1", "p256", "ed25519"):
                for depth in range(4):
                    steps = [rng.randrange(1 << 31) + (1 << 31 if suite == "ed25519" else rng.choice((0, 1 << 31)))
                             for _ in range(depth)]
                    text = "m" + "".join(f"/{s - (1 << 31)}'" if s >= 1 << 31 else f"/{s}" for s in steps)
                    secret = children(suite, root, steps)
                    cases.append({"name": f"{domain} {size} {suite} {depth}", "domain": domain, "seed": x(seed),
                                  "suite": suite, "path": text, "secret": x(secret),
                                  "public": x(public(suite, secret))})
    write("roots.json", "causeway/key-derivation/v1", cases=cases)


# Keystores


def keystore(secret, password, kdf, **more):
    text = unicodedata.normalize("NFKD", password)
    text = "".join(c for c in text if not (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0)).encode()
    salt, iv = bytes_of(32), bytes_of(16)
    if kdf["function"] == "scrypt":
        n, r, p = kdf["n"], kdf["r"], kdf["p"]
        key = hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=1 << 28, dklen=32)
        params = {"dklen": 32, "n": n, "r": r, "p": p, "salt": salt.hex()}
    else:
        key = hashlib.pbkdf2_hmac("sha256", text, salt, kdf["c"], 32)
        params = {"dklen": 32, "c": kdf["c"], "prf": "hmac-sha256", "salt": salt.hex()}
    encryptor = Cipher(algorithms.AES(key[:16]), modes.CTR(iv)).encryptor()
    sealed = encryptor.update(secret) + encryptor.finalize()
    return {
        "crypto": {
            "kdf": {"function": kdf["function"], "params": params, "message": ""},
            "checksum": {"function": "sha256", "params": {}, "message": hashlib.sha256(key[16:] + sealed).hexdigest()},
            "cipher": {"function": "aes-128-ctr", "params": {"iv": iv.hex()}, "message": sealed.hex()},
        },
        "description": "a key", "pubkey": bytes_of(48).hex(), "path": "m/12381/3600/0/0/0",
        "uuid": "1d85ae20-35c5-4611-98e8-aa14a633906f", "version": 4, **more,
    }


def keystores():
    scrypt = {"function": "scrypt", "n": 1 << 12, "r": 8, "p": 1}
    pbkdf2 = {"function": "pbkdf2", "c": 1000}
    secret = bytes_of(32)
    cases = []
    for name, password in (
        ("ascii", "testpassword"), ("control characters", "test\x00pass\x1fword\x7f"), ("spaces", " a b "),
        ("accents", "pâsswörd ﬁ Å"), ("astral", "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑"), ("C1 between", "é\x85è\x9f"), ("hangul", "비밀번호"),
        ("combining out of order", "a\u0315\u0300"),
    ):
        for kdf in (scrypt, pbkdf2):
            cases.append({"name": f"{name}, {kdf['function']}", "password": x(password.encode()),
                          "keystore": keystore(secret, password, kdf), "want": x(secret)})
    good = keystore(secret, "testpassword", scrypt)

    def refused(name, error, password=b"testpassword", **changes):
        text = json.loads(json.dumps(good))
        for path, value in changes.items():
            place = text
            *steps, last = path.split("__")
            for step in steps:
                place = place[step]
            if value is None:
                del place[last]
            else:
                place[last] = value
        cases.append({"name": name, "password": x(password), "keystore": text, "error": error})

    refused("wrong password", "checksum", b"testpasswore")
    refused("empty password", "password", b"")
    refused("nothing left of the password", "password", b"\x01\x7f")
    refused("password that is not UTF-8", "passwordText", b"\xff\xfe")
    refused("changed ciphertext", "checksum", crypto__cipher__message="00" * 32)
    refused("short ciphertext", "hex", crypto__cipher__message="00" * 31)
    refused("upper-case hex", "hex", crypto__cipher__message="AB" * 32)
    refused("prefixed hex", "hex", crypto__cipher__message="0x" + "ab" * 31)
    refused("odd hex", "hex", crypto__cipher__message="0" * 63)
    refused("short iv", "hex", crypto__cipher__params__iv="00" * 15)
    refused("short checksum", "hex", crypto__checksum__message="00" * 31)
    refused("short salt", "hex", crypto__kdf__params__salt="00" * 7)
    refused("long salt", "hex", crypto__kdf__params__salt="00" * 65)
    refused("kdf with a message", "hex", crypto__kdf__message="00")
    refused("version 3", "version", version=3)
    refused("version as text", "version", version="4")
    refused("no version", "version", version=None)
    refused("no crypto", "member", crypto=None)
    refused("no kdf", "member", crypto__kdf=None)
    refused("no salt", "member", crypto__kdf__params__salt=None)
    refused("no path", "member", path=None)
    refused("no uuid", "member", uuid=None)
    refused("path of words", "path", path="m/a")
    refused("hardened path", "path", path="m/1'")
    refused("path that does not begin", "path", path="1/2")
    refused("uuid of other length", "uuid", uuid="1d85ae20-35c5-4611-98e8-aa14a633906")
    refused("unknown member", "unknownMember", colour="blue")
    refused("unknown member of crypto", "unknownMember", crypto__colour="blue")
    refused("unknown parameter", "unknownMember", crypto__kdf__params__c=1)
    refused("parameter of the checksum", "unknownMember", crypto__checksum__params={"a": 1})
    refused("other kdf", "function", crypto__kdf__function="argon2")
    refused("other cipher", "function", crypto__cipher__function="aes-256-ctr")
    refused("other checksum", "function", crypto__checksum__function="md5")
    refused("N no power of two", "cost", crypto__kdf__params__n=4097)
    refused("N of one", "cost", crypto__kdf__params__n=1)
    refused("N beyond memory", "cost", crypto__kdf__params__n=1 << 30)
    refused("N beyond 32 bits", "member", crypto__kdf__params__n=1 << 40)
    refused("N negative", "member", crypto__kdf__params__n=-1)
    refused("N as text", "member", crypto__kdf__params__n="4096")
    refused("r too large", "cost", crypto__kdf__params__r=1 << 16)
    refused("p too large", "cost", crypto__kdf__params__p=1 << 10)
    refused("p of zero", "cost", crypto__kdf__params__p=0)
    refused("key of 16 bytes", "cost", crypto__kdf__params__dklen=16)
    refused("key of 2^31 bytes", "cost", crypto__kdf__params__dklen=1 << 31)
    slow = keystore(secret, "testpassword", pbkdf2)
    slow["crypto"]["kdf"]["params"]["c"] = 1 << 31
    cases.append({"name": "rounds without end", "password": x(b"testpassword"), "keystore": slow, "error": "cost"})
    weak = json.loads(json.dumps(slow))
    weak["crypto"]["kdf"]["params"]["prf"] = "hmac-sha512"
    cases.append({"name": "other prf", "password": x(b"testpassword"), "keystore": weak, "error": "function"})
    bare = {k: v for k, v in good.items() if k not in ("description", "pubkey")}
    cases.append({"name": "without what may be missing", "password": x(b"testpassword"), "keystore": bare,
                  "want": x(secret)})
    cases.append({"name": "empty path and public key", "password": x(b"testpassword"),
                  "keystore": dict(good, path="", pubkey=""), "want": x(secret)})
    write("keystores.json", "causeway/keystores/v1", cases=cases)


signatures()
inventory(*vaults())
roots()
keystores()
