"""The parameters of a route: each with its place in the request, or the reason why it can't be carried."""

import copy
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from starlette.routing import PARAM_REGEX

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.encode.declarations import Declared, bad_form_name, declared_by, file_type, why_not
from fastapi_gcp_tasks.encode.parameter_models import ModelField, as_received, extras_of, fields_of_model, model_of
from fastapi_gcp_tasks.encode.places import IN_BODY, Place
from gcptasks.base.http import BODY_METHODS
from gcptasks.base.unset import UNSET
from gcptasks.engine import header_rules
from gcptasks.values.refusal import NotCarried, Unreceived, at_place, shown

_EMPTY = (list, set, frozenset, tuple, dict)
"""Factories of defaults that make the same each time."""


Values = Mapping[str, Any]
"""The arguments of a call, by the endpoint's own names."""


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
    fields: tuple[ModelField, ...] = ()
    """Those of a parameter model, whose own key is not in the request."""
    others: "tuple[Parameter, ...]" = ()
    """The same key as dependencies declare it otherwise: they read what this one writes."""

    @property
    def repeats(self) -> bool:
        """Whether its key may occur several times."""
        return self.place in (Place.QUERY, Place.FORM) and versions.repeats(self.info.annotation)

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
            except Unreceived as error:
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
        for declared in declared_by(dependant):
            found.add(declared)
    _check_path(route, found)
    _check_form(route, found)
    _check_models(route, found)
    return list(found.by_name.values())


def injected(route: APIRoute) -> frozenset[str]:
    """The endpoint's parameters that FastAPI fills in itself."""
    dependant = cast("versions.Dependant", route.dependant)
    return frozenset(_signature(route)) - {declared.name for declared in declared_by(dependant)}


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


class _Found:
    def __init__(self, route: APIRoute) -> None:
        self.by_name: dict[str, Parameter] = {}
        self._by_wire: dict[tuple[Place, str], Parameter] = {}
        self._route = route
        self._own = frozenset(_signature(route))

    def add(self, declared: Declared) -> None:
        """Take one more; what the endpoint itself declares comes first and keeps its name."""
        parameter = self._parameter(declared)
        same = self._by_wire.get((parameter.place, parameter.key))
        if same is not None:
            self._share(same, parameter)
        elif parameter.name not in self.by_name and not (parameter.name in self._own and not self._is_own(declared)):
            self.by_name[parameter.name] = self._by_wire[parameter.place, parameter.key] = parameter
        elif parameter.needs_argument() or parameter.place in IN_BODY:
            reason = f"a dependency declares the {parameter.place} {parameter.key!r} under a name that is taken"
            raise refused(self._route, parameter.name, reason)

    def _is_own(self, declared: Declared) -> bool:
        return any(
            one.field is declared.field for one in declared_by(cast("versions.Dependant", self._route.dependant))
        )

    def _share(self, first: Parameter, again: Parameter) -> None:
        where = f"the {again.place} {again.key!r}"
        if again.name != first.name and {first.name, again.name} <= self._own:
            raise refused(self._route, again.name, f"{where} is {first.name!r} already")
        if _embedded(first.info) != _embedded(again.info):
            raise refused(self._route, again.name, f"{where} is declared twice, once with embed=True and once without")
        if file_type(again.info) and (again.info.annotation is bytes or _demands(first.info) != _demands(again.info)):
            raise refused(self._route, again.name, f"{where} is declared twice, and a file is read once")
        if first.fields and _demands(first.info) != _demands(again.info):
            raise refused(self._route, again.name, f"a dependency declares another {again.place} {again.key!r}")
        both = first._replace(required=first.required or again.required)
        if _demands(first.info) != _demands(again.info):
            both = both._replace(others=(*first.others, again))
        self.by_name[first.name] = self._by_wire[first.place, first.key] = both

    def _parameter(self, declared: Declared) -> Parameter:
        info = declared.field.field_info
        reason = why_not(declared) or self._why_no_body(declared.place)
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
        if _is_default_refused(parameter):
            parameter = parameter._replace(required=True)
        if model := model_of(parameter.place, info):
            parameter = _with_fields(parameter, fields_of_model(parameter.place, model))
        unsettable = header_rules.why_not_sent(parameter.key) if declared.place is Place.HEADER else None
        if unsettable and parameter.needs_argument():
            raise refused(self._route, declared.name, unsettable)
        return parameter

    def _why_no_body(self, place: Place) -> str | None:
        methods = self._route.methods
        if place in IN_BODY and methods and len(methods) == 1 and not methods & BODY_METHODS:
            return f"a task with the method {min(methods)} has no body; use POST, PUT or PATCH"
        return None


def _is_default_refused(parameter: Parameter) -> bool:
    """Whether FastAPI 0.115, which validates defaults outside JSON, refuses this one: then it is none."""
    if parameter.place in (Place.PATH, Place.BODY) or parameter.default is None or parameter.default is UNSET:
        return False
    try:
        parameter.receive(copy.deepcopy(parameter.default))
    except Exception:  # the user's own code may raise anything
        return True
    return False


def _with_fields(parameter: Parameter, fields: tuple[ModelField, ...]) -> Parameter:
    """The parameter model, which FastAPI makes of its fields alone: its own default never counts."""
    try:
        for received in as_received(parameter.place, fields, {}):
            parameter.receive(received)
    except Exception:  # the user's own code may raise anything
        return parameter._replace(fields=fields, required=True)
    return parameter._replace(fields=fields, required=False)


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


def _check_path(route: APIRoute, found: _Found) -> None:
    if odd := re.search(r"\{[^}]*\}?|\}", PARAM_REGEX.sub("", route.path)):
        raise TypeError(
            f"{_endpoint(route)}: a task cannot have the path {route.path}: {odd[0]} names no parameter, as a name has "
            "letters, digits and underscores, and no digit first"
        )
    declared = {one.key: one.name for one in found.by_name.values() if one.place is Place.PATH}
    for key in route.param_convertors:
        if key not in declared:
            raise refused(route, key, f"neither the endpoint nor a dependency declares {{{key}}} of {route.path}")
    for key, name in declared.items():
        if key not in route.param_convertors:
            raise refused(route, name, f"the path {route.path} has no {{{key}}}")


def _check_form(route: APIRoute, found: _Found) -> None:
    in_body = [one for one in found.by_name.values() if one.place in IN_BODY]
    for one in in_body:
        if one.place is Place.BODY and any(other.place is Place.FORM for other in in_body):
            raise refused(route, one.name, "FastAPI reads a form or JSON, not both; mark it with Form")
    if any(file_type(one.info) for one in in_body):
        for one in in_body:
            if reason := bad_form_name(one.key):
                raise refused(route, one.name, f"the name {reason}")


def _check_models(route: APIRoute, found: _Found) -> None:
    for one in found.by_name.values():
        model = model_of(one.place, one.info)
        if model is None:
            continue
        for other in found.by_name.values():
            if other is one or other.place not in (IN_BODY if one.place in IN_BODY else (one.place,)):
                continue
            if one.place is Place.FORM:
                raise refused(route, one.name, f"FastAPI 0.115 does not read a form model beside {other.name!r}")
            keys = {field.key for field in other.fields} if other.fields else {other.key}
            if extras_of(model) != "ignore":
                reason = f"its model {extras_of(model)}s extra fields, and {other.name!r} would be one"
                raise refused(route, one.name, reason)
            for field in one.fields:
                if field.key in keys:
                    raise refused(route, one.name, f"its field {field.name!r} is {other.name!r} too")
