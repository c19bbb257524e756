"""The two EVMs agree with each other, and with what a transaction is."""
import pytest

from harness.chain import reverts
from harness.contracts import Contract
from harness.mocks import mock
from oracle.hashes import K, u
from oracle.trie import storage_at


@pytest.fixture
def box(chain):
    return Contract.deploy(chain, mock("Box"), sender=chain.account(1))


def test_a_transaction_writes_answers_and_logs(chain, box):
    receipt = box.put(7)
    assert receipt.value == 1 and box.read.x() == 7
    assert chain.storage(box.address, 0) == 7
    assert receipt.events(box, "Put") == [
        {"who": "0x" + box.sender.hex(), "name": K(b"box"), "amount": 7}]


def test_transient_storage_ends_with_the_transaction(box):
    assert [box.put(n).value for n in range(3)] == [1, 1, 1]


def test_a_failure_changes_nothing_and_says_why(chain, box):
    box.put(5)
    with reverts("unlucky"):
        box.put(13)
    with reverts("Custom(uint256,string)", 9, "why"):
        box.fail(9)
    with reverts(None):
        box.send("spin", gas=100_000)
    assert box.read.x() == 5


def test_time_can_be_taken_back(chain, box):
    box.put(5)
    kept = chain.snapshot()
    chain.pass_time(100)
    box.put(6)
    chain.restore(kept)
    assert box.read.x() == 5 and chain.timestamp == kept[1]
    box.put(8)
    chain.restore(kept)
    assert box.read.x() == 5


def test_reading_changes_nothing(box):
    box.put(5)
    assert box.look("put", 9) == 1
    assert box.read.x() == 5


def test_storage_is_proven_from_the_state_root(chain, box):
    if not chain.has_state_proofs:
        pytest.skip("revm has no state trie")
    box.put(5)
    root, account, storage = chain.prove(box.address, 0)
    assert storage_at(root, box.address, u(32, 0), account, storage) == 5
    root, account, storage = chain.prove(box.address, 1)
    assert storage_at(root, box.address, u(32, 1), account, storage) == 0
