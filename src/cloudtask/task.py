"""A task: a function with the arguments of one call, to be sent or run."""

from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from cloudtask import settings as check
from gcptasks.engine.task_limits import LARGEST

if TYPE_CHECKING:
    from gcptasks.client.handles import AsyncTaskHandle, TaskHandle

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)


class TaskOptions:
    """How tasks are sent: those of a function as it says, or one with options of its own."""

    __slots__ = ("fixed", "headers", "name", "queue", "timeout", "url")

    def __init__(self, *, queue: str, url: str, timeout: timedelta | None, headers: Mapping[str, str]) -> None:
        self.queue = queue
        self.url = url
        self.timeout = timeout
        self.headers = dict(headers)
        self.name: str | None = None
        self.fixed: bytes | None = None
        """What is the same in all requests; None before the first, and empty if these options may change."""

    def of_one_task(self) -> "TaskOptions":
        """The same, to be changed."""
        own = TaskOptions(queue=self.queue, url=self.url, timeout=self.timeout, headers=self.headers)
        own.fixed = b""
        return own


class Pushes(Protocol):
    """What sends tasks."""

    async def push(self, task: "Task[Any]", options: TaskOptions, at: datetime | None) -> str | None: ...

    def sync_push(self, task: "Task[Any]", options: TaskOptions, at: datetime | None) -> str | None: ...

    async def submit(
        self, task: "Task[Any]", options: TaskOptions, at: datetime | None, **record: Any
    ) -> "AsyncTaskHandle[Any]": ...

    def sync_submit(
        self, task: "Task[Any]", options: TaskOptions, at: datetime | None, **record: Any
    ) -> "TaskHandle[Any]": ...


class KnowsArguments(Protocol):
    """What knows of a function's arguments whether they must lie in the future, and what it returns."""

    @property
    def returns(self) -> Any: ...

    @property
    def asks_future(self) -> bool: ...

    def check_due(self, values: dict[str, Any], due: datetime) -> None: ...


class Declared(Protocol[R_co]):
    """What a task must know of its function."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> TaskOptions: ...
    @property
    def sender(self) -> Pushes: ...
    @property
    def is_async(self) -> bool: ...
    @property
    def arguments(self) -> KnowsArguments: ...

    def call(self, values: dict[str, Any]) -> R_co: ...

    def write(self, values: dict[str, Any], /) -> bytes: ...

    def call_as_worker(self, body: bytes, values: dict[str, Any]) -> Any: ...


class Task(Generic[R_co]):
    """One call of a task's function, checked and not made yet."""

    __slots__ = ("_function", "_options", "_values", "body")

    def __init__(self, function: Declared[R_co], values: dict[str, Any]) -> None:
        """`ValueError` if its values are more than a task can hold."""
        self._function = function
        self._values = values
        self._options = function.options
        self.body = body = function.write(values)
        """What the worker will read."""
        if len(body) > LARGEST:
            raise too_large(len(body))

    @property
    def name(self) -> str | None:
        """What it is known by in its queue. A second task of that name is not accepted: so it is created once.

        It can be set before the task is pushed, to an id or to a full name; `ValueError` if it is neither.
        """
        return self._options.name

    @name.setter
    def name(self, name: str | None) -> None:
        self._own_options().name = None if name is None else check.task_name("name", name)

    @property
    def queue(self) -> str:
        """The id of its queue. It can be set before the task is pushed; `ValueError` if it is none."""
        return self._options.queue

    @queue.setter
    def queue(self, queue: str) -> None:
        self._own_options().queue = check.queue_id("queue", queue)

    @property
    def url(self) -> str:
        """Where its worker is. It can be set before the task is pushed; `ValueError` if it is no URL."""
        return self._options.url

    @url.setter
    def url(self, url: str) -> None:
        self._own_options().url = check.url("url", url)

    @property
    def timeout(self) -> timedelta | None:
        """How long an attempt may take. It can be set, in seconds too; `ValueError` if it is too short or too long."""
        return self._options.timeout

    @timeout.setter
    def timeout(self, timeout: float | timedelta | None) -> None:
        self._own_options().timeout = check.timeout("timeout", timeout)

    @property
    def headers(self) -> dict[str, str]:
        """Those of its function, to be changed before it is pushed; what no task can carry is refused then."""
        return self._own_options().headers

    @headers.setter
    def headers(self, headers: dict[str, str]) -> None:
        self._own_options().headers = headers

    async def push(self, at: datetime | None = None) -> str | None:
        """Send it to its queue, to run as soon as may be, or at that time; the full name, or None if it ran eagerly.

        `at` is aware, or naive and of the client's time zone. Raises `ValueError` for a time that does not exist there
        or is more than 30 days ahead, and Google's exceptions if the task is not accepted: `AlreadyExists` for a name
        that was used before.
        """
        return await self._function.sender.push(self, self._options, at)

    def sync_push(self, at: datetime | None = None) -> str | None:
        """The same, blocking."""
        return self._function.sender.sync_push(self, self._options, at)

    delay = push
    sync_delay = sync_push

    @overload
    async def submit(
        self: "Task[Coroutine[Any, Any, T]]",
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "AsyncTaskHandle[T]": ...
    @overload
    async def submit(
        self,
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "AsyncTaskHandle[R_co]": ...
    async def submit(
        self,
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "AsyncTaskHandle[Any]":
        """Send it as `push` does, and get its handle; the client must have `results=`.

        Of all tasks of the function with the same `key` one is created, and all get its handle; `rerun=True` starts one
        that has ended anew. Other arguments with the same key raise `KeyConflict`. `labels` are kept in its record.
        """
        return await self._function.sender.submit(self, self._options, at, key=key, rerun=rerun, labels=labels)

    @overload
    def sync_submit(
        self: "Task[Coroutine[Any, Any, T]]",
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "TaskHandle[T]": ...
    @overload
    def sync_submit(
        self,
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "TaskHandle[R_co]": ...
    def sync_submit(
        self,
        at: datetime | None = None,
        *,
        key: str | None = None,
        rerun: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> "TaskHandle[Any]":
        """The same, blocking."""
        return self._function.sender.sync_submit(self, self._options, at, key=key, rerun=rerun, labels=labels)

    def execute(self) -> R_co:
        """Call the function here, with the same arguments; what it returns: of `async def` what to await."""
        return self._function.call(self._values)

    __call__ = execute

    @property
    def function(self) -> Declared[R_co]:
        """The function that it is a call of."""
        return self._function

    @property
    def is_async(self) -> bool:
        """Whether its function is `async def`."""
        return self._function.is_async

    def digest(self) -> bytes:
        """What tells whether another task has the same arguments."""
        from gcptasks.client.argument_digest import argument_digest  # here, as only tasks with a key ask

        return argument_digest(self._values, (self.body,))

    def call_as_worker(self) -> Any:
        """Call the function with what its worker would read; of `async def` what to await."""
        return self._function.call_as_worker(self.body, self._values)

    def check_due(self, due: datetime) -> None:
        """`WrongTypeError` if a value that must lie in the future will have passed when the task is due."""
        arguments = self._function.arguments
        if arguments.asks_future:
            arguments.check_due(self._values, due)

    def _own_options(self) -> TaskOptions:
        """The options of this task alone."""
        if self._options is self._function.options:
            self._options = self._options.of_one_task()
        return self._options

    def __repr__(self) -> str:
        name = "" if self.name is None else f" named {self.name!r}"
        return f"<task {self._function.name}{name}>"


def too_large(size: int) -> ValueError:
    """The error of a task that no service takes."""
    return ValueError(
        f"the task has {size} bytes, and the service takes {LARGEST} at most: "
        "keep the data elsewhere, and pass a reference to it"
    )
