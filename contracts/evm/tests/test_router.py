"""The router, with a client that believes everything: what is stored, what is announced, what is refused and why."""
import pytest
from eth_abi import decode, encode

from harness.chain import Reverted, reverts
from harness.contracts import Contract, hexa
from harness.mocks import mock
from harness.world import (
    ACK_PAYLOADS, HEIGHT, REMOTE, packet_receipts)
from oracle import ibc
from oracle.hashes import K, u
from oracle.ibc import PACKET_ABI, Packet, Payload, ack_commitment, path
from oracle.trie import storage_at

ABSENT = bytes(32)


@pytest.fixture
def lane(world):
    """A router with one client and one application that is named `counter`."""
    world.client, world.light = world.any_client()
    world.counter = world.app("counter")
    return world


def incoming(lane, sequence=1, value=b"value", port=None, timeout=None, payloads=None, **changes) -> Packet:
    """A packet that the counterparty has sent here."""
    payloads = payloads or (Payload("there", port or lane.counter.port, "v1", "raw", value),)
    packet = Packet(sequence, REMOTE, lane.client, timeout or lane.now(600), tuple(payloads))
    return packet.with_(**changes)


# Selectors, topics and slots: those of Eureka.

SELECTORS = {
    "sendPacket((string,uint64,(string,string,string,string,bytes)))": "4d6e7ce3",
    "recvPacket(((uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes,(uint64,uint64)))": "5ebd10ca",
    "ackPacket(((uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes,bytes,(uint64,uint64)))": "1bca011a",
    "timeoutPacket(((uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes,(uint64,uint64)))": "b98c330a",
    "updateClient(string,bytes)": "6fbf8079",
    "addClient((string,bytes[]),address)": "e3cb36a0",
    "addClient(string,(string,bytes[]),address)": "1ec43e23",
    "migrateClient(string,(string,bytes[]),address)": "cce0b265",
    "addIBCApp(address)": "4b720d5b",
    "addIBCApp(string,address)": "5f516889",
    "submitMisbehaviour(string,bytes)": "9e2e5c83",
    "multicall(bytes[])": "ac9650d8",
    "getCommitment(bytes32)": "7795820c",
    "getClient(string)": "7eb78932",
    "getCounterparty(string)": "b0777bfa",
    "getIBCApp(string)": "2447af29",
    "getNextClientSeq()": "27f146f3",
}


@pytest.mark.parametrize("signature", SELECTORS)
def test_functions_have_the_selectors_of_eureka(world, signature):
    assert K(signature.encode())[:4].hex() == SELECTORS[signature]
    assert signature in world.router.artifact.functions


TOPICS = {
    "SendPacket": "ab3a4458a269be61dfa43faa33aa7b1f5d570716f83ad078bc2ba5dab039abae",
    "WriteAcknowledgement": "76765590e2b799b0506100f8a6610cfecab2c71e8e1f8aa981b099aff0dfdb74",
    "AckPacket": "f9bab74bcdb634f4d3dd064cc42a13df056598e1c0336905d2f5750fbfb08b7b",
    "TimeoutPacket": "01e5ed58494819ef3f6480dd08e433b7c08ed75c7abdf2c22c6f04b71340a168",
    "Noop": "d08bf58b0e4eec5bfc697a4fdbb6839057fbf4dd06f1b1ce07445c0e5a654caf",
    "IBCAppRecvPacketCallbackError": "b9edb487876e8be10f54e377c1a815a54ad92a6db1c9561dfe8fad2f0d1da84f",
    "ICS02ClientAdded": "0ecded31ecd211a73abf0fb3bc09150bbe321a05550fbe29ea0f16b6e25fbfa8",
    "ICS02ClientUpdated": "87bbef2779889a19f0435ddca81fda94132c06ffddb0ea73def256307a293aef",
    "ICS02ClientMigrated": "23c2e29d6ae84e79fa116b8afd6e28ddc1de7f473d3edb407fbd08093c3ed6bf",
    "ICS02MisbehaviourSubmitted": "a263f0a976b2937a51fd2e416491cf0ca724d5499fa870715929dfde4ee4a430",
    "IBCAppAdded": "a6ec8e860960e638347460dc632fbe0175c51a5ca130e336138bbe26ff304499",
}


def logged(receipt, lane, name):
    """The logs of the router under a topic that Eureka's has."""
    topic = bytes.fromhex(TOPICS[name])
    return [log for log in receipt.logs if log.address == lane.router.address and log.topics[0] == topic]


# Sending.

def test_a_sent_packet_is_committed_and_announced(lane):
    packet = lane.send(lane.counter, lane.client)
    receipt = packet_receipts[packet]
    assert packet.sequence == 1
    assert lane.held(packet.commitment_path()) == packet.commitment()
    slot = int.from_bytes(ibc.slot(packet.commitment_path()), "big")
    assert u(32, lane.chain.storage(lane.router.address, slot)) == packet.commitment()
    (log,) = logged(receipt, lane, "SendPacket")
    assert log.topics[1:] == (K(lane.client.encode()), u(32, 1))
    assert log.data == encode([PACKET_ABI], [packet.tuple()])


def test_sequences_count_each_client_by_itself(lane):
    other, _ = lane.any_client("client-9")
    assert [lane.send(lane.counter, lane.client).sequence for _ in range(3)] == [1, 2, 3]
    assert [lane.send(lane.counter, other).sequence for _ in range(2)] == [1, 2]
    assert lane.router.read.getNextSequenceSend(lane.client) == 4


def test_sending_is_refused(lane):
    with reverts("IBCCounterpartyClientNotFound(string)", "client-44"):
        payload = Payload(lane.counter.port, "x", "v", "e", b"").tuple()
        lane.counter.execute(lane.router.address, lane.router.encode(
            "sendPacket", ("client-44", lane.now(600), payload)))
    for late in (lane.now(0), lane.now(-1), 0):
        with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", late, lane.now()):
            lane.send(lane.counter, lane.client, timeout=late)
    with reverts("IBCInvalidTimeoutDuration(uint256,uint256)", 86_400, 86_401):
        lane.send(lane.counter, lane.client, timeout=lane.now(86_401))
    with reverts("IBCInvalidTimeoutDuration(uint256,uint256)", 86_400, 10**18):
        lane.send(lane.counter, lane.client, timeout=lane.now(10**18))
    lane.send(lane.counter, lane.client, timeout=lane.now(86_400))
    lane.send(lane.counter, lane.client, timeout=lane.now(1))
    with reverts("IBCUnauthorizedSender(address)", hexa(lane.user)):
        payload = Payload("counter", "x", "v", "e", b"").tuple()
        lane.router.sendPacket((lane.client, lane.now(600), payload), sender=lane.user)
    with reverts("IBCAppNotFound(string)", "nobody"):
        payload = Payload("nobody", "x", "v", "e", b"").tuple()
        lane.router.sendPacket((lane.client, lane.now(600), payload), sender=lane.user)
    assert lane.router.read.getNextSequenceSend(lane.client) == 3


def test_values_up_to_the_limit_are_sent(lane):
    limit = lane.router.read.MAX_VALUE()
    packet = lane.send(lane.counter, lane.client, value=bytes(range(256)) * (limit // 256))
    assert lane.held(packet.commitment_path()) == packet.commitment()
    with pytest.raises(Reverted):
        lane.send(lane.counter, lane.client, value=bytes(limit + 1))


def test_several_payloads_are_sent_as_one_packet(lane):
    second = lane.app("second-app")
    payloads = [Payload("counter", "a", "v1", "raw", b"one"), Payload("second-app", "b", "v2", "json", b"two")] * 2
    receipt = lane.router.sendPayloads(
        (lane.client, lane.now(600), [p.tuple() for p in payloads]), sender=lane.relayer)
    packet = Packet(receipt.value, lane.client, REMOTE, lane.now(600), tuple(payloads))
    assert lane.held(packet.commitment_path()) == packet.commitment()
    assert lane.counter.read.called(3) == 2 and second.read.called(3) == 2
    assert second.read.relayer() == lane.relayer and second.read.content() == b"two"
    assert second.read.caller() == lane.router.address
    (log,) = logged(receipt, lane, "SendPacket")
    assert log.data == packet.encoded()


def test_an_application_can_refuse_what_is_sent_through_it(lane):
    lane.counter.behave(3, 1, b"not me")
    with pytest.raises(Reverted) as error:
        lane.router.sendPayloads(
            (lane.client, lane.now(600), [Payload("counter", "a", "v", "e", b"").tuple()]), sender=lane.user)
    assert error.value.data == b"not me"
    assert lane.router.read.getNextSequenceSend(lane.client) == 1
    with reverts("IBCAppNotFound(string)", "nobody"):
        lane.router.sendPayloads(
            (lane.client, lane.now(600), [Payload("nobody", "a", "v", "e", b"").tuple()]), sender=lane.user)


@pytest.mark.parametrize("count", [0, 5, 17])
def test_packets_of_none_or_too_many_payloads_are_not_sent(lane, count):
    payloads = [Payload("counter", "a", "v", "e", b"").tuple()] * count
    with pytest.raises(Reverted):
        lane.router.sendPayloads((lane.client, lane.now(600), payloads), sender=lane.user)
    assert lane.router.read.getNextSequenceSend(lane.client) == 1


def test_nothing_is_sent_that_is_too_late_where_it_goes(lane):
    lane.light.prove(lane.now(60))
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", lane.now(60), lane.now(60)):
        lane.send(lane.counter, lane.client, timeout=lane.now(60))
    lane.send(lane.counter, lane.client, timeout=lane.now(61))


def test_a_client_that_is_not_active_sends_nothing(lane):
    lane.light.misbehaviour(b"")
    with reverts("ClientNotActive(string,uint8)", lane.client, 2):
        lane.send(lane.counter, lane.client)


# Receiving.

def test_a_received_packet_executes_once(lane):
    packet = incoming(lane)
    lane.counter.behave(0, 0, b"done")
    receipt = lane.recv(packet, b"proof", (3, 9))
    assert lane.held(packet.receipt_path()) == packet.receipt()
    assert lane.held(packet.ack_path()) == ack_commitment([b"done"])
    assert lane.counter.read.called(0) == 1 and lane.counter.read.content() == b"value"
    assert lane.counter.read.caller() == lane.router.address and lane.counter.read.relayer() == lane.relayer
    assert lane.counter.read.sequence() == 1
    assert (lane.counter.read.sourceClient(), lane.counter.read.destinationClient()) == (REMOTE, lane.client)
    (log,) = logged(receipt, lane, "WriteAcknowledgement")
    assert log.topics[1:] == (K(lane.client.encode()), u(32, 1))
    assert log.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), [b"done"]])
    # What the client was asked to prove.
    assert lane.light.read.proof() == b"proof" and tuple(lane.light.read.height()) == (3, 9)
    assert list(lane.light.read.path()) == [packet.commitment_path()]
    assert lane.light.read.content() == packet.commitment() and not lane.light.read.absence()


def test_receiving_again_is_a_no_op_whatever_the_proof_is(lane):
    packet = incoming(lane)
    lane.recv(packet)
    asked = lane.light.read.asked()
    lane.light.set(0, True, 0)
    receipt = lane.recv(packet, b"nonsense")
    assert len(logged(receipt, lane, "Noop")) == 1 and len(receipt.logs) == 1
    assert lane.light.read.asked() == asked and lane.counter.read.called(0) == 1


def test_another_packet_under_a_received_sequence_does_not_execute(lane):
    lane.recv(incoming(lane))
    altered = incoming(lane, value=b"other")
    try:
        receipt = lane.recv(altered)
        assert len(logged(receipt, lane, "Noop")) == 1
    except Reverted as error:
        assert error.data[:4] == K(b"IBCPacketReceiptMismatch(bytes32,bytes32)")[:4]
    assert lane.counter.read.called(0) == 1
    assert lane.held(altered.receipt_path()) == incoming(lane).receipt()


def test_receiving_is_refused(lane):
    with reverts("IBCInvalidCounterparty(string,string)", REMOTE, "client-8"):
        lane.recv(incoming(lane, source="client-8"))
    with reverts("IBCCounterpartyClientNotFound(string)", "client-55"):
        lane.recv(incoming(lane, dest="client-55"))
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", lane.now(), lane.now()):
        lane.recv(incoming(lane, timeout=lane.now()))
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", lane.now(-5), lane.now()):
        lane.recv(incoming(lane, timeout=lane.now(-5)))
    with reverts("IBCAppNotFound(string)", "nobody"):
        lane.recv(incoming(lane, port="nobody"))
    lane.light.set(lane.now(), True, 0)
    with reverts("NotMember()"):
        lane.recv(incoming(lane))
    assert lane.held(incoming(lane).receipt_path()) == ABSENT
    assert lane.held(incoming(lane).ack_path()) == ABSENT


@pytest.mark.parametrize("count", [0, 5])
def test_packets_of_none_or_too_many_payloads_are_not_received(lane, count):
    payloads = (Payload("there", "counter", "v", "e", b"x"),) * count
    packet = Packet(1, REMOTE, lane.client, lane.now(60), payloads)
    for receive in (lane.recv, lane.recv_several):
        with pytest.raises(Reverted):
            receive(packet)
    assert lane.held(packet.receipt_path()) == ABSENT


def test_a_deadline_is_the_last_second_that_is_too_late(lane):
    packet = incoming(lane, timeout=lane.now(10))
    lane.chain.pass_time(9)
    kept = lane.chain.snapshot()
    lane.recv(packet)
    lane.chain.restore(kept)
    lane.chain.pass_time(1)
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", packet.timeout, packet.timeout):
        lane.recv(packet)


def test_execution_that_fails_is_answered_with_the_universal_error(lane):
    lane.counter.behave(0, 1, b"no such counter")
    packet = incoming(lane)
    receipt = lane.recv(packet)
    assert lane.held(packet.receipt_path()) == packet.receipt()
    assert lane.held(packet.ack_path()) == ack_commitment([ibc.UNIVERSAL_ERROR])
    assert lane.counter.read.called(0) == 0
    (log,) = logged(receipt, lane, "IBCAppRecvPacketCallbackError")
    assert decode(["bytes"], log.data)[0] == b"no such counter"
    names = [log.topics[0].hex() for log in receipt.logs]
    assert names == [TOPICS["IBCAppRecvPacketCallbackError"], TOPICS["WriteAcknowledgement"]]
    lane.counter.behave(0, 0, b"fine")
    assert len(logged(lane.recv(packet), lane, "Noop")) == 1
    assert lane.counter.read.called(0) == 0


def test_an_application_that_fails_without_a_word_leaves_the_packet_open(lane):
    lane.counter.behave(0, 2, b"")
    packet = incoming(lane)
    with reverts("IBCFailedCallback()"):
        lane.recv(packet)
    assert lane.held(packet.receipt_path()) == ABSENT
    lane.counter.behave(0, 0, b"fine")
    lane.recv(packet)
    assert lane.held(packet.ack_path()) == ack_commitment([b"fine"])


def test_an_application_can_ask_for_a_later_try(lane):
    not_now = K(b"NotNow(bytes)")[:4] + encode(["bytes"], [b"over the cap"])
    lane.counter.behave(0, 1, not_now)
    packet = incoming(lane)
    for receive in (lane.recv, lane.recv_several):
        with reverts("NotNow(bytes)", b"over the cap"):
            receive(packet)
    lane.counter.behave(0, 0, b"now")
    lane.recv(packet)
    assert lane.held(packet.ack_path()) == ack_commitment([b"now"])


def test_an_application_cannot_answer_nothing_or_the_universal_error(lane):
    packet = incoming(lane)
    lane.counter.behave(0, 0, b"")
    with reverts("IBCAsyncAcknowledgementNotSupported()"):
        lane.recv(packet)
    lane.counter.behave(0, 0, ibc.UNIVERSAL_ERROR)
    with reverts("IBCErrorUniversalAcknowledgement()"):
        lane.recv(packet)
    lane.counter.behave(0, 0, bytes(lane.router.read.MAX_ACK() + 1))
    with pytest.raises(Reverted):
        lane.recv(packet)
    assert lane.held(packet.receipt_path()) == ABSENT


def test_the_longest_acknowledgement_is_taken(lane):
    answer = bytes(range(256)) * (lane.router.read.MAX_ACK() // 256)
    lane.counter.behave(0, 0, answer)
    packet = incoming(lane)
    lane.recv(packet)
    assert lane.held(packet.ack_path()) == ack_commitment([answer])


def test_several_payloads_execute_in_order_and_are_answered_one_by_one(lane):
    second = lane.app("second-app")
    lane.counter.behave(0, 0, b"one")
    second.behave(0, 0, b"two")
    payloads = (Payload("x", "counter", "v", "e", b"a"), Payload("x", "second-app", "v", "e", b"b"),
                Payload("x", "counter", "v", "e", b"c"))
    packet = incoming(lane, payloads=payloads)
    receipt = lane.recv_several(packet)
    assert lane.held(packet.receipt_path()) == packet.receipt()
    assert lane.held(packet.ack_path()) == ack_commitment([b"one", b"two", b"one"])
    assert lane.counter.read.called(0) == 2 and second.read.called(0) == 1
    (log,) = logged(receipt, lane, "WriteAcknowledgement")
    assert decode([PACKET_ABI, "bytes[]"], log.data)[1] == (b"one", b"two", b"one")


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_of_several_payloads_all_execute_or_none(lane, failing):
    apps = [lane.app(f"member-{n}") for n in range(4)]
    apps[failing].behave(0, 1, b"not I")
    packet = incoming(lane, payloads=tuple(Payload("x", f"member-{n}", "v", "e", b"a") for n in range(4)))
    receipt = lane.recv_several(packet)
    assert lane.held(packet.ack_path()) == ack_commitment([ibc.UNIVERSAL_ERROR])
    assert [app.read.called(0) for app in apps] == [0, 0, 0, 0]
    (log,) = logged(receipt, lane, "WriteAcknowledgement")
    assert decode([PACKET_ABI, "bytes[]"], log.data)[1] == (ibc.UNIVERSAL_ERROR,)


def test_of_several_payloads_one_without_an_application_refuses_all(lane):
    packet = incoming(lane, payloads=(Payload("x", "counter", "v", "e", b"a"), Payload("x", "nobody", "v", "e", b"a")))
    with reverts("IBCAppNotFound(string)", "nobody"):
        lane.recv_several(packet)
    assert lane.counter.read.called(0) == 0 and lane.held(packet.receipt_path()) == ABSENT


def test_reasons_of_any_length_are_announced_and_cost_no_more_than_their_start(lane):
    lane.counter.behave(0, 1, b"r" * 20_000)
    receipt = lane.recv(incoming(lane))
    (log,) = logged(receipt, lane, "IBCAppRecvPacketCallbackError")
    reason = decode(["bytes"], log.data)[0]
    assert reason == b"r" * len(reason) and 256 <= len(reason) <= 2_112


# Acknowledging.

def test_an_acknowledgement_ends_a_packet(lane):
    packet = lane.send(lane.counter, lane.client)
    receipt = lane.ack(packet, b"done", b"proof", (0, 12))
    assert lane.held(packet.commitment_path()) == ABSENT
    assert lane.counter.read.called(1) == 1 and lane.counter.read.acknowledgement() == b"done"
    assert lane.counter.read.caller() == lane.router.address and lane.counter.read.relayer() == lane.relayer
    (log,) = logged(receipt, lane, "AckPacket")
    assert log.topics[1:] == (K(lane.client.encode()), u(32, 1))
    assert log.data == encode([PACKET_ABI, "bytes"], [packet.tuple(), b"done"])
    assert list(lane.light.read.path()) == [packet.ack_path()]
    assert lane.light.read.content() == ack_commitment([b"done"]) and tuple(lane.light.read.height()) == (0, 12)


@pytest.mark.parametrize("end", ["ack", "timeout"])
def test_what_has_ended_ends_only_once(lane, end):
    packet = lane.send(lane.counter, lane.client)
    if end == "ack":
        lane.ack(packet, b"done")
    else:
        lane.light.set(packet.timeout, False, 0)
        lane.time_out(packet)
    lane.light.set(packet.timeout, True, 0)
    for receipt in (lane.ack(packet, b"done"), lane.ack(packet, b"other"), lane.time_out(packet)):
        assert len(logged(receipt, lane, "Noop")) == 1 and len(receipt.logs) == 1
    assert lane.counter.read.called(1) + lane.counter.read.called(2) == 1


def test_what_was_never_sent_cannot_end(lane):
    packet = Packet(9, lane.client, REMOTE, lane.now(600), (Payload("counter", "x", "v", "e", b""),))
    for receipt in (lane.ack(packet, b"done"), lane.time_out(packet)):
        assert len(logged(receipt, lane, "Noop")) == 1
    assert lane.counter.read.called(1) == 0 and lane.counter.read.called(2) == 0


def test_an_altered_packet_is_neither_acknowledged_nor_timed_out(lane):
    packet = lane.send(lane.counter, lane.client)
    lane.light.set(packet.timeout, False, 0)
    payload = packet.payloads[0]
    altered = [
        packet.with_(timeout=packet.timeout + 1),
        packet.with_(payloads=(Payload(payload.source_port, "elsewhere", "v1", "raw", payload.value),)),
        packet.with_(payloads=(Payload(payload.source_port, payload.dest_port, "v1", "raw", b"other"),)),
    ]
    for other in altered:
        expected = (packet.commitment(), other.commitment())
        with reverts("IBCPacketCommitmentMismatch(bytes32,bytes32)", *expected):
            lane.ack(other, b"done")
        with reverts("IBCPacketCommitmentMismatch(bytes32,bytes32)", *expected):
            lane.time_out(other)
    assert lane.held(packet.commitment_path()) == packet.commitment()


def test_acknowledging_is_refused(lane):
    packet = lane.send(lane.counter, lane.client)
    with reverts("IBCInvalidCounterparty(string,string)", REMOTE, "client-8"):
        lane.ack(packet.with_(dest="client-8"), b"done")
    with reverts("IBCCounterpartyClientNotFound(string)", "client-55"):
        lane.ack(packet.with_(source="client-55"), b"done")
    lane.light.set(lane.now(), True, 0)
    with reverts("NotMember()"):
        lane.ack(packet, b"done")
    lane.light.set(lane.now(), False, 0)
    lane.counter.behave(1, 1, b"broken")
    with pytest.raises(Reverted) as error:
        lane.ack(packet, b"done")
    assert error.value.data == b"broken"
    assert lane.held(packet.commitment_path()) == packet.commitment()


def two_payloads(lane):
    """A packet of two payloads that was sent, and its two applications."""
    second = lane.app("second-app")
    payloads = [Payload("counter", "a", "v1", "raw", b"one"), Payload("second-app", "b", "v2", "json", b"two")]
    sequence = lane.router.sendPayloads(
        (lane.client, lane.now(600), [p.tuple() for p in payloads]), sender=lane.user).value
    return Packet(sequence, lane.client, REMOTE, lane.now(600), tuple(payloads)), (lane.counter, second)


@pytest.mark.parametrize("acks", [[b"first", b"second"], [ibc.UNIVERSAL_ERROR]])
def test_each_payload_gets_its_own_acknowledgement_or_all_the_universal_error(lane, acks):
    packet, apps = two_payloads(lane)
    receipt = lane.ack_several(packet, acks)
    assert lane.light.read.content() == ack_commitment(acks)
    for app, ack in zip(apps, acks * (3 - len(acks))):
        assert app.read.called(1) == 1 and app.read.acknowledgement() == ack
    if len(acks) == 1:
        (log,) = logged(receipt, lane, "AckPacket")
        assert log.data == encode([PACKET_ABI, "bytes"], [packet.tuple(), acks[0]])
    else:
        (log,) = receipt.named(ACK_PAYLOADS, lane.router.address)
        assert log.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), acks])
    assert lane.held(packet.commitment_path()) == ABSENT
    assert len(logged(lane.ack_several(packet, acks), lane, "Noop")) == 1


@pytest.mark.parametrize("acks", [[], [b"one"], [b"one", b"two", b"three"], [ibc.UNIVERSAL_ERROR, b"two"],
                                  [b"one", ibc.UNIVERSAL_ERROR], [ibc.UNIVERSAL_ERROR] * 2, [b"one", b""]])
def test_lists_of_acknowledgements_that_no_receiver_wrote_are_refused(lane, acks):
    packet, apps = two_payloads(lane)
    with pytest.raises(Reverted):
        lane.ack_several(packet, acks)
    assert lane.held(packet.commitment_path()) == packet.commitment()


def test_a_packet_of_several_payloads_times_out_as_a_whole(lane):
    packet, apps = two_payloads(lane)
    lane.light.set(packet.timeout, False, 0)
    receipt = lane.time_out(packet)
    assert [app.read.called(2) for app in apps] == [1, 1]
    assert len(logged(receipt, lane, "TimeoutPacket")) == 1 and lane.held(packet.commitment_path()) == ABSENT


def test_packets_of_several_payloads_do_not_pass_as_packets_of_one(lane):
    packet, _ = two_payloads(lane)
    lane.light.set(packet.timeout, False, 0)
    with pytest.raises(Reverted):
        lane.ack(packet, b"done")
    with pytest.raises(Reverted):
        lane.recv(incoming(lane, payloads=packet.payloads[:1] * 2))


# Timing out.

def test_a_timeout_ends_a_packet_once_it_is_proven_that_it_never_arrived_in_time(lane):
    packet = lane.send(lane.counter, lane.client)
    lane.light.set(packet.timeout - 1, False, 0)
    with reverts("IBCInvalidTimeoutTimestamp(uint256,uint256)", packet.timeout, packet.timeout - 1):
        lane.time_out(packet)
    lane.light.set(packet.timeout, False, 0)
    receipt = lane.time_out(packet, b"absent", (0, 77))
    assert lane.held(packet.commitment_path()) == ABSENT
    assert lane.counter.read.called(2) == 1 and lane.counter.read.caller() == lane.router.address
    (log,) = logged(receipt, lane, "TimeoutPacket")
    assert log.topics[1:] == (K(lane.client.encode()), u(32, 1)) and log.data == packet.encoded()
    assert lane.light.read.absence() and list(lane.light.read.path()) == [packet.receipt_path()]
    assert tuple(lane.light.read.height()) == (0, 77)


def test_timing_out_is_refused(lane):
    packet = lane.send(lane.counter, lane.client)
    lane.light.set(packet.timeout, True, 0)
    with reverts("NotMember()"):
        lane.time_out(packet)
    lane.light.set(packet.timeout, False, 0)
    with reverts("IBCInvalidCounterparty(string,string)", REMOTE, "client-8"):
        lane.time_out(packet.with_(dest="client-8"))
    lane.counter.behave(2, 1, b"broken")
    with pytest.raises(Reverted) as error:
        lane.time_out(packet)
    assert error.value.data == b"broken"
    assert lane.held(packet.commitment_path()) == packet.commitment()


# Clients and applications.

def test_clients_are_numbered_and_named(world):
    assert world.router.read.getNextClientSeq() == 0
    ids = [world.any_client(f"client-{n + 4}")[0] for n in range(3)]
    assert ids == ["client-0", "client-1", "client-2"]
    client = Contract.deploy(world.chain, mock("AnyClient"), 1, sender=world.user)
    receipt = world.router["addClient(string,(string,bytes[]),address)"](
        "my-lane", ("client-4", [b""]), client.address, sender=world.owner)
    assert world.router.read.getClient("my-lane") == client.address
    (log,) = logged(receipt, world, "ICS02ClientAdded")
    assert log.data == encode(["string", "(string,bytes[])", "address"], ["my-lane", ("client-4", [b""]), client.address])
    assert world.router.read.getCounterparty("my-lane") == ("client-4", (b"",))
    assert world.router.read.getNextClientSeq() == 3


def test_adding_clients_is_refused(world):
    client = Contract.deploy(world.chain, mock("AnyClient"), 1, sender=world.user)
    add = world.router["addClient(string,(string,bytes[]),address)"]
    add("my-lane", (REMOTE, [b""]), client.address, sender=world.owner)
    with reverts("IBCClientAlreadyExists(string)", "my-lane"):
        add("my-lane", (REMOTE, [b""]), client.address, sender=world.owner)
    for name in ("client-77", "abc", "x" * 65, "", "my lane", "my/lane", "client-0"):
        with pytest.raises(Reverted, match=".*"):
            add(name, (REMOTE, [b""]), client.address, sender=world.owner)
    with reverts("IBCInvalidClientId(string)", "client-77"):
        add("client-77", (REMOTE, [b""]), client.address, sender=world.owner)
    for stranger in (world.user, world.guardian):
        with reverts("Unauthorized(address)", hexa(stranger)):
            add("other-lane", (REMOTE, [b""]), client.address, sender=stranger)
    with reverts("IBCClientNotFound(string)", "client-3"):
        world.router.read.getClient("client-3")
    with pytest.raises(Reverted):
        world.router.read.getCounterparty("client-3")


def test_a_client_can_only_be_migrated_by_the_owner(lane):
    other = Contract.deploy(lane.chain, mock("AnyClient"), 1, sender=lane.user)
    migrate = lane.router["migrateClient(string,(string,bytes[]),address)"]
    for stranger in (lane.user, lane.guardian, lane.relayer):
        with reverts("Unauthorized(address)", hexa(stranger)):
            migrate(lane.client, ("client-8", [b""]), other.address, sender=stranger)
    with reverts("IBCClientNotFound(string)", "client-9"):
        migrate("client-9", ("client-8", [b""]), other.address, sender=lane.owner)
    receipt = migrate(lane.client, ("client-8", [b"wasm"]), other.address, sender=lane.owner)
    (log,) = logged(receipt, lane, "ICS02ClientMigrated")
    assert log.data == encode(
        ["string", "(string,bytes[])", "address"], [lane.client, ("client-8", [b"wasm"]), other.address])
    assert lane.router.read.getClient(lane.client) == other.address
    with reverts("IBCInvalidCounterparty(string,string)", "client-8", REMOTE):
        lane.recv(incoming(lane))
    lane.recv(incoming(lane, source="client-8"))
    assert list(other.read.path()) == [b"wasm" + path("client-8", 1, 1)]


@pytest.mark.parametrize("verdict", [0, 1, 2])
def test_updates_go_to_the_client_and_its_verdict_is_announced(lane, verdict):
    lane.light.set(5, False, verdict)
    receipt = lane.router.updateClient(lane.client, b"news", sender=lane.relayer)
    assert receipt.value == verdict and lane.light.read.message() == b"news"
    logs = logged(receipt, lane, "ICS02ClientUpdated")
    assert [log.data for log in logs] == [encode(["string", "uint8"], [lane.client, verdict])]


def test_updates_are_refused(lane):
    with reverts("IBCClientNotFound(string)", "client-9"):
        lane.router.updateClient("client-9", b"news")
    lane.light.set(5, True, 0)
    with reverts("NotMember()"):
        lane.router.updateClient(lane.client, b"news")


def test_misbehaviour_goes_to_the_client(lane):
    receipt = lane.router.submitMisbehaviour(lane.client, b"two faces", sender=lane.relayer)
    assert lane.light.read.message() == b"two faces" and lane.light.read.frozen()
    (log,) = logged(receipt, lane, "ICS02MisbehaviourSubmitted")
    assert log.data == encode(["string"], [lane.client])
    with reverts("IBCClientNotFound(string)", "client-9"):
        lane.router.submitMisbehaviour("client-9", b"two faces")


def test_an_application_is_registered_under_its_address_by_anyone(world):
    app = Contract.deploy(world.chain, mock("App"), sender=world.user)
    receipt = world.router["addIBCApp(address)"](app.address, sender=world.relayer)
    assert world.router.read.getIBCApp(hexa(app.address)) == app.address
    (log,) = logged(receipt, world, "IBCAppAdded")
    assert log.data == encode(["string", "address"], [hexa(app.address), app.address])
    with reverts("IBCPortAlreadyExists(string)", hexa(app.address)):
        world.router["addIBCApp(address)"](app.address, sender=world.relayer)


def test_names_of_applications_are_the_owners(world):
    app = Contract.deploy(world.chain, mock("App"), sender=world.user)
    add = world.router["addIBCApp(string,address)"]
    for stranger in (world.user, world.guardian):
        with reverts("Unauthorized(address)", hexa(stranger)):
            add("mine", app.address, sender=stranger)
    add("mine", app.address, sender=world.owner)
    with reverts("IBCPortAlreadyExists(string)", "mine"):
        add("mine", app.address, sender=world.owner)
    other = hexa(b"\x58" * 20)
    with reverts("IBCInvalidPortIdentifier(string)", other):
        add(other, app.address, sender=world.owner)
    with reverts("IBCInvalidPortIdentifier(string)", "a"):
        add("a", app.address, sender=world.owner)
    with reverts("IBCAppNotFound(string)", "nobody"):
        world.router.read.getIBCApp("nobody")


# Pausing and ownership.

def test_a_paused_client_lets_nothing_through_in_either_direction(lane):
    sent = lane.send(lane.counter, lane.client)
    other, _ = lane.any_client("client-9")
    with reverts("Unauthorized(address)", hexa(lane.user)):
        lane.router.pauseClient(lane.client, sender=lane.user)
    lane.router.pauseClient(lane.client, sender=lane.guardian)
    assert lane.router.read.isPaused(lane.client) and not lane.router.read.isPaused(other)
    lane.light.set(sent.timeout, False, 0)
    for attempt in (
        lambda: lane.send(lane.counter, lane.client), lambda: lane.recv(incoming(lane)),
        lambda: lane.ack(sent, b"done"), lambda: lane.time_out(sent),
        lambda: lane.router.sendPayloads(
            (lane.client, lane.now(60), [Payload("counter", "a", "v", "e", b"").tuple()]), sender=lane.user),
    ):
        with reverts("ClientIsPaused(string)", lane.client):
            attempt()
    lane.send(lane.counter, other)
    for stranger in (lane.user, lane.guardian):
        with reverts("Unauthorized(address)", hexa(stranger)):
            lane.router.unpauseClient(lane.client, sender=stranger)
    lane.router.unpauseClient(lane.client, sender=lane.owner)
    lane.recv(incoming(lane))
    lane.ack(sent, b"done")
    assert lane.router.read.getClient(lane.client) == lane.light.address


def test_ownership_moves_in_two_steps(world):
    for stranger in (world.user, world.guardian):
        with reverts("Unauthorized(address)", hexa(stranger)):
            world.router.transferOwnership(stranger, sender=stranger)
        with reverts("Unauthorized(address)", hexa(stranger)):
            world.router.setGuardian(stranger, sender=stranger)
    world.router.transferOwnership(world.user, sender=world.owner)
    assert world.router.read.owner() == world.owner and world.router.read.pendingOwner() == world.user
    with reverts("Unauthorized(address)", hexa(world.relayer)):
        world.router.acceptOwnership(sender=world.relayer)
    world.router.acceptOwnership(sender=world.user)
    assert world.router.read.owner() == world.user
    with reverts("Unauthorized(address)", hexa(world.owner)):
        world.router.setGuardian(world.owner, sender=world.owner)
    world.router.setGuardian(world.relayer, sender=world.user)
    assert world.router.read.guardian() == world.relayer


# Several messages in one transaction.

def received(lane, *packets):
    return [lane.router.encode("recvPacket", (p.tuple(), b"", HEIGHT)) for p in packets]


def test_several_messages_in_one_transaction(lane):
    packets = [incoming(lane, n) for n in (1, 2, 3)]
    receipt = lane.router.multicall(received(lane, *packets), sender=lane.relayer)
    assert len(logged(receipt, lane, "WriteAcknowledgement")) == 3
    assert lane.counter.read.called(0) == 3 and lane.counter.read.relayer() == lane.relayer
    receipt = lane.router.relay(received(lane, incoming(lane, 4), incoming(lane, 1)), sender=lane.relayer)
    assert len(logged(receipt, lane, "WriteAcknowledgement")) == 1 and len(logged(receipt, lane, "Noop")) == 1


def test_one_failing_message_undoes_all_and_is_named(lane):
    calls = received(lane, incoming(lane, 1), incoming(lane, 2, port="nobody"), incoming(lane, 3))
    reason = K(b"IBCAppNotFound(string)")[:4] + encode(["string"], ["nobody"])
    with reverts("CallFailed(uint256,bytes)", 1, reason):
        lane.router.relay(calls, sender=lane.relayer)
    with reverts("IBCAppNotFound(string)", "nobody"):
        lane.router.multicall(calls, sender=lane.relayer)
    assert lane.counter.read.called(0) == 0 and lane.held(incoming(lane, 1).receipt_path()) == ABSENT


def test_messages_in_one_transaction_have_the_rights_of_its_sender_only(lane):
    call = lane.router.encode("transferOwnership", lane.user)
    with reverts("Unauthorized(address)", hexa(lane.user)):
        lane.router.multicall([call], sender=lane.user)
    with reverts("CallFailed(uint256,bytes)", 0, K(b"Unauthorized(address)")[:4] + encode(["address"], [lane.user])):
        lane.router.relay([call], sender=lane.user)
    payload = Payload("counter", "a", "v", "e", b"").tuple()
    with reverts("IBCUnauthorizedSender(address)", hexa(lane.user)):
        lane.router.multicall(
            [lane.router.encode("sendPacket", (lane.client, lane.now(60), payload))], sender=lane.user)


# Gas and re-entrancy.

def test_a_receive_that_is_starved_of_gas_never_writes_an_error(lane):
    """At every gas limit the receive reverts as a whole or executes; the gas of others cannot make it fail."""
    packet = incoming(lane, value=b"v" * 500)
    kept = lane.chain.snapshot()
    needed = lane.recv(packet, gas=5_000_000).gas_used
    lane.chain.restore(kept)
    done = 0
    for gas in lane.chain.some(range(60_000, needed + 60_000, max(500, (needed - 60_000) // 200))):
        try:
            lane.recv(packet, gas=gas)
        except Reverted:
            assert lane.held(packet.receipt_path()) == ABSENT
            continue
        done += 1
        assert lane.held(packet.ack_path()) == ack_commitment([b"\x01"]), gas
        assert lane.counter.read.called(0) == 1
        lane.chain.restore(kept)
    assert done > 0


def test_an_application_that_burns_all_its_gas_reverts_the_receive(lane):
    lane.counter.behave(0, 3, b"")
    packet = incoming(lane)
    for gas in (200_000, 400_000, 1_000_000):
        with pytest.raises(Reverted):
            lane.recv(packet, gas=gas)
        assert lane.held(packet.receipt_path()) == ABSENT


def test_an_application_whose_gas_others_burnt_reverts_the_receive(lane):
    """What it fails with may be the want of gas: with almost none left, no error is written."""
    burner = lane.app()
    burner.behave(0, 3, b"")
    lane.counter.hook(0, burner.address, burner.encode("onRecvPacket", (
        REMOTE, lane.client, 1, Payload("a", "b", "c", "d", b"").tuple(), lane.user)))
    lane.counter.behave(0, 1, b"my helper failed")
    packet = incoming(lane)
    for gas in (300_000, 1_000_000):
        with pytest.raises(Reverted):
            lane.recv(packet, gas=gas)
        assert lane.held(packet.receipt_path()) == ABSENT
    several = packet.with_(payloads=packet.payloads * 2)
    for gas in (300_000, 1_000_000):
        with pytest.raises(Reverted):
            lane.recv_several(several, gas=gas)
        assert lane.held(packet.receipt_path()) == ABSENT


def entries(lane, packet, sent):
    """Every state-changing entry point of the router that takes a packet or a client's message."""
    calls = {
        "recvPacket": lane.router.encode("recvPacket", (packet.tuple(), b"", HEIGHT)),
        "ackPacket": lane.router.encode("ackPacket", (sent.tuple(), b"done", b"", HEIGHT)),
        "timeoutPacket": lane.router.encode("timeoutPacket", (sent.tuple(), b"", HEIGHT)),
        "recvPayloads": lane.router.encode("recvPayloads", (packet.tuple(), b"", HEIGHT)),
    }
    calls["multicall"] = lane.router.encode("multicall", [calls["recvPacket"]])
    calls["relay"] = lane.router.encode("relay", [calls["recvPacket"]])
    return calls


@pytest.mark.parametrize("kind", ["recv", "ack", "timeout"])
@pytest.mark.parametrize("entry", ["recvPacket", "ackPacket", "timeoutPacket", "recvPayloads", "multicall", "relay"])
def test_an_application_cannot_come_back_in_while_it_is_called(lane, kind, entry):
    sent = [lane.send(lane.counter, lane.client) for _ in range(2)]
    packet = incoming(lane)
    lane.light.set(sent[0].timeout, False, 0)
    call = entries(lane, incoming(lane, 2), sent[1])[entry]
    lane.counter.hook(["recv", "ack", "timeout"].index(kind), lane.router.address, call)
    step = {"recv": lambda: lane.recv(packet), "ack": lambda: lane.ack(sent[0], b"x"),
            "timeout": lambda: lane.time_out(sent[0])}[kind]
    step()
    index = ["recv", "ack", "timeout"].index(kind)
    assert not lane.counter.read.hookOk(index)
    assert lane.counter.read.called(index) == 1
    assert lane.held(incoming(lane, 2).receipt_path()) == ABSENT
    assert lane.held(sent[1].commitment_path()) == sent[1].commitment()
    # The lock is gone with the transaction.
    lane.counter.hook(index, bytes(20), b"")
    lane.recv(incoming(lane, 3))


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_an_application_can_send_while_it_is_called(lane, kind):
    sent = lane.send(lane.counter, lane.client)
    payload = Payload("counter", "there", "v1", "raw", b"answer")
    lane.light.set(sent.timeout, False, 0)
    lane.counter.hook(kind, lane.router.address, lane.router.encode(
        "sendPacket", (lane.client, lane.now(600), payload.tuple())))
    [lambda: lane.recv(incoming(lane)), lambda: lane.ack(sent, b"x"), lambda: lane.time_out(sent)][kind]()
    assert lane.counter.read.hookOk(kind)
    packet = Packet(2, lane.client, REMOTE, lane.now(600), (payload,))
    assert lane.held(packet.commitment_path()) == packet.commitment()


@pytest.mark.parametrize("entry", ["recvPacket", "ackPacket", "timeoutPacket", "recvPayloads", "multicall", "relay"])
def test_a_client_cannot_come_back_in_while_it_verifies(lane, entry):
    sent = lane.send(lane.counter, lane.client)
    lane.light.set(sent.timeout, False, 0)
    lane.light.hook(lane.router.address, entries(lane, incoming(lane), sent)[entry])
    lane.recv(incoming(lane))
    assert not lane.light.read.hookOk()
    assert lane.counter.read.called(0) == 1


# Storage proofs.

def test_every_step_is_provable_from_the_state_root(provable):
    from conftest import need
    from harness.world import routed
    need("Router", "RouterExtension")
    lane = routed(provable)
    lane.client, lane.light = lane.any_client()
    lane.counter = lane.app("counter")

    def proven(raw_path):
        root, account, storage = provable.prove(lane.router.address, int.from_bytes(ibc.slot(raw_path), "big"))
        return u(32, storage_at(root, lane.router.address, ibc.slot(raw_path), account, storage))

    sent, packet = lane.send(lane.counter, lane.client), incoming(lane)
    assert proven(sent.commitment_path()) == sent.commitment()
    assert proven(packet.receipt_path()) == ABSENT
    lane.recv(packet)
    assert proven(packet.receipt_path()) == packet.receipt()
    assert proven(packet.ack_path()) == ack_commitment([b"\x01"])
    lane.ack(sent, b"done")
    assert proven(sent.commitment_path()) == ABSENT
