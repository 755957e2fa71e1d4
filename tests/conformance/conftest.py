"""Cloud Scheduler three ways, and a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from conformance.conformance_world import WAYS, JobApi
from service.service_world import Place, Worker, working

Opens = Callable[..., JobApi]
"""Opens a service with these settings, by one of the ways."""


@pytest.fixture(params=list(WAYS))
def opens(request: pytest.FixtureRequest) -> Iterator[Opens]:
    """One script, every way runs it."""
    with ExitStack() as opened:

        def opens(**settings: Any) -> JobApi:
            return opened.enter_context(WAYS[request.param](**settings))

        yield opens


@pytest.fixture
def api(opens: Opens) -> JobApi:
    """A service with the default settings."""
    return opens()


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    with working() as running:
        yield running


@pytest.fixture
def pubsub(worker: Worker) -> Place:
    """An emulator of Pub/Sub."""
    return worker.place("v1")


@pytest.fixture
def place(worker: Worker) -> Place:
    """A URL that no other test has."""
    return worker.place()
