"""Transport: batches, refusals of malformed requests, WebSocket, start and stop."""

import json
import signal
import subprocess
import sys

import pytest
from conftest import PACKAGE, RPCFailure, Running, account, put
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def test_identity(node):
    assert node.call("eth_chainId") == "0x7a69" and node.call("net_version") == "31337"
    assert node.call("web3_clientVersion").startswith("causeway-devnet/")
    assert node.call("eth_syncing") is False and node.call("eth_accounts") == []


def test_batches(node):
    answers = node.send(
        [
            {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"},
            {"jsonrpc": "2.0", "method": "eth_chainId"},
            {"jsonrpc": "2.0", "id": "a", "method": "eth_nothing", "params": []},
            5,
        ]
    )
    assert [one.get("id") for one in answers] == [7, "a", None]
    assert answers[0]["result"] == "0x7a69"
    assert answers[1]["error"] == {
        "code": -32601,
        "message": "the method eth_nothing does not exist/is not available",
    }
    assert answers[2]["error"]["code"] == -32600
    assert node.send([])["error"]["code"] == -32600
    assert node.send([{"id": 1}] * 1_001)["error"]["message"] == "batch too large"


def test_malformed_requests(node):
    assert json.loads(node.post(b"{")[1])["error"]["code"] == -32700
    assert json.loads(node.post(b"[" * 100_000)[1])["error"]["code"] == -32700
    for params, words in (
        ([], "missing value for required argument 0"),
        (["latest", False, 1], "too many arguments, want at most 2"),
        (["0x01", False], "leading zeros"),
        (["newest", False], "hex quantity"),
        ([7, False], "hex quantity"),
    ):
        with pytest.raises(RPCFailure, match=words) as caught:
            node.call("eth_getBlockByNumber", *params)
        assert caught.value.code == -32602
    with pytest.raises(RPCFailure, match="has 19 bytes, want 20"):
        node.call("eth_getBalance", "0x" + "11" * 19, "latest")


def test_a_rebound_name_is_refused(node):
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}).encode()
    assert node.post(request, {"Host": "evil.example"})[0] == 403
    assert node.post(request, {"Host": "localhost:1234"})[0] == 200


def ask(socket, method, *params, id=1):
    socket.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}))
    while True:
        message = json.loads(socket.recv(timeout=10))
        if message.get("id") == id:
            return message.get("result", message.get("error"))


def heard(socket):
    message = json.loads(socket.recv(timeout=10))
    assert message["method"] == "eth_subscription"
    return message["params"]["subscription"], message["params"]["result"]


def test_subscriptions_and_a_reorganisation(node, shared, box):
    with connect(shared.ready["ws"]) as socket:
        assert ask(socket, "eth_chainId") == "0x7a69"
        heads, logs = (
            ask(socket, "eth_subscribe", "newHeads"),
            ask(socket, "eth_subscribe", "logs", {"address": box}),
        )
        hash = node.transact(1, to=box, data=put(5))
        receipt = node.receipt(hash)
        told = [heard(socket), heard(socket)]
        assert told[0][0] == heads and told[0][1]["hash"] == receipt["blockHash"]
        assert told[1] == (logs, receipt["logs"][0])
        node.call("devnet_reorg", {"depth": 1, "blocks": 2})
        moved = node.receipt(hash)
        told = [heard(socket) for _ in range(4)]
        assert [one["hash"] for name, one in told if name == heads] == [
            node.call("eth_getBlockByNumber", hex(number))["hash"]
            for number in (int(moved["blockNumber"], 16), int(moved["blockNumber"], 16) + 1)
        ]
        assert [(one["blockHash"], one["removed"]) for name, one in told if name == logs] == [
            (receipt["blockHash"], True),
            (moved["blockHash"], False),
        ]
        assert ask(socket, "eth_unsubscribe", heads) is True
        assert ask(socket, "eth_unsubscribe", heads)["message"] == "subscription not found"
        node.transact(2, to=box, data=put(6))
        name, result = heard(socket)
        assert name == logs and result["data"] == "0x" + (6).to_bytes(32, "big").hex()
        big = [
            {"jsonrpc": "2.0", "id": index, "method": "eth_getBlockByNumber", "params": ["latest", True]}
            for index in range(300)
        ]
        socket.send(json.dumps(big))
        assert len(json.loads(socket.recv(timeout=10))) == 300


def test_sockets_can_be_cut(node, shared):
    with connect(shared.ready["ws"] + "/flaky") as socket:
        ask(socket, "eth_subscribe", "newHeads")
        assert node.call("devnet_closeSockets", "/flaky") == "0x1"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
    with pytest.raises(RPCFailure, match="notifications not supported"):
        node.call("eth_subscribe", "newHeads")


def test_restart_on_the_same_folder(start, tmp_path, box_contract):
    first = start("--state", str(tmp_path / "chain"), "--finalized", "2")
    node = first.client
    box = node.receipt(node.transact(1, to=None, data=box_contract, gas=1_000_000))["contractAddress"]
    hash = node.transact(1, to=box, data=put(7))
    node.call("devnet_reorg", {"depth": 1, "blocks": 3})
    node.call("evm_increaseTime", 100_000)
    node.call("evm_mine")
    before = [
        node.call("eth_getBlockByNumber", hex(number), True)
        for number in range(node.number("eth_blockNumber") + 1)
    ]
    receipt, proof = node.receipt(hash), node.call("eth_getProof", box, ["0x0"], "latest")
    assert first.stop() == 0
    # Killed without a word, it comes back the same.
    second = start("--state", str(tmp_path / "chain"))
    node = second.client
    assert [node.call("eth_getBlockByNumber", hex(number), True) for number in range(len(before))] == before
    assert node.number("eth_blockNumber") == len(before) - 1
    assert node.receipt(hash) == receipt and node.call("eth_getProof", box, ["0x0"], "latest") == proof
    assert node.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}) == receipt["logs"]
    twice = subprocess.run(
        [sys.executable, "-m", "evm_devnet", "--port", "0", "--state", str(tmp_path / "chain")],
        capture_output=True, text=True, env={"PYTHONPATH": str(PACKAGE), "PATH": "/usr/bin:/bin"}, timeout=20,
    )  # fmt: skip
    assert twice.returncode == 1 and "another node has" in twice.stderr
    mined = node.transact(1, to=box, data=put(8))
    assert int(node.call("eth_getBlockByNumber", "latest")["timestamp"], 16) > int(
        before[-1]["timestamp"], 16
    )
    second.process.kill()
    second.process.wait(5)
    third = start("--state", str(tmp_path / "chain"))
    assert third.client.receipt(mined)["status"] == "0x1"
    third.stop()
    other = subprocess.run(
        [sys.executable, "-m", "evm_devnet", "--port", "0", "--chain-id", "5", "--state", str(tmp_path / "chain")],
        capture_output=True, text=True, env={"PYTHONPATH": str(PACKAGE), "PATH": "/usr/bin:/bin"}, timeout=20,
    )  # fmt: skip
    assert other.returncode == 1 and "has a chain of '31337 prague'" in other.stderr


def test_termination():
    running = Running("--chain-id", "5", "--accounts", "2", "--fund", "0x" + "ab" * 20 + "=1000")
    assert running.ready["chainId"] == 5 and len(running.ready["accounts"]) == 2
    assert running.client.number("eth_getBalance", "0x" + "ab" * 20) == 1_000
    assert running.client.number("eth_getBalance", account(3).address) == 0
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    running.process.stdin.close()
    running.process.stdout.close()
