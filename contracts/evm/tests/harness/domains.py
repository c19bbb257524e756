"""Two EVM domains with a router, transfers and calls each, and a lane between them that attesters serve.

What attesters sign is read from the other chain's storage, as it is: a lane works only if both sides store and prove
the same bytes.
"""
from oracle import ibc, names
from oracle.attest import Attesters, Height, Key
from oracle.hashes import K, u
from oracle.ibc import PACKET_ABI, Packet, Payload

from eth_abi import decode

from .chain import Chain
from .contracts import Contract, artifact, hexa
from .mocks import mock
from .world import SEND_PACKET, WRITE_ACK, handler_artifact, routed

CHAIN = "eip155:31337"


class Domain:
    """One chain with everything on it."""

    def __init__(self, chain: Chain, name: str):
        self.chain, self.name = chain, name
        self.at = routed(chain)
        self.router, self.user, self.owner = self.at.router, self.at.user, self.at.owner
        at = self.at
        self.transfer = Contract.deploy(
            chain, artifact("Transfer"), self.router.address, at.owner, at.guardian, artifact("Voucher").bytecode,
            sender=at.owner)
        self.handler = Contract.deploy(
            chain, handler_artifact(), self.router.address, self.transfer.address,
            artifact("ExecutionAccount").bytecode, sender=at.owner)
        for port, app in (("transfer", self.transfer), ("execution", self.handler)):
            self.router["addIBCApp(string,address)"](port, app.address, sender=at.owner)
        self.target = Contract.deploy(chain, mock("Target"), sender=at.user)
        self.token = Contract.deploy(chain, mock("Token"), sender=at.user)
        self.token.mint(at.user, 10**12)
        self.token.approve(self.transfer.address, 2**255, sender=at.user)
        self.heights = 100

    def stored(self, raw_path: bytes) -> bytes:
        """What lies in the router's storage, read by slot."""
        return u(32, self.chain.storage(self.router.address, int.from_bytes(ibc.slot(raw_path), "big")))

    def head(self) -> Height:
        """A new height at this chain's present time."""
        self.heights += 1
        return Height(0, self.heights, self.chain.timestamp)

    def voucher(self, path):
        return Contract(self.chain, self.transfer.read.voucherOf(path), artifact("Voucher"), self.user)


class Lane:
    """A lane between two domains: clients of each other, and packets on their way."""

    def __init__(self, one: Chain, two: Chain, quorum=3, keys=5):
        self.sides = [Domain(one, "one"), Domain(two, "two")]
        self.clients, self.attesters, self.lights = [], [], []
        for side, other in ((0, 1), (1, 0)):
            here, there = self.sides[side], self.sides[other]
            name = "client-0"
            attesters = Attesters([Key(10 * side + n + 1) for n in range(keys)], quorum, CHAIN, there.router.address, name)
            light = Contract.deploy(
                here.chain, artifact("AttestedClient"), attesters.addresses, quorum, names.chain(CHAIN),
                there.router.address, name, 0, 0, sender=here.user)
            made = here.router["addClient((string,bytes[]),address)"](("client-0", [b""]), light.address, sender=here.user)
            assert made.value == name
            self.attesters.append(attesters)
            self.lights.append(light)
        self.open = [{}, {}]      # packets that were sent from a side and have not ended
        self.acks = [{}, {}]      # acknowledgements that a side wrote
        self.ended = [{}, {}]

    def sent(self, side: int, receipt):
        """The packets that a transaction sent."""
        router = self.sides[side].router.address
        packets = [_packet(decode([PACKET_ABI], log.data)[0]) for log in receipt.named(SEND_PACKET, router)]
        for packet in packets:
            self.open[side][packet.sequence] = packet
        return packets

    def proof(self, of: int, *paths, positions=None):
        """(height, proof for the other side) of what the router of side `of` stores at the paths now."""
        height = self.sides[of].head()
        entries = [(K(p), self.sides[of].stored(p)) for p in paths]
        return height, self.attesters[1 - of].packets(height, entries, positions)

    def recv(self, side: int, packet: Packet, **options):
        """Brings a packet of side `side` to the other one."""
        height, proof = self.proof(side, packet.commitment_path())
        name = "recv" if len(packet.payloads) == 1 else "recv_several"
        receipt = getattr(self.sides[1 - side].at, name)(packet, proof, height.tuple(), **options)
        for log in receipt.named(WRITE_ACK, self.sides[1 - side].router.address):
            raw, acks = decode([PACKET_ABI, "bytes[]"], log.data)
            self.acks[1 - side][_packet(raw).sequence] = acks
        self.sent(1 - side, receipt)
        return receipt

    def ack(self, side: int, packet: Packet, **options):
        acks = self.acks[1 - side][packet.sequence]
        height, proof = self.proof(1 - side, packet.ack_path())
        at = self.sides[side].at
        receipt = (at.ack(packet, acks[0], proof, height.tuple(), **options) if len(packet.payloads) == 1
                   else at.ack_several(packet, acks, proof, height.tuple(), **options))
        self.sent(side, receipt)
        self.ended[side][packet.sequence] = "ack"
        return receipt

    def time_out(self, side: int, packet: Packet, **options):
        height, proof = self.proof(1 - side, packet.receipt_path())
        at = self.sides[side].at
        receipt = at.time_out(packet, proof, height.tuple(), **options)
        self.sent(side, receipt)
        self.ended[side][packet.sequence] = "timeout"
        return receipt

    def pass_time(self, seconds: int):
        for side in self.sides:
            side.chain.pass_time(seconds)

    def transfer(self, side: int, token, amount: int, receiver: bytes = None, timeout: int = 600, memo=""):
        here, there = self.sides[side], self.sides[1 - side]
        receipt = here.transfer.sendTransfer((
            token.address, amount, hexa(receiver or there.user), "client-0", "transfer", here.chain.timestamp + timeout, memo),
            sender=here.user)
        return self.sent(side, receipt)[0]

    def call(self, side: int, name: str, *args, gas=150_000, timeout: int = 600, target=None):
        here, there = self.sides[side], self.sides[1 - side]
        target = target or there.target
        receipt = here.handler.sendCall(
            "client-0", here.chain.timestamp + timeout, names.account(CHAIN, target.address), gas,
            target.encode(name, *args), sender=here.user)
        return self.sent(side, receipt)[0]


def _packet(raw) -> Packet:
    sequence, source, dest, timeout, payloads = raw
    return Packet(sequence, source, dest, timeout, tuple(Payload(*p) for p in payloads))
