"""A node in a process of its own, as users have it, and a small client."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import to_checksum_address

PACKAGE = Path(__file__).resolve().parent.parent
GWEI = 10**9
BOX = """
# pragma version 0.4.3
event Put:
    who: indexed(address)
    value: uint256

value: public(uint256)
of: public(HashMap[bytes32, uint256])

@external
def put(word: uint256):
    self.value = word
    log Put(who=msg.sender, value=word)

@external
def keep(key: bytes32, word: uint256):
    self.of[key] = word

@external
def fail():
    raise "unlucky"

@external
def burn():
    for index: uint256 in range(1000000):
        self.value = index

@external
@view
def surroundings() -> (uint256, uint256, bytes32, uint256):
    return block.number, block.timestamp, blockhash(block.number - 1), block.basefee
"""


class RPCFailure(Exception):
    def __init__(self, error: dict) -> None:
        super().__init__(error["message"])
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")


def account(number: int):
    return Account.from_key(number.to_bytes(32, "big"))


class Client:
    """JSON-RPC over one kept HTTP connection."""

    def __init__(self, url: str, chain_id: int = 31_337, path: str = "/") -> None:
        self.url, self.chain_id, self.path = url, chain_id, path
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)

    def at(self, path: str) -> Client:
        return Client(self.url, self.chain_id, path)

    def post(self, body: bytes, headers: dict | None = None):
        self.connection.request(
            "POST", self.path, body, {"Content-Type": "application/json", **(headers or {})}
        )
        response = self.connection.getresponse()
        return response.status, response.read()

    def send(self, request):
        status, body = self.post(json.dumps(request).encode())
        assert status == 200, (status, body)
        return json.loads(body)

    def call(self, method: str, *params):
        answer = self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        assert answer["jsonrpc"] == "2.0" and answer["id"] == 1
        if "error" in answer:
            raise RPCFailure(answer["error"])
        return answer["result"]

    def number(self, method: str, *params) -> int:
        return int(self.call(method, *params), 16)

    def sign(self, key: int, **fields) -> tuple[str, str]:
        """A raw transaction and its hash."""
        sender = account(key)
        fields.setdefault("nonce", None)
        if fields["nonce"] is None:
            fields["nonce"] = self.number("eth_getTransactionCount", sender.address, "pending")
        if "gasPrice" not in fields:
            fields.setdefault("maxFeePerGas", 10 * GWEI)
            fields.setdefault("maxPriorityFeePerGas", GWEI)
        fields.setdefault("chainId", self.chain_id)
        fields.setdefault("gas", 100_000)
        fields.setdefault("value", 0)
        fields.setdefault("to", account(9).address)
        if fields["to"] is None:
            del fields["to"]
        else:
            fields["to"] = to_checksum_address(fields["to"])
        signed = sender.sign_transaction(fields)
        return "0x" + signed.raw_transaction.hex().removeprefix("0x"), "0x" + signed.hash.hex().removeprefix(
            "0x"
        )

    def transact(self, key: int, **fields) -> str:
        raw, hash = self.sign(key, **fields)
        assert self.call("eth_sendRawTransaction", raw) == hash
        return hash

    def receipt(self, hash: str):
        return self.call("eth_getTransactionReceipt", hash)


class Running:
    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evm_devnet", "--port", "0", "--exit-with-parent", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )
        line = self.process.stdout.readline()
        assert line, "the node did not start"
        self.ready = json.loads(line)
        self.client = Client(self.ready["url"], self.ready["chainId"])

    def stop(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


@pytest.fixture
def start():
    """Starts nodes with any options; they stop with the test."""
    started: list[Running] = []

    def run(*options: str) -> Running:
        running = Running(*options)
        started.append(running)
        return running

    yield run
    for running in started:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture(scope="module")
def shared():
    running = Running("--allow-unprotected-txs")
    yield running
    assert running.stop() == 0


@pytest.fixture
def node(shared):
    """A node that is as it began: fresh but for time and what earlier tests left in unused branches."""
    client = shared.client
    snapshot = client.call("evm_snapshot")
    yield client
    fresh = Client(shared.ready["url"])
    for path in fresh.call("devnet_faults"):
        fresh.call("devnet_setFaults", {"path": path})
    fresh.call("devnet_setFinality", {"safe": 0, "finalized": 0})
    fresh.call("evm_setIntervalMining", 0)
    assert fresh.call("evm_revert", snapshot)
    fresh.call("evm_setAutomine", True)


@pytest.fixture(scope="session")
def box_contract():
    import vyper
    from vyper.compiler.settings import Settings

    made = vyper.compile_code(
        BOX, output_formats=["abi", "bytecode"], settings=Settings(evm_version="cancun")
    )
    return made["bytecode"]


@pytest.fixture
def box(node, box_contract):
    receipt = node.receipt(node.transact(1, to=None, data=box_contract, gas=1_000_000))
    assert receipt["status"] == "0x1"
    return receipt["contractAddress"]


def selector(signature: str) -> bytes:
    from eth_hash.auto import keccak

    return keccak(signature.encode())[:4]


def put(value: int) -> str:
    return "0x" + (selector("put(uint256)") + value.to_bytes(32, "big")).hex()
