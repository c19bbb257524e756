"""Executing calls that arrive: all or none, with their gas or not at all, as an account that nobody else can use."""
import json
import pathlib

import pytest
from eth_abi import decode, encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import CHAIN_ID, Reverted, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from harness.world import handler_artifact, name_errors
from oracle import ibc, names, ssz
from oracle.hashes import K, S, u
from oracle.ssz import Attribute, Call, Coin, Envelope, Outcome

HERE = f"eip155:{CHAIN_ID}"
REFUND = names.account("cosmos:demo-1", b"demo1qyqszqgpqyqszqgpqyqszqgpqyqszqgp")
LANE, REMOTE = "client-0", "client-7"
ZERO = bytes(20)
name_errors(["InvalidEnvelope(uint256)", "NoContract(address)", "CallReverted(uint256,bytes)", "ResultTooLong(uint256)",
             "FundsRefused(address,uint256)"])


class Handled:
    """A handler whose router is an account of ours, and something to call."""

    def __init__(self, chain):
        self.chain = chain
        self.router, self.user = chain.account(1), chain.account(2)
        self.handler = Contract.deploy(
            chain, handler_artifact(), self.router, ZERO, artifact("ExecutionAccount").bytecode, sender=self.user)
        self.target = Contract.deploy(chain, mock("Target"), sender=self.user)
        self.other = Contract.deploy(chain, mock("Target"), sender=self.user)
        self.token = Contract.deploy(chain, mock("Token"), sender=self.user)

    def at(self, contract) -> bytes:
        return names.account(HERE, contract if isinstance(contract, bytes) else contract.address)

    def callback(self, value, lane=LANE, sequence=1, **changes):
        payload = dict(source="execution", dest="execution", version="causeway-1", encoding="application/x-ssz")
        payload.update(changes)
        return (REMOTE, lane, sequence, (*payload.values(), value), self.user)

    def run(self, *calls, refund=REFUND, lane=LANE, attributes=(), sequence=1, **options):
        """Gives an envelope to the handler as the router does: the receipt, and the outcome that it answered."""
        value = Envelope(tuple(calls), refund, tuple(attributes)).encode()
        receipt = self.handler.onRecvPacket(self.callback(value, lane, sequence), sender=self.router, **options)
        return receipt, Outcome.decode(receipt.value)

    def account(self, refund=REFUND, lane=LANE) -> bytes:
        code = artifact("ExecutionAccount").bytecode
        return names.create2(self.handler.address, names.account_salt(lane, refund), code)

    def call(self, name, *args, target=None, gas=200_000, funds=()):
        target = target or self.target
        return Call(self.at(target), tuple(funds), gas, target.encode(name, *args))


@pytest.fixture(params=sorted(EVMS))
def at(request):
    need("ExecutionHandler", "ExecutionAccount")
    return kept("handled", request.param, Handled)


def result(contract, name, raw):
    count = [k for k in contract.artifact.functions if isinstance(k, str) and k.startswith(name + "(")][0]
    return decode(contract.artifact.functions[count][2], raw)[0]


# What works.

def test_a_call_is_made_by_the_account_of_its_sender(at):
    receipt, outcome = at.run(at.call("run", b"hello"))
    assert (outcome.status, outcome.error, len(outcome.results)) == (0, b"", 1) and outcome.gas_used > 20_000
    assert result(at.target, "run", outcome.results[0]) == b"hello"
    assert outcome.encode() == receipt.value
    assert at.target.read.caller() == at.account() and at.target.read.input() == b"hello"
    assert at.chain.code(at.account()) != b""
    (made,) = receipt.events(at.handler, "AccountCreated")
    assert made == {"account": hexa(at.account()), "client": LANE, "owner": REFUND}
    receipt, _ = at.run(at.call("run", b"again"), sequence=2)
    assert receipt.events(at.handler, "AccountCreated") == [] and at.target.read.count() == 2


def test_the_account_is_known_before_it_exists(at):
    assert at.handler.read.accountOf(LANE, REFUND) == at.account()
    assert at.handler.read.ACCOUNT_INITCODE_HASH() == K(artifact("ExecutionAccount").bytecode)
    assert at.chain.code(at.account()) == b""
    assert at.handler.createAccount(LANE, REFUND, sender=at.user).value == at.account()
    with pytest.raises(Reverted):
        at.handler.createAccount(LANE, REFUND, sender=at.user)
    at.run(at.call("run", b"x"))
    assert at.target.read.caller() == at.account()


def test_each_sender_of_each_lane_has_its_own_account(at):
    other = names.account("cosmos:demo-1", b"demo1other")
    evm = names.account("eip155:1", b"\x07" * 20)
    accounts = [at.handler.read.accountOf(lane, owner)
                for lane in ("client-0", "client-1", "client-01", "my-lane") for owner in (REFUND, other, evm)]
    assert len(set(accounts)) == 12
    assert accounts == [at.account(owner, lane)
                        for lane in ("client-0", "client-1", "client-01", "my-lane") for owner in (REFUND, other, evm)]
    for refund, lane in ((other, LANE), (REFUND, "client-1"), (evm, LANE)):
        at.run(at.call("run", b"x"), refund=refund, lane=lane)
        assert at.target.read.caller() == at.account(refund, lane)


def test_results_of_all_sizes_come_back(at):
    for size in (0, 1, 31, 32, 33, 500, 928):
        _, outcome = at.run(at.call("echo", b"z" * size))
        assert result(at.target, "echo", outcome.results[0]) == b"z" * size


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_calls_run_in_order(at, count):
    _, outcome = at.run(*[at.call("add", 10**n) for n in range(count)])
    assert [int.from_bytes(r, "big") for r in outcome.results] == [int("1" * (n + 1)) for n in range(count)]


def test_calls_without_results_and_payments_to_accounts(at):
    plain = at.chain.account(9)
    _, outcome = at.run(Call(at.at(plain), (), 30_000, b""), at.call("add", 5))
    assert outcome.results[0] == b"" and outcome.results[1] == u(32, 5)


def test_attributes_are_carried_and_not_read(at):
    attributes = [Attribute(bytes([n]) * 4, b"v" * n) for n in range(16)]
    at.run(at.call("add", 1), attributes=attributes)
    assert at.target.read.count() == 1


# What fails, and leaves nothing behind.

def test_one_failing_call_undoes_all(at):
    for failing in range(3):
        calls = [at.call("add", 1), at.call("add", 1, target=at.other), at.call("add", 2)]
        calls[failing] = at.call("fail", b"oh no")
        with reverts("CallReverted(uint256,bytes)", failing, b"oh no"):
            at.run(*calls)
        assert at.target.read.count() == 0 and at.other.read.count() == 0
        assert at.chain.code(at.account()) == b""


@pytest.mark.parametrize("call, reason", [("failSilently", b""), ("burn", b"")])
def test_a_call_that_fails_without_a_word_is_a_failed_call(at, call, reason):
    """It had the gas that it declared, so this is an answer: data, not the silence that means too little gas."""
    with reverts("CallReverted(uint256,bytes)", 0, reason):
        at.run(at.call(call, gas=100_000))


def test_a_call_with_no_gas_of_its_own_fails(at):
    with reverts("CallReverted(uint256,bytes)", 0, b""):
        at.run(at.call("run", b"x", gas=0))


def test_the_gas_limit_is_what_the_call_gets(at):
    at.run(at.call("run", b"x", gas=150_000))
    first = at.target.read.gasSeen()
    at.run(at.call("run", b"x", gas=250_000), gas=5_000_000)
    second = at.target.read.gasSeen()
    assert second - first == 100_000 and 140_000 < first <= 150_000
    at.run(at.call("run", b"x", gas=250_000), gas=15_000_000)
    assert at.target.read.gasSeen() == second


def test_a_receive_with_too_little_gas_for_a_limit_reverts_without_a_word(at):
    for limit in (100_000, 1_000_000, 5_000_000, 20_000_000):
        with reverts(None):
            at.run(at.call("run", b"x", gas=limit), gas=limit + 50_000)
    with reverts("InvalidEnvelope(uint256)", 10):
        at.run(at.call("run", b"x", gas=30_000_001))
    with reverts("InvalidEnvelope(uint256)", 10):
        at.run(at.call("run", b"x", gas=2**64 - 1))
    assert at.target.read.count() == 0


@pytest.mark.parametrize("shape", ["one call", "three calls", "a call that fails", "a call with funds"])
def test_starvation_is_never_an_answer(at, shape):
    """At every gas limit: the same outcome as with plenty, or a revert without data."""
    at.token.mint(at.account(), 10**9)
    calls = {
        "one call": [at.call("run", b"hello", gas=120_000)],
        "three calls": [at.call("run", b"x" * n, gas=140_000 + n) for n in (1, 2, 3)],
        "a call that fails": [at.call("add", 1), at.call("fail", b"always", gas=90_000)],
        "a call with funds": [at.call("holding", at.token.address, gas=120_000, funds=[
            Coin(hexa(at.token.address).encode(), 5)])],
    }[shape]

    def attempt(gas):
        value = Envelope(tuple(calls), REFUND).encode()
        data = at.handler.encode("onRecvPacket", at.callback(value))
        return at.chain.call(at.router, at.handler.address, data, 0, gas)

    full = attempt(10_000_000)
    needed = full.gas_used + 500_000
    seen = 0
    for gas in at.chain.some(range(60_000, needed, max(701, needed // 400))):
        receipt = attempt(gas)
        if receipt.ok:
            assert full.ok
            (raw,) = decode(["bytes"], receipt.output)
            (plenty,) = decode(["bytes"], full.output)
            assert Outcome.decode(raw).results == Outcome.decode(plenty).results
            seen += 1
        elif receipt.output:
            assert not full.ok and receipt.output == full.output, gas
            seen += 1
    assert seen > 0


def bomb(chain, sender, opcode):
    """A contract that answers (f3) or fails (fd) with one megabyte of zeros."""
    runtime = bytes.fromhex("62100000" + "5f" + opcode)
    return chain.deploy(sender, bytes.fromhex("65") + runtime + bytes.fromhex("5f526006601af3")).created


def test_return_bombs_cost_no_more_than_the_limit(at):
    for opcode in ("f3", "fd"):
        target = bomb(at.chain, at.user, opcode)
        with pytest.raises(Reverted) as error:
            at.run(Call(at.at(target), (), 4_000_000, b"\x01"), gas=6_000_000)
        assert len(error.value.data) < 3_000
        assert error.value.data[:4] in (K(b"ResultTooLong(uint256)")[:4], K(b"CallReverted(uint256,bytes)")[:4])
        assert error.value.receipt.gas_used < 5_000_000


def test_results_that_are_too_long_are_refused(at):
    with reverts("ResultTooLong(uint256)", 1):
        at.run(at.call("add", 1), at.call("echo", b"z" * 960))
    with reverts("ResultTooLong(uint256)", 3):
        at.run(at.call("add", 1), *[at.call("echo", b"z" * 600)] * 3)
    assert at.target.read.count() == 0


def test_targets(at):
    nobody = at.chain.account(77)
    with reverts("NoContract(address)", hexa(nobody)):
        at.run(Call(at.at(nobody), (), 100_000, b"\x01"))
    with reverts("NoContract(address)", hexa(u(20, 4))):
        at.run(Call(at.at(u(20, 4)), (), 100_000, b"precompile"))
    for wrong in (
        names.account("eip155:1", at.target.address), names.account("eip155:31338", at.target.address),
        names.account("cosmos:demo-1", at.target.address), names.account(HERE, at.target.address + b"\0"),
        names.chain(HERE), names.account(HERE, at.target.address)[:-1], b"", at.target.address,
        names.account(HERE, at.target.address) + b"\0",
        # The chain id with a leading zero.
        b"\0\1\0\0\3\0" + u(2, CHAIN_ID) + b"\x14" + at.target.address,
    ):
        with reverts("InvalidEnvelope(uint256)", 6):
            at.run(Call(wrong, (), 100_000, at.target.encode("add", 1)))


# Who may do what.

def test_only_the_router_delivers(at):
    value = Envelope((at.call("add", 1),), REFUND).encode()
    for stranger in (at.user, at.account(), ZERO):
        with reverts("Unauthorized(address)", hexa(stranger)):
            at.handler.onRecvPacket(at.callback(value), sender=stranger)
        with reverts("Unauthorized(address)", hexa(stranger)):
            at.handler.onAcknowledgementPacket((*at.callback(value)[:4], b"x", at.user), sender=stranger)
        with reverts("Unauthorized(address)", hexa(stranger)):
            at.handler.onTimeoutPacket(at.callback(value), sender=stranger)
        with reverts("Unauthorized(address)", hexa(stranger)):
            at.handler.onSendPacket(at.callback(value), sender=stranger)


def test_nobody_else_moves_an_account(at):
    at.run(at.call("add", 1))
    at.token.mint(at.account(), 100)
    steal = at.token.encode("transfer", at.user, 100)
    for stranger in (at.user, at.router, ZERO):
        with pytest.raises(Reverted):
            at.chain.transact(stranger, at.account(), steal)
    other = names.account("cosmos:demo-1", b"demo1other")
    # Another account may call this one: it does not obey.
    with pytest.raises(Reverted):
        at.run(Call(at.at(at.account()), (), 100_000, steal), refund=other)
    assert at.token.read.balanceOf(at.account()) == 100
    # It takes tokens that ask, and no ether, which no call could spend.
    with pytest.raises(Reverted):
        at.chain.transact(at.user, at.account(), b"", 5)
    hook = K(b"onERC721Received(address,address,uint256,bytes)")[:4]
    answer = at.chain.call(at.user, at.account(), hook + bytes(128)).output
    assert answer[:4] == hook


@pytest.mark.parametrize("entry", ["onRecvPacket", "onAcknowledgementPacket", "onTimeoutPacket", "onSendPacket"])
def test_a_target_cannot_come_back_into_the_handler(at, entry):
    value = Envelope((at.call("add", 7),), REFUND).encode()
    argument = at.callback(value)
    if entry == "onAcknowledgementPacket":
        argument = (*argument[:4], b"x", at.user)
    again = at.handler.encode(entry, argument)
    _, outcome = at.run(at.call("enter", at.handler.address, again, gas=2_000_000))
    assert int.from_bytes(outcome.results[0], "big") == 0
    assert at.target.read.count() == 1 and not at.target.read.entered()


def test_a_target_cannot_use_the_account_that_called_it(at):
    """While the account is driven, its handler's order names the target: a call back must not repeat it."""
    at.token.mint(at.account(), 100)
    steal = at.token.encode("transfer", at.target.address, 100)
    _, outcome = at.run(at.call("enter", at.account(), steal, gas=2_000_000))
    assert int.from_bytes(outcome.results[0], "big") == 0 and at.token.read.balanceOf(at.account()) == 100
    # An order does not outlive its packet, nor the transaction.
    assert at.handler.read.order() == 0


# Funds.

# What the token itself said, or that it said no.
REFUSED = (K(b"FundsRefused(address,uint256)")[:4], K(b"CallReverted(uint256,bytes)")[:4])


def test_funds_are_there_before_the_call(at):
    at.token.mint(at.account(), 100)
    denom = hexa(at.token.address).encode()
    _, outcome = at.run(at.call("holding", at.token.address, funds=[Coin(denom, 60)]),
                        at.call("holding", at.token.address, funds=[Coin(denom, 30), Coin(denom, 10)]))
    assert [int.from_bytes(r, "big") for r in outcome.results] == [60, 100]
    assert at.token.read.balanceOf(at.account()) == 0


def test_funds_that_are_not_there_fail_the_envelope(at):
    at.token.mint(at.account(), 100)
    denom = hexa(at.token.address).encode()
    for amount in (101, 2**256 - 1):
        with pytest.raises(Reverted) as error:
            at.run(at.call("add", 1), at.call("add", 1, funds=[Coin(denom, amount)]))
        assert error.value.data[:4] in REFUSED
    with pytest.raises(Reverted):
        at.run(at.call("add", 1, funds=[Coin(denom, 60)]), at.call("add", 1, funds=[Coin(denom, 41)]))
    assert at.token.read.balanceOf(at.account()) == 100 and at.target.read.count() == 0


@pytest.mark.parametrize("denom", [b"uatom", b"0x" + b"1" * 39, b"0x" + b"AB" * 20, b"0x" + b"zz" * 20, b"x" * 128, b"\xff" * 42])
def test_funds_of_unknown_name_fail_the_envelope(at, denom):
    with pytest.raises(Reverted) as error:
        at.run(at.call("add", 1, funds=[Coin(denom, 1)]))
    assert error.value.data[:4] in (K(b"NoContract(address)")[:4], K(b"InvalidEnvelope(uint256)")[:4])


@pytest.mark.parametrize("mode", [2, 3, 6])
def test_tokens_that_refuse_fail_the_envelope_and_starve_nobody(at, mode):
    at.token.mint(at.account(), 100)
    at.token.behave(mode)
    with pytest.raises(Reverted) as error:
        at.run(at.call("add", 1, funds=[Coin(hexa(at.token.address).encode(), 1)]))
    assert error.value.data[:4] in REFUSED
    assert error.value.receipt.gas_used < 900_000


def test_tokens_that_answer_nothing_are_moved(at):
    quiet = Contract.deploy(at.chain, mock("QuietToken"), sender=at.user)
    quiet.mint(at.account(), 10)
    at.run(at.call("add", 1, funds=[Coin(hexa(quiet.address).encode(), 4)]))
    assert quiet.read.balanceOf(at.target.address) == 4


# Decoding.

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "Tests/Vectors/messages/envelopes.json"


@pytest.mark.parametrize("change", [
    {"source": "executioN"}, {"dest": "transfer"}, {"version": "causeway-2"}, {"encoding": "application/json"},
    {"source": ""}, {"version": "causeway-1\0"}])
def test_payloads_that_are_not_envelopes(at, change):
    value = Envelope((at.call("add", 1),), REFUND).encode()
    with reverts("InvalidEnvelope(uint256)", 1):
        at.handler.onRecvPacket(at.callback(value, **change), sender=at.router)


def test_envelopes_that_another_library_wrote_badly_are_refused(at):
    for case in json.loads(VECTORS.read_text())["cases"]:
        with pytest.raises(Reverted) as error:
            at.handler.onRecvPacket(at.callback(bytes.fromhex(case["encoded"][2:])[:8192]), sender=at.router)
        assert error.value.data[:4] == K(b"InvalidEnvelope(uint256)")[:4], case["name"]


def accepts(at, value: bytes) -> bool:
    receipt = at.chain.call(
        at.router, at.handler.address, at.handler.encode("onRecvPacket", at.callback(value)), 0, 20_000_000)
    assert receipt.ok or receipt.output, "silence means too little gas, and there was plenty"
    return receipt.ok


def agrees(at, value: bytes):
    """The handler takes exactly what the oracle reads, its own limits apart."""
    try:
        envelope = ssz.decode_envelope(value)
    except ssz.Refused:
        assert not accepts(at, value)
        return
    ours = all(c.target[:-20] == at.at(bytes(20))[:-20] and len(c.target) == 28 for c in envelope.calls)
    known = all(
        c.target[-20:] in (at.target.address, at.other.address) and c.gas_limit >= 100_000 and not c.funds
        and c.input[:4] == at.target.encode("add", 1)[:4] and len(c.input) == 36 for c in envelope.calls)
    if ours and known and all(c.gas_limit <= 1_000_000 for c in envelope.calls):
        assert accepts(at, value)
    else:
        accepts(at, value)


def test_every_changed_byte_of_an_envelope_is_refused_or_means_something_else(at):
    value = Envelope((at.call("add", 1), at.call("add", 2, target=at.other)), REFUND, (Attribute(b"abcd", b"v"),)).encode()
    assert accepts(at, value)
    for place, change in at.chain.some([(p, c) for p in range(len(value)) for c in (1, 2, 0x80)], 30):
        agrees(at, value[:place] + bytes([value[place] ^ change]) + value[place + 1:])


def test_every_shorter_envelope_is_refused(at):
    value = Envelope((at.call("add", 1),), REFUND).encode()
    for size in at.chain.some(range(len(value))):
        assert not accepts(at, value[:size])
    assert not accepts(at, value + b"\0")


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


selectors = st.binary(min_size=4, max_size=4)
addresses = st.binary(min_size=1, max_size=40).map(lambda a: names.account("cosmos:demo-1", a)) | st.binary(
    min_size=20, max_size=20).map(lambda a: names.account("eip155:1", a))
attribute_lists = st.lists(st.builds(Attribute, selectors, st.binary(max_size=40)), max_size=16).map(tuple)


@settings(max_examples=12)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**64)), min_size=1, max_size=16), addresses, attribute_lists,
       st.data())
def test_random_envelopes(evm_name, steps, refund, attributes, data):
    need("ExecutionHandler", "ExecutionAccount")
    at = kept("handled-property", evm_name, Handled)
    calls = [at.call("add", n, target=at.other if other else at.target) for other, n in steps]
    receipt, outcome = at.run(*calls, refund=refund, attributes=attributes)
    sums, expected = {True: 0, False: 0}, []
    for other, n in steps:
        sums[other] += n
        expected.append(u(32, sums[other]))
    assert list(outcome.results) == expected and outcome.encode() == receipt.value
    assert at.other.read.count() == sums[True] and at.target.read.count() == sums[False]
    # One random change.
    value = Envelope(tuple(calls), refund, attributes).encode()
    place = data.draw(st.integers(0, len(value) - 1))
    change = data.draw(st.integers(1, 255))
    agrees(at, value[:place] + bytes([value[place] ^ change]) + value[place + 1:])
    cut = data.draw(st.integers(0, len(value) - 1))
    agrees(at, value[:cut])
    agrees(at, value[:place] + data.draw(st.binary(min_size=1, max_size=8)) + value[place:])


@settings(max_examples=40)
@given(st.binary(max_size=400))
def test_random_bytes_are_no_envelope(evm_name, junk):
    need("ExecutionHandler", "ExecutionAccount")
    at = kept("handled-property", evm_name, Handled)
    agrees(at, junk)
