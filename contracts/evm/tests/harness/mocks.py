"""Contracts that only tests need, compiled when they are first asked for and kept until their source changes."""
import hashlib
import json
import pathlib

from .contracts import BUILD, Artifact

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "mocks"


def mock(name: str) -> Artifact:
    source = (FOLDER / f"{name}.vy").read_text()
    kept = BUILD / "tests" / f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        import vyper
        from vyper.compiler.settings import Settings

        made = vyper.compile_code(source, output_formats=["abi", "bytecode", "bytecode_runtime"],
                                  settings=Settings(evm_version="cancun"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({
            "name": name, "abi": made["abi"], "bytecode": made["bytecode"], "runtime": made["bytecode_runtime"]}))
    return Artifact(kept)
