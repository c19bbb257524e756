"""Contracts of a few bytes, where even Vyper would say too much."""


def deployed(runtime: bytes) -> bytes:
    """Creation code that leaves `runtime` as it is."""
    assert len(runtime) < 256
    return bytes.fromhex("60") + bytes([len(runtime)]) + bytes.fromhex("600b5f3960") + bytes([len(runtime)]) + bytes.fromhex(
        "5ff300") + runtime


def minimal_app(router: bytes) -> bytes:
    """The smallest application: what anyone gives it it forwards to the router, and it answers the router with 01."""
    forward = bytes.fromhex("365f5f37" "60205f365f5f73") + router + bytes.fromhex("5af1" "6000" "57" "3d5f5f3e3d5ffd")
    check = bytes.fromhex("33" "73") + router + bytes.fromhex("14" "6000" "57")
    body = bytearray(check + forward)
    ok = len(body)
    body += bytes.fromhex("5b60205ff3")
    answer = len(body)
    body += bytes.fromhex("5b60205f52" "6001602052" "60016040" "53" "60605ff3")
    body[len(check) - 2] = answer
    body[len(check) + forward.index(bytes.fromhex("5af16000")) + 3] = ok
    return deployed(bytes(body))


def minimal_receiver() -> bytes:
    """The smallest receiver of ERC-7786 messages: it answers that it has received."""
    return deployed(bytes.fromhex("632432ef26" "60e01b" "5f52" "60205ff3"))


def answering(answer: bytes, opcode: str = "f3") -> bytes:
    """A contract that gives every caller the same bytes (f3), or fails with them (fd)."""
    size = len(answer).to_bytes(2, "big")
    runtime = b"\x61" + size + bytes.fromhex("600d5f39") + b"\x61" + size + bytes.fromhex("5f" + opcode) + b"\0" + answer
    whole = len(runtime).to_bytes(2, "big")
    return b"\x61" + whole + bytes.fromhex("600d5f39") + b"\x61" + whole + bytes.fromhex("5ff300") + runtime


def stopping() -> bytes:
    """A contract that stops at once."""
    return deployed(b"\x00")
