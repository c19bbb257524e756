#!/usr/bin/env python3
"""Writes Tests/Vectors/messages/*.json: envelopes by remerkleable, transfers by eth_abi, ids by hashlib.

Needs: pip install remerkleable eth_abi
"""
import hashlib
import json
import pathlib

from eth_abi import encode
from remerkleable.basic import uint8, uint16, uint64, uint256
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List

from gate_names import chain

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/messages"


class Coin(Container):
    denom: ByteList[128]
    amount: uint256


class Call(Container):
    target: ByteList[64]
    funds: List[Coin, 8]
    gasLimit: uint64
    input: ByteList[131072]


class Attribute(Container):
    selector: ByteVector[4]
    value: ByteList[4096]


class ExecutionEnvelope(Container):
    version: uint16
    calls: List[Call, 16]
    refundTo: ByteList[64]
    attributes: List[Attribute, 16]


class Outcome(Container):
    status: uint8
    gasUsed: uint64
    results: List[ByteList[16384], 16]
    error: ByteList[512]


def hexa(raw):
    return "0x" + bytes(raw).hex()


def account(domain, address):
    return chain(domain)[:-1] + bytes([len(address)]) + address


EVM = account("eip155:1", bytes.fromhex("d8da6bf26964af9d7eed9e03e53415d37aa96045"))
COSMOS = account("cosmos:demo-1", b"demo1qyqszqgpqyqszqgpqyqszqgpqyqszqgp")


def envelope(version, calls, refund, attributes):
    return ExecutionEnvelope(
        version=version,
        calls=[
            Call(target=t, funds=[Coin(denom=d, amount=a) for d, a in funds], gasLimit=g, input=i)
            for t, funds, g, i in calls
        ],
        refundTo=refund,
        attributes=[Attribute(selector=s, value=v) for s, v in attributes],
    )


ENVELOPES = [
    ("one call", 1, [(EVM, [], 21000, b"")], COSMOS, []),
    ("example of the specification", 1,
     [(EVM, [(b"uatom", 1000000)], 200000, bytes.fromhex("a9059cbb"))], COSMOS,
     [(bytes.fromhex("39f87ba1"), (100000).to_bytes(32, "big"))]),
    ("many calls and coins", 1,
     [(COSMOS, [(b"x" * 128, 2**256 - 1), (b"y", 1)], 2**64 - 1, b'{"go":{}}' * 9)] * 16, EVM,
     [(bytes([n] * 4), bytes([n]) * n) for n in range(16)]),
]

BAD = [
    ("version 2", 2, [(EVM, [], 1, b"")], COSMOS, [], "version"),
    ("no calls", 1, [], COSMOS, [], "noCalls"),
    ("target without account", 1, [(chain("eip155:1"), [], 1, b"")], COSMOS, [], "targetWithoutAddress"),
    ("target with a trailing byte", 1, [(EVM + b"\0", [], 1, b"")], COSMOS, [], "target"),
    ("refund without account", 1, [(EVM, [], 1, b"")], chain("cosmos:demo-1"), [], "refundWithoutAddress"),
    ("refund empty", 1, [(EVM, [], 1, b"")], b"", [], "refund"),
    ("coin without name", 1, [(EVM, [(b"", 1)], 1, b"")], COSMOS, [], "emptyDenomination"),
    ("coin of nothing", 1, [(EVM, [(b"uatom", 0)], 1, b"")], COSMOS, [], "amountZero"),
]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    cases = []
    for name, *parts in ENVELOPES:
        value = envelope(*parts)
        cases.append({
            "name": name, "calls": len(parts[1]), "gasLimit": str(parts[1][0][2]),
            "encoded": hexa(value.encode_bytes()), "root": hexa(value.hash_tree_root())})
    for name, *parts, error in BAD:
        cases.append({"name": name, "encoded": hexa(envelope(*parts).encode_bytes()), "error": error})
    write("envelopes.json", "causeway.vectors.envelope/1", "remerkleable 0.1.28", cases)

    outcomes = []
    for name, status, gas, results, error in [
        ("success", 0, 51234, [b"", b"\x01" * 40], b""),
        ("failure", 1, 99, [], b"out of gas"),
        ("success without results", 0, 0, [], b""),
    ]:
        value = Outcome(status=status, gasUsed=gas, results=results, error=error)
        outcomes.append({
            "name": name, "status": status, "gasUsed": gas, "results": [hexa(r) for r in results],
            "errorText": hexa(error), "encoded": hexa(value.encode_bytes()), "root": hexa(value.hash_tree_root())})
    for name, status, results, text, error in [
        ("status 2", 2, [], b"", "status"), ("success with an error", 0, [], b"x", "errorOfSuccess"),
        ("error with results", 1, [b"x"], b"y", "resultsOfError"),
    ]:
        value = Outcome(status=status, gasUsed=0, results=results, error=text)
        outcomes.append({"name": name, "encoded": hexa(value.encode_bytes()), "error": error})
    write("outcomes.json", "causeway.vectors.outcome/1", "remerkleable 0.1.28", outcomes)

    crossings = []
    for domain, client, sequence in [
        ("eip155:1", "client-0", 1), ("eip155:42161", "client-0", 1), ("cosmos:cosmoshub-4", "07-tendermint-0", 77),
        ("cosmos:cosmoshub-4", "07-tendermint-0", 2**64 - 1), ("eip155:" + "9" * 32, "x" * 64, 256),
    ]:
        origin, name = chain(domain), client.encode()
        preimage = (b"causeway/crossing/v1" + len(origin).to_bytes(2, "big") + origin + bytes([len(name)]) + name
                    + sequence.to_bytes(8, "big"))
        crossings.append({
            "name": f"{domain} {client} {sequence}", "origin": domain, "client": client, "sequence": str(sequence),
            "originBytes": hexa(origin), "id": hexa(hashlib.sha256(preimage).digest())})
    write("crossings.json", "causeway.vectors.crossing/1", "hashlib", crossings)

    transfers = []
    for name, fields in [
        ("plain", ("uatom", "sender", "receiver", 1, "")),
        ("with a path and a memo", ("transfer/client-0/" + "d" * 70, "cosmos1" + "q" * 38, "0x" + "ab" * 20, 10**30,
                                    '{"note":"é"}')),
        ("greatest amount", ("x" * 32, "y" * 31, "z" * 33, 2**256 - 1, "m" * 1000)),
    ]:
        transfers.append({
            "name": name, "denom": fields[0], "sender": fields[1], "receiver": fields[2], "amount": str(fields[3]),
            "memo": fields[4],
            "encoded": hexa(encode(["(string,string,string,uint256,string)"], [fields]))})
    write("transfers.json", "causeway.vectors.transfer/1", "eth_abi 6.0.0", transfers)


def write(name, schema, source, cases):
    text = json.dumps({"schema": schema, "source": source, "cases": cases}, indent=1, ensure_ascii=False)
    (OUT / name).write_text(text + "\n")


main()
