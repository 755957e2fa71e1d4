"""The suite of stores of results, over each of them."""

from collections.abc import AsyncIterator

import pytest

from gcptasks.results.store import AsyncStore
from results.results_store_suite import MakeResults, StoreSuite, calls_of

STORES = (
    "memory",
    "file",
    "port",
    "sqlite",
    "postgresql",
    pytest.param("mysql", marks=pytest.mark.slow),  # what is particular to it is tested with SQLResults
    "redis",
)
"""Another store is a fixture `NAME_results`, and its name here."""


@pytest.fixture(params=STORES)
def make_results(request: pytest.FixtureRequest) -> MakeResults:
    found: MakeResults = request.getfixturevalue(f"{request.param}_results")
    return found


@pytest.fixture(params=["awaited", "blocking"])
def how(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def calls(make_results: MakeResults, how: str) -> AsyncIterator[AsyncStore]:
    calls = calls_of(make_results(), how)
    yield calls
    await calls.close()


class TestStores(StoreSuite):
    pass
