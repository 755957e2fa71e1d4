"""The tasks of a local service that runs on its port: for tests of several processes."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gcptasks.base.errors import SetupError
from gcptasks.client.admin_calls import AdminCalls, Answer, done
from gcptasks.client.api import TASKS, address
from gcptasks.testing.application import loaded
from gcptasks.testing.assertions import Assertions
from gcptasks.testing.called import CallFinder
from gcptasks.testing.clock import end_of_advance

_TOKEN = "CLOUD_TASKS_ADMIN_TOKEN"
_EMPTY_FOR = 30.0


class ServiceTasks(Assertions):
    """The tasks of an app in a local service on its port, which another process runs.

    `app`: the application whose tasks they are, or where it is, such as `"shop:app"`; or a `CloudTaskClient`.
    `at`: where the service is, as `host:port`. The default is what CLOUD_TASKS_EMULATOR_HOST says.
    `admin_token`: what opens `reset` and `advance`. The default is what CLOUD_TASKS_ADMIN_TOKEN says.
    """

    def __init__(self, app: Any, *, at: str | None = None, admin_token: str | None = None) -> None:
        here = TASKS.emulator() if at is None else address(at, "at")
        if here is None:
            raise SetupError(f"give ServiceTasks the address of the service, at=…, or set {TASKS.variable}")
        self._client = TASKS.make_client(here)
        self._admin = AdminCalls(here, admin_token or os.environ.get(_TOKEN))
        super().__init__(CallFinder(loaded(app)), self._read_waiting)

    @property
    def now(self) -> datetime:
        """What time it is by the clock of the service, in UTC."""
        return _time(done(self._admin.get("status")))

    def wait_idle(self, timeout: float = _EMPTY_FOR) -> None:
        """Return once nothing is under way or due; `AssertionError`, which says what is left, after the timeout."""
        self._wait("idle", timeout)

    def wait_empty(self, timeout: float = _EMPTY_FOR) -> None:
        """Return once no task is left; `AssertionError`, which says what is left, after the timeout."""
        self._wait("empty", timeout)

    def reset(self) -> None:
        """Drop everything that the service has."""
        done(self._admin.post("reset", {}))

    def advance(
        self,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        to: datetime | None = None,
        timeout: float = _EMPTY_FOR,
    ) -> None:
        """Move the clock of a service with `--manual-clock`, and return once what has become due is done.

        The clock goes from one time at which a task is due to the next, until all have run. Of a job whose time comes
        several times meanwhile, one execution runs.
        """
        span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        until = end_of_advance(self.now, span, to)
        self._wait("idle", timeout)
        while (at := self._next_time()) is not None and at <= until:
            self._move(at)
            self._wait("idle", timeout)
        self._move(until)
        self._wait("idle", timeout)

    def _next_time(self) -> datetime | None:
        """When the next task is due, or the next attempt of a job's execution."""
        left = done(self._admin.get("status"))
        now = _time(left)
        times = [datetime.fromisoformat(one["nextTime"]) for one in _running(left) if "nextTime" in one]
        return min((at for at in times if at > now), default=None)

    def _move(self, at: datetime) -> None:
        done(self._admin.post("clock", {"time": at.isoformat()}))

    def _wait(self, until: str, timeout: float) -> None:
        __tracebackhide__ = True
        answer = self._admin.get("wait", {"until": until, "timeout": timeout}, takes=timeout)
        if answer.status == 504:
            raise AssertionError(_message(answer))
        done(answer)

    def _read_waiting(self) -> list[Any]:
        from google.cloud.tasks_v2 import ListTasksRequest, Task

        raw: Any = Task
        return [
            raw.pb(task)
            for queue in done(self._admin.get("status"))["queues"]
            for task in self._client.list_tasks(request=ListTasksRequest(parent=queue["name"], response_view="FULL"))
        ]


def _running(left: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is not paused."""
    return [one for one in [*left["queues"], *left["jobs"]] if one.get("state") != "PAUSED"]


def _time(answer: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(answer["time"])


def _message(answer: Answer) -> str:
    return str(answer.members["error"]["message"])
