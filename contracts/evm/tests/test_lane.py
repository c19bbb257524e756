"""Whole crossings between two EVM domains, and random orders of everything that can happen to them."""
import pytest
from eth_abi import decode, encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, need
from harness.chain import Reverted, reverts
from harness.contracts import Contract, artifact, hexa
from harness.domains import CHAIN, Lane
from oracle import ibc, names, tokens
from oracle.hashes import K, u
from oracle.ibc import Payload, Packet, ack_commitment
from oracle.ssz import Call, Coin, Envelope, Outcome

ABSENT = bytes(32)
_lanes = {}


def fresh(evm):
    need("Router", "RouterExtension", "AttestedClient", "Transfer", "Voucher", "ExecutionHandler", "ExecutionAccount")
    if evm not in _lanes:
        lane = Lane(EVMS[evm](), EVMS[evm]())
        _lanes[evm] = lane, [side.chain.snapshot() for side in lane.sides]
    lane, marks = _lanes[evm]
    for side, mark in zip(lane.sides, marks):
        side.chain.restore(mark)
        side.heights = 100
    lane.open, lane.acks, lane.ended = [{}, {}], [{}, {}], [{}, {}]
    return lane


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


@pytest.fixture
def lane(evm_name):
    return fresh(evm_name)


def test_a_call_crosses_and_its_outcome_comes_back(lane):
    here, there = lane.sides
    packet = lane.call(0, "run", b"hello")
    lane.recv(0, packet)
    account = names.create2(
        there.handler.address, names.account_salt("client-0", names.account(CHAIN, here.user)),
        artifact("ExecutionAccount").bytecode)
    assert there.target.read.input() == b"hello" and there.target.read.caller() == account
    outcome = Outcome.decode(lane.acks[1][packet.sequence][0])
    assert outcome.status == 0 and decode(["bytes"], outcome.results[0])[0] == b"hello"
    receipt = lane.ack(0, packet)
    assert receipt.events(here.handler, "Settled")[0]["status"] == 0
    assert here.stored(packet.commitment_path()) == ABSENT


def test_a_call_that_fails_changes_nothing_and_is_heard(lane):
    here, there = lane.sides
    packet = lane.call(0, "fail", b"no")
    lane.recv(0, packet)
    assert lane.acks[1][packet.sequence] == (ibc.UNIVERSAL_ERROR,) and there.target.read.count() == 0
    assert lane.ack(0, packet).events(here.handler, "Settled")[0]["status"] == 1


def test_a_call_that_is_too_late_is_timed_out(lane):
    here, there = lane.sides
    packet = lane.call(0, "add", 1, timeout=50)
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)"):
        lane.time_out(0, packet)
    lane.pass_time(50)
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)"):
        lane.recv(0, packet)
    assert lane.time_out(0, packet).events(here.handler, "Settled")[0]["status"] == 2
    assert there.target.read.count() == 0


def test_what_was_received_cannot_time_out(lane):
    packet = lane.call(0, "add", 1, timeout=50)
    lane.recv(0, packet)
    lane.pass_time(100)
    with pytest.raises(Reverted):
        lane.time_out(0, packet)
    lane.ack(0, packet)


def test_tokens_go_and_come_home(lane):
    here, there = lane.sides
    packet = lane.transfer(0, here.token, 1000)
    lane.recv(0, packet)
    voucher = there.voucher(f"transfer/client-0/{hexa(here.token.address)}")
    assert voucher.read.balanceOf(there.user) == 1000
    lane.ack(0, packet)
    voucher.approve(there.transfer.address, 1000, sender=there.user)
    back = lane.transfer(1, voucher, 400)
    lane.recv(1, back)
    assert here.token.read.balanceOf(here.user) == 10**12 - 600
    assert voucher.read.totalSupply() == 600 == here.transfer.read.escrowed("client-0", here.token.address)


def test_a_swap_that_is_ordered_from_elsewhere_and_sends_its_output_home(lane):
    """One packet: tokens to the execution account, then a call that swaps them and sends what it gets back."""
    need("Pool", "SwapReceiver", "TestToken")
    here, there = lane.sides
    out = Contract.deploy(there.chain, artifact("TestToken"), "Out", "OUT", 6, sender=there.user)
    # The voucher exists once something has come.
    first = lane.transfer(0, here.token, 10**6)
    lane.recv(0, first)
    path = f"transfer/client-0/{hexa(here.token.address)}"
    voucher = there.voucher(path)
    pool = Contract.deploy(there.chain, artifact("Pool"), voucher.address, out.address, sender=there.user)
    swapper = Contract.deploy(there.chain, artifact("SwapReceiver"), pool.address, there.transfer.address, sender=there.user)
    out.mint(there.user, 10**6)
    for token in (voucher, out):
        token.approve(pool.address, 10**6, sender=there.user)
    pool.addLiquidity(10**6, 10**6, sender=there.user)

    refund = names.account(CHAIN, here.user)
    account = there.handler.read.accountOf("client-0", refund)

    def order(amount, least):
        call = Call(names.account(CHAIN, swapper.address), (Coin(path.encode(), amount),), 900_000, swapper.encode(
            "swapAndReturn", voucher.address, amount, out.address, least, "client-0", hexa(here.user),
            there.chain.timestamp + 600))
        payloads = [
            Payload("transfer", "transfer", tokens.VERSION, tokens.ENCODING, tokens.transfer(
                hexa(here.token.address), hexa(here.user), hexa(account), amount)),
            Payload("execution", "execution", "causeway-1", "application/x-ssz", Envelope((call,), refund).encode()),
        ]
        receipt = here.router.sendPayloads(
            ("client-0", here.chain.timestamp + 600, [p.tuple() for p in payloads]), sender=here.user)
        return lane.sent(0, receipt)[0]

    before = here.token.read.balanceOf(here.user)
    packet = order(1000, 900)
    assert here.token.read.balanceOf(here.user) == before - 1000
    lane.recv(0, packet)
    (home,) = lane.open[1].values()
    got = 997 * 1000 * 10**6 // (10**9 + 997 * 1000)
    assert decode(["(string,string,string,uint256,string)"], home.payloads[0].value)[0] == (
        hexa(out.address), hexa(swapper.address), hexa(here.user), got, "")
    lane.recv(1, home)
    assert here.voucher(f"transfer/client-0/{hexa(out.address)}").read.balanceOf(here.user) == got
    lane.ack(1, home)
    lane.ack(0, packet)

    # The price is not to be had: nothing happens there, and the tokens come back here.
    packet = order(1000, 10**6)
    lane.recv(0, packet)
    assert lane.acks[1][packet.sequence] == (ibc.UNIVERSAL_ERROR,)
    assert voucher.read.balanceOf(account) == 0 and voucher.read.totalSupply() == 10**6 + 1000
    lane.ack(0, packet)
    assert here.token.read.balanceOf(here.user) == before - 1000

    # The way home fails: the execution account has the output.
    packet = order(1000, 1)
    lane.recv(0, packet)
    home = lane.open[1][max(lane.open[1])]
    lane.pass_time(700)
    lane.time_out(1, home)
    assert out.read.balanceOf(account) > 900


# Random orders of calls against a model.

kinds = ["call", "failing call", "transfer", "transfer back", "recv", "recv again", "ack", "ack again", "timeout", "wait",
         "recv altered", "forged recv", "forged ack"]
histories = st.lists(st.tuples(
    st.sampled_from(kinds), st.integers(0, 1), st.integers(1, 50), st.integers(0, 40)), min_size=5, max_size=40)


@settings(max_examples=12)
@given(histories)
def test_random_histories(evm_name, history):
    """Commitments are there exactly while a packet is open; receipts never go; each executes at most once, and what was
    executed is never refunded; tokens are where the model says, and what is kept here is what exists as vouchers there
    or is on its way.
    """
    lane = fresh(evm_name)
    one = lane.sides
    packets = [[], []]          # (packet, what, amount) sent from a side
    received = [{}, {}]         # by sending side: sequence -> executed?
    ended = [{}, {}]            # by sending side: sequence -> "ack" | "error" | "timeout"
    count = [0, 0]              # the targets' counters
    kept = [0, 0]               # a side's own token, in escrow
    vouchers = [0, 0]           # vouchers on side s of the other side's token
    paths = [f"transfer/client-0/{hexa(one[1 - s].token.address)}" for s in (0, 1)]
    for kind, side, amount, pick in history:
        here, there = lane.sides[side], lane.sides[1 - side]
        if kind == "call":
            packets[side].append((lane.call(side, "add", amount, timeout=100), "call", amount))
        elif kind == "failing call":
            packets[side].append((lane.call(side, "fail", b"no", timeout=100), "fail", amount))
        elif kind == "transfer":
            packets[side].append((lane.transfer(side, here.token, amount, timeout=100), "token", amount))
            kept[side] += amount
        elif kind == "transfer back":
            if vouchers[side] < amount:
                continue
            voucher = here.voucher(paths[side])
            voucher.approve(here.transfer.address, amount, sender=here.user)
            packets[side].append((lane.transfer(side, voucher, amount, timeout=100), "voucher", amount))
            vouchers[side] -= amount
        elif kind == "wait":
            lane.pass_time(amount)
        elif not packets[side]:
            continue
        else:
            packet, what, value = packets[side][pick % len(packets[side])]
            number = packet.sequence
            late = there.chain.timestamp >= packet.timeout
            if kind in ("recv", "recv again"):
                fits = number in received[side] or (not late and number not in ended[side])
                if not fits:
                    with pytest.raises(Reverted):
                        lane.recv(side, packet)
                    continue
                if late and number in received[side]:
                    with pytest.raises(Reverted):
                        lane.recv(side, packet)
                    continue
                lane.recv(side, packet)
                if number not in received[side]:
                    received[side][number] = what != "fail"
                    if what == "call":
                        count[1 - side] += value
                    elif what == "token":
                        vouchers[1 - side] += value
                    elif what == "voucher":
                        kept[1 - side] -= value
            elif kind in ("ack", "ack again"):
                if number not in received[side]:
                    continue
                lane.ack(side, packet)
                ended[side].setdefault(number, "ack" if received[side][number] else "error")
            elif kind == "timeout":
                open_ = number not in ended[side]
                if open_ and (number in received[side] or not late):
                    with pytest.raises(Reverted):
                        lane.time_out(side, packet)
                    continue
                lane.time_out(side, packet)
                if open_:
                    ended[side][number] = "timeout"
                    if what == "token":
                        kept[side] -= value
                    elif what == "voucher":
                        vouchers[side] += value
            elif kind == "recv altered":
                if number in received[side] or late:
                    continue
                height, proof = lane.proof(side, packet.commitment_path())
                with pytest.raises(Reverted):
                    there.at.recv(packet.with_(timeout=packet.timeout + 1), proof, height.tuple())
            elif kind == "forged recv":
                # Two of five attesters lie about a packet that was never sent.
                forged = packet.with_(sequence=10_000 + pick)
                height = here.head()
                proof = lane.attesters[1 - side].packets(
                    height, [(K(forged.commitment_path()), forged.commitment())], (1, 3))
                with pytest.raises(Reverted):
                    there.at.recv(forged, proof, height.tuple())
            elif kind == "forged ack":
                if number in ended[side]:
                    continue
                height = there.head()
                proof = lane.attesters[side].packets(
                    height, [(K(packet.ack_path()), ack_commitment([b"lie"]))], (0, 4))
                with pytest.raises(Reverted):
                    here.at.ack(packet, b"lie", proof, height.tuple())
    for s in (0, 1):
        here, there = lane.sides[s], lane.sides[1 - s]
        for packet, what, _ in packets[s]:
            number = packet.sequence
            commitment = ABSENT if number in ended[s] else packet.commitment()
            assert here.stored(packet.commitment_path()) == commitment
            receipt = packet.receipt() if number in received[s] else ABSENT
            assert there.stored(packet.receipt_path()) == receipt
            assert (there.stored(packet.ack_path()) != ABSENT) == (number in received[s])
            if ended[s].get(number) == "timeout":
                assert number not in received[s]
        assert here.target.read.count() == count[s]
        assert here.transfer.read.escrowed("client-0", here.token.address) == kept[s]
        assert here.token.read.balanceOf(here.transfer.address) == kept[s]
        address = here.transfer.read.voucherOf(paths[s])
        assert (here.voucher(paths[s]).read.totalSupply() if address != bytes(20) else 0) == vouchers[s]
        # What is kept here exists there, or is on its way.
        flying = sum(v for p, what, v in packets[s] if what == "token" and p.sequence not in received[s]
                     and ended[s].get(p.sequence) != "timeout")
        returning = sum(v for p, what, v in packets[1 - s] if what == "voucher" and p.sequence not in received[1 - s]
                        and ended[1 - s].get(p.sequence) != "timeout")
        assert kept[s] == vouchers[1 - s] + flying + returning
