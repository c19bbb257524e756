"""What steps may cost at most. Gas is a number that everybody gets: the bars are tests."""
import importlib.util
import pathlib

import pytest

from conftest import need

TOOL = pathlib.Path(__file__).resolve().parents[3] / "tools/evm-gas/measure.py"


@pytest.fixture(scope="module")
def measured():
    need("Router", "RouterExtension", "AttestedClient", "Transfer", "Voucher", "ExecutionHandler", "ExecutionAccount",
         "TestToken")
    spec = importlib.util.spec_from_file_location("measure", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool, {row["key"]: row for row in tool.Measured().run()}


@pytest.mark.parametrize("step, most", [("send", 80_000), ("receive", 130_000), ("acknowledge", 90_000)])
def test_bars(measured, step, most):
    assert measured[0].BARS[step] == most
    assert measured[1][step]["gas"] <= most


def test_several_packets_share_one_proof(measured):
    rows = measured[1]
    each = [rows["receive"]["gas"]] + [rows[f"receive x{count}"]["each"] for count in (2, 5, 10)]
    assert each == sorted(each, reverse=True) and each[-1] < rows["receive"]["gas"] * 3 // 4
    sizes = [rows[f"receive x{count}"]["calldata"] for count in (2, 5, 10)]
    # Each further packet brings itself, a reference of 33 bytes and one entry of 64.
    further = [(b - a) // n for (a, b, n) in zip(sizes, sizes[1:], (3, 5))]
    assert max(further) == min(further) < sizes[0]


def test_one_more_signature(measured):
    rows = measured[1]
    assert (rows["receive 5"]["gas"] - rows["receive 1"]["gas"]) // 4 < 6_000


def test_doing_nothing_is_cheap(measured):
    assert measured[1]["no-op"]["gas"] < 50_000
