"""What `@client.task` makes of a function."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from cloudtask.arguments import Arguments, Values
from cloudtask.message import parsed
from cloudtask.task import Task, TaskOptions
from gcptasks.worker.injected import name_injected

if TYPE_CHECKING:
    from cloudtask.sending import Sender
    from gcptasks.client.handles import AsyncTaskHandle, TaskHandle

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

_NONE: Mapping[str, Any] = {}


def _nothing(values: Values) -> bytes:
    return b""


class TaskFunction(Generic[P, R_co]):
    """A function whose calls are tasks: `send_email(user_id="1")` is a `Task`, to be pushed."""

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        name: str,
        sender: "Sender",
        options: TaskOptions,
    ) -> None:
        # Its own attributes stay its own: one named like a method of ours would hide that.
        functools.update_wrapper(self, function, updated=())
        self.function = function
        """The function itself."""
        self.name = name
        """What its worker knows it by: the `path` of the message."""
        self.sender = sender
        self.options = options
        self.is_async = inspect.iscoroutinefunction(function)
        """Whether it is `async def`: a call of it blocks nobody."""
        self.arguments = Arguments(function, name)
        settings = sender.settings
        is_written = settings.eager != "immediate" or settings.check_eager
        self.write = self.arguments.write if is_written else _nothing
        """The body of the task of that call; empty where tasks run eagerly and unchecked."""
        name_injected(function)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Task[R_co]:
        """The task of this call. Raises `TypeError` for arguments that do not fit the signature, and `WrongTypeError`,
        a `ValueError`, for a value that would not arrive as it is.
        """
        return Task(self, self.arguments.bound(args, kwargs))

    @overload
    def handle(self: "TaskFunction[P, Coroutine[Any, Any, T]]", id: str) -> "AsyncTaskHandle[T]": ...
    @overload
    def handle(self, id: str) -> "AsyncTaskHandle[R_co]": ...
    def handle(self, id: str) -> "AsyncTaskHandle[Any]":
        """The handle of the task of this function with that id, whoever created it; its calls are awaited."""
        return self.sender.recorded(f"{self.name}.handle").handle(self, id)

    @overload
    def sync_handle(self: "TaskFunction[P, Coroutine[Any, Any, T]]", id: str) -> "TaskHandle[T]": ...
    @overload
    def sync_handle(self, id: str) -> "TaskHandle[R_co]": ...
    def sync_handle(self, id: str) -> "TaskHandle[Any]":
        """The same, whose calls block."""
        return self.sender.recorded(f"{self.name}.sync_handle").sync_handle(self, id)

    def call(self, values: Values, injected: Mapping[str, Any] = _NONE) -> R_co:
        """Call the function itself."""
        args, kwargs = self.arguments.called_with(values, injected)
        function: Callable[..., R_co] = self.function
        return function(*args, **kwargs)

    def read(self, args: list[Any], kwargs: dict[str, Any]) -> Values:
        """The arguments as its worker calls it; `ValueError` for what does not fit."""
        return self.arguments.read(args, kwargs)

    def call_as_worker(self, body: bytes, values: Values) -> R_co:
        """Call it with what a worker would read from the body; without one, with the values themselves.

        `TypeError` if FastAPI would have to inject something.
        """
        self.refuse_injected(
            "eager='immediate' runs it without FastAPI: use eager='remote', or call its .function with them"
        )
        if not body:
            return self.call(values)
        message = parsed(body)
        return self.call(self.read(message.args, message.kwargs))

    def refuse_injected(self, instead: str) -> None:
        """`TypeError` if FastAPI would have to inject something."""
        if names := [one.name for one in self.arguments.injected]:
            raise TypeError(f"{self.name}() needs {', '.join(names)}, which FastAPI injects. {instead}")

    def __repr__(self) -> str:
        return f"<task function {self.name}>"
