#!/usr/bin/env python3
"""Writes Tests/Vectors/settlement/*.json: messages of the settlement module, records, custody chains, inputs' roots.

Needs: pip install protobuf remerkleable bech32. Protobuf comes from Google's library over descriptors written here from
docs/spec/settlement.md, SSZ and its roots from remerkleable, addresses from bech32, hashes from hashlib.
"""
import hashlib
import json
import pathlib

import bech32
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from remerkleable.basic import uint8, uint16, uint64, uint256
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List

from gate_names import chain, erc7930

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/settlement"
OUT.mkdir(parents=True, exist_ok=True)
F = descriptor_pb2.FieldDescriptorProto
KINDS = {"bytes": F.TYPE_BYTES, "string": F.TYPE_STRING, "uint64": F.TYPE_UINT64}
MESSAGES = {
    "Coin": [("denom", 1, "string", 0), ("amount", 2, "string", 0)],
    "MsgStorePolicy": [("sender", 1, "string", 0), ("policy", 2, "bytes", 0)],
    "MsgRegisterEnclave": [("sender", 1, "string", 0), ("keys", 2, "bytes", 0), ("evidence", 3, "bytes", 0),
                           ("policy", 4, "bytes", 0)],
    "MsgInvalidateEnclave": [("sender", 1, "string", 0), ("registration", 2, "bytes", 0), ("collateral", 3, "bytes", 0)],
    "MsgOpenCase": [("sender", 1, "string", 0), ("program", 2, "bytes", 0), ("policy", 3, "bytes", 0),
                    ("attestation_policy", 4, "bytes", 0), ("coordinator_suite", 5, "string", 0),
                    ("coordinator_key", 6, "bytes", 0), ("closes", 7, "uint64", 0), ("expires", 8, "uint64", 0),
                    ("maximum_inputs", 9, "uint64", 0), ("accepts", 10, "Coin", 1), ("continues", 11, "bytes", 0)],
    "MsgSubmit": [("sender", 1, "string", 0), ("case", 2, "bytes", 0), ("commitment", 3, "bytes", 0),
                  ("nonce", 4, "uint64", 0), ("coins", 5, "Coin", 1)],
    "MsgSettle": [("sender", 1, "string", 0), ("case", 2, "bytes", 0), ("update", 3, "bytes", 0),
                  ("receipt", 4, "bytes", 0), ("signature", 5, "bytes", 0), ("token", 6, "bytes", 0),
                  ("token_signature", 7, "bytes", 0)],
    "MsgReclaim": [("sender", 1, "string", 0), ("case", 2, "bytes", 0)],
}


def classes():
    file = descriptor_pb2.FileDescriptorProto(name="settlement.proto", package="v", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            entry = message.field.add(name=field, number=number,
                                      label=F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL)
            if kind in KINDS:
                entry.type = KINDS[kind]
            else:
                entry.type, entry.type_name = F.TYPE_MESSAGE, f".v.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"v.{name}")) for name in MESSAGES}


TYPES = classes()


def S(raw):
    return hashlib.sha256(raw).digest()


def tag(name):
    return bytes([len(name)]) + name.encode()


def hexa(raw):
    return "0x" + bytes(raw).hex()


def address(raw):
    return bech32.bech32_encode("cause", bech32.convertbits(raw, 8, 5))


class Coin(Container):
    denom: ByteList[128]
    amount: uint256


class CaseOpening(Container):
    version: uint16
    number: uint64
    opener: ByteList[64]
    program: ByteVector[32]
    policy: ByteVector[32]
    attestationPolicy: ByteVector[32]
    coordinatorSuite: ByteList[64]
    coordinatorKey: ByteList[2048]
    opened: uint64
    closes: uint64
    expires: uint64
    maximumInputs: uint16
    accepts: List[Coin, 8]
    continues: ByteVector[32]
    state: ByteVector[32]


class CaseInput(Container):
    version: uint16
    sender: ByteList[64]
    nonce: uint64
    commitment: ByteVector[32]
    coins: List[Coin, 8]


class CaseClosing(Container):
    version: uint16
    inputs: ByteVector[32]
    inputCount: uint16


class CaseRecord(Container):
    version: uint16
    opening: ByteVector[32]
    closes: uint64
    expires: uint64
    status: uint8
    inputs: ByteVector[32]
    inputCount: uint16
    head: ByteVector[32]
    linkCount: uint16
    escrow: List[Coin, 8]
    receipt: ByteVector[32]
    state: ByteVector[32]


class RegistrationContent(Container):
    version: uint16
    registration: ByteVector[32]
    attestationPolicy: ByteVector[32]
    evidence: ByteVector[32]
    registered: uint64
    height: uint64
    expires: uint64


class RegistrationEnd(Container):
    version: uint16
    registration: ByteVector[32]
    evidence: ByteVector[32]
    reason: ByteList[256]
    time: uint64


Roots = List[ByteVector[32], 256]
DOMAIN = "cosmos:harbor-1"
ALICE, BOB = bytes(range(1, 21)), bytes(range(40, 60))


def account(raw):
    return erc7930(0xCA02, DOMAIN.encode(), raw)


def coins(pairs):
    return [Coin(denom=d.encode(), amount=a) for d, a in pairs]


def link(previous, kind, content):
    return S(tag("causeway/custody/v1") + previous + bytes([kind]) + S(content))


def fill(n):
    return bytes([n]) * 32


def write(name, cases):
    source = "tools/vectors/settlement.py (protobuf, remerkleable, bech32, hashlib)"
    body = {"schema": f"causeway/settlement/{name}/v1", "source": source, "cases": cases}
    (OUT / f"{name}.json").write_text(json.dumps(body, indent=1) + "\n")


def any_message(name, **fields):
    built = TYPES[name](**fields).SerializeToString(deterministic=True)
    return {"name": name, "type": f"/causeway.settlement.v1.{name}", "value": hexa(built)}


def messages():
    pair = [TYPES["Coin"](denom="stake", amount="500"), TYPES["Coin"](denom="ucause", amount="7")]
    alice = address(ALICE)
    out = [
        any_message("MsgStorePolicy", sender=alice, policy=b'{"schema":"x"}'),
        any_message("MsgRegisterEnclave", sender=alice, keys=b"keys", evidence=b"evidence", policy=fill(3)),
        any_message("MsgInvalidateEnclave", sender=alice, registration=fill(4), collateral=b"newer"),
        any_message("MsgInvalidateEnclave", sender=alice, registration=fill(4)),
        any_message("MsgOpenCase", sender=alice, program=fill(1), policy=fill(2), attestation_policy=fill(3),
                    coordinator_suite="ed25519", coordinator_key=fill(5), closes=1780000060, expires=1780000600,
                    maximum_inputs=16, accepts=pair, continues=fill(6)),
        any_message("MsgOpenCase", sender=alice, program=fill(1), policy=fill(2), attestation_policy=fill(3),
                    coordinator_suite="ed25519", coordinator_key=fill(5), closes=1780000060, expires=1780000600,
                    maximum_inputs=16),
        any_message("MsgSubmit", sender=alice, case=fill(8), commitment=fill(9), nonce=7, coins=pair),
        any_message("MsgSubmit", sender=alice, case=fill(8), commitment=fill(9)),
        any_message("MsgSettle", sender=alice, case=fill(8), update=b"update", receipt=b"receipt", signature=b"s" * 64,
                    token=b"token", token_signature=b"t" * 64),
        any_message("MsgReclaim", sender=alice, case=fill(8)),
    ]
    names = ["storePolicy", "registerEnclave", "invalidateWithCollateral", "invalidate", "openContinuing", "open",
             "submitWithCoins", "submit", "settle", "reclaim"]
    for case, name in zip(out, names):
        case["name"] = name
        case["sender"] = alice
    write("messages", out)


def roots():
    leaves = [S(b"leaf" + bytes([n])) for n in range(256)]
    out = []
    for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 100, 127, 128, 129, 200, 254, 255, 256]:
        root = Roots(*leaves[:count]).hash_tree_root()
        out.append({"name": f"{count} leaves", "count": count, "want": hexa(root)})
    write("inputs", out)


def case_story():
    domain = chain(DOMAIN)
    number = 1
    case = S(tag("causeway/case/v1") + len(domain).to_bytes(2, "big") + domain + number.to_bytes(8, "big"))
    opening = CaseOpening(
        version=1, number=number, opener=account(ALICE), program=fill(1), policy=fill(2), attestationPolicy=fill(3),
        coordinatorSuite=b"ed25519", coordinatorKey=fill(5), opened=1780000000, closes=1780000060, expires=1780000600,
        maximumInputs=16, accepts=coins([("stake", 1), ("ucause", 5)]), continues=bytes(32), state=bytes(32))
    inputs = [
        CaseInput(version=1, sender=account(ALICE), nonce=1, commitment=S(b"a"), coins=coins([("stake", 500)])),
        CaseInput(version=1, sender=account(BOB), nonce=2**64 - 1, commitment=S(b"b"),
                  coins=coins([("stake", 2**200), ("ucause", 7)])),
        CaseInput(version=1, sender=account(BOB), nonce=0, commitment=S(b"c"), coins=[]),
    ]
    raw = lambda value: value.encode_bytes()
    head = link(bytes(32), 1, raw(opening))
    heads = [head]
    for value in inputs:
        head = link(head, 2, raw(value))
        heads.append(head)
    root = Roots(*[value.commitment for value in inputs]).hash_tree_root()
    record = CaseRecord(
        version=1, opening=opening.hash_tree_root(), closes=1780000060, expires=1780000600, status=1, inputs=root,
        inputCount=3, head=head, linkCount=4, escrow=coins([("stake", 500 + 2**200), ("ucause", 7)]),
        receipt=bytes(32), state=bytes(32))
    closing = CaseClosing(version=1, inputs=root, inputCount=3)
    content = RegistrationContent(
        version=1, registration=fill(4), attestationPolicy=fill(3), evidence=S(b"evidence"), registered=1780000001,
        height=12, expires=1780086400)
    end = RegistrationEnd(
        version=1, registration=fill(4), evidence=S(b"newer"), reason=b"attestation.intel.revoked", time=1780000900)
    write("case", [{
        "name": "one case", "domain": DOMAIN, "number": number, "case": hexa(case),
        "escrow": address(S(b"causeway/module/settlement/" + case.hex().encode())[:20]),
        "opening": hexa(raw(opening)), "openingRoot": hexa(opening.hash_tree_root()),
        "inputs": [hexa(raw(value)) for value in inputs], "root": hexa(root), "heads": [hexa(h) for h in heads],
        "record": hexa(raw(record)), "recordRoot": hexa(record.hash_tree_root()),
        "closing": hexa(raw(closing)), "closed": hexa(link(head, 3, raw(closing))),
        "registration": hexa(raw(content)), "registered": hexa(link(bytes(32), 4, raw(content))),
        "end": hexa(raw(end)), "ended": hexa(link(link(bytes(32), 4, raw(content)), 9, raw(end))),
    }])


messages()
roots()
case_story()
