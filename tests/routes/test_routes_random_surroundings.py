"""Apps drawn at random around a task: what `.delay` accepts arrives there, and what it refuses would not have."""

import gc
import json
import re
from collections.abc import Callable, Iterator
from inspect import Parameter, Signature
from itertools import takewhile
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Header, Path, Query
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fastapi_gcp_tasks.exception import TaskRouteError
from routes.routes_fakes import URL, FakeClient, Payload, delayed_router
from routes.routes_worker import answer_of

SEGMENTS = ["items", "me", "7", "a b"]
"""Of paths, and what stands for their parameters: the fewer, the more often one route answers for another."""
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(SEGMENTS),
    "number": st.sampled_from([0, 7]),
    "rest": st.sampled_from([*SEGMENTS, "items/me", "me/7/items"]),
    "tenant": st.sampled_from(SEGMENTS),
    "x_tenant": st.sampled_from(["acme", "a, b"]),
    "x_maybe": st.just("perhaps"),
    "session": st.just("s-1"),
    "page": st.integers(0, 9),
    "audit": st.sampled_from(["why", ""]),
    "p": st.builds(Payload, message=st.sampled_from(["hi", "é"])),
}
IN_TASK_PATH = ["{name}", "{number:int}", "{number}", "{rest:path}"]
ANNOTATIONS: dict[str, Any] = {"name": str, "number": int, "rest": str, "tenant": str, "page": int, "p": Payload}
DEPENDENCIES: dict[str, Any] = {
    "x_tenant": Annotated[str, Header()],
    "x_maybe": Annotated[str, Header()],
    "session": Annotated[str, Cookie()],
    "page": Annotated[int, Query()],
    "audit": Annotated[str, Body()],
    "tenant": Annotated[str, Path()],
}
OPTIONAL = {"x_maybe"}


ZONE = "eu"
"""What a mount's own parameter is in the base URL."""


class Decoy(NamedTuple):
    """A route beside the task, or another app."""

    changes: list[str | None]
    """What stands in the place of the segments of the task's path; None keeps one."""
    method: str
    mounted: bool
    first: bool
    """Whether it is asked before the task."""


class Layer(NamedTuple):
    """A router or an app around what is within."""

    prefix: str
    of_router: list[str]
    """The parameters that its dependencies declare."""
    of_include: list[str]
    """The same of those of `include_router`."""
    decoys: list[Decoy]


class Surroundings(NamedTuple):
    own_prefix: str
    own_path: str
    takes: list[str]
    """The parameters of the endpoint."""
    routers: list[Layer]
    """The innermost first; the last is an app."""
    mounts: list[Layer]
    """Apps in which the app is mounted."""

    @property
    def outer(self) -> str:
        """What stands before the path that the router of the task knows."""
        prefixes = [layer.prefix for layer in reversed([*self.routers, *self.mounts])]
        return "".join(prefixes).replace("{zone}", ZONE)

    @property
    def declared(self) -> set[str]:
        """All parameters that a request needs or may have."""
        return {*self.takes, *(name for layer in self.routers for name in (*layer.of_router, *layer.of_include))}


decoys = st.lists(
    st.builds(
        Decoy,
        st.lists(st.sampled_from([None, None, None, *SEGMENTS[:3], "{one}", "{two:int}", "{other:path}"]), max_size=4),
        st.sampled_from(["POST", "POST", "GET"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=2,
)
declared = st.lists(st.sampled_from([name for name in DEPENDENCIES if name != "tenant"]), max_size=1)
prefixes = st.sampled_from(["", "", "/items", "/me/7"])
layers = st.builds(Layer, prefixes, declared, declared, decoys)


def _name(segment: str) -> str:
    return segment.strip("{}").partition(":")[0]


@st.composite
def surroundings(draw: st.DrawFn) -> Surroundings:
    parts = st.sampled_from([*SEGMENTS[:3], *IN_TASK_PATH])
    own = draw(st.lists(parts, min_size=1, max_size=3, unique_by=_name))
    takes = {_name(one) for one in own if "{" in one}
    takes |= set(draw(st.lists(st.sampled_from(["page", "p"]), unique=True)))
    routers = draw(st.lists(layers, min_size=1, max_size=3))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(routers) - 1))
        layer = routers[at]._replace(prefix=draw(st.sampled_from(["/{tenant}", "/of/{tenant}", "/t-{tenant}/me"])))
        match draw(st.sampled_from(["endpoint", "router", "include", "nobody"])):
            case "endpoint":
                takes.add("tenant")
            case "router":
                layer = layer._replace(of_router=[*layer.of_router, "tenant"])
            case "include":
                layer = layer._replace(of_include=[*layer.of_include, "tenant"])
            case _:
                pass
        routers[at] = layer
    mounts = draw(st.lists(layers.map(lambda one: one._replace(prefix=one.prefix or "/in")), max_size=2))
    in_zone = draw(st.booleans())
    if mounts and in_zone:
        mounts[-1] = mounts[-1]._replace(prefix="/{zone}")
    path = "".join(f"/{one}" for one in own) + draw(st.sampled_from(["", "", "/"]))
    return Surroundings(draw(prefixes), path, sorted(takes), routers, mounts)


class World:
    """The surroundings, built."""

    def __init__(self, around: Surroundings) -> None:
        self.noted: dict[str, Any] = {}
        """What arrived."""
        self.answered = 0
        """How often the endpoint ran."""
        self.client = FakeClient()
        self.base = URL + _until_parameter(around.outer)
        router = delayed_router(self.client, prefix=around.own_prefix, callback_base_url=quote(self.base, safe=":/"))
        self.task: Any = self._endpoint(around.takes)
        router.add_api_route(around.own_path, self.task, methods=["POST"])
        inner: Any = router
        self._path = around.own_prefix + around.own_path
        for layer in around.routers[:-1]:
            inner = self._around(layer, inner, APIRouter(dependencies=self._dependencies(layer.of_router)))
        last = around.routers[-1]
        self.app: Any = self._around(last, inner, FastAPI(dependencies=self._dependencies(last.of_router)))
        for number, layer in enumerate(around.mounts):
            self.app = self._mounted(
                layer, Starlette() if number % 2 else FastAPI(dependencies=self._dependencies(layer.of_router))
            )

    def _around(self, layer: Layer, inner: APIRouter, outer: Any) -> Any:
        self._path = layer.prefix + self._path
        self._add(layer.decoys, outer, first=True)
        outer.include_router(inner, prefix=layer.prefix, dependencies=self._dependencies(layer.of_include))
        self._add(layer.decoys, outer, first=False)
        return outer

    def _mounted(self, layer: Layer, outer: Any) -> Any:
        self._path = layer.prefix + self._path
        self._add(layer.decoys, outer, first=True)
        outer.router.routes.append(Mount(layer.prefix, self.app))
        self._add(layer.decoys, outer, first=False)
        return outer

    def _add(self, decoys: list[Decoy], outer: Any, *, first: bool) -> None:
        for decoy in decoys:
            if decoy.first is not first:
                continue
            path = _changed(self._path, decoy.changes)
            if not isinstance(outer, APIRouter) and decoy.mounted:
                outer.router.routes.append(Mount(path.partition("{")[0].rstrip("/") or "/other", Starlette()))
            elif isinstance(outer, FastAPI | APIRouter):
                outer.add_api_route(path, _decoy, methods=[decoy.method], response_model=None)
            else:
                outer.router.routes.append(Route(path, _decoy, methods=[decoy.method]))

    def _dependencies(self, names: list[str]) -> list[Any]:
        return [Depends(self._noting(name)) for name in names]

    def _noting(self, name: str) -> Callable[..., None]:
        def note_dependency(**values: Any) -> None:
            self.noted.update(values)

        return _with_parameters(note_dependency, {name: DEPENDENCIES[name]})

    def _endpoint(self, takes: list[str]) -> Callable[..., None]:
        def endpoint(**values: Any) -> None:
            self.answered += 1
            self.noted.update(values)

        return _with_parameters(endpoint, {name: ANNOTATIONS[name] for name in takes})

    def arrives(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any] | None:
        """What arrives if this is sent; None if the task does not run."""
        self.noted.clear()
        self.answered = 0
        status = answer_of(self.app, url.removeprefix(URL), headers, body)
        assert (status == 200) >= bool(self.answered)
        return dict(self.noted) if self.answered else None


def _with_parameters(function: Callable[..., None], annotations: dict[str, Any]) -> Callable[..., None]:
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=one, default="none" if name in OPTIONAL else Parameter.empty)
        for name, one in annotations.items()
    ]
    setattr(function, "__signature__", Signature(parameters))  # noqa: B010  # functions declare no such attribute
    return function


def _changed(path: str, changes: list[str | None]) -> str:
    """The path with other segments, each parameter under a name of its own."""
    segments = path.split("/")[1:]
    for place, change in enumerate(changes[: len(segments)]):
        segments[place] = change or segments[place]
    return "".join(f"/{re.sub('{[a-z]+', f'{{p{place}', one)}" for place, one in enumerate(segments))


def _decoy(request: Any = None) -> PlainTextResponse:
    return PlainTextResponse("not the task", 207)


def _until_parameter(prefix: str) -> str:
    return "/".join(takewhile(lambda part: "{" not in part, prefix.split("/")))


def by_hand(around: Surroundings, base: str, values: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """The request as somebody would write it who knows the app."""
    path = around.outer.removeprefix(base.removeprefix(URL)) + around.own_prefix + around.own_path
    query, headers, bodies = dict[str, Any](), dict[str, str](), dict[str, Any]()
    for name, value in values.items():
        if any(f"{{{name}{end}" in path for end in ("}", ":")):
            continue
        match name:
            case "x_tenant" | "x_maybe":
                headers[name.replace("_", "-")] = value
            case "session":
                headers["cookie"] = f"session={value}"
            case "audit":
                bodies[name] = value
            case "p":
                bodies[name] = {"message": value.message}
            case _:
                query[name] = value
    for name, value in values.items():
        for kind in ("", ":int", ":path"):
            path = path.replace(f"{{{name}{kind}}}", str(value))
    body = b""
    if bodies:
        (only, *more) = bodies.values()
        body = json.dumps(bodies if more else only).encode()
        headers["content-type"] = "application/json"
    url = quote(base, safe=":/") + quote(path) + ("?" + urlencode(query) if query else "")
    return url, headers, body


@pytest.fixture(scope="module", autouse=True)
def no_apps_of_other_tests() -> Iterator[None]:
    """A first call looks at all that the garbage collector knows: let that be what was made here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def arrives_or_would_not(around: Surroundings, data: st.DataObject) -> None:
    gc.collect()
    world = World(around)
    values = {name: data.draw(VALUES[name]) for name in sorted(around.declared)}
    by_name = {name: value for name, value in values.items() if name not in OPTIONAL or data.draw(st.booleans())}
    wanted = {**dict.fromkeys(OPTIONAL & values.keys(), "none"), **by_name}
    refusal: Exception | None = None
    try:
        world.task.delay(**by_name)
    except (TaskRouteError, TypeError, ValueError) as error:
        refusal = error
    if "{tenant}" in around.outer and "tenant" not in values:
        assert refusal is not None
    elif refusal is None:
        request = world.client.requests[0].task.http_request
        assert world.arrives(request.url, dict(request.headers), request.body) == wanted
    else:
        assert world.arrives(*by_hand(around, world.base, by_name)) != wanted, f"refused: {refusal}"


# To shrink a failure would take minutes, as each step makes apps.
FINDING = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=40, phases=FINDING)
@given(surroundings(), st.data())
def test_what_is_accepted_arrives_and_what_is_refused_would_not(around: Surroundings, data: st.DataObject) -> None:
    arrives_or_would_not(around, data)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=300, phases=FINDING)
@given(surroundings(), st.data())
def test_what_is_accepted_of_very_many_arrives(around: Surroundings, data: st.DataObject) -> None:
    arrives_or_would_not(around, data)
