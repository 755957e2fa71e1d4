"""What a dependant declares: each parameter with its place, and the reasons why a declaration cannot be carried."""

import re
from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from fastapi import UploadFile, params
from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic.types import Secret

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.encode.parameter_models import is_json, model_of, why_not_model
from fastapi_gcp_tasks.encode.places import Place
from gcptasks.base.http import is_token
from gcptasks.engine import header_rules
from gcptasks.worker.injected import Injected

_SECRETS: tuple[Any, ...] = (Secret, SecretStr, SecretBytes)
_JSON = r"(?i)application/(?:json|[^;\s]+\+json)"
_BARE = (list, set, frozenset, tuple, dict)
_SEVERAL = (list, set, frozenset)
_FORM_NAME = re.compile(r'[^\x00-\x1f\x7f"\\]{1,1000}')


class Declared(NamedTuple):
    """One parameter, as the endpoint or one of its dependencies declares it."""

    place: Place
    field: versions.Field
    beside: Sequence[versions.Field]
    """All that the same function declares in that part of the request, this one too."""

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def info(self) -> FieldInfo:
        return self.field.field_info

    def key(self) -> str:
        """Its name in the request."""
        alias = self.field.alias
        return alias.lower() if self.place is Place.HEADER else alias


class FileType(NamedTuple):
    """What an endpoint takes a file as."""

    cls: type
    """bytes or UploadFile."""
    several: bool


def declared_by(dependant: versions.Dependant) -> Iterator[Declared]:
    """What a function declares itself."""
    for place in (Place.PATH, Place.QUERY, Place.HEADER, Place.COOKIE):
        fields: list[versions.Field] = getattr(dependant, f"{place}_params")
        for field in fields:
            yield Declared(place, field, fields)
    for field in dependant.body_params:
        place = Place.FORM if isinstance(field.field_info, params.Form) else Place.BODY
        yield Declared(place, field, dependant.body_params)


def why_not(declared: Declared) -> str | None:
    """Why no task can carry a parameter that is declared so, or None."""
    place, info = declared.place, declared.info
    if isinstance(info.default, Injected):
        return f"`injected` stands for what FastAPI injects, but this is read from the {place}; mark it with Depends"
    if isinstance(info, params.File):
        return _why_not_file(declared)
    if _holds(info.annotation, lambda one: _is_class(one, UploadFile), set()):
        return "an UploadFile is carried as a parameter of its own: UploadFile or list[UploadFile]"
    if _holds(info.annotation, lambda one: _is_class(one, *_SECRETS), set()):
        return "secrets (SecretStr and its kin) do not belong in a task; pass a reference instead"
    if info.validation_alias is not None and info.validation_alias != info.alias:
        return "FastAPI versions differ in how they read validation_alias; use alias"
    if place is Place.BODY:
        media_type = getattr(info, "media_type", "application/json")
        return (
            None if re.fullmatch(_JSON, media_type) else f"a body of the media type {media_type!r} is not supported yet"
        )
    return _why_not_text(declared)


def file_type(info: FieldInfo) -> FileType | None:
    """What a parameter takes a file as; None for what is no file, or is not read as one by all FastAPI versions."""
    if not isinstance(info, params.File):
        return None
    annotation: Any = info.annotation
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    rest = [choice for choice in choices if choice is not type(None)]
    one, several = rest[0], get_origin(rest[0]) in _SEVERAL
    if several:
        one = get_args(one)[0]
    return FileType(one, several) if len(rest) == 1 and (one is bytes or one is UploadFile) else None


def bad_form_name(name: str) -> str | None:
    """Why no field or file of a form with files can have this name, or None."""
    if _FORM_NAME.fullmatch(name):
        return None
    return f"{name!r} must have 1 to 1000 characters, and no quotes, backslashes or control characters"


def _why_not_file(declared: Declared) -> str | None:
    bare: Any = declared.info.annotation
    if bare in _BARE:
        return f"FastAPI takes a bare {bare.__name__} for files; write {bare.__name__}[…] with what is in it"
    taken = file_type(declared.info)
    if taken is None:
        return "files are carried as bytes, as UploadFile, or as a list or set of them"
    if taken.cls is UploadFile and any(hasattr(one, "func") for one in declared.info.metadata):
        return "an UploadFile cannot be compared with what a validator of your own makes of it"
    if taken == (bytes, True) and type(None) in get_args(declared.info.annotation):
        return "FastAPI 0.115 fails at an optional list of bytes; give it the default File([])"
    if taken.cls is bytes and not isinstance(declared.beside[0].field_info, params.File):
        return "FastAPI 0.115 reads bytes where the first of all form parameters is a file; declare a file first"
    return None


def _why_not_text(declared: Declared) -> str | None:
    place, info, key = declared.place, declared.info, declared.key()
    of_models = any(_is_class(one, BaseModel) for one in (info.annotation, *get_args(info.annotation)))
    if is_json(info):
        several = of_models or versions.repeats(info.annotation)
        return "FastAPI 0.115 does not take it for one value; write Json[Any]" if several else _why_no_key(place, key)
    if model := model_of(place, info):
        return why_not_model(place, model, info, declared.beside)
    if place is not Place.PATH and of_models:
        return "FastAPI 0.115 reads a parameter model only as it is: not one that is optional, or one of several"
    several = versions.repeats(info.annotation)
    if place in (Place.QUERY, Place.FORM) and several:
        if not versions.repeats(info.annotation, inside_annotated=False):
            return "FastAPI 0.115 reads one value of such a list; put the union inside Annotated"
        return _why_not_list_beside_files(declared)
    if place is Place.HEADER and several:
        return "a task has one value for each header"
    if place is Place.COOKIE and several:
        return "FastAPI reads one value for each cookie"
    return _why_no_key(place, key)


def _why_no_key(place: Place, key: str) -> str | None:
    if place is Place.HEADER:
        return header_rules.bad_name(key)
    if place is Place.COOKIE and not is_token(key):
        return f"{key!r} is not a name that a cookie can have"
    return None


def _why_not_list_beside_files(declared: Declared) -> str | None:
    files = any(isinstance(one.field_info, params.File) for one in declared.beside)
    held = [bytes in (item, *get_args(item)) for item in get_args(declared.info.annotation)]
    return (
        "FastAPI 0.115 takes a list of bytes beside files for files; declare it as File"
        if files and any(held)
        else None
    )


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
