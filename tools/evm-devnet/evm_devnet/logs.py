"""Filters of logs, for eth_getLogs and for subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .encoding import parse_address, parse_hash
from .errors import invalid_params

ADDRESSES_MAX = 1_000
TOPIC_POSITIONS_MAX = 4


@dataclass(frozen=True)
class LogFilter:
    """Addresses of which a log has one, and for each topic's position the words of which it has one; None is any."""

    addresses: frozenset[bytes] | None
    topics: tuple[frozenset[int] | None, ...]

    def matches(self, log: Any) -> bool:
        if self.addresses is not None and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(wanted is None or topic in wanted for wanted, topic in zip(self.topics, log.topics))


def parse_filter(value: Any) -> LogFilter:
    if not isinstance(value, dict):
        raise invalid_params("invalid argument 0: wanted a filter object")
    address = value.get("address")
    addresses = None
    if isinstance(address, str):
        addresses = frozenset([parse_address(address)])
    elif isinstance(address, list):
        if len(address) > ADDRESSES_MAX:
            raise invalid_params(f"exceed max addresses: {ADDRESSES_MAX}")
        addresses = frozenset(parse_address(one) for one in address) or None
    elif address is not None:
        raise invalid_params("invalid addresses in query")
    topics = value.get("topics") or []
    if not isinstance(topics, list) or len(topics) > TOPIC_POSITIONS_MAX:
        raise invalid_params("exceed max topics")
    positions: list[frozenset[int] | None] = []
    for wanted in topics:
        words = wanted if isinstance(wanted, list) else [wanted]
        if wanted is None or not words or any(word is None for word in words):
            positions.append(None)
        else:
            positions.append(frozenset(int.from_bytes(parse_hash(word, "topic"), "big") for word in words))
    return LogFilter(addresses, tuple(positions))
