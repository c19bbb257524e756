"""What all tests share: both EVMs, and a profile of hypothesis that gives the same examples every time."""
import hypothesis
import pytest

from harness.pyevm import PyEVM
from harness.revm import Revm

hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, max_examples=25,
    suppress_health_check=list(hypothesis.HealthCheck))
hypothesis.settings.load_profile("steady")

EVMS = {"py-evm": PyEVM, "revm": Revm}


@pytest.fixture(params=sorted(EVMS))
def chain(request):
    """An empty chain."""
    return EVMS[request.param]()
