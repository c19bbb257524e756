"""The pool's words are geth's: clients read them."""

import pytest
from conftest import GWEI, RPCFailure, account, put, selector
from eth_account import Account
from eth_utils import to_checksum_address

SENDER = account(1).address


@pytest.fixture
def waiting(node):
    node.call("evm_setAutomine", False)
    return node


def refused(node, words: str, *args, **fields) -> RPCFailure:
    raw, _ = node.sign(*args, **fields)
    with pytest.raises(RPCFailure, match=words) as caught:
        node.call("eth_sendRawTransaction", raw)
    assert caught.value.code == -32000
    return caught.value


def test_refusals(waiting):
    raw, hash = waiting.sign(1)
    waiting.call("eth_sendRawTransaction", raw)
    with pytest.raises(RPCFailure, match="^already known$"):
        waiting.call("eth_sendRawTransaction", raw)
    waiting.call("evm_mine")
    with pytest.raises(RPCFailure, match="^nonce too low: next nonce 1, tx nonce 0$"):
        waiting.call("eth_sendRawTransaction", raw)
    refused(waiting, "^insufficient funds for gas \\* price \\+ value: balance 0, tx cost", 77, nonce=0)
    refused(waiting, "^insufficient funds for gas", 1, value=10**25)
    refused(waiting, "invalid chain id for signer: have 1 want 31337", 1, chainId=1)
    refused(waiting, "^intrinsic gas too low: gas 20999, minimum needed 21000", 1, gas=20_999)
    refused(waiting, "^insufficient gas for floor data gas cost", 1, gas=40_000, data="0x" + "ff" * 1_000)
    refused(waiting, "^exceeds block gas limit$", 1, gas=60_000_001)
    refused(
        waiting,
        "^max priority fee per gas higher than max fee per gas$",
        1,
        maxFeePerGas=1,
        maxPriorityFeePerGas=2,
    )
    refused(waiting, "^transaction underpriced: gas tip cap 0, minimum needed 1$", 1, maxPriorityFeePerGas=0)
    refused(waiting, "^max initcode size exceeded", 1, to=None, data="0x" + "00" * 49_153, gas=10_000_000)
    for garbage in ("0x", "0xc0", "0x02c0", "0x05aabb", "0x" + "ff" * 100):
        with pytest.raises(RPCFailure):
            waiting.call("eth_sendRawTransaction", garbage)
    with pytest.raises(RPCFailure):
        waiting.call("eth_sendRawTransaction", raw[:-2])


def test_unprotected_transactions_only_when_allowed(start):
    node = start().client
    raw = (
        Account.from_key((1).to_bytes(32, "big"))
        .sign_transaction(
            {"nonce": 0, "gasPrice": 10 * GWEI, "gas": 21_000, "to": account(2).address, "value": 1}
        )
        .raw_transaction
    )
    with pytest.raises(RPCFailure, match="only replay-protected"):
        node.call("eth_sendRawTransaction", "0x" + raw.hex().removeprefix("0x"))


def test_replacement(waiting):
    first = waiting.transact(1, nonce=0, maxFeePerGas=10 * GWEI, maxPriorityFeePerGas=GWEI)
    for fees in ((10 * GWEI, GWEI), (11 * GWEI, GWEI), (10 * GWEI, 2 * GWEI), (int(10.9 * GWEI), 2 * GWEI)):
        refused(
            waiting, "^replacement transaction underpriced$", 1, nonce=0, value=1,
            maxFeePerGas=fees[0], maxPriorityFeePerGas=fees[1],
        )  # fmt: skip
    second = waiting.transact(
        1, nonce=0, maxFeePerGas=11 * GWEI, maxPriorityFeePerGas=int(1.1 * GWEI), value=2
    )
    assert waiting.call("eth_getTransactionByHash", first) is None
    assert waiting.call("eth_getTransactionByHash", second)["blockHash"] is None
    waiting.call("evm_mine")
    assert waiting.receipt(second)["status"] == "0x1" and waiting.receipt(first) is None


def test_gaps_wait(waiting):
    later = waiting.transact(1, nonce=2)
    assert waiting.call("txpool_status") == {"pending": "0x0", "queued": "0x1"}
    assert waiting.number("eth_getTransactionCount", SENDER, "pending") == 0
    waiting.call("evm_mine")
    waiting.transact(1, nonce=0)
    assert waiting.number("eth_getTransactionCount", SENDER, "pending") == 1
    waiting.call("evm_mine")
    assert waiting.receipt(later) is None
    waiting.transact(1, nonce=1)
    assert waiting.number("eth_getTransactionCount", SENDER, "pending") == 3
    content = waiting.call("txpool_content")
    assert list(content["pending"][SENDER.lower()]) == ["1", "2"] and content["queued"] == {}
    waiting.call("evm_mine")
    assert waiting.receipt(later)["status"] == "0x1"
    assert waiting.number("eth_getTransactionCount", SENDER) == 3


def test_low_fees_wait_for_the_base_fee(node):
    node.call("devnet_setNextBaseFee", 20 * GWEI)
    stuck = node.transact(1, maxFeePerGas=10 * GWEI)
    assert node.receipt(stuck) is None
    node.call("evm_mine")
    assert node.receipt(stuck) is None
    replaced = node.transact(1, nonce=0, maxFeePerGas=40 * GWEI, maxPriorityFeePerGas=2 * GWEI)
    assert node.receipt(replaced)["status"] == "0x1"
    assert node.call("eth_getTransactionByHash", stuck) is None


def test_order_is_by_tip_and_by_nonce(waiting):
    cheap = [waiting.transact(1, nonce=nonce, maxPriorityFeePerGas=GWEI) for nonce in (0, 1)]
    dear = waiting.transact(2, maxPriorityFeePerGas=3 * GWEI)
    middle = [
        waiting.transact(3, nonce=0, maxPriorityFeePerGas=2 * GWEI),
        waiting.transact(3, nonce=1, maxPriorityFeePerGas=5 * GWEI),
    ]
    waiting.call("evm_mine")
    assert waiting.call("eth_getBlockByNumber", "latest")["transactions"] == [dear, *middle, *cheap]


def test_unaffordable_ones_leave_the_pool(waiting):
    rich = waiting.number("eth_getBalance", SENDER)
    spend = waiting.transact(1, nonce=0, value=rich - 10**16, gas=21_000)
    refused(waiting, "queued cost", 1, nonce=1, value=10**17)
    waiting.call("evm_mine")
    assert waiting.receipt(spend)["status"] == "0x1"


def test_dropped_transactions_are_gone(waiting):
    hash = waiting.transact(1)
    assert waiting.call("devnet_dropTransaction", hash) is True
    assert waiting.call("eth_getTransactionByHash", hash) is None
    assert waiting.call("devnet_dropTransaction", hash) is False


def test_hundreds_in_one_block(waiting):
    raws = []
    for key in range(1, 6):
        raws += [waiting.sign(key, nonce=nonce, gas=21_000)[0] for nonce in range(60)]
    batch = [
        {"jsonrpc": "2.0", "id": index, "method": "eth_sendRawTransaction", "params": [raw]}
        for index, raw in enumerate(raws)
    ]
    assert all("result" in one for one in waiting.send(batch))
    waiting.call("evm_mine")
    block = waiting.call("eth_getBlockByNumber", "latest")
    assert len(block["transactions"]) == 300


def test_accounts_can_set_code(node, box):
    """EIP-7702: an account borrows the code of a contract."""
    signer = account(5)
    authorization = signer.sign_authorization(
        {"chainId": 31_337, "address": to_checksum_address(box), "nonce": 0}
    )
    hash = node.transact(1, to=signer.address, authorizationList=[authorization], data=put(3), type=4)
    receipt = node.receipt(hash)
    assert receipt["status"] == "0x1" and receipt["type"] == "0x4"
    assert node.call("eth_getCode", signer.address) == "0xef0100" + box[2:]
    assert receipt["logs"][0]["address"] == signer.address.lower()
    read = {"to": signer.address, "data": "0x" + selector("value()").hex()}
    assert int(node.call("eth_call", read), 16) == 3
    assert node.call("eth_getTransactionByHash", hash)["authorizationList"][0]["address"] == box
