"""The plan of a route: compiled once at registration, it turns arguments into a request."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode.body import body_writer
from fastapi_gcp_tasks.encode.parameters import Place, injected, parameters, refused
from fastapi_gcp_tasks.encode.paths import path_writer
from fastapi_gcp_tasks.encode.refusal import CANNOT, wrong
from fastapi_gcp_tasks.encode.wire import Write, cookie_header, cookie_writer, header_writer, query_writer
from fastapi_gcp_tasks.exception import MissingParamError

_JSON_TYPE: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
_NO_HEADERS: tuple[tuple[str, str], ...] = ()


class Encoded(NamedTuple):
    """What the endpoint's arguments are in the request."""

    path: str
    """Percent-encoded, with '?' and the query if there is one; to be appended to the base URL."""
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


class Plan:
    """Encodes the arguments of one route."""

    def __init__(self, route: APIRoute) -> None:
        self.path_template = route.path
        declared = parameters(route)
        self._injected = injected(route)
        self._names = frozenset(one.name for one in declared)
        self._required = frozenset(one.name for one in declared if one.needs_argument())
        placed = {place: [one for one in declared if one.place is place] for place in Place}
        for one in placed[Place.HEADER]:
            if one.key == "cookie" and placed[Place.COOKIE]:
                raise refused(route, one.name, "the header 'cookie' is made of the cookie parameters")
        has_body = bool(placed[Place.BODY])
        self._path = path_writer(route, placed[Place.PATH])
        self._query = tuple((one.name, query_writer(one)) for one in placed[Place.QUERY])
        self._headers = tuple((one.name, one.key, header_writer(one, has_body)) for one in placed[Place.HEADER])
        self._cookies = tuple((one.name, cookie_writer(one)) for one in placed[Place.COOKIE])
        self._body = body_writer(route, placed[Place.BODY])

    def encode(self, values: Mapping[str, Any]) -> Encoded:
        """The request whose arguments are `values`, keyed by the endpoint's own names.

        MissingParamError, WrongTypeError, pydantic's ValidationError (outside the body) and TypeError (unknown or
        injected) name the argument that does not fit.
        """
        if not self._required <= values.keys() <= self._names:
            self._refuse(values)
        path = self._path(values)
        if self._query and (texts := _texts(self._query, values)):
            path = f"{path}?{'&'.join(texts)}"
        body = self._body(values)
        head = _NO_HEADERS if body is None else _JSON_TYPE
        if self._headers or self._cookies:
            head += self._declared_headers(values)
        return Encoded(path, head, body)

    def _declared_headers(self, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        head: list[tuple[str, str]] = []
        name = ""
        try:
            for name, key, write in self._headers:
                if name in values and (text := write(values[name])) is not None:
                    head.append((key, text))
        except CANNOT as error:
            raise wrong(name, error) from None
        if cookies := _texts(self._cookies, values):
            head.append(("cookie", cookie_header(cookies)))
        return tuple(head)

    def _refuse(self, values: Mapping[str, Any]) -> None:
        for name in values:
            if name in self._injected:
                raise TypeError(f"{name!r} is injected by FastAPI and cannot be passed")
            if name not in self._names:
                takes = ", ".join(sorted(self._names)) or "no arguments"
                raise TypeError(f"unexpected argument {name!r}; the endpoint takes {takes}")
        missing = sorted(self._required - values.keys())
        raise MissingParamError(f"missing required argument{'s' * (len(missing) > 1)}: {', '.join(missing)}")


def _texts(writers: tuple[tuple[str, Write], ...], values: Mapping[str, Any]) -> list[str]:
    texts: list[str] = []
    name = ""
    try:
        for name, write in writers:
            if name in values and (text := write(values[name])) is not None:
                texts.append(text)
    except CANNOT as error:
        raise wrong(name, error) from None
    return texts


def compile_plan(route: APIRoute) -> Plan:
    """The plan of a route; TypeError, with the parameter's name and the reason, for what a task can't carry."""
    return Plan(route)
