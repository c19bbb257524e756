"""IBC v2: packets, commitments, paths and where a router keeps them."""
from dataclasses import dataclass, field, replace

from eth_abi import encode

from .hashes import K, S, u

UNIVERSAL_ERROR = S(b"UNIVERSAL_ERROR_ACKNOWLEDGEMENT")
IBC_STORE = K(u(32, int.from_bytes(K(b"ibc.storage.IBCStore"), "big") - 1))[:31] + b"\0"
PACKET_ABI = "(uint64,string,string,uint64,(string,string,string,string,bytes)[])"
COMMITMENT, RECEIPT, ACKNOWLEDGEMENT = 1, 2, 3
MAX_TIMEOUT_SECONDS = 86_400


@dataclass(frozen=True)
class Payload:
    source_port: str
    dest_port: str
    version: str
    encoding: str
    value: bytes

    def tuple(self):
        return (self.source_port, self.dest_port, self.version, self.encoding, self.value)

    def hash(self) -> bytes:
        parts = (self.source_port, self.dest_port, self.version, self.encoding)
        return S(b"".join(S(part.encode()) for part in parts) + S(self.value))


@dataclass(frozen=True)
class Packet:
    sequence: int
    source: str
    dest: str
    timeout: int
    payloads: tuple = field(default_factory=tuple)

    def tuple(self):
        return (self.sequence, self.source, self.dest, self.timeout, [p.tuple() for p in self.payloads])

    def encoded(self) -> bytes:
        return encode([PACKET_ABI], [self.tuple()])

    def commitment(self) -> bytes:
        hashes = S(b"".join(p.hash() for p in self.payloads))
        return S(b"\x02" + S(self.dest.encode()) + S(u(8, self.timeout)) + hashes)

    def receipt(self) -> bytes:
        """What an EVM router stores as the receipt."""
        return K(self.encoded())

    def commitment_path(self) -> bytes:
        return path(self.source, COMMITMENT, self.sequence)

    def receipt_path(self) -> bytes:
        return path(self.dest, RECEIPT, self.sequence)

    def ack_path(self) -> bytes:
        return path(self.dest, ACKNOWLEDGEMENT, self.sequence)

    def with_(self, **changes):
        return replace(self, **changes)


def path(client: str, kind: int, sequence: int) -> bytes:
    return client.encode() + u(1, kind) + u(8, sequence)


def ack_commitment(acks) -> bytes:
    return S(b"\x02" + b"".join(S(ack) for ack in acks))


def slot(raw_path: bytes) -> bytes:
    """Slot of `mapping(bytes32 hashedPath => bytes32)` at the base of the namespace `ibc.storage.IBCStore`."""
    return K(K(raw_path) + IBC_STORE)


def sequence_slot(client: str) -> bytes:
    """Slot of Eureka's `mapping(string => uint64)` of last sequences, one after the commitments."""
    return K(client.encode() + u(32, int.from_bytes(IBC_STORE, "big") + 1))
