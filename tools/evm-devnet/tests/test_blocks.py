"""What the node says of blocks, held against roots and hashes computed here."""

import rlp
from conftest import GWEI, account, put
from Crypto.Hash import keccak as crypto
from trie import HexaryTrie


def keccak(value: bytes) -> bytes:
    return crypto.new(digest_bits=256, data=value).digest()


def trie_root(values: list[bytes]) -> str:
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(index)] = value
    return "0x" + trie.root_hash.hex()


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def block_of_many(node, box):
    node.call("evm_setAutomine", False)
    hashes = [
        node.transact(1, to=box, data=put(1)),
        node.transact(2, to=box, data=put(2), gasPrice=5 * GWEI),
        node.transact(
            3, to=box, data=put(3), accessList=[{"address": box, "storageKeys": ["0x" + "00" * 32]}]
        ),
        node.transact(4, to=box, data="0xdeadbeef"),
        node.transact(5, value=7),
        node.transact(6, to=box, data=put(6), gasPrice=5 * GWEI, type=1, accessList=[]),
    ]
    node.call("evm_mine")
    return hashes, node.call("eth_getBlockByNumber", "latest", True)


def test_header_hash_and_roots(node, box):
    hashes, block = block_of_many(node, box)
    assert sorted(one["hash"] for one in block["transactions"]) == sorted(hashes)
    header = node.call("debug_getRawHeader", block["number"])
    assert "0x" + keccak(raw(header)).hex() == block["hash"]
    fields = rlp.decode(raw(header))
    assert len(fields) == 21
    assert "0x" + fields[3].hex() == block["stateRoot"]
    assert "0x" + fields[13].hex() == block["mixHash"]
    assert block["difficulty"] == "0x0" and block["nonce"] == "0x" + "00" * 8
    raw_transactions = [
        raw(node.call("debug_getRawTransaction", one["hash"])) for one in block["transactions"]
    ]
    assert ["0x" + keccak(one).hex() for one in raw_transactions] == [
        one["hash"] for one in block["transactions"]
    ]
    assert trie_root(raw_transactions) == block["transactionsRoot"]
    assert (
        trie_root([raw(one) for one in node.call("debug_getRawReceipts", "latest")]) == block["receiptsRoot"]
    )
    assert int(block["size"], 16) > sum(map(len, raw_transactions)) + len(raw(header)) - 1


def test_receipts_in_json_are_those_of_the_root(node, box):
    _, block = block_of_many(node, box)
    receipts = node.call("eth_getBlockReceipts", block["hash"])
    assert receipts == [node.receipt(one["hash"]) for one in block["transactions"]]
    encoded, bloom, cumulative, logs = [], 0, 0, 0
    for receipt in receipts:
        cumulative += int(receipt["gasUsed"], 16)
        assert int(receipt["cumulativeGasUsed"], 16) == cumulative
        bloom |= int(receipt["logsBloom"], 16)
        for log in receipt["logs"]:
            assert int(log["logIndex"], 16) == logs
            logs += 1
        body = rlp.encode(
            [
                b"\x01" if receipt["status"] == "0x1" else b"",
                cumulative,
                raw(receipt["logsBloom"]),
                [
                    [raw(log["address"]), [raw(topic) for topic in log["topics"]], raw(log["data"])]
                    for log in receipt["logs"]
                ],
            ]
        )
        kind = int(receipt["type"], 16)
        encoded.append((bytes([kind]) if kind else b"") + body)
    assert trie_root(encoded) == block["receiptsRoot"]
    assert bloom == int(block["logsBloom"], 16)
    assert cumulative == int(block["gasUsed"], 16)
    assert logs == 4
    assert sorted(receipt["type"] for receipt in receipts) == ["0x0", "0x1", "0x2", "0x2", "0x2", "0x2"]
    assert [receipt["status"] for receipt in receipts].count("0x0") == 1


def test_effective_price_and_balances(node):
    before = node.number("eth_getBalance", account(1).address)
    receipt = node.receipt(node.transact(1, value=5, gas=21_000))
    block = node.call("eth_getBlockByHash", receipt["blockHash"])
    price = int(receipt["effectiveGasPrice"], 16)
    assert price == int(block["baseFeePerGas"], 16) + GWEI
    assert receipt["gasUsed"] == hex(21_000)
    assert node.number("eth_getBalance", account(1).address) == before - 5 - 21_000 * price


def test_base_fee_moves(node):
    fees = [int(node.call("eth_getBlockByNumber", "latest")["baseFeePerGas"], 16)]
    for _ in range(3):
        node.call("evm_mine")
        fees.append(int(node.call("eth_getBlockByNumber", "latest")["baseFeePerGas"], 16))
    assert all(later == earlier - earlier // 8 for earlier, later in zip(fees, fees[1:]))
    history = node.call("eth_feeHistory", "0x4", "latest", [50])
    assert [int(fee, 16) for fee in history["baseFeePerGas"]][:4] == fees
    assert len(history["baseFeePerGas"]) == 5 and len(history["reward"]) == 4
    node.call("devnet_setNextBaseFee", 123)
    node.call("evm_mine")
    assert node.call("eth_getBlockByNumber", "latest")["baseFeePerGas"] == "0x7b"


def test_full_blocks_raise_the_base_fee(start):
    node = start("--gas-limit", "200000").client
    before = int(node.call("eth_getBlockByNumber", "latest")["baseFeePerGas"], 16)
    node.call("evm_setAutomine", False)
    for _ in range(12):
        node.transact(1, gas=21_000)
    node.call("evm_mine")
    block = node.call("eth_getBlockByNumber", "latest")
    # Nine transfers of 21,000 fit into 200,000; the rest waits in order.
    assert len(block["transactions"]) == 9
    assert node.call("txpool_status") == {"pending": "0x3", "queued": "0x0"}
    node.call("evm_mine")
    after = int(node.call("eth_getBlockByNumber", "latest")["baseFeePerGas"], 16)
    first = int(block["baseFeePerGas"], 16)
    assert first < before
    assert after == first + first * (189_000 - 100_000) // 100_000 // 8
    assert node.number("eth_getTransactionCount", account(1).address) == 12


def test_tags_and_missing_blocks(node):
    node.call("evm_mine", {"blocks": 10})
    head = node.number("eth_blockNumber")
    node.call("devnet_setFinality", {"safe": 2, "finalized": 5})
    for tag, number in (("latest", head), ("safe", head - 2), ("finalized", head - 5), ("earliest", 0)):
        assert int(node.call("eth_getBlockByNumber", tag)["number"], 16) == number
    assert node.call("eth_getBlockByNumber", hex(head + 1)) is None
    assert node.call("eth_getBlockByHash", "0x" + "11" * 32) is None
    pending = node.call("eth_getBlockByNumber", "pending")
    assert pending["hash"] is None and int(pending["number"], 16) == head + 1
    genesis = node.call("eth_getBlockByNumber", "earliest")
    assert genesis["parentHash"] == "0x" + "00" * 32


def test_time(node):
    first = int(node.call("eth_getBlockByNumber", "latest")["timestamp"], 16)
    assert int(node.call("evm_mine", first + 1_000)["timestamp"], 16) == first + 1_000
    later = int(node.call("evm_mine")["timestamp"], 16)
    assert first + 1_000 < later < first + 1_100
    node.call("evm_increaseTime", 5_000)
    assert int(node.call("evm_mine")["timestamp"], 16) >= later + 5_000
    node.call("evm_setNextBlockTimestamp", later + 100_000)
    assert int(node.call("evm_mine")["timestamp"], 16) == later + 100_000
    mined = node.call("evm_mine", {"blocks": 3, "interval": 12})
    assert int(mined["timestamp"], 16) in range(later + 100_024, later + 100_040)


def test_interval_mining(start):
    import time

    node = start("--block-time", "0.2").client
    hash = node.transact(1)
    deadline = time.monotonic() + 10
    while node.receipt(hash) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert node.receipt(hash)["status"] == "0x1"
    assert node.number("eth_blockNumber") >= 1


def test_equal_timestamps(start):
    node = start("--equal-timestamps").client
    node.call("evm_mine", {"blocks": 30})
    first, last = node.call("eth_getBlockByNumber", "earliest"), node.call("eth_getBlockByNumber", "latest")
    assert int(last["timestamp"], 16) - int(first["timestamp"], 16) < 10


def test_cancun_has_no_requests_hash(start):
    node = start("--fork", "cancun").client
    node.call("evm_mine")
    block = node.call("eth_getBlockByNumber", "latest")
    assert "requestsHash" not in block and "parentBeaconBlockRoot" in block
    header = node.call("debug_getRawHeader", "latest")
    assert "0x" + keccak(raw(header)).hex() == block["hash"]
