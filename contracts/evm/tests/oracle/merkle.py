"""Roots of SSZ values by hashlib alone, and what enclaves, coordinators and registrars sign (docs/spec/settlement-evm.md)."""
import hashlib

from .hashes import S, short, u
from .names import account, chain


def pair(left: bytes, right: bytes) -> bytes:
    return S(left + right)


def merkle(leaves, size: int) -> bytes:
    """Over `size` leaves, a power of two; those that are not given are zero."""
    nodes, zero = list(leaves), bytes(32)
    assert len(nodes) <= size
    while size > 1:
        if len(nodes) % 2:
            nodes.append(zero)
        nodes = [pair(a, b) for a, b in zip(nodes[::2], nodes[1::2])]
        size, zero = size // 2, pair(zero, zero)
    return nodes[0] if nodes else zero


def number(n: int) -> bytes:
    return n.to_bytes(32, "little")


def mixed(root: bytes, count: int) -> bytes:
    return pair(root, number(count))


def byte_list(raw: bytes, limit: int) -> bytes:
    chunks = [raw[i:i + 32].ljust(32, b"\0") for i in range(0, len(raw), 32)]
    return mixed(merkle(chunks, limit // 32), len(raw))


def inputs_root(commitments) -> bytes:
    return mixed(merkle(commitments, 256), len(commitments))


def registration(domain: str, keys) -> bytes:
    """`keys` as the contract takes them."""
    operator, program, policy, signer, suite, sealing, sequence, height, anchor, issued, expires = keys
    return merkle([
        number(1), byte_list(chain(domain), 64), byte_list(operator, 64), program, policy,
        byte_list(b"secp256k1-address", 64), byte_list(signer, 2048), number(suite), byte_list(sealing, 2048), number(sequence),
        number(height), anchor, number(issued), number(expires)], 16)


def report_data(registration: bytes) -> bytes:
    return hashlib.sha512(short(b"causeway/enclave-keys/v1") + registration).digest()


def update_root(domain: str, token: bytes, payouts, before: bytes, after: bytes) -> bytes:
    denom = byte_list(b"0x" + token.hex().encode(), 128)
    members = [
        pair(byte_list(account(domain, owner), 64), mixed(merkle([pair(denom, number(amount))], 8), 1))
        for owner, amount in payouts]
    return merkle([number(1), mixed(merkle(members, 256), len(members)), before, after], 4)


def tagged(name: str, domain: str, root: bytes) -> bytes:
    return S(short(name.encode()) + S(chain(domain)) + root)


def receipt_digest(domain, case, program, policy, inputs, update, result) -> bytes:
    enclave, _, replies, sequence, previous, time = result
    return tagged("causeway/receipt/v1", domain, merkle([
        number(1), enclave, program, policy, case, inputs, update, replies, number(sequence), previous, number(time)], 16))


def token_digest(domain, case, inputs, enclave, attempt, expires) -> bytes:
    return tagged("causeway/token/v1", domain, merkle([
        number(1), case, inputs, enclave, number(attempt), number(expires)], 8))


def case_id(domain: str, n: int) -> bytes:
    raw = chain(domain)
    return S(short(b"causeway/case/v1") + u(2, len(raw)) + raw + u(8, n))


def case_number(contract: bytes, counter: int) -> int:
    return int.from_bytes(S(short(b"causeway/case-number/v1") + contract + u(8, counter))[:8], "big")


def finding_digest(domain, registry, enclave, finding) -> bytes:
    report, evidence, policy, until = finding
    return tagged("causeway/registrar-register/v1", domain, S(registry + enclave + report + evidence + policy + u(8, until)))


def invalidation_digest(domain, registry, enclave, reason) -> bytes:
    return tagged("causeway/registrar-invalidate/v1", domain, S(registry + enclave + reason))
