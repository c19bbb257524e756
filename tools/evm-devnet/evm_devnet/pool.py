"""Transactions that wait for a block, with the rules and the words of geth's pool.

A transaction whose nonce is the sender's next one, or follows others that wait, is executable; one after a gap is queued
until the gap is filled. One for a nonce that is taken replaces the old one when it pays a tenth more.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth.exceptions import UnrecognizedTransactionType
from eth.vm.forks.prague.constants import STANDARD_TOKEN_COST, TOTAL_COST_FLOOR_PER_TOKEN

from .errors import RPCError

TRANSACTION_SIZE_MAX = 128 * 1024
INITCODE_SIZE_MAX = 49_152
REPLACEMENT_BUMP_PERCENT = 10
WAITING_MAX = 20_000
TYPES = {"cancun": (0, 1, 2), "prague": (0, 1, 2, 4)}


@dataclass(frozen=True)
class Waiting:
    transaction: Any
    raw: bytes
    sender: bytes
    arrival: int

    @property
    def hash(self) -> bytes:
        return self.transaction.hash

    @property
    def cost(self) -> int:
        return self.transaction.value + self.transaction.gas * self.transaction.max_fee_per_gas


def tip(transaction: Any, base_fee: int) -> int:
    return min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)


def floor_gas(transaction: Any) -> int:
    """EIP-7623: the least that a transaction with this calldata pays for."""
    zeros = transaction.data.count(0)
    tokens = zeros + (len(transaction.data) - zeros) * STANDARD_TOKEN_COST
    return 21_000 + TOTAL_COST_FLOOR_PER_TOKEN * tokens


class Pool:
    def __init__(self, fork: Any, chain_id: int, price_limit: int, unprotected: bool) -> None:
        self.fork = fork
        self.chain_id = chain_id
        self.price_limit = price_limit
        self.unprotected = unprotected
        self.senders: dict[bytes, dict[int, Waiting]] = {}
        self.hashes: dict[bytes, Waiting] = {}
        self.arrivals = 0

    # Acceptance

    def decode(self, raw: bytes) -> Any:
        try:
            transaction = self.fork.get_transaction_builder().decode(raw)
            kind = transaction.type_id or 0
        except (UnrecognizedTransactionType, NotImplementedError):
            raise RPCError("transaction type not supported") from None
        except Exception as problem:  # The decoder lets through whatever its parts raise.
            raise RPCError(f"rlp: {problem}") from None
        if kind not in TYPES[self.fork.fork]:
            raise RPCError("transaction type not supported")
        return transaction

    def check(self, transaction: Any, raw: bytes, gas_limit: int) -> bytes:
        """What can be said without the state; answers the sender."""
        if len(raw) > TRANSACTION_SIZE_MAX:
            raise RPCError(f"oversized data: transaction size {len(raw)}, limit {TRANSACTION_SIZE_MAX}")
        if transaction.chain_id is None:
            if not self.unprotected:
                raise RPCError("only replay-protected (EIP-155) transactions allowed over RPC")
        elif transaction.chain_id != self.chain_id:
            raise RPCError(
                f"invalid sender: invalid chain id for signer: have {transaction.chain_id} want {self.chain_id}"
            )
        if not transaction.to and len(transaction.data) > INITCODE_SIZE_MAX:
            raise RPCError(
                f"max initcode size exceeded: code size {len(transaction.data)}, limit {INITCODE_SIZE_MAX}"
            )
        if transaction.gas > gas_limit:
            raise RPCError("exceeds block gas limit")
        if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
            raise RPCError("max priority fee per gas higher than max fee per gas")
        try:
            transaction.validate()
            sender = transaction.sender
        except Exception:  # Bad points and scalars raise differently in each backend.
            raise RPCError("invalid sender") from None
        if transaction.gas < transaction.intrinsic_gas:
            raise RPCError(
                f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
            )
        if self.fork.fork == "prague" and transaction.gas < floor_gas(transaction):
            raise RPCError(
                "insufficient gas for floor data gas cost: "
                f"gas {transaction.gas}, minimum needed {floor_gas(transaction)}"
            )
        if transaction.max_priority_fee_per_gas < self.price_limit:
            raise RPCError(
                "transaction underpriced: gas tip cap "
                f"{transaction.max_priority_fee_per_gas}, minimum needed {self.price_limit}"
            )
        return sender

    def add(self, raw: bytes, state: Any, gas_limit: int) -> Waiting:
        transaction = self.decode(raw)
        if transaction.hash in self.hashes:
            raise RPCError("already known")
        sender = self.check(transaction, raw, gas_limit)
        next_nonce, balance = state.get_nonce(sender), state.get_balance(sender)
        if transaction.nonce < next_nonce:
            raise RPCError(f"nonce too low: next nonce {next_nonce}, tx nonce {transaction.nonce}")
        waiting = Waiting(transaction, raw, sender, self.arrivals)
        if balance < waiting.cost:
            raise RPCError(
                "insufficient funds for gas * price + value: "
                f"balance {balance}, tx cost {waiting.cost}, overshot {waiting.cost - balance}"
            )
        of_sender = self.senders.get(sender, {})
        old = of_sender.get(transaction.nonce)
        queued = sum(other.cost for other in of_sender.values()) - (old.cost if old else 0)
        if balance < queued + waiting.cost:
            raise RPCError(
                f"insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, "
                f"tx cost {waiting.cost}, overshot {queued + waiting.cost - balance}"
            )
        if old is not None and not self.replaces(transaction, old.transaction):
            raise RPCError("replacement transaction underpriced")
        if old is None and len(self.hashes) >= WAITING_MAX:
            raise RPCError("txpool is full")
        self.put(waiting)
        return waiting

    @staticmethod
    def replaces(new: Any, old: Any) -> bool:
        for fee, fee_before in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        ):
            if fee <= fee_before or fee < fee_before * (100 + REPLACEMENT_BUMP_PERCENT) // 100:
                return False
        return True

    def put(self, waiting: Waiting) -> None:
        of_sender = self.senders.setdefault(waiting.sender, {})
        old = of_sender.get(waiting.transaction.nonce)
        if old is not None:
            del self.hashes[old.hash]
        of_sender[waiting.transaction.nonce] = waiting
        self.hashes[waiting.hash] = waiting
        self.arrivals += 1

    def restore(self, transactions: list[Any]) -> None:
        """Takes back transactions of blocks that are no longer canonical; one that waits for the same nonce stays."""
        for transaction in transactions:
            if transaction.nonce not in self.senders.get(transaction.sender, {}):
                self.put(Waiting(transaction, transaction.encode(), transaction.sender, self.arrivals))

    def drop(self, hash: bytes) -> bool:
        waiting = self.hashes.pop(hash, None)
        if waiting is None:
            return False
        of_sender = self.senders[waiting.sender]
        del of_sender[waiting.transaction.nonce]
        if not of_sender:
            del self.senders[waiting.sender]
        return True

    def reset(self, state: Any) -> None:
        """Forgets what a new head made impossible: nonces that were used, and what the sender cannot pay for any more."""
        for sender, of_sender in list(self.senders.items()):
            next_nonce, balance = state.get_nonce(sender), state.get_balance(sender)
            for nonce, waiting in list(of_sender.items()):
                if nonce < next_nonce or waiting.cost > balance:
                    self.drop(waiting.hash)

    # Order

    def executable(self, sender: bytes, next_nonce: int) -> list[Waiting]:
        of_sender = self.senders.get(sender, {})
        run = []
        while next_nonce in of_sender:
            run.append(of_sender[next_nonce])
            next_nonce += 1
        return run

    def next_nonce(self, sender: bytes, state: Any) -> int:
        nonce = state.get_nonce(sender)
        return nonce + len(self.executable(sender, nonce))

    def split(self, state: Any) -> tuple[list[Waiting], list[Waiting]]:
        """Executable ones and queued ones."""
        executable = [
            one for sender in self.senders for one in self.executable(sender, state.get_nonce(sender))
        ]
        hashes = {one.hash for one in executable}
        return executable, [one for one in self.hashes.values() if one.hash not in hashes]

    def best(self, state: Any, base_fee: int) -> Iterator[Any]:
        """Executable transactions that pay this base fee: highest tip first, each sender's in the order of nonces."""
        heap: list[tuple[int, int, bytes, list[Waiting]]] = []

        def push(sender: bytes, run: list[Waiting]) -> None:
            if run and run[0].transaction.max_fee_per_gas >= base_fee:
                first = run[0]
                heapq.heappush(heap, (-tip(first.transaction, base_fee), first.arrival, sender, run))

        for sender in list(self.senders):
            push(sender, self.executable(sender, state.get_nonce(sender)))
        while heap:
            _, _, sender, run = heapq.heappop(heap)
            yield run[0].transaction
            push(sender, run[1:])
