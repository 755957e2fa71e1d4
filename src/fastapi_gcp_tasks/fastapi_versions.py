"""What FastAPI 0.115 to the newest do differently, keep in different places, or do not publish.

- Before 0.137 `include_router` makes new routes (`MarkedMethods`), from then on it keeps the router (`included`).
- 0.115 does not look for lists inside `Annotated` (`repeats`).
- 0.115 reads null in a body as "not given", the newest as null. So the encoder leaves None out where that is what
  arrives, and refuses it anywhere else.
- They differ in how they read `validation_alias`, so the encoder refuses it.
"""

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple, Protocol, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from gcptasks.values.refusal import Unreceived


class Field(Protocol):
    """FastAPI's `ModelField`: one declared parameter."""

    name: str
    field_info: FieldInfo

    @property
    def alias(self) -> str: ...

    def validate(self, value: Any, values: dict[str, Any] = ..., *, loc: tuple[int | str, ...] = ...) -> Any: ...


class Dependant(Protocol):
    """FastAPI's `Dependant`: what an endpoint, or one of its dependencies, declares."""

    call: Callable[..., Any] | None
    path_params: list[Any]
    query_params: list[Any]
    header_params: list[Any]
    cookie_params: list[Any]
    body_params: list[Any]
    dependencies: list[Any]


def with_dependencies(dependant: Dependant) -> Iterator[Dependant]:
    """The endpoint itself, then what it depends on, in the order in which FastAPI lays out a body."""
    yield dependant
    for inner in dependant.dependencies:
        yield from with_dependencies(inner)


def embeds_body(dependant: Dependant) -> bool:
    """Whether the body is an object with a member for each body parameter, even if there is one alone."""
    fields: list[Field] = [field for one in with_dependencies(dependant) for field in one.body_params]
    return len({field.name for field in fields}) > 1 or bool(fields and getattr(fields[0].field_info, "embed", None))


def adapter_of(field: Field) -> TypeAdapter[Any]:
    """The validators that the worker uses for this parameter; the attribute has stood since FastAPI 0.100."""
    own: TypeAdapter[Any] | None = getattr(field, "_type_adapter", None)
    if own is not None:
        return own
    annotation: Any = Annotated[field.field_info.annotation, field.field_info]
    return TypeAdapter(annotation)


def receiver_of(field: Field) -> Callable[[Any], Any]:
    """What the worker does with a received value; raises Unreceived."""

    def receive_value(wire: Any) -> Any:
        value, errors = field.validate(wire, {}, loc=())
        if errors:
            raise Unreceived(errors[0])
        return value

    return receive_value


def repeats(annotation: Any, *, inside_annotated: bool = True) -> bool:
    """Whether FastAPI reads every value of a repeated key for this annotation.

    0.115 does not look inside `Annotated`, so it takes `Annotated[list[int], …] | None` for one value.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return inside_annotated and repeats(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return any(repeats(choice, inside_annotated=inside_annotated) for choice in get_args(annotation))
    kind = origin or annotation
    return (
        isinstance(kind, type)
        and issubclass(kind, list | tuple | set | frozenset | deque | Sequence)
        and not (issubclass(kind, str | bytes))
    )


class Included(NamedTuple):
    """A router inside of another one, and what that puts before its routes."""

    routes: Sequence[Any]
    prefix: str
    dependencies: Sequence[Any]


def included(entry: object) -> Included | None:
    """The router that this entry of an outer router's routes stands for, if it stands for one."""
    router, context = getattr(entry, "original_router", None), getattr(entry, "include_context", None)
    if router is None or context is None:
        return None
    return Included(router.routes, context.prefix, context.dependencies)


class MarkedMethods(set[str]):
    """The methods of a task route, marked.

    Before FastAPI 0.137 `include_router` makes new routes, through the route class, from what the old ones hold; the
    methods it hands on as they are. So a route that is made with marked methods is known to be a copy.
    """

    def __init__(self, methods: Iterable[str] = (), endpoint: Callable[..., Any] | None = None) -> None:
        super().__init__(methods)
        self.endpoint = endpoint
