"""The tests of an example, as its users run them."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

FULL = Path(__file__).parents[2] / "examples/full"


def test_the_tests_of_the_full_example_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    plugin = "-p", "no:fastapi_gcp_tasks", "-p", "gcptasks.testing.pytest_plugin"
    alone = "-p", "no:timeout", "-p", "no:cacheprovider", "-n0"
    result = pytester.runpytest_inprocess("-c", FULL / "pytest.ini", f"--rootdir={FULL}", FULL, *plugin, *alone)
    result.assert_outcomes(passed=6)
