"""A function's arguments as JSON, and back: compiled once, when the function is declared.

Whoever enqueues passes data, and what FastAPI injects on the worker is left out. Values are checked against their
annotations, strictly, and arrive equal to what was given, or are refused (`gcptasks.values`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import BoundArguments, Parameter, Signature
from typing import Any, NamedTuple, cast

from pydantic_core import to_json

from cloudtask.parameter_values import ParameterValues
from cloudtask.parameters import data_and_injected, resolved_signature
from gcptasks.base.unset import UNSET
from gcptasks.values.refusal import foreign, wrong

Values = dict[str, Any]
"""What was given for each parameter: for `*args` a tuple, for `**kwargs` a dict."""


class Given(NamedTuple):
    """Arguments as they are called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Arguments:
    """What a function takes: which of its parameters carry data, and how each is written and read."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        """`TypeError` for a parameter that no task can carry."""
        self._name = name
        self._whole = resolved_signature(function, name)
        self.data, self.injected = data_and_injected(self._whole, name)
        """The signature of those who enqueue, and the parameters that FastAPI fills in."""
        self.returns = Any if self._whole.return_annotation is Signature.empty else self._whole.return_annotation
        """What the function says that it returns; of `async def` when it is awaited."""
        self._injected_names = frozenset(one.name for one in self.injected)
        values = [ParameterValues(one, name) for one in self.data.parameters.values()]
        self._of = {one.name: one for one in values}
        self._by_position, by_name = _ways(values)
        self._by_name = [(one.name, one.many, one.head, one.write, one.default) for one in by_name]
        self._asking_future = [one for one in values if one.asks_future]
        self._bind = _binder(self.data)
        self._called_by_name = all(one.kind in _PLAIN for one in self._whole.parameters.values())
        self._start = b'{"path":' + to_json(name) + b',"args":['
        self.write = self._writer()
        """The body of the task, `{"path": …, "args": […], "kwargs": {…}}`, defaults applied. `WrongTypeError` for a
        value that would not arrive."""

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Values:
        """What each parameter gets, no defaults applied. `TypeError` for arguments that do not fit the signature."""
        if self._injected_names:
            for name in self._injected_names & kwargs.keys():
                raise TypeError(f"{self._name}() takes no {name!r}: FastAPI injects it on the worker")
        try:
            return self._bind(*args, **kwargs)
        except TypeError as error:
            reason = self._misfit(args, kwargs) or str(error).partition(") ")[2]
        raise TypeError(f"{self._name}() cannot be called so: {reason}{self._hint(args)}")

    def read(self, args: list[Any], kwargs: dict[str, Any]) -> Values:
        """What was written so, as the values that they were; `ValueError` for what does not fit."""
        try:
            values = self.bound(tuple(args), kwargs)
        except TypeError as error:
            raise ValueError(str(error)) from None
        return {name: self._of[name].read(value) for name, value in values.items()}

    def called_with(self, values: Values, injected: Mapping[str, Any]) -> Given:
        """What the function is called with: data, and what FastAPI made."""
        if self._called_by_name:
            return Given((), {**values, **injected})
        whole = BoundArguments(self._whole, cast("Any", {}))
        for name, parameter in self._whole.parameters.items():
            for given in (injected, values):
                if name in given:
                    whole.arguments[name] = given[name]
            if name not in whole.arguments and parameter.default is not Parameter.empty:
                whole.arguments[name] = parameter.default
        return Given(whole.args, whole.kwargs)

    @property
    def asks_future(self) -> bool:
        """Whether a value must lie in the future, and so still when the task is due."""
        return bool(self._asking_future)

    def check_due(self, values: Values, due: datetime) -> None:
        """`WrongTypeError` if a value must lie in the future, and will have passed by then."""
        for one in self._asking_future:
            if one.name in values:
                one.check_due(values[one.name], due)

    def _writer(self) -> Callable[[Values], bytes]:
        one = next(iter(self._of.values()), None)
        if one is None or len(self._of) > 1 or one.kind not in _PLAIN or one.default is not None:
            return self._write_all
        # Many functions take one model and nothing else: the same by fewer steps.
        name, write, before = one.name, one.to_json, self._start + _BETWEEN + one.head

        def write_one(values: Values) -> bytes:
            try:
                return b"".join((before, write(values[name]), _END))
            except Exception as error:  # the user's own code may raise anything
                raise wrong(name, error) from foreign(error)

        return write_one

    def _write_all(self, values: Values) -> bytes:
        members: list[bytes] = []
        for name, many, head, write, default in self._by_name:
            if name in values:
                if many:
                    members += [_key(name, key) + write(item) for key, item in values[name].items()]
                else:
                    members.append(head + write(values[name]))
            elif default is not None:
                members.append(head + default)
        positional = self._positional(values) if self._by_position else b""
        return b"".join((self._start, positional, _BETWEEN, b",".join(members), _END))

    def _positional(self, values: Values) -> bytes:
        written: list[bytes] = []
        for one in self._by_position:
            if one.many:
                written += map(one.write, values.get(one.name, ()))
            elif one.name in values:
                written.append(one.write(values[one.name]))
            elif one.default is not None:
                written.append(one.default)
        return b",".join(written)

    def _misfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Why they do not fit, in shorter words than Python's."""
        try:
            self.data.bind(*args, **kwargs)
        except TypeError as error:
            return str(error)
        return None  # in Python 3.13 it takes some arguments that no call takes

    def _hint(self, args: tuple[Any, ...]) -> str:
        if not args or not self._injected_names:
            return ""
        return f"; FastAPI injects {', '.join(sorted(self._injected_names))}"


_BETWEEN, _END = b'],"kwargs":{', b"}}"
_PLAIN = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def _binder(signature: Signature) -> Callable[..., Values]:
    """What takes such arguments, and returns them by name: Python binds them many times as fast as `Signature.bind`."""
    parameters = [
        one.replace(annotation=one.empty, default=one.empty if one.default is one.empty else UNSET)
        for one in signature.parameters.values()
    ]
    takes = str(Signature(parameters))[1:-1]
    returns = ", ".join(f"{one.name!r}: {one.name}" for one in parameters)
    bind: Callable[..., Values] = eval(f"lambda {takes}: {{{returns}}}", {"UNSET": UNSET})
    if all(one.default is one.empty for one in parameters):
        return bind

    def bind_given(*args: Any, **kwargs: Any) -> Values:
        return {name: value for name, value in bind(*args, **kwargs).items() if value is not UNSET}

    return bind_given


def _ways(values: list[ParameterValues]) -> tuple[list[ParameterValues], list[ParameterValues]]:
    """What goes by position, which is all before `*args` and what can go in no other way; and what goes by name."""
    kinds: set[Any] = {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL}
    if any(one.kind is Parameter.VAR_POSITIONAL for one in values):
        kinds.add(Parameter.POSITIONAL_OR_KEYWORD)
    return [one for one in values if one.kind in kinds], [one for one in values if one.kind not in kinds]


def _key(name: str, key: str) -> bytes:
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise wrong(name, error) from None
    return to_json(key) + b":"
