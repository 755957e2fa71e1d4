"""The client: it declares tasks, sends them, and runs them for workers."""

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload
from zoneinfo import ZoneInfo

from cloudtask import settings as check
from cloudtask.functions import TaskFunction
from cloudtask.sending import Sender
from cloudtask.settings import Eager, Settings
from cloudtask.task import TaskOptions

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from cloudtask.answers import Answer
    from cloudtask.recorded_attempts import RecordedAttempts
    from cloudtask.worker import RequestHeaders, Worker
    from gcptasks.results.given import GivenStore
    from gcptasks.results.store import ResultStore

P = ParamSpec("P")
R = TypeVar("R")


class CloudTaskClient:
    """Tasks as functions: `@client.task` declares one, a call of it makes a task, `push` sends that.

    `project`, `location`, `queue`: where tasks go, unless their function says another `queue`.
    `url`: where the worker is: the `/run` of a `CloudTaskRouter`, or what calls `execute`.
    `sae`: the email of the service account whose OIDC token tasks carry. Without it they carry none.
    `timeout`: how long an attempt may take, in seconds or as a timedelta, from 15 seconds to 30 minutes.
    `secret`: what tasks carry in the header `secret_header_name`, and workers ask for.
    `timezone`: a `ZoneInfo` or its name, of the naive times that are given to `push(at=…)`. The default is UTC.
    `force_to_queue`: the queue of all tasks, whatever their functions say.
    `eager`: `"immediate"` runs tasks in this process when they are pushed, `"remote"` posts them to `url`, both without
    a queue. With `check_eager=False` arguments of the first are not checked to be ones that a task can carry.
    `client`: a `CloudTasksClient`, for `sync_push`. `async_client`: a `CloudTasksAsyncClient` or a factory of one, for
    `push`. The default is the service that CLOUD_TASKS_EMULATOR_HOST names, or Google.
    `results`: the store of its tasks' records, or a function that makes it when it is first needed; with it `submit`
    returns a handle.

    Raises `TypeError` and `ValueError`, naming the setting, for what is not accepted.
    """

    def __init__(
        self,
        *,
        project: str,
        location: str,
        url: str,
        queue: str = "default",
        sae: str | None = None,
        timeout: float | timedelta | None = None,
        secret: str = "",
        secret_header_name: str = "X-PYCT-SECRET",
        timezone: ZoneInfo | str | None = None,
        force_to_queue: str | None = None,
        eager: Eager | None = None,
        check_eager: bool = True,
        client: "CloudTasksClient | None" = None,
        async_client: "CloudTasksAsyncClient | Callable[[], CloudTasksAsyncClient] | None" = None,
        results: "ResultStore | Callable[[], ResultStore] | None" = None,
    ) -> None:
        account = check.service_account(sae)
        secret, header = check.secret(secret, secret_header_name, account)
        self.settings = Settings(
            location=check.location_of(project, location),
            queue=check.queue_id("queue", queue),
            url=check.url("url", url),
            service_account=account,
            timeout=check.timeout("timeout", timeout),
            secret=secret,
            secret_header=header,
            zone=check.zone(timezone),
            force_to_queue=None if force_to_queue is None else check.queue_id("force_to_queue", force_to_queue),
            eager=check.eager(eager),
            check_eager=check_eager,
        )
        self.results = _results(results)
        """Where its tasks are recorded."""
        self._sender = Sender(self.settings, client, async_client, self.results)
        self.functions: dict[str, TaskFunction[..., Any]] = {}
        """What was declared, by name."""

    @overload
    def task(self, function: Callable[P, R], /) -> TaskFunction[P, R]: ...

    @overload
    def task(
        self,
        /,
        *,
        queue: str | None = None,
        name: str | None = None,
        url: str | None = None,
        timeout: float | timedelta | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        queue: str | None = None,
        name: str | None = None,
        url: str | None = None,
        timeout: float | timedelta | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Declare the function below to be a task: `@client.task`, or `@client.task(…)` with options.

        `name` is what workers know it by, by default `module.function`: it must not change while tasks of it wait. The
        other options take the place of the client's. Raises `TypeError` for a parameter that no task can carry, and
        `ValueError` for a name that is taken, or for a function without a stable name of its own.
        """

        def declare(function: Callable[P, R]) -> TaskFunction[P, R]:
            declared = TaskFunction(
                function,
                name=self._new_name(function, name),
                sender=self._sender,
                options=TaskOptions(
                    queue=self.settings.queue if queue is None else check.queue_id("queue", queue),
                    url=self.settings.url if url is None else check.url("url", url),
                    timeout=self.settings.timeout if timeout is None else check.timeout("timeout", timeout),
                    headers=check.headers("headers", headers),
                ),
            )
            self.functions[declared.name] = declared
            return declared

        return declare if function is None else declare(function)

    async def execute(self, body: bytes, headers: "RequestHeaders", *, verified: bool = False) -> "Answer":
        """Run the task that a request has brought, and say what to answer; refusals are answers, too.

        `headers` are those of the request, a mapping or pairs, their names in any case. `verified=True` says that the
        caller was verified before, as by Cloud Run with IAM: a client without a secret runs nothing otherwise.
        """
        return await self.worker.execute(body, headers, verified=verified)

    def sync_execute(self, body: bytes, headers: "RequestHeaders", *, verified: bool = False) -> "Answer":
        """The same, blocking."""
        return self.worker.sync_execute(body, headers, verified=verified)

    @cached_property
    def worker(self) -> "Worker":
        """What runs the tasks that requests bring."""
        from cloudtask.worker import Worker

        return Worker(self.settings, self.functions, None if self.results is None else self._recorded(self.results))

    def _recorded(self, results: "GivenStore") -> "RecordedAttempts":
        from cloudtask.recorded_attempts import RecordedAttempts  # here, as most tasks are not recorded

        return RecordedAttempts(results, self._sender.last_attempts())

    def _new_name(self, function: Callable[..., Any], name: str | None) -> str:
        _check_function(function)
        if name is None:
            name = f"{function.__module__}.{function.__qualname__}"
            if function.__module__ == "__main__" or "<" in function.__qualname__:
                raise ValueError(f"{name} has another name in each program, or none: give @client.task a name=")
        check.text("name", name)
        if not name:
            raise ValueError("name must not be empty")
        if name in self.functions:
            raise ValueError(f"a task {name!r} is already registered: give one of the two another name=")
        return name


def _results(given: "ResultStore | Callable[[], ResultStore] | None") -> "GivenStore | None":
    if given is None:
        return None
    # Here, as most tasks are not recorded.
    from gcptasks.results.given import GivenStore

    return GivenStore(given)


def _check_function(function: object) -> None:
    if not inspect.isfunction(function):
        raise TypeError(f"@client.task declares a function, not {function!r}")
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(
            f"{function.__qualname__} is a generator, which runs only as far as somebody asks: no task can be one"
        )
    code = getattr(inner, "__code__", None)
    first = code.co_varnames[0] if code is not None and code.co_argcount else None
    if first in ("self", "cls") and "." in function.__qualname__.rpartition("<locals>.")[2]:
        raise TypeError(f"{function.__qualname__} is a method, and a task has no {first}: declare a function")
