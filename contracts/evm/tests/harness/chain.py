"""What a test asks of an EVM. Every call is a transaction of its own: transient storage ends with it."""
from dataclasses import dataclass, field

from eth_abi import decode, encode

from oracle.hashes import K, selector

GAS = 15_000_000
CHAIN_ID = 31337
START = 1_700_000_000


@dataclass(frozen=True)
class Log:
    address: bytes
    topics: tuple
    data: bytes


@dataclass(frozen=True)
class Receipt:
    ok: bool
    output: bytes
    gas_used: int
    logs: tuple
    calldata_size: int = 0
    created: bytes = b""
    values: tuple = field(default=())

    @property
    def value(self):
        """The only value that the function returned, or the tuple of all."""
        return self.values[0] if len(self.values) == 1 else self.values

    def named(self, signature: str, address: bytes = None):
        """The logs of an event by its signature."""
        topic = K(signature.encode())
        return [log for log in self.logs
                if log.topics[:1] == (topic,) and (address is None or log.address == address)]

    def events(self, contract, name: str):
        """What an event of a contract says, decoded, as dictionaries."""
        return [contract.event(name, log) for log in self.logs
                if log.address == contract.address and log.topics[:1] == (contract.topic(name),)]


class Reverted(Exception):
    """A transaction that failed, with the bytes that it answered (none when it ran out of gas)."""

    def __init__(self, receipt: Receipt):
        self.receipt = receipt
        self.data = receipt.output
        super().__init__(explain(self.data))


def explain(data: bytes) -> str:
    if not data:
        return "no bytes"
    if data[:4] == selector("Error(string)"):
        return "Error: " + decode(["string"], data[4:])[0]
    known = NAMES.get(data[:4])
    if known is None:
        return "0x" + data.hex()
    try:
        return f"{known} {decode(types_of(known), data[4:])}"
    except Exception:
        return f"{known} 0x{data[4:].hex()}"


NAMES = {}


def name_errors(signatures):
    for signature in signatures:
        NAMES[selector(signature)] = signature


def types_of(signature: str):
    """The types between the outer parentheses of a signature."""
    inner = signature[signature.index("(") + 1 : -1]
    types, depth, start = [], 0, 0
    for at, letter in enumerate(inner):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "," and depth == 0:
            types.append(inner[start:at])
            start = at + 1
    return types + [inner[start:]] if inner else []


class reverts:
    """`with reverts("Error(uint256)", 5):` the block must fail with exactly this error; without arguments any will do."""

    def __init__(self, signature, *args):
        self.signature, self.args, self.data = signature, args, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            raise AssertionError(f"{self.signature} was expected, and nothing failed")
        if not isinstance(error, Reverted):
            return False
        self.data = error.data
        if self.signature is None:
            assert error.data == b"", f"no bytes expected, got {explain(error.data)}"
        elif "(" not in self.signature:
            expected = selector("Error(string)") + encode(["string"], [self.signature])
            assert error.data == expected, f"'{self.signature}' expected, got {explain(error.data)}"
        else:
            assert error.data[:4] == selector(self.signature), (
                f"{self.signature} expected, got {explain(error.data)}")
            if self.args:
                expected = encode(types_of(self.signature), list(self.args))
                assert error.data[4:] == expected, (
                    f"{self.signature} {self.args} expected, got {explain(error.data)}")
        return True


class Chain:
    """One EVM. `transact` raises `Reverted`; `call` changes nothing."""

    name = ""
    has_state_proofs = False

    def __init__(self):
        self.timestamp = START
        self.number = 1

    def account(self, number: int) -> bytes:
        """A rich account that no contract is at."""
        address = K(b"account %d" % number)[12:]
        self.fund(address, 10**24)
        return address

    def fund(self, address: bytes, amount: int):
        raise NotImplementedError

    def place(self, address: bytes, runtime: bytes):
        """Puts code where a recorded call expects it. It is not taken back by `restore` on every EVM."""
        raise NotImplementedError

    def transact(self, sender: bytes, to: bytes, data: bytes, value: int = 0, gas: int = GAS) -> Receipt:
        receipt = self.attempt(sender, to, data, value, gas)
        if not receipt.ok:
            raise Reverted(receipt)
        return receipt

    def some(self, cases, least: int = 25):
        """All cases on the fast EVM; on the slow one at least `least` of them, evenly spread."""
        cases = list(cases)
        if self.name != "py-evm" or len(cases) <= least:
            return cases
        return cases[:: len(cases) // least]

    def pass_time(self, seconds: int):
        self.timestamp += seconds
        self.number += 1
