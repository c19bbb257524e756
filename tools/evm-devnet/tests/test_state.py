"""Calls, estimates, and proofs checked by a walk of our own over RLP and keccak alone."""

import pytest
import rlp
from conftest import RPCFailure, account, put, selector
from Crypto.Hash import keccak as crypto
from trie import HexaryTrie

EMPTY_ROOT = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def keccak(value: bytes) -> bytes:
    return crypto.new(digest_bits=256, data=value).digest()


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def walk(root: bytes, key: bytes, nodes: list[bytes]) -> bytes | None:
    """The value at `key`, or None where the nodes prove that there is none; anything else fails."""
    nibbles = [nibble for byte in keccak(key) for nibble in (byte >> 4, byte & 15)]
    if root.hex() == EMPTY_ROOT:
        assert not nodes
        return None
    expected: bytes | list = root
    for node in nodes:
        assert keccak(node) == expected
        content = rlp.decode(node)
        while True:
            if len(content) == 17:
                if not nibbles:
                    return content[16] or None
                following, nibbles = content[nibbles[0]], nibbles[1:]
            else:
                flags = content[0][0] >> 4
                path = [nibble for byte in content[0] for nibble in (byte >> 4, byte & 15)][
                    1 if flags & 1 else 2 :
                ]
                if nibbles[: len(path)] != path:
                    return None
                nibbles = nibbles[len(path) :]
                if flags & 2:
                    return content[1] if not nibbles else None
                following = content[1]
            if following == b"":
                return None
            if isinstance(following, bytes):
                expected = following
                break
            content = following
    raise AssertionError("the proof ends before the path does")


def verify(node, address: str, slots: list[str], where: str) -> dict:
    proof = node.call("eth_getProof", address, slots, where)
    block = node.call("eth_getBlockByNumber", where)
    nodes = [raw(one) for one in proof["accountProof"]]
    account_value = walk(raw(block["stateRoot"]), raw(address), nodes)
    decoded = HexaryTrie.get_from_proof(
        raw(block["stateRoot"]), keccak(raw(address)), [rlp.decode(one) for one in nodes]
    )
    assert (account_value or b"") == decoded
    if account_value is None:
        assert proof["nonce"] == proof["balance"] == "0x0"
        return proof
    nonce, balance, storage_root, code_hash = rlp.decode(account_value)
    assert int.from_bytes(nonce, "big") == int(proof["nonce"], 16)
    assert int.from_bytes(balance, "big") == int(proof["balance"], 16)
    assert storage_root == raw(proof["storageHash"]) and code_hash == raw(proof["codeHash"])
    for entry in proof["storageProof"]:
        key = int(entry["key"], 16).to_bytes(32, "big")
        value = walk(storage_root, key, [raw(one) for one in entry["proof"]])
        assert int.from_bytes(rlp.decode(value) if value else b"", "big") == int(entry["value"], 16)
        assert node.number("eth_getStorageAt", address, entry["key"], where) == int(entry["value"], 16)
    return proof


def slot_of(key: int) -> str:
    """Vyper's HashMap at slot 1."""
    return "0x" + keccak((1).to_bytes(32, "big") + key.to_bytes(32, "big")).hex()


def keep(key: int, value: int) -> str:
    return (
        "0x" + (selector("keep(bytes32,uint256)") + key.to_bytes(32, "big") + value.to_bytes(32, "big")).hex()
    )


def test_proofs_of_many_slots_now_and_before(node, box):
    node.call("evm_setAutomine", False)
    for key in range(40):
        node.transact(1, to=box, data=keep(key, key * key + 1), nonce=key + 1)
    node.call("evm_mine")
    filled = node.call("eth_blockNumber")
    node.transact(1, to=box, data=keep(3, 0))
    node.transact(1, to=box, data=keep(4, 99))
    node.call("evm_mine")
    slots = [slot_of(key) for key in range(45)] + ["0x0"]
    then = verify(node, box, slots, filled)
    now = verify(node, box, slots, "latest")
    assert [int(one["value"], 16) for one in then["storageProof"][:45]] == [k * k + 1 for k in range(40)] + [
        0
    ] * 5
    assert int(now["storageProof"][3]["value"], 16) == 0 and int(now["storageProof"][4]["value"], 16) == 99
    assert now["storageProof"][45]["key"] == "0x0" and len(now["storageProof"][0]["key"]) == 66


def test_proof_of_absent_accounts_and_empty_storage(node):
    proof = verify(node, "0x" + "77" * 20, ["0x1"], "latest")
    assert proof["storageHash"][2:] == EMPTY_ROOT and proof["storageProof"][0]["proof"] == []
    verify(node, account(1).address.lower(), ["0x0"], "latest")


def test_tampered_proof_is_seen(node, box):
    proof = node.call("eth_getProof", box, [], "latest")
    nodes = [raw(one) for one in proof["accountProof"]]
    nodes[0] = nodes[0][:-1] + bytes([nodes[0][-1] ^ 1])
    with pytest.raises(AssertionError):
        walk(raw(node.call("eth_getBlockByNumber", "latest")["stateRoot"]), raw(box), nodes)


def test_call_at_blocks(node, box):
    read = {"to": box, "data": "0x" + selector("value()").hex()}
    first = node.receipt(node.transact(1, to=box, data=put(1)))
    node.transact(1, to=box, data=put(2))
    assert int(node.call("eth_call", read, "latest"), 16) == 2
    assert int(node.call("eth_call", read), 16) == 2
    assert int(node.call("eth_call", read, first["blockNumber"]), 16) == 1
    assert (
        int(node.call("eth_call", read, {"blockHash": first["blockHash"], "requireCanonical": True}), 16) == 1
    )
    assert int(node.call("eth_call", read, {"blockNumber": first["blockNumber"]}), 16) == 1
    assert int(node.call("eth_call", read, "pending"), 16) == 2
    with pytest.raises(RPCFailure, match="header not found"):
        node.call("eth_call", read, "0xffff")
    slot = {box: {"stateDiff": {"0x0": "0x" + (77).to_bytes(32, "big").hex()}}}
    assert int(node.call("eth_call", read, "latest", slot), 16) == 77
    # Nothing of it stays.
    assert int(node.call("eth_call", read, "latest"), 16) == 2


def test_surroundings_of_a_call(node, box):
    node.call("evm_mine", {"blocks": 3})
    block = node.call("eth_getBlockByNumber", "latest")
    result = raw(node.call("eth_call", {"to": box, "data": "0x" + selector("surroundings()").hex()}))
    assert int.from_bytes(result[:32], "big") == int(block["number"], 16)
    assert int.from_bytes(result[32:64], "big") == int(block["timestamp"], 16)
    assert result[64:96] == raw(block["parentHash"])


def test_reverts_carry_their_data(node, box):
    fail = {"to": box, "data": "0x" + selector("fail()").hex()}
    for method in ("eth_call", "eth_estimateGas"):
        with pytest.raises(RPCFailure) as caught:
            node.call(method, fail)
        assert caught.value.code == 3 and caught.value.message == "execution reverted: unlucky"
        assert raw(caught.value.data)[:4].hex() == "08c379a0"
    with pytest.raises(RPCFailure) as caught:
        node.call("eth_call", {"to": box, "data": "0x" + selector("burn()").hex(), "gas": hex(200_000)})
    assert caught.value.code == -32000 and caught.value.message == "out of gas"
    with pytest.raises(RPCFailure, match="insufficient funds for gas"):
        node.call("eth_call", {"from": "0x" + "12" * 20, "to": box, "value": "0x1"})


def test_estimates_are_enough_and_close(node, box):
    sender = account(1).address
    assert (
        node.number("eth_estimateGas", {"from": sender, "to": account(5).address, "value": "0x1"}) == 21_000
    )
    call = {"from": sender, "to": box, "data": put(12_345)}
    estimate = node.number("eth_estimateGas", call)
    receipt = node.receipt(node.transact(1, to=box, data=put(12_345), gas=estimate))
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) <= estimate <= int(receipt["gasUsed"], 16) * 1.1 + 3_000
    with pytest.raises(RPCFailure, match="gas required exceeds allowance"):
        node.call("eth_estimateGas", {**call, "gas": hex(22_000)})


def test_calldata_floor_is_charged(node):
    data = "0x" + "ff" * 1_000
    receipt = node.receipt(node.transact(1, data=data))
    assert int(receipt["gasUsed"], 16) == 21_000 + 40 * 1_000
    assert (
        node.number("eth_estimateGas", {"from": account(1).address, "to": account(9).address, "data": data})
        == 61_000
    )


def test_history_contracts_answer(node):
    """EIP-2935: the parent's hash is in the history contract, as on real chains."""
    node.call("evm_mine", {"blocks": 3})
    head = node.call("eth_getBlockByNumber", "latest")
    contract = "0x0000f90827f1c53a10cb7a02335b175320002935"
    asked = "0x" + (int(head["number"], 16) - 1).to_bytes(32, "big").hex()
    assert node.call("eth_call", {"to": contract, "data": asked}) == head["parentHash"]


def test_calls_may_nest_as_deep_as_gas_allows(node):
    """A contract that calls itself until nothing is left: PUSH0 ×5, ADDRESS, GAS, CALL, POP, STOP."""
    address = "0x" + "aa" * 20
    assert (
        node.call("eth_call", {"to": address}, "latest", {address: {"code": "0x5f5f5f5f5f305af15000"}})
        == "0x"
    )
    assert node.number("eth_blockNumber") >= 0
