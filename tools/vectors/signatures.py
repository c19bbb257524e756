#!/usr/bin/env python3
"""Makes Tests/Vectors/signatures/*.json and Tests/Vectors/digests/*.json with independent libraries.

Needs: pip install cryptography pycryptodome eth-account. Fixed keys and messages; ECDSA and RSA-PSS signatures are
randomised by their libraries, so a second run writes other, equally good signatures.
"""
import hashlib
import json
import pathlib

from Crypto.Hash import RIPEMD160, SHAKE128, SHAKE256, keccak
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa, utils
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct, encode_intended_validator, encode_typed_data

ROOT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors"


def write(path, source, cases):
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    # One case a line: small, and a change is seen as one.
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    head = json.dumps({"schema": "causeway/" + path.removesuffix(".json") + "/v1", "source": source})[:-1]
    target.write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


def pattern(length):
    """Byte i is (7 i + 3) mod 251: no period of a power of two."""
    return bytes((7 * i + 3) % 251 for i in range(length))


def keccak256(message):
    return keccak.new(digest_bits=256, data=message).digest()


def digests():
    write("digests/keccak256.json",
          "pycryptodome; message is the first `length` bytes of (7 i + 3) mod 251",
          [{"length": n, "want": "0x" + keccak256(pattern(n)).hex()} for n in range(601)])
    lengths = [0, 1, 7, 8, 63, 64, 65, 135, 136, 137, 167, 168, 169, 335, 336, 337, 600]
    counts = [0, 1, 32, 64, 136, 168, 169, 400]
    cases = []
    for n in lengths:
        for count in counts if n in (0, 136, 168) else [32, 64, 200]:
            cases.append({
                "length": n, "count": count,
                "shake128": "0x" + (SHAKE128.new(pattern(n)).read(count) if count else b"").hex(),
                "shake256": "0x" + (SHAKE256.new(pattern(n)).read(count) if count else b"").hex(),
            })
    write("digests/shake.json", "pycryptodome; the same message", cases)
    write("digests/ripemd160.json", "pycryptodome; the same message",
          [{"length": n, "want": "0x" + RIPEMD160.new(pattern(n)).hexdigest()} for n in [*range(0, 130), 200, 600]])
    cases = []
    for n in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 200, 600]:
        case = {"length": n}
        for name in ["sha256", "sha384", "sha512", "sha3_256", "sha3_512"]:
            case[name] = "0x" + hashlib.new(name, pattern(n)).hexdigest()
        cases.append(case)
    write("digests/sha.json", "Python hashlib; the same message", cases)


def hexed(data):
    return "0x" + data.hex()


def raw(der, width):
    r, s = utils.decode_dss_signature(der)
    return r, s, r.to_bytes(width, "big") + s.to_bytes(width, "big")


def low(der, order):
    r, s = utils.decode_dss_signature(der)
    s = min(s, order - s)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def point(key, form=serialization.PublicFormat.UncompressedPoint):
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def raw_public(key):
    return key.public_key().public_bytes_raw()


class Signer:
    """A key of one suite: its encoded public half, and a signature over a message (in an ML-DSA context)."""

    def __init__(self, suite):
        self.suite = suite
        seed = hashlib.sha256(b"causeway test key %d" % suite).digest()
        if suite in (1, 2, 3):
            self.key = ec.derive_private_key(int.from_bytes(seed, "big") % SECP256K1_ORDER, ec.SECP256K1())
            self.secret = seed
            self.public = point(self.key, serialization.PublicFormat.CompressedPoint)
            if suite == 3:
                self.public = keccak256(point(self.key)[1:])[12:]
        elif suite == 0x10:
            self.key = ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1())
            self.public = point(self.key)
        elif suite == 0x11:
            self.key = ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP384R1())
            self.public = point(self.key, serialization.PublicFormat.CompressedPoint)
        elif suite in (0x20, 0x21):
            self.key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
            self.public = raw_public(self.key)
        elif suite in (0x30, 0x31, 0x32):
            self.key = rsa.generate_private_key(65537, 2048 if suite == 0x30 else 3072)
            self.public = self.key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        elif suite == 0x40:
            self.key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
            self.public = raw_public(self.key)
        elif suite == 0x41:
            self.key = mldsa.MLDSA87PrivateKey.from_seed_bytes(seed)
            self.public = raw_public(self.key)

    def sign(self, message, context=b""):
        suite = self.suite
        if suite == 1:
            return low(self.key.sign(keccak256(message), ec.ECDSA(utils.Prehashed(hashes.SHA256()))), SECP256K1_ORDER)
        if suite == 2:
            return low(self.key.sign(message, ec.ECDSA(hashes.SHA256())), SECP256K1_ORDER)
        if suite == 3:
            signed = Account._sign_hash(keccak256(message), self.secret)
            return bytes(signed.signature)
        if suite == 0x10:
            return raw(self.key.sign(message, ec.ECDSA(hashes.SHA256())), 32)[2]
        if suite == 0x11:
            return raw(self.key.sign(message, ec.ECDSA(hashes.SHA384())), 48)[2]
        if suite in (0x20, 0x21):
            return self.key.sign(message)
        if suite in (0x30, 0x31, 0x32):
            algorithm = {0x30: hashes.SHA256, 0x31: hashes.SHA384, 0x32: hashes.SHA512}[suite]()
            return self.key.sign(message, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return self.key.sign(message, context)


HYBRIDS = {0x100: (0x20, 0x40), 0x101: (0x01, 0x40), 0x102: (0x11, 0x41)}


def hybrid(parts):
    out = b"\x01"
    for suite, body in parts:
        out += suite.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
    return out


def suites():
    cases = []
    message = b"a route is open"
    for suite in [1, 2, 3, 0x10, 0x11, 0x20, 0x21, 0x30, 0x31, 0x32, 0x40, 0x41]:
        signer = Signer(suite)
        cases.append({"suite": suite, "key": hexed(signer.public), "message": hexed(message),
                      "signature": hexed(signer.sign(message))})
    for suite, (classical, post_quantum) in HYBRIDS.items():
        pair = [Signer(classical), Signer(post_quantum)]
        preimage = b"causeway/hybrid-signature/v1\x00" + suite.to_bytes(2, "big") + message
        bodies = [pair[0].sign(preimage), pair[1].sign(preimage, b"causeway/hybrid-signature/v1")]
        cases.append({"suite": suite, "key": hexed(hybrid([(s.suite, s.public) for s in pair])),
                      "message": hexed(message),
                      "signature": hexed(hybrid([(s.suite, b) for s, b in zip(pair, bodies)]))})
    write("signatures/suites.json", "pyca/cryptography and eth-account", cases)


def recovery():
    """Both parities, both halves of s, EIP-155 values."""
    cases = []
    for index in range(12):
        secret = hashlib.sha256(b"recover %d" % index).digest()
        digest = keccak256(b"message %d" % index)
        account = Account.from_key(secret)
        signed = Account._sign_hash(digest, secret)
        r, s, v = signed.r, signed.s, signed.v
        key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1())
        for high in (False, True):
            s2, v2 = (SECP256K1_ORDER - s, 55 - v) if high else (s, v)
            cases.append({"digest": hexed(digest), "address": account.address, "key": hexed(point(key)),
                          "signature": hexed(r.to_bytes(32, "big") + s2.to_bytes(32, "big") + bytes([v2])),
                          "high": high})
    write("signatures/recovery.json", "eth-account (address, r, s, v) and pyca/cryptography (key)", cases)


def ethereum():
    cases = []
    for n in [0, 1, 9, 10, 32, 99, 100, 1000]:
        message = pattern(n)
        cases.append({"kind": "personal", "message": hexed(message),
                      "want": hexed(_hash_eip191_message(encode_defunct(message)))})
    validator = b"\x5f" * 20
    cases.append({"kind": "validator", "message": hexed(pattern(40)), "validator": hexed(validator),
                  "want": hexed(_hash_eip191_message(encode_intended_validator(validator, pattern(40))))})
    write("signatures/eip191.json", "eth-account", cases)
    write("signatures/eip55.json", "eth-account", [
        {"want": Account.from_key(hashlib.sha256(b"address %d" % i).digest()).address} for i in range(24)])


def typed_data():
    domain_type = [{"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                   {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}]
    domain = {"name": "Ether Mail", "version": "1", "chainId": 1,
              "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"}
    person = [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}]
    cow = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"
    documents = {
        "mail of EIP-712": {
            "types": {"EIP712Domain": domain_type, "Person": person,
                      "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person"},
                               {"name": "contents", "type": "string"}]},
            "primaryType": "Mail", "domain": domain,
            "message": {"from": {"name": "Cow", "wallet": cow},
                        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
                        "contents": "Hello, Bob!"}},
        "arrays of structs and of arrays": {
            "types": {"EIP712Domain": domain_type,
                      "Person": [{"name": "name", "type": "string"}, {"name": "wallets", "type": "address[]"}],
                      "Group": [{"name": "members", "type": "Person[]"}, {"name": "grid", "type": "uint8[2][]"},
                                {"name": "tags", "type": "bytes4[3]"}]},
            "primaryType": "Group", "domain": domain,
            "message": {"members": [{"name": "A", "wallets": [cow, cow]}, {"name": "B", "wallets": []}],
                        "grid": [[1, 2], [3, 4], [5, 255]], "tags": ["0x01020304", "0x00000000", "0xffffffff"]}},
        "every atomic type": {
            "types": {"EIP712Domain": domain_type,
                      "All": [{"name": "a", "type": "uint8"}, {"name": "b", "type": "uint256"},
                              {"name": "c", "type": "int8"}, {"name": "d", "type": "int256"},
                              {"name": "e", "type": "bool"}, {"name": "f", "type": "bytes"},
                              {"name": "g", "type": "bytes32"}, {"name": "h", "type": "bytes1"},
                              {"name": "i", "type": "string"}, {"name": "j", "type": "address"},
                              {"name": "k", "type": "int64"}]},
            "primaryType": "All", "domain": domain,
            "message": {"a": 255, "b": str(2**256 - 1), "c": -128, "d": str(-(2**255)), "e": True, "f": "0x0102",
                        "g": "0x" + "ab" * 32, "h": "0x7f", "i": "grüße", "j": cow, "k": "-1"}},
        "domain with a salt only": {
            "types": {"EIP712Domain": [{"name": "salt", "type": "bytes32"}],
                      "Vote": [{"name": "yes", "type": "bool"}]},
            "primaryType": "Vote", "domain": {"salt": "0x" + "11" * 32}, "message": {"yes": False}},
        "shared and deep references": {
            "types": {"EIP712Domain": domain_type, "Z": [{"name": "v", "type": "uint16"}],
                      "B": [{"name": "z", "type": "Z"}], "A": [{"name": "b", "type": "B"}, {"name": "z", "type": "Z[1]"}],
                      "M": [{"name": "a", "type": "A"}, {"name": "b", "type": "B[]"}]},
            "primaryType": "M", "domain": domain,
            "message": {"a": {"b": {"z": {"v": 1}}, "z": [{"v": 2}]}, "b": [{"z": {"v": 3}}]}},
    }
    cases = []
    for name, document in documents.items():
        signable = encode_typed_data(full_message=document)
        cases.append({"name": name, "document": document, "separator": hexed(signable.header),
                      "message": hexed(signable.body), "digest": hexed(_hash_eip191_message(signable))})
    write("signatures/eip712.json", "eth-account encode_typed_data", cases)


if __name__ == "__main__":
    digests()
    suites()
    recovery()
    ethereum()
    typed_data()
