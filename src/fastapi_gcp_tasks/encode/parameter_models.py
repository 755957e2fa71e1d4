"""Parameter models (`Annotated[Filters, Query()]`, `Annotated[Login, Form()]`): each field is a parameter by itself.

FastAPI versions do not hand the fields to the model in the same way: 0.115 does so by name (those of a form by alias),
together with the defaults of the fields that did not come. So a model is carried where both ways lead to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, Json
from pydantic.fields import FieldInfo

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.encode.places import Place
from gcptasks.base.http import is_token
from gcptasks.engine import header_rules

_JSON_TEXT: Any = Json  # a class that type checkers see as a form of Annotated
_HOLDS = frozenset((Place.QUERY, Place.HEADER, Place.COOKIE, Place.FORM))


class ModelField(NamedTuple):
    """One field of a parameter model."""

    name: str
    alias: str
    """By which the model reads it."""
    key: str
    """In the request."""
    info: FieldInfo

    @property
    def repeats(self) -> bool:
        """Whether its key may occur several times."""
        return versions.repeats(self.info.annotation)


def model_of(place: Place, info: FieldInfo) -> type[BaseModel] | None:
    """The parameter model that a parameter is; None for any other."""
    annotation: Any = info.annotation
    if place not in _HOLDS or is_json(info) or not isinstance(annotation, type):
        return None
    return annotation if issubclass(annotation, BaseModel) else None


def is_json(info: FieldInfo) -> bool:
    """Whether it is read from a text in JSON (`Json[…]`)."""
    held: list[Any] = [info.annotation, *info.metadata]
    for choice in get_args(info.annotation):
        held += [choice, *get_args(choice)]
    return any(isinstance(one, _JSON_TEXT) or one is _JSON_TEXT for one in held)


def fields_of_model(place: Place, model: type[BaseModel]) -> tuple[ModelField, ...]:
    """The fields of a parameter model, in order."""
    return tuple(
        ModelField(name, info.alias or name, _key(place, name, info), info) for name, info in model.model_fields.items()
    )


def extras_of(model: type[BaseModel]) -> str:
    """What the model does with keys that are no fields: it ignores, allows or forbids them."""
    return model.model_config.get("extra") or "ignore"


def as_received(
    place: Place, fields: Sequence[ModelField], written: Mapping[str, str | list[str]]
) -> Iterator[dict[str, Any]]:
    """What FastAPI hands to the model, of what was written by the names of fields: the newest first, then 0.115."""
    aliases = {field.name: field.alias for field in fields}
    yield {aliases.get(name, name): wire for name, wire in written.items()}
    defaults = {field.name: _default(field.info) for field in fields if field.name not in written}
    filled = {**{name: default for name, default in defaults.items() if default is not None}, **written}
    yield {aliases.get(name, name) if place is Place.FORM else name: wire for name, wire in filled.items()}


def why_not_model(
    place: Place, model: type[BaseModel], info: FieldInfo, beside: Sequence[versions.Field]
) -> str | None:
    """Why no task can carry a parameter model that is declared so, or None."""
    if len(beside) > 1:
        return f"FastAPI 0.115 reads a parameter model only where no other {place} parameter is declared beside it"
    if model.__pydantic_root_model__:
        return "a RootModel has no fields of its own"
    if not model.model_fields:
        return "its model has no fields"
    if getattr(info, "embed", None):
        return "FastAPI versions differ in how they read an embedded form model"
    if place is Place.HEADER and extras_of(model) != "ignore":
        return f"its model {extras_of(model)}s extra fields, and a request has other headers too"
    fields, seen = fields_of_model(place, model), set[str]()
    for field in fields:
        if field.key in seen:
            return f"its model has two fields {field.key!r}"
        seen.add(field.key)
        if reason := _why_not_field(place, model, field) or _why_not_converted(info, field, place):
            return f"its field {field.name!r}: {reason}"
    return None


def _key(place: Place, name: str, info: FieldInfo) -> str:
    if place is not Place.HEADER:
        return info.alias or name
    if info.alias and info.alias != name:
        return info.alias.lower()
    return (name.replace("_", "-") if getattr(info, "convert_underscores", True) else name).lower()


def _default(info: FieldInfo) -> Any:
    return None if info.is_required() else info.get_default(call_default_factory=True)


def _why_not_converted(info: FieldInfo, field: ModelField, place: Place) -> str | None:
    if place is not Place.HEADER or getattr(info, "convert_underscores", True) or "_" not in field.name:
        return None
    own = hasattr(field.info, "convert_underscores") or field.alias != field.name
    return None if own else "FastAPI 0.115 converts its underscores; give it an alias"


def _why_not_field(place: Place, model: type[BaseModel], field: ModelField) -> str | None:
    info, config = field.info, model.model_config
    if info.validation_alias is not None and info.validation_alias != info.alias:
        return "FastAPI versions differ in how they read validation_alias; use alias"
    if field.alias != field.name:
        if config.get("validate_by_alias") is False:
            return "FastAPI versions differ in how they read an alias that is not validated"
        if place is not Place.FORM and not (config.get("populate_by_name") or config.get("validate_by_name")):
            return "FastAPI 0.115 reads no alias in a parameter model, unless it has populate_by_name=True"
    if is_json(info):
        return "FastAPI 0.115 does not take it for one value" if field.repeats else _why_no_key(place, field)
    if field.repeats and place in (Place.HEADER, Place.COOKIE):
        return f"a task has one value for each {place}"
    if field.repeats and not versions.repeats(info.annotation, inside_annotated=False):
        return "FastAPI 0.115 reads one value of such a list; put the union inside Annotated"
    return _why_no_key(place, field)


def _why_no_key(place: Place, field: ModelField) -> str | None:
    if place is Place.COOKIE and not is_token(field.key):
        return f"{field.key!r} is not a name that a cookie can have"
    if place is not Place.HEADER:
        return None
    if header_rules.from_elsewhere(field.key) or field.key == "cookie":
        return f"the header {field.key!r} is not the caller's alone; declare it by itself"
    return header_rules.bad_name(field.key) or header_rules.why_not_sent(field.key)
