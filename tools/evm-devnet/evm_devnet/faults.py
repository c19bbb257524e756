"""Lies and failures of an endpoint, for tests of those who ask it.

Every path of the server is an endpoint of its own with its own faults, so that one node can stand for several: `/` is
honest until told otherwise, and so is `/second`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .encoding import parse_hash, parse_number
from .errors import METHOD_NOT_FOUND, RPCError, invalid_params

KINDS = {
    # One answer is wrong.
    "error": {"code", "message", "data"},
    "result": {"result"},
    "patch": {"patch"},
    "null": set(),
    "dropLogs": {"keep"},
    "wrongId": set(),
    # The whole response is.
    "status": {"status", "retryAfter"},
    "malformed": set(),
    "truncated": set(),
    "empty": set(),
    "hangup": set(),
    # It is right, but late.
    "slow": {"milliseconds"},
}
WHOLE_RESPONSE = {"status", "malformed", "truncated", "empty", "hangup"}
FIELDS = {
    "path", "chainId", "lag", "head", "prunedDepth", "logsRangeMax", "logsResultMax", "logsErrorStyle", "unsupported",
    "answers",
}  # fmt: skip


def range_error(style: str, limit: int, first: int) -> RPCError:
    """How providers of nodes say that a range of eth_getLogs is too wide."""
    if style == "alchemy":
        return RPCError(
            "Log response size exceeded. You can make eth_getLogs requests with up to a "
            f"{limit} block range. Based on your parameters and the response size limit, this block range should "
            f"work: [{hex(first)}, {hex(first + limit - 1)}]",
            -32602,
        )
    if style == "infura":
        return RPCError("query returned more than 10000 results", -32005)
    if style == "quicknode":
        return RPCError(f"eth_getLogs is limited to a {limit:,} range", -32614)
    return RPCError(f"exceed maximum block range: {limit}")


STYLES = ("geth", "alchemy", "infura", "quicknode")


@dataclass
class Answer:
    """One scripted answer: for which calls, from which one on, how often, and what is done to it."""

    method: str
    kind: str
    detail: dict
    skip: int = 0
    times: int | None = None

    def matches(self, method: str) -> bool:
        """Whether this call gets it; counts."""
        if self.method not in ("*", method) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Faults:
    chain_id: int | None = None
    lag: int = 0
    head: bytes | None = None
    pruned_depth: int | None = None
    logs_range_max: int | None = None
    logs_result_max: int | None = None
    logs_error_style: str = "geth"
    unsupported: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    given: dict = field(default_factory=dict)

    def refuse_unsupported(self, method: str) -> None:
        if method in self.unsupported:
            raise RPCError(f"the method {method} does not exist/is not available", METHOD_NOT_FOUND)

    def scripted(self, method: str) -> list[Answer]:
        """What is done to the answer of this call: any slow ones, then the first other."""
        chosen = []
        for answer in self.answers:
            if answer.matches(method):
                chosen.append(answer)
                if answer.kind != "slow":
                    break
        return chosen


HONEST = Faults()


def parse_answer(value: Any) -> Answer:
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise invalid_params(f"answers: kind is one of {', '.join(KINDS)}")
    kind = value["kind"]
    unknown = set(value) - {"method", "kind", "skip", "times"} - KINDS[kind]
    if unknown:
        raise invalid_params(f"answers: {kind} has no {', '.join(sorted(unknown))}")
    return Answer(
        method=str(value.get("method", "*")),
        kind=kind,
        detail={key: value[key] for key in KINDS[kind] if key in value},
        skip=parse_number(value.get("skip", 0), "skip"),
        times=parse_number(value["times"], "times") if value.get("times") is not None else None,
    )


def parse_faults(value: dict, pinned_head: bytes) -> Faults:
    """Reads the argument of devnet_setFaults; "pin" as head is `pinned_head`."""
    unknown = set(value) - FIELDS
    if unknown:
        raise invalid_params(
            f"devnet_setFaults has no {', '.join(sorted(unknown))}; there are {', '.join(sorted(FIELDS))}"
        )

    def number(name: str) -> int | None:
        return parse_number(value[name], name) if value.get(name) is not None else None

    style = value.get("logsErrorStyle", "geth")
    if style not in STYLES:
        raise invalid_params(f"logsErrorStyle is one of {', '.join(STYLES)}")
    head = value.get("head")
    if head is not None:
        head = pinned_head if head == "pin" else parse_hash(head, "head")
    return Faults(
        chain_id=number("chainId"),
        lag=number("lag") or 0,
        head=head,
        pruned_depth=number("prunedDepth"),
        logs_range_max=number("logsRangeMax"),
        logs_result_max=number("logsResultMax"),
        logs_error_style=style,
        unsupported=[str(method) for method in value.get("unsupported", [])],
        answers=[parse_answer(answer) for answer in value.get("answers", [])],
        given=value,
    )
