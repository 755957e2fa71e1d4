"""Which of a function's parameters carry data, and which FastAPI fills in on the worker."""

import inspect
import sys
import typing
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, cast, get_args, get_origin

from gcptasks.worker.injected import Injected

_INJECTED_CLASSES = (
    ("starlette.requests", "HTTPConnection"),
    ("starlette.responses", "Response"),
    ("starlette.background", "BackgroundTasks"),
    ("fastapi.security", "SecurityScopes"),
)
_WEBSOCKET = ("starlette.websockets", "WebSocket")
_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def resolved_signature(function: Callable[..., Any], name: str) -> Signature:
    """The signature, with annotations that are no texts any more; `TypeError` if one cannot be read."""

    def holder() -> None: ...

    try:
        signature = _signature(function)
        parameters = signature.parameters.values()
        # What it returns may be a name that only type checkers know.
        holder.__annotations__ = {one.name: one.annotation for one in parameters if one.annotation is not one.empty}
        names = getattr(inspect.unwrap(function), "__globals__", {})
        hints = typing.get_type_hints(holder, names, include_extras=True)
    except Exception as error:  # whatever a text evaluates to
        raise TypeError(f"{name}: its annotations cannot be read: {error}") from error
    return signature.replace(
        parameters=[one.replace(annotation=_unaliased(hints.get(one.name, one.annotation))) for one in parameters]
    )


def _signature(function: Callable[..., Any]) -> Signature:
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        # Annotations are evaluated now: what cannot be, as a result that only type checkers know, stays a reference.
        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _unaliased(annotation: Any) -> Any:
    """What a `type` statement's name stands for, if that is `Annotated`: it may say what to inject."""
    meant = annotation
    # Python has one class of that name since 3.12, typing_extensions has another.
    while type(meant).__name__ == "TypeAliasType":
        meant = meant.__value__
    return meant if get_origin(meant) is Annotated else annotation


def data_and_injected(signature: Signature, function: str) -> tuple[Signature, list[Parameter]]:
    """The signature of the parameters that carry data, and the parameters that FastAPI fills in.

    `TypeError` for one that is neither.
    """
    parameters = signature.parameters.values()
    injected = {one.name: one for one in parameters if _is_injected(one, function)}
    data = [one for one in parameters if one.name not in injected]
    return signature.replace(parameters=data), list(injected.values())


def _is_injected(parameter: Parameter, function: str) -> bool:
    """Whether FastAPI fills it in: by its default, by what is in `Annotated`, or by its class."""
    annotation = parameter.annotation
    plain, *extras = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    if _is_class(plain, *_WEBSOCKET):
        raise TypeError(f"{function}: the parameter {parameter.name!r} is a WebSocket, and no task has one")
    marks = (parameter.default, *extras)
    if any(_is_a(mark, "fastapi.params", ("Param", "Body")) for mark in marks):
        raise TypeError(
            f"{function}: the parameter {parameter.name!r} would be read from the request, and the request of a task "
            "has nothing but its arguments: take it in a dependency"
        )
    is_injected = _is_injected_class(plain) or any(_is_a(mark, "fastapi.params", ("Depends",)) for mark in marks)
    if is_injected and parameter.kind in _VARIADIC:
        raise TypeError(f"{function}: FastAPI cannot inject {parameter}")
    if isinstance(parameter.default, Injected) and not is_injected:
        raise TypeError(
            f"{function}: the parameter {parameter.name!r} has the default injected, and nothing says what to inject: "
            "annotate it with Annotated[…, Depends(…)]"
        )
    return is_injected


def _is_injected_class(annotation: Any) -> bool:
    return any(_is_class(annotation, module, name) for module, name in _INJECTED_CLASSES)


def _is_class(annotation: Any, module: str, name: str) -> bool:
    found = _loaded(module, name)
    return found is not None and isinstance(annotation, type) and issubclass(annotation, found)


def _is_a(value: object, module: str, names: tuple[str, ...]) -> bool:
    return any((found := _loaded(module, name)) is not None and isinstance(value, found) for name in names)


def _loaded(module: str, name: str) -> type | None:
    """The class, if its module is loaded: whoever has no FastAPI in the annotations need not load it."""
    return cast("type | None", getattr(sys.modules.get(module), name, None))
