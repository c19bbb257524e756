"""What all tests share: both EVMs, and a profile of hypothesis that gives the same examples every time."""
import os
import pathlib

import hypothesis
import pytest

from harness.contracts import BUILD, have
from harness.pyevm import PyEVM
from harness.world import routed

try:
    from harness.revm import Revm
except ImportError:  # There is no wheel of pyrevm for every machine.
    Revm = None

hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, max_examples=25,
    suppress_health_check=list(hypothesis.HealthCheck))
hypothesis.settings.load_profile("steady")

EVMS = {"py-evm": PyEVM} | ({"revm": Revm} if Revm else {})
_worlds = {}


def pytest_report_header():
    return "EVMs: " + ", ".join(sorted(EVMS)) + ("" if Revm else "; revm is left out, for pyrevm is not installed")


def need(*names):
    """Skips where contracts are not built."""
    missing = [name for name in names if not have(name)]
    if missing:
        pytest.skip(f"not built: {', '.join(missing)} (script/contracts makes {BUILD})")


@pytest.fixture(params=sorted(EVMS))
def chain(request):
    """An empty chain."""
    return EVMS[request.param]()


@pytest.fixture
def provable():
    """An empty chain whose storage can be proven from its state root."""
    return PyEVM()


def kept(name, evm, build):
    """What `build` makes on one EVM is made once and given back as it was for each test."""
    if (name, evm) not in _worlds:
        world = build(EVMS[evm]())
        _worlds[name, evm] = world, world.chain.snapshot()
    world, mark = _worlds[name, evm]
    world.chain.restore(mark)
    return world


@pytest.fixture(params=sorted(EVMS))
def world(request):
    """A router without clients."""
    need("Router", "RouterExtension")
    return kept("router", request.param, routed)


@pytest.fixture
def corpus():
    """Reads a file of the outside corpora; skips where they are not."""
    default = pathlib.Path(__file__).resolve().parents[4] / "shared/vectors"
    root = pathlib.Path(os.environ.get("CAUSEWAY_VECTORS", default))

    def read(topic: str, name: str) -> str:
        file = root / topic / name
        if not file.exists():
            pytest.skip(f"corpus {topic} is absent ($CAUSEWAY_VECTORS names its folder; see docs/vectors.md)")
        return file.read_text()

    return read
