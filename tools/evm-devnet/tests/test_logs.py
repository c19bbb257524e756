import pytest
from conftest import RPCFailure, account, put, selector
from eth_hash.auto import keccak

TOPIC = "0x" + keccak(b"Put(address,uint256)").hex()


def padded(address: str) -> str:
    return "0x" + "00" * 12 + address[2:].lower()


@pytest.fixture
def filled(node, box):
    for key in (1, 2, 3, 1):
        node.transact(key, to=box, data=put(key))
    return node


def values(logs) -> list[int]:
    return [int(log["data"], 16) for log in logs]


def test_filters(filled, box):
    everything = {"fromBlock": "0x0", "toBlock": "latest"}
    ask = lambda **fields: values(filled.call("eth_getLogs", {**everything, **fields}))  # noqa: E731
    assert ask() == [1, 2, 3, 1]
    assert ask(address=box) == ask(address=[box, "0x" + "11" * 20]) == [1, 2, 3, 1]
    assert ask(address="0x" + "11" * 20) == []
    assert ask(topics=[TOPIC]) == ask(topics=[]) == ask(topics=[None]) == [1, 2, 3, 1]
    assert ask(topics=[TOPIC, padded(account(1).address)]) == [1, 1]
    assert ask(topics=[None, [padded(account(1).address), padded(account(3).address)]]) == [1, 3, 1]
    assert ask(topics=[padded(account(1).address)]) == []
    assert ask(topics=[TOPIC, None, None]) == []
    head = filled.number("eth_blockNumber")
    assert ask(fromBlock=hex(head - 1)) == [3, 1]
    assert ask(fromBlock=hex(head - 2), toBlock=hex(head - 1)) == [2, 3]
    assert ask(fromBlock=hex(head + 5), toBlock=hex(head + 9)) == []
    with pytest.raises(RPCFailure, match="invalid block range"):
        ask(fromBlock="0x5", toBlock="0x1")
    with pytest.raises(RPCFailure, match="unknown block"):
        filled.call("eth_getLogs", {"blockHash": "0x" + "11" * 32})
    with pytest.raises(RPCFailure, match="cannot specify both"):
        filled.call("eth_getLogs", {"blockHash": "0x" + "11" * 32, "fromBlock": "0x0"})


def test_range_limit(start):
    node = start("--log-range-max", "20").client
    node.call("evm_mine", {"blocks": 30})
    assert node.call("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x14"}) == []
    with pytest.raises(RPCFailure, match="exceed maximum block range: 20"):
        node.call("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x15"})


def test_failed_transactions_log_nothing(node, box):
    hash = node.transact(1, to=box, data="0x" + selector("fail()").hex())
    receipt = node.receipt(hash)
    assert receipt["status"] == "0x0" and receipt["logs"] == [] and int(receipt["logsBloom"], 16) == 0
