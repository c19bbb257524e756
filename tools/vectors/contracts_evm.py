#!/usr/bin/env python3
"""Makes Tests/Vectors/contracts/evm.json: what ledger contracts must know of EVM chains, by eth_utils and eth_abi.

Execution accounts are CREATE2 addresses: K(ff ‖ handler ‖ K("causeway/execution-account/v1" ‖ u8 length ‖ client ‖
ERC-7930 of the sender) ‖ hash of the init code)[12:]. Needs: pip install eth_abi eth_utils 'eth_hash[pycryptodome]'
"""
import hashlib, json, pathlib, random

from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector, keccak, to_checksum_address

from gate_names import chain


def named(domain, address):
    name = chain(domain)
    assert name[-1] == 0
    return name[:-1] + bytes([len(address)]) + address


def account(sender, client, handler, code_hash):
    salt = keccak(b"causeway/execution-account/v1" + bytes([len(client)]) + client.encode() + sender)
    return "0x" + keccak(b"\xff" + handler + salt + code_hash)[12:].hex()


def contract(code, instance):
    """wasmd's classic address of a contract."""
    key = b"wasm\0" + code.to_bytes(8, "big") + instance.to_bytes(8, "big")
    return hashlib.sha256(hashlib.sha256(b"module").digest() + key).digest()


rng = random.Random(7)
accounts = []
for domain, address, client in [
    ("cosmos:harbor-1", contract(1, 1), "client-0"),
    ("cosmos:harbor-1", contract(1, 1), "client-12345"),
    ("cosmos:harbor-1", contract(1, 2), "client-0"),
    ("cosmos:cosmoshub-4", rng.randbytes(20), "08-wasm-1369"),
    ("cosmos:a", rng.randbytes(32), "c" * 64),
    ("eip155:1", rng.randbytes(20), "base"),
]:
    sender, handler, code_hash = named(domain, address), rng.randbytes(20), rng.randbytes(32)
    accounts.append(
        {
            "sender": "0x" + sender.hex(), "client": client, "handler": "0x" + handler.hex(),
            "code_hash": "0x" + code_hash.hex(), "account": account(sender, client, handler, code_hash),
        }
    )  # fmt: skip

calls = []
for signature, values in [
    ("count()", []),
    ("add(uint256)", [13]),
    ("transfer(address,uint256)", ["0x" + rng.randbytes(20).hex(), (1 << 128) - 1]),
    ("setName(string)", [""]),
    ("f(string,uint64,string)", ["x" * 32, (1 << 64) - 1, "y" * 33]),
    ("f(string,string,string)", ["", "drei Brücken", "z" * 31]),
    (
        "swapAndReturn(address,uint256,address,uint256,string,string,uint64)",
        ["0x" + rng.randbytes(20).hex(), 10**18, "0x" + rng.randbytes(20).hex(), 1, "client-0", "cause1" + "q" * 58, 1_700_004_200],
    ),
]:  # fmt: skip
    types = [each for each in signature.split("(")[1].rstrip(")").split(",") if each]
    names = {"address": "address", "uint256": "amount", "uint64": "number", "string": "text"}
    arguments = [
        {names[kind]: str(value) if kind == "uint256" else value} for kind, value in zip(types, values)
    ]
    calldata = function_signature_to_4byte_selector(signature) + encode(types, values)
    calls.append({"signature": signature, "arguments": json.dumps(arguments, ensure_ascii=False), "calldata": "0x" + calldata.hex()})

answers = []
for types, values, count, words in [
    (["uint64", "uint256"], [7, 197], 2, ["7", "197"]),
    (["uint256"], [(1 << 128) - 1], 1, [str((1 << 128) - 1)]),
    (["uint256"], [1 << 128], 1, None),
    (["uint256", "uint256"], [(1 << 256) - 1, 1], 2, None),
    (["uint256"], [1], 2, None),
    (["uint256"] * 3, [1, 2, 3], 2, None),
    ([], [], 0, []),
    ([], [], 1, None),
]:
    answers.append({"answer": "0x" + encode(types, values).hex(), "count": count, "words": words})
answers.append({"answer": "0x" + encode(["uint256"], [1]).hex()[:-2], "count": 1, "words": None})

checksums = [to_checksum_address(rng.randbytes(20)) for _ in range(12)]

text = json.dumps(
    {
        "schema": "contracts/evm/v1",
        "source": "tools/vectors/contracts_evm.py: eth_utils and eth_abi",
        "accounts": accounts,
        "calls": calls,
        "answers": answers,
        "checksums": checksums,
    },
    indent=1,
    ensure_ascii=False,
)
target = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/contracts/evm.json"
target.write_text(text + "\n")
print(target, len(accounts), "accounts,", len(calls), "calls,", len(answers), "answers")
