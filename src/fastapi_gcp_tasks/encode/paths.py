"""The path of a request, with the path parameters in it, and the query."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.refusal import CANNOT, NotCarried, wrong
from fastapi_gcp_tasks.encode.text import text_of
from fastapi_gcp_tasks.encode.wire import percent, query_writer
from fastapi_gcp_tasks.exception import WrongTypeError

_SAFE = "/:@!$&'()*+,;="
_BRACES = re.compile(r"\{([^}]*)\}")

Values = Mapping[str, Any]
ToPath = Callable[[Values], str]


def path_writer(route: APIRoute, declared: list[Parameter], in_query: list[Parameter]) -> ToPath:
    """How this route's path is filled in and percent-encoded, its query appended."""
    pieces = [quote(piece, safe=_SAFE) for piece in _BRACES.split(route.path)[::2]]
    keys = _BRACES.findall(route.path)
    names = {one.key: one.name for one in declared}
    texts = {one.key: _segment_text(one) for one in declared}
    first = pieces[0]
    query = [(one.name, query_writer(one)) for one in in_query]
    rest = [(names[key], texts[key], piece) for key, piece in zip(keys, pieces[1:], strict=True)]

    def path(values: Values) -> str:
        made, name = first, ""
        try:
            for name, text, piece in rest:
                made += percent(text(values[name])) + piece
            mark = "?"
            for name, write in query:
                if name in values and (pair := write(values[name])) is not None:
                    made += mark + pair
                    mark = "&"
        except CANNOT as error:
            raise wrong(name, error) from None
        return made

    if any(segment.count("{") > 1 for segment in route.path.split("/")):
        return _unambiguous(route, {key: (name, texts[key]) for key, name in names.items()}, path)
    return path


def _segment_text(parameter: Parameter) -> Callable[[Any], str]:
    to_text = text_of(parameter)

    def text(value: Any) -> str:
        made = to_text(value)
        if not made or "/" in made or made in (".", ".."):
            raise NotCarried(f"{made!r} cannot be carried in a path: it may not be empty, '.' or '..', nor hold a '/'")
        return made

    return text


def _unambiguous(route: APIRoute, texts: dict[str, tuple[str, Callable[[Any], str]]], path: ToPath) -> ToPath:
    """With several parameters in one segment, the worker's router may cut it elsewhere."""

    def checked(values: Values) -> str:
        encoded = path(values)
        made = {key: text(values[name]) for key, (name, text) in texts.items()}
        match = route.path_regex.match(_BRACES.sub(lambda braces: made[braces[1]], route.path))
        if match is None or match.groupdict() != made:
            got = match.groupdict() if match else "nothing"
            raise WrongTypeError(f"{', '.join(made)}: {made} would arrive as {got}")
        return encoded

    return checked
