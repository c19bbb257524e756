#!/usr/bin/env python3
"""Writes Tests/Vectors/gate/enclaves.json: a client under a policy that believes an enclave, step by step.

Needs: pip install -r tools/requirements.txt. Containers and their roots come from remerkleable, secp256k1 signatures from
coincurve, P-256 from OpenSSL (cryptography), hashes from hashlib and pycryptodome; protobuf is written here.
"""
import hashlib
import json
import pathlib

import coincurve
from Crypto.Hash import keccak
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from remerkleable.basic import uint16, uint64
from remerkleable.byte_arrays import ByteList, Bytes32
from remerkleable.complex import Container

from gate_names import chain, erc7930

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/gate"


class EnclaveKeys(Container):
    version: uint16
    domain: ByteList[64]
    operator: ByteList[64]
    program: Bytes32
    policy: Bytes32
    signingSuite: ByteList[64]
    signingKey: ByteList[2048]
    sealingSuite: uint16
    sealingKey: ByteList[2048]
    sequence: uint64
    anchorHeight: uint64
    anchorHash: Bytes32
    issued: uint64
    expires: uint64


class Transition(Container):
    version: uint16
    registration: Bytes32
    previous: Bytes32
    next: Bytes32
    revision: uint64
    height: uint64
    time: uint64
    root: Bytes32


def sha(raw):
    return hashlib.sha256(raw).digest()


def hexa(raw):
    return "0x" + bytes(raw).hex()


def short(raw):
    return bytes([len(raw)]) + raw


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def number(field, value):
    return b"" if value == 0 else varint(field << 3) + varint(value)


def blob(field, raw):
    return varint(field << 3 | 2) + varint(len(raw)) + raw


ORIGIN, ROUTER, CLIENT = "cosmos:demo-1", b"ibc", "client-0"
BINDING = sha(
    short(b"causeway/attestation/v1") + len(chain(ORIGIN)).to_bytes(2, "big") + chain(ORIGIN) + short(ROUTER)
    + short(CLIENT.encode()))
PROGRAM, ENCLAVE_POLICY, START = sha(b"program"), sha(b"enclave policy"), sha(b"state 0")
ISSUED, EXPIRES = 1_700_000_000, 1_700_086_400


class Ethereum:
    suite = b"secp256k1-address"

    def __init__(self, secret):
        self.key = coincurve.PrivateKey(secret.to_bytes(32, "big"))
        public = self.key.public_key.format(compressed=False)[1:]
        self.public = keccak.new(digest_bits=256, data=public).digest()[12:]

    def sign(self, digest):
        raw = self.key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])


class P256:
    suite = b"p256-sha256"
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def __init__(self, secret):
        self.key = ec.derive_private_key(secret, ec.SECP256R1())
        self.public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, digest):
        der = self.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + min(s, self.order - s).to_bytes(32, "big")


def keys(signer, **changes):
    fields = dict(
        version=1, domain=chain("cosmos:island-1"), operator=erc7930(0xCA02, b"cosmos:island-1", bytes(range(20))),
        program=PROGRAM, policy=ENCLAVE_POLICY, signingSuite=signer.suite, signingKey=signer.public, sealingSuite=1,
        sealingKey=bytes(range(32)), sequence=1, anchorHeight=5, anchorHash=sha(b"anchor"), issued=ISSUED,
        expires=EXPIRES)
    return EnclaveKeys(**(fields | changes))


def report(made):
    return hashlib.sha512(short(b"causeway/enclave-keys/v1") + bytes(made.hash_tree_root())).digest()


def registration(made, bound=None, program=PROGRAM, policy=ENCLAVE_POLICY, platform=8):
    statement = (
        number(1, 1) + blob(2, program) + blob(3, policy) + blob(4, report(made) if bound is None else bound)
        + number(5, ISSUED))
    return blob(1, made.encode_bytes()) + blob(2, number(1, platform) + blob(2, statement))


def evidence(signer, made, previous, after, height, time=None, root=None, with_registration=None, binding=BINDING,
             mangle=None, revision=1):
    step = Transition(
        version=1, registration=made.hash_tree_root(), previous=previous, next=after, revision=revision, height=height,
        time=ISSUED + 10 * height if time is None else time, root=sha(b"root %d" % height) if root is None else root)
    digest = sha(short(b"causeway/enclave-state/v1") + binding + bytes(step.hash_tree_root()))
    signature = signer.sign(digest)
    if mangle:
        signature = mangle(signature)
    inner = blob(1, step.encode_bytes()) + blob(2, signature)
    if with_registration is not None:
        inner += blob(3, with_registration)
    return blob(5, inner)


S = [START] + [sha(b"state %d" % n) for n in range(1, 12)]
A, B, C = Ethereum(7), P256(8), Ethereum(9)
KA, KB = keys(A), keys(B, sequence=2, expires=ISSUED + 1000)
LATER = keys(C, issued=ISSUED + 5000, expires=EXPIRES)
POLICY = {
    "enclave": {
        "origin": ORIGIN, "router": hexa(ROUTER), "client": CLIENT, "program": hexa(PROGRAM),
        "policy": hexa(ENCLAVE_POLICY), "start": hexa(START),
        "freshness": {"ageMaxSeconds": 600, "driftMaxSeconds": 30},
        "attestation": {
            "schema": "causeway-attestation-policy/1", "production": False,
            "simulated": {"programs": [hexa(PROGRAM)], "policies": [hexa(ENCLAVE_POLICY)]},
        },
    }
}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def accepted(height, until):
    return {"height": height, "time": ISSUED + 10 * height, "root": hexa(sha(b"root %d" % height)), "expires": until}


STEPS = [
    ("a transition of an enclave that is not registered", evidence(A, KA, S[0], S[1], 1), ISSUED + 20, "enclave.notRegistered"),
    ("evidence for other keys", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA, bound=report(KB))),
     ISSUED + 20, "enclave.notBound"),
    ("half of the report data", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA, bound=report(KA)[:32])),
     ISSUED + 20, "enclave.notBound"),
    ("keys of another program", evidence(A, keys(A, program=sha(b"other")), S[0], S[1], 1, with_registration=registration(
        keys(A, program=sha(b"other")))), ISSUED + 20, "enclave.program"),
    ("keys of another enclave policy", evidence(A, keys(A, policy=sha(b"other")), S[0], S[1], 1,
     with_registration=registration(keys(A, policy=sha(b"other")))), ISSUED + 20, "enclave.enclavePolicy"),
    ("hardware that measured another program", evidence(A, KA, S[0], S[1], 1, with_registration=registration(
        KA, program=sha(b"other"))), ISSUED + 20, "enclave.attestation"),
    ("a platform that the policy does not name", evidence(A, KA, S[0], S[1], 1, with_registration=registration(
        KA, platform=1)), ISSUED + 20, "enclave.attestation"),
    ("keys from the future", evidence(C, LATER, S[0], S[1], 1, with_registration=registration(LATER)), ISSUED + 20,
     "enclave.keysFromFuture"),
    ("another previous state", evidence(A, KA, S[3], S[4], 1, with_registration=registration(KA)), ISSUED + 20,
     "enclave.previousState"),
    ("a transition to the same state", evidence(A, KA, S[0], S[0], 1, with_registration=registration(KA)), ISSUED + 20,
     "enclave.noTransition"),
    ("height 0", evidence(A, KA, S[0], S[1], 0, time=ISSUED, with_registration=registration(KA)), ISSUED + 20,
     "enclave.heightZero"),
    ("time 0", evidence(A, KA, S[0], S[1], 1, time=0, with_registration=registration(KA)), ISSUED + 20,
     "enclave.timestampZero"),
    ("too old", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA)), ISSUED + 611, "enclave.tooOld"),
    ("from the future", evidence(A, KA, S[0], S[1], 6, with_registration=registration(KA)), ISSUED + 29,
     "enclave.fromFuture"),
    ("a signature for another client", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA),
     binding=sha(b"other binding")), ISSUED + 20, "enclave.signature"),
    ("another's signature", evidence(C, KA, S[0], S[1], 1, with_registration=registration(KA)), ISSUED + 20,
     "enclave.signature"),
    ("a signature that is too short", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA),
     mangle=lambda raw: raw[:64]), ISSUED + 20, "enclave.signature"),
    ("the first transition, with the registration", evidence(A, KA, S[0], S[1], 1, with_registration=registration(KA)),
     ISSUED + 20, accepted(1, ISSUED + 10 + 601)),
    ("the same again", evidence(A, KA, S[0], S[1], 1), ISSUED + 21, "enclave.previousState"),
    ("a second history from the first state", evidence(A, KA, S[0], S[2], 2), ISSUED + 25, "enclave.previousState"),
    ("the next, without the registration", evidence(A, KA, S[1], S[2], 2), ISSUED + 25, accepted(2, ISSUED + 20 + 601)),
    ("a second enclave goes on", evidence(B, KB, S[2], S[3], 3, with_registration=registration(KB)), ISSUED + 40,
     accepted(3, ISSUED + 30 + 601)),
    ("near its end", evidence(B, KB, S[3], S[4], 90), ISSUED + 910, accepted(90, ISSUED + 1000)),
    ("an expired enclave", evidence(B, KB, S[4], S[5], 99), ISSUED + 1000, "enclave.registrationExpired"),
    ("the first enclave is still there", evidence(A, KA, S[4], S[5], 99), ISSUED + 1000, accepted(99, ISSUED + 990 + 601)),
]

if __name__ == "__main__":
    steps = []
    for name, raw, now, expect in STEPS:
        steps.append({"name": name, "evidence": hexa(raw), "now": now,
                      **({"refusal": expect} if isinstance(expect, str) else {"claim": expect})})
    conflict = [
        hexa(evidence(A, KA, S[5], S[6], 100)), hexa(evidence(A, KA, S[5], S[7], 100, root=sha(b"another history")))]
    result = {
        "schema": "causeway.vectors.enclave-tier/1", "source": "tools/vectors/gate_enclaves.py",
        "policy": POLICY, "hash": hexa(sha(b"causeway/policy/v1" + canonical(POLICY))),
        "registrations": [
            {"keys": hexa(k.encode_bytes()), "registration": hexa(k.hash_tree_root()), "reportData": hexa(report(k))}
            for k in (KA, KB)],
        "steps": steps, "conflict": conflict,
    }
    (OUT / "enclaves.json").write_text(json.dumps(result, indent=1) + "\n")
