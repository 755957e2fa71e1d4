"""A function's arguments as JSON, and back: compiled once, when the function is declared.

Whoever enqueues passes data, and what FastAPI injects on the worker is left out. Values are checked against their
annotations, strictly, and arrive equal to what was given, or are refused (`gcptasks.values`).
"""

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, NamedTuple, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from gcptasks.base.errors import WrongTypeError
from gcptasks.values.json_text import Declared, json_writer
from gcptasks.values.refusal import NotCarried, Unreceived, foreign, reasons, wrong
from gcptasks.worker.injected import Injected

_INJECTED_CLASSES = (
    ("starlette.requests", "HTTPConnection"),
    ("starlette.responses", "Response"),
    ("starlette.background", "BackgroundTasks"),
    ("fastapi.security", "SecurityScopes"),
)


class Given(NamedTuple):
    """Arguments as they are called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Arguments:
    """What a function takes: which of its parameters carry data, and how each is written and read."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        """`TypeError` for a parameter that no task can carry."""
        self._name = name
        signature = _resolved(function, name)
        self.injected = [one for one in signature.parameters.values() if _is_injected(one)]
        """The parameters that FastAPI fills in."""
        left_out = {one.name for one in self.injected}
        self._whole = signature
        self.data = signature.replace(
            parameters=[one for one in signature.parameters.values() if one.name not in left_out]
        )
        """The signature of those who enqueue."""
        self._values = {one.name: _Value(one, name) for one in self.data.parameters.values()}

    def write(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """`"args": […], "kwargs": {…}`, defaults applied.

        `TypeError` for arguments that do not fit the signature, `WrongTypeError` for a value that would not arrive.
        """
        bound = self._bind(args, kwargs)
        bound.apply_defaults()
        positional = b",".join(
            text for name, value in self._positional(bound.arguments) for text in self._values[name].write(value)
        )
        named = b",".join(
            to_json(key) + b":" + self._values[name].write_one(value)
            for name, key, value in self._named(bound.arguments)
        )
        return b'"args":[' + positional + b'],"kwargs":{' + named + b"}"

    def read(self, args: list[Any], kwargs: dict[str, Any]) -> Given:
        """The arguments that were written so; `ValueError` for what does not fit."""
        try:
            bound = self.data.bind(*args, **kwargs)
        except TypeError as error:
            raise ValueError(str(error)) from None
        bound.arguments = {name: self._values[name].read(value) for name, value in bound.arguments.items()}
        return Given(bound.args, bound.kwargs)

    def with_injected(self, given: Given, injected: Mapping[str, Any]) -> Given:
        """What the function is called with: data, and what FastAPI made."""
        bound = self.data.bind(*given.args, **given.kwargs)
        whole = inspect.BoundArguments(self._whole, cast("Any", {}))
        for name in self._whole.parameters:
            if name in injected:
                whole.arguments[name] = injected[name]
            elif name in bound.arguments:
                whole.arguments[name] = bound.arguments[name]
            elif (default := self._whole.parameters[name].default) is not Parameter.empty:
                whole.arguments[name] = default
        return Given(whole.args, whole.kwargs)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        for one in self.injected:
            if one.name in kwargs:
                raise TypeError(f"{self._name}() takes no {one.name!r}: FastAPI injects it on the worker")
        try:
            return self.data.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}() cannot be called so: {error}") from None

    def _positional(self, arguments: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """What goes by position: all that stands before `*args`, and what can go in no other way."""
        kinds = {one.name: one.kind for one in self.data.parameters.values()}
        by_position: set[Any] = {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL}
        if Parameter.VAR_POSITIONAL in kinds.values():
            by_position.add(Parameter.POSITIONAL_OR_KEYWORD)
        return [(name, value) for name, value in arguments.items() if kinds[name] in by_position]

    def _named(self, arguments: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
        """The parameter, the key and the value of all others."""
        positional = {name for name, _ in self._positional(arguments)}
        named: list[tuple[str, str, Any]] = []
        for name, value in arguments.items():
            if name in positional:
                continue
            if self.data.parameters[name].kind is Parameter.VAR_KEYWORD:
                named += [(name, key, one) for key, one in value.items()]
            else:
                named.append((name, name, value))
        return named


class _Value:
    """One parameter's values: of `*args` and `**kwargs` each of them."""

    def __init__(self, parameter: Parameter, function: str) -> None:
        self._name = parameter.name
        self._many = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        annotation = Any if parameter.annotation is Parameter.empty else parameter.annotation
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        except Exception as error:  # pydantic's own, and whatever a class of the user's raises
            raise TypeError(
                f"{function}: a task cannot carry the parameter {parameter.name!r}: {_first_line(error)}"
            ) from error
        self._write = json_writer(Declared(self._adapter, self._receive, _never_left_out))
        self._takes_none = self._accepts_none()
        if parameter.default is not Parameter.empty:
            self._check_default(parameter.default, function)

    def write(self, value: Any) -> list[bytes]:
        """The JSON of the value; of `*args` of each."""
        return [self.write_one(one) for one in value] if self._many else [self.write_one(value)]

    def write_one(self, value: Any) -> bytes:
        """The JSON of one value; `WrongTypeError` if it would not arrive as it is."""
        if value is None and self._takes_none:
            return b"null"
        try:
            written = self._write(value)
        except Exception as error:  # the user's own code may raise anything
            raise wrong(self._name, error) from foreign(error)
        assert written is not None
        return written

    def read(self, value: Any) -> Any:
        """The value, or for `*args` and `**kwargs` the values, of what was read as JSON; `ValueError` if it is none."""
        if not self._many:
            return self._read_one(value)
        values: Any = value
        if isinstance(value, tuple):
            return tuple(self._read_one(one) for one in values)
        return {key: self._read_one(one) for key, one in cast("dict[str, Any]", value).items()}

    def _read_one(self, value: Any) -> Any:
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{self._name}: {reasons(error)}") from None

    def _receive(self, wire: Any) -> Any:
        try:
            return self._adapter.validate_python(wire)
        except ValidationError as error:
            found: Any = error.errors()[0]
            raise Unreceived(found) from None

    def _accepts_none(self) -> bool:
        try:
            return self._adapter.validate_python(None, strict=True) is None
        except Exception:  # a validator of the user's may raise anything
            return False

    def _check_default(self, default: Any, function: str) -> None:
        try:
            self.write_one(default)
        except (WrongTypeError, ValueError) as error:
            raise TypeError(f"{function}: a task cannot carry the default of {self._name!r}: {error}") from error


def _never_left_out(value: Any) -> None:
    raise NotCarried("None is not accepted")


def _resolved(function: Callable[..., Any], name: str) -> Signature:
    """The signature, with annotations that are no texts any more."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # whatever a text evaluates to
        raise TypeError(f"{name}: its annotations cannot be read: {error}") from error
    signature = inspect.signature(function)
    parameters = [one.replace(annotation=hints.get(one.name, one.annotation)) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters)


def _is_injected(parameter: Parameter) -> bool:
    """Whether FastAPI fills it in: by its default, by what is in `Annotated`, or by its class."""
    annotation = parameter.annotation
    extras: tuple[Any, ...] = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    if isinstance(parameter.default, Injected) or any(map(_is_dependency, (parameter.default, *extras))):
        return True
    plain = get_args(annotation)[0] if extras else annotation
    return isinstance(plain, type) and any(issubclass(plain, cls) for cls in _injected_classes())


def _is_dependency(value: object) -> bool:
    # Asked by name: whoever has no FastAPI in the annotations need not load it.
    return type(value).__module__ == "fastapi.params" and hasattr(value, "dependency")


def _injected_classes() -> list[type]:
    modules = ((sys.modules.get(module), name) for module, name in _INJECTED_CLASSES)
    return [getattr(module, name) for module, name in modules if module is not None]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
