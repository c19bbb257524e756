"""Ordering calls on other domains, and hearing how they ended."""
import pytest
from eth_abi import decode, encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import CHAIN_ID, Reverted, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from harness.world import handler_artifact, name_errors
from oracle import ibc, names
from oracle.hashes import K
from oracle.ssz import Attribute, Call, Coin, Envelope, Outcome, Refused, decode_envelope

HERE = f"eip155:{CHAIN_ID}"
THERE = names.account("cosmos:demo-1", b"demo1counter")
LANE = "client-0"
name_errors(["InvalidEnvelope(uint256)"])


class Origin:
    """A handler behind a router of ours, an account and a contract that send."""

    def __init__(self, chain):
        self.chain, self.user, self.friend = chain, chain.account(2), chain.account(3)
        self.router = Contract.deploy(chain, mock("MockRouter"), sender=self.user)
        self.handler = Contract.deploy(
            chain, handler_artifact(), self.router.address, bytes(20), artifact("ExecutionAccount").bytecode,
            sender=self.user)
        self.sender = Contract.deploy(chain, mock("Sender"), sender=self.user)

    def refund(self, account=None) -> bytes:
        return names.account(HERE, account or self.user)

    def sent(self) -> bytes:
        source, dest, version, encoding, value = self.router.read.sent()
        assert (source, dest, version, encoding) == ("execution", "execution", "causeway-1", "application/x-ssz")
        return value

    def by_contract(self, value=b"input") -> bytes:
        """The contract sends a call; the value of its packet."""
        self.sender.execute(self.handler.address, self.handler.encode(
            "sendCall", LANE, self.chain.timestamp + 60, THERE, 100_000, value), sender=self.user)
        return self.sent()

    def end(self, value, ack=None, sequence=1, **options):
        """Delivers an acknowledgement, or a timeout when there is none."""
        payload = ("execution", "execution", "causeway-1", "application/x-ssz", value)
        common = (LANE, "client-7", sequence, payload)
        if ack is None:
            data = self.handler.encode("onTimeoutPacket", (*common, self.user))
        else:
            data = self.handler.encode("onAcknowledgementPacket", (*common, ack, self.user))
        return self.router.execute(self.handler.address, data, sender=self.user, **options)


@pytest.fixture(params=sorted(EVMS))
def origin(request):
    need("ExecutionHandler", "ExecutionAccount")
    return kept("origin", request.param, Origin)


@pytest.mark.parametrize("size", [0, 1, 4, 31, 32, 33, 1000, 1792])
def test_one_call(origin, size):
    sequence = origin.handler.sendCall(
        LANE, origin.chain.timestamp + 60, THERE, 123_456, b"i" * size, sender=origin.user).value
    assert sequence == 1 and origin.router.read.client() == LANE
    assert origin.sent() == Envelope((Call(THERE, (), 123_456, b"i" * size),), origin.refund()).encode()
    assert origin.router.read.sender() == origin.handler.address


def test_several_calls_with_funds(origin):
    calls = [
        Call(THERE, (Coin(b"stake", 5), Coin(b"x" * 128, 2**256 - 1)), 2**64 - 1, b"first"),
        Call(names.account("eip155:1", b"\x09" * 20), (), 0, b""),
        Call(THERE, tuple(Coin(b"c%d" % n, n + 1) for n in range(4)), 7, b"z" * 900),
    ]
    tuples = [(c.target, [(k.denom.decode(), k.amount) for k in c.funds], c.gas_limit, c.input) for c in calls]
    for count in (1, 2, 3):
        origin.handler.sendCalls(LANE, origin.chain.timestamp + 60, tuples[:count], sender=origin.user)
        assert origin.sent() == Envelope(tuple(calls[:count]), origin.refund()).encode()
    with reverts("InvalidEnvelope(uint256)", 5):
        origin.handler.sendCalls(LANE, origin.chain.timestamp + 60, [], sender=origin.user)
    for bad in (("", 1), ("stake", 0)):
        with reverts("InvalidEnvelope(uint256)", 8):
            origin.handler.sendCalls(LANE, origin.chain.timestamp + 60, [(THERE, [bad], 1, b"")], sender=origin.user)


@pytest.mark.parametrize("target", [
    b"", THERE[:-1], THERE + b"\0", names.chain("cosmos:demo-1"), b"\0\2" + THERE[2:],
    names.account("eip155:1", b"\x09" * 19), b"\0\1\0\0\2\0\1\x14" + b"\x09" * 20])
def test_targets_that_are_no_address_are_not_sent(origin, target):
    with reverts("InvalidEnvelope(uint256)", 6):
        origin.handler.sendCall(LANE, origin.chain.timestamp + 60, target, 1, b"", sender=origin.user)
    with reverts("InvalidEnvelope(uint256)", 6):
        origin.handler.sendCalls(LANE, origin.chain.timestamp + 60, [(target, [], 1, b"")], sender=origin.user)


def test_an_envelope_is_sent_as_it_is_whatever_its_size(origin):
    """The envelope ends with the sender's address, or with attributes: all sizes, for it is read where it lies."""
    for size in origin.chain.some([*range(0, 66), 700], 33):
        for attributes in ((), (Attribute(b"abcd", b"v" * (size % 5)),)):
            value = Envelope((Call(THERE, (), 1, b"i" * size),), origin.refund(), attributes).encode()
            origin.handler.sendEnvelope(LANE, origin.chain.timestamp + 60, value, sender=origin.user)
            assert origin.sent() == value
            payload = ("execution", "execution", "causeway-1", "application/x-ssz", value)
            origin.router.execute(origin.handler.address, origin.handler.encode(
                "onSendPacket", (LANE, "client-7", 1, payload, origin.user)), sender=origin.friend)


def test_nobody_sends_in_the_name_of_another(origin):
    value = Envelope((Call(THERE, (), 1, b"i"),), origin.refund()).encode()
    with reverts("InvalidEnvelope(uint256)", 7):
        origin.handler.sendEnvelope(LANE, origin.chain.timestamp + 60, value, sender=origin.friend)
    payload = ("execution", "execution", "causeway-1", "application/x-ssz", value)
    with reverts("InvalidEnvelope(uint256)", 7):
        origin.router.execute(origin.handler.address, origin.handler.encode(
            "onSendPacket", (LANE, "client-7", 1, payload, origin.friend)), sender=origin.user)
    for refund in (names.account("eip155:1", origin.user), names.account("cosmos:demo-1", origin.user),
                   names.account(HERE, origin.user + b"\0"), THERE, names.chain(HERE)):
        value = Envelope((Call(THERE, (), 1, b"i"),), refund).encode()
        with reverts("InvalidEnvelope(uint256)", 7):
            origin.handler.sendEnvelope(LANE, origin.chain.timestamp + 60, value, sender=origin.user)


def test_envelopes_that_the_destination_would_refuse_are_not_sent(origin):
    good = Envelope((Call(THERE, (Coin(b"c", 1),), 1, b"i"),), origin.refund(), (Attribute(b"abcd", b"v"),)).encode()
    def sends(value):
        return origin.chain.call(origin.user, origin.handler.address, origin.handler.encode(
            "sendEnvelope", LANE, origin.chain.timestamp + 60, value)).ok

    assert sends(good)
    changed = [good[:p] + bytes([good[p] ^ c]) + good[p + 1:] for p in range(len(good)) for c in (1, 2, 0x80)]
    cut = [good[:size] for size in range(len(good))]
    for value in [*origin.chain.some(changed, 60), *origin.chain.some(cut), good + b"\0", b"\0" + good]:
        try:
            expected = decode_envelope(value).refund_to == origin.refund()
        except Refused:
            expected = False
        assert sends(value) == expected, value.hex()


def test_the_name_of_a_crossing(origin):
    for client, sequence in [("client-0", 1), ("my-lane", 2**64 - 1), ("x" * 64, 256)]:
        assert origin.handler.read.crossingOf(client, sequence) == names.crossing(HERE, client, sequence)


@pytest.mark.parametrize("status", [0, 1, 2])
def test_a_contract_hears_how_its_call_ended(origin, status):
    value = origin.by_contract()
    assert value == Envelope((Call(THERE, (), 100_000, b"input"),), origin.refund(origin.sender.address)).encode()
    outcome = Outcome(0, 5, (b"result",)).encode()
    receipt = origin.end(value, [outcome, ibc.UNIVERSAL_ERROR, None][status], sequence=9)
    crossing = names.crossing(HERE, LANE, 9)
    assert origin.sender.read.heard() == 1 and origin.sender.read.status() == status
    assert origin.sender.read.crossing() == crossing and origin.sender.read.sequence() == 9
    assert origin.sender.read.client() == LANE and origin.sender.read.caller() == origin.handler.address
    assert origin.sender.read.outcome() == (outcome if status == 0 else b"")
    assert receipt.events(origin.handler, "Settled") == [{
        "sender": hexa(origin.sender.address), "sequence": 9, "status": status}]
    assert receipt.events(origin.handler, "CallbackFailed") == []


@pytest.mark.parametrize("ack", [b"x" * 32, ibc.UNIVERSAL_ERROR + b"\0", ibc.UNIVERSAL_ERROR[:31], b""])
def test_only_the_universal_error_is_a_failure(origin, ack):
    origin.end(origin.by_contract(), ack)
    assert origin.sender.read.status() == 0 and origin.sender.read.outcome() == ack


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("ack", [ibc.UNIVERSAL_ERROR, None, Outcome(0, 5, ()).encode()])
def test_a_sender_that_fails_holds_nothing_up(origin, mode, ack):
    value = origin.by_contract()
    origin.sender.behave(mode)
    receipt = origin.end(value, ack, gas=2_000_000)
    (failed,) = receipt.events(origin.handler, "CallbackFailed")
    assert failed["sender"] == hexa(origin.sender.address)
    assert len(receipt.events(origin.handler, "Settled")) == 1
    assert origin.sender.read.heard() == 0 and receipt.gas_used < 600_000


def test_a_relayer_cannot_starve_the_sender(origin):
    """With too little gas for the callback the step reverts: it never settles without the sender having heard."""
    value = origin.by_contract()
    data = origin.handler.encode("onTimeoutPacket", (
        LANE, "client-7", 1, ("execution", "execution", "causeway-1", "application/x-ssz", value), origin.user))
    call = origin.router.encode("execute", origin.handler.address, data)
    seen = set()
    for gas in origin.chain.some(range(50_000, 700_000, 3_001), 60):
        kept_before = origin.chain.snapshot() if origin.chain.name == "py-evm" else None
        receipt = origin.chain.attempt(origin.user, origin.router.address, call, 0, gas) if kept_before else (
            origin.chain.call(origin.user, origin.router.address, call, 0, gas))
        seen.add(receipt.ok)
        if receipt.ok:
            assert not receipt.named("CallbackFailed(bytes32,address,bytes)"), gas
        if kept_before:
            origin.chain.restore(kept_before)
    assert seen == {True, False}


def test_a_sender_without_code_is_not_called(origin):
    origin.handler.sendCall(LANE, origin.chain.timestamp + 60, THERE, 1, b"", sender=origin.user)
    receipt = origin.end(origin.sent(), None)
    assert len(receipt.events(origin.handler, "Settled")) == 1 and len(receipt.logs) == 1


@pytest.mark.parametrize("entry", ["onRecvPacket", "onAcknowledgementPacket", "onTimeoutPacket"])
def test_a_sender_cannot_come_back_in_while_it_hears(origin, entry):
    value = origin.by_contract()
    payload = ("execution", "execution", "causeway-1", "application/x-ssz", value)
    argument = (LANE, "client-7", 1, payload, *([b"x"] if entry == "onAcknowledgementPacket" else []), origin.user)
    again = origin.router.encode("execute", origin.handler.address, origin.handler.encode(entry, argument))
    origin.sender.hook(origin.router.address, again)
    origin.end(value, None)
    assert origin.sender.read.heard() <= 1 and not origin.sender.read.hookOk()


def test_a_sender_can_send_again_while_it_hears(origin):
    value = origin.by_contract()
    origin.sender.hook(origin.handler.address, origin.handler.encode(
        "sendCall", LANE, origin.chain.timestamp + 60, THERE, 1, b"again"))
    origin.end(value, None)
    assert origin.sender.read.hookOk()
    assert origin.sent() == Envelope((Call(THERE, (), 1, b"again"),), origin.refund(origin.sender.address)).encode()


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


coins = st.lists(st.tuples(st.text("abcdefghij/0123456789", min_size=1, max_size=128), st.integers(1, 2**256 - 1)), max_size=4)
call_lists = st.lists(st.tuples(
    st.binary(min_size=1, max_size=40).map(lambda a: names.account("cosmos:demo-1", a)), coins,
    st.integers(0, 2**64 - 1), st.binary(max_size=200)), min_size=1, max_size=8)


@settings(max_examples=15)
@given(call_lists)
def test_random_calls_are_written_as_the_oracle_writes_them(evm_name, calls):
    need("ExecutionHandler", "ExecutionAccount")
    origin = kept("origin-property", evm_name, Origin)
    origin.handler.sendCalls(LANE, origin.chain.timestamp + 60, calls, sender=origin.user)
    expected = Envelope(tuple(
        Call(t, tuple(Coin(d.encode(), a) for d, a in f), g, i) for t, f, g, i in calls), origin.refund())
    assert origin.sent() == expected.encode()
