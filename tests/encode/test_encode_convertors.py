"""Path parameters with convertors: what a call accepts is what the endpoint receives."""

from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cache
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import HttpUrl
from starlette.convertors import CONVERTOR_TYPES, Convertor

from encode.encode_worker import Worker, refused, worker_of
from fastapi_gcp_tasks.exception import WrongTypeError

segments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)


class Size(IntEnum):
    SMALL = 1


class Place(StrEnum):
    FAR = "north/far"


class DateConvertor(Convertor[date]):
    """One of a user's own, whose text has no slash."""

    regex = "[0-9]{8}"

    def convert(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_string(self, value: date) -> str:
        return value.strftime("%Y%m%d")


@cache
def worker(convertor: str, annotation: Any, path: str = "/files/{value:%s}/end") -> Worker:
    return worker_of(annotation, path % convertor)


@settings(max_examples=200)
@given(parts=st.lists(segments, min_size=1, max_size=4), path=st.sampled_from(["/files/{value:%s}", "/{value:%s}/end"]))
def test_a_path_arrives_with_its_slashes_or_is_refused(parts: list[str], path: str) -> None:
    target, value = worker("path", str, path), "/".join(parts)
    try:
        request = target.encode(value=value)
    except WrongTypeError:
        assert {".", ".."} & set(parts) or "\n" in value
        return
    assert target.deliver(request)[0] == 200
    assert target.received.pop() == {"value": value}


def test_slashes_of_a_path_stay_slashes() -> None:
    assert worker("path", str).encode(value="a b/c%2Fd").path == "/files/a%20b/c%252Fd/end"


@pytest.mark.parametrize(
    ("convertor", "annotation", "value"),
    [
        ("path", PurePosixPath, PurePosixPath("a/b.txt")),
        ("path", Place, Place.FAR),
        ("path", int, -5),
        ("int", int, 0),
        ("int", int, 10**30),
        ("int", Size, Size.SMALL),
        ("float", float, 0.1),
        ("float", float, 5e15),
        ("uuid", UUID, UUID(int=10)),
        ("str", str, "a b"),
    ],
    ids=str,
)
def test_a_value_arrives_through_its_convertor(convertor: str, annotation: Any, value: Any) -> None:
    received = worker(convertor, annotation).carry(value=value)["value"]
    assert received == value
    assert type(received) is type(value)


@settings(max_examples=100)
@given(value=st.floats())
def test_a_float_arrives_or_is_refused(value: float) -> None:
    target = worker("float", float)
    try:
        request = target.encode(value=value)
    except WrongTypeError:
        return
    assert target.deliver(request)[0] == 200
    assert target.received.pop() == {"value": value}


@pytest.mark.parametrize(
    ("convertor", "annotation", "value", "reason"),
    [
        ("path", str, "", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "/etc", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "a/", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "a//b", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "a/../b", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "./a", "no segment of it may be empty, '.' or '..'"),
        ("path", str, "a\nb", "would arrive as nothing"),
        ("path", HttpUrl, HttpUrl("http://a.b/c"), "no segment of it may be empty"),
        ("int", int, -1, "the convertor of the path does not take int -1: Negative integers are not supported"),
        ("int", str, "7", "the worker would refuse"),
        ("int", int, True, "value"),
        ("float", float, float("nan"), "the convertor of the path does not take float nan"),
        ("float", float, -0.5, "Negative floats are not supported"),
        ("float", float, 1e-30, "float 1e-30 would arrive as float 0.0"),
        ("float", Decimal, Decimal("0.1000000000000000055"), "would arrive as Decimal"),
    ],
    ids=str,
)
def test_what_a_convertor_would_change_is_refused(convertor: str, annotation: Any, value: Any, reason: str) -> None:
    with refused(ValueError, "value", reason):
        worker(convertor, annotation).encode(value=value)


def test_a_convertor_of_the_users_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONVERTOR_TYPES, "day", DateConvertor())
    target = worker_of(date, "/days/{value:day}")
    assert target.encode(value=date(2024, 2, 3)).path == "/days/20240203"
    assert target.carry(value=date(2024, 2, 3)) == {"value": date(2024, 2, 3)}


def test_a_path_that_would_be_cut_elsewhere_is_refused() -> None:
    def endpoint(folder: str, name: str) -> None:
        target.received.append({"folder": folder, "name": name})

    target = Worker(endpoint, "/files/{folder:path}/of/{name}")
    assert target.carry(folder="a/of/b", name="c") == {"folder": "a/of/b", "name": "c"}
    both = Worker(endpoint, "/files/{folder:path}/of/{name:path}")
    with refused(WrongTypeError, "would arrive as"):
        both.encode(folder="a", name="b/of/c")
