"""The values of one parameter: whether they are accepted, their JSON, and what a worker reads of it."""

from collections.abc import Callable
from datetime import datetime
from inspect import Parameter
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from gcptasks.base.errors import WrongTypeError
from gcptasks.values.future import FutureCheck, asks_future
from gcptasks.values.json_text import Declared, json_writer
from gcptasks.values.refusal import NotCarried, Unreceived, foreign, reasons, wrong


class ParameterValues:
    """Writes and reads the values of one parameter: of `*args` and `**kwargs` each of them."""

    def __init__(self, parameter: Parameter, function: str) -> None:
        """`TypeError` for a parameter, or a default, that no task can carry."""
        self.name = parameter.name
        self.kind = parameter.kind
        self.head = to_json(parameter.name) + b":"
        """What stands before the value where it goes by name."""
        self.many = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        annotation = Any if parameter.annotation is Parameter.empty else parameter.annotation
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        except Exception as error:  # pydantic's own, and whatever a class of the user's raises
            raise TypeError(
                f"{function}: a task cannot carry the parameter {self.name!r}: {_first_line(error)}"
            ) from error
        self.to_json = self._writer()
        """Writes one value; whatever it raises says that the value would not arrive as it is."""
        self.asks_future = asks_future(self._adapter.core_schema)
        """Whether it must lie in the future."""
        self.default = None if parameter.default is Parameter.empty else self._default(parameter.default, function)
        """The JSON of its default, if it has one."""

    def write(self, value: Any) -> bytes:
        """The JSON of one value; `WrongTypeError` if it would not arrive as it is."""
        try:
            return self.to_json(value)
        except Exception as error:  # the user's own code may raise anything
            raise wrong(self.name, error) from foreign(error)

    def read(self, value: Any) -> Any:
        """The value, or for `*args` and `**kwargs` the values, of what was read as JSON; `ValueError` if it is none."""
        if self.kind is Parameter.VAR_POSITIONAL:
            return tuple(map(self._read_one, value))
        if self.kind is Parameter.VAR_KEYWORD:
            return {key: self._read_one(one) for key, one in value.items()}
        return self._read_one(value)

    def check_due(self, value: Any, due: datetime) -> None:
        """`WrongTypeError` if the value will have passed by then."""
        values: Any = (value,)
        if self.many:
            values = value if self.kind is Parameter.VAR_POSITIONAL else value.values()
        for one in values:
            try:
                FutureCheck(due).check(self._adapter.core_schema, one)
            except NotCarried as refusal:
                raise wrong(self.name, refusal) from None

    def _read_one(self, value: Any) -> Any:
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{self.name}: {reasons(error)}") from None

    def _receive(self, wire: Any) -> Any:
        try:
            return self._adapter.validate_python(wire)
        except ValidationError as error:
            found: Any = error.errors()[0]
            raise Unreceived(found) from None

    def _writer(self) -> Callable[[Any], bytes]:
        # None, for what is left out, is raised as an error by `_never_left_out`.
        write = cast("Callable[[Any], bytes]", json_writer(Declared(self._adapter, self._receive, _never_left_out)))
        if not self._accepts_none():
            return write

        def write_optional(value: Any) -> bytes:
            return b"null" if value is None else write(value)

        return write_optional

    def _accepts_none(self) -> bool:
        """Whether None is accepted, and arrives as None."""
        try:
            return all(self._adapter.validate_python(None, strict=strict) is None for strict in (True, False))
        except Exception:  # a validator of the user's may raise anything
            return False

    def _default(self, default: Any, function: str) -> bytes:
        try:
            return self.write(default)
        except (WrongTypeError, ValueError) as error:
            raise TypeError(f"{function}: a task cannot carry the default of {self.name!r}: {error}") from error


def _never_left_out(value: Any) -> None:
    raise NotCarried("None is not accepted")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
