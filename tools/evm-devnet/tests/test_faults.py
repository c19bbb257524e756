"""Endpoints that lie, while the same chain answers honestly at another path."""

import http.client
import json
import time

import pytest
from conftest import RPCFailure, account, put, selector


def faults(node, **fields):
    node.call("devnet_setFaults", {"path": "/liar", **fields})
    return node.at("/liar")


def test_wrong_chain(node):
    liar = faults(node, chainId=5)
    assert liar.call("eth_chainId") == "0x5" and liar.call("net_version") == "5"
    assert node.call("eth_chainId") == "0x7a69"
    assert node.call("devnet_faults") == {"/liar": {"path": "/liar", "chainId": 5}}
    faults(node)
    assert liar.call("eth_chainId") == "0x7a69"


def test_lag(node, box):
    node.call("evm_mine", {"blocks": 10})
    hash = node.transact(1, to=box, data=put(1))
    head = node.number("eth_blockNumber")
    liar = faults(node, lag=3)
    assert liar.number("eth_blockNumber") == head - 3
    assert liar.call("eth_getBlockByNumber", hex(head)) is None
    assert liar.receipt(hash) is None
    assert int(liar.call("eth_call", {"to": box, "data": "0x" + selector("value()").hex()}), 16) == 0
    assert liar.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}) == []


def test_pinned_head_stays_on_its_branch(node, box):
    hash = node.transact(1, to=box, data=put(1))
    liar = faults(node, head="pin")
    old = node.receipt(hash)
    node.call("devnet_reorg", {"depth": 1, "blocks": 5, "drop": [hash]})
    assert liar.number("eth_blockNumber") == int(old["blockNumber"], 16)
    assert liar.receipt(hash) == old and node.receipt(hash) is None
    assert liar.call("eth_getBlockByNumber", "latest")["hash"] == old["blockHash"]
    assert len(liar.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})) == 1
    assert node.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}) == []
    proof = liar.call("eth_getProof", box, ["0x0"], "latest")
    assert proof["storageProof"][0]["value"] == "0x1"


def test_pruned_state(node):
    node.call("evm_mine", {"blocks": 20})
    head = node.number("eth_blockNumber")
    liar = faults(node, prunedDepth=5)
    address = account(1).address
    assert liar.call("eth_getBalance", address, hex(head - 5))
    for method, params in (
        ("eth_getBalance", [address]),
        ("eth_getProof", [address, []]),
        ("eth_call", [{"to": address}]),
    ):
        with pytest.raises(RPCFailure, match="^missing trie node .* is not available, not found$"):
            liar.call(method, *params, hex(head - 6))
    assert liar.call("eth_getBlockByNumber", hex(head - 6))["number"] == hex(head - 6)


def test_log_limits(node, box):
    for index in range(4):
        node.transact(1, to=box, data=put(index))
    liar = faults(node, logsRangeMax=2)
    everything = {"fromBlock": "0x0", "toBlock": "latest"}
    for style, code, words in (
        ("geth", -32000, "exceed maximum block range: 2"),
        ("alchemy", -32602, "this block range should work: [0x0, 0x1]"),
        ("infura", -32005, "query returned more than 10000 results"),
        ("quicknode", -32614, "eth_getLogs is limited to a 2 range"),
    ):
        faults(node, logsRangeMax=2, logsErrorStyle=style)
        with pytest.raises(RPCFailure) as caught:
            liar.call("eth_getLogs", everything)
        assert caught.value.code == code and words in caught.value.message
    faults(node, logsResultMax=3)
    with pytest.raises(RPCFailure, match="query returned more than 3 results"):
        liar.call("eth_getLogs", everything)
    faults(node, answers=[{"method": "eth_getLogs", "kind": "dropLogs", "keep": 1}])
    assert len(liar.call("eth_getLogs", everything)) == 1


def test_scripted_answers(node):
    liar = faults(
        node,
        unsupported=["eth_getProof"],
        answers=[
            {"method": "eth_blockNumber", "kind": "status", "status": 429, "retryAfter": 1, "times": 1},
            {"method": "eth_blockNumber", "kind": "malformed", "times": 1},
            {"method": "eth_blockNumber", "kind": "empty", "times": 1},
            {
                "method": "eth_blockNumber",
                "kind": "error",
                "code": -32005,
                "message": "limit exceeded",
                "times": 1,
            },
            {"method": "eth_blockNumber", "kind": "wrongId", "times": 1},
            {"method": "eth_blockNumber", "kind": "result", "result": "0xffffff", "times": 1},
            {
                "method": "eth_getBlockByNumber",
                "kind": "patch",
                "patch": {"stateRoot": "0x" + "11" * 32},
                "skip": 1,
            },
            {"method": "eth_gasPrice", "kind": "null"},
        ],
    )
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}).encode()
    assert liar.post(request)[0] == 429
    with pytest.raises(ValueError):
        json.loads(liar.post(request)[1])
    assert liar.post(request) == (200, b"")
    with pytest.raises(RPCFailure, match="limit exceeded"):
        liar.call("eth_blockNumber")
    assert json.loads(liar.post(request)[1])["id"] != 1
    assert liar.call("eth_blockNumber") == "0xffffff"
    assert liar.call("eth_blockNumber") == node.call("eth_blockNumber")
    honest = node.call("eth_getBlockByNumber", "latest")
    assert liar.call("eth_getBlockByNumber", "latest") == honest
    assert liar.call("eth_getBlockByNumber", "latest") == {**honest, "stateRoot": "0x" + "11" * 32}
    assert liar.call("eth_gasPrice") is None
    with pytest.raises(RPCFailure, match="does not exist/is not available") as caught:
        liar.call("eth_getProof", account(1).address, [], "latest")
    assert caught.value.code == -32601


def test_cut_connections_and_slow_answers(node):
    liar = faults(
        node,
        answers=[
            {"kind": "truncated", "times": 1},
            {"kind": "hangup", "times": 1},
            {"kind": "slow", "milliseconds": 300, "times": 1},
        ],
    )
    with pytest.raises(http.client.IncompleteRead):
        liar.call("eth_chainId")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        node.at("/liar").call("eth_chainId")
    began = time.monotonic()
    assert node.at("/liar").call("eth_chainId") == "0x7a69"
    assert time.monotonic() - began >= 0.3


def test_unknown_faults_are_refused(node):
    for wrong in (
        {"lags": 1},
        {"answers": [{"kind": "nonsense"}]},
        {"answers": [{"kind": "null", "status": 1}]},
        {"logsErrorStyle": "x"},
    ):
        with pytest.raises(RPCFailure):
            faults(node, **wrong)
