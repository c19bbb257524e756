"""Contracts by their ABI: functions are called by name, errors and events are known by theirs."""
import json
import pathlib

from eth_abi import decode, encode

from oracle.hashes import K, selector

from .chain import Chain, Reverted, name_errors, types_of

BUILD = pathlib.Path(__file__).resolve().parents[2] / ".build"


def kind(entry) -> str:
    """The canonical type of an ABI entry, tuples spelled out."""
    if entry["type"].startswith("tuple"):
        return "(" + ",".join(kind(c) for c in entry["components"]) + ")" + entry["type"][5:]
    return entry["type"]


class Artifact:
    def __init__(self, path: pathlib.Path):
        content = json.loads(path.read_text())
        self.name, self.abi = content.get("name", path.stem), content["abi"]
        self.bytecode = bytes.fromhex(content["bytecode"].removeprefix("0x"))
        runtime = content.get("runtime") or "0x"
        self.runtime = bytes.fromhex(runtime.removeprefix("0x"))
        self.functions, self.topics = {}, {}
        self.constructor = []
        for entry in self.abi:
            if entry["type"] == "constructor":
                self.constructor = [kind(i) for i in entry["inputs"]]
                self.constructor_names = [i["name"] for i in entry["inputs"]]
            elif entry["type"] == "function":
                types = [kind(i) for i in entry["inputs"]]
                signature = f"{entry['name']}({','.join(types)})"
                function = (signature, types, [kind(o) for o in entry["outputs"]], entry["stateMutability"])
                self.functions[signature] = function
                self.functions.setdefault((entry["name"], len(types)), []).append(function)
            elif entry["type"] == "event":
                self.topics[entry["name"]] = (
                    K(f"{entry['name']}({','.join(kind(i) for i in entry['inputs'])})".encode()), entry["inputs"])
            elif entry["type"] == "error":
                name_errors([f"{entry['name']}({','.join(kind(i) for i in entry['inputs'])})"])

    def find(self, name, count):
        if "(" in name:
            return self.functions[name]
        found = self.functions.get((name, count))
        assert found, f"{self.name} has no function {name} of {count} arguments"
        assert len(found) == 1, f"{self.name}.{name} has several forms of {count} arguments: name it with its types"
        return found[0]

    def init_code(self, *args) -> bytes:
        assert len(args) == len(self.constructor), f"{self.name} wants {self.constructor}"
        return self.bytecode + encode(self.constructor, list(args))


    def with_function(self, name: str, types, outputs) -> "Artifact":
        """The same contract, with a function that its fallback serves."""
        function = (f"{name}({','.join(types)})", list(types), list(outputs), "nonpayable")
        self.functions[function[0]] = function
        self.functions.setdefault((name, len(types)), []).append(function)
        return self

    def with_functions_of(self, other: "Artifact") -> "Artifact":
        """The same contract, which hands on to another one what it does not know itself."""
        for key, value in other.functions.items():
            self.functions.setdefault(key, value)
        for key, value in other.topics.items():
            self.topics.setdefault(key, value)
        return self


def artifact(name: str) -> Artifact:
    return Artifact(BUILD / f"{name}.json")


def have(*names) -> bool:
    return all((BUILD / f"{name}.json").exists() for name in names)


class Contract:
    """`contract.f(1, 2, sender=a)` is a transaction, `contract.read.f(1, 2)` a call that changes nothing."""

    def __init__(self, chain: Chain, address: bytes, made_from: Artifact, sender: bytes):
        self.chain, self.address, self.artifact, self.sender = chain, address, made_from, sender
        self.read = _Reader(self)

    @classmethod
    def deploy(cls, chain: Chain, made_from: Artifact, *args, sender: bytes, value: int = 0):
        receipt = chain.deploy(sender, made_from.init_code(*args), value)
        contract = cls(chain, receipt.created, made_from, sender)
        contract.deployment = receipt
        return contract

    def at(self, chain):
        return Contract(chain, self.address, self.artifact, self.sender)

    def encode(self, name, *args) -> bytes:
        signature, types, _, _ = self.artifact.find(name, len(args))
        return selector(signature) + encode(types, list(args))

    def send(self, name, *args, sender=None, value=0, gas=None):
        signature, types, outputs, _ = self.artifact.find(name, len(args))
        options = {} if gas is None else {"gas": gas}
        receipt = self.chain.transact(
            sender or self.sender, self.address, selector(signature) + encode(types, list(args)), value, **options)
        return _with_values(receipt, outputs)

    def look(self, name, *args, sender=None, value=0, gas=30_000_000):
        signature, types, outputs, _ = self.artifact.find(name, len(args))
        receipt = self.chain.call(
            sender or self.sender, self.address, selector(signature) + encode(types, list(args)), value, gas)
        if not receipt.ok:
            raise Reverted(receipt)
        return _with_values(receipt, outputs).value

    def __getattr__(self, name):
        return lambda *args, **options: self.send(name, *args, **options)

    def __getitem__(self, signature):
        return lambda *args, **options: self.send(signature, *args, **options)

    def topic(self, name) -> bytes:
        return self.artifact.topics[name][0]

    def event(self, name, log):
        """The fields of a log; an indexed string is its hash."""
        _, inputs = self.artifact.topics[name]
        indexed = [i for i in inputs if i["indexed"]]
        plain = [i for i in inputs if not i["indexed"]]
        fields = {}
        for entry, topic in zip(indexed, log.topics[1:]):
            dynamic = entry["type"] in ("string", "bytes") or entry["type"].startswith("tuple")
            fields[entry["name"]] = topic if dynamic else decode([entry["type"]], topic)[0]
        for entry, value in zip(plain, decode([kind(i) for i in plain], log.data)):
            fields[entry["name"]] = value
        return fields


class _Reader:
    def __init__(self, contract):
        self._contract = contract

    def __getattr__(self, name):
        return lambda *args, **options: self._contract.look(name, *args, **options)


def _with_values(receipt, outputs):
    if not outputs:
        return receipt
    values = tuple(_raw(v, o) for v, o in zip(decode(outputs, receipt.output), outputs))
    return type(receipt)(receipt.ok, receipt.output, receipt.gas_used, receipt.logs, receipt.calldata_size,
                         receipt.created, values)


def _raw(value, type_):
    return bytes.fromhex(value[2:]) if type_ == "address" else value


def hexa(address: bytes) -> str:
    """An address as the contracts write it in texts."""
    return "0x" + address.hex()
