"""Cloud Scheduler and Cloud Tasks three ways, and a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from conformance.conformance_tasks import TaskApi
from conformance.conformance_world import JOBS, TASK_QUEUES, WAYS, JobApi
from service.service_world import Place, Worker, working

Opens = Callable[..., JobApi]
"""Opens a service with these settings, by one of the ways."""


@pytest.fixture(params=list(WAYS))
def opens(request: pytest.FixtureRequest) -> Iterator[Opens]:
    """One script, every way runs it."""
    with ExitStack() as opened:

        def opens(**settings: Any) -> JobApi:
            return JobApi(opened.enter_context(WAYS[request.param](JOBS, **settings)))

        yield opens


@pytest.fixture
def api(opens: Opens) -> JobApi:
    """A service with the default settings."""
    return opens()


@pytest.fixture(params=list(WAYS))
def tasks(request: pytest.FixtureRequest, worker: Worker) -> Iterator[TaskApi]:
    """Cloud Tasks with the default settings, and an App Engine app at the worker."""
    with WAYS[request.param](TASK_QUEUES, app_engine=worker.address) as opened:
        yield TaskApi(opened)


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
