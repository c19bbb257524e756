"""The two hash functions, and integers as bytes."""
import hashlib

from Crypto.Hash import keccak as _keccak


def S(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def K(raw: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=raw).digest()


def u(size: int, number: int) -> bytes:
    return number.to_bytes(size, "big")


def short(raw: bytes) -> bytes:
    """One byte of length, then the bytes."""
    return u(1, len(raw)) + raw


def selector(signature: str) -> bytes:
    return K(signature.encode())[:4]
