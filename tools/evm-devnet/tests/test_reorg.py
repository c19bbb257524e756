"""Reorganisations: nothing of the old branch is lost that was not dropped, and nothing of it stays."""

import pytest
from conftest import GWEI, RPCFailure, account, put, selector


def value(node, box) -> int:
    return int(node.call("eth_call", {"to": box, "data": "0x" + selector("value()").hex()}), 16)


def test_transactions_move_to_the_new_branch(node, box):
    first = node.transact(1, to=box, data=put(1))
    second = node.transact(1, to=box, data=put(2))
    old = [node.receipt(hash) for hash in (first, second)]
    answer = node.call("devnet_reorg", {"depth": 2})
    assert answer["before"]["hash"] == old[1]["blockHash"]
    assert answer["head"]["number"] == old[1]["blockNumber"] and answer["head"]["hash"] != old[1]["blockHash"]
    new = [node.receipt(hash) for hash in (first, second)]
    # Both fit into the first of the new blocks.
    assert {one["blockNumber"] for one in new} == {old[0]["blockNumber"]}
    assert new[0]["blockHash"] != old[0]["blockHash"]
    assert value(node, box) == 2
    # The old blocks are still known by hash, but no longer by number.
    assert node.call("eth_getBlockByHash", old[0]["blockHash"])["number"] == old[0]["blockNumber"]
    assert node.call("eth_getBlockByNumber", old[0]["blockNumber"])["hash"] == new[0]["blockHash"]
    with pytest.raises(RPCFailure, match="hash is not currently canonical"):
        node.call(
            "eth_call",
            {"to": box, "data": "0x"},
            {"blockHash": old[0]["blockHash"], "requireCanonical": True},
        )


def test_without_the_pool_they_wait(node, box):
    hash = node.transact(1, to=box, data=put(1))
    nonce = node.number("eth_getTransactionCount", account(1).address)
    node.call("devnet_reorg", {"depth": 1, "blocks": 2, "include": "none"})
    assert node.receipt(hash) is None
    assert node.call("eth_getTransactionByHash", hash)["blockHash"] is None
    assert node.number("eth_getTransactionCount", account(1).address) == nonce - 1
    assert node.number("eth_getTransactionCount", account(1).address, "pending") == nonce
    assert value(node, box) == 0
    node.call("evm_mine")
    assert node.receipt(hash)["status"] == "0x1" and value(node, box) == 1


def test_dropped_ones_are_gone_and_their_nonce_is_free(node, box):
    dropped = node.transact(1, to=box, data=put(1))
    follower = node.transact(1, to=box, data=put(2))
    node.call("devnet_reorg", {"depth": 2, "drop": [dropped]})
    assert node.call("eth_getTransactionByHash", dropped) is None
    # The next one has a gap before it now.
    assert node.receipt(follower) is None
    assert node.call("txpool_status") == {"pending": "0x0", "queued": "0x1"}
    other = node.transact(1, to=box, data=put(3), nonce=1)
    assert node.receipt(other)["status"] == "0x1" and node.receipt(follower)["status"] == "0x1"
    assert value(node, box) == 2


def test_another_transaction_may_take_the_nonce(node, box):
    hash = node.transact(1, to=box, data=put(1))
    other, other_hash = node.sign(1, to=box, data=put(9), nonce=1)
    node.call("devnet_reorg", {"depth": 1, "transactions": [other]})
    assert node.receipt(other_hash)["status"] == "0x1"
    assert node.receipt(hash) is None and node.call("eth_getTransactionByHash", hash) is None
    assert value(node, box) == 9


def test_shorter_and_longer_branches(node):
    node.call("evm_mine", {"blocks": 6})
    head = node.number("eth_blockNumber")
    node.call("devnet_reorg", {"depth": 3, "blocks": 1})
    assert node.number("eth_blockNumber") == head - 2
    assert node.call("eth_getBlockByNumber", hex(head)) is None
    node.call("devnet_reorg", {"depth": 1, "blocks": 9})
    assert node.number("eth_blockNumber") == head + 6
    numbers = range(head + 7)
    blocks = [node.call("eth_getBlockByNumber", hex(number)) for number in numbers]
    assert all(child["parentHash"] == parent["hash"] for parent, child in zip(blocks, blocks[1:]))
    with pytest.raises(RPCFailure, match="depth is from 1 to"):
        node.call("devnet_reorg", {"depth": 10_000})


def test_down_to_a_block_whatever_came_after_it(node, box):
    hash = node.transact(1, to=box, data=put(1))
    common = int(node.receipt(hash)["blockNumber"], 16) - 1
    node.call("evm_mine", {"blocks": 3})
    head = node.number("eth_blockNumber")
    kept = node.call("eth_getBlockByNumber", hex(common))["hash"]
    answer = node.call("devnet_reorg", {"common": common, "include": "none", "drop": [hash]})
    assert answer["common"] == {**answer["common"], "number": hex(common), "hash": kept}
    assert node.number("eth_blockNumber") == head + 1
    assert node.receipt(hash) is None
    for wrong in ({}, {"depth": 1, "common": common}):
        with pytest.raises(RPCFailure, match="either depth or common"):
            node.call("devnet_reorg", wrong)
    for wrong in (head + 1, head + 9):
        with pytest.raises(RPCFailure, match="below the head"):
            node.call("devnet_reorg", {"common": wrong})


def test_logs_follow_the_branch(node, box):
    kept = node.transact(1, to=box, data=put(1))
    dropped = node.transact(2, to=box, data=put(2))
    query = {"address": box, "fromBlock": "earliest", "toBlock": "latest"}
    assert [log["transactionHash"] for log in node.call("eth_getLogs", query)] == [kept, dropped]
    old = node.receipt(dropped)["blockHash"]
    node.call("devnet_reorg", {"depth": 2, "drop": [dropped]})
    logs = node.call("eth_getLogs", query)
    assert [log["transactionHash"] for log in logs] == [kept]
    assert logs[0]["blockHash"] == node.receipt(kept)["blockHash"]
    # By hash an orphan answers for itself, as geth does.
    assert [log["transactionHash"] for log in node.call("eth_getLogs", {"blockHash": old})] == [dropped]


def test_snapshots(node, box):
    node.transact(1, to=box, data=put(1))
    node.call("evm_setAutomine", False)
    waiting = node.transact(2, to=box, data=put(5), maxFeePerGas=20 * GWEI)
    snapshot = node.call("evm_snapshot")
    node.call("evm_increaseTime", 10_000)
    lost = node.transact(1, to=box, data=put(2))
    node.call("evm_mine")
    assert value(node, box) in (2, 5)
    head = node.call("eth_blockNumber")
    assert node.call("evm_revert", snapshot) is True
    assert node.call("evm_revert", snapshot) is False
    assert value(node, box) == 1
    assert node.call("eth_getBlockByNumber", head) is None
    assert node.call("eth_getTransactionByHash", lost) is None
    assert node.call("eth_getTransactionByHash", waiting)["blockHash"] is None
    node.call("evm_mine")
    assert value(node, box) == 5
