"""The parameters of a route: each with its place in the request, or the reason why it can't be carried."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, cast, get_args, get_origin

from fastapi import UploadFile, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, Json, SecretBytes, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.types import Secret
from starlette.convertors import StringConvertor
from starlette.routing import PARAM_REGEX

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.encode import header_rules
from fastapi_gcp_tasks.encode.refusal import NotCarried, at_place, shown
from gcptasks.base.http import BODY_METHODS, is_token
from gcptasks.base.unset import UNSET
from gcptasks.worker.injected import Injected

_SECRETS: tuple[Any, ...] = (Secret, SecretStr, SecretBytes)
_JSON_TEXT: Any = Json  # a class that type checkers see as a form of Annotated
_EMPTY = (list, set, frozenset, tuple, dict)
"""Factories of defaults that make the same each time."""
_JSON = r"(?i)application/(?:json|[^;\s]+\+json)"


Values = Mapping[str, Any]
"""The arguments of a call, by the endpoint's own names."""


class Place(StrEnum):
    """Where in the request a parameter travels."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"


class Parameter(NamedTuple):
    """One argument of `.delay`, as the endpoint or one of its dependencies declares it."""

    name: str
    place: Place
    key: str
    """The name in the request."""
    required: bool
    default: Any
    """UNSET where there is none, or a factory of which nobody knows what it makes."""
    info: FieldInfo
    adapter: TypeAdapter[Any]
    receive: Callable[[Any], Any]
    others: "tuple[Parameter, ...]" = ()
    """The same key as dependencies declare it otherwise: they read what this one writes."""

    @property
    def repeats(self) -> bool:
        """Whether its key may occur several times."""
        return self.place is Place.QUERY and versions.repeats(self.info.annotation)

    def needs_argument(self) -> bool:
        """Whether a call without it cannot work."""
        return self.required and not (self.place is Place.HEADER and header_rules.from_elsewhere(self.key))

    def can_be_sent(self) -> bool:
        """Whether a caller can set it: a header that the queue service sets or drops, no caller can."""
        return self.place is not Place.HEADER or header_rules.why_not_sent(self.key) is None

    def check_others(self, wire: Any) -> None:
        """Raise unless all others that read the key take what is written: JSON, or a list of texts."""
        for other in self.others:
            found = wire if other.place is Place.BODY or other.repeats else wire[-1]
            try:
                other.receive(found)
            except versions.Unreceived as error:
                refusal = f"a dependency declares the {other.place} {other.key!r} too, and would refuse {shown(found)}"
                raise NotCarried(f"{refusal}: {at_place(error.place, str(error))}") from None

    def check_omission(self, value: Any) -> None:
        """Raise unless leaving the key out makes the worker see this value (None, or an empty list)."""
        if not self.required and type(self.default) is type(value) and self.default == value:
            return
        what = "None" if value is None else f"an empty {type(value).__name__}"
        instead = "no value would arrive, though one is required" if self.required else "its default would arrive"
        # Nor as null in a body, which FastAPI versions read differently.
        raise NotCarried(f"{what} cannot be carried: {instead}")


def parameters(route: APIRoute) -> list[Parameter]:
    """What a call may pass, one for each name; TypeError for a declaration that can't be carried."""
    found = _Found(route)
    for dependant in versions.with_dependencies(cast("versions.Dependant", route.dependant)):
        for declared in _declared(dependant):
            found.add(declared)
    _check_path(route, found)
    return list(found.by_name.values())


def injected(route: APIRoute) -> frozenset[str]:
    """The endpoint's parameters that FastAPI fills in itself."""
    dependant = cast("versions.Dependant", route.dependant)
    return frozenset(_signature(route)) - {declared.name for declared in _declared(dependant)}


def refused(route: APIRoute, name: str, reason: str) -> TypeError:
    """The error for a declaration that can't be carried."""
    return TypeError(f"{_endpoint(route)}: the parameter {name!r} cannot be carried by a task: {reason}")


def _endpoint(route: APIRoute) -> str:
    return getattr(route.endpoint, "__qualname__", repr(route.endpoint))


def _signature(route: APIRoute) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(route.endpoint).parameters)
    for name, one in found.items():
        if one.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise refused(route, name, f"FastAPI passes arguments by keyword, and it is {one.kind.description}")
    return found


class _Declared(NamedTuple):
    place: Place
    field: versions.Field

    @property
    def name(self) -> str:
        return self.field.name

    def key(self) -> str:
        alias = self.field.alias
        return alias.lower() if self.place is Place.HEADER else alias


def _declared(dependant: versions.Dependant) -> Iterator[_Declared]:
    for place in Place:
        for field in getattr(dependant, f"{place}_params"):
            yield _Declared(place, field)


class _Found:
    def __init__(self, route: APIRoute) -> None:
        self.by_name: dict[str, Parameter] = {}
        self._by_wire: dict[tuple[Place, str], Parameter] = {}
        self._route = route
        self._own = frozenset(_signature(route))

    def add(self, declared: _Declared) -> None:
        """Take one more; what the endpoint itself declares comes first and keeps its name."""
        parameter = self._parameter(declared)
        same = self._by_wire.get((parameter.place, parameter.key))
        if same is not None:
            self._share(same, parameter)
        elif parameter.name not in self.by_name and not (parameter.name in self._own and not self._is_own(declared)):
            self.by_name[parameter.name] = self._by_wire[parameter.place, parameter.key] = parameter
        elif parameter.needs_argument() or parameter.place is Place.BODY:
            reason = f"a dependency declares the {parameter.place} {parameter.key!r} under a name that is taken"
            raise refused(self._route, parameter.name, reason)

    def _is_own(self, declared: _Declared) -> bool:
        return any(one.field is declared.field for one in _declared(cast("versions.Dependant", self._route.dependant)))

    def _share(self, first: Parameter, again: Parameter) -> None:
        where = f"the {again.place} {again.key!r}"
        if again.name != first.name and {first.name, again.name} <= self._own:
            raise refused(self._route, again.name, f"{where} is {first.name!r} already")
        if _embedded(first.info) != _embedded(again.info):
            raise refused(self._route, again.name, f"{where} is declared twice, once with embed=True and once without")
        both = first._replace(required=first.required or again.required)
        if _demands(first.info) != _demands(again.info):
            both = both._replace(others=(*first.others, again))
        self.by_name[first.name] = self._by_wire[first.place, first.key] = both

    def _parameter(self, declared: _Declared) -> Parameter:
        info = declared.field.field_info
        reason = _why_not(declared.place, declared.key(), info) or self._why_no_body(declared.place)
        if reason:
            raise refused(self._route, declared.name, reason)
        parameter = Parameter(
            name=declared.name,
            place=declared.place,
            key=declared.key(),
            required=info.is_required(),
            default=_default(info),
            info=info,
            adapter=versions.adapter_of(declared.field),
            receive=versions.receiver_of(declared.field),
        )
        unsettable = header_rules.why_not_sent(parameter.key) if declared.place is Place.HEADER else None
        if unsettable and parameter.needs_argument():
            raise refused(self._route, declared.name, unsettable)
        return parameter

    def _why_no_body(self, place: Place) -> str | None:
        methods = self._route.methods
        if place is Place.BODY and methods and len(methods) == 1 and not methods & BODY_METHODS:
            return f"a task with the method {min(methods)} has no body; use POST, PUT or PATCH"
        return None


def _default(info: FieldInfo) -> Any:
    factory: Any = info.default_factory
    if factory is not None:
        return factory() if (get_origin(factory) or factory) in _EMPTY else UNSET
    return UNSET if info.is_required() else info.default


def _embedded(info: FieldInfo) -> bool:
    return bool(getattr(info, "embed", None))


def _demands(info: FieldInfo) -> tuple[Any, Any]:
    choices = [choice for choice in get_args(info.annotation) if choice is not type(None)]
    return (
        choices[0] if len(choices) == 1 and type(None) in get_args(info.annotation) else info.annotation,
        info.metadata,
    )


def _why_not(place: Place, key: str, info: FieldInfo) -> str | None:
    if isinstance(info.default, Injected):
        return f"`injected` stands for what FastAPI injects, but this is read from the {place}; mark it with Depends"
    bare: Any = info.annotation
    if isinstance(info, params.File) and bare in _EMPTY:
        return f"FastAPI takes a bare {bare.__name__} for files; write {bare.__name__}[…] with what is in it"
    if isinstance(info, params.File) or _holds(info.annotation, lambda one: _is_class(one, UploadFile), set()):
        return "files are not supported yet"
    if isinstance(info, params.Form):
        return "form data is not supported yet"
    if _holds(info.annotation, lambda one: _is_class(one, *_SECRETS), set()):
        return "secrets (SecretStr and its kin) do not belong in a task; pass a reference instead"
    if info.validation_alias is not None and info.validation_alias != info.alias:
        return "FastAPI versions differ in how they read validation_alias; use alias"
    if place is Place.BODY:
        media_type = getattr(info, "media_type", "application/json")
        return (
            None if re.fullmatch(_JSON, media_type) else f"a body of the media type {media_type!r} is not supported yet"
        )
    return _why_not_text(place, key, info)


def _why_not_text(place: Place, key: str, info: FieldInfo) -> str | None:
    if any(isinstance(one, _JSON_TEXT) or one is _JSON_TEXT for one in info.metadata):
        return "Json outside a body is not supported yet"
    if place is not Place.PATH and any(
        _is_class(one, BaseModel) for one in (info.annotation, *get_args(info.annotation))
    ):
        return f"parameter models are not supported yet; declare each {place} by itself"
    if place is Place.QUERY and _is_list(info) and not versions.repeats(info.annotation, inside_annotated=False):
        return "FastAPI 0.115 reads one value of such a list; put the union inside Annotated"
    if place is Place.HEADER:
        return header_rules.bad_name(key) or ("a task has one value for each header" if _is_list(info) else None)
    if place is Place.COOKIE and not is_token(key):
        return f"{key!r} is not a name that a cookie can have"
    return "FastAPI reads one value for each cookie" if place is Place.COOKIE and _is_list(info) else None


def _is_list(info: FieldInfo) -> bool:
    return versions.repeats(info.annotation)


def _is_class(one: Any, *bases: type) -> bool:
    return isinstance(one, type) and issubclass(one, bases)


def _holds(annotation: Any, wanted: Callable[[Any], bool], seen: set[int]) -> bool:
    """Whether a type that is wanted stands anywhere in the annotation, fields of models included."""
    if id(annotation) in seen:
        return False
    seen.add(id(annotation))
    origin = getattr(annotation, "__origin__", None)
    if wanted(annotation) or wanted(origin):
        return True
    inner: list[Any] = list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner += [field.annotation for field in annotation.model_fields.values()]
    return any(_holds(one, wanted, seen) for one in inner)


def _check_path(route: APIRoute, found: _Found) -> None:
    if odd := re.search(r"\{[^}]*\}?|\}", PARAM_REGEX.sub("", route.path)):
        raise TypeError(
            f"{_endpoint(route)}: a task cannot have the path {route.path}: {odd[0]} names no parameter, as a name has "
            "letters, digits and underscores, and no digit first"
        )
    declared = {one.key: one.name for one in found.by_name.values() if one.place is Place.PATH}
    for key, convertor in route.param_convertors.items():
        if type(convertor) is not StringConvertor:
            raise refused(route, declared.get(key, key), f"path convertors ({{{key}:…}}) are not supported yet")
        if key not in declared:
            raise refused(route, key, f"neither the endpoint nor a dependency declares {{{key}}} of {route.path}")
    for key, name in declared.items():
        if key not in route.param_convertors:
            raise refused(route, name, f"the path {route.path} has no {{{key}}}")
