"""The node: one chain, one pool, one clock, under one lock."""

from __future__ import annotations

import fcntl
import itertools
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from . import forks
from .chain import Chain
from .errors import RPCError
from .faults import HONEST, Faults
from .pool import Pool, Waiting
from .store import Block, Store
from .subscriptions import Hub
from .views import View

GAS_LIMIT = 60_000_000
BLOCKS_MINED_AT_ONCE_MAX = 100_000


@dataclass(frozen=True)
class Options:
    chain_id: int = 31_337
    fork: str = "prague"
    # Seconds between blocks; None is a block for every transaction, at once.
    block_time: float | None = None
    balances: dict[bytes, int] = field(default_factory=dict)
    # Fixed when given; else it moves by EIP-1559.
    base_fee: int | None = None
    gas_limit: int = GAS_LIMIT
    safe_distance: int = 0
    finalized_distance: int = 0
    logs_range_max: int | None = None
    price_limit: int = 1
    unprotected: bool = False
    # Blocks may have their parent's time, as on rollups that make several a second.
    equal_timestamps: bool = False
    state: Path | None = None
    verbose: bool = False


@dataclass(frozen=True)
class Snapshot:
    head: bytes
    time_offset: int
    waiting: list[Waiting]


class WrongState(Exception):
    """The folder of a chain was made with other options, or another node has it."""


class Node:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.lock = threading.RLock()
        fork = forks.FORKS[options.fork]
        self.folder_lock = self.take_folder(options.state) if options.state else None
        try:
            self.store = Store(options.state / "chain.sqlite" if options.state else None, fork)
        except sqlite3.Error as problem:
            raise WrongState(f"{options.state} cannot be opened: {problem}") from None
        self.chain = Chain(self.store, options.chain_id)
        self.pool = Pool(fork, options.chain_id, options.price_limit, options.unprotected)
        self.hub = Hub()
        self.faults: dict[str, Faults] = {}
        self.snapshots: dict[int, Snapshot] = {}
        self.snapshot_ids = itertools.count(1)
        self.safe_distance = options.safe_distance
        self.finalized_distance = options.finalized_distance
        self.automine = options.block_time is None
        self.interval = options.block_time or 0.0
        self.time_offset = 0
        self.next_timestamp: int | None = None
        self.next_base_fee: int | None = None
        self.stopping = threading.Event()
        self.interval_changed = threading.Condition(self.lock)
        self.open_state()

    @staticmethod
    def take_folder(folder: Path) -> IO[str]:
        """Keeps others out: two nodes on one chain would each go on with it in their own way."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongState(f"another node has {folder}") from None
        return lock

    def open_state(self) -> None:
        made_with = f"{self.options.chain_id} {self.options.fork}"
        before = self.store.setting("chain")
        if before is None:
            header = forks.genesis(
                self.store.fork,
                self.store.db,
                int(time.time()),
                self.options.gas_limit,
                forks.BASE_FEE_INITIAL if self.options.base_fee is None else self.options.base_fee,
                self.options.balances,
            )
            self.chain.begin(header)
            self.store.set_setting("chain", made_with)
            self.say(f"genesis {header.hash.hex()[:12]}, chain {self.options.chain_id}, {self.options.fork}")
        elif before != made_with:
            raise WrongState(
                f"{self.options.state} has a chain of '{before}' (chain id, fork), not of '{made_with}'"
            )
        else:
            self.time_offset = int(self.store.setting("time offset") or "0")
            self.say(f"opened at block {self.chain.head.number} {self.chain.head.hash.hex()[:12]}")

    def say(self, line: str) -> None:
        if self.options.verbose:
            print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)

    def close(self) -> None:
        self.stopping.set()
        with self.lock:
            self.interval_changed.notify_all()
            self.store.close()

    # Time

    def now(self) -> int:
        return int(time.time()) + self.time_offset

    def set_time_offset(self, offset: int) -> None:
        self.time_offset = offset
        self.store.set_setting("time offset", str(offset))

    def peek_timestamp(self, parent: Block) -> int:
        if self.next_timestamp is not None:
            return self.next_timestamp
        return max(self.now(), parent.header.timestamp + (0 if self.options.equal_timestamps else 1))

    def require_later(self, timestamp: int) -> None:
        head = self.chain.head.header.timestamp
        if timestamp < head or (timestamp == head and not self.options.equal_timestamps):
            raise RPCError(f"timestamp {timestamp} is not after the head's, which is {head}")

    def take_timestamp(self, parent: Block) -> int:
        timestamp = self.peek_timestamp(parent)
        if self.next_timestamp is not None:
            # Time goes on from there.
            self.set_time_offset(timestamp - int(time.time()))
            self.next_timestamp = None
        return timestamp

    # Mining

    def peek_base_fee(self, parent: Block) -> int:
        if self.next_base_fee is not None:
            return self.next_base_fee
        return forks.next_base_fee(parent.header) if self.options.base_fee is None else self.options.base_fee

    def build_on(self, parent: Block, transactions: Iterable[Any], from_pool: bool, timestamp: int) -> Block:
        base_fee = self.peek_base_fee(parent)
        self.next_base_fee = None

        def offered() -> Iterator[Any]:
            yield from transactions
            if from_pool and self.pool.hashes:
                yield from self.pool.best(self.chain.state(parent), base_fee)

        built = self.chain.build(parent, offered(), timestamp, base_fee)
        for hash, problem in built.refused:
            self.pool.drop(hash)
            self.say(f"  left out {hash.hex()[:12]}: {problem}")
        block = built.block
        self.say(
            f"block {block.number} {block.hash.hex()[:12]}: {len(block.transactions)} transactions, "
            f"{block.header.gas_used} gas, base fee {block.header.base_fee_per_gas}"
        )
        for hash, failure in built.failures.items():
            self.say(f"  failed {hash.hex()[:12]}: {failure}")
        return block

    def mine(self, from_pool: bool = True) -> Block:
        parent = self.chain.head
        block = self.build_on(parent, (), from_pool, self.take_timestamp(parent))
        self.adopt(block.hash)
        return block

    def mine_waiting(self) -> None:
        """With automine: blocks until no transaction is left that could go into one."""
        while self.automine and self.pool.hashes:
            head = self.chain.head
            best = self.pool.best(self.chain.state(head), self.peek_base_fee(head))
            if next(best, None) is None or not self.mine().transactions:
                return

    def adopt(self, head: bytes, dropped: Set[bytes] = frozenset()) -> None:
        """Makes a block the head. What the blocks that leave had, waits again, but for `dropped`."""
        removed, added = self.chain.set_head(head)
        kept = {transaction.hash for block in added for transaction in block.transactions} | dropped
        self.pool.restore(
            [one for block in reversed(removed) for one in block.transactions if one.hash not in kept]
        )
        if self.pool.hashes:
            self.pool.reset(self.chain.state(self.chain.head))
        if removed:
            self.say(
                f"reorganised: {len(removed)} blocks left, {len(added)} came, head {self.chain.head.number}"
            )
        deaf = {path for path, faults in self.faults.items() if faults.lag or faults.head}
        self.hub.head_changed(removed, added, deaf)

    def accept(self, raw: bytes) -> bytes:
        head = self.chain.head
        waiting = self.pool.add(raw, self.chain.state(head), head.header.gas_limit)
        self.say(
            f"transaction {waiting.hash.hex()[:12]} from 0x{waiting.sender.hex()[:8]} nonce {waiting.transaction.nonce}"
        )
        self.hub.transaction_waits(waiting.hash)
        self.mine_waiting()
        return waiting.hash

    def reorganise(
        self,
        depth: int,
        blocks: int,
        dropped: set[bytes],
        given: list[bytes],
        from_pool: bool,
        timestamp: int | None,
    ) -> Block:
        """Replaces the last `depth` blocks by `blocks` others on the same ancestor."""
        head = self.chain.head
        parent = self.chain.block_at(head.number - depth)
        if parent is None or depth < 1:
            raise RPCError(f"depth is from 1 to {head.number}, the number of blocks after genesis")
        transactions = [self.pool.decode(raw) for raw in given]
        for raw, transaction in zip(given, transactions):
            self.pool.check(transaction, raw, head.header.gas_limit)
        returned = [
            one
            for number in range(parent.number + 1, head.number + 1)
            for one in self.required_transactions(number)
        ]
        for hash in dropped:
            self.pool.drop(hash)
        if from_pool:
            # So that the new blocks can take them; those given here come first and use their nonces up.
            self.pool.restore([one for one in returned if one.hash not in dropped])
        for index in range(blocks):
            moment = max(timestamp, parent.header.timestamp + 1) if timestamp else self.peek_timestamp(parent)
            parent = self.build_on(parent, transactions if index == 0 else (), from_pool, moment)
        self.adopt(parent.hash, dropped)
        return parent

    def required_transactions(self, number: int) -> tuple:
        block = self.chain.block_at(number)
        return block.transactions if block else ()

    def mine_at_intervals(self) -> None:
        """The thread that mines when there is a block time."""
        with self.lock:
            due = time.monotonic() + self.interval
            interval = self.interval
            while not self.stopping.is_set():
                if self.interval != interval:
                    interval = self.interval
                    due = time.monotonic() + interval
                wait = due - time.monotonic() if interval else None
                if wait is not None and wait <= 0:
                    self.mine()
                    # A machine that was asleep makes no blocks for the time it missed.
                    due = max(due + interval, time.monotonic())
                    # Others get the lock in between, also when mining takes longer than the interval.
                    wait = max(due - time.monotonic(), 0.001)
                self.interval_changed.wait(wait)

    def set_interval(self, seconds: float) -> None:
        self.interval = seconds
        self.interval_changed.notify_all()

    # Snapshots

    def snapshot(self) -> int:
        identifier = next(self.snapshot_ids)
        self.snapshots[identifier] = Snapshot(
            self.chain.head.hash, self.time_offset, list(self.pool.hashes.values())
        )
        return identifier

    def revert(self, identifier: int) -> bool:
        snapshot = self.snapshots.get(identifier)
        if snapshot is None:
            return False
        self.snapshots = {key: one for key, one in self.snapshots.items() if key < identifier}
        for hash in list(self.pool.hashes):
            self.pool.drop(hash)
        self.set_time_offset(snapshot.time_offset)
        self.next_timestamp = None
        above, _ = self.chain.branch(snapshot.head)
        gone = {
            one.hash
            for number in range(above + 1, self.chain.head.number + 1)
            for one in self.required_transactions(number)
        }
        self.adopt(snapshot.head, gone)
        for waiting in snapshot.waiting:
            self.pool.put(waiting)
        return True

    # Endpoints

    def faults_of(self, path: str) -> Faults:
        return self.faults.get(path, HONEST)

    def view(self, path: str) -> View:
        """What the endpoint at this path sees."""
        faults = self.faults_of(path)
        head = faults.head or self.store.canonical[-1]
        view = View(self.chain, head, self.safe_distance, self.finalized_distance)
        if faults.lag:
            behind = view.block_at(max(0, view.number - faults.lag))
            view = View(
                self.chain, behind.hash if behind else head, self.safe_distance, self.finalized_distance
            )
        return view
