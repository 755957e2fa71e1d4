"""Path parameters with a convertor (`{rest:path}`, `{number:int}`): written as it writes, read as it reads."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from starlette.convertors import Convertor, PathConvertor, StringConvertor

from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.text import text_of
from gcptasks.values.refusal import NotCarried, named, shown
from gcptasks.values.round_trip import round_trip, same_as, strict_check

_NOT_A_SEGMENT = ("", ".", "..")
"""What clients and proxies on the way take out of a path."""


def path_writer(parameter: Parameter, convertor: Convertor[Any]) -> Callable[[Any], str]:
    """How the text of this parameter is written, not yet percent-encoded."""
    if type(convertor) is StringConvertor:
        return _segment_writer(parameter)
    text_from = text_of(parameter) if type(convertor) is PathConvertor else _converted_writer(parameter, convertor)

    def write_path(value: Any) -> str:
        made = text_from(value) or ""
        if any(segment in _NOT_A_SEGMENT for segment in made.split("/")):
            raise NotCarried(f"{made!r} cannot be carried in a path: no segment of it may be empty, '.' or '..'")
        return made

    return write_path


def _segment_writer(parameter: Parameter) -> Callable[[Any], str]:
    to_text = text_of(parameter)

    def write_segment(value: Any) -> str:
        made = to_text(value)
        if not made or "/" in made or made in _NOT_A_SEGMENT:
            raise NotCarried(f"{made!r} cannot be carried in a path: it may not be empty, '.' or '..', nor hold a '/'")
        return made

    return write_segment


def _converted_writer(parameter: Parameter, convertor: Convertor[Any]) -> Callable[[Any], str]:
    check = strict_check(parameter.adapter)

    def write_converted(value: Any) -> str:
        try:
            checked = check(value)
        except ValidationError as error:
            raise named(error, parameter.name) from None
        try:
            made = convertor.to_string(checked)
            read = convertor.convert(made)
        except Exception as error:  # a convertor may be the user's own, and Starlette's assert
            raise NotCarried(f"the convertor of the path does not take {shown(value)}: {error}") from error
        round_trip(value, read, parameter.receive, same_as(checked))
        return made

    return write_converted
