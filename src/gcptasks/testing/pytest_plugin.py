"""The fixture `tasks` of pytest.

pytest loads this module at each start, in suites too that have no tasks. So it imports nothing of ours before a test
asks for the fixture.
"""

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gcptasks.testing.kit import AsyncTestTasks, TestTasks

_TIME_FIXTURES = "time_machine", "freezer"
"""Those of time-machine and of pytest-freezer: a test that uses one sees the time that `tasks` moves."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("tasks_app", "the app whose tasks the fixture tasks is about, as module:app")


@pytest.fixture
def tasks(request: pytest.FixtureRequest) -> "Iterator[TestTasks | AsyncTestTasks]":
    """The tasks of the app: a `TestTasks`, or an `AsyncTestTasks` in a test that is a coroutine."""
    from fastapi_gcp_tasks.testing import AsyncTestTasks, TestTasks

    app = _app(request)
    times: list[Any] = [request.getfixturevalue(name) for name in _TIME_FIXTURES if name in request.fixturenames]
    kit = (AsyncTestTasks if _is_coroutine(request.function) else TestTasks)(app)
    kit.begin()
    try:
        for time in times:
            kit.also_move(time)
        yield kit
    finally:
        kit.end()


def _is_coroutine(test: Any) -> bool:
    """Whether the test is one, under the wrappers of decorators and of hypothesis."""
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", test)
    return inspect.iscoroutinefunction(inner if inner is None else inspect.unwrap(inner))


def _app(request: pytest.FixtureRequest) -> object:
    try:
        return request.getfixturevalue("app")
    except pytest.FixtureLookupError as error:
        if error.argname != "app":
            raise
    app = request.config.getini("tasks_app")
    if not app:
        raise pytest.UsageError(
            'the fixture tasks does not know the app: set tasks_app = "module:app" in the ini file, or have a fixture '
            "app that returns it"
        )
    return app
