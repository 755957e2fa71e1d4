"""What `@client.task` makes of a function."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from cloudtask.arguments import Arguments, Values
from cloudtask.message import parsed
from cloudtask.task import Task, TaskOptions
from gcptasks.worker.injected import name_injected

if TYPE_CHECKING:
    from cloudtask.sending import Sender

P = ParamSpec("P")
R = TypeVar("R")

_NONE: Mapping[str, Any] = {}


def _nothing(values: Values) -> bytes:
    return b""


class TaskFunction(Generic[P, R]):
    """A function whose calls are tasks: `send_email(user_id="1")` is a `Task`, to be pushed."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str,
        sender: "Sender",
        options: TaskOptions,
    ) -> None:
        functools.update_wrapper(self, function)
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

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """The task of this call. Raises `TypeError` for arguments that do not fit the signature, and `WrongTypeError`,
        a `ValueError`, for a value that would not arrive as it is.
        """
        return Task(self, self.arguments.bound(args, kwargs))

    def call(self, values: Values, injected: Mapping[str, Any] = _NONE) -> R:
        """Call the function itself."""
        args, kwargs = self.arguments.called_with(values, injected)
        function: Callable[..., R] = self.function
        return function(*args, **kwargs)

    def read(self, args: list[Any], kwargs: dict[str, Any]) -> Values:
        """The arguments as its worker calls it; `ValueError` for what does not fit."""
        return self.arguments.read(args, kwargs)

    def call_as_worker(self, body: bytes, values: Values) -> R:
        """Call it with what a worker would read from the body; without one, with the values themselves.

        `TypeError` if FastAPI would have to inject something.
        """
        self.refuse_injected(
            "eager='immediate' runs it without FastAPI: use eager='remote', or call it with .execute()"
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
