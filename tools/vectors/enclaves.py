#!/usr/bin/env python3
"""Writes Tests/Vectors/enclaves/{containers,refusals,envelopes,signatures}.json.

Containers and branches by remerkleable, digests by hashlib, HPKE by pyhpke (X25519) and cryptography (X-Wing, over OpenSSL),
signatures by cryptography. Ephemeral keys of HPKE are random: each run gives other ciphertexts of the same inputs.

Needs: pip install remerkleable cryptography==50.0.2 pyhpke
"""
import hashlib
import json
import pathlib
import struct

import pyhpke
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, utils, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from remerkleable.basic import uint8, uint16, uint64, uint256
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List

from gate_names import chain

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/enclaves"
Bytes32 = ByteVector[32]


class Keys(Container):
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


class Launch(Container):
    version: uint16
    program: Bytes32
    policy: Bytes32
    start: uint64


class Header(Container):
    version: uint16
    suite: uint16
    registration: Bytes32
    case: Bytes32
    sender: ByteList[64]
    nonce: uint64
    expires: uint64
    content: Bytes32


class Envelope(Container):
    header: Header
    encapsulated: ByteList[2048]
    ciphertext: ByteList[131072]


class InputField(Container):
    name: ByteList[64]
    value: ByteList[4096]
    salt: Bytes32


class Input(Container):
    replySuite: uint16
    replyKey: ByteList[2048]
    body: ByteList[65536]
    salt: Bytes32
    parts: List[InputField, 64]  # "fields" is a method of remerkleable


class ReplyHeader(Container):
    version: uint16
    suite: uint16
    registration: Bytes32
    case: Bytes32
    commitment: Bytes32
    index: uint64


class Reply(Container):
    header: ReplyHeader
    encapsulated: ByteList[2048]
    ciphertext: ByteList[65552]


class Coin(Container):
    denom: ByteList[128]
    amount: uint256


class Payout(Container):
    account: ByteList[64]
    coins: List[Coin, 8]


class Update(Container):
    version: uint16
    payouts: List[Payout, 256]
    stateBefore: Bytes32
    stateAfter: Bytes32


class Receipt(Container):
    version: uint16
    registration: Bytes32
    program: Bytes32
    policy: Bytes32
    case: Bytes32
    inputs: Bytes32
    update: Bytes32
    replies: Bytes32
    sequence: uint64
    previous: Bytes32
    time: uint64


class Token(Container):
    version: uint16
    case: Bytes32
    inputs: Bytes32
    registration: Bytes32
    attempt: uint64
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


class CaseInput(Container):
    version: uint16
    sender: ByteList[64]
    nonce: uint64
    commitment: Bytes32
    coins: List[Coin, 8]


def hexa(raw):
    return "0x" + bytes(raw).hex()


def sha(*parts):
    return hashlib.sha256(b"".join(bytes(p) for p in parts)).digest()


def tag(text):
    return bytes([len(text)]) + text.encode()


def b32(text):
    return Bytes32(sha(text.encode()))


def account(domain, address):
    return chain(domain)[:-1] + bytes([len(address)]) + address


DOMAIN = chain("cosmos:demo-1")
OPERATOR = account("cosmos:demo-1", bytes(range(20)))
ALICE = account("cosmos:demo-1", bytes([0xA1] * 20))
EVE = account("eip155:1", bytes([0xE5] * 20))

P256 = ec.derive_private_key(int.from_bytes(sha(b"enclave signing key"), "big"), ec.SECP256R1())
P256_PUBLIC = P256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
ED = ed25519.Ed25519PrivateKey.from_private_bytes(sha(b"coordinator key"))
ED_PUBLIC = ED.public_key().public_bytes_raw()
SEED_X = sha(b"sealing key, X25519")
SEED_W = sha(b"sealing key, X-Wing")
SEED_R = sha(b"reply key, X25519")
X_KEY = x25519.X25519PrivateKey.from_private_bytes(SEED_X)
X_PUBLIC = X_KEY.public_key().public_bytes_raw()
R_PUBLIC = x25519.X25519PrivateKey.from_private_bytes(SEED_R).public_key().public_bytes_raw()


def xwing(seed):
    """draft-connolly-cfrg-xwing-kem: SHAKE-256 of the seed gives the seeds of both halves."""
    wide = hashlib.shake_256(seed).digest(96)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(wide[:64])
    curve = x25519.X25519PrivateKey.from_private_bytes(wide[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return hpke.MLKEM768X25519PrivateKey(lattice, curve), public


W_KEY, W_PUBLIC = xwing(SEED_W)
CLASSIC = pyhpke.CipherSuite.new(
    pyhpke.KEMId.DHKEM_X25519_HKDF_SHA256, pyhpke.KDFId.HKDF_SHA256, pyhpke.AEADId.CHACHA20_POLY1305)
HYBRID = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def keys(suite=1, **change):
    values = dict(
        version=1, domain=DOMAIN, operator=OPERATOR, program=b32("program"), policy=b32("policy"),
        signingSuite=b"p256-sha256", signingKey=P256_PUBLIC, sealingSuite=suite,
        sealingKey=X_PUBLIC if suite == 1 else W_PUBLIC, sequence=3, anchorHeight=77, anchorHash=b32("anchor"),
        issued=1_700_000_000, expires=1_700_086_400)
    values.update(change)
    return Keys(**values)


def case_id(domain, number):
    return sha(tag("causeway/case/v1"), struct.pack(">H", len(domain)), domain, struct.pack(">Q", number))


def report_data(value):
    return hashlib.sha512(tag("causeway/enclave-keys/v1") + bytes(value.hash_tree_root())).digest()


def plain(fields=True, **change):
    values = dict(
        replySuite=1, replyKey=R_PUBLIC, body=b'{"bid":"500"}', salt=b32("salt"),
        parts=[InputField(name=b"price", value=b"500", salt=b32("s1")),
                InputField(name=b"quantity", value=b"3", salt=b32("s2"))] if fields else [])
    values.update(change)
    return Input(**values)


def header(suite, registration, content, **change):
    values = dict(version=1, suite=suite, registration=registration, case=CASE, sender=ALICE, nonce=7,
                  expires=1_700_003_600, content=content)
    values.update(change)
    return Header(**values)


def seal(suite, aad, body, info):
    if suite == 1:
        enc, sender = CLASSIC.create_sender_context(pyhpke.KEMKey.from_pyca_cryptography_key(X_KEY.public_key()), info)
        return enc, sender.seal(body, aad)
    sealed = rust_openssl.hpke._encrypt_with_aad(HYBRID, body, W_KEY.public_key(), info, aad)
    return sealed[:1120], sealed[1120:]


def digest(name, first, value):
    return sha(tag(name), sha(first), value.hash_tree_root())


CASE = case_id(DOMAIN, 5)


def containers():
    rows = []

    def add(name, kind, value, **derived):
        rows.append(dict(name=name, type=kind, ssz=hexa(value.encode_bytes()), root=hexa(value.hash_tree_root()),
                         derived={k: v if isinstance(v, (str, int)) else hexa(v) for k, v in derived.items()}))

    for name, value in [("X25519 keys", keys(1)), ("X-Wing keys", keys(2)),
                        ("keys that sign with Ed25519", keys(1, signingSuite=b"ed25519", signingKey=ED_PUBLIC)),
                        ("keys of an EVM domain", keys(1, domain=chain("eip155:1"), operator=EVE,
                                                       signingSuite=b"secp256k1-address", signingKey=bytes([9] * 20)))]:
        add(name, "EnclaveKeys", value, registration=value.hash_tree_root(), reportData=report_data(value),
            sequence=3, anchorHeight=77, issued=1_700_000_000, expires=1_700_086_400)
    launch = Launch(version=1, program=b32("program"), policy=b32("policy"), start=1_700_000_001)
    add("a launch", "Launch", launch, digest=sha(tag("causeway/launch/v1"), launch.encode_bytes()))
    registration = keys(1).hash_tree_root()
    head = header(1, registration, plain().hash_tree_root())
    add("a header", "EnvelopeHeader", head, nonce=7, expires=1_700_003_600)
    envelope = Envelope(header=head, encapsulated=bytes(32), ciphertext=bytes(range(48)))
    commitment = sha(tag("causeway/envelope/v1"), sha(envelope.encode_bytes()))
    add("an envelope", "SealedEnvelope", envelope, digest=commitment)
    add("an input with fields", "SealedInput", plain())
    add("an input without", "SealedInput", plain(False, body=b""))
    reply = Reply(
        header=ReplyHeader(version=1, suite=1, registration=registration, case=CASE, commitment=commitment, index=2),
        encapsulated=bytes([5] * 32), ciphertext=bytes(16))
    add("a reply's header", "ReplyHeader", reply.header, index=2)
    add("a reply", "SealedReply", reply, digest=sha(reply.encode_bytes()))
    update = Update(
        version=1, stateBefore=bytes(32), stateAfter=b32("state"),
        payouts=[Payout(account=ALICE, coins=[Coin(denom=b"atom", amount=1), Coin(denom=b"stake", amount=2**256 - 1)]),
                 Payout(account=EVE, coins=[Coin(denom=b"stake", amount=500)])])
    add("an update", "Update", update)
    add("an update of nothing", "Update", Update(version=1))
    List256 = List[Bytes32, 256]
    replies = List256(Bytes32(sha(reply.encode_bytes()))).hash_tree_root()
    inputs = List256(Bytes32(commitment), b32("second")).hash_tree_root()
    receipt = Receipt(
        version=1, registration=registration, program=b32("program"), policy=b32("policy"), case=CASE, inputs=inputs,
        update=update.hash_tree_root(), replies=replies, sequence=1, previous=bytes(32), time=1_700_003_000)
    add("a first receipt", "Receipt", receipt, digest=digest("causeway/receipt/v1", DOMAIN, receipt), sequence=1,
        time=1_700_003_000)
    later = Receipt(
        version=1, registration=registration, program=b32("program"), policy=b32("policy"), case=CASE, inputs=inputs,
        update=update.hash_tree_root(), replies=replies, sequence=2,
        previous=digest("causeway/receipt/v1", DOMAIN, receipt), time=1_700_003_001)
    add("a later receipt", "Receipt", later, digest=digest("causeway/receipt/v1", DOMAIN, later), sequence=2,
        time=1_700_003_001)
    token = Token(version=1, case=CASE, inputs=inputs, registration=registration, attempt=4, expires=1_700_009_000)
    add("a token", "Token", token, digest=digest("causeway/token/v1", DOMAIN, token), attempt=4,
        expires=1_700_009_000)
    step = Transition(version=1, registration=registration, previous=b32("p"), next=b32("n"), revision=1, height=10,
                      time=1_700_000_000, root=b32("root"))
    add("a transition", "Transition", step, revision=1, height=10, time=1_700_000_000,
        digest=digest("causeway/enclave-state/v1", b"binding", step))
    entry = CaseInput(version=1, sender=ALICE, nonce=7, commitment=commitment,
                      coins=[Coin(denom=b"stake", amount=500)])
    add("a submission", "CaseInput", entry, nonce=7)

    link = sha(tag("causeway/custody/v1"), bytes(32), b"\x01", sha(b"opening"))
    second = sha(tag("causeway/custody/v1"), link, b"\x02", sha(entry.encode_bytes()))
    lists = [dict(commitments=[hexa(b32(f"c{i}")) for i in range(count)],
                  root=hexa(List256(*[b32(f"c{i}") for i in range(count)]).hash_tree_root()))
             for count in (0, 1, 2, 3, 200, 256)]
    write("containers", dict(cases=rows, inputLists=lists, custody=dict(
        first=hexa(link), second=hexa(second), firstContent=hexa(b"opening"), secondContent=hexa(entry.encode_bytes())),
        case=dict(domain=hexa(DOMAIN), number=5, id=hexa(CASE)),
        domains=dict(domain=hexa(DOMAIN), bindingHash=hexa(sha(b"binding")))))


def refusals():
    rows = []

    def add(name, kind, value, error):
        rows.append(dict(name=name, type=kind, ssz=hexa(value if isinstance(value, bytes) else value.encode_bytes()),
                         error=error))

    add("version 2", "EnclaveKeys", keys(version=2), "version")
    add("a domain with an account", "EnclaveKeys", keys(domain=ALICE), "addressHasAccount")
    add("an operator without account", "EnclaveKeys", keys(operator=DOMAIN), "addressWithoutAccount")
    add("a domain that is no address", "EnclaveKeys", keys(domain=b"cosmos:demo-1"), "address")
    add("an unknown suite", "EnclaveKeys", keys(signingSuite=b"rsa-pss-sha256"), "signingSuite")
    add("a suite that takes any encoding", "EnclaveKeys", keys(signingSuite=b"ed25519-zip215", signingKey=ED_PUBLIC),
        "signingSuite")
    add("a suite in other letters", "EnclaveKeys", keys(signingSuite=b"P256-SHA256"), "signingSuite")
    add("an uncompressed key", "EnclaveKeys", keys(
        signingKey=P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)), "length")
    add("sealing suite 3", "EnclaveKeys", keys(sealingSuite=3), "sealingSuite")
    add("a short sealing key", "EnclaveKeys", keys(sealingKey=bytes(31)), "length")
    add("sequence 0", "EnclaveKeys", keys(sequence=0), "empty")
    add("expiry at issue", "EnclaveKeys", keys(expires=1_700_000_000), "times")
    registration = keys().hash_tree_root()
    good = header(1, registration, b32("content"))
    add("a header of version 0", "EnvelopeHeader", header(1, registration, b32("c"), version=0), "version")
    add("a sender that is a chain", "EnvelopeHeader", header(1, registration, b32("c"), sender=DOMAIN),
        "addressWithoutAccount")
    add("X-Wing's encapsulation under suite 1", "SealedEnvelope",
        Envelope(header=good, encapsulated=bytes(1120), ciphertext=bytes(16)), "length")
    add("a ciphertext without tag", "SealedEnvelope",
        Envelope(header=good, encapsulated=bytes(32), ciphertext=bytes(15)), "length")
    add("fields out of order", "SealedInput", plain(parts=[
        InputField(name=b"b", value=b"", salt=b32("1")), InputField(name=b"a", value=b"", salt=b32("2"))]), "order")
    add("a field twice", "SealedInput", plain(parts=[
        InputField(name=b"a", value=b"", salt=b32("1")), InputField(name=b"a", value=b"1", salt=b32("2"))]), "order")
    add("a field without name", "SealedInput",
        plain(parts=[InputField(name=b"", value=b"", salt=b32("1"))]), "empty")
    add("a name that is not ASCII", "SealedInput",
        plain(parts=[InputField(name="preço".encode(), value=b"", salt=b32("1"))]), "unknown")
    add("a field without salt", "SealedInput",
        plain(parts=[InputField(name=b"a", value=b"", salt=bytes(32))]), "empty")
    add("an input without salt", "SealedInput", plain(salt=bytes(32)), "empty")
    add("a reply key of the other suite", "SealedInput", plain(replySuite=2), "length")

    def update(coins):
        return Update(version=1, payouts=[Payout(account=ALICE, coins=coins)])

    add("an amount of nothing", "Update", update([Coin(denom=b"a", amount=0)]), "empty")
    add("a coin without name", "Update", update([Coin(denom=b"", amount=1)]), "empty")
    add("coins out of order", "Update", update([Coin(denom=b"b", amount=1), Coin(denom=b"a", amount=1)]), "order")
    add("a coin twice", "Update", update([Coin(denom=b"a", amount=1), Coin(denom=b"a", amount=1)]), "order")
    add("a payout of nothing", "Update", update([]), "empty")
    add("a payout to a chain", "Update",
        Update(version=1, payouts=[Payout(account=DOMAIN, coins=[Coin(denom=b"a", amount=1)])]), "addressWithoutAccount")
    base = dict(version=1, sequence=1)
    add("receipt 0", "Receipt", Receipt(**{**base, "sequence": 0}), "empty")
    add("a first receipt with one before", "Receipt", Receipt(**base, previous=b32("x")), "unknown")
    add("a second receipt with none before", "Receipt", Receipt(**{**base, "sequence": 2}), "unknown")
    add("a token of version 2", "Token", Token(version=2), "version")
    add("a transition of version 0", "Transition", Transition(version=0), "version")
    add("a token with a byte more", "Token", Token(version=1).encode_bytes() + b"\0", "ssz")
    gap = bytearray(good.encode_bytes())
    gap[68:72] = struct.pack("<I", struct.unpack("<I", gap[68:72])[0] + 1)
    add("a gap behind the fixed part", "EnvelopeHeader", bytes(gap), "ssz")
    write("refusals", dict(cases=rows))


def envelopes():
    rows = []
    for suite, seed in ((1, SEED_X), (2, SEED_W)):
        value = keys(suite)
        registration = value.hash_tree_root()
        for fields in (True, False):
            content = plain(fields)
            head = header(suite, registration, content.hash_tree_root())
            info = tag("causeway/envelope/v1") + bytes(registration)
            enc, ct = seal(suite, head.encode_bytes(), content.encode_bytes(), info)
            envelope = Envelope(header=head, encapsulated=enc, ciphertext=ct)
            rows.append(dict(
                name=f"suite {suite}, {'fields' if fields else 'body alone'}", suite=suite, seed=hexa(seed),
                keys=hexa(value.encode_bytes()), envelope=hexa(envelope.encode_bytes()),
                input=hexa(content.encode_bytes()),
                commitment=hexa(sha(tag("causeway/envelope/v1"), sha(envelope.encode_bytes())))))
        # Well sealed, and still not what the header says.
        other = header(suite, registration, b32("another input"))
        enc, ct = seal(suite, other.encode_bytes(), plain().encode_bytes(),
                       tag("causeway/envelope/v1") + bytes(registration))
        rows.append(dict(name=f"suite {suite}, another content", suite=suite, seed=hexa(seed),
                         keys=hexa(value.encode_bytes()), error="content",
                         envelope=hexa(Envelope(header=other, encapsulated=enc, ciphertext=ct).encode_bytes())))
        head = header(suite, registration, plain().hash_tree_root())
        for name, info, aad, body, error in [
            ("the reply's info", tag("causeway/reply/v1") + bytes(registration), head.encode_bytes(),
             plain().encode_bytes(), "sealed"),
            ("no aad", tag("causeway/envelope/v1") + bytes(registration), b"", plain().encode_bytes(), "sealed"),
            ("no input", tag("causeway/envelope/v1") + bytes(registration), head.encode_bytes(), b"{}", "input"),
        ]:
            enc, ct = seal(suite, aad, body, info)
            rows.append(dict(name=f"suite {suite}, {name}", suite=suite, seed=hexa(seed),
                             keys=hexa(value.encode_bytes()), error=error,
                             envelope=hexa(Envelope(header=head, encapsulated=enc, ciphertext=ct).encode_bytes())))
        body = b'{"won":true}'
        top = ReplyHeader(version=1, suite=suite, registration=registration, case=CASE, commitment=b32("commitment"),
                          index=1)
        enc, ct = seal(suite, top.encode_bytes(), body, tag("causeway/reply/v1") + CASE)
        rows.append(dict(name=f"suite {suite}, reply", suite=suite, seed=hexa(seed), keys=hexa(value.encode_bytes()),
                         reply=hexa(Reply(header=top, encapsulated=enc, ciphertext=ct).encode_bytes()),
                         body=hexa(body), commitmentOfInput=hexa(b32("commitment"))))
    # Branches to parts of an input, by remerkleable's tree.
    value = plain()
    branches = []
    for name, gindex in [("body", 10), ("replySuite", 8), ("replyKey", 9)] + [
            (f"field {i}", (12 * 2) * 64 + i) for i in (0, 1)]:
        node = value.get_backing()
        siblings = []
        for bit in bin(gindex)[3:]:
            left, right = node.get_left(), node.get_right()
            siblings.append(left if bit == "1" else right)
            node = right if bit == "1" else left
        branches.append(dict(part=name, gindex=gindex, leaf=hexa(node.merkle_root()),
                             branch=[hexa(s.merkle_root()) for s in reversed(siblings)]))
    write("envelopes", dict(cases=rows, case=hexa(CASE), sender=hexa(ALICE), nonce=7, expires=1_700_003_600,
                            branches=dict(input=hexa(value.encode_bytes()), root=hexa(value.hash_tree_root()),
                                          cases=branches)))


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signatures():
    value = sha(b"digest")
    r, s = utils.decode_dss_signature(
        P256.sign(value, ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)))
    low, high = min(s, ORDER - s), max(s, ORDER - s)
    pack = lambda a, b: a.to_bytes(32, "big") + b.to_bytes(32, "big")
    write("signatures", dict(digest=hexa(value), cases=[
        dict(name="P-256, low s", suite="p256-sha256", key=hexa(P256_PUBLIC), signature=hexa(pack(r, low))),
        dict(name="P-256, high s", suite="p256-sha256", key=hexa(P256_PUBLIC), signature=hexa(pack(r, high)),
             error="highS", lowered=hexa(pack(r, low))),
        dict(name="P-256, s of the order", suite="p256-sha256", key=hexa(P256_PUBLIC),
             signature=hexa(pack(r, ORDER)), error="highS"),
        dict(name="P-256, another r", suite="p256-sha256", key=hexa(P256_PUBLIC),
             signature=hexa(pack(r ^ 1, low)), error="refused"),
        dict(name="P-256, one byte less", suite="p256-sha256", key=hexa(P256_PUBLIC),
             signature=hexa(pack(r, low)[:-1]), error="signatureLength"),
        dict(name="Ed25519", suite="ed25519", key=hexa(ED_PUBLIC), signature=hexa(ED.sign(value))),
        dict(name="Ed25519 of another digest", suite="ed25519", key=hexa(ED_PUBLIC), signature=hexa(ED.sign(sha(value))),
             error="refused"),
    ]))


def write(name, body):
    OUT.mkdir(parents=True, exist_ok=True)
    body = {"schema": f"causeway-vectors/enclaves/{name}/1",
            "source": "tools/vectors/enclaves.py: remerkleable, hashlib, cryptography", **body}
    (OUT / f"{name}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    containers()
    refusals()
    envelopes()
    signatures()
