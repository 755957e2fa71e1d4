"""A task: a function with the arguments of one call, to be sent or run."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Pushes(Protocol):
    """What sends tasks."""

    async def push(self, task: "Task[Any]", at: datetime | None) -> str | None: ...

    def sync_push(self, task: "Task[Any]", at: datetime | None) -> str | None: ...


class Declared(Protocol[R_co]):
    """What a task must know of its function."""

    @property
    def name(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def timeout(self) -> timedelta | None: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def sender(self) -> Pushes: ...
    @property
    def is_async(self) -> bool: ...

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> R_co: ...

    def write(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes: ...

    def run_here(self, body: bytes, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any: ...


class Task(Generic[R]):
    """One call of a task's function, checked and not made yet.

    `name`: what it is known by in its queue. A second task of that name is not accepted: so it is created once.
    `queue`, `url`, `timeout` (a timedelta) and `headers` are those of its function, and can be set before it is pushed.
    """

    __slots__ = ("_args", "_function", "_kwargs", "body", "headers", "name", "queue", "timeout", "url")

    def __init__(self, function: Declared[R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.name: str | None = None
        self.queue: str = function.queue
        self.url: str = function.url
        self.timeout: timedelta | None = function.timeout
        self.headers: dict[str, str] = dict(function.headers)
        self.body: bytes = function.write(args, kwargs)
        """What the worker will read."""

    async def push(self, at: datetime | None = None) -> str | None:
        """Send it to its queue, to run as soon as may be, or at that time; the full name, or None if it ran eagerly.

        `at` is aware, or naive and of the client's time zone. Raises `ValueError` for a time that does not exist there
        or is more than 30 days ahead, and Google's exceptions if the task is not accepted: `AlreadyExists` for a name
        that was used before.
        """
        return await self._function.sender.push(self, at)

    def sync_push(self, at: datetime | None = None) -> str | None:
        """The same, blocking."""
        return self._function.sender.sync_push(self, at)

    delay = push
    sync_delay = sync_push

    def execute(self) -> R:
        """Call the function here, with the same arguments; what it returns: of `async def` what to await."""
        return self._function.call(self._args, self._kwargs)

    __call__ = execute

    @property
    def is_async(self) -> bool:
        """Whether its function is `async def`."""
        return self._function.is_async

    def run_here(self) -> Any:
        """As the worker would run it, with what the worker would read; of `async def` what to await."""
        return self._function.run_here(self.body, self._args, self._kwargs)

    def __repr__(self) -> str:
        name = "" if self.name is None else f" named {self.name!r}"
        return f"<task {self._function.name}{name}>"
