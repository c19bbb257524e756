"""Roots of SSZ values by hashlib alone, and what enclaves, coordinators and registrars sign (docs/spec/settlement-evm.md)."""
import hashlib

from eth_abi import encode

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


def link(before: bytes, kind: int, content: bytes) -> bytes:
    return S(short(b"causeway/custody/v1") + before + u(1, kind) + S(content))


def little(size: int, n: int) -> bytes:
    return n.to_bytes(size, "little")


def closing(inputs: bytes, count: int) -> bytes:
    return little(2, 1) + inputs + little(2, count)


def token_bytes(case, inputs, enclave, attempt, expires) -> bytes:
    return little(2, 1) + case + inputs + enclave + little(8, attempt) + little(8, expires)


def receipt_bytes(case, program, policy, inputs, update, result) -> bytes:
    enclave, _, replies, sequence, previous, time = result
    return (little(2, 1) + enclave + program + policy + case + inputs + update + replies + little(8, sequence) + previous
            + little(8, time))


OPENING = "(address,bytes32,bytes32,bytes32,address,uint64,uint64,uint16,uint256,bytes32)"


def custody(logs) -> bytes:
    """The head that a case must have, from its events alone: their names and fields, in order."""
    head, opening, inputs, count = bytes(32), None, None, 0
    for name, fields in logs:
        if name == "CaseOpened":
            opening = fields["opening"]
            head = link(head, 1, encode(["uint64", "address", OPENING], [fields["number"], fields["opener"], opening]))
        elif name == "InputSubmitted":
            head = link(head, 2, encode(["address", "uint64", "bytes32", "uint256"], [
                fields["sender"], fields["nonce"], fields["commitment"], fields["amount"]]))
        elif name == "CaseClosed":
            inputs, count = fields["inputs"], fields["count"]
            head = link(head, 3, closing(inputs, count))
        elif name == "CaseSettled":
            case, enclave, update = fields["case"], fields["registration"], fields["update"]
            head = link(head, 4, enclave)
            head = link(head, 5, token_bytes(case, inputs, enclave, *fields["token"]))
            head = link(head, 6, receipt_bytes(case, opening[1], opening[2], inputs, update, fields["result"]))
            head = link(head, 7, update)
        elif name == "CaseReclaimed":
            head = link(head, 8, closing(inputs, count))
    return head
