"""ERC-7786 over a lane: messages between contracts of two EVM chains, to a ledger and from one."""
import json

import pytest
from eth_abi import decode, encode

from conftest import EVMS, need
from harness.chain import Reverted, name_errors, reverts
from harness.contracts import Contract, artifact, hexa
from harness.domains import CHAIN, Lane
from harness.mocks import mock
from oracle import ibc, names
from oracle.hashes import K, S, u
from oracle.ibc import Packet, Payload
from oracle.ssz import Call, Envelope, Outcome, decode_envelope

LEDGER = "cosmos:demo-1"
MESSAGE_SENT = "MessageSent(bytes32,bytes,bytes,bytes,uint256,bytes[])"
name_errors(["UnsupportedAttribute(bytes4)", "UnsupportedValue()", "InvalidRecipient(bytes)", "InvalidSender(bytes)",
             "NoRoute(bytes)", "PayloadTooLong(uint256,uint256)", "NotAPeer(string)", "NotReceived(address,bytes)"])
_posts = {}


class Post:
    """A lane with a gateway and a receiver on each side; the first side has a lane to a ledger as well."""

    def __init__(self, evm):
        self.lane = Lane(EVMS[evm](), EVMS[evm]())
        self.gateways, self.receivers = [], []
        for side in self.lane.sides:
            self.gateways.append(Contract.deploy(
                side.chain, artifact("Gateway7786"), side.router.address, side.handler.address, side.owner,
                side.at.guardian, sender=side.owner))
            side.router["addIBCApp(address)"](self.gateways[-1].address, sender=side.user)
            self.receivers.append(Contract.deploy(side.chain, mock("Receiver7786"), sender=side.user))
        for side in (0, 1):
            self.gateways[side].setRoute(
                names.chain(CHAIN), "client-0", hexa(self.gateways[1 - side].address), sender=self.lane.sides[side].owner)
        here = self.lane.sides[0]
        self.ledger, self.light = here.at.any_client("client-3")
        self.gateways[0].setRoute(names.chain(LEDGER), self.ledger, "execution", sender=here.owner)

    def send(self, payload=b"hello", recipient=None, attributes=(), side=0, sender=None, **options):
        here = self.lane.sides[side]
        recipient = names.account(CHAIN, self.receivers[1 - side].address) if recipient is None else recipient
        receipt = self.gateways[side].sendMessage(
            recipient, payload, list(attributes), sender=sender or here.user, **options)
        return receipt, self.lane.sent(side, receipt)[0]


@pytest.fixture(params=sorted(EVMS))
def post(request):
    need("Router", "RouterExtension", "AttestedClient", "Transfer", "Voucher", "ExecutionHandler", "ExecutionAccount",
         "Gateway7786")
    if request.param not in _posts:
        made = Post(request.param)
        _posts[request.param] = made, [side.chain.snapshot() for side in made.lane.sides]
    made, marks = _posts[request.param]
    for side, mark in zip(made.lane.sides, marks):
        side.chain.restore(mark)
        side.heights = 100
    made.lane.open, made.lane.acks, made.lane.ended = [{}, {}], [{}, {}], [{}, {}]
    return made


def timeout(at: int) -> bytes:
    return K(b"timeout(uint256)")[:4] + u(32, at)


def gas(limit: int) -> bytes:
    return K(b"minGasLimit(uint256)")[:4] + u(32, limit)


def test_names_are_those_of_the_standard(corpus):
    need("Gateway7786")
    made = artifact("Gateway7786")
    for signature in ("sendMessage(bytes,bytes,bytes[])", "supportsAttribute(bytes4)"):
        assert signature in made.functions
    assert made.topics["MessageSent"][0] == K(MESSAGE_SENT.encode())
    assert K(b"receiveMessage(bytes32,bytes,bytes)")[:4].hex() == "2432ef26"
    assert (timeout(0)[:4].hex(), gas(0)[:4].hex()) == ("08148f7a", "39f87ba1")


def test_a_message_is_delivered_once(post):
    here, there = post.lane.sides
    receipt, packet = post.send(b"hello")
    sender = names.account(CHAIN, here.user)
    recipient = names.account(CHAIN, post.receivers[1].address)
    (log,) = receipt.named(MESSAGE_SENT, post.gateways[0].address)
    assert log.topics[1] == bytes(32)
    assert decode(["bytes", "bytes", "bytes", "uint256", "bytes[]"], log.data) == (sender, recipient, b"hello", 0, ())
    assert receipt.value == bytes(32)
    post.lane.recv(0, packet)
    got = post.receivers[1]
    assert (got.read.count(), got.read.sender(), got.read.content()) == (1, sender, b"hello")
    assert got.read.caller() == post.gateways[1].address and got.read.receiveId() != bytes(32)
    post.lane.recv(0, packet)
    assert got.read.count() == 1
    first = got.read.receiveId()
    _, packet = post.send(b"hello")
    post.lane.recv(0, packet)
    assert got.read.receiveId() != first
    settled = post.lane.ack(0, packet).events(post.gateways[0], "MessageSettled")
    assert settled == [{"client": "client-0", "sequence": 2, "status": 0}]


@pytest.mark.parametrize("mode", [1, 2])
def test_a_message_that_its_receiver_refuses_is_an_error(post, mode):
    post.receivers[1].behave(mode)
    _, packet = post.send()
    post.lane.recv(0, packet)
    assert post.lane.acks[1][1] == (ibc.UNIVERSAL_ERROR,) and post.receivers[1].read.count() == 0
    assert post.lane.ack(0, packet).events(post.gateways[0], "MessageSettled")[0]["status"] == 1


def test_a_message_has_its_timeout_and_its_gas(post):
    here, there = post.lane.sides
    assert all(post.gateways[0].read.supportsAttribute(a[:4]) for a in (timeout(1), gas(1)))
    assert not post.gateways[0].read.supportsAttribute(b"abcd")
    _, packet = post.send(attributes=[timeout(here.chain.timestamp + 50), gas(500_000)])
    assert packet.timeout == here.chain.timestamp + 50
    with reverts("IBCFailedCallback()"):
        post.lane.recv(0, packet, gas=500_000)
    post.lane.pass_time(60)
    settled = post.lane.time_out(0, packet).events(post.gateways[0], "MessageSettled")
    assert settled[0]["status"] == 2


@pytest.mark.parametrize("attribute", [b"abcd" + bytes(32), b"", b"\x08\x14\x8f", gas(1)[:-1], gas(1) + b"\0", gas(0), gas(30_000_001),
                                       timeout(2**64)])
def test_unknown_attributes_are_refused(post, attribute):
    with reverts("UnsupportedAttribute(bytes4)"):
        post.send(attributes=[attribute])


def test_messages_that_go_nowhere_are_refused(post):
    here = post.lane.sides[0]
    with reverts("UnsupportedValue()"):
        post.send(value=1)
    with reverts("NoRoute(bytes)"):
        post.send(recipient=names.account("eip155:5", b"\1" * 20))
    good = names.account(CHAIN, post.receivers[1].address)
    for bad in (b"", good[:-1], good + b"\0", names.chain(CHAIN), b"\0\2" + good[2:],
                b"\0\1\0\0\3\0" + u(2, 31337) + b"\x14" + bytes(20), b"\0\1\0\0\0\x14" + bytes(20)):
        with reverts("InvalidRecipient(bytes)"):
            post.send(recipient=bad)


def test_a_recipient_without_code_is_an_error(post):
    _, packet = post.send(recipient=names.account(CHAIN, b"\7" * 20))
    post.lane.recv(0, packet)
    assert post.lane.acks[1][1] == (ibc.UNIVERSAL_ERROR,)


def test_only_the_peer_gateway_is_believed(post):
    """Another application of the other chain cannot speak as a gateway, whatever it says."""
    here, there = post.lane.sides
    app = here.at.app()
    message = encode(["(bytes,bytes,uint256,bytes)"], [(
        names.account(CHAIN, b"\1" * 20), names.account(CHAIN, post.receivers[1].address), 200_000, b"forged")])
    forged = Payload(app.port, hexa(post.gateways[1].address), "causeway-7786-1", "application/x-solidity-abi", message)
    packet = here.at.send(app, "client-0", payload=forged)
    post.lane.recv(0, packet)
    assert post.lane.acks[1][packet.sequence] == (ibc.UNIVERSAL_ERROR,) and post.receivers[1].read.count() == 0
    for stranger in (there.user, there.owner):
        argument = ("client-0", "client-0", 9, (hexa(post.gateways[0].address), *forged.tuple()[1:]), there.user)
        with reverts("Unauthorized(address)", hexa(stranger)):
            post.gateways[1].onRecvPacket(argument, sender=stranger)


def test_a_message_to_a_ledger_is_a_call_in_json(post):
    here = post.lane.sides[0]
    contract = names.account(LEDGER, b"demo1" + b"q" * 38)
    _, packet = post.send(b"\x00\x01hi", recipient=contract)
    assert packet.source == post.ledger and packet.payloads[0].dest_port == "execution"
    envelope = decode_envelope(packet.payloads[0].value)
    assert envelope.refund_to == names.account(CHAIN, post.gateways[0].address)
    (call,) = envelope.calls
    assert call.target == contract and call.gas_limit == 200_000
    message = json.loads(call.input)["receive_message"]
    assert set(message) == {"receive_id", "sender", "payload"} and len(message["receive_id"]) == 66
    assert message["sender"] == "0x" + names.account(CHAIN, here.user).hex() and message["payload"] == "0x00016869"
    for size in (0, 1, 15, 16, 17, 640):
        _, packet = post.send(b"\xab" * size, recipient=contract)
        assert json.loads(decode_envelope(packet.payloads[0].value).calls[0].input)["receive_message"]["payload"] == (
            "0x" + "ab" * size)
    with reverts("PayloadTooLong(uint256,uint256)", 641, 640):
        post.send(b"\xab" * 641, recipient=contract)
    # How it ended is told by the handler.
    receipt = here.at.ack(packet, Outcome(0, 1, ()).encode())
    assert receipt.events(post.gateways[0], "MessageSettled")[0]["status"] == 0


def test_a_message_from_a_ledger_comes_through_its_execution_account(post):
    here = post.lane.sides[0]
    contract = names.account(LEDGER, b"demo1" + b"q" * 38)
    got = post.receivers[0]

    def arrive(sender, claimed, lane=post.ledger, sequence=1, remote="client-3"):
        data = post.gateways[0].encode("deliver", lane, claimed, names.account(CHAIN, got.address), b"from afar")
        call = Call(names.account(CHAIN, post.gateways[0].address), (), 600_000, data)
        value = Envelope((call,), sender).encode()
        packet = Packet(sequence, remote, post.ledger, here.chain.timestamp + 60, (
            Payload("execution", "execution", "causeway-1", "application/x-ssz", value),))
        receipt = here.at.recv(packet)
        return here.at.held(packet.ack_path())

    error = ibc.ack_commitment([ibc.UNIVERSAL_ERROR])
    assert arrive(contract, contract) != error
    assert (got.read.count(), got.read.sender(), got.read.content()) == (1, contract, b"from afar")
    # Nobody speaks for another, nor for another chain, nor over another lane.
    other = names.account(LEDGER, b"demo1other")
    elsewhere = names.account("cosmos:demo-2", b"demo1" + b"q" * 38)
    assert arrive(other, contract, sequence=2) == error
    assert arrive(elsewhere, elsewhere, sequence=3) == error
    assert arrive(contract, contract, lane="client-0", sequence=4) == error
    assert got.read.count() == 1
    with reverts("Unauthorized(address)", hexa(here.user)):
        post.gateways[0].deliver(post.ledger, contract, names.account(CHAIN, got.address), b"x", sender=here.user)


def test_routes_are_the_owners(post):
    here = post.lane.sides[0]
    for stranger in (here.user, here.at.guardian):
        with reverts("Unauthorized(address)", hexa(stranger)):
            post.gateways[0].setRoute(names.chain(LEDGER), "client-0", "execution", sender=stranger)
    assert post.gateways[0].read.route(names.chain(LEDGER)) == (post.ledger, "execution")
    # A lane leads to one chain.
    post.gateways[0].setRoute(names.chain("cosmos:demo-2"), post.ledger, "execution", sender=here.owner)
    assert post.gateways[0].read.route(names.chain(LEDGER)) == ("", "")
    with reverts("NoRoute(bytes)"):
        post.send(recipient=names.account(LEDGER, b"demo1" + b"q" * 38))


def test_a_contract_that_plays_ping_pong_hears_only_its_peer(post):
    need("PingPong")
    here = post.lane.sides[0]
    peer = names.account(LEDGER, b"demo1" + b"p" * 38)
    game = Contract.deploy(here.chain, artifact("PingPong"), here.handler.address, sender=here.user)
    with pytest.raises(Reverted):
        game.setPeer(post.ledger, peer, b'{"pong":{}}', sender=here.owner)
    game.setPeer(post.ledger, peer, b'{"pong":{}}', sender=here.user)

    def ping(sender, sequence):
        call = Call(names.account(CHAIN, game.address), (), 900_000, game.encode("ping"))
        packet = Packet(sequence, "client-3", post.ledger, here.chain.timestamp + 60, (
            Payload("execution", "execution", "causeway-1", "application/x-ssz", Envelope((call,), sender).encode()),))
        receipt = here.at.recv(packet)
        return post.lane.sent(0, receipt)

    (pong,) = ping(peer, 1)
    assert game.read.pings() == 1
    envelope = decode_envelope(pong.payloads[0].value)
    assert envelope.calls[0].target == peer and envelope.calls[0].input == b'{"pong":{}}'
    assert ping(names.account(LEDGER, b"demo1other"), 2) == [] and game.read.pings() == 1
    here.at.ack(pong, Outcome(0, 1, ()).encode())
    assert [game.look("settled", n) for n in range(3)] == [1, 0, 0]
    with reverts("Unauthorized(address)", hexa(here.user)):
        game.ping(sender=here.user)
    with reverts("Unauthorized(address)", hexa(here.user)):
        game.onSettled(bytes(32), "client-1", 1, 0, b"", sender=here.user)
