"""Everything that a chain is made of, in one SQLite database: a file that a later start opens again, or memory.

A block goes in whole or not at all: the trie nodes that its execution wrote are kept back until it is added.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB

SCHEMA = """
CREATE TABLE IF NOT EXISTS node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
  hash BLOB PRIMARY KEY, number INTEGER NOT NULL, header BLOB NOT NULL, transactions BLOB NOT NULL, receipts BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS canonical (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS placement (
  transaction_hash BLOB NOT NULL, block_hash BLOB NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL,
  PRIMARY KEY (transaction_hash, block_hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
  number INTEGER NOT NULL, block_hash BLOB NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
  PRIMARY KEY (number, block_hash, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
NODES_CACHED_MAX = 200_000
BLOCKS_CACHED_MAX = 1_024


@dataclass(frozen=True)
class Block:
    header: Any
    hash: bytes
    transactions: tuple
    receipts: tuple

    @property
    def number(self) -> int:
        return self.header.block_number


class Nodes(BaseDB):
    """Trie nodes and code by their hash; written ones wait until the store takes them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.cached: dict[bytes, bytes] = {}
        self.waiting: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.cached.get(key)
        if value is not None:
            return value
        row = self.connection.execute("SELECT value FROM node WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        self.remember(key, row[0])
        return row[0]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.waiting[key] = value
        self.remember(key, value)

    def __delitem__(self, key: bytes) -> None:
        # Old states stay readable and provable, so nothing is ever deleted.
        raise NotImplementedError("trie nodes are kept")

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def remember(self, key: bytes, value: bytes) -> None:
        if len(self.cached) >= NODES_CACHED_MAX:
            self.cached = dict(self.waiting)
        self.cached[key] = value


class Store:
    def __init__(self, path: Path | None, fork: Any) -> None:
        self.fork = fork
        self.connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=2
        )
        if path:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(SCHEMA)
        self.nodes = Nodes(self.connection)
        # What py-evm reads state from.
        self.db = AtomicDB(self.nodes)
        self.blocks: OrderedDict[bytes, Block] = OrderedDict()
        self.canonical: list[bytes] = [
            row[0] for row in self.connection.execute("SELECT hash FROM canonical ORDER BY number")
        ]

    def close(self) -> None:
        self.connection.close()

    def setting(self, name: str) -> str | None:
        row = self.connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_setting(self, name: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    # Blocks

    def add(self, block: Block) -> None:
        """Puts a block and the state it led to into the database; it is not canonical by that."""
        connection = self.connection
        connection.execute("BEGIN")
        try:
            waiting, self.nodes.waiting = self.nodes.waiting, {}
            connection.executemany("INSERT OR IGNORE INTO node VALUES (?, ?)", waiting.items())
            connection.execute(
                "INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?)",
                (
                    block.hash,
                    block.number,
                    rlp.encode(block.header),
                    rlp.encode([transaction.encode() for transaction in block.transactions]),
                    rlp.encode([receipt.encode() for receipt in block.receipts]),
                ),
            )
            connection.executemany(
                "INSERT OR IGNORE INTO placement VALUES (?, ?, ?, ?)",
                [
                    (transaction.hash, block.hash, block.number, at)
                    for at, transaction in enumerate(block.transactions)
                ],
            )
            addresses = [log.address for receipt in block.receipts for log in receipt.logs]
            connection.executemany(
                "INSERT OR IGNORE INTO log VALUES (?, ?, ?, ?)",
                [(block.number, block.hash, position, address) for position, address in enumerate(addresses)],
            )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        self.keep(block)

    def keep(self, block: Block) -> None:
        self.blocks[block.hash] = block
        self.blocks.move_to_end(block.hash)
        if len(self.blocks) > BLOCKS_CACHED_MAX:
            self.blocks.popitem(last=False)

    def block(self, hash: bytes) -> Block | None:
        """A block by its hash, also one that no branch in use has."""
        cached = self.blocks.get(hash)
        if cached is not None:
            return cached
        row = self.connection.execute(
            "SELECT header, transactions, receipts FROM block WHERE hash = ?", (hash,)
        ).fetchone()
        if row is None:
            return None
        transactions, receipts = self.fork.get_transaction_builder(), self.fork.get_receipt_builder()
        block = Block(
            header=rlp.decode(row[0], self.fork.header_class),
            hash=hash,
            transactions=tuple(transactions.decode(raw) for raw in rlp.decode(row[1])),
            receipts=tuple(receipts.decode(raw) for raw in rlp.decode(row[2])),
        )
        self.keep(block)
        return block

    def ancestor_hashes(self, hash: bytes) -> Iterator[bytes]:
        """`hash` and its ancestors, newest first, as far as BLOCKHASH can see."""
        for _ in range(256):
            block = self.block(hash)
            if block is None:
                return
            yield hash
            hash = block.header.parent_hash

    def placements(self, transaction_hash: bytes) -> list[tuple[bytes, int, int]]:
        """Every block, canonical or not, that has a transaction: its hash, its number, and where."""
        return self.connection.execute(
            "SELECT block_hash, number, position FROM placement WHERE transaction_hash = ?",
            (transaction_hash,),
        ).fetchall()

    def blocks_with_logs(
        self, first: int, last: int, addresses: list[bytes] | None
    ) -> Iterator[tuple[int, bytes]]:
        """Numbers and hashes of blocks, canonical or not, that have a log (of one of these addresses)."""
        query = "SELECT DISTINCT number, block_hash FROM log WHERE number BETWEEN ? AND ?"
        values: list[Any] = [first, last]
        if addresses is not None and len(addresses) <= 500:
            query += f" AND address IN ({','.join('?' * len(addresses))})"
            values += addresses
        yield from self.connection.execute(query + " ORDER BY number", values)

    # The canonical branch

    def set_canonical(self, above: int, hashes: list[bytes]) -> None:
        """Makes `hashes` the canonical blocks from number `above` + 1 on, and the last of them the head."""
        connection = self.connection
        connection.execute("BEGIN")
        connection.execute("DELETE FROM canonical WHERE number > ?", (above,))
        connection.executemany("INSERT INTO canonical VALUES (?, ?)", list(enumerate(hashes, above + 1)))
        connection.execute("COMMIT")
        self.canonical[above + 1 :] = hashes
