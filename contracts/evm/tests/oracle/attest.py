"""What attesters sign, in our mode and in Eureka's (docs/spec/attestation.md)."""
from dataclasses import dataclass

import coincurve
from eth_abi import encode

from .hashes import K, S, short, u
from .names import chain

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Key:
    def __init__(self, number: int):
        self.number = number
        self.private = coincurve.PrivateKey(u(32, number))
        self.address = K(self.private.public_key.format(compressed=False)[1:])[12:]

    def sign(self, digest: bytes) -> bytes:
        """r ‖ s ‖ v with low s and v 27 or 28."""
        raw = self.private.sign_recoverable(digest, hasher=None)
        return raw[:64] + u(1, raw[64] + 27)


def high_s(signature: bytes) -> bytes:
    """The other signature that recovers the same key."""
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + u(32, ORDER - s) + u(1, 55 - signature[64])


def binding(origin: str, router: bytes, client: str) -> bytes:
    """S(binding): which origin, which router there, which client here."""
    raw = chain(origin)
    return S(short(b"causeway/attestation/v1") + u(2, len(raw)) + raw + short(router) + short(client.encode()))


@dataclass(frozen=True)
class Height:
    revision: int
    height: int
    seconds: int

    def encode(self) -> bytes:
        return u(8, self.revision) + u(8, self.height) + u(8, self.seconds)

    def tuple(self):
        return (self.revision, self.height)


def state_body(height: Height, root: bytes) -> bytes:
    return height.encode() + root


def packets_body(height: Height, entries) -> bytes:
    """`entries` are (path hash, commitment)."""
    return height.encode() + u(4, len(entries)) + b"".join(p + c for p, c in entries)


def digest(form: int, binding_hash: bytes, body: bytes) -> bytes:
    return S(u(1, form) + binding_hash + S(body))


STATE, PACKETS = 1, 2
REFERENCE, ENTRIES, STATE_EVIDENCE, QUESTION = b"\x01", b"\x02", b"\x03", b"\x04"


def positioned(position: int, signature: bytes) -> bytes:
    return u(1, position) + signature


class Attesters:
    """A set of attesters of one client of one destination."""

    def __init__(self, keys, quorum: int, origin: str, router: bytes, client: str):
        self.keys, self.quorum, self.origin, self.router, self.client = list(keys), quorum, origin, router, client

    @property
    def binding(self) -> bytes:
        return binding(self.origin, self.router, self.client)

    @property
    def addresses(self):
        return [key.address for key in self.keys]

    def signatures(self, form: int, body: bytes, positions=None) -> bytes:
        hashed = digest(form, self.binding, body)
        chosen = range(self.quorum) if positions is None else positions
        return b"".join(positioned(p, self.keys[p].sign(hashed)) for p in chosen)

    def packets(self, height: Height, entries, positions=None) -> bytes:
        """Evidence that the entries are what the origin holds, as a proof or an update."""
        body = packets_body(height, entries)
        return ENTRIES + body + self.signatures(PACKETS, body, positions)

    def answer(self, height: Height, entry, positions=None) -> bytes:
        """Evidence of one entry that leaves the entry out: the proof's own path and value are what was signed."""
        return QUESTION + height.encode() + self.signatures(PACKETS, packets_body(height, [entry]), positions)

    def state(self, height: Height, root: bytes, positions=None) -> bytes:
        body = state_body(height, root)
        return STATE_EVIDENCE + body + self.signatures(STATE, body, positions)

    def reference(self, height: Height, entries) -> bytes:
        return REFERENCE + digest(PACKETS, self.binding, packets_body(height, entries))


# The Eureka mode: nothing signed names chain, router or client.

def eureka_state(height: int, seconds: int) -> bytes:
    return encode(["uint64", "uint64"], [height, seconds])


def eureka_packets(height: int, entries) -> bytes:
    return encode(["(uint64,(bytes32,bytes32)[])"], [(height, list(entries))])


def eureka_digest(tag: int, attestation: bytes) -> bytes:
    return S(u(1, tag) + S(attestation))


def eureka_proof(tag: int, attestation: bytes, keys) -> bytes:
    hashed = eureka_digest(tag, attestation)
    return encode(["(bytes,bytes[])"], [(attestation, [key.sign(hashed) for key in keys])])
