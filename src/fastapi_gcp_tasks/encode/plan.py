"""The plan of a route: compiled once at registration, it turns arguments into a request."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, NamedTuple

from fastapi import params
from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode.parameters import Parameter, Values, injected, parameters, refused
from fastapi_gcp_tasks.encode.places import Place
from fastapi_gcp_tasks.encode.urls import url_writer
from fastapi_gcp_tasks.exception import MissingParamError
from gcptasks.engine.header_rules import Headers

if TYPE_CHECKING:
    from fastapi_gcp_tasks.encode.body import ToBody
    from fastapi_gcp_tasks.encode.forms import ToForm
    from fastapi_gcp_tasks.encode.future import DueCheck

JSON_TYPE: Headers = (("content-type", "application/json"),)
"""The headers of a request with a body and no declared ones: this very object, as `is` is quick to ask."""

Encoded = tuple[str, Headers, bytes | None]
"""What the endpoint's arguments are in the request: path, headers and body.

The path is percent-encoded, with '?' and the query if there is one; it is to be appended to the base URL.
A bare tuple, as each call makes one: a named one costs a small call 8 % more.
"""


class Plan(NamedTuple):
    """Encodes the arguments of one route."""

    encode: Callable[[Values], Encoded]
    """The request whose arguments are given, keyed by the endpoint's own names.

    MissingParamError, WrongTypeError, pydantic's ValidationError (outside the body) and TypeError (unknown or injected)
    name the argument that does not fit.
    """
    fixed_path: str | None
    """The path, if it is the same for all arguments."""
    check_due: "DueCheck | None"
    """What to ask with a time that is not now; None where the time changes nothing."""


def compile_plan(route: APIRoute) -> Plan:
    """The plan of a route; TypeError, with the parameter's name and the reason, for what a task can't carry."""
    declared = parameters(route)
    placed = {place: [one for one in declared if one.place is place] for place in Place}
    for one in placed[Place.HEADER]:
        if one.key == "cookie" and placed[Place.COOKIE]:
            raise refused(route, one.name, "the header 'cookie' is made of the cookie parameters")
    to_url = url_writer(route, placed[Place.PATH], placed[Place.QUERY])
    fixed = None if placed[Place.PATH] or placed[Place.QUERY] else to_url({})
    to_body = _body_writer(route, placed[Place.BODY])
    to_form = _form_writer(placed[Place.FORM])
    to_headers = _headers_writer(placed)
    names = _names(declared)
    required = _names(one for one in declared if one.needs_argument())
    refuse = _refusing(route, declared, required)
    check_due = _due_check(declared)

    def encode_request(values: Values) -> Encoded:
        if values.keys() != names and not required <= values.keys() <= names:
            refuse(values)
        path = to_url(values) if fixed is None else fixed
        body = to_body(values) if to_body is not None else None
        headers = JSON_TYPE if body is not None else ()
        if to_form is not None:
            headers, body = to_form(values)
        if to_headers is not None:
            headers += to_headers(values)
        return path, headers, body

    if fixed is None or to_body is None or to_headers is not None or len(required) < len(names) or len(names) > 1:
        return Plan(encode_request, fixed, check_due)
    (name,) = names

    # Most endpoints take one model and nothing else: the same by fewer steps.
    def encode_one_body(values: Values) -> Encoded:
        if len(values) != 1 or name not in values:
            refuse(values)
        body = to_body(values)
        return fixed, JSON_TYPE if body is not None else (), body

    return Plan(encode_one_body, fixed, check_due)


def route_again(route: APIRoute, path: str, dependencies: Sequence[params.Depends]) -> APIRoute:
    """The route as it would be if it were registered now, with this path and these dependencies."""
    return APIRoute(path, route.endpoint, methods=route.methods, dependencies=dependencies, response_model=None)


def _body_writer(route: APIRoute, declared: list[Parameter]) -> "ToBody | None":
    if not declared:
        return None
    # Here, as an app whose tasks have no bodies need not load it.
    from fastapi_gcp_tasks.encode.body import body_writer

    return body_writer(route, declared)


def _form_writer(declared: list[Parameter]) -> "ToForm | None":
    if not declared:
        return None
    # Here, as few tasks take one.
    from fastapi_gcp_tasks.encode.forms import form_writer

    return form_writer(declared)


def _headers_writer(placed: Mapping[Place, list[Parameter]]) -> "Callable[[Values], Headers] | None":
    if not (placed[Place.HEADER] or placed[Place.COOKIE]):
        return None
    # Here, as most tasks declare none.
    from fastapi_gcp_tasks.encode.header_values import headers_writer

    return headers_writer(
        placed[Place.HEADER], placed[Place.COOKIE], has_body=bool(placed[Place.BODY] or placed[Place.FORM])
    )


def _due_check(declared: list[Parameter]) -> "DueCheck | None":
    if not declared:
        return None
    from fastapi_gcp_tasks.encode.future import due_check

    return due_check(declared)


def _names(declared: Iterable[Parameter]) -> Set[str]:
    return frozenset(one.name for one in declared)


def _refusing(route: APIRoute, declared: list[Parameter], required: Set[str]) -> Callable[[Values], None]:
    """What says which names do not fit."""
    filled_in = injected(route)
    names = _names(declared)

    def refuse_names(values: Values) -> None:
        for name in values:
            if name in filled_in:
                raise TypeError(f"{name!r} is injected by FastAPI and cannot be passed")
            if name not in names:
                takes = ", ".join(sorted(one.name for one in declared if one.can_be_sent())) or "no arguments"
                raise TypeError(f"unexpected argument {name!r}; the endpoint takes {takes}")
        missing = sorted(required - values.keys())
        raise MissingParamError(f"missing required argument{'s' * (len(missing) > 1)}: {', '.join(missing)}")

    return refuse_names
