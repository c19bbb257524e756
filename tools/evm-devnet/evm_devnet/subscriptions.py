"""eth_subscribe: who wants to hear of new heads, logs and waiting transactions."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from .encoding import block_logs, header_fields, hexadecimal
from .logs import LogFilter
from .store import Block


class Session(Protocol):
    """A connection that can be told something unasked."""

    path: str

    def push(self, text: str) -> None: ...

    def cut(self) -> None: ...


@dataclass(frozen=True)
class Subscription:
    session: Session
    kind: str
    filter: LogFilter | None


class Hub:
    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.sessions: set[Session] = set()

    def open(self, session: Session) -> None:
        self.sessions.add(session)

    def forget(self, session: Session) -> None:
        self.sessions.discard(session)
        self.subscriptions = {
            key: one for key, one in self.subscriptions.items() if one.session is not session
        }

    def close_sessions(self, path: str | None) -> int:
        """Cuts the connections at a path, or all; answers how many."""
        chosen = [session for session in self.sessions if path in (None, session.path)]
        for session in chosen:
            session.cut()
        return len(chosen)

    def add(self, session: Session, kind: str, filter: LogFilter | None) -> str:
        identifier = "0x" + secrets.token_hex(16)
        self.subscriptions[identifier] = Subscription(session, kind, filter)
        return identifier

    def remove(self, session: Session, identifier: str) -> bool:
        found = self.subscriptions.get(identifier)
        if found is None or found.session is not session:
            return False
        del self.subscriptions[identifier]
        return True

    def tell(self, identifier: str, result: Any) -> None:
        message = {
            "jsonrpc": "2.0",
            "method": "eth_subscription",
            "params": {"subscription": identifier, "result": result},
        }
        self.subscriptions[identifier].session.push(json.dumps(message))

    def head_changed(self, removed: list[Block], added: list[Block], deaf: set[str]) -> None:
        """Tells of logs that are no longer there, newest block first, then of new blocks and their logs.

        Sessions on paths in `deaf` hear nothing: their endpoint does not know of these blocks.
        """
        for identifier, one in list(self.subscriptions.items()):
            if one.session.path in deaf:
                continue
            if one.kind == "newHeads":
                for block in added:
                    self.tell(identifier, header_fields(block.header))
            elif one.kind == "logs" and one.filter is not None:
                for blocks, gone in ((removed, True), (added, False)):
                    for block in blocks:
                        for log, fields in block_logs(block, removed=gone):
                            if one.filter.matches(log):
                                self.tell(identifier, fields)

    def transaction_waits(self, hash: bytes) -> None:
        for identifier, one in list(self.subscriptions.items()):
            if one.kind == "newPendingTransactions":
                self.tell(identifier, hexadecimal(hash))
