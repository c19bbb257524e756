"""The optimistic client, and clients that combine others."""
import pytest
from eth_abi import encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import Reverted, name_errors, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from harness.world import LEDGER, LEDGER_ROUTER, REMOTE, routed
from oracle import attest, ibc
from oracle.attest import Attesters, Height, Key
from oracle.hashes import K, S, u
from oracle.ibc import Packet, Payload
from oracle.names import chain as domain_name

BOND, WINDOW, JUDGEMENT = 10**18, 600, 1_000
ABSENT = bytes(32)
AT = Height(0, 100, 1_700_000_000 - 5)
PATHS = [b"client-7\x01" + u(8, n) for n in range(1, 4)]
VALUES = [S(b"one"), S(b"two"), ABSENT]
ENTRIES = [(K(p), v) for p, v in zip(PATHS, VALUES)]
BODY = attest.packets_body(AT, ENTRIES)
ID = S(BODY)
name_errors(["WrongBond(uint256,uint256)", "WrongStage(bytes32,uint8)", "AlreadyProposed(bytes32)", "NotBelieved(bytes32)",
             "OtherTime()", "TooFewParts(uint256)"])


class Optimistic:
    """A router whose client believes what nobody objects to; an attested client of 4 of 5 decides."""

    def __init__(self, chain):
        self.chain = chain
        self.at = at = routed(chain)
        self.proposer, self.watcher = chain.account(30), chain.account(31)
        self.attesters = Attesters([Key(n) for n in range(1, 6)], 4, LEDGER, LEDGER_ROUTER, "client-0")
        self.arbiter = Contract.deploy(
            chain, artifact("AttestedClient"), self.attesters.addresses, 4, domain_name(LEDGER), LEDGER_ROUTER, "client-0",
            0, 0, sender=at.owner)
        self.light = Contract.deploy(
            chain, artifact("OptimisticClient"), self.arbiter.address, BOND, WINDOW, JUDGEMENT, sender=at.owner)
        self.name = at.router["addClient((string,bytes[]),address)"](
            (REMOTE, [b""]), self.light.address, sender=at.owner).value
        self.counter = at.app("counter")

    def propose(self, body=BODY, sender=None, value=BOND):
        return self.light.propose(body, sender=sender or self.proposer, value=value)

    def challenge(self, id_=ID, value=BOND):
        return self.light.challenge(id_, sender=self.watcher, value=value)

    def uphold(self, entry, entries=ENTRIES, body=BODY, id_=ID, positions=None, height=AT):
        proof = self.attesters.packets(height, entries, positions)
        return self.light.uphold(id_, body, entry, PATHS[entry], proof, sender=self.at.user)

    def member(self, number, value=None, body=BODY, height=AT):
        value = VALUES[number] if value is None else value
        return self.light.look("verifyMembership", (b"\x02" + body, height.tuple(), [PATHS[number]], value))

    def absent(self, number, body=BODY, height=AT):
        return self.light.look("verifyNonMembership", (b"\x02" + body, height.tuple(), [PATHS[number]]))

    def owned(self):
        """Everything that the client owes is what it has."""
        return [self.light.read.credit(a) for a in (self.proposer, self.watcher)]


@pytest.fixture(params=sorted(EVMS))
def lane(request):
    need("Router", "RouterExtension", "AttestedClient", "OptimisticClient")
    return kept("optimistic", request.param, Optimistic)


def believed(lane) -> bool:
    try:
        lane.member(0)
        return True
    except Reverted as error:
        assert error.data[:4] == K(b"NotBelieved(bytes32)")[:4]
        return False


def test_what_nobody_objects_to_is_believed_when_the_window_has_passed(lane):
    assert lane.propose().value == ID and not believed(lane)
    lane.chain.pass_time(WINDOW - 1)
    assert not believed(lane)
    with reverts("WrongStage(bytes32,uint8)", ID, 1):
        lane.light.release(ID)
    lane.chain.pass_time(1)
    assert believed(lane) and lane.member(1) == AT.seconds and lane.absent(2) == AT.seconds
    with reverts("WrongStage(bytes32,uint8)", ID, 1):
        lane.challenge()
    lane.light.release(ID, sender=lane.at.user)
    with reverts("WrongStage(bytes32,uint8)", ID, 3):
        lane.light.release(ID)
    assert lane.owned() == [BOND, 0] and believed(lane)
    before = lane.chain.balance(lane.proposer)
    lane.light.withdraw(sender=lane.proposer)
    assert lane.chain.balance(lane.proposer) - before == BOND and lane.owned() == [0, 0]
    lane.light.withdraw(sender=lane.proposer)
    assert lane.chain.balance(lane.light.address) == 0


def test_it_proves_what_is_listed_and_nothing_else(lane):
    lane.propose()
    lane.chain.pass_time(WINDOW)
    for call in (lambda: lane.member(0, S(b"two")), lambda: lane.member(2, ABSENT), lambda: lane.absent(0),
                 lambda: lane.member(0, height=Height(0, 101, AT.seconds)), lambda: lane.member(0, height=Height(1, 100, 1)),
                 lambda: lane.light.look("verifyMembership", (b"\x02" + BODY, AT.tuple(), [b"other"], S(b"one"))),
                 lambda: lane.light.look("verifyMembership", (b"\x01" + BODY, AT.tuple(), [PATHS[0]], S(b"one"))),
                 lambda: lane.light.look("verifyMembership", (b"", AT.tuple(), [PATHS[0]], S(b"one"))),
                 lambda: lane.light.look("verifyMembership", (b"\x02" + BODY, AT.tuple(), [], S(b"one")))):
        with pytest.raises(Reverted):
            call()
    for at in lane.chain.some(range(len(BODY))):
        with pytest.raises(Reverted):
            lane.member(0, body=BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1:])
        with pytest.raises(Reverted):
            lane.member(0, body=BODY[:at])


@pytest.mark.parametrize("value", [0, BOND - 1, BOND + 1])
def test_bonds_are_exact(lane, value):
    with reverts("WrongBond(uint256,uint256)", BOND, value):
        lane.propose(value=value)
    lane.propose()
    with reverts("WrongBond(uint256,uint256)", BOND, value):
        lane.challenge(value=value)


def test_bodies_that_say_nothing_are_not_proposed(lane):
    twice = attest.packets_body(AT, [ENTRIES[0], ENTRIES[1], (ENTRIES[0][0], ABSENT)])
    for body in (b"", BODY[:-1], BODY + b"\0", BODY[:28], attest.packets_body(AT, []), twice,
                 attest.packets_body(Height(0, 0, 5), ENTRIES), BODY[:24] + u(4, 2) + BODY[28:]):
        with pytest.raises(Reverted):
            lane.propose(body)
    lane.propose()
    with reverts("AlreadyProposed(bytes32)", ID):
        lane.propose()


def test_a_lie_falls_and_the_watcher_has_both_bonds(lane):
    lie = attest.packets_body(AT, [(K(PATHS[0]), S(b"a lie"))])
    lane.propose(lie)
    lane.chain.pass_time(WINDOW - 1)
    lane.challenge(S(lie))
    with reverts("WrongStage(bytes32,uint8)", S(lie), 2):
        lane.challenge(S(lie))
    # The arbiter knows better.
    with pytest.raises(Reverted):
        lane.uphold(0, body=lie, id_=S(lie))
    with reverts("WrongStage(bytes32,uint8)", S(lie), 2):
        lane.light.judge(S(lie))
    lane.chain.pass_time(JUDGEMENT)
    with pytest.raises(Reverted):
        lane.member(0, S(b"a lie"), body=lie)
    with reverts("WrongStage(bytes32,uint8)", S(lie), 2):
        lane.light.release(S(lie))
    lane.light.judge(S(lie), sender=lane.at.user)
    assert lane.owned() == [0, 2 * BOND]
    with pytest.raises(Reverted):
        lane.member(0, S(b"a lie"), body=lie)
    with reverts("WrongStage(bytes32,uint8)", S(lie), 4):
        lane.light.judge(S(lie))
    # It may be tried again, and objected to again.
    lane.propose(lie)
    lane.challenge(S(lie))


def test_the_truth_is_upheld_entry_by_entry(lane):
    lane.propose()
    lane.challenge()
    lane.chain.pass_time(WINDOW + 5)
    assert not believed(lane)
    for entry in (0, 1):
        lane.uphold(entry)
        assert not believed(lane)
    lane.uphold(1)
    with pytest.raises(Reverted):
        lane.uphold(2, positions=(0, 1, 2))
    with pytest.raises(Reverted):
        lane.light.uphold(ID, BODY, 2, PATHS[1], lane.attesters.packets(AT, ENTRIES), sender=lane.at.user)
    with reverts("OtherTime()"):
        other = Height(0, 100, AT.seconds - 1)
        lane.uphold(2, entries=ENTRIES, height=other)
    lane.uphold(2)
    assert believed(lane) and lane.owned() == [2 * BOND, 0]
    for call in (lambda: lane.uphold(0), lambda: lane.light.judge(ID), lambda: lane.light.release(ID), lane.challenge):
        with reverts("WrongStage(bytes32,uint8)", ID, 3):
            call()


def test_an_arbiter_that_is_late_upholds_nothing(lane):
    lane.propose()
    lane.challenge()
    lane.chain.pass_time(JUDGEMENT)
    with reverts("WrongStage(bytes32,uint8)", ID, 2):
        lane.uphold(0)


def test_packets_cross_with_believed_bodies(lane):
    at = lane.at
    packet = Packet(1, REMOTE, lane.name, at.now(3_000), (Payload("there", "counter", "v", "e", b"x"),))
    body = attest.packets_body(AT, [(K(packet.commitment_path()), packet.commitment())])
    lane.propose(body)
    with reverts("NotBelieved(bytes32)", S(body)):
        at.recv(packet, b"\x02" + body, AT.tuple())
    lane.chain.pass_time(WINDOW)
    at.recv(packet, b"\x02" + body, AT.tuple())
    assert lane.counter.read.called(0) == 1


def test_believed_bodies_that_contradict_freeze(lane):
    other = attest.packets_body(AT, [(K(PATHS[0]), S(b"another"))])
    lane.propose()
    lane.propose(other)
    pair = encode(["bytes", "bytes"], [BODY, other])
    with pytest.raises(Reverted):
        lane.at.router.submitMisbehaviour(lane.name, pair, sender=lane.at.user)
    lane.chain.pass_time(WINDOW)
    with pytest.raises(Reverted):
        lane.light.misbehaviour(encode(["bytes", "bytes"], [BODY, BODY]), sender=lane.at.user)
    lane.at.router.submitMisbehaviour(lane.name, pair, sender=lane.at.user)
    assert lane.light.read.status() == 2
    with reverts("FrozenClientState()"):
        lane.member(0)
    with reverts("ClientNotActive(string,uint8)", lane.name, 2):
        lane.at.send(lane.counter, lane.name)


def test_updates_need_belief_and_freeze_on_contradiction(lane):
    later = attest.packets_body(Height(0, 101, AT.seconds - 1), ENTRIES)
    lane.propose()
    lane.propose(later)
    with reverts("NotBelieved(bytes32)", ID):
        lane.light.updateClient(BODY, sender=lane.at.user)
    lane.chain.pass_time(WINDOW)
    assert lane.light.updateClient(BODY, sender=lane.at.user).value == 0
    assert lane.light.read.latest() == (0, 100, AT.seconds)
    assert lane.light.updateClient(BODY, sender=lane.at.user).value == 2
    assert lane.light.updateClient(later, sender=lane.at.user).value == 1
    assert lane.light.read.status() == 2


moves = st.lists(st.tuples(
    st.sampled_from(["propose", "challenge", "uphold", "judge", "release", "withdraw", "wait"]), st.integers(0, 1),
    st.integers(0, 2)), max_size=25)


@settings(max_examples=15)
@given(moves)
def test_bonds_are_conserved(evm_name, history):
    """Whatever happens in whatever order: what the client holds is what it owes, or is at stake in it."""
    need("Router", "RouterExtension", "AttestedClient", "OptimisticClient")
    lane = kept("optimistic-property", evm_name, Optimistic)
    bodies = [BODY, attest.packets_body(AT, [(K(PATHS[0]), S(b"a lie"))])]
    stage, at, upheld = [0, 0], [0, 0], [set(), set()]
    credit = {lane.proposer: 0, lane.watcher: 0}
    stake = [0, 0]
    for kind, which, pick in history:
        id_, now = S(bodies[which]), lane.chain.timestamp
        in_window = now < at[which] + WINDOW
        if kind == "wait":
            lane.chain.pass_time((1, WINDOW, JUDGEMENT)[pick])
            continue
        if kind == "withdraw":
            who = (lane.proposer, lane.watcher)[which]
            lane.light.withdraw(sender=who)
            credit[who] = 0
            continue
        fits, act = {
            "propose": (stage[which] in (0, 4), lambda: lane.propose(bodies[which])),
            "challenge": (stage[which] == 1 and in_window, lambda: lane.challenge(id_)),
            "uphold": (stage[which] == 2 and which == 0 and now < at[which] + JUDGEMENT,
                       lambda: lane.uphold(pick if which == 0 else 0, body=bodies[which], id_=id_)),
            "judge": (stage[which] == 2 and now >= at[which] + JUDGEMENT, lambda: lane.light.judge(id_)),
            "release": (stage[which] == 1 and not in_window, lambda: lane.light.release(id_)),
        }[kind]
        if not fits:
            with pytest.raises(Reverted):
                act()
            continue
        act()
        if kind == "propose":
            stage[which], at[which], upheld[which], stake[which] = 1, now, set(), BOND
        elif kind == "challenge":
            stage[which], at[which], stake[which] = 2, now, 2 * BOND
        elif kind == "uphold":
            upheld[which].add(pick)
            if len(upheld[which]) == 3:
                stage[which], stake[which] = 3, 0
                credit[lane.proposer] += 2 * BOND
        elif kind == "judge":
            stage[which], stake[which] = 4, 0
            credit[lane.watcher] += 2 * BOND
        else:
            stage[which], stake[which] = 3, 0
            credit[lane.proposer] += BOND
        assert lane.owned() == list(credit.values())
        assert lane.chain.balance(lane.light.address) == sum(credit.values()) + sum(stake)


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


@pytest.mark.parametrize("bond, window, judgement", [(0, 60, 60), (1, 59, 60), (1, 60, 59)])
def test_optimism_without_a_bond_or_time_is_not_built(chain, bond, window, judgement):
    need("OptimisticClient")
    arbiter = Contract.deploy(chain, mock("AnyClient"), 1, sender=chain.account(1))
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("OptimisticClient"), arbiter.address, bond, window, judgement, sender=chain.account(1))
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("OptimisticClient"), chain.account(2), 1, 60, 60, sender=chain.account(1))


# Combined clients.

class Combined:
    """Three clients that believe what they are told to, and one that asks so many of them."""

    def __init__(self, chain, required=2, count=3):
        self.chain, self.user = chain, chain.account(1)
        self.parts = [Contract.deploy(chain, mock("AnyClient"), 1_000, sender=self.user) for _ in range(count)]
        self.light = Contract.deploy(
            chain, artifact("CombinedClient"), [p.address for p in self.parts], required, sender=self.user)

    def ask(self, proofs, absence=False, value=S(b"v"), path=(PATHS[0],)):
        proof = encode(["bytes[]"], [list(proofs)])
        if absence:
            return self.light.look("verifyNonMembership", (proof, (0, 5), list(path)))
        return self.light.look("verifyMembership", (proof, (0, 5), list(path), value))


@pytest.mark.parametrize("absence", [False, True])
@pytest.mark.parametrize("required, count", [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)])
def test_enough_parts_must_prove_it(chain, required, count, absence):
    need("CombinedClient")
    made = Combined(chain, required, count)
    for mask in range(2**count):
        for given in range(2**count):
            for n, part in enumerate(made.parts):
                part.set(1_000, not (mask >> n) & 1, 0)
            proofs = [b"p%d" % n if (given >> n) & 1 else b"" for n in range(count)]
            agreeing = bin(mask & given).count("1")
            if agreeing >= required:
                assert made.ask(proofs, absence) == 1_000
            else:
                with reverts("TooFewParts(uint256)", required):
                    made.ask(proofs, absence)


def test_parts_must_agree_on_the_time(chain):
    need("CombinedClient")
    made = Combined(chain, 2, 3)
    for times, answer in [((5, 5, 9), 5), ((9, 5, 9), 9), ((5, 6, 7), None), ((0, 0, 5), 0)]:
        for part, time in zip(made.parts, times):
            part.set(time, False, 0)
        if answer is None:
            with reverts("TooFewParts(uint256)", 2):
                made.ask([b"a", b"b", b"c"])
        else:
            assert made.ask([b"a", b"b", b"c"]) == answer


def test_each_part_gets_its_own_proof_and_the_same_question(chain):
    need("CombinedClient")
    made = Combined(chain, 2, 3)
    proof = encode(["bytes[]"], [[b"first", b"", b"third"]])
    made.light.verifyMembership((proof, (3, 7), [PATHS[1]], S(b"value")), sender=made.user)
    assert [p.read.asked() for p in made.parts] == [1, 0, 1]
    for part, given in ((made.parts[0], b"first"), (made.parts[2], b"third")):
        assert part.read.proof() == given and tuple(part.read.height()) == (3, 7)
        assert list(part.read.path()) == [PATHS[1]] and part.read.content() == S(b"value")
    for count in (0, 2, 4):
        with pytest.raises(Reverted):
            made.ask([b"p"] * count)
    for junk in (b"", b"\1", bytes(64)):
        with pytest.raises(Reverted):
            made.light.look("verifyMembership", (junk, (0, 5), [PATHS[0]], S(b"v")))


def test_updates_and_misbehaviour_reach_their_parts(chain):
    need("CombinedClient")
    made = Combined(chain, 2, 3)
    made.light.updateClient(encode(["bytes[]"], [[b"one", b"", b"three"]]), sender=made.user)
    assert [p.read.message() for p in made.parts] == [b"one", b"", b"three"]
    for verdicts, answer in [((2, 2, 2), 2), ((2, 0, 2), 0), ((2, 1, 0), 1)]:
        for part, verdict in zip(made.parts, verdicts):
            part.set(1, False, verdict)
        assert made.light.updateClient(encode(["bytes[]"], [[b"a", b"b", b"c"]]), sender=made.user).value == answer
    made.parts[0].set(1, True, 0)
    assert made.light.updateClient(encode(["bytes[]"], [[b"a", b"b", b""]]), sender=made.user).value == 1
    with reverts("TooFewParts(uint256)"):
        made.light.updateClient(encode(["bytes[]"], [[b"a", b"", b""]]), sender=made.user)
    made.light.misbehaviour(encode(["uint256", "bytes"], [1, b"proof"]), sender=made.user)
    assert [p.read.frozen() for p in made.parts] == [False, True, False] and made.light.read.status() == 0
    made.light.misbehaviour(encode(["uint256", "bytes"], [2, b"proof"]), sender=made.user)
    assert made.light.read.status() == 2
    with pytest.raises(Reverted):
        made.light.misbehaviour(encode(["uint256", "bytes"], [3, b"proof"]), sender=made.user)


@pytest.mark.parametrize("required, count", [(0, 2), (3, 2), (1, 1), (1, 0), (4, 3)])
def test_combinations_that_can_promise_nothing_are_not_built(chain, required, count):
    need("CombinedClient")
    with pytest.raises(Reverted):
        Combined(chain, required, count)


def test_a_part_counts_once(chain):
    need("CombinedClient")
    part = Contract.deploy(chain, mock("AnyClient"), 1, sender=chain.account(1))
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("CombinedClient"), [part.address, part.address], 2, sender=chain.account(1))
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("CombinedClient"), [part.address, chain.account(3)], 2, sender=chain.account(1))


def test_attested_and_optimistic_clients_together(chain):
    """Both must agree before a packet is received: attesters, and a proposal that nobody objected to."""
    need("Router", "RouterExtension", "AttestedClient", "OptimisticClient", "CombinedClient")
    both = Optimistic(chain)
    quick = Attesters([Key(n) for n in range(11, 16)], 3, LEDGER, LEDGER_ROUTER, "client-1")
    attested = Contract.deploy(
        chain, artifact("AttestedClient"), quick.addresses, 3, domain_name(LEDGER), LEDGER_ROUTER, "client-1", 0, 0,
        sender=both.at.owner)
    light = Contract.deploy(
        chain, artifact("CombinedClient"), [attested.address, both.light.address], 2, sender=both.at.owner)
    name = both.at.router["addClient((string,bytes[]),address)"]((REMOTE, [b""]), light.address, sender=both.at.owner).value
    assert name == "client-1"
    packet = Packet(1, REMOTE, name, both.at.now(3_000), (Payload("there", "counter", "v", "e", b"x"),))
    entries = [(K(packet.commitment_path()), packet.commitment())]
    body = attest.packets_body(AT, entries)
    both.propose(body)
    for proofs in ([quick.packets(AT, entries), b"\x02" + body], [quick.answer(AT, entries[0]), b""]):
        with reverts("TooFewParts(uint256)", 2):
            both.at.recv(packet, encode(["bytes[]"], [proofs]), AT.tuple())
    chain.pass_time(WINDOW)
    for proofs in ([quick.packets(AT, entries, (0, 1)), b"\x02" + body], [b"", b"\x02" + body]):
        with reverts("TooFewParts(uint256)", 2):
            both.at.recv(packet, encode(["bytes[]"], [proofs]), AT.tuple())
    both.at.recv(packet, encode(["bytes[]"], [[quick.answer(AT, entries[0]), b"\x02" + body]]), AT.tuple())
    assert both.counter.read.called(0) == 1
    assert both.at.held(packet.ack_path()) == ibc.ack_commitment([b"\x01"])
