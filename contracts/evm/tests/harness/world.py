"""A router with its clients and applications on one chain, and the messages that a relayer sends to it."""
from dataclasses import dataclass

from oracle.attest import Attesters, Height, Key
from oracle.ibc import COMMITMENT, Packet, Payload, path
from oracle.hashes import K
from oracle.names import chain as domain_name

from .chain import Chain, name_errors
from .contracts import Contract, artifact, hexa
from .mocks import mock

LEDGER = "cosmos:demo-1"
LEDGER_ROUTER = b"ibc"
REMOTE = "client-7"
PREFIX = [b""]

EUREKA_ERRORS = """
IBCAppNotFound(string) IBCAsyncAcknowledgementNotSupported() IBCClientAlreadyExists(string) IBCClientNotFound(string)
IBCCounterpartyClientNotFound(string) IBCErrorUniversalAcknowledgement() IBCFailedCallback() IBCInvalidClientId(string)
IBCInvalidCounterparty(string,string) IBCInvalidPortIdentifier(string) IBCInvalidTimeoutDuration(uint256,uint256)
IBCInvalidTimeoutTimestamp(uint256,uint256) IBCMultiPayloadPacketNotSupported() IBCPacketAcknowledgementAlreadyExists(bytes)
IBCPacketCommitmentAlreadyExists(bytes) IBCPacketCommitmentMismatch(bytes32,bytes32) IBCPacketReceiptMismatch(bytes32,bytes32)
IBCPortAlreadyExists(string) IBCUnauthorizedSender(address) InvalidMerklePrefix(bytes[]) NoAcknowledgements()
InvalidInitialization() ReentrancyGuardReentrantCall() BadQuorum(uint8,uint256) NoAttestors()
ConsensusTimestampNotFound(uint64) DuplicateSigner(address) EmptyPackets() EmptySignatures() EmptyValue()
FeatureNotSupported() FrozenClientState() HeightMismatch(uint64,uint64) InvalidPathLength(uint256,uint256)
InvalidSignatureLength(bytes) InvalidState(uint64,uint64) NotMember() NotNonMember() SignatureInvalid(bytes)
ThresholdNotMet(uint256,uint8) UnknownSigner(address) ECDSAInvalidSignature() ECDSAInvalidSignatureS(bytes32)
AccessControlUnauthorizedAccount(address,bytes32) ICS20InvalidAddress(string) ICS20InvalidAmount(uint256)
ICS20InvalidPort(string,string) ICS20UnexpectedVersion(string,string) ICS20UnexpectedEncoding(string,string)
ICS20DenomNotFound(string) ICS20Unauthorized(address) EnforcedPause()
Unauthorized(address) ClientIsPaused(string) CallFailed(uint256,bytes) ClientNotActive(string,uint8)
CallbackStarved(uint256,uint256) AcknowledgementTooLong(uint256) InvalidPacket() InvalidEvidence() EvidenceNotAccepted(bytes32)
PathListedTwice(bytes32) SignerOutOfOrder(uint256) FromTheFuture(uint256,uint256) TooOld(uint256,uint256) Contradiction() NoContradiction()
""".split()
name_errors(EUREKA_ERRORS)

SEND_PACKET = "SendPacket(string,uint256,(uint64,string,string,uint64,(string,string,string,string,bytes)[]))"
WRITE_ACK = "WriteAcknowledgement(string,uint256,(uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes[])"
ACK_PACKET = "AckPacket(string,uint256,(uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes)"
TIMEOUT_PACKET = "TimeoutPacket(string,uint256,(uint64,string,string,uint64,(string,string,string,string,bytes)[]))"
ACK_PAYLOADS = "AckPayloads(string,uint256,(uint64,string,string,uint64,(string,string,string,string,bytes)[]),bytes[])"
NOOP = "Noop()"
CALLBACK_ERROR = "IBCAppRecvPacketCallbackError(bytes)"

HEIGHT = (0, 5)


CALLBACK = "(string,string,uint64,(string,string,string,string,bytes),address)"
ACKNOWLEDGED = "(string,string,uint64,(string,string,string,string,bytes),bytes,address)"


def handler_artifact():
    """The execution handler: what its router calls is served by its fallback, and so not in its ABI."""
    made = artifact("ExecutionHandler")
    for name, argument, outputs in (
        ("onRecvPacket", CALLBACK, ["bytes"]), ("onAcknowledgementPacket", ACKNOWLEDGED, []),
        ("onTimeoutPacket", CALLBACK, []), ("onSendPacket", CALLBACK, []),
    ):
        if (name, 1) not in made.functions:
            made.with_function(name, [argument], outputs)
    return made


@dataclass
class Routed:
    """A router, and who is who around it."""

    chain: Chain
    owner: bytes
    guardian: bytes
    relayer: bytes
    user: bytes
    router: Contract

    def app(self, port: str = None) -> Contract:
        """A test application, under a name when one is given and under its own address else."""
        app = Contract.deploy(self.chain, mock("App"), sender=self.user)
        if port is None:
            self.router["addIBCApp(address)"](app.address, sender=self.user)
            app.port = hexa(app.address)
        else:
            self.router["addIBCApp(string,address)"](port, app.address, sender=self.owner)
            app.port = port
        return app

    def any_client(self, remote: str = REMOTE, prefix=None, time: int = None):
        """(client id, client): one that believes everything."""
        client = Contract.deploy(
            self.chain, mock("AnyClient"), self.chain.timestamp if time is None else time, sender=self.user)
        counterparty = (remote, PREFIX if prefix is None else prefix)
        receipt = self.router["addClient((string,bytes[]),address)"](counterparty, client.address, sender=self.user)
        return receipt.value, client

    def attested(self, keys=5, quorum=3, origin=LEDGER, router=LEDGER_ROUTER, remote=REMOTE, freshness=0, drift=0,
                 first_key=1, prefix=None):
        """(client id, client, attesters): a client of our own mode under the next automatic id."""
        name = f"client-{self.router.read.getNextClientSeq()}"
        attesters = Attesters([Key(first_key + n) for n in range(keys)], quorum, origin, router, name)
        client = Contract.deploy(
            self.chain, artifact("AttestedClient"), attesters.addresses, quorum, domain_name(origin), router, name,
            freshness, drift, sender=self.user)
        counterparty = (remote, PREFIX if prefix is None else prefix)
        receipt = self.router["addClient((string,bytes[]),address)"](counterparty, client.address, sender=self.user)
        assert receipt.value == name
        return name, client, attesters

    def now(self, seconds: int = 0) -> int:
        return self.chain.timestamp + seconds

    def held(self, raw_path: bytes) -> bytes:
        """What the router holds at a path."""
        return self.router.read.getCommitment(K(raw_path))

    def recv(self, packet: Packet, proof: bytes = b"", height=HEIGHT, **options):
        return self.router.recvPacket((packet.tuple(), proof, height), sender=self.relayer, **options)

    def ack(self, packet: Packet, ack: bytes, proof: bytes = b"", height=HEIGHT, **options):
        return self.router.ackPacket((packet.tuple(), ack, proof, height), sender=self.relayer, **options)

    def time_out(self, packet: Packet, proof: bytes = b"", height=HEIGHT, **options):
        return self.router.timeoutPacket((packet.tuple(), proof, height), sender=self.relayer, **options)

    def recv_several(self, packet: Packet, proof: bytes = b"", height=HEIGHT, **options):
        return self.router.recvPayloads((packet.tuple(), proof, height), sender=self.relayer, **options)

    def ack_several(self, packet: Packet, acks, proof: bytes = b"", height=HEIGHT, **options):
        return self.router.ackPayloads((packet.tuple(), list(acks), proof, height), sender=self.relayer, **options)

    def send(self, app: Contract, client: str, value: bytes = b"value", timeout: int = None, dest_port="there",
             payload: Payload = None, gas=None) -> Packet:
        """Lets the application send, and gives the packet that it sent."""
        timeout = self.now(600) if timeout is None else timeout
        payload = payload or Payload(app.port, dest_port, "v1", "raw", value)
        call = self.router.encode("sendPacket", (client, timeout, payload.tuple()))
        options = {} if gas is None else {"gas": gas}
        receipt = app.execute(self.router.address, call, sender=self.user, **options)
        sequence = int.from_bytes(receipt.value, "big")
        remote = self.router.read.getCounterparty(client)[0]
        packet = Packet(sequence, client, remote, timeout, (payload,))
        packet_receipts[packet] = receipt
        return packet


packet_receipts = {}


def routed(chain: Chain) -> Routed:
    owner, guardian, relayer, user = (chain.account(n) for n in range(1, 5))
    extension = Contract.deploy(chain, artifact("RouterExtension"), sender=owner)
    whole = artifact("Router").with_functions_of(extension.artifact)
    router = Contract.deploy(chain, whole, owner, guardian, extension.address, sender=owner)
    return Routed(chain, owner, guardian, relayer, user, router)
