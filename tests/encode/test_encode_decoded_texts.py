"""Types that are decoded from a text, such as Json and Base64Bytes, outside a body and inside."""

from functools import cache
from typing import Annotated, Any

import pytest
from fastapi import Body, Cookie, Form, Header, Path, Query
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Base64Bytes, Base64UrlStr, BaseModel, Field, Json

from encode.encode_worker import Worker, refused, worker_of
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.values.equality import alike

# Without control characters, as pydantic 2.9 ends Base64 with a line feed, and neither header nor cookie has one.
MARKERS = {"path": Path, "query": Query, "header": Header, "cookie": Cookie, "form": Form}
anything = st.recursive(
    st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), st.booleans()),
    lambda one: st.one_of(st.lists(one, max_size=3), st.dictionaries(st.text("abc\u00e9 /"), one, max_size=3)),
)


class Point(BaseModel):
    x: int


@cache
def worker(place: str, annotation: Any) -> Worker:
    return worker_of(Annotated[annotation, MARKERS[place]()], "/task/{value}" if place == "path" else "/task")


@settings(max_examples=150)
@given(place=st.sampled_from(sorted(MARKERS)), value=anything)
def test_json_as_text_arrives_or_is_refused(place: str, value: Any) -> None:
    target = worker(place, Json)
    try:
        request = target.encode(value=value)
    except WrongTypeError:
        assert place in ("path", "header", "cookie")
        return
    assert target.deliver(request)[0] == 200
    assert alike(value, target.received.pop()["value"])


@pytest.mark.parametrize("place", ["query", "form"])
@settings(max_examples=50)
@given(value=st.binary(min_size=1))
def test_base64_arrives_as_the_bytes_it_stands_for(place: str, value: bytes) -> None:
    assert worker(place, Base64Bytes).carry(value=value) == {"value": value}
    assert worker(place, Base64UrlStr).carry(value="é" + value.hex()) == {"value": "é" + value.hex()}


def test_optional_json_arrives() -> None:
    target = worker_of(Annotated[Json[int] | None, Query()], default=None)
    assert target.carry(value=5) == {"value": 5}
    assert target.carry(value=None) == {"value": None}


def test_json_of_another_type_is_refused() -> None:
    for value in ("5", True, 1.0, None, [1]):
        with refused(WrongTypeError, "value"):
            worker("query", Json[int]).encode(value=value)
    constrained = worker_of(Annotated[Json[Annotated[int, Field(gt=3)]], Query()])
    with refused(WrongTypeError, "value: ", "greater than 3"):
        constrained.encode(value=1)


@pytest.mark.parametrize("annotation", [Json[list[int]], Json[Point], Json[list[int]] | None])
@pytest.mark.parametrize("place", ["query", "header", "cookie", "form"])
def test_json_that_versions_take_for_several_values_is_refused(place: str, annotation: Any) -> None:
    with refused(TypeError, "'value'", "write Json[Any]"):
        worker(place, annotation)


@pytest.mark.parametrize(
    ("annotation", "value"), [(Json[list[int]], [1]), (Json, {"a": [None]}), (Base64Bytes, b"\xff")]
)
def test_a_body_of_such_a_type_arrives(annotation: Any, value: Any) -> None:
    assert worker_of(Annotated[annotation, Body()]).carry(value=value) == {"value": value}
