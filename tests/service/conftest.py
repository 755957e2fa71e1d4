"""The API three ways, and a worker."""

import itertools
from collections.abc import Iterator

import pytest

from service.service_world import WAYS, Api, Place, Way, Worker, working

_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=list(WAYS))
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A way to call the API: one script, every way runs it."""
    with WAYS[request.param](tmp_path_factory.mktemp("service") / "tasks.db") as opened:
        yield opened


@pytest.fixture
def api(way: Way) -> Api:
    """The API by one of the ways, with a project that no other test has."""
    return Api(*way, f"projects/p{next(_numbers)}/locations/l")


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    with working() as running:
        yield running


@pytest.fixture
def place(worker: Worker) -> Place:
    """A URL that no other test has."""
    return worker.place()
