"""Which other routes of an app answer the requests of a task, because the app asks them first."""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple
from urllib.parse import unquote
from uuid import UUID

from starlette import convertors
from starlette.routing import PARAM_REGEX, Host, Mount, compile_path

from fastapi_gcp_tasks.encode import Encoded, Plan
from fastapi_gcp_tasks.encode.parameters import Values
from fastapi_gcp_tasks.exception import WrongTypeError
from fastapi_gcp_tasks.served_routes import ServedRoute, answer_to, http_scope
from fastapi_gcp_tasks.surroundings import Placement, base_in

_TEXTS = ("0", "a", "-", "ffffffff-ffff-4fff-bfff-ffffffffffff", "x.y~z", "\N{LATIN SMALL LETTER E WITH ACUTE} e")
_SAMPLES: dict[type, tuple[str, ...]] = {
    convertors.StringConvertor: _TEXTS,
    convertors.PathConvertor: (*_TEXTS, "a/b", "0/0"),
    convertors.IntegerConvertor: ("0", "7", "12345"),
    convertors.FloatConvertor: ("0.5", "1", "12.25"),
    convertors.UUIDConvertor: (str(UUID(int=0)), "12345678-1234-4234-9234-123456789abc"),
}
"""Values of path parameters, as unlike each other as can be."""


def sample_paths(served: ServedRoute) -> list[str]:
    """Some of the paths that the route has, with all kinds of values in it; none if its values are of unknown kinds."""
    found: dict[str, object] = {}
    for route in (*(one.route for one in served.through), served.matcher):
        found.update(getattr(route, "param_convertors", {}))
    return filled(served.path, found)


def filled(path: str, found: Mapping[str, object]) -> list[str]:
    """The path with values of all kinds for its parameters, which have these convertors; none if one is unknown."""
    values = {name: _SAMPLES.get(type(found.get(name)), ()) for name in _names(path)}
    if not all(values.values()):
        return []
    most = max(map(len, values.values()), default=1)
    rows = [{name: some[number % len(some)] for name, some in values.items()} for number in range(most)]
    return [PARAM_REGEX.sub(lambda braces: row[braces[1]], path) for row in rows]  # noqa: B023  # called at once


def asked_before(placement: Placement, method: str) -> Iterator[ServedRoute]:
    """The routes that the app asks before the task's, and that may have a path in common with it."""
    for other in placement.order:
        if other is placement.served:
            return
        methods = getattr(other.route, "methods", None)
        if (not methods or method in methods) and not is_same(other, placement) and _meet(other, placement.served):
            yield other


def who_shadows(placement: Placement, before: list[ServedRoute], method: str) -> ServedRoute | None:
    """The route that answers in the task's place, whatever its arguments; None if the task can be reached."""
    if not (before or placement.served.through):
        return None
    found: ServedRoute | None = None
    for path in sample_paths(placement.served):
        scope = http_scope(method, path)
        first = answer_to((*before, placement.served), scope) or answer_to(placement.order, scope)
        if first is None or first.served is placement.served:
            return None
        found = found or first.served
    return found


def is_same(other: ServedRoute, placement: Placement) -> bool:
    """Whether it is the same task, there or at another place."""
    endpoint = getattr(other.route, "endpoint", None)
    return other is placement.served or (
        endpoint is placement.route.endpoint and type(other.route) is type(placement.served.route)
    )


class Shadow(NamedTuple):
    """A route that is asked before a task's, and answers for some of its arguments."""

    base: str
    """What stands before the callback path of the task."""
    pattern: re.Pattern[str]
    """Of the paths that it answers."""
    names: str
    """The parameters that decide."""
    answers: str


def shadows_of(placement: Placement, before: list[ServedRoute]) -> list[Shadow]:
    """The routes that answer for some of a task's arguments: with `/items/me` before `/items/{id}`, for the id `me`."""
    names = ", ".join(_names(placement.route.path))
    if not names:
        return []
    return [Shadow(placement.base, _pattern(other), names, str(other)) for other in before]


def unshadowed(plan: Plan, method: str, shadows: list[Shadow], base_url: str) -> Plan:
    """The plan, which refuses arguments with which another route would answer."""
    if not shadows:
        return plan
    shadows = [shadow._replace(base=base_in(base_url, shadow.base) or shadow.base) for shadow in shadows]
    encode = plan.encode

    def encode_unshadowed(values: Values) -> Encoded:
        encoded = encode(values)
        path = unquote(encoded[0].partition("?")[0])
        for base, pattern, names, answers in shadows:
            if pattern.match(base + path):
                raise WrongTypeError(
                    f"{names}: {method} {base}{path} would be answered by {answers}, which the app asks first"
                )
        return encoded

    return plan._replace(encode=encode_unshadowed)


def _names(path: str) -> list[str]:
    """Of its parameters."""
    return [braces[1] for braces in PARAM_REGEX.finditer(path)]


def _pattern(served: ServedRoute) -> re.Pattern[str]:
    """Of the paths that it answers."""
    number = count()
    # Two apps, one mounted in the other, may have a parameter of one name.
    path = PARAM_REGEX.sub(lambda braces: f"{{p{next(number)}{braces[2] or ''}}}", served.path)
    return compile_path(path.rstrip("/") + "/{rest:path}" if isinstance(served.route, Mount) else path)[0]


def _meet(one: ServedRoute, other: ServedRoute) -> bool:
    """Whether there may be a path that both have."""
    if not (one.fixed.startswith(other.fixed) or other.fixed.startswith(one.fixed)):
        return False
    if any(isinstance(step.route, Host) and step not in other.through for step in one.through):
        return False
    if _is_open(one) or _is_open(other):
        return True
    pairs = list(zip(one.path.split("/"), other.path.split("/"), strict=False))
    return one.path.count("/") == other.path.count("/") and all(a == b or "{" in a or "{" in b for a, b in pairs)


def _is_open(served: ServedRoute) -> bool:
    """Whether a parameter may hold a slash."""
    found = getattr(served.route, "param_convertors", None)
    if isinstance(served.route, Mount) or found is None or ":" in served.prefix:
        return True
    return any(type(one) not in _SAMPLES or isinstance(one, convertors.PathConvertor) for one in found.values())
