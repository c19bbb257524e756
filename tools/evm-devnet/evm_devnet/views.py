"""What one endpoint sees of the chain: all of it, or an older head, or a branch that others have left."""

from __future__ import annotations

from typing import Any

from .chain import Chain
from .encoding import parse_hash, parse_quantity
from .errors import RPCError, invalid_params
from .store import Block

TAGS = ("latest", "pending", "safe", "finalized", "earliest")


class View:
    """The chain up to `head`, which is a block of any branch."""

    def __init__(self, chain: Chain, head: bytes, safe_distance: int, finalized_distance: int) -> None:
        self.chain = chain
        self.above, self.own = chain.branch(head)
        self.number = self.above + len(self.own)
        self.safe_distance = safe_distance
        self.finalized_distance = finalized_distance

    @property
    def head(self) -> Block:
        block = self.block_at(self.number)
        assert block is not None
        return block

    def hash_at(self, number: int) -> bytes | None:
        if number < 0 or number > self.number:
            return None
        if number > self.above:
            return self.own[number - self.above - 1]
        return self.chain.store.canonical[number]

    def block_at(self, number: int) -> Block | None:
        hash = self.hash_at(number)
        return self.chain.store.block(hash) if hash else None

    def has(self, block: Block) -> bool:
        return self.hash_at(block.number) == block.hash

    def placed(self, transaction_hash: bytes) -> tuple[Block, int] | None:
        """The block of this view that has a transaction, and where in it."""
        for block_hash, number, position in self.chain.store.placements(transaction_hash):
            if self.hash_at(number) == block_hash:
                return self.chain.required(block_hash), position
        return None

    def number_of(self, tag: Any) -> int:
        """The height that a tag or a quantity names; pending is the head's."""
        if tag in ("latest", "pending"):
            return self.number
        if tag == "safe":
            return max(0, self.number - self.safe_distance)
        if tag == "finalized":
            return max(0, self.number - self.finalized_distance)
        if tag == "earliest":
            return 0
        return parse_quantity(tag, "block number", 64)

    def find(self, where: Any) -> Block | None:
        """A block by tag, number or hash object (EIP-1898)."""
        if where is None:
            return self.head
        if isinstance(where, dict):
            if ("blockHash" in where) == ("blockNumber" in where):
                raise invalid_params("invalid argument: wanted one of blockHash and blockNumber")
            if "blockNumber" in where:
                return self.block_at(self.number_of(where["blockNumber"]))
            block = self.chain.store.block(parse_hash(where["blockHash"], "blockHash"))
            if block is not None and where.get("requireCanonical") and not self.has(block):
                raise RPCError("hash is not currently canonical")
            return block
        if isinstance(where, str) and len(where) == 66:
            return self.chain.store.block(parse_hash(where, "block hash"))
        return self.block_at(self.number_of(where))

    def require(self, where: Any) -> Block:
        block = self.find(where)
        if block is None:
            raise RPCError("header not found")
        return block
