"""Errors as JSON-RPC says them. Words and codes are geth's, since clients tell errors apart by them."""

from __future__ import annotations

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
EXECUTION_REVERTED = 3


class RPCError(Exception):
    """An error that the caller gets as it is."""

    def __init__(self, message: str, code: int = SERVER_ERROR, payload: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.payload = payload

    def body(self) -> dict:
        body: dict = {"code": self.code, "message": self.message}
        if self.payload is not None:
            body["data"] = self.payload
        return body


def invalid_params(message: str) -> RPCError:
    return RPCError(message, INVALID_PARAMS)
