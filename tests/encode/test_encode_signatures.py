"""Whole signatures, drawn at random: every accepted call arrives as it was made, whatever stands beside what."""

import inspect
from typing import Annotated, Any, NamedTuple, get_args, get_origin
from uuid import UUID

import pytest
from fastapi import Body, Cookie, File, Form, Header, Path, Query, UploadFile
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile as StarletteUploadFile

from encode.encode_worker import Worker
from encode.test_encode_bodies import BODIES
from encode.test_encode_forms import Sent, as_sent, contents, sent_files
from encode.test_encode_parameter_models import MODELS
from encode.test_encode_scalars import CARRIES, LISTS, SCALARS, text_in
from gcptasks.values.equality import alike

# FastAPI 0.115 makes an adapter of each field of a body's model when a request arrives, and newer pydantic minds.
pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")

MARKERS: dict[str, Any] = {
    "path": Path,
    "converted": Path,
    "query": Query,
    "list": Query,
    "query model": Query,
    "header": Header,
    "header model": Header,
    "cookie": Cookie,
    "cookie model": Cookie,
    "body": Body,
    "form": Form,
    "form list": Form,
    "file": File,
    "form model": Form,
}
EITHER: list[list[set[str]]] = [
    [{"query", "list"}, {"query model"}],
    [{"header"}, {"header model"}],
    [{"cookie"}, {"cookie model"}],
    [{"body"}, {"form", "form list"}, {"form", "form list", "file"}, {"form model"}],
]
"""What each part of a request may be made of. A parameter model is the only one of its kind."""
IN_PATH = {"path", "converted"}
TYPES: dict[str, dict[str, tuple[Any, st.SearchStrategy[Any]]]] = {
    **dict.fromkeys(("path", "query", "header", "cookie", "form"), SCALARS),
    **dict.fromkeys(("list", "form list"), LISTS),
    "file": {
        "bytes": (bytes, contents),
        "list of bytes": (list[bytes], st.lists(contents, min_size=1, max_size=3)),
        "upload": (UploadFile, sent_files),
        "list of uploads": (list[UploadFile], st.lists(sent_files, min_size=1, max_size=3)),
    },
    **{f"{place} model": {"model": drawn} for place, drawn in MODELS.items()},
    "converted": {
        "path": (str, st.lists(st.text("a é%&;", min_size=1), min_size=1, max_size=3).map("/".join)),
        "int": (int, st.integers(0)),
        "uuid": (UUID, st.uuids()),
        "float": (float, st.integers(0, 2**53).map(float)),
    },
    # An int among floats arrives as a float, which `alike` tells apart.
    "body": {kind: drawn for kind, drawn in BODIES.items() if kind != "list of floats"},
}


class Drawn(NamedTuple):
    place: str
    kind: str
    value: Any
    optional: bool
    default: Any
    """What an optional one is without a value: None, or a value of its kind."""
    aliased: bool
    embedded: bool
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
    needed = place in IN_PATH or "model" in place or kind == "list of bytes"
    optional = not needed and draw(st.booleans())
    # FastAPI validates a default as if it had been sent: Python's value of a JSON text is refused. A file is read once.
    own_default = optional and place != "file" and kind != "json" and draw(st.booleans())
    default = draw(values) if own_default else None
    given = not optional or draw(st.booleans())
    return Drawn(place, kind, draw(values), optional, default, draw(st.booleans()), draw(st.booleans()), given)


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Drawn]:
    places = IN_PATH.union(*[draw(st.sampled_from(part)) for part in EITHER])
    drawn = draw(st.lists(parameter(places), min_size=1, max_size=8))
    models = {one.place: one for one in drawn if "model" in one.place}
    drawn = [one for one in drawn if models.get(one.place, one) is one]
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
    options: dict[str, Any] = {"alias": f"a-{name}"} if drawn.aliased and drawn.place not in IN_PATH else {}
    if drawn.place == "body":
        options["embed"] = drawn.embedded
    annotation: Any = TYPES[drawn.place][drawn.kind][0]
    default: Any = inspect.Parameter.empty
    metadata: list[Any] = []
    if drawn.optional and drawn.default is not None:
        default = drawn.default
    elif drawn.optional:
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
        annotation, default = annotation | None, None
    marked: Any = Annotated[(annotation, *metadata, MARKERS[drawn.place](**options))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=marked, default=default)


def worker(parameters: dict[str, Drawn]) -> Worker:
    def endpoint(**values: Any) -> None:
        made.received.append({name: taken(value) for name, value in values.items()})

    signature = inspect.Signature([declared(name, drawn) for name, drawn in parameters.items()])
    setattr(endpoint, "__signature__", signature)  # noqa: B010  # functions declare no such attribute
    convertors = {name: one.kind if one.place == "converted" else "str" for name, one in parameters.items()}
    path = "".join(f"/{name}/{{{name}:{convertors[name]}}}" for name, one in parameters.items() if one.place in IN_PATH)
    made = Worker(endpoint, path or "/task")
    return made


@settings(max_examples=150)
@given(drawn=parameters())
def test_every_accepted_call_arrives_as_it_was_made(drawn: dict[str, Drawn]) -> None:
    sent = {name: one.value for name, one in drawn.items() if one.given}
    received = worker(drawn).carry(**{name: given_to(value) for name, value in sent.items()})
    assert received.keys() == drawn.keys()
    for name, value in received.items():
        wanted = sent.get(name, drawn[name].default)
        assert alike(wanted, value), name
