"""eth_getProof (EIP-1186): Merkle-Patricia proofs of an account and of slots of its storage."""

from __future__ import annotations

from typing import Any

import rlp
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.rlp.accounts import Account
from eth_hash.auto import keccak
from trie import HexaryTrie

from .encoding import hexadecimal, parse_slot, quantity


def nodes_on_path(db: Any, root: bytes, key: bytes) -> list[str]:
    """The nodes from the root to where `key` is, or to where the path that it would have ends."""
    if root == BLANK_ROOT_HASH:
        return []
    nodes = HexaryTrie(db, root).get_proof(keccak(key))
    return [hexadecimal(rlp.encode(node)) for node in nodes if node]


def account_proof(db: Any, state_root: bytes, address: bytes, slots: list[str]) -> dict:
    encoded = HexaryTrie(db, state_root)[keccak(address)]
    account = rlp.decode(encoded, Account) if encoded else Account()
    storage = HexaryTrie(db, account.storage_root) if account.storage_root != BLANK_ROOT_HASH else None
    entries = []
    for text in slots:
        slot = parse_slot(text)
        key = slot.to_bytes(32, "big")
        value = storage[keccak(key)] if storage else b""
        entries.append(
            {
                # geth says a whole word as it came, and a short one as a quantity.
                "key": hexadecimal(key) if len(text) == 66 else quantity(slot),
                "value": quantity(rlp.decode(value, rlp.sedes.big_endian_int) if value else 0),
                "proof": nodes_on_path(db, account.storage_root, key),
            }
        )
    return {
        "address": hexadecimal(address),
        "accountProof": nodes_on_path(db, state_root, address),
        "balance": quantity(account.balance),
        "codeHash": hexadecimal(account.code_hash if encoded else EMPTY_SHA3),
        "nonce": quantity(account.nonce),
        "storageHash": hexadecimal(account.storage_root),
        "storageProof": entries,
    }
