"""Enclaves and settlement: who vouches for a key, what it may decide, and where the escrow goes."""
import json
import pathlib
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import CHAIN_ID, Reverted, name_errors, reverts
from harness.contracts import Contract, artifact, hexa
from harness.mocks import mock
from oracle import merkle
from oracle.attest import Key, high_s
from oracle.hashes import K, S, u
from oracle.names import account

DOMAIN = f"eip155:{CHAIN_ID}"
VECTORS = pathlib.Path(__file__).resolve().parents[3] / "Tests/Vectors/enclaves/evm-settlement.json"
HOUR = 3600
ZERO = bytes(32)
PROGRAM, POLICY, JUDGED = S(b"program"), S(b"policy"), S(b"attestation policy")
STATE = S(b"state before")
name_errors([
    "InvalidKeys()", "InvalidTimes(uint64,uint64)", "UnknownAnchor(uint64)", "OldSequence(uint64,uint64)",
    "InvalidSignatures()", "ThresholdNotMet(uint256,uint256)", "SignerOutOfOrder(uint256)", "InvalidSignature(uint256)",
    "NotRegistered(bytes32)", "NotExpired(bytes32,uint64)", "Closed(bytes32,uint64)", "Full(bytes32,uint16)",
    "NonceUsed(address,uint64)", "TooLittle(uint256,uint256)", "NotPaid(uint256,uint256)", "NotClosed(bytes32,uint64)",
    "Expired(bytes32,uint64)", "NotLive(bytes32)", "OtherProgram(bytes32)", "InvalidReceipt(uint64,uint64)",
    "InvalidPayout(address,uint256)", "NotTheEscrow(uint256,uint256)", "InvalidReceiptSignature(bytes32)",
    "TokenExpired(uint64)", "InvalidTokenSignature(bytes32)", "NoSubmission(uint256)", "NothingOwed(address)",
    "WrongState(bytes32,uint8)"])


@dataclass
class Decision:
    """A whole settlement, to be changed in one place."""
    case: bytes
    result: tuple
    payouts: list
    receipt_key: Key
    token: tuple
    token_key: Key
    receipt: bytes = None
    leave: bytes = None


class Court:
    """A registry with five registrars, a settlement contract that believes it, a token, and people who have some."""

    def __init__(self, chain):
        self.chain = chain
        self.owner = chain.account(1)
        self.registrars = [Key(900 + n) for n in range(5)]
        self.registry = Contract.deploy(
            chain, artifact("EnclaveRegistry"), [k.address for k in self.registrars], 3, 2, sender=self.owner)
        self.settlement = Contract.deploy(chain, artifact("EnclaveSettlement"), self.registry.address, sender=self.owner)
        self.token = Contract.deploy(chain, mock("Token"), sender=self.owner)
        self.enclave, self.coordinator = Key(700), Key(701)
        self.people = [chain.account(30 + n) for n in range(6)]
        for person in self.people:
            self.token.mint(person, 10**12)
            self.token.approve(self.settlement.address, 2**256 - 1, sender=person)
        self.chain.pass_time(12)

    # The registry

    def keys(self, **changes):
        number = self.chain.number - 1
        fields = dict(
            operator=account("cosmos:harbor-1", b"operator" * 2 + bytes(4)), program=PROGRAM, policy=POLICY,
            signer=self.enclave.address, suite=1, sealing=bytes(range(32)), sequence=1, height=number,
            anchor=K(str(number).encode()), issued=self.chain.timestamp - 60, expires=self.chain.timestamp + 30 * 24 * HOUR)
        return tuple({**fields, **changes}.values())

    def finding(self, enclave, **changes):
        fields = dict(report=merkle.report_data(enclave), evidence=S(b"quote"), policy=JUDGED,
                      until=self.chain.timestamp + 24 * HOUR)
        return tuple({**fields, **changes}.values())

    def signed(self, digest, positions=(0, 2, 4), keys=None):
        return b"".join(u(1, p) + (keys or self.registrars)[p].sign(digest) for p in positions)

    def registered(self, **changes):
        keys = self.keys(**changes)
        enclave = merkle.registration(DOMAIN, keys)
        finding = self.finding(enclave)
        signatures = self.signed(merkle.finding_digest(DOMAIN, self.registry.address, enclave, finding))
        self.registry.register(keys, finding, signatures, sender=self.people[5])
        return enclave

    # Cases

    def opening(self, **changes):
        fields = dict(
            token=self.token.address, program=PROGRAM, policy=POLICY, judged=JUDGED, coordinator=self.coordinator.address,
            closes=self.chain.timestamp + HOUR, expires=self.chain.timestamp + 5 * HOUR, inputs=8, least=10, state=STATE)
        return tuple({**fields, **changes}.values())

    def opened(self, **changes):
        return self.settlement.open(self.opening(**changes), sender=self.people[0]).value

    def submitted(self, case, amounts, first=0):
        commitments = []
        for n, amount in enumerate(amounts, first):
            commitment = S(b"envelope %d" % n)
            self.settlement.submit(case, commitment, n, amount, sender=self.people[n % len(self.people)])
            commitments.append(commitment)
        return commitments

    def decision(self, case, commitments, payouts, enclave, **changes):
        fields = dict(enclave=enclave, after=S(b"after"), replies=S(b"replies"), sequence=1, previous=ZERO,
                      time=self.chain.timestamp)
        result = tuple({**fields, **changes}.values())
        token = (1, self.chain.timestamp + HOUR)
        made = Decision(case, result, payouts, self.enclave, token, self.coordinator)
        return self.sign(made, commitments)

    def sign(self, made, commitments):
        inputs = merkle.inputs_root(commitments)
        update = merkle.update_root(DOMAIN, self.token.address, made.payouts, STATE, made.result[1])
        digest = merkle.receipt_digest(DOMAIN, made.case, PROGRAM, POLICY, inputs, update, made.result)
        leave = merkle.token_digest(DOMAIN, made.case, inputs, made.result[0], *made.token)
        return replace(made, receipt=made.receipt_key.sign(digest), leave=made.token_key.sign(leave))

    def settle(self, d, sender=None):
        return self.settlement.settle(
            d.case, d.result, d.payouts, d.receipt, d.token, d.leave, sender=sender or self.people[4])

    def has(self, who):
        return self.token.read.balanceOf(who)


@pytest.fixture(params=sorted(EVMS))
def court(request):
    need("EnclaveRegistry", "EnclaveSettlement")
    return kept("court", request.param, Court)


@pytest.fixture(scope="module")
def vectors():
    return json.loads(VECTORS.read_text())


def raw(text):
    return bytes.fromhex(text[2:])


# ------------------------------------------------------------------------------------------------- roots, by remerkleable

def derived(seed, i):
    return (S(seed + i.to_bytes(2, "big"))[:20], int.from_bytes(S(b"amount" + seed + i.to_bytes(2, "big"))[:12], "big"))


def test_registrations_have_the_roots_of_an_independent_library(court, vectors):
    assert vectors["chainId"] == CHAIN_ID and len(vectors["keys"]) == 8
    for entry in vectors["keys"]:
        keys = (raw(entry["operator"]), raw(entry["program"]), raw(entry["policy"]), raw(entry["signer"]),
                entry["sealingSuite"], raw(entry["sealingKey"]), entry["sequence"], entry["anchorHeight"],
                raw(entry["anchorHash"]), entry["issued"], entry["expires"])
        wanted = raw(entry["registration"])
        assert court.registry.read.registrationOf(keys) == wanted == merkle.registration(DOMAIN, keys)
        assert merkle.report_data(wanted) == raw(entry["reportData"])


def test_updates_have_the_roots_of_an_independent_library(court, vectors):
    assert [entry["count"] for entry in vectors["updates"]] == [0, 1, 2, 3, 5, 8, 17, 256]
    for entry in vectors["updates"]:
        token, seed, before, after = (raw(entry[name]) for name in ("token", "seed", "before", "after"))
        payouts = [derived(seed, i) for i in range(entry["count"])]
        wanted = raw(entry["root"])
        assert merkle.update_root(DOMAIN, token, payouts, before, after) == wanted
        assert court.settlement.read.updateOf(token, payouts, before, after) == wanted


def test_receipts_and_tokens_have_the_digests_of_an_independent_library(court, vectors):
    for entry in vectors["receipts"]:
        result = (raw(entry["registration"]), S(b"unused"), raw(entry["replies"]), entry["sequence"], raw(entry["previous"]),
                  entry["time"])
        of = [raw(entry[name]) for name in ("case", "program", "policy", "inputs", "update")]
        wanted = raw(entry["digest"])
        assert merkle.receipt_digest(DOMAIN, *of, result) == wanted
        assert court.settlement.read.receiptDigest(*of, result) == wanted
    for entry in vectors["tokens"]:
        of = [raw(entry[name]) for name in ("case", "inputs", "registration")]
        wanted = raw(entry["digest"])
        assert merkle.token_digest(DOMAIN, *of, entry["attempt"], entry["expires"]) == wanted
        assert court.settlement.read.tokenDigest(*of, (entry["attempt"], entry["expires"])) == wanted
    for entry in vectors["cases"]:
        wanted = raw(entry["id"])
        assert court.settlement.read.caseOf(int(entry["number"])) == wanted == merkle.case_id(DOMAIN, int(entry["number"]))


def test_inputs_have_the_roots_of_an_independent_library(court, vectors):
    counts = {entry["count"]: entry for entry in vectors["inputs"]}
    assert sorted(counts) == [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 127, 128, 255, 256]
    for count, entry in counts.items():
        leaves = [S(raw(entry["seed"]) + i.to_bytes(2, "big")) for i in range(count)]
        assert merkle.inputs_root(leaves) == raw(entry["root"])
    # The contract grows one list: each of its roots is the oracle's, those of some lengths remerkleable's.
    last = 40 if court.chain.name == "py-evm" else 256
    case = court.opened(inputs=256, least=0)
    seed, leaves = raw(counts[256]["seed"]), []
    for i in range(last):
        leaves.append(S(seed + i.to_bytes(2, "big")))
        court.settlement.submit(case, leaves[-1], i, 0, sender=court.people[0])
        if i < 40 or i > 250 or i in (63, 64, 65, 127, 128, 129, 191, 192):
            assert court.settlement.read.inputsOf(case) == merkle.inputs_root(leaves)
    if last == 256:
        assert court.settlement.read.inputsOf(case) == raw(counts[256]["root"])
        with reverts("Full(bytes32,uint16)", case, 256):
            court.settlement.submit(case, ZERO, 999, 0, sender=court.people[0])


WORD, NUMBER = st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("evm", sorted(EVMS))
@settings(max_examples=30)
@given(keys=st.tuples(
    st.binary(max_size=64), WORD, WORD, st.binary(min_size=20, max_size=20), st.integers(0, 2**16 - 1),
    st.integers(0, 2048).flatmap(lambda n: st.binary(min_size=min(n, 64), max_size=min(n, 64)).map(lambda b: (b * 32)[:n])),
    NUMBER, NUMBER, WORD, NUMBER, NUMBER))
def test_any_keys_have_one_root(evm, keys):
    need("EnclaveRegistry", "EnclaveSettlement")
    court = kept("court", evm, Court)
    assert court.registry.read.registrationOf(keys) == merkle.registration(DOMAIN, keys)


@pytest.mark.parametrize("evm", sorted(EVMS))
@settings(max_examples=30)
@given(token=st.binary(min_size=20, max_size=20), before=WORD, after=WORD,
       payouts=st.lists(st.tuples(st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1)), max_size=40))
def test_any_update_has_one_root(evm, token, before, after, payouts):
    need("EnclaveRegistry", "EnclaveSettlement")
    court = kept("court", evm, Court)
    assert court.settlement.read.updateOf(token, payouts, before, after) == merkle.update_root(
        DOMAIN, token, payouts, before, after)


# ------------------------------------------------------------------------------------------------------------- registry

def test_a_quorum_of_registrars_registers_a_key(court):
    keys = court.keys()
    enclave = merkle.registration(DOMAIN, keys)
    finding = court.finding(enclave)
    digest = merkle.finding_digest(DOMAIN, court.registry.address, enclave, finding)
    assert court.registry.read.findingDigest(enclave, finding) == digest
    receipt = court.registry.register(keys, finding, court.signed(digest), sender=court.people[5])
    assert receipt.value == enclave
    (log,) = receipt.events(court.registry, "EnclaveRegistered")
    assert log["registration"] == enclave and log["signer"] == hexa(court.enclave.address)
    assert log["reportData"] == finding[0] and log["evidence"] == finding[1] and log["until"] == finding[3]
    assert court.registry.read.registrationAt(enclave) == (
        hexa(court.enclave.address), finding[3], 1, PROGRAM, POLICY, JUDGED)
    assert court.registry.read.live(enclave) == (court.enclave.address, PROGRAM, POLICY, JUDGED)
    with reverts("OldSequence(uint64,uint64)", 1, 1):
        court.registry.register(keys, finding, court.signed(digest), sender=court.people[5])


def test_registrars_must_be_enough_in_order_and_right(court):
    keys = court.keys()
    enclave = merkle.registration(DOMAIN, keys)
    finding = court.finding(enclave)
    digest = merkle.finding_digest(DOMAIN, court.registry.address, enclave, finding)

    def put(signatures):
        court.registry.register(keys, finding, signatures, sender=court.people[5])

    whole = court.signed(digest)
    with reverts("ThresholdNotMet(uint256,uint256)", 2, 3):
        put(court.signed(digest, (0, 1)))
    with reverts("InvalidSignatures()"):
        put(whole[:-1])
    with reverts("SignerOutOfOrder(uint256)", 0):
        put(court.signed(digest, (0, 0, 1)))
    with reverts("SignerOutOfOrder(uint256)", 1):
        put(court.signed(digest, (0, 2, 1)))
    with reverts("SignerOutOfOrder(uint256)", 5):
        put(court.signed(digest, (0, 1)) + u(1, 5) + Key(905).sign(digest))
    with reverts("InvalidSignature(uint256)", 2):
        put(court.signed(digest, (0, 1)) + u(1, 2) + Key(1).sign(digest))
    with reverts("InvalidSignature(uint256)", 4):
        put(whole[:133] + high_s(whole[133:]))
    with reverts("InvalidSignature(uint256)", 4):
        put(whole[:-1] + u(1, whole[-1] - 27))
    # Surplus signatures are checked too.
    with reverts("InvalidSignature(uint256)", 4):
        put(court.signed(digest, (0, 1, 2)) + u(1, 4) + bytes(65))
    put(court.signed(digest, (0, 1, 2, 3, 4)))


def test_every_part_of_keys_and_finding_is_signed(court):
    keys = court.keys()
    enclave = merkle.registration(DOMAIN, keys)
    finding = court.finding(enclave)
    signatures = court.signed(merkle.finding_digest(DOMAIN, court.registry.address, enclave, finding))
    for place, value in enumerate(keys):
        if isinstance(value, bytes):
            other = value[:-1] + bytes([value[-1] ^ 1])
        else:
            other = value + 1
        changed = keys[:place] + (other,) + keys[place + 1:]
        with pytest.raises(Reverted):
            court.registry.register(changed, finding, signatures, sender=court.people[5])
    for place, value in enumerate(finding):
        other = value - 1 if isinstance(value, int) else value[:-1] + bytes([value[-1] ^ 1])
        with reverts("InvalidSignature(uint256)", 0):
            court.registry.register(
                keys, finding[:place] + (other,) + finding[place + 1:], signatures, sender=court.people[5])
    # Nor does a signature serve another registry.
    other = Contract.deploy(
        court.chain, artifact("EnclaveRegistry"), [k.address for k in court.registrars], 3, 2, sender=court.owner)
    with reverts("InvalidSignature(uint256)", 0):
        other.register(keys, finding, signatures, sender=court.people[5])
    court.registry.register(keys, finding, signatures, sender=court.people[5])


def test_keys_are_of_this_chain_now_and_in_order(court):
    def put(finding_changes=None, **changes):
        keys = court.keys(**changes)
        enclave = merkle.registration(DOMAIN, keys)
        finding = court.finding(enclave, **(finding_changes or {}))
        digest = merkle.finding_digest(DOMAIN, court.registry.address, enclave, finding)
        court.registry.register(keys, finding, court.signed(digest), sender=court.people[5])

    now, height = court.chain.timestamp, court.chain.number
    with reverts("UnknownAnchor(uint64)", height):
        put(height=height, anchor=K(str(height).encode()))
    with reverts("UnknownAnchor(uint64)", height - 1):
        put(anchor=S(b"another"))
    with reverts("UnknownAnchor(uint64)", height - 1):
        put(anchor=ZERO)
    with reverts("UnknownAnchor(uint64)", 2**64 - 1):
        put(height=2**64 - 1)
    with reverts("InvalidTimes(uint64,uint64)", now, now + 10):
        put({"until": now}, expires=now + 10)
    with reverts("InvalidTimes(uint64,uint64)", now + 11, now + 10):
        put({"until": now + 11}, expires=now + 10)
    with reverts("InvalidTimes(uint64,uint64)"):
        put(issued=now + 10, expires=now + 10)
    for changes in (dict(operator=b"\x00\x01"), dict(signer=bytes(20)), dict(sealing=b"")):
        with reverts("InvalidKeys()"):
            put(**changes)
    with reverts("InvalidKeys()"):
        put({"report": bytes(63)})
    put(sequence=5)
    for sequence in (0, 1, 5):
        with reverts("OldSequence(uint64,uint64)", sequence, 5):
            put(sequence=sequence)
    put(sequence=6)
    # Another operator counts by itself.
    put(sequence=1, operator=account("cosmos:harbor-1", b"other" * 4))
    # A block that is too old to be known.
    old = court.chain.number - 1
    court.chain.number += 256
    with reverts("UnknownAnchor(uint64)", old):
        put(sequence=7, height=old, anchor=K(str(old).encode()))


def test_fewer_registrars_end_a_registration(court):
    enclave, reason = court.registered(), S(b"lost")
    digest = merkle.invalidation_digest(DOMAIN, court.registry.address, enclave, reason)
    assert court.registry.read.invalidationDigest(enclave, reason) == digest
    with reverts("ThresholdNotMet(uint256,uint256)", 1, 2):
        court.registry.invalidate(enclave, reason, court.signed(digest, (0,)), sender=court.people[5])
    with reverts("InvalidSignature(uint256)", 0):
        court.registry.invalidate(enclave, S(b"other"), court.signed(digest, (0, 1)), sender=court.people[5])
    with reverts("NotRegistered(bytes32)", S(b"unknown")):
        court.registry.invalidate(S(b"unknown"), reason, court.signed(digest, (0, 1)), sender=court.people[5])
    receipt = court.registry.invalidate(enclave, reason, court.signed(digest, (0, 1)), sender=court.people[5])
    assert receipt.events(court.registry, "EnclaveInvalidated") == [{"registration": enclave, "reason": reason}]
    assert court.registry.read.live(enclave) == (bytes(20), ZERO, ZERO, ZERO)
    with reverts("NotRegistered(bytes32)", enclave):
        court.registry.invalidate(enclave, reason, court.signed(digest, (0, 1)), sender=court.people[5])


def test_anyone_removes_what_expired_and_nothing_before(court):
    enclave = court.registered()
    until = court.chain.timestamp + 24 * HOUR
    court.chain.pass_time(24 * HOUR - 1)
    assert court.registry.read.live(enclave)[0] == court.enclave.address
    with reverts("NotExpired(bytes32,uint64)", enclave, until):
        court.registry.remove(enclave, sender=court.people[5])
    court.chain.pass_time(1)
    assert court.registry.read.live(enclave)[0] == bytes(20)
    receipt = court.registry.remove(enclave, sender=court.people[5])
    assert receipt.events(court.registry, "EnclaveRemoved") == [{"registration": enclave}]
    with reverts("NotExpired(bytes32,uint64)", enclave, 0):
        court.registry.remove(enclave, sender=court.people[5])


@pytest.mark.parametrize("count, quorum, ending", [(0, 0, 0), (3, 0, 0), (3, 4, 1), (3, 2, 0), (3, 2, 3)])
def test_quorums_that_make_no_sense_are_refused(court, count, quorum, ending):
    with pytest.raises(Reverted):
        Contract.deploy(court.chain, artifact("EnclaveRegistry"), [Key(5 + n).address for n in range(count)], quorum, ending,
                        sender=court.owner)
    for bad in ([Key(5).address] * 2, [bytes(20)]):
        with pytest.raises(Reverted):
            Contract.deploy(court.chain, artifact("EnclaveRegistry"), bad, 1, 1, sender=court.owner)


# ---------------------------------------------------------------------------------------------------------------- cases

def test_a_case_from_opening_to_payouts(court):
    enclave = court.registered()
    receipt = court.settlement.open(court.opening(), sender=court.people[0])
    case = receipt.value
    (log,) = receipt.events(court.settlement, "CaseOpened")
    assert log["number"] == merkle.case_number(court.settlement.address, 1)
    assert case == merkle.case_id(DOMAIN, log["number"])
    commitments = court.submitted(case, [100, 250, 50])
    assert court.settlement.read.escrows(case) == 400 and court.has(court.settlement.address) == 400
    court.chain.pass_time(HOUR)
    before = [court.has(p) for p in court.people]
    payouts = [(court.people[1], 390), (court.people[0], 10)]
    made = court.decision(case, commitments, payouts, enclave)
    receipt = court.settle(made)
    (settled,) = receipt.events(court.settlement, "CaseSettled")
    assert settled["registration"] == enclave and settled["result"] == made.result and settled["token"] == made.token
    assert receipt.events(court.settlement, "CaseClosed") == [
        {"case": case, "inputs": merkle.inputs_root(commitments), "count": 3}]
    assert len(receipt.events(court.settlement, "PaidOut")) == 2
    assert [court.has(p) for p in court.people] == [before[0] + 10, before[1] + 390] + before[2:]
    assert court.settlement.read.escrows(case) == 0 and court.has(court.settlement.address) == 0
    with reverts("WrongState(bytes32,uint8)", case, 2):
        court.settle(made)
    court.chain.pass_time(5 * HOUR)
    with reverts("WrongState(bytes32,uint8)", case, 2):
        court.settlement.reclaim(case, [0, 1, 2], sender=court.people[0])


def test_the_custody_chain_follows_from_the_events_alone(court):
    enclave, names = court.registered(), ("CaseOpened", "InputSubmitted", "CaseClosed", "CaseSettled", "CaseReclaimed")
    ask, logs = court.settlement, []

    def note(receipt):
        for log in receipt.logs:
            for name in names:
                if log.address == ask.address and log.topics[0] == ask.topic(name):
                    logs.append((name, ask.event(name, log)))
        assert ask.read.heads(case) == merkle.custody(logs)
        return receipt

    opened = ask.open(court.opening(least=0), sender=court.people[0])
    case = opened.value
    note(opened)
    commitments = [S(b"%d" % n) for n in range(3)]
    for n, commitment in enumerate(commitments):
        note(ask.submit(case, commitment, n, 100 * n, sender=court.people[n]))
    mark, kept_logs = court.chain.snapshot(), list(logs)
    court.chain.pass_time(HOUR)
    note(court.settle(court.decision(case, commitments, [(court.people[1], 300)], enclave, sequence=9, previous=S(b"x"))))
    assert [name for name, _ in logs] == ["CaseOpened"] + ["InputSubmitted"] * 3 + ["CaseClosed", "CaseSettled"]
    # A chain without one of its links has another head.
    whole = merkle.custody(logs)
    assert len({merkle.custody(logs[:n] + logs[n + 1:]) for n in range(len(logs)) if logs[n][0] == "InputSubmitted"} | {whole}) == 4
    court.chain.restore(mark)
    logs[:] = kept_logs
    court.chain.pass_time(5 * HOUR)
    note(ask.reclaim(case, [0], sender=court.people[0]))
    head = ask.read.heads(case)
    note(ask.reclaim(case, [1, 2], sender=court.people[0]))
    assert ask.read.heads(case) == head


def test_what_is_submitted(court):
    case = court.opened(inputs=2)
    ask = court.settlement
    with reverts("WrongState(bytes32,uint8)", S(b"unknown"), 0):
        ask.submit(S(b"unknown"), ZERO, 0, 10, sender=court.people[0])
    with reverts("TooLittle(uint256,uint256)", 9, 10):
        ask.submit(case, ZERO, 0, 9, sender=court.people[0])
    receipt = ask.submit(case, S(b"one"), 7, 10, sender=court.people[0])
    assert receipt.value == 0
    assert receipt.events(ask, "InputSubmitted") == [{
        "case": case, "sender": hexa(court.people[0]), "position": 0, "nonce": 7, "commitment": S(b"one"), "amount": 10}]
    assert ask.read.submissionAt(case, 0) == (hexa(court.people[0]), 7, False, 10)
    with reverts("NonceUsed(address,uint64)", hexa(court.people[0]), 7):
        ask.submit(case, S(b"two"), 7, 10, sender=court.people[0])
    # The same commitment of somebody else is no reason to refuse: who copies one would shut its owner out.
    ask.submit(case, S(b"one"), 7, 10, sender=court.people[1])
    with reverts("Full(bytes32,uint16)", case, 2):
        ask.submit(case, S(b"three"), 0, 10, sender=court.people[2])
    other = court.opened()
    court.chain.pass_time(HOUR - 1)
    ask.submit(other, S(b"last"), 0, 10, sender=court.people[0])
    court.chain.pass_time(1)
    with reverts("Closed(bytes32,uint64)"):
        ask.submit(other, S(b"late"), 1, 10, sender=court.people[0])


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_tokens_that_do_not_pay_in_full_are_not_taken(court, mode):
    case = court.opened()
    court.token.behave(mode)
    with pytest.raises(Reverted):
        court.settlement.submit(case, S(b"one"), 0, 1000, sender=court.people[0])
    court.token.behave(0)
    assert court.settlement.read.counts(case) == 0


@pytest.mark.parametrize("change", [
    dict(token=bytes(20)), dict(coordinator=bytes(20)), dict(program=ZERO), dict(policy=ZERO), dict(judged=ZERO),
    dict(closes=1), dict(expires=1), dict(inputs=0), dict(inputs=257)])
def test_openings_that_make_no_sense_are_refused(court, change):
    with pytest.raises(Reverted):
        court.opened(**change)


def test_every_part_of_a_decision_is_signed(court):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100, 250])
    court.chain.pass_time(HOUR)
    good = court.decision(case, commitments, [(court.people[1], 300), (court.people[0], 50)], enclave)
    court.chain.pass_time(5)
    bad_receipt, bad_token = "InvalidReceiptSignature(bytes32)", "InvalidTokenSignature(bytes32)"
    enclave, after, replies, sequence, previous, time = good.result
    for result in (
        (enclave, S(b"other"), replies, sequence, previous, time), (enclave, after, S(b"other"), sequence, previous, time),
        (enclave, after, replies, 2, S(b"before"), time), (enclave, after, replies, sequence, previous, time + 1),
    ):
        with reverts(bad_receipt):
            court.settle(replace(good, result=result))
    for payouts in ([(court.people[0], 50), (court.people[1], 300)], [(court.people[1], 350)],
                    [(court.people[1], 301), (court.people[0], 49)], [(court.people[1], 300), (court.people[2], 50)]):
        with reverts(bad_receipt):
            court.settle(replace(good, payouts=payouts))
    for receipt in (high_s(good.receipt), good.receipt[:-1] + b"\0", good.receipt[:-1], b"", bytes(65),
                    Key(1).sign(S(b"other"))):
        with reverts(bad_receipt):
            court.settle(replace(good, receipt=receipt))
    for leave in (high_s(good.leave), good.leave[:-1], b"", bytes(65), good.receipt):
        with reverts(bad_token):
            court.settle(replace(good, leave=leave))
    for token in ((2, good.token[1]), (1, good.token[1] + 1)):
        with reverts(bad_token):
            court.settle(replace(good, token=token))
    # An enclave's key is no coordinator's, and the other way around.
    for changed in (replace(good, receipt_key=court.coordinator), replace(good, token_key=court.enclave)):
        with pytest.raises(Reverted):
            court.settle(court.sign(changed, commitments))
    # Signed over other inputs: one more, one less, another order.
    for other in (commitments[:1], commitments[::-1], commitments + [ZERO]):
        with reverts(bad_receipt):
            court.settle(court.sign(good, other))
    court.settle(good)


def test_no_signature_with_another_bit_counts(court):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100])
    court.chain.pass_time(HOUR)
    good = court.decision(case, commitments, [(court.people[1], 100)], enclave)
    for bit in court.chain.some(range(65 * 8), 40):
        mask = (1 << bit).to_bytes(65, "big")

        def flip(signature):
            return bytes(a ^ b for a, b in zip(signature, mask))

        with reverts("InvalidReceiptSignature(bytes32)"):
            court.settle(replace(good, receipt=flip(good.receipt)))
        with reverts("InvalidTokenSignature(bytes32)"):
            court.settle(replace(good, leave=flip(good.leave)))
    court.settle(good)


def test_a_decision_for_one_case_serves_no_other(court):
    enclave = court.registered()
    first, second = court.opened(), court.opened()
    assert first != second
    commitments = court.submitted(first, [100])
    assert court.submitted(second, [100]) == commitments
    court.chain.pass_time(HOUR)
    made = court.decision(first, commitments, [(court.people[1], 100)], enclave)
    with reverts("InvalidReceiptSignature(bytes32)"):
        court.settle(replace(made, case=second))
    # Nor in another contract of this chain: cases have other numbers there.
    other = Contract.deploy(court.chain, artifact("EnclaveSettlement"), court.registry.address, sender=court.owner)
    theirs = other.open(court.opening(), sender=court.people[0]).value
    assert theirs not in (first, second)
    court.settle(made)


def test_payouts_use_the_escrow_to_the_last_unit(court):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100, 250])
    court.chain.pass_time(HOUR)
    people = court.people
    for payouts, error in [
        ([(people[0], 349)], "NotTheEscrow(uint256,uint256)"), ([], "NotTheEscrow(uint256,uint256)"),
        ([(people[0], 351)], "InvalidPayout(address,uint256)"),
        ([(people[0], 350), (people[1], 1)], "InvalidPayout(address,uint256)"),
        ([(people[0], 350), (people[1], 0)], "InvalidPayout(address,uint256)"),
        ([(bytes(20), 350)], "InvalidPayout(address,uint256)"),
        ([(people[0], 2**256 - 1), (people[1], 351)], "InvalidPayout(address,uint256)"),
    ]:
        with reverts(error):
            court.settle(court.decision(case, commitments, payouts, enclave))
    court.settle(court.decision(case, commitments, [(people[0], 100), (people[0], 250)], enclave))


def test_who_may_decide_and_when(court):
    enclave = court.registered()
    # The same operator's next enclave, of another program.
    stranger = court.registered(sequence=2, program=S(b"other program"))
    case = court.opened()
    commitments = court.submitted(case, [100])
    payouts = [(court.people[1], 100)]
    with reverts("NotClosed(bytes32,uint64)"):
        court.settle(court.decision(case, commitments, payouts, enclave))
    court.chain.pass_time(HOUR)
    with reverts("OtherProgram(bytes32)", stranger):
        court.settle(court.decision(case, commitments, payouts, stranger))
    with reverts("NotLive(bytes32)", S(b"nobody")):
        court.settle(court.decision(case, commitments, payouts, S(b"nobody")))
    for changes in (dict(sequence=0), dict(sequence=2), dict(previous=S(b"x")), dict(time=court.chain.timestamp + 1),
                    dict(time=court.chain.timestamp - 1)):
        with reverts("InvalidReceipt(uint64,uint64)"):
            court.settle(court.decision(case, commitments, payouts, enclave, **changes))
    made = court.decision(case, commitments, payouts, enclave)
    court.chain.pass_time(HOUR)
    with reverts("TokenExpired(uint64)", made.token[1]):
        court.settle(made)
    # Ended by registrars in between.
    reason = S(b"lost")
    digest = merkle.invalidation_digest(DOMAIN, court.registry.address, enclave, reason)
    court.registry.invalidate(enclave, reason, court.signed(digest, (1, 3)), sender=court.people[5])
    with reverts("NotLive(bytes32)", enclave):
        court.settle(court.decision(case, commitments, payouts, enclave))
    again = court.registered(sequence=3)
    court.chain.pass_time(3 * HOUR - 1)
    late = court.decision(case, commitments, payouts, again)
    mark = court.chain.snapshot()
    court.settle(late)
    court.chain.restore(mark)
    court.chain.pass_time(1)
    with reverts("Expired(bytes32,uint64)"):
        court.settle(late)


def test_an_expired_registration_decides_nothing(court):
    enclave = court.registered()
    case = court.opened(closes=court.chain.timestamp + 24 * HOUR, expires=court.chain.timestamp + 48 * HOUR)
    commitments = court.submitted(case, [100])
    court.chain.pass_time(24 * HOUR)
    with reverts("NotLive(bytes32)", enclave):
        court.settle(court.decision(case, commitments, [(court.people[1], 100)], enclave))


def test_unsettled_cases_give_everything_back_once(court):
    enclave = court.registered()
    case = court.opened(least=0)
    before = [court.has(p) for p in court.people]
    commitments = court.submitted(case, [100, 250, 0])
    ask = court.settlement
    with reverts("NotExpired(bytes32,uint64)"):
        ask.reclaim(case, [0], sender=court.people[5])
    court.chain.pass_time(5 * HOUR)
    receipt = ask.reclaim(case, [1], sender=court.people[5])
    assert receipt.events(ask, "CaseReclaimed") == [{"case": case}]
    assert receipt.events(ask, "Refunded") == [
        {"case": case, "sender": hexa(court.people[1]), "position": 1, "amount": 250}]
    with reverts("WrongState(bytes32,uint8)", case, 3):
        court.settle(court.decision(case, commitments, [(court.people[1], 350)], enclave))
    receipt = ask.reclaim(case, [2, 1, 0, 0], sender=court.people[5])
    assert not receipt.events(ask, "CaseReclaimed")
    assert [e["position"] for e in receipt.events(ask, "Refunded")] == [2, 0]
    assert [court.has(p) for p in court.people] == before and ask.read.escrows(case) == 0
    assert [ask.read.submissionAt(case, n) for n in range(3)] == [
        (hexa(court.people[n]), n, True, amount) for n, amount in enumerate([100, 250, 0])]
    with reverts("NoSubmission(uint256)", 3):
        ask.reclaim(case, [3], sender=court.people[5])
    assert not ask.reclaim(case, [0, 1, 2], sender=court.people[5]).events(ask, "Refunded")


@pytest.mark.parametrize("mode", [2, 3, 6])
def test_a_payment_that_the_token_refuses_waits_for_its_owner(court, mode):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100, 250])
    court.chain.pass_time(HOUR)
    court.token.behave(mode)
    receipt = court.settle(court.decision(case, commitments, [(court.people[1], 350)], enclave))
    (keptback,) = receipt.events(court.settlement, "PayoutKept")
    assert keptback["amount"] == 350 and not receipt.events(court.settlement, "PaidOut")
    assert court.settlement.read.owed(court.token.address, court.people[1]) == 350
    court.token.behave(0)
    with reverts("NothingOwed(address)", hexa(court.people[0])):
        court.settlement.claim(court.token.address, court.people[0], sender=court.people[0])
    before = court.has(court.people[2])
    court.settlement.claim(court.token.address, court.people[2], sender=court.people[1])
    assert court.has(court.people[2]) == before + 350
    with reverts("NothingOwed(address)", hexa(court.people[1])):
        court.settlement.claim(court.token.address, court.people[1], sender=court.people[1])


def test_a_token_that_calls_back_gets_nothing_twice(court):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100, 250])
    court.chain.pass_time(HOUR)
    made = court.decision(case, commitments, [(court.people[1], 350)], enclave)
    again = court.settlement.encode("settle", made.case, made.result, made.payouts, made.receipt, made.token, made.leave)
    court.token.hook(court.settlement.address, again)
    court.token.behave(5)
    court.settle(made)
    assert court.token.read.hookOk() is False
    assert court.has(court.settlement.address) == 0


def test_too_little_gas_settles_nothing(court):
    enclave = court.registered()
    case = court.opened()
    commitments = court.submitted(case, [100, 250])
    court.chain.pass_time(HOUR)
    made = court.decision(case, commitments, [(p, 70) for p in court.people[:5]], enclave)
    used = court.settlement.look("settle", made.case, made.result, made.payouts, made.receipt, made.token, made.leave)
    assert used is not None
    for gas in (150_000, 250_000, 350_000, 420_000):
        mark = court.chain.snapshot()
        try:
            receipt = court.settlement.settle(
                made.case, made.result, made.payouts, made.receipt, made.token, made.leave, sender=court.people[4], gas=gas)
            assert len(receipt.events(court.settlement, "PaidOut")) == 5
        except Reverted:
            assert court.settlement.read.states(case) == 1
        court.chain.restore(mark)


# ------------------------------------------------------------------------------------------------------------ properties

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 4)),
        st.tuples(st.just("submit"), st.integers(0, 3), st.integers(0, 5), st.integers(0, 500)),
        st.tuples(st.just("settle"), st.integers(0, 3), st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 3)),
        st.tuples(st.just("reclaim"), st.integers(0, 3), st.lists(st.integers(0, 4), max_size=3)),
        st.tuples(st.just("time"), st.sampled_from([1, HOUR // 2, HOUR, 3 * HOUR])),
        st.tuples(st.just("token"), st.sampled_from([0, 0, 3])),
        st.tuples(st.just("claim"), st.integers(0, 5)),
    ), max_size=25)


@pytest.mark.parametrize("evm", sorted(EVMS))
@settings(max_examples=20)
@given(steps=STEPS)
def test_nothing_is_made_or_lost_in_any_order_of_steps(evm, steps):
    """Beside the contract stands a model of a few lines: it says which steps succeed, and who has what."""
    need("EnclaveRegistry", "EnclaveSettlement")
    court = kept("court", evm, Court)
    enclave = court.registered()
    registered_until = court.chain.timestamp + 24 * HOUR
    total = {p: court.has(p) for p in court.people}
    owed = {p: 0 for p in court.people}
    cases, refuses, nonce = [], False, 0
    for step in steps:
        name, *given_ = step
        now = court.chain.timestamp
        if name == "open":
            case = court.opened(inputs=given_[0], least=1)
            cases.append({"id": case, "closes": now + HOUR, "expires": now + 5 * HOUR, "max": given_[0], "in": [], "state": 1})
            continue
        if name == "time":
            court.chain.pass_time(given_[0])
            continue
        if name == "token":
            refuses = given_[0] == 3
            court.token.behave(given_[0])
            continue
        if name == "claim":
            person = court.people[given_[0]]
            may = owed[person] > 0 and not refuses
            try:
                court.settlement.claim(court.token.address, person, sender=person)
                assert may
                total[person] += owed[person]
                owed[person] = 0
            except Reverted:
                assert not may
            continue
        if given_[0] >= len(cases):
            continue
        case = cases[given_[0]]

        def pay(person, amount):
            if refuses:
                owed[person] += amount
            else:
                total[person] += amount

        if name == "submit":
            _, person, amount = given_
            person, nonce = court.people[person], nonce + 1
            may = (case["state"] == 1 and now < case["closes"] and len(case["in"]) < case["max"] and amount >= 1 and not refuses)
            commitment = S(b"%d" % nonce)
            try:
                court.settlement.submit(case["id"], commitment, nonce, amount, sender=person)
                assert may
                case["in"].append({"who": person, "amount": amount, "commitment": commitment, "back": False})
                total[person] -= amount
            except Reverted:
                assert not may
        elif name == "settle":
            _, winners, short_by = given_
            escrow = sum(i["amount"] for i in case["in"])
            shares = [escrow // len(winners)] * len(winners)
            shares[0] += escrow - sum(shares) - short_by
            payouts = [(court.people[w], s) for w, s in zip(winners, shares) if s > 0]
            may = (case["state"] == 1 and case["closes"] <= now < case["expires"] and now < registered_until
                   and sum(s for _, s in payouts) == escrow)
            made = court.decision(case["id"], [i["commitment"] for i in case["in"]], payouts, enclave)
            try:
                court.settle(made)
                assert may
                case["state"] = 2
                for person, amount in payouts:
                    pay(person, amount)
            except Reverted:
                assert not may
        elif name == "reclaim":
            positions = [p for p in given_[1] if p < len(case["in"])]
            may = case["state"] == 3 or (case["state"] == 1 and now >= case["expires"])
            try:
                court.settlement.reclaim(case["id"], positions, sender=court.people[0])
                assert may
                case["state"] = 3
                for position in positions:
                    entry = case["in"][position]
                    if not entry["back"]:
                        entry["back"] = True
                        pay(entry["who"], entry["amount"])
            except Reverted:
                assert not may
    held = 0
    for case in cases:
        waits = sum(i["amount"] for i in case["in"] if not i["back"]) if case["state"] != 2 else 0
        assert court.settlement.read.escrows(case["id"]) == waits
        assert court.settlement.read.states(case["id"]) == case["state"]
        held += waits
    for person in court.people:
        assert court.has(person) == total[person]
        assert court.settlement.read.owed(court.token.address, person) == owed[person]
    assert court.has(court.settlement.address) == held + sum(owed.values())
