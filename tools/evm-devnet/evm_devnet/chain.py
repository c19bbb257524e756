"""Blocks on any parent, and which branch of them is the canonical one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from eth.consensus.context import ConsensusContext
from eth.db.trie import make_trie_root_and_nodes
from eth.vm.chain_context import ChainContext
from eth_hash.auto import keccak
from eth_utils import ValidationError

from . import forks
from .store import Block, Store


@dataclass
class Built:
    """A block that was built, and what did not fit the rules when its turn came."""

    block: Block
    refused: list[tuple[bytes, str]] = field(default_factory=list)
    failures: dict[bytes, str] = field(default_factory=dict)


class Chain:
    def __init__(self, store: Store, chain_id: int) -> None:
        self.store = store
        self.fork = store.fork
        self.chain_id = chain_id
        self.context = ChainContext(chain_id)

    @property
    def head(self) -> Block:
        block = self.store.block(self.store.canonical[-1])
        assert block is not None
        return block

    def block_at(self, number: int) -> Block | None:
        if 0 <= number < len(self.store.canonical):
            return self.store.block(self.store.canonical[number])
        return None

    def begin(self, header: Any) -> None:
        """Starts an empty chain with this genesis."""
        self.store.add(Block(header, header.hash, (), ()))
        self.store.set_canonical(-1, [header.hash])

    # State

    def machine(self, header: Any) -> Any:
        """py-evm's rules and state for a block with this header, on the state root that it has now."""
        return self.fork(header, self.store, self.context, ConsensusContext(self.store.db))

    def state(self, block: Block) -> Any:
        """The state after a block, in that block's own surroundings."""
        return self.machine(block.header).state

    # Building

    def pending_header(self, parent: Block, timestamp: int, base_fee: int | None, **fields: Any) -> Any:
        header = parent.header
        return self.fork.header_class(
            difficulty=0,
            block_number=parent.number + 1,
            gas_limit=header.gas_limit,
            timestamp=timestamp,
            parent_hash=parent.hash,
            state_root=header.state_root,
            nonce=bytes(8),
            base_fee_per_gas=forks.next_base_fee(header) if base_fee is None else base_fee,
            extra_data=header.extra_data,
            parent_beacon_block_root=keccak(parent.hash),
            **fields,
        )

    def build(
        self,
        parent: Block,
        transactions: Iterator[Any],
        timestamp: int,
        base_fee: int | None = None,
        coinbase: bytes = bytes(20),
    ) -> Built:
        """Executes transactions on one state, in one pass, and adds the block that they make.

        The mix hash is random: two blocks on one parent with the same transactions differ by it. What has no room any
        more is passed over; what the rules refuse, too, and is named.
        """
        header = self.pending_header(parent, timestamp, base_fee, coinbase=coinbase, mix_hash=os.urandom(32))
        machine = self.machine(header)
        machine.block_preprocessing(SimpleNamespace(header=header, number=header.block_number))
        running = SimpleNamespace(gas_used=0, gas_limit=header.gas_limit)
        included, receipts = [], []
        refused: list[tuple[bytes, str]] = []
        failures: dict[bytes, str] = {}
        bloom = 0
        # Senders one of whose transactions was left out: their next ones have to wait for it.
        waiting: set[bytes] = set()
        for transaction in transactions:
            if transaction.sender in waiting:
                continue
            if running.gas_used + transaction.gas > running.gas_limit:
                waiting.add(transaction.sender)
                continue
            try:
                receipt, computation = machine.apply_transaction(running, transaction)
            except ValidationError as problem:
                refused.append((transaction.hash, str(problem)))
                waiting.add(transaction.sender)
                continue
            running.gas_used = receipt.gas_used
            bloom |= receipt.bloom
            included.append(transaction)
            receipts.append(receipt)
            if computation.is_error:
                failures[transaction.hash] = type(computation.error).__name__
        machine.state.persist()
        header = header.copy(
            state_root=machine.state.state_root,
            transaction_root=make_trie_root_and_nodes(included)[0],
            receipt_root=make_trie_root_and_nodes(receipts)[0],
            bloom=bloom,
            gas_used=running.gas_used,
        )
        block = Block(header, header.hash, tuple(included), tuple(receipts))
        self.store.add(block)
        return Built(block, refused, failures)

    # Branches

    def branch(self, hash: bytes) -> tuple[int, list[bytes]]:
        """The number of the newest canonical ancestor of a block, and the hashes above it up to the block."""
        hashes: list[bytes] = []
        canonical = self.store.canonical
        while True:
            block = self.store.block(hash)
            if block is None:
                raise KeyError(hash)
            if block.number < len(canonical) and canonical[block.number] == hash:
                return block.number, hashes[::-1]
            hashes.append(hash)
            hash = block.header.parent_hash

    def set_head(self, hash: bytes) -> tuple[list[Block], list[Block]]:
        """Makes a block the head; answers the blocks that left the canonical branch, newest first, and those that came."""
        above, hashes = self.branch(hash)
        removed = [self.required(old) for old in reversed(self.store.canonical[above + 1 :])]
        self.store.set_canonical(above, hashes)
        return removed, [self.required(new) for new in hashes]

    def required(self, hash: bytes) -> Block:
        block = self.store.block(hash)
        if block is None:
            raise KeyError(hash)
        return block
