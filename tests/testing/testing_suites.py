"""Suites of users, most of them run in this process: each in one of its own would take long."""

import pytest

APP = """
from fastapi import FastAPI
from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter

app = FastAPI()
done = []
router = DelayedRouter(queue_path="projects/p/locations/l/queues/q", base_url="https://w.example", prefix="/sync")
awaited = AsyncDelayedRouter(queue_path="projects/p/locations/l/queues/q", base_url="https://w.example")

@router.post("/cook")
def cook(dish: str) -> None:
    done.append(dish)

@awaited.post("/serve")
async def serve(dish: str) -> None:
    done.append(dish)

app.include_router(router)
app.include_router(awaited)
"""

INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"


# The environment may have been installed before there was an entry point.
_PLUGIN = ("-p", "no:fastapi_gcp_tasks", "-p", "gcptasks.testing.pytest_plugin")
_OPTIONS = (*_PLUGIN, "-p", "no:timeout", "-p", "no:cacheprovider", "-n0")


def inside(pytester: pytest.Pytester, *more: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*_OPTIONS, *more)


def alone(pytester: pytest.Pytester) -> pytest.RunResult:
    """In a process of its own, of which it may move the time: here services of other tests go by it."""
    return pytester.runpytest_subprocess(*_OPTIONS, timeout=60)
