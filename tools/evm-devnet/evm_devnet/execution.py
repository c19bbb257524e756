"""eth_call and eth_estimateGas: execution that leaves nothing behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import InsufficientFunds, OutOfGas, Revert, VMError

from .encoding import hexadecimal, parse_address, parse_bytes, parse_hash, parse_quantity, parse_slot
from .errors import EXECUTION_REVERTED, RPCError, invalid_params
from .pool import INITCODE_SIZE_MAX, floor_gas

ERROR_STRING_SELECTOR = bytes.fromhex("08c379a0")
PANIC_SELECTOR = bytes.fromhex("4e487b71")
CALL_STIPEND = 2_300
# geth's estimator stops when the bounds are this close.
ESTIMATE_TOLERANCE = 0.015


@dataclass
class Call:
    """A message as py-evm's transaction executor wants one, which needs no signature and pays nothing."""

    sender: bytes
    to: bytes
    value: int
    data: bytes
    gas: int
    access_list: list = field(default_factory=list)
    nonce: int = 0
    type_id: int = 2
    gas_price: int = 0
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0

    @property
    def intrinsic_gas(self) -> int:
        zeros = self.data.count(0)
        gas = 21_000 + zeros * 4 + (len(self.data) - zeros) * 16
        if not self.to:
            gas += 32_000 + (len(self.data) + 31) // 32 * 2
        return gas + sum(2_400 + 1_900 * len(slots) for _, slots in self.access_list)


def parse_call(value: Any, gas_default: int) -> Call:
    if not isinstance(value, dict):
        raise invalid_params("invalid argument 0: wanted a transaction object")
    given = {key: entry for key, entry in value.items() if entry is not None}
    data = given.get("input", given.get("data", "0x"))
    if "input" in given and "data" in given and given["input"] != given["data"]:
        raise invalid_params(
            'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data'
        )
    access_list = [
        (parse_address(entry.get("address")), [parse_slot(slot) for slot in entry.get("storageKeys", [])])
        for entry in given.get("accessList", [])
    ]
    gas = parse_quantity(given["gas"], "gas", 64) if "gas" in given else gas_default
    return Call(
        sender=parse_address(given.get("from", "0x" + "00" * 20), "from"),
        to=parse_address(given["to"], "to") if given.get("to") not in (None, "0x") else b"",
        value=parse_quantity(given.get("value", "0x0"), "value"),
        data=parse_bytes(data, "input"),
        gas=min(gas, gas_default),
        access_list=access_list,
    )


def override(state: Any, overrides: Any) -> None:
    """geth's third argument of eth_call: accounts as they are not."""
    if not isinstance(overrides, dict):
        raise invalid_params("invalid argument 2: wanted state overrides by address")
    for text, account in overrides.items():
        address = parse_address(text)
        if "balance" in account:
            state.set_balance(address, parse_quantity(account["balance"], "balance"))
        if "nonce" in account:
            state.set_nonce(address, parse_quantity(account["nonce"], "nonce", 64))
        if "code" in account:
            state.set_code(address, parse_bytes(account["code"], "code"))
        if "state" in account:
            state.delete_storage(address)
        for slot, word in {**account.get("state", {}), **account.get("stateDiff", {})}.items():
            state.set_storage(
                address, parse_slot(slot), int.from_bytes(parse_hash(word, "storage value"), "big")
            )


def free_state(chain: Any, header: Any, overrides: Any = None) -> Any:
    """A state to execute on for nothing, with the surroundings of `header` and its state root."""
    state = chain.machine(header.copy(base_fee_per_gas=0)).state
    if overrides:
        override(state, overrides)
    return state


def execute(state: Any, call: Call) -> ComputationAPI:
    if call.gas < call.intrinsic_gas:
        raise RPCError(f"intrinsic gas too low: have {call.gas}, want {call.intrinsic_gas}")
    if not call.to and len(call.data) > INITCODE_SIZE_MAX:
        raise RPCError(f"max initcode size exceeded: code size {len(call.data)}, limit {INITCODE_SIZE_MAX}")
    balance = state.get_balance(call.sender)
    if call.value > balance:
        raise RPCError(
            "insufficient funds for gas * price + value: "
            f"address {hexadecimal(call.sender)} have {balance} want {call.value}"
        )
    executor = state.get_transaction_executor()
    message = executor.build_evm_message(call)
    computation = executor.finalize_computation(call, executor.build_computation(message, call))
    if hasattr(state, "clear_transient_storage"):
        state.clear_transient_storage()
    return computation


def revert_reason(output: bytes) -> str | None:
    if output[:4] == ERROR_STRING_SELECTOR and len(output) >= 68:
        length = int.from_bytes(output[36:68], "big")
        if length <= len(output) - 68:
            return output[68 : 68 + length].decode("utf-8", "replace")
    if output[:4] == PANIC_SELECTOR and len(output) == 36:
        return f"panic code {hex(int.from_bytes(output[4:], 'big'))}"
    return None


def raise_failure(computation: ComputationAPI) -> None:
    """The error that geth answers for this failure."""
    error = computation.error
    if isinstance(error, Revert):
        reason = revert_reason(computation.output)
        raise RPCError(
            "execution reverted" + (f": {reason}" if reason else ""),
            EXECUTION_REVERTED,
            hexadecimal(computation.output),
        )
    if isinstance(error, OutOfGas):
        raise RPCError("out of gas")
    if isinstance(error, InsufficientFunds):
        raise RPCError("insufficient balance for transfer")
    if isinstance(error, VMError):
        raise RPCError(f"{type(error).__name__}: {error}")


def call(chain: Any, header: Any, message: Call, overrides: Any = None) -> bytes:
    computation = execute(free_state(chain, header, overrides), message)
    if computation.is_error:
        raise_failure(computation)
    return computation.output


def estimate(chain: Any, header: Any, message: Call, overrides: Any = None) -> int:
    """The least gas with which the call works, a little rounded up, found by bisection as geth does."""

    def run(gas: int) -> ComputationAPI:
        message.gas = gas
        return execute(free_state(chain, header, overrides), message)

    highest = message.gas
    least = message.intrinsic_gas
    if chain.fork.fork == "prague":
        least = max(least, floor_gas(message))
    if highest < least:
        raise RPCError(f"gas required exceeds allowance ({highest})")
    computation = run(highest)
    if computation.is_error:
        if isinstance(computation.error, OutOfGas):
            raise RPCError(f"gas required exceeds allowance ({highest})")
        raise_failure(computation)
    used = chain.fork.finalize_gas_used(message, computation)
    # Where nothing depends on how much gas is left, that is the answer.
    lowest = max(least, used)
    if lowest >= highest or not run(lowest).is_error:
        return lowest
    # What a first try with the refund and the 63/64 that a call may pass on back in usually comes to.
    optimistic = (used + computation.get_gas_refund() + CALL_STIPEND) * 64 // 63
    if lowest < optimistic < highest:
        if run(optimistic).is_error:
            lowest = optimistic
        else:
            highest = optimistic
    while lowest + 1 < highest:
        if (highest - lowest) / highest < ESTIMATE_TOLERANCE:
            break
        middle = min((highest + lowest) // 2, lowest * 2)
        if run(middle).is_error:
            lowest = middle
        else:
            highest = middle
    return highest
