"""Who may change what, and when: council, timelock, and the contracts that they own."""
import pytest
from eth_abi import encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import Reverted, name_errors, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from harness.world import REMOTE, routed
from oracle.hashes import K

DAY = 86_400
DELAY = 2 * DAY
SALT = bytes(32)
name_errors(["NotOpen(uint256)", "NotApproved(uint256,uint256,uint256)", "AlreadyQueued(bytes32)", "NotQueued(bytes32)",
             "TooEarly(bytes32,uint256)"])


class Governed:
    """A router that a timelock owns, which a council of five queues for."""

    def __init__(self, chain):
        self.chain = chain
        self.at = at = routed(chain)
        self.members = [chain.account(10 + n) for n in range(5)]
        self.guardian, self.stranger = chain.account(20), chain.account(21)
        self.council = Contract.deploy(chain, artifact("Council"), self.members, 3, sender=at.owner)
        self.timelock = Contract.deploy(
            chain, artifact("Timelock"), self.council.address, self.guardian, DELAY, DAY, sender=at.owner)
        self.router = at.router
        self.client, self.light = at.any_client()
        self.router.setGuardian(self.timelock.address, sender=at.owner)
        self.router.transferOwnership(self.timelock.address, sender=at.owner)
        self.decide(self.router.address, self.router.encode("acceptOwnership"))
        self.target = Contract.deploy(chain, mock("Target"), sender=at.owner)

    def approve(self, target, data, count=3, amount=0):
        """A proposal that so many members have approved."""
        id_ = self.council.propose(target, amount, data, sender=self.members[0]).value
        for member in self.members[1:count]:
            self.council.approve(id_, sender=member)
        return id_

    def queue(self, target, data, salt=SALT, amount=0):
        id_ = self.approve(self.timelock.address, self.timelock.encode("queue", target, amount, data, salt))
        self.council.execute(id_, sender=self.members[0])
        return self.timelock.read.idOf(target, amount, data, salt)

    def decide(self, target, data):
        """Everything that a change takes."""
        self.queue(target, data)
        self.chain.pass_time(DELAY)
        return self.timelock.execute(target, 0, data, SALT, sender=self.stranger)


@pytest.fixture(params=sorted(EVMS))
def governed(request):
    need("Router", "RouterExtension", "Council", "Timelock")
    return kept("governed", request.param, Governed)


def test_a_client_is_replaced_only_after_the_delay(governed):
    other = Contract.deploy(governed.chain, mock("AnyClient"), 1, sender=governed.stranger)
    change = governed.router.encode("migrateClient", governed.client, (REMOTE, [b""]), other.address)
    for nobody in (governed.at.owner, governed.members[0], governed.guardian, governed.stranger):
        with reverts("Unauthorized(address)", hexa(nobody)):
            governed.router.migrateClient(governed.client, (REMOTE, [b""]), other.address, sender=nobody)
    id_ = governed.queue(governed.router.address, change)
    ready = governed.chain.timestamp + DELAY
    (waiting,) = governed.timelock.read.pending()
    assert waiting == (id_, hexa(governed.router.address), change[:4], ready)
    with reverts("TooEarly(bytes32,uint256)", id_, ready):
        governed.timelock.execute(governed.router.address, 0, change, SALT, sender=governed.stranger)
    governed.chain.pass_time(DELAY - 1)
    with reverts("TooEarly(bytes32,uint256)", id_, ready):
        governed.timelock.execute(governed.router.address, 0, change, SALT, sender=governed.stranger)
    governed.chain.pass_time(1)
    governed.timelock.execute(governed.router.address, 0, change, SALT, sender=governed.stranger)
    assert governed.router.read.getClient(governed.client) == other.address
    assert governed.timelock.read.pending() == ()
    with reverts("NotQueued(bytes32)", id_):
        governed.timelock.execute(governed.router.address, 0, change, SALT, sender=governed.stranger)


def test_what_waits_too_long_is_void(governed):
    change = governed.target.encode("add", 1)
    id_ = governed.queue(governed.target.address, change)
    governed.chain.pass_time(DELAY + 14 * DAY + 1)
    with reverts("NotQueued(bytes32)", id_):
        governed.timelock.execute(governed.target.address, 0, change, SALT, sender=governed.stranger)
    governed.timelock.cancel(id_, sender=governed.stranger)
    assert governed.timelock.read.pending() == ()


def test_only_the_council_queues_and_only_it_or_the_guardian_cancels(governed):
    change = governed.target.encode("add", 1)
    for nobody in (governed.members[0], governed.guardian, governed.stranger, governed.at.owner):
        with reverts("Unauthorized(address)", hexa(nobody)):
            governed.timelock.queue(governed.target.address, 0, change, SALT, sender=nobody)
    id_ = governed.queue(governed.target.address, change)
    again = governed.approve(governed.timelock.address, governed.timelock.encode(
        "queue", governed.target.address, 0, change, SALT))
    with reverts("AlreadyQueued(bytes32)", id_):
        governed.council.execute(again, sender=governed.members[0])
    for nobody in (governed.members[0], governed.stranger):
        with reverts("Unauthorized(address)", hexa(nobody)):
            governed.timelock.cancel(id_, sender=nobody)
    governed.timelock.cancel(id_, sender=governed.guardian)
    with reverts("NotQueued(bytes32)", id_):
        governed.timelock.cancel(id_, sender=governed.guardian)
    governed.chain.pass_time(DELAY)
    with reverts("NotQueued(bytes32)", id_):
        governed.timelock.execute(governed.target.address, 0, change, SALT, sender=governed.stranger)


def test_an_operation_is_its_target_amount_input_and_salt(governed):
    change = governed.target.encode("add", 1)
    governed.queue(governed.target.address, change)
    governed.chain.pass_time(DELAY)
    for target, amount, data, salt in [
        (governed.router.address, 0, change, SALT), (governed.target.address, 1, change, SALT),
        (governed.target.address, 0, governed.target.encode("add", 2), SALT),
        (governed.target.address, 0, change, b"\1" * 32),
    ]:
        with reverts("NotQueued(bytes32)"):
            governed.timelock.execute(target, amount, data, salt, sender=governed.stranger)
    governed.timelock.execute(governed.target.address, 0, change, SALT, sender=governed.stranger)
    assert governed.target.read.count() == 1 and governed.target.read.caller() == bytes(20)


def test_a_call_that_fails_can_be_tried_again(governed):
    change = governed.target.encode("fail", b"not yet")
    governed.queue(governed.target.address, change)
    governed.chain.pass_time(DELAY)
    with pytest.raises(Reverted) as error:
        governed.timelock.execute(governed.target.address, 0, change, SALT, sender=governed.stranger)
    assert error.value.data == b"not yet" and len(governed.timelock.read.pending()) == 1


def test_the_guardian_pauses_at_once_and_only_the_delay_unpauses(governed):
    for nobody in (governed.members[0], governed.stranger):
        with reverts("Unauthorized(address)", hexa(nobody)):
            governed.timelock.pauseClient(governed.router.address, governed.client, sender=nobody)
    governed.timelock.pauseClient(governed.router.address, governed.client, sender=governed.guardian)
    assert governed.router.read.isPaused(governed.client)
    with reverts("Unauthorized(address)", hexa(governed.guardian)):
        governed.router.unpauseClient(governed.client, sender=governed.guardian)
    governed.decide(governed.router.address, governed.router.encode("unpauseClient", governed.client))
    assert not governed.router.read.isPaused(governed.client)


def test_the_timelock_changes_itself_only_through_itself(governed):
    for call in (lambda s: governed.timelock.setDelay(DAY, sender=s), lambda s: governed.timelock.setCouncil(s, sender=s),
                 lambda s: governed.timelock.setGuardian(s, sender=s)):
        for nobody in (governed.guardian, governed.stranger, governed.members[0]):
            with reverts("Unauthorized(address)", hexa(nobody)):
                call(nobody)
    governed.decide(governed.timelock.address, governed.timelock.encode("setDelay", DAY))
    assert governed.timelock.read.delay() == DAY
    with pytest.raises(Reverted):
        governed.decide(governed.timelock.address, governed.timelock.encode("setDelay", DAY - 1))
    governed.decide(governed.timelock.address, governed.timelock.encode("setGuardian", governed.stranger))
    assert governed.timelock.read.guardian() == governed.stranger


def test_a_target_cannot_execute_something_else_meanwhile(governed):
    other = governed.target.encode("add", 5)
    governed.queue(governed.target.address, other)
    inner = governed.timelock.encode("execute", governed.target.address, 0, other, SALT)
    outer = governed.target.encode("enter", governed.timelock.address, inner)
    governed.queue(governed.target.address, outer)
    governed.chain.pass_time(DELAY)
    governed.timelock.execute(governed.target.address, 0, outer, SALT, sender=governed.stranger)
    assert not governed.target.read.entered() and governed.target.read.count() == 1


def test_too_few_approvals_execute_nothing(governed):
    id_ = governed.council.propose(governed.target.address, 0, governed.target.encode("add", 1), sender=governed.members[0]).value
    with reverts("NotApproved(uint256,uint256,uint256)", id_, 1, 3):
        governed.council.execute(id_, sender=governed.members[0])
    governed.council.approve(id_, sender=governed.members[0])
    governed.council.approve(id_, sender=governed.members[4])
    with reverts("NotApproved(uint256,uint256,uint256)", id_, 2, 3):
        governed.council.execute(id_, sender=governed.members[0])
    governed.council.approve(id_, sender=governed.members[2])
    governed.council.revoke(id_, sender=governed.members[4])
    with reverts("NotApproved(uint256,uint256,uint256)", id_, 2, 3):
        governed.council.execute(id_, sender=governed.members[0])
    governed.council.approve(id_, sender=governed.members[1])
    with reverts("Unauthorized(address)", hexa(governed.stranger)):
        governed.council.execute(id_, sender=governed.stranger)
    governed.council.execute(id_, sender=governed.members[3])
    assert governed.target.read.count() == 1
    for call in (governed.council.execute, governed.council.approve, governed.council.revoke):
        with reverts("NotOpen(uint256)", id_):
            call(id_, sender=governed.members[0])


def test_strangers_have_no_say(governed):
    id_ = governed.approve(governed.target.address, governed.target.encode("add", 1), 1)
    for call in (lambda: governed.council.approve(id_, sender=governed.stranger),
                 lambda: governed.council.revoke(id_, sender=governed.stranger),
                 lambda: governed.council.propose(governed.target.address, 0, b"", sender=governed.stranger),
                 lambda: governed.council.setMembers([governed.stranger], 1, sender=governed.stranger)):
        with reverts("Unauthorized(address)", hexa(governed.stranger)):
            call()
    with reverts("NotOpen(uint256)", 10**6):
        governed.council.approve(10**6, sender=governed.members[0])


def test_a_change_of_members_ends_what_waits(governed):
    waiting = governed.approve(governed.target.address, governed.target.encode("add", 1))
    change = governed.approve(governed.council.address, governed.council.encode(
        "setMembers", [governed.stranger, governed.members[0]], 2))
    governed.council.execute(change, sender=governed.members[0])
    with reverts("NotOpen(uint256)", waiting):
        governed.council.execute(waiting, sender=governed.members[0])
    with reverts("Unauthorized(address)", hexa(governed.members[1])):
        governed.council.propose(governed.target.address, 0, b"", sender=governed.members[1])
    id_ = governed.council.propose(governed.target.address, 0, governed.target.encode("add", 2), sender=governed.stranger).value
    governed.council.approve(id_, sender=governed.members[0])
    governed.council.execute(id_, sender=governed.stranger)
    assert governed.target.read.count() == 2


def test_a_proposal_lives_thirty_days(governed):
    id_ = governed.approve(governed.target.address, governed.target.encode("add", 1))
    governed.chain.pass_time(30 * DAY + 1)
    with reverts("NotOpen(uint256)", id_):
        governed.council.execute(id_, sender=governed.members[0])


@pytest.mark.parametrize("members, threshold", [([1, 2], 3), ([1, 2], 0), ([], 0), ([1, 1], 1), ([1, 0], 1)])
def test_councils_that_cannot_decide_are_not_built(chain, members, threshold):
    need("Council")
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("Council"), [bytes([n]) * 20 for n in members], threshold, sender=chain.account(1))


steps = st.lists(st.tuples(st.sampled_from(["propose", "approve", "revoke", "execute"]), st.integers(0, 5), st.integers(0, 5)),
                 max_size=30)


@settings(max_examples=15)
@given(steps)
def test_random_votes(evm_name, history):
    """A call is made when three of five have approved it, and once."""
    need("Router", "RouterExtension", "Council", "Timelock")
    governed = kept("governed-property", evm_name, Governed)
    first = governed.council.read.proposalCount()
    votes, done = [], set()
    voters = [*governed.members, governed.stranger]
    made = 0
    for kind, who, which in history:
        voter, member = voters[who], who < 5
        id_ = first + which
        if kind == "propose":
            if not member:
                continue
            assert governed.council.propose(
                governed.target.address, 0, governed.target.encode("add", 1), sender=voter).value == first + len(votes)
            votes.append({who})
            continue
        call = getattr(governed.council, kind)
        fits = member and which < len(votes) and which not in done
        if kind == "execute":
            fits = fits and len(votes[which]) >= 3
        if not fits:
            with pytest.raises(Reverted):
                call(id_, sender=voter)
            continue
        call(id_, sender=voter)
        if kind == "approve":
            votes[which].add(who)
        elif kind == "revoke":
            votes[which].discard(who)
        else:
            done.add(which)
            made += 1
    assert governed.target.read.count() == made


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param
