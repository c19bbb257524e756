"""The table of JSON-RPC methods: modules put functions into it by a decorator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import METHOD_NOT_FOUND, RPCError, invalid_params
from .faults import Faults
from .node import Node
from .subscriptions import Session
from .views import View


@dataclass(frozen=True)
class Context:
    """Who asks: at which endpoint, with what it sees, and over which connection if it can be told things later."""

    node: Node
    path: str
    session: Session | None

    @property
    def faults(self) -> Faults:
        return self.node.faults_of(self.path)

    @property
    def view(self) -> View:
        return self.node.view(self.path)


@dataclass(frozen=True)
class Method:
    function: Callable
    required: int
    most: int | None


TABLE: dict[str, Method] = {}


def method(*names: str) -> Callable[[Callable], Callable]:
    def enter(function: Callable) -> Callable:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        variadic = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
        required = sum(
            one.default is inspect.Parameter.empty and one.kind is not inspect.Parameter.VAR_POSITIONAL
            for one in parameters
        )
        for name in names:
            TABLE[name] = Method(function, required, None if variadic else len(parameters))
        return function

    return enter


def is_control(name: str) -> bool:
    """Whether a method steers the node: these never lie and never fail by script."""
    return name.startswith(("evm_", "devnet_", "anvil_", "hardhat_"))


def call(context: Context, name: str, params: Any) -> Any:
    found = TABLE.get(name)
    if found is None:
        raise RPCError(f"the method {name} does not exist/is not available", METHOD_NOT_FOUND)
    if not is_control(name):
        context.faults.refuse_unsupported(name)
    params = [] if params is None else params
    if not isinstance(params, list):
        raise invalid_params("non-array args")
    if len(params) < found.required:
        raise invalid_params(f"missing value for required argument {len(params)}")
    if found.most is not None and len(params) > found.most:
        raise invalid_params(f"too many arguments, want at most {found.most}")
    with context.node.lock:
        return found.function(context, *params)
