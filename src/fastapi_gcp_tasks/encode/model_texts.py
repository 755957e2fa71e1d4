"""The texts of a parameter model, each under its key."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import ValidationError

from fastapi_gcp_tasks.encode.parameter_models import ModelField, as_received
from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.places import Place
from fastapi_gcp_tasks.encode.scalar_text import plain_text
from fastapi_gcp_tasks.encode.text import ToText
from gcptasks.values.refusal import NotCarried, at_place, named, shown
from gcptasks.values.round_trip import dumped, round_trip, same_as, strict_check
from gcptasks.values.unset import left_out

Written = dict[str, str | list[str]]
"""By the names of fields; a list for a key that may occur several times."""
ToModelTexts = Callable[[Any], list[tuple[str, str]]]
"""Keys and texts. What is not there is left to the worker's defaults."""


def texts_of_model(parameter: Parameter) -> ToModelTexts:
    """How the fields of a parameter model are written."""
    check = strict_check(parameter.adapter)
    by_name = {field.name: field for field in parameter.fields}

    def write_model_texts(value: Any) -> list[tuple[str, str]]:
        try:
            checked = check(value)
        except ValidationError as error:
            raise named(error, parameter.name) from None
        return [
            (by_name[name].key if name in by_name else name, text)
            for name, wire in _written(parameter, by_name, value, checked).items()
            for text in ([wire] if isinstance(wire, str) else wire)
        ]

    return write_model_texts


def joined_texts(parameter: Parameter, pair: Callable[[str, str], str], separator: str) -> ToText:
    """How the fields of a parameter model are written as one text; None where none of them is there."""
    to_texts = texts_of_model(parameter)

    def write_joined(value: Any) -> str | None:
        return separator.join([pair(key, text) for key, text in to_texts(value)]) or None

    return write_joined


def _written(parameter: Parameter, by_name: Mapping[str, ModelField], value: Any, checked: Any) -> Written:
    """What the worker makes the same model of: without what was not set, if FastAPI 0.115 takes its defaults."""
    unset = left_out(checked) or None
    try:
        return _tried(parameter, by_name, value, checked, unset)
    except NotCarried:
        if not unset:
            raise
        return _tried(parameter, by_name, value, checked, None)


def _tried(parameter: Parameter, by_name: Mapping[str, ModelField], value: Any, checked: Any, exclude: Any) -> Written:
    written = _fields_written(parameter, by_name, checked, exclude)
    for received in as_received(parameter.place, parameter.fields, written):
        round_trip(value, received, parameter.receive, same_as(checked))
    return written


def _fields_written(parameter: Parameter, by_name: Mapping[str, ModelField], checked: Any, exclude: Any) -> Written:
    dump = parameter.adapter.serializer.to_python
    simple = dumped(dump, checked, mode="json", by_alias=False, exclude=exclude)
    if type(simple) is not dict:
        raise NotCarried(f"{shown(simple)} is no object with the fields of the model")
    written: Written = {}
    for name, one in cast("dict[str, Any]", simple).items():
        wire = _wire(by_name.get(name), name, one)
        # None and an empty list have no text; an empty one in a form is taken for none.
        if wire is not None and wire != [] and (wire or parameter.place is not Place.FORM):
            written[name] = wire
    return written


def _wire(field: ModelField | None, name: str, simple: Any) -> str | list[str] | None:
    """What is written of one field, which pydantic has made simple; a list for a key that may occur several times."""
    if simple is None:
        return None
    try:
        if field is None or not field.repeats:
            return plain_text(simple)
        several: list[Any] = simple if issubclass(type(simple), list) else [simple]
        return [plain_text(one) for one in several]
    except NotCarried as refusal:
        raise NotCarried(at_place([name], str(refusal))) from None
