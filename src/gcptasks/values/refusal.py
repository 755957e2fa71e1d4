"""How a value that can't be carried is refused: by the parameter's name, with the place in it and the reason."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticSerializationError

from gcptasks.base.errors import WrongTypeError


class NotCarried(Exception):
    """The value would not arrive as it is; the text says why."""


class Unreceived(ValueError):
    """The worker refuses a value; the text is its reason."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["msg"])
        self.place: tuple[int | str, ...] = tuple(error["loc"])
        """Where in the value, as the worker names it."""


def wrong(name: str, error: Exception) -> ValueError:
    """What the caller meets: the parameter's name, and why its value can't be carried."""
    if isinstance(error, ValidationError | WrongTypeError):
        return error
    if isinstance(error, NotCarried):
        return WrongTypeError(f"{name}: {error}")
    if isinstance(error, UnicodeEncodeError):
        return WrongTypeError(f"{name}: a lone surrogate cannot be written in UTF-8")
    return WrongTypeError(f"{name}: it cannot be checked: {type(error).__name__}: {error}")


def foreign(error: Exception) -> Exception | None:
    """The cause of the refusal, if it comes from the user's own code: a validator, an `__eq__`."""
    return None if isinstance(error, NotCarried | WrongTypeError | ValidationError | UnicodeEncodeError) else error


def at_place(place: Iterable[Any], text: str) -> str:
    """The text, after the place in the value that it is about."""
    return ": ".join(filter(None, (".".join(map(str, place)), text)))


def text_of_value(value: Any) -> str:
    """The value's type and its text."""
    try:
        text = repr(value)
    except Exception:  # a user's own __repr__ must not hide the refusal
        text = "…"
    return f"{type(value).__name__} {text}"


def shown(value: Any) -> str:
    """The value's type and the beginning of its text, for a message."""
    text = text_of_value(value)
    return text if len(text) <= 90 else text[:89] + "…"


def reasons(error: ValidationError) -> str:
    """pydantic's reasons in one line."""
    return "; ".join(at_place(found["loc"], found["msg"]) for found in error.errors())


def named(error: ValidationError, name: str) -> ValidationError:
    """The same error, with the parameter's name as its title and at the head of each location."""
    # The text is complete, so it is no template with literal parts; error types of users have none at all.
    error_of: Any = PydanticCustomError
    lines = [
        InitErrorDetails(
            type=error_of(found["type"], found["msg"]),
            loc=(name, *found["loc"]),
            input=found["input"],
        )
        for found in error.errors()
    ]
    return ValidationError.from_exception_data(name, lines)


def serializer_said(error: Exception) -> NotCarried:
    """Why pydantic could not write the value."""
    if isinstance(error, RecursionError):
        return NotCarried("it is nested too deeply")
    text = str(error)
    if isinstance(error, PydanticSerializationError):
        text = " ".join(line.strip() for line in text.splitlines())
    return NotCarried(f"it cannot be written as JSON: {text}")
