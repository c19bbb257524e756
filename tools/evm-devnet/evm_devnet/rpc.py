"""Requests and batches of JSON-RPC 2.0, and what an endpoint's faults do to the answers."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass
from typing import Any

from . import methods, methods_control, methods_eth
from .errors import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, RPCError
from .faults import WHOLE_RESPONSE, Answer
from .methods import Context
from .node import Node
from .subscriptions import Session

# Importing them fills the table.
REGISTERED = (methods_control, methods_eth)
BATCH_MAX = 1_000


@dataclass
class Response:
    """What goes back: text, or nothing for notifications; `fate` is a fault of the whole response."""

    text: str | None
    fate: Answer | None = None


class Endpoint:
    """One path of the server."""

    def __init__(self, node: Node, path: str, session: Session | None = None) -> None:
        self.node = node
        self.context = Context(node, path, session)

    def handle(self, payload: bytes) -> Response:
        try:
            request = json.loads(payload)
        except (ValueError, RecursionError):
            return self.failure(RPCError("parse error", PARSE_ERROR))
        if isinstance(request, list):
            if not request:
                return self.failure(RPCError("empty batch", INVALID_REQUEST))
            if len(request) > BATCH_MAX:
                return self.failure(RPCError("batch too large", INVALID_REQUEST))
            handled = [self.handle_one(one) for one in request]
            fate = next((fate for _, fate in handled if fate), None)
            answers = [answer for answer, _ in handled if answer is not None]
            return Response(json.dumps(answers) if answers else None, fate)
        answer, fate = self.handle_one(request)
        return Response(None if answer is None else json.dumps(answer), fate)

    @staticmethod
    def failure(error: RPCError) -> Response:
        return Response(json.dumps({"jsonrpc": "2.0", "id": None, "error": error.body()}))

    def handle_one(self, request: Any) -> tuple[dict | None, Answer | None]:
        name = request.get("method") if isinstance(request, dict) else None
        if not isinstance(name, str) or isinstance(request.get("id"), (dict, list)):
            error = RPCError("invalid request", INVALID_REQUEST)
            return {"jsonrpc": "2.0", "id": None, "error": error.body()}, None
        scripted = []
        if not methods.is_control(name):
            with self.node.lock:
                scripted = self.context.faults.scripted(name)
        fate = None
        change = None
        for answer in scripted:
            if answer.kind == "slow":
                time.sleep(answer.detail.get("milliseconds", 1_000) / 1_000)
            elif answer.kind in WHOLE_RESPONSE:
                fate = answer
            else:
                change = answer
        outcome = self.changed(self.outcome(name, request.get("params"), change), change)
        if "id" not in request:
            return None, fate
        identifier = request["id"]
        if change is not None and change.kind == "wrongId":
            identifier = 987_654_321
        return {"jsonrpc": "2.0", "id": identifier, **outcome}, fate

    def outcome(self, name: str, params: Any, change: Answer | None) -> dict:
        if change is not None and change.kind == "error":
            detail = change.detail
            error = RPCError(
                detail.get("message", "internal error"), detail.get("code", -32000), detail.get("data")
            )
            return {"error": error.body()}
        try:
            return {"result": methods.call(self.context, name, params)}
        except RPCError as error:
            self.node.say(f"{name}: {error.message}")
            return {"error": error.body()}
        except Exception as problem:  # The caller hears of a mistake of ours, and the node goes on.
            self.node.say(f"{name}: {traceback.format_exc()}")
            return {
                "error": RPCError(
                    f"internal error: {type(problem).__name__}: {problem}", INTERNAL_ERROR
                ).body()
            }

    @staticmethod
    def changed(outcome: dict, change: Answer | None) -> dict:
        if change is None or "result" not in outcome:
            return outcome
        result = outcome["result"]
        if change.kind == "null":
            return {"result": None}
        if change.kind == "result":
            return {"result": change.detail.get("result")}
        if change.kind == "patch" and isinstance(result, dict):
            return {"result": {**result, **change.detail.get("patch", {})}}
        if change.kind == "dropLogs" and isinstance(result, list):
            return {"result": result[: change.detail.get("keep", len(result) // 2)]}
        return outcome
