"""Scalars outside a body: what a call accepts is what the endpoint receives, equal and of the same type."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from fastapi import Cookie, Form, Header, Path, Query
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field, Json

from encode.encode_worker import Worker, worker_of
from fastapi_gcp_tasks.encode import pairs
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.values.equality import alike


class Colour(StrEnum):
    RED = "red"
    ODD = "a/b &;é"


class Size(IntEnum):
    SMALL = 1
    BIG = 2


class Mood(Enum):
    GOOD = "good one"
    BAD = "bad"


class Mixed(str, Enum):  # noqa: UP042  # its str() is not its value
    ONE = "1"


whole_minutes = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
zones = st.one_of(st.just(UTC), whole_minutes, st.just(ZoneInfo("Europe/Berlin")))
datetimes = st.one_of(
    st.datetimes(),
    st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(9990, 1, 1), timezones=zones),  # noqa: DTZ001
)
ascii_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
# What URLs, forms and cookies reserve is rare among all characters, and ASCII is percent-encoded in a way of its own.
text = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), ascii_text, st.text("&=+;/?#%, a"))

SCALARS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, text),
    "short str": (Annotated[str, Field(min_length=1, max_length=5)], text.filter(lambda one: 1 <= len(one) <= 5)),
    "int": (int, st.integers()),
    "positive int": (Annotated[int, Field(gt=0)], st.integers(1)),
    "float": (float, st.floats(allow_nan=False)),
    "bool": (bool, st.booleans()),
    "uuid": (UUID, st.uuids()),
    "date": (date, st.dates()),
    "datetime": (datetime, datetimes),
    "aware datetime": (AwareDatetime, datetimes.filter(lambda moment: moment.tzinfo is not None)),
    "time": (time, st.times(timezones=st.one_of(st.none(), whole_minutes))),
    "timedelta": (timedelta, st.timedeltas()),
    "decimal": (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "bytes": (bytes, text.map(str.encode)),
    "StrEnum": (Colour, st.sampled_from(Colour)),
    "IntEnum": (Size, st.sampled_from(Size)),
    "Enum": (Mood, st.sampled_from(Mood)),
    "str and Enum": (Mixed, st.sampled_from(Mixed)),
    "literal": (Literal["a", "b c", "ü"], st.sampled_from(["a", "b c", "ü"])),
    "json": (Json[int], st.integers()),
    "union": (int | UUID, st.one_of(st.integers(), st.uuids())),
    "optional": (int | None, st.integers()),
}

PLACES: dict[str, tuple[Callable[..., Any], str]] = {
    "path": (Path, "/task/{value}/end"),
    "query": (Query, "/task"),
    "header": (Header, "/task"),
    "cookie": (Cookie, "/task"),
    "form": (Form, "/task"),
}

# What a place can't carry is refused at the call; the tests of refusals say what and why.
CARRIES: dict[str, Callable[[Any], bool]] = {
    "path": lambda text: text not in ("", ".", "..") and "/" not in text,
    "query": lambda text: True,
    "header": lambda text: text.isascii() and text.isprintable() and text.strip() == text != "",
    "cookie": lambda text: text.isascii() and (text.isprintable() or not text),
    "form": lambda text: text != "",
}


def text_in(value: Any) -> str:
    raw = value.value if isinstance(value, Enum) else value
    return raw.decode() if isinstance(raw, bytes) else str(raw)


@cache
def worker(place: str, kind: str) -> Worker:
    marker, path = PLACES[place]
    return worker_of(Annotated[SCALARS[kind][0], marker()], path)


def same(sent: Any, got: Any) -> bool:
    if isinstance(sent, datetime) and sent.tzinfo is not None:
        return not sent - got  # as instants: `==` is false in hours that a clock skips or repeats
    return type(sent) is type(got) and sent == got


@pytest.mark.parametrize("kind", SCALARS)
@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_scalar_arrives_as_it_was_given(place: str, kind: str, data: st.DataObject) -> None:
    value = data.draw(SCALARS[kind][1])
    target = worker(place, kind)
    if CARRIES[place](text_in(value)) and not (place == "cookie" and text_in(value) == ""):
        assert same(value, target.carry(value=value)["value"])
    elif not CARRIES[place](text_in(value)):
        with pytest.raises(WrongTypeError, match=r"^value: "):
            target.encode(value=value)


def test_a_repeated_hour_arrives_as_the_instant_it_is() -> None:
    target = worker("query", "datetime")
    sent = datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert target.carry(value=sent)["value"] - sent == timedelta(0)


def test_infinity_travels_outside_json() -> None:
    assert math.isinf(worker("query", "float").carry(value=float("inf"))["value"])


def test_an_empty_text_is_carried_by_a_query_and_a_cookie() -> None:
    assert worker("query", "str").carry(value="") == {"value": ""}
    assert worker("cookie", "str").carry(value="") == {"value": ""}


LISTS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "list of str": (list[str], st.lists(text, min_size=1)),
    "list of int": (list[int], st.lists(st.integers(), min_size=1)),
    "list of datetimes": (list[datetime], st.lists(datetimes, min_size=1)),
    "set of int": (set[int], st.sets(st.integers(), min_size=1)),
    "frozenset of str": (frozenset[str], st.frozensets(text, min_size=1)),
    "tuple": (tuple[int, str], st.tuples(st.integers(), text)),
    "endless tuple": (tuple[UUID, ...], st.lists(st.uuids(), min_size=1).map(tuple)),
    "list of enums": (list[Colour], st.lists(st.sampled_from(Colour), min_size=1)),
    "optional list": (list[str] | None, st.lists(text, min_size=1)),
    "constrained list": (Annotated[list[int], Field(max_length=3)], st.lists(st.integers(), min_size=1, max_size=3)),
}


@cache
def list_worker(place: str, kind: str) -> Worker:
    return worker_of(Annotated[LISTS[kind][0], PLACES[place][0](alias="v[]")])


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("place", ["query", "form"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_repeated_key_arrives_as_it_was_given(place: str, kind: str, data: st.DataObject) -> None:
    value = data.draw(LISTS[kind][1])
    assert alike(value, list_worker(place, kind).carry(value=value)["value"])


@settings(max_examples=60, deadline=None)
@given(first=text, second=text)
def test_two_parameters_in_one_segment_arrive_or_are_refused(first: str, second: str) -> None:
    target = two_in_a_segment()
    try:
        request = target.encode(first=first, second=second)
    except WrongTypeError:
        return
    assert target.deliver(request)[0] == 200
    assert target.received.pop() == {"first": first, "second": second}


@cache
def two_in_a_segment() -> Worker:
    def endpoint(first: str, second: str) -> None:
        made.received.append({"first": first, "second": second})

    made = Worker(endpoint, "/é t%/{first}-{second}")
    return made


def test_two_parameters_in_one_segment_are_refused_where_the_router_would_cut_elsewhere() -> None:
    target = two_in_a_segment()
    assert target.carry(first="a-b", second="c") == {"first": "a-b", "second": "c"}
    with pytest.raises(WrongTypeError, match="would arrive as"):
        target.encode(first="a", second="b-c")


def test_ascii_is_percent_encoded_as_the_standard_library_has_it() -> None:
    assert [quote(chr(code), safe="") for code in range(128)] == pairs._QUOTED
