"""Whole signatures, drawn at random: every accepted call arrives as it was made, whatever stands beside what."""

import inspect
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import pytest
from fastapi import Body, Cookie, Header, Path, Query
from hypothesis import given, settings
from hypothesis import strategies as st

from encode.encode_worker import Worker
from encode.test_encode_bodies import BODIES
from encode.test_encode_scalars import CARRIES, LISTS, SCALARS, text_in
from fastapi_gcp_tasks.encode.equality import alike

# FastAPI 0.115 makes an adapter of each field of a body's model when a request arrives, and newer pydantic minds.
pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")

MARKERS: dict[str, Any] = {
    "path": Path,
    "query": Query,
    "header": Header,
    "cookie": Cookie,
    "list": Query,
    "body": Body,
}
TYPES: dict[str, dict[str, tuple[Any, st.SearchStrategy[Any]]]] = {
    **dict.fromkeys(("path", "query", "header", "cookie"), SCALARS),
    "list": LISTS,
    # An int among floats arrives as a float, which `alike` tells apart.
    "body": {kind: drawn for kind, drawn in BODIES.items() if kind != "list of floats"},
}


class Drawn(NamedTuple):
    place: str
    kind: str
    value: Any
    optional: bool
    aliased: bool
    given: bool


@st.composite
def parameter(draw: st.DrawFn) -> Drawn:
    place = draw(st.sampled_from(sorted(MARKERS)))
    kind = draw(st.sampled_from(sorted(TYPES[place])))
    values = TYPES[place][kind][1]
    if place in CARRIES:
        carried = CARRIES[place]
        values = values.filter(lambda value: carried(text_in(value)))
    optional = place != "path" and draw(st.booleans())
    return Drawn(place, kind, draw(values), optional, draw(st.booleans()), not optional or draw(st.booleans()))


def declared(name: str, drawn: Drawn) -> inspect.Parameter:
    alias = {"alias": f"a-{name}"} if drawn.aliased and drawn.place != "path" else {}
    annotation: Any = TYPES[drawn.place][drawn.kind][0]
    default: Any = inspect.Parameter.empty
    metadata: list[Any] = []
    if drawn.optional:
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
        annotation, default = annotation | None, None
    marked: Any = Annotated[(annotation, *metadata, MARKERS[drawn.place](**alias))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=marked, default=default)


def worker(parameters: dict[str, Drawn]) -> Worker:
    def endpoint(**values: Any) -> None:
        made.received.append(values)

    signature = inspect.Signature([declared(name, drawn) for name, drawn in parameters.items()])
    setattr(endpoint, "__signature__", signature)  # noqa: B010  # functions declare no such attribute
    path = "".join(f"/{name}/{{{name}}}" for name, drawn in parameters.items() if drawn.place == "path")
    made = Worker(endpoint, path or "/task")
    return made


@settings(max_examples=60)
@given(drawn=st.lists(parameter(), min_size=1, max_size=7))
def test_every_accepted_call_arrives_as_it_was_made(drawn: list[Drawn]) -> None:
    parameters = {f"p_{number}": one for number, one in enumerate(drawn)}
    sent = {name: one.value for name, one in parameters.items() if one.given}
    received = worker(parameters).carry(**sent)
    assert received.keys() == parameters.keys()
    for name, value in received.items():
        wanted = sent.get(name)
        assert alike(wanted, value), name
