"""Whole signatures, drawn at random: every accepted call arrives as it was made, whatever stands beside what."""

import inspect
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import pytest
from fastapi import Body, Cookie, File, Form, Header, Path, Query, UploadFile
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile as StarletteUploadFile

from encode.encode_worker import Worker
from encode.test_encode_bodies import BODIES
from encode.test_encode_forms import Sent, as_sent, contents, sent_files
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
    "form": Form,
    "form list": Form,
    "file": File,
}
EITHER: list[set[str]] = [{"body"}, {"form", "form list"}, {"form", "form list", "file"}]
"""What the body of a request may be made of."""
TYPES: dict[str, dict[str, tuple[Any, st.SearchStrategy[Any]]]] = {
    **dict.fromkeys(("path", "query", "header", "cookie", "form"), SCALARS),
    **dict.fromkeys(("list", "form list"), LISTS),
    "file": {
        "bytes": (bytes, contents),
        "list of bytes": (list[bytes], st.lists(contents, min_size=1, max_size=3)),
        "upload": (UploadFile, sent_files),
        "list of uploads": (list[UploadFile], st.lists(sent_files, min_size=1, max_size=3)),
    },
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
def parameter(draw: st.DrawFn, places: set[str]) -> Drawn:
    place = draw(st.sampled_from(sorted(places)))
    kind = draw(st.sampled_from(sorted(TYPES[place])))
    values = TYPES[place][kind][1]
    if place in CARRIES:
        carried = CARRIES[place]
        values = values.filter(lambda value: carried(text_in(value)))
    # FastAPI 0.115 fails at an optional list of bytes.
    optional = place != "path" and kind != "list of bytes" and draw(st.booleans())
    return Drawn(place, kind, draw(values), optional, draw(st.booleans()), not optional or draw(st.booleans()))


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Drawn]:
    chosen = draw(st.sampled_from(EITHER))
    places = MARKERS.keys() - set.union(*EITHER) | chosen
    drawn = draw(st.lists(parameter(places), min_size=1, max_size=7))
    # FastAPI 0.115 reads bytes only where the first form parameter is a file.
    drawn.sort(key=lambda one: one.place != "file")
    return {f"p_{number}": one for number, one in enumerate(drawn)}


def given_to(value: Any) -> Any:
    """What the caller passes for a drawn value."""
    if issubclass(type(value), list):
        return [given_to(one) for one in value]
    return value.upload() if isinstance(value, Sent) else value


def taken(value: Any) -> Any:
    """The received value, as it was drawn."""
    if issubclass(type(value), list):
        return [taken(one) for one in value]
    return as_sent(value) if isinstance(value, StarletteUploadFile) else value


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
        made.received.append({name: taken(value) for name, value in values.items()})

    signature = inspect.Signature([declared(name, drawn) for name, drawn in parameters.items()])
    setattr(endpoint, "__signature__", signature)  # noqa: B010  # functions declare no such attribute
    path = "".join(f"/{name}/{{{name}}}" for name, drawn in parameters.items() if drawn.place == "path")
    made = Worker(endpoint, path or "/task")
    return made


@settings(max_examples=100)
@given(drawn=parameters())
def test_every_accepted_call_arrives_as_it_was_made(drawn: dict[str, Drawn]) -> None:
    sent = {name: one.value for name, one in drawn.items() if one.given}
    received = worker(drawn).carry(**{name: given_to(value) for name, value in sent.items()})
    assert received.keys() == drawn.keys()
    for name, value in received.items():
        wanted = sent.get(name)
        assert alike(wanted, value), name
