"""ERC-7930 addresses, the ids of crossings, and execution accounts."""
from .hashes import K, S, short, u


def chain(domain: str) -> bytes:
    """The interoperable address of a domain alone."""
    return _address(domain, b"")


def account(domain: str, address: bytes) -> bytes:
    return _address(domain, address)


def _address(domain: str, address: bytes) -> bytes:
    space, _, reference = domain.partition(":")
    if space == "eip155":
        number = int(reference)
        kind, raw = 0x0000, u(max(1, (number.bit_length() + 7) // 8), number)
    else:
        kind, raw = 0xCA02, domain.encode()
    return u(2, 1) + u(2, kind) + short(raw) + short(address)


def crossing(origin: str, client: str, sequence: int) -> bytes:
    raw = chain(origin)
    return S(b"causeway/crossing/v1" + u(2, len(raw)) + raw + short(client.encode()) + u(8, sequence))


def account_salt(client: str, refund_to: bytes) -> bytes:
    """The CREATE2 salt of the account as which a remote sender acts."""
    return K(b"causeway/execution-account/v1" + short(client.encode()) + refund_to)


def create2(deployer: bytes, salt: bytes, init_code: bytes) -> bytes:
    return K(b"\xff" + deployer + salt + K(init_code))[12:]
