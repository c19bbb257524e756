"""Compiles the contracts listed in contracts/evm/contracts.txt with the Vyper of .venv.

Run by script/contracts, which says what the arguments mean. A contract is compiled again when one of the files that it
was made of has changed: the result names them all with their SHA-256.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import os
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "contracts" / "evm"
OUT = ROOT / ".build"
ABI = ROOT / "abi"
COMPILER = "0.4.3"
EVM_VERSION = "cancun"
# EIP-170: no chain takes a longer runtime code.
RUNTIME_SIZE_MAX = 24_576


@dataclass(frozen=True)
class Contract:
    """One line of contracts.txt."""

    name: str
    path: str
    abi: bool = False
    layout: str | None = None
    optimize: str = "gas"
    blueprint: bool = False

    def stamp(self) -> dict:
        return {"compiler": COMPILER, "evm": EVM_VERSION, **asdict(self)}


class ListError(Exception):
    pass


def listed(folder: Path = ROOT) -> list[Contract]:
    contracts: list[Contract] = []
    path = folder / "contracts.txt"
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, source, *options = words
            fields: dict = {}
            for option in options:
                key, _, value = option.partition("=")
                if key in ("abi", "blueprint") and value in ("yes", "no"):
                    fields[key] = value == "yes"
                elif key == "layout" and value:
                    fields[key] = value
                elif key == "optimize" and value in ("gas", "codesize", "none"):
                    fields[key] = value
                else:
                    raise ListError(f"contracts.txt:{number}: there is no option '{option}'")
        except ValueError:
            raise ListError(f"contracts.txt:{number}: wanted NAME PATH [OPTION=VALUE…]") from None
        if any(other.name == name for other in contracts):
            raise ListError(f"contracts.txt:{number}: {name} is listed twice")
        contracts.append(Contract(name, source, **fields))
    return contracts


def digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def current(contract: Contract) -> bool:
    """Whether .build has this contract, made of the sources as they are now."""
    try:
        built = json.loads((OUT / f"{contract.name}.json").read_text())
        if built["made"] != contract.stamp():
            return False
        return all(digest(ROOT / path) == value for path, value in built["sources"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def compile_contract(contract: Contract) -> str | None:
    """Compiles into .build; answers what went wrong, or nothing."""
    # The compiler is a slow import, and most runs find everything current.
    import vyper
    import vyper.warnings
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.output import build_abi_output, build_blueprint_bytecode_output
    from vyper.compiler.phases import CompilerData
    from vyper.compiler.settings import OptimizationLevel, Settings, anchor_settings

    if vyper.__version__ != COMPILER:
        return f"{contract.name}: .venv has Vyper {vyper.__version__}, and {COMPILER} is needed: run script/setup"
    # Bounds of memory are chosen knowingly; the compiler says of any big one that it is unsafe.
    warnings.filterwarnings("ignore", message="Use of large arrays", category=vyper.warnings.VyperWarning)
    try:
        bundle = FilesystemInputBundle([ROOT])
        source = bundle.load_file(Path(contract.path))
        layout = bundle.load_json_file(Path(contract.layout)) if contract.layout else None
        settings = Settings(
            evm_version=EVM_VERSION, optimize=OptimizationLevel.from_string(contract.optimize)
        )
        made = CompilerData(source, bundle, settings, storage_layout=layout)
        with anchor_settings(made.settings):
            files = [contract.path] + ([contract.layout] if contract.layout else [])
            for given in made.resolved_imports.compiler_inputs:
                path = Path(given.resolved_path).resolve()
                if path.is_relative_to(ROOT):
                    files.append(str(path.relative_to(ROOT)))
            result = {
                "name": contract.name,
                "abi": build_abi_output(made),
                "bytecode": "0x" + made.bytecode.hex(),
                "runtime": "0x" + made.bytecode_runtime.hex(),
                "compiler": COMPILER,
                "evm": EVM_VERSION,
                "layout": made.storage_layout,
                "made": contract.stamp(),
                "sources": {path: digest(ROOT / path) for path in sorted(set(files))},
            }
            if contract.blueprint:
                result["blueprint"] = build_blueprint_bytecode_output(made)
    except Exception as problem:  # The compiler has no common base of its errors; each prints where it is.
        return f"{contract.name} ({contract.path}): {type(problem).__name__}: {problem}"
    temporary = OUT / f".{contract.name}.{os.getpid()}"
    temporary.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    temporary.replace(OUT / f"{contract.name}.json")
    return None


def build(contracts: list[Contract]) -> list[str]:
    OUT.mkdir(parents=True, exist_ok=True)
    stale = [contract for contract in contracts if not current(contract)]
    if len(stale) <= 1:
        results = [compile_contract(contract) for contract in stale]
    else:
        with concurrent.futures.ProcessPoolExecutor(max_workers=2) as workers:
            results = list(workers.map(compile_contract, stale))
    return [problem for problem in results if problem]


def built(contract: Contract) -> dict:
    return json.loads((OUT / f"{contract.name}.json").read_text())


def abi_text(abi: list) -> str:
    """An interface as it is published: one entry a line, so that changes can be read."""
    return "[\n" + ",\n".join("  " + json.dumps(entry) for entry in abi) + "\n]\n"


def differing_abis(contracts: list[Contract]) -> list[str]:
    problems = []
    published = {contract.name: contract for contract in contracts if contract.abi}
    for name, contract in published.items():
        path = ABI / f"{name}.json"
        if not path.exists():
            problems.append(f"contracts/evm/abi/{name}.json is not there")
        elif path.read_text() != abi_text(built(contract)["abi"]):
            problems.append(f"contracts/evm/abi/{name}.json is not the interface that was built")
    for path in sorted(ABI.glob("*.json")):
        if path.stem not in published:
            problems.append(f"contracts/evm/abi/{path.name} is of no contract that is listed with abi=yes")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="evm-contracts")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--abi", action="store_true")
    arguments = parser.parse_args()
    try:
        everything = listed()
    except ListError as problem:
        print(f"contracts: {problem}", file=sys.stderr)
        return 1
    if arguments.list:
        for contract in everything:
            print(contract.name)
        return 0
    chosen = [contract for contract in everything if not arguments.names or contract.name in arguments.names]
    problems = build(chosen)
    if not problems:
        for contract in chosen:
            result = built(contract)
            size = len(result["runtime"]) // 2 - 1
            code = hashlib.sha256(bytes.fromhex(result["bytecode"][2:])).hexdigest()
            print(f"{contract.name:<26} {size:7d} bytes  {code}")
            if size > RUNTIME_SIZE_MAX:
                problems.append(
                    f"{contract.name} is {size} bytes long, and EIP-170 allows {RUNTIME_SIZE_MAX}"
                )
    if not problems and arguments.abi:
        ABI.mkdir(exist_ok=True)
        for contract in chosen:
            if contract.abi:
                (ABI / f"{contract.name}.json").write_text(abi_text(built(contract)["abi"]))
    if not problems and arguments.check:
        problems = differing_abis(everything)
        if not problems:
            print("contracts: the published interfaces of EVM contracts are those that were built")
    for line in problems:
        print(f"contracts: {line}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
