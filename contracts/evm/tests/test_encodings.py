"""What the router writes, byte for byte, whatever the texts and values are; and what it makes of odd answers."""
import pytest
from eth_abi import decode, encode
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.assembly import answering
from harness.chain import Reverted
from harness.contracts import Contract, hexa
from harness.mocks import mock
from harness.world import ACK_PAYLOADS, HEIGHT, packet_receipts, routed
from oracle import ibc
from oracle.hashes import K, u
from oracle.ibc import PACKET_ABI, Packet, Payload, ack_commitment

NAMES = ["a" * n for n in (4, 31, 32, 33, 63, 64)] + ["client-0", "client-16777213", "client-16777214", "client-007", "07-tendermint-12"]
LETTERS = "abcxyz0189.-_+#"


def lanes(chain):
    """Lanes under names of many lengths, to counterparties of many lengths and prefixes."""
    need("Router", "RouterExtension")
    world = routed(chain)
    world.counter = world.app("counter")
    world.lanes = []
    for number, remote in enumerate(NAMES):
        light = Contract.deploy(chain, mock("AnyClient"), 1, sender=world.user)
        prefix = [[b""], [b"ibc", b""], [b"wasm"]][number % 3]
        name = f"{'lane-' + 'n' * (number * 5 + 1)}"
        world.router["addClient(string,(string,bytes[]),address)"](
            name, (remote, prefix), light.address, sender=world.owner)
        world.lanes.append((name, remote, prefix, light))
    return world


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


texts = st.text(LETTERS, min_size=1, max_size=128)
payloads = st.builds(Payload, st.just("counter"), st.just("counter"), texts, texts, st.binary(max_size=2048))
foreign = st.text(LETTERS, min_size=2, max_size=128)


@settings(max_examples=30)
@given(st.integers(0, len(NAMES) - 1), payloads, foreign, st.binary(min_size=1, max_size=2048), st.binary(max_size=600),
       st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_steps_of_one_payload(evm_name, lane, payload, other, ack, proof, sequence, revision, height):
    world = kept("encodings", evm_name, lanes)
    name, remote, prefix, light = world.lanes[lane]
    counter, router = world.counter, world.router
    counter.behave(0, 0, ack)
    asked = lambda path: [*prefix[:-1], prefix[-1] + path]

    sent = world.send(counter, name, payload=Payload("counter", other, payload.version, payload.encoding, payload.value))
    (log,) = [x for x in packet_receipts[sent].logs if x.address == router.address]
    assert log.topics[1:] == (K(name.encode()), u(32, sent.sequence)) and log.data == sent.encoded()
    assert world.held(sent.commitment_path()) == sent.commitment()

    packet = Packet(sequence, remote, name, world.now(600), (
        Payload(other, "counter", payload.version, payload.encoding, payload.value),))
    receipt = world.recv(packet, proof, (revision, height))
    (log,) = [x for x in receipt.logs if x.address == router.address]
    assert log.topics[1:] == (K(name.encode()), u(32, sequence))
    assert log.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), [ack]])
    assert world.held(packet.receipt_path()) == packet.receipt() and world.held(packet.ack_path()) == ack_commitment([ack])
    assert counter.read.content() == payload.value and counter.read.destinationClient() == name
    assert light.read.proof() == proof and tuple(light.read.height()) == (revision, height)
    assert list(light.read.path()) == asked(packet.commitment_path()) and light.read.content() == packet.commitment()

    receipt = world.ack(sent, ack, proof, (revision, height))
    (log,) = [x for x in receipt.logs if x.address == router.address]
    assert log.data == encode([PACKET_ABI, "bytes"], [sent.tuple(), ack]) and counter.read.acknowledgement() == ack
    assert light.read.proof() == proof and tuple(light.read.height()) == (revision, height)
    assert list(light.read.path()) == asked(sent.ack_path()) and light.read.content() == ack_commitment([ack])

    late = world.send(counter, name, payload=payload)
    light.set(late.timeout, False, 0)
    receipt = world.time_out(late, proof, (revision, height))
    (log,) = [x for x in receipt.logs if x.address == router.address]
    assert log.data == late.encoded() and counter.read.content() == payload.value
    assert light.read.absence() and list(light.read.path()) == asked(late.receipt_path())
    assert light.read.proof() == proof and tuple(light.read.height()) == (revision, height)


several = st.lists(st.tuples(texts, texts, st.binary(max_size=1500), st.binary(min_size=1, max_size=300)), min_size=1, max_size=4)


@settings(max_examples=12)
@given(st.integers(0, len(NAMES) - 1), several, st.binary(max_size=300))
def test_steps_of_several_payloads(evm_name, lane, parts, proof):
    world = kept("encodings", evm_name, lanes)
    name, remote, prefix, light = world.lanes[lane]
    items = tuple(Payload("counter", "counter", v, e, value) for v, e, value, _ in parts)
    receipt = world.router.sendPayloads((name, world.now(60), [p.tuple() for p in items]), sender=world.user)
    sent = Packet(receipt.value, name, remote, world.now(60), items)
    (log,) = [x for x in receipt.logs if x.address == world.router.address]
    assert log.data == sent.encoded() and world.held(sent.commitment_path()) == sent.commitment()
    ack = parts[0][3]
    world.counter.behave(0, 0, ack)
    packet = Packet(5, remote, name, world.now(60), items)
    receipt = world.recv_several(packet, proof)
    (log,) = [x for x in receipt.logs if x.address == world.router.address]
    acks = [ack] * len(items)
    assert log.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), acks])
    assert world.held(packet.receipt_path()) == packet.receipt() and world.held(packet.ack_path()) == ack_commitment(acks)
    assert light.read.proof() == proof and light.read.content() == packet.commitment()
    receipt = world.ack_several(sent, acks, proof)
    (log,) = [x for x in receipt.logs if x.address == world.router.address]
    if len(acks) > 1:
        assert log.data == encode([PACKET_ABI, "bytes[]"], [sent.tuple(), acks])
    assert world.held(sent.commitment_path()) == bytes(32) and light.read.content() == ack_commitment(acks)


ODD = {
    "canonical": (encode(["bytes"], [b"abc"]), b"abc"),
    "trailing bytes": (encode(["bytes"], [b"abc"]) + bytes(32), b"abc"),
    "dirty padding": (u(32, 32) + u(32, 3) + b"abc" + b"\xff" * 29, b"abc"),
    "no padding": (u(32, 32) + u(32, 3) + b"abc", b"abc"),
    "a gap before": (u(32, 64) + bytes(32) + u(32, 3) + b"abc" + bytes(29), b"abc"),
    "length beyond": (u(32, 32) + u(32, 97) + bytes(64), None),
    "length of nothing": (u(32, 32) + u(32, 0), None),
    "length too large": (u(32, 32) + u(32, 2**255) + bytes(64), None),
    "offset beyond": (u(32, 2**200) + u(32, 3) + bytes(32), None),
    "offset to an empty one": (u(32, 64) + u(32, 3) + bytes(32), None),
    "short": (u(32, 32), None), "nothing": (b"", None),
    "universal error behind a gap": (u(32, 64) + u(32, 5) + u(32, 32) + ibc.UNIVERSAL_ERROR, None),
    "universal error": (encode(["bytes"], [ibc.UNIVERSAL_ERROR]), None),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("way", ["recv", "recv_several"])
def test_odd_answers_are_read_as_the_abi_says_or_refused(evm_name, case, way):
    """What is committed, what is announced and what the answer says are one and the same, or the receive reverts."""
    world = kept("encodings", evm_name, lanes)
    answer, says = ODD[case]
    app = world.chain.deploy(world.user, answering(answer)).created
    world.router["addIBCApp(address)"](app, sender=world.user)
    name, remote, _, _ = world.lanes[0]
    packet = Packet(1, remote, name, world.now(60), (Payload("x" * 5, hexa(app), "v", "e", b"v"),))
    try:
        receipt = getattr(world, way)(packet)
    except Reverted:
        assert world.held(packet.receipt_path()) == bytes(32) and case != "canonical"
        return
    assert says is not None
    (log,) = [x for x in receipt.logs if x.address == world.router.address]
    assert decode([PACKET_ABI, "bytes[]"], log.data)[1] == (says,)
    assert world.held(packet.ack_path()) == ack_commitment([says])
    assert log.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), [says]])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 31, 32, 33, 1000, 2112, 3000])
def test_failures_of_any_length(evm_name, size):
    world = kept("encodings", evm_name, lanes)
    app = world.chain.deploy(world.user, answering(b"\x07" * size, "fd")).created
    world.router["addIBCApp(address)"](app, sender=world.user)
    name, remote, _, _ = world.lanes[1]
    packet = Packet(1, remote, name, world.now(60), (Payload("x" * 5, hexa(app), "v", "e", b"v"),))
    receipt = world.recv(packet)
    error, written = [x for x in receipt.logs if x.address == world.router.address]
    reason = decode(["bytes"], error.data)[0]
    assert reason == b"\x07" * min(size, len(reason)) and len(reason) >= min(size, 1024)
    assert world.held(packet.ack_path()) == ack_commitment([ibc.UNIVERSAL_ERROR])
    assert written.data == encode([PACKET_ABI, "bytes[]"], [packet.tuple(), [ibc.UNIVERSAL_ERROR]])
