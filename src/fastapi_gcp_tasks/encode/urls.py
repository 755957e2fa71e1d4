"""The path of a request, with the path parameters in it, and the query."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi.routing import APIRoute
from starlette.convertors import Convertor, StringConvertor

from fastapi_gcp_tasks.encode.convertors import path_writer
from fastapi_gcp_tasks.encode.pairs import pairs_writer, percent
from fastapi_gcp_tasks.encode.parameters import Parameter, Values
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.values.refusal import foreign, wrong

_SAFE = "/:@!$&'()*+,;="
_BRACES = re.compile(r"\{([^}]*)\}")

ToUrl = Callable[[Values], str]


def url_writer(route: APIRoute, in_path: list[Parameter], in_query: list[Parameter]) -> ToUrl:
    """How this route's path is filled in and percent-encoded, its query appended."""
    first, *pieces = [quote(piece, safe=_SAFE) for piece in _BRACES.split(route.path_format)[::2]]
    keys = _BRACES.findall(route.path_format)
    names = {one.key: one.name for one in in_path}
    writers = {one.key: path_writer(one, route.param_convertors[one.key]) for one in in_path}
    encode_key = {key: percent if _is_segment(one) else _percent_path for key, one in route.param_convertors.items()}
    rest = [(names[key], writers[key], encode_key[key], piece) for key, piece in zip(keys, pieces, strict=True)]
    query = [(one.name, pairs_writer(one)) for one in in_query]

    def write_url(values: Values) -> str:
        made, name = first, ""
        try:
            for name, write_text, encode, piece in rest:
                made += encode(write_text(values[name])) + piece
            mark = "?"
            for name, write in query:
                if name in values and (pair := write(values[name])) is not None:
                    made += mark + pair
                    mark = "&"
        except Exception as error:  # the user's own code may raise anything
            raise wrong(name, error) from foreign(error)
        return made

    shared = any(segment.count("{") > 1 for segment in route.path_format.split("/"))
    if shared or not all(map(_is_segment, route.param_convertors.values())):
        return _unambiguous_writer(route, names, writers, write_url)
    return write_url


def _unambiguous_writer(
    route: APIRoute, names: dict[str, str], writers: dict[str, Callable[[Any], str]], write_url: ToUrl
) -> ToUrl:
    """With several parameters in a segment, or one in several, the worker's router may cut the path elsewhere."""

    def write_unambiguous_url(values: Values) -> str:
        url = write_url(values)
        made = {key: write(values[names[key]]) for key, write in writers.items()}
        match = route.path_regex.match(_BRACES.sub(lambda braces: made[braces[1]], route.path_format))
        if match is None or match.groupdict() != made:
            got = match.groupdict() if match else "nothing"
            raise WrongTypeError(f"{', '.join(made)}: {made} would arrive as {got}")
        return url

    return write_unambiguous_url


def _is_segment(convertor: Convertor[Any]) -> bool:
    return type(convertor) is StringConvertor


def _percent_path(text: str) -> str:
    return "/".join(map(percent, text.split("/")))
