"""The attested client of our own mode: what it accepts, and every refusal."""
import pytest
from eth_abi import encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import Reverted, reverts
from harness.contracts import Contract, artifact
from harness.world import LEDGER, LEDGER_ROUTER, PREFIX, REMOTE, routed
from oracle import attest, ibc
from oracle.attest import Attesters, Height, Key, high_s, positioned
from oracle.hashes import K, S, u
from oracle.ibc import Packet, Payload
from oracle.names import chain as domain_name

ABSENT = bytes(32)
AT = Height(0, 100, 1_700_000_000 - 5)


@pytest.fixture(params=sorted(EVMS))
def gate(request):
    """A router whose only client is attested, 3 of 5; `direct` calls it without the router."""
    need("Router", "RouterExtension", "AttestedClient")

    def build(chain):
        world = routed(chain)
        world.name, world.light, world.attesters = world.attested()
        world.counter = world.app("counter")
        return world

    return kept("attested", request.param, build)


def arriving(gate, sequence=1, value=b"value", port="counter", seconds=600) -> Packet:
    return Packet(sequence, REMOTE, gate.name, gate.now(seconds), (Payload("there", port, "v1", "raw", value),))


def entry(packet: Packet):
    return K(packet.commitment_path()), packet.commitment()


def member(gate, proof, raw_path, value, height=AT, prefix=PREFIX, **options):
    return gate.light.look(
        "verifyMembership", (proof, height.tuple(), [*prefix[:-1], prefix[-1] + raw_path], value), **options)


def absent(gate, proof, raw_path, height=AT, **options):
    return gate.light.look("verifyNonMembership", (proof, height.tuple(), [raw_path]), **options)


PATH, OTHER = b"client-7\x01" + u(8, 1), b"client-7\x01" + u(8, 2)
ENTRIES = [(K(PATH), S(b"one")), (K(OTHER), S(b"two"))]


# What it is.

def test_it_tells_what_it_was_made_of(gate):
    assert gate.light.read.binding() == gate.attesters.binding
    assert [bytes.fromhex(a[2:]) for a in gate.light.read.attesters()] == gate.attesters.addresses
    assert gate.light.read.quorum() == 3 and gate.light.read.status() == 0


def test_bindings_of_other_places_are_computed_as_the_oracle_does(chain):
    need("AttestedClient")
    for origin, router, client in [
        ("cosmos:demo-1", b"ibc", "client-0"), ("eip155:1", bytes(20), "my-lane"), ("eip155:31337", b"\x07" * 20, "x" * 64),
        ("cosmos:" + "z" * 32, b"r" * 32, "client-123"),
    ]:
        made = Attesters([Key(1)], 1, origin, router, client)
        light = Contract.deploy(chain, artifact("AttestedClient"), made.addresses, 1, domain_name(origin), router, client,
                                0, 0, sender=chain.account(1))
        assert light.read.binding() == made.binding


@pytest.mark.parametrize("keys, quorum", [([], 0), ([], 1), ([1, 2, 3], 0), ([1, 2, 3], 4), ([1, 2, 1], 2)])
def test_sets_that_can_promise_nothing_are_not_built(chain, keys, quorum):
    need("AttestedClient")
    addresses = [Key(n).address for n in keys]
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("AttestedClient"), addresses, quorum, domain_name(LEDGER), LEDGER_ROUTER,
                        "client-0", 0, 0, sender=chain.account(1))


def test_the_zero_address_is_nobody(chain):
    """An unreadable signature recovers to nothing, which must not be an attester."""
    need("AttestedClient")
    with pytest.raises(Reverted):
        Contract.deploy(chain, artifact("AttestedClient"), [Key(1).address, bytes(20)], 1, domain_name(LEDGER),
                        LEDGER_ROUTER, "client-0", 0, 0, sender=chain.account(1))


# Acceptance.

@pytest.mark.parametrize("positions", [(0, 1, 2), (0, 2, 4), (2, 3, 4), (0, 1, 2, 3), (0, 1, 2, 3, 4)])
def test_any_quorum_proves(gate, positions):
    proof = gate.attesters.packets(AT, ENTRIES, positions)
    assert member(gate, proof, PATH, S(b"one")) == AT.seconds
    assert member(gate, proof, OTHER, S(b"two")) == AT.seconds


def test_absence_is_a_zero_commitment_that_is_listed(gate):
    proof = gate.attesters.packets(AT, [*ENTRIES, (K(b"nowhere"), ABSENT)])
    assert absent(gate, proof, b"nowhere") == AT.seconds
    for listed in (PATH, OTHER, b"not listed"):
        with pytest.raises(Reverted):
            absent(gate, proof, listed)
    with pytest.raises(Reverted):
        member(gate, proof, b"nowhere", ABSENT)


def test_values_and_paths_must_be_those_that_are_listed(gate):
    proof = gate.attesters.packets(AT, ENTRIES)
    for raw_path, value in [
        (PATH, S(b"two")), (OTHER, S(b"one")), (b"not listed", S(b"one")), (K(PATH), S(b"one")), (PATH, ABSENT), (PATH, b""),
        (PATH, S(b"one")[:31]), (PATH, S(b"one") + b"\0"), (PATH, S(b"one") * 2), (PATH + b"\0", S(b"one")), (b"", S(b"one")),
    ]:
        with pytest.raises(Reverted):
            member(gate, proof, raw_path, value)


def test_the_path_has_one_element(gate):
    proof = gate.attesters.packets(AT, ENTRIES)
    for elements in ([], [b"ibc", PATH], [PATH, b""], [b"", PATH]):
        with pytest.raises(Reverted):
            gate.light.look("verifyMembership", (proof, AT.tuple(), elements, S(b"one")))


@pytest.mark.parametrize("height", [(0, 99), (0, 101), (1, 100), (0, 0)])
def test_the_height_given_is_the_height_attested(gate, height):
    proof = gate.attesters.packets(AT, ENTRIES)
    with pytest.raises(Reverted):
        gate.light.look("verifyMembership", (proof, height, [PATH], S(b"one")))


def test_a_single_entry_may_be_the_question_itself(gate):
    """Form 04 leaves the entry out: what is asked is what must have been signed, as a body of one entry."""
    made = gate.attesters
    good = made.answer(AT, ENTRIES[0])
    assert member(gate, good, PATH, S(b"one")) == AT.seconds
    assert absent(gate, made.answer(AT, (K(b"nowhere"), ABSENT)), b"nowhere") == AT.seconds
    for raw_path, value in [(PATH, S(b"two")), (OTHER, S(b"one")), (PATH, ABSENT), (PATH, S(b"one")[:31]), (b"", S(b"one"))]:
        with pytest.raises(Reverted):
            member(gate, good, raw_path, value)
    for raw_path in (PATH, OTHER, b"nowhere"):
        with pytest.raises(Reverted):
            absent(gate, good, raw_path)
    with pytest.raises(Reverted):
        member(gate, made.answer(AT, (K(b"nowhere"), ABSENT)), b"nowhere", ABSENT)
    with pytest.raises(Reverted):
        member(gate, made.answer(AT, ENTRIES[0]), PATH, S(b"one"), Height(0, 101, AT.seconds))
    for positions in ((0, 1), (1, 0, 2), (0, 0, 1), ()):
        with pytest.raises(Reverted):
            member(gate, made.answer(AT, ENTRIES[0], positions), PATH, S(b"one"))
    # Signatures of a longer list, or of a list given whole, are others.
    longer = attest.QUESTION + AT.encode() + made.signatures(attest.PACKETS, BODY)
    with pytest.raises(Reverted):
        member(gate, longer, PATH, S(b"one"))
    for at in gate.chain.some(range(len(good))):
        with pytest.raises(Reverted):
            member(gate, good[:at], PATH, S(b"one"))
        with pytest.raises(Reverted):
            member(gate, good[:at] + bytes([good[at] ^ (1 << (at % 8))]) + good[at + 1:], PATH, S(b"one"))
    for call in (lambda: gate.light.updateClient(good, sender=gate.user), lambda: member(gate, good + bytes(66), PATH, S(b"one"))):
        with pytest.raises(Reverted):
            call()


def test_an_answer_is_not_remembered_for_other_messages(gate):
    packets = [arriving(gate, n) for n in (1, 2)]
    first = gate.router.encode("recvPacket", (
        packets[0].tuple(), gate.attesters.answer(AT, entry(packets[0])), AT.tuple()))
    for listed in ([entry(packets[1])], [entry(p) for p in packets]):
        second = gate.router.encode("recvPacket", (packets[1].tuple(), gate.attesters.reference(AT, listed), AT.tuple()))
        with pytest.raises(Reverted):
            gate.router.multicall([first, second], sender=gate.relayer)
    gate.router.multicall([first], sender=gate.relayer)
    assert gate.held(packets[0].receipt_path()) == packets[0].receipt()


# Refusal.

def refused(gate, proof):
    """The proof proves nothing, and updates nothing."""
    with pytest.raises(Reverted):
        member(gate, proof, PATH, S(b"one"))
    with pytest.raises(Reverted):
        gate.light.updateClient(proof, sender=gate.relayer)


BODY = attest.packets_body(AT, ENTRIES)


def signed(gate, *parts, body=BODY, form=attest.PACKETS, binding=None):
    """Evidence with signatures as given: (position, key) pairs or raw bytes."""
    digest = attest.digest(form, binding or gate.attesters.binding, body)
    return b"\x02" + body + b"".join(
        p if isinstance(p, bytes) else positioned(p[0], p[1].sign(digest)) for p in parts)


def test_too_few_signatures(gate):
    for count in range(3):
        refused(gate, gate.attesters.packets(AT, ENTRIES, range(count)))


def test_signatures_out_of_order_or_twice(gate):
    keys = gate.attesters.keys
    for positions in [(1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 1), (0, 1, 1), (0, 1, 2, 2), (0, 1, 2, 1)]:
        refused(gate, signed(gate, *[(p, keys[p]) for p in positions]))


def test_unknown_positions_and_keys(gate):
    keys = gate.attesters.keys
    refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), (5, keys[2])))
    refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), (255, keys[2])))
    refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), (2, Key(99))))
    refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), (2, keys[3])))
    refused(gate, signed(gate, (0, keys[1]), (1, keys[2]), (2, keys[3])))


def test_a_surplus_signature_must_be_valid_too(gate):
    keys = gate.attesters.keys
    refused(gate, signed(gate, *[(p, keys[p]) for p in range(3)], (3, Key(99))))
    refused(gate, signed(gate, *[(p, keys[p]) for p in range(5)], (5, keys[0])))


def test_high_s_is_refused(gate):
    keys = gate.attesters.keys
    digest = attest.digest(attest.PACKETS, gate.attesters.binding, BODY)
    for place in range(3):
        parts = [positioned(p, high_s(keys[p].sign(digest)) if p == place else keys[p].sign(digest)) for p in range(3)]
        refused(gate, signed(gate, *parts))


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 255])
def test_v_is_27_or_28(gate, v):
    keys = gate.attesters.keys
    digest = attest.digest(attest.PACKETS, gate.attesters.binding, BODY)
    last = keys[2].sign(digest)
    refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), positioned(2, last[:64] + u(1, v))))


def test_unreadable_signatures(gate):
    keys = gate.attesters.keys
    for junk in (bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1c", u(32, attest.ORDER) + u(32, 1) + b"\x1b"):
        refused(gate, signed(gate, (0, keys[0]), (1, keys[1]), positioned(2, junk)))


@pytest.mark.parametrize("origin, router, client", [
    ("cosmos:demo-2", LEDGER_ROUTER, "client-0"), (LEDGER, b"ibd", "client-0"), (LEDGER, LEDGER_ROUTER, "client-1"),
    ("eip155:31337", LEDGER_ROUTER, "client-0"), (LEDGER, b"", "client-0"), (LEDGER, b"ibcclient-0", ""),
])
def test_signatures_for_another_place_serve_nothing_here(gate, origin, router, client):
    other = Attesters(gate.attesters.keys, 3, origin, router, client)
    refused(gate, other.packets(AT, ENTRIES))
    with pytest.raises(Reverted):
        gate.light.updateClient(other.state(AT, S(b"root")), sender=gate.relayer)


def test_signatures_of_the_other_form_serve_nothing(gate):
    keys = gate.attesters.keys[:3]
    refused(gate, signed(gate, *enumerate(keys), form=attest.STATE))
    body = attest.state_body(AT, S(b"root"))
    evidence = signed(gate, *enumerate(keys), body=body, form=attest.PACKETS)
    with pytest.raises(Reverted):
        gate.light.updateClient(b"\x03" + evidence[1:], sender=gate.relayer)


def test_eureka_signatures_serve_nothing(gate):
    attestation = attest.eureka_packets(AT.height, ENTRIES)
    refused(gate, attest.eureka_proof(2, attestation, gate.attesters.keys[:3]))
    digest = S(b"\x02" + S(BODY))
    refused(gate, b"\x02" + BODY + b"".join(
        positioned(n, gate.attesters.keys[n].sign(digest)) for n in range(3)))


def test_a_path_listed_twice_is_refused(gate):
    for second in (S(b"one"), S(b"two"), ABSENT):
        refused(gate, gate.attesters.packets(AT, [ENTRIES[0], ENTRIES[1], (ENTRIES[0][0], second)]))
        refused(gate, gate.attesters.packets(AT, [ENTRIES[0], (ENTRIES[0][0], second)]))


def test_evidence_of_nothing_is_refused(gate):
    refused(gate, gate.attesters.packets(AT, []))


@pytest.mark.parametrize("height", [Height(0, 0, 5), Height(3, 0, 5)])
def test_evidence_without_height_is_refused(gate, height):
    with pytest.raises(Reverted):
        gate.light.look("verifyMembership", (
            gate.attesters.packets(height, ENTRIES), height.tuple(), [PATH], S(b"one")))
    with pytest.raises(Reverted):
        gate.light.updateClient(gate.attesters.state(height, S(b"root")), sender=gate.relayer)


def test_counts_that_do_not_fit_are_refused(gate):
    """The count says one more or one fewer than there are, and the signatures are over that body."""
    for count in (0, 1, 3, 4, 2**32 - 1):
        body = AT.encode() + u(4, count) + b"".join(p + c for p, c in ENTRIES)
        refused(gate, signed(gate, *[(n, gate.attesters.keys[n]) for n in range(3)], body=body))


def test_unknown_forms_of_proof_are_refused(gate):
    good = gate.attesters.packets(AT, ENTRIES)
    for first in gate.chain.some([b"", *(bytes([n]) for n in range(256) if n != 2)]):
        with pytest.raises(Reverted):
            member(gate, first + good[1:], PATH, S(b"one"))


def test_a_reference_without_evidence_proves_nothing(gate):
    with pytest.raises(Reverted):
        member(gate, gate.attesters.reference(AT, ENTRIES), PATH, S(b"one"))


def test_every_changed_byte_of_a_proof_is_refused(gate):
    good = gate.attesters.packets(AT, ENTRIES)
    assert member(gate, good, PATH, S(b"one")) == AT.seconds
    # Bytes of a v that turn 27 into 28 and the like are among them: one changed bit, and then all bits.
    for at, change in gate.chain.some([(n, c) for n in range(len(good)) for c in (1 << (n % 8), 0xFF)]):
        changed = good[:at] + bytes([good[at] ^ change]) + good[at + 1:]
        with pytest.raises(Reverted):
            member(gate, changed, PATH, S(b"one"))


def test_every_shorter_and_some_longer_proofs_are_refused(gate):
    good = gate.attesters.packets(AT, ENTRIES)
    for size in gate.chain.some(range(len(good))):
        with pytest.raises(Reverted):
            member(gate, good[:size], PATH, S(b"one"))
    for extra in (b"\0", bytes(31), bytes(32), bytes(66), good[-66:], good[-65:], good[1:]):
        with pytest.raises(Reverted):
            member(gate, good + extra, PATH, S(b"one"))


# Updates, time, contradictions.

def test_updates_keep_the_newest_height(gate):
    for evidence in (gate.attesters.packets(AT, ENTRIES), gate.attesters.state(Height(0, 120, AT.seconds + 2), S(b"r"))):
        assert gate.light.updateClient(evidence, sender=gate.relayer).value == 0
    assert gate.light.read.latest() == (0, 120, AT.seconds + 2)
    assert gate.light.updateClient(gate.attesters.state(Height(0, 110, AT.seconds + 1), S(b"r")), sender=gate.user).value in (0, 2)
    assert gate.light.read.latest() == (0, 120, AT.seconds + 2)
    assert gate.light.updateClient(gate.attesters.state(Height(0, 120, AT.seconds + 2), S(b"r")), sender=gate.user).value in (0, 2)
    assert gate.light.updateClient(gate.attesters.state(Height(1, 1, AT.seconds + 3), S(b"r")), sender=gate.user).value == 0
    assert gate.light.read.latest() == (1, 1, AT.seconds + 3)


@pytest.mark.parametrize("first, second", [
    (Height(0, 100, 1_699_999_000), Height(0, 100, 1_699_999_001)),
    (Height(0, 100, 1_699_999_000), Height(0, 100, 1_699_998_999)),
    (Height(0, 100, 1_699_999_000), Height(0, 101, 1_699_998_999)),
    (Height(0, 100, 1_699_999_000), Height(1, 1, 1_699_998_999)),
    (Height(0, 100, 1_699_999_000), Height(0, 99, 1_699_999_001)),
])
@pytest.mark.parametrize("through", ["router", "directly"])
def test_updates_that_contradict_freeze(gate, first, second, through):
    update = {"router": lambda e: gate.router.updateClient(gate.name, e, sender=gate.relayer),
              "directly": lambda e: gate.light.updateClient(e, sender=gate.relayer)}[through]
    assert update(gate.attesters.state(first, S(b"root"))).value == 0
    assert update(gate.attesters.packets(second, ENTRIES)).value == 1
    frozen(gate)


def frozen(gate):
    assert gate.light.read.status() == 2
    proof = gate.attesters.packets(AT, ENTRIES)
    with pytest.raises(Reverted):
        member(gate, proof, PATH, S(b"one"))
    with pytest.raises(Reverted):
        gate.light.updateClient(proof, sender=gate.relayer)
    with pytest.raises(Reverted):
        gate.recv(arriving(gate), gate.attesters.packets(AT, [entry(arriving(gate))]), AT.tuple())
    with reverts("ClientNotActive(string,uint8)", gate.name, 2):
        gate.send(gate.counter, gate.name)


def test_equal_times_of_growing_heights_are_no_contradiction(gate):
    assert gate.light.updateClient(gate.attesters.state(AT, S(b"a")), sender=gate.user).value == 0
    assert gate.light.updateClient(
        gate.attesters.state(Height(0, AT.height + 1, AT.seconds), S(b"b")), sender=gate.user).value == 0
    assert gate.light.read.status() == 0


def evidence_pair(first: bytes, second: bytes) -> bytes:
    return encode(["bytes", "bytes"], [first, second])


@pytest.mark.parametrize("case", [
    "another value of one path", "another time of one height", "time goes back", "another root of one height"])
def test_misbehaviour_is_shown_by_two_pieces_of_evidence(gate, case):
    made = gate.attesters
    pairs = {
        "another value of one path": (
            made.packets(AT, ENTRIES), made.packets(AT, [(K(b"x"), S(b"x")), (K(OTHER), S(b"2"))], (2, 3, 4))),
        "another time of one height": (
            made.packets(AT, ENTRIES), made.packets(Height(0, 100, AT.seconds - 1), [(K(b"x"), S(b"x"))])),
        "time goes back": (
            made.packets(AT, ENTRIES), made.packets(Height(0, 101, AT.seconds - 1), [(K(b"x"), S(b"x"))])),
        "another root of one height": (made.state(AT, S(b"a")), made.state(AT, S(b"b"))),
    }
    first, second = pairs[case]
    for attempt in (evidence_pair(first, first), evidence_pair(second, second)):
        with pytest.raises(Reverted):
            gate.light.misbehaviour(attempt, sender=gate.user)
    tampered = second[:-1] + bytes([second[-1] ^ 3])
    with pytest.raises(Reverted):
        gate.light.misbehaviour(evidence_pair(first, tampered), sender=gate.user)
    assert gate.light.read.status() == 0
    gate.router.submitMisbehaviour(gate.name, evidence_pair(first, second), sender=gate.user)
    frozen(gate)


def test_evidence_that_agrees_is_no_misbehaviour(gate):
    made = gate.attesters
    for first, second in [
        (made.packets(AT, ENTRIES), made.packets(AT, ENTRIES[:1])),
        (made.packets(AT, ENTRIES), made.state(AT, S(b"root"))),
        (made.packets(AT, ENTRIES), made.packets(Height(0, 101, AT.seconds), [(K(PATH), S(b"other"))])),
        (made.packets(AT, ENTRIES), made.packets(Height(0, 99, AT.seconds), [(K(PATH), ABSENT)])),
    ]:
        with pytest.raises(Reverted):
            gate.light.misbehaviour(evidence_pair(first, second), sender=gate.user)
        with pytest.raises(Reverted):
            gate.light.misbehaviour(evidence_pair(second, first), sender=gate.user)
    assert gate.light.read.status() == 0


def test_freshness_and_drift(chain):
    need("Router", "RouterExtension", "AttestedClient")
    world = routed(chain)
    world.name, world.light, world.attesters = world.attested(freshness=100, drift=15)
    for age, fits in [(0, True), (99, True), (101, False), (5_000, False), (-15, True), (-16, False), (-10**6, False)]:
        height = Height(0, 50, chain.timestamp - age)
        proof = world.attesters.packets(height, ENTRIES)
        if fits:
            assert member(world, proof, PATH, S(b"one"), height) == height.seconds
        else:
            with pytest.raises(Reverted):
                member(world, proof, PATH, S(b"one"), height)


# Through the router.

def test_a_packet_crosses_and_comes_back(gate):
    packet = arriving(gate)
    gate.recv(packet, gate.attesters.packets(AT, [entry(packet)]), AT.tuple())
    assert gate.held(packet.ack_path()) == ibc.ack_commitment([b"\x01"])
    sent = gate.send(gate.counter, gate.name)
    gate.ack(sent, b"fine", gate.attesters.packets(AT, [(K(sent.ack_path()), ibc.ack_commitment([b"fine"]))]), AT.tuple())
    assert gate.held(sent.commitment_path()) == ABSENT and gate.counter.read.called(1) == 1
    late = gate.send(gate.counter, gate.name, timeout=gate.now(10))
    gone = Height(0, 200, late.timeout)
    before = Height(0, 199, late.timeout - 1)
    gate.chain.pass_time(20)
    for height, value in ((before, ABSENT), (gone, S(b"receipt"))):
        with pytest.raises(Reverted):
            gate.time_out(late, gate.attesters.packets(height, [(K(late.receipt_path()), value)]), height.tuple())
    gate.time_out(late, gate.attesters.packets(gone, [(K(late.receipt_path()), ABSENT)]), gone.tuple())
    assert gate.held(late.commitment_path()) == ABSENT and gate.counter.read.called(2) == 1


def test_proofs_of_other_paths_and_altered_packets_are_refused(gate):
    packet = arriving(gate)
    sent = gate.send(gate.counter, gate.name)
    with pytest.raises(Reverted):
        gate.recv(packet.with_(timeout=packet.timeout + 1), gate.attesters.packets(AT, [entry(packet)]), AT.tuple())
    with pytest.raises(Reverted):
        gate.recv(packet.with_(sequence=2), gate.attesters.packets(AT, [entry(packet)]), AT.tuple())
    with pytest.raises(Reverted):
        gate.ack(sent, b"other", gate.attesters.packets(AT, [(K(sent.ack_path()), ibc.ack_commitment([b"fine"]))]),
                 AT.tuple())
    with pytest.raises(Reverted):
        gate.ack(sent, b"fine", gate.attesters.packets(AT, [(K(sent.receipt_path()), ibc.ack_commitment([b"fine"]))]),
                 AT.tuple())


def test_one_proof_serves_many_packets_of_one_transaction(gate):
    packets = [arriving(gate, n) for n in range(1, 6)]
    listed = [entry(p) for p in packets]
    full, short = gate.attesters.packets(AT, listed), gate.attesters.reference(AT, listed)
    calls = [gate.router.encode("recvPacket", (p.tuple(), short if p.sequence > 1 else full, AT.tuple())) for p in packets]
    for several in ("multicall", "relay"):
        kept_before = gate.chain.snapshot()
        gate.router.send(several, calls, sender=gate.relayer)
        assert gate.counter.read.called(0) == 5
        gate.chain.restore(kept_before)
    update = [gate.router.encode("updateClient", gate.name, full)]
    calls[0] = gate.router.encode("recvPacket", (packets[0].tuple(), short, AT.tuple()))
    gate.router.multicall(update + calls, sender=gate.relayer)
    assert gate.counter.read.called(0) == 5


def test_the_whole_proof_may_be_repeated_in_one_transaction(gate):
    packets = [arriving(gate, n) for n in range(1, 4)]
    listed = [entry(p) for p in packets]
    proofs = [gate.attesters.packets(AT, listed, positions) for positions in ((0, 1, 2), (0, 1, 2), (2, 3, 4))]
    calls = [gate.router.encode("recvPacket", (p.tuple(), proof, AT.tuple())) for p, proof in zip(packets, proofs)]
    gate.router.multicall(calls, sender=gate.relayer)
    assert gate.counter.read.called(0) == 3


def test_a_good_proof_does_not_let_another_body_pass(gate):
    packets = [arriving(gate, n) for n in (1, 2)]
    good = gate.attesters.packets(AT, [entry(packets[0])])
    for positions in ((), (0,), (0, 1), (1, 3)):
        bad = gate.attesters.packets(AT, [entry(p) for p in packets], positions)
        calls = [gate.router.encode("recvPacket", (p.tuple(), proof, AT.tuple())) for p, proof in zip(packets, (good, bad))]
        with pytest.raises(Reverted):
            gate.router.multicall(calls, sender=gate.relayer)


def test_a_reference_ends_with_its_transaction(gate):
    packet = arriving(gate)
    full, short = (f(AT, [entry(packet)]) for f in (gate.attesters.packets, gate.attesters.reference))
    gate.router.updateClient(gate.name, full, sender=gate.relayer)
    with pytest.raises(Reverted):
        gate.recv(packet, short, AT.tuple())
    gate.recv(packet, full, AT.tuple())
    with pytest.raises(Reverted):
        gate.recv(arriving(gate, 2), short, AT.tuple())


def test_a_reference_before_its_evidence_is_refused(gate):
    packets = [arriving(gate, n) for n in (1, 2)]
    listed = [entry(p) for p in packets]
    full, short = gate.attesters.packets(AT, listed), gate.attesters.reference(AT, listed)
    calls = [gate.router.encode("recvPacket", (p.tuple(), proof, AT.tuple())) for p, proof in zip(packets, (short, full))]
    with pytest.raises(Reverted):
        gate.router.multicall(calls, sender=gate.relayer)


def test_a_reference_proves_only_what_its_evidence_listed(gate):
    packets = [arriving(gate, n) for n in (1, 2)]
    listed = [entry(packets[0])]
    full, short = gate.attesters.packets(AT, listed), gate.attesters.reference(AT, listed)
    first = gate.router.encode("recvPacket", (packets[0].tuple(), full, AT.tuple()))
    second = gate.router.encode("recvPacket", (packets[1].tuple(), short, AT.tuple()))
    with pytest.raises(Reverted):
        gate.router.multicall([first, second], sender=gate.relayer)
    other_height = gate.router.encode("recvPacket", (packets[0].tuple(), short, (0, 101)))
    update = gate.router.encode("updateClient", gate.name, full)
    with pytest.raises(Reverted):
        gate.router.multicall([update, other_height], sender=gate.relayer)
    # Absence of what was listed, or of what was not, is not proven either.
    sent = gate.send(gate.counter, gate.name, timeout=gate.now(1))
    timeout = gate.router.encode("timeoutPacket", (sent.tuple(), short, AT.tuple()))
    with pytest.raises(Reverted):
        gate.router.multicall([update, timeout], sender=gate.relayer)


def test_a_reference_of_another_client_is_refused(gate):
    """Each client keeps its own references: what one has accepted is nothing to the next."""
    name, light, made = gate.attested(remote=REMOTE)
    packet = arriving(gate).with_(dest=name)
    full, short = (f(AT, [entry(packet)]) for f in (gate.attesters.packets, gate.attesters.reference))
    update = gate.router.encode("updateClient", gate.name, full)
    recv = gate.router.encode("recvPacket", (packet.tuple(), short, AT.tuple()))
    with pytest.raises(Reverted):
        gate.router.multicall([update, recv], sender=gate.relayer)


def test_proofs_inside_messages_write_nothing_to_the_client(gate):
    packet = arriving(gate)
    gate.recv(packet, gate.attesters.packets(AT, [entry(packet)]), AT.tuple())
    assert [gate.chain.storage(gate.light.address, n) for n in range(8)] == [0] * 8


# Properties.

heights = st.builds(Height, st.integers(0, 2**64 - 1), st.integers(1, 2**64 - 1), st.integers(1, 1_700_000_000))
# A commitment of 1 is none: it stands for absence inside, and no SHA-256 that anybody knows is 1.
commitments = st.binary(min_size=32, max_size=32).filter(lambda c: c != u(32, 1)) | st.just(ABSENT)
entry_lists = st.lists(
    st.tuples(st.binary(min_size=1, max_size=80), commitments), min_size=1, max_size=12,
    unique_by=lambda e: e[0])


@settings(max_examples=15)
@given(heights, entry_lists, st.sets(st.integers(0, 4), min_size=3), st.data())
def test_what_a_quorum_signed_is_what_is_proven(evm_name, height, entries, positions, data):
    gate = kept("attested-property", evm_name, _gate)
    proof = gate.attesters.packets(height, [(K(p), c) for p, c in entries], sorted(positions))
    raw_path, value = data.draw(st.sampled_from(entries))
    if value == ABSENT:
        assert absent(gate, proof, raw_path, height) == height.seconds
    else:
        assert member(gate, proof, raw_path, value, height) == height.seconds
        with pytest.raises(Reverted):
            absent(gate, proof, raw_path, height)
    with pytest.raises(Reverted):
        member(gate, proof, raw_path, S(value), height)
    with pytest.raises(Reverted):
        member(gate, proof, raw_path + b"\x01", value, height)
    # A changed byte anywhere, or a cut anywhere.
    at = data.draw(st.integers(0, len(proof) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(Reverted):
        _look(gate, proof[:at] + bytes([proof[at] ^ change]) + proof[at + 1:], raw_path, value, height)
    with pytest.raises(Reverted):
        _look(gate, proof[:at], raw_path, value, height)


def _look(gate, proof, raw_path, value, height):
    return (absent(gate, proof, raw_path, height) if value == ABSENT
            else member(gate, proof, raw_path, value, height))


def _gate(chain):
    need("Router", "RouterExtension", "AttestedClient")
    world = routed(chain)
    world.name, world.light, world.attesters = world.attested()
    world.counter = world.app("counter")
    return world


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


@settings(max_examples=30)
@given(st.binary(max_size=600))
def test_random_bytes_prove_nothing(evm_name, junk):
    gate = kept("attested-property", evm_name, _gate)
    for call in (
        lambda: member(gate, junk, PATH, S(b"one")), lambda: absent(gate, junk, PATH),
        lambda: gate.light.look("updateClient", junk), lambda: gate.light.look("misbehaviour", junk),
    ):
        with pytest.raises(Reverted):
            call()
