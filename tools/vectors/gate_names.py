"""ERC-7930 names of chains, for the vector makers beside this file."""


def erc7930(kind, reference, address=b""):
    return b"\x00\x01" + kind.to_bytes(2, "big") + bytes([len(reference)]) + reference + bytes([len(address)]) + address


def chain(domain):
    """The chain alone: eip155 by number, any other CAIP-2 id as text under chain type 0xca02."""
    family, _, reference = domain.partition(":")
    if family == "eip155":
        number = int(reference)
        return erc7930(0, number.to_bytes((number.bit_length() + 7) // 8, "big"))
    return erc7930(0xCA02, domain.encode())
