#!/usr/bin/env python3
"""EIP-1559 transactions as eth-account signs them.

Needs the libraries of tools/vectors (script/setup --tools).
Writes Tests/Vectors/transactions/evm.json.
"""

import json
import pathlib

from eth_account import Account
from eth_account.typed_transactions import DynamicFeeTransaction
from eth_utils import to_checksum_address
from hexbytes import HexBytes

ROOT = pathlib.Path(__file__).resolve().parents[2]

KEYS = [bytes([n]) * 32 for n in (1, 7, 0x46)]
ROUTER = "0x3af8aeb2daae2aaf6b1bd59f0ded5e4cd1eb5a45"
SLOT = "0x1260944489272988d9df285149b5aa1b0f48f2136d6f416159f840a3e0747600"


def fields(**changes):
    base = {
        "type": 2, "chainId": 31337, "nonce": 0, "maxPriorityFeePerGas": 10**9, "maxFeePerGas": 3 * 10**9,
        "gas": 21_000, "to": ROUTER, "value": 0, "data": b"", "accessList": [],
    }
    base.update(changes)
    return base


def words(count, seed):
    return ["0x" + bytes((seed + i + n) & 0xFF for n in range(32)).hex() for i in range(count)]


CASES = {
    "a transfer of nothing": fields(),
    "one wei, one gas price, first chain": fields(chainId=1, value=1, maxFeePerGas=1, maxPriorityFeePerGas=0),
    "no fees at all": fields(maxFeePerGas=0, maxPriorityFeePerGas=0),
    "a call": fields(nonce=1, gas=250_000, data=bytes.fromhex("ac9650d8") + bytes(64)),
    "input of one byte below 0x80": fields(data=b"\x7f", gas=30_000),
    "input of one byte of 0x80": fields(data=b"\x80", gas=30_000),
    "input of a zero byte": fields(data=b"\0", gas=30_000),
    "input of 55 bytes": fields(data=bytes(range(55)), gas=30_000),
    "input of 56 bytes": fields(data=bytes(range(56)), gas=30_000),
    "input of 70,000 bytes": fields(data=b"\xee" * 70_000, gas=4_000_000),
    "nonce of 127": fields(nonce=127),
    "nonce of 128": fields(nonce=128),
    "the highest nonce": fields(nonce=2**64 - 2),
    "the highest chain": fields(chainId=2**64 - 1),
    "the highest gas": fields(gas=2**64 - 1),
    "the highest value": fields(value=2**256 - 1),
    "fees of 24 bytes": fields(maxFeePerGas=2**192 - 1, maxPriorityFeePerGas=2**192 - 1, gas=2**64 - 1),
    "an address of zeros": fields(to="0x" + "00" * 20),
    "makes a contract": fields(to=b"", data=bytes.fromhex("600a600c600039600a6000f3602a60005260206000f3"), gas=90_000),
    "makes a contract of the longest code": fields(to=b"", data=b"\x5b" * 49_152, gas=12_000_000),
    "an access list": fields(
        gas=60_000, accessList=[{"address": ROUTER, "storageKeys": [SLOT] + words(2, 5)}]),
    "an access list without keys, twice": fields(
        gas=60_000, accessList=[{"address": "0x" + "11" * 20, "storageKeys": []}] * 2),
    "an access list of forty contracts": fields(
        gas=2_000_000,
        accessList=[{"address": "0x" + "%02x" % n * 20, "storageKeys": words(n % 5, n)} for n in range(40)]),
}


def hexed(value):
    return HexBytes(value).to_0x_hex()


def main():
    cases = []
    for index, (name, transaction) in enumerate(CASES.items()):
        key = KEYS[index % len(KEYS)]
        account = Account.from_key(key)
        to = transaction["to"]
        transaction = {**transaction, "to": to_checksum_address(to) if to else b""}
        signed = account.sign_transaction(transaction)
        unsigned = DynamicFeeTransaction.from_dict(transaction)
        cases.append({
            "name": name,
            "chainID": str(transaction["chainId"]), "nonce": str(transaction["nonce"]),
            "maxPriorityFeePerGas": str(transaction["maxPriorityFeePerGas"]),
            "maxFeePerGas": str(transaction["maxFeePerGas"]), "gasLimit": str(transaction["gas"]),
            "to": to.lower() if to else None, "value": str(transaction["value"]),
            "input": hexed(transaction["data"]) if len(transaction["data"]) < 1_000 else None,
            "repeated": {"byte": transaction["data"][0], "count": len(transaction["data"])}
            if len(transaction["data"]) >= 1_000 else None,
            "accessList": [
                {"address": entry["address"], "storageKeys": entry["storageKeys"]}
                for entry in transaction["accessList"]],
            "signingHash": hexed(unsigned.hash()),
            "secret": hexed(key), "sender": account.address.lower(),
            "parity": signed.v, "r": "0x%064x" % signed.r, "s": "0x%064x" % signed.s,
            "raw": hexed(signed.raw_transaction) if len(signed.raw_transaction) < 10_000 else None,
            "hash": hexed(signed.hash),
        })
        assert Account.recover_transaction(signed.raw_transaction) == account.address
    document = {"schema": "causeway/evm-transactions/1", "source": "tools/vectors/evm_transactions.py (eth-account)",
                "cases": cases}
    path = ROOT / "Tests/Vectors/transactions/evm.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
