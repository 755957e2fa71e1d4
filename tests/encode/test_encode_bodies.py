"""Bodies: what a call accepts is what the endpoint receives, equal and of the same types all the way down."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pydantic.dataclasses
import pytest
from fastapi import Body
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, RootModel, field_serializer, field_validator
from typing_extensions import TypedDict

from encode.encode_worker import Worker, worker_of
from fastapi_gcp_tasks.encode.parameters import parameters
from gcptasks.values.equality import alike
from gcptasks.values.schemas import Reading

# FastAPI 0.115 makes an adapter of each field of a body's model when a request arrives, and newer pydantic minds.
pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")

T = TypeVar("T")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    BIG = 2


class Mood(Enum):
    GOOD = "good one"
    SEVEN = 7


class Inner(BaseModel):
    number: int
    text: str = "x"


class Everything(BaseModel):
    a: int
    b: str
    c: float
    d: bool
    e: UUID
    f: date
    g: datetime
    h: time
    i: timedelta
    j: Decimal
    k: Colour
    m: Size
    n: Mood
    o: bytes
    p: list[Inner]
    q: dict[str, float]
    r: dict[int, list[int]]
    s: set[int]
    t: frozenset[str]
    u: tuple[int, str]
    v: tuple[float, ...]
    w: Inner | None = None
    x: Literal["one", "two"] = "one"
    y: Annotated[int, Field(ge=0)] = 0
    z: dict[UUID, Inner] = {}


class Tree(BaseModel):
    value: float
    branches: list["Tree"] = []
    left: "Tree | None" = None


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: int | None = None


class Aliased(BaseModel):
    the_name: str = Field(alias="theName")


class SerializedAlias(BaseModel):
    number: int = Field(serialization_alias="the number")


class ValidatedAlias(BaseModel, populate_by_name=True):
    the_name: str = Field(validation_alias="in", default="d")


class Unsound(BaseModel):
    name: Annotated[str, Field(min_length=1), AfterValidator(str.lower)] = ""
    more: str


class Renamed(BaseModel):
    number: int = Field(validation_alias="theNumber", serialization_alias="the number")
    text: str = Field("x", alias="theText")


class Making(BaseModel):
    number: int
    key: UUID = Field(default_factory=lambda: UUID(int=7))
    made: list[str] = Field(default_factory=list, max_length=3)
    lowered: Annotated[str, AfterValidator(str.lower)] = Field(default_factory=lambda: "low")


class Lowered(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def lower(cls, word: str) -> str:
        return word.lower()


class Milliseconds(BaseModel):
    span: timedelta

    @field_serializer("span")
    def write(self, span: timedelta) -> str:
        return f"PT{span.total_seconds()}S"


class Open(BaseModel, extra="allow"):
    number: int


class Numbers(RootModel[list[int]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclasses.dataclass
class Point:
    x: int
    y: float
    labels: list[str] = dataclasses.field(default_factory=list[str])


@pydantic.dataclasses.dataclass
class Checked:
    number: int
    when: datetime


class Typed(TypedDict):
    name: str
    size: int


whole_minutes = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
zones: st.SearchStrategy[Any] = st.one_of(st.none(), st.just(UTC), whole_minutes)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
floats = st.floats(allow_nan=False, allow_infinity=False)
datetimes = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
inner = st.builds(Inner, number=st.integers(), text=text)
trees = st.recursive(
    st.builds(Tree, value=floats),
    lambda tree: st.builds(Tree, value=floats, branches=st.lists(tree, max_size=3), left=tree),
)
everything = st.builds(
    Everything,
    a=st.integers(),
    b=text,
    c=floats,
    d=st.booleans(),
    e=st.uuids(),
    f=st.dates(),
    g=datetimes,
    h=st.times(timezones=st.one_of(st.none(), whole_minutes)),
    i=st.timedeltas(),
    j=st.decimals(allow_nan=False, allow_infinity=False),
    k=st.sampled_from(Colour),
    m=st.sampled_from(Size),
    n=st.sampled_from(Mood),
    o=text.map(str.encode),
    p=st.lists(inner, max_size=3),
    q=st.dictionaries(text, floats, max_size=3),
    r=st.dictionaries(st.integers(), st.lists(st.integers(), max_size=3), max_size=3),
    s=st.sets(st.integers(), max_size=3),
    t=st.frozensets(text, max_size=3),
    u=st.tuples(st.integers(), text),
    v=st.lists(floats, max_size=3).map(tuple),
    w=st.one_of(st.none(), inner),
    x=st.sampled_from(["one", "two"]),
    y=st.integers(0),
    z=st.dictionaries(st.uuids(), inner, max_size=2),
)

PLAIN: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "model": (Everything, everything),
    "recursive model": (Tree, trees),
    "generic model": (Page[Inner], st.builds(Page[Inner], items=st.lists(inner, max_size=3))),
    "aliased model": (Aliased, st.builds(Aliased, theName=text)),
    "list of models": (list[Inner], st.lists(inner, max_size=4)),
    "dict of models": (dict[str, Inner], st.dictionaries(text, inner, max_size=4)),
    "list of floats": (list[float], st.lists(st.one_of(floats, st.integers(-(2**53), 2**53)), max_size=4)),
    "set": (set[UUID], st.sets(st.uuids(), max_size=4)),
    "tuple": (tuple[int, Inner, datetime], st.tuples(st.integers(), inner, datetimes)),
    "int": (Annotated[int, Body()], st.integers()),
    "str": (Annotated[str, Body()], text),
    "datetime": (Annotated[datetime, Body()], datetimes),
    "enum": (Annotated[Mood, Body()], st.sampled_from(Mood)),
}
BY_ROUND_TRIP: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "union": (Annotated[Inner | list[int] | str, Body()], st.one_of(inner, st.lists(st.integers()), text)),
    "discriminated union": (
        Pet,
        st.one_of(st.builds(Cat, lives=st.integers()), st.builds(Dog, tricks=st.lists(text, max_size=3))),
    ),
    "list of discriminated unions": (list[Pet], st.lists(st.builds(Cat, lives=st.integers()), max_size=3)),
    "dataclass": (Point, st.builds(Point, x=st.integers(), y=floats, labels=st.lists(text, max_size=2))),
    "pydantic's dataclass": (Checked, st.builds(Checked, number=st.integers(), when=datetimes)),
    "typed dict": (Typed, st.fixed_dictionaries({"name": text, "size": st.integers()})),
    "own validator": (Lowered, st.builds(Lowered, word=text)),
    "own serializer": (
        Milliseconds,
        st.builds(Milliseconds, span=st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms))),
    ),
    "model that serializes by another alias": (SerializedAlias, st.builds(SerializedAlias, number=st.integers())),
    "model that validates by another alias": (ValidatedAlias, st.builds(ValidatedAlias, the_name=text)),
    "model with extra fields": (Open, st.builds(Open, number=st.integers(), more=st.one_of(text, st.booleans()))),
    "model with a default that breaks its type": (Unsound, st.builds(Unsound, more=text)),
    "model that reads by one name and writes by another": (Renamed, st.builds(Renamed, theNumber=st.integers())),
    "model with a default factory that breaks no type": (Making, st.builds(Making, number=st.integers())),
    "dict by dates": (dict[date, int], st.dictionaries(st.dates(), st.integers(), max_size=3)),
    "dict by floats": (dict[float, int], st.dictionaries(floats, st.integers(), max_size=3)),
    "dict by enums": (dict[Colour, int], st.dictionaries(st.sampled_from(Colour), st.integers())),
    "dict by lowered texts": (
        dict[Annotated[str, AfterValidator(str.lower)], int],
        st.dictionaries(text.map(str.lower).filter(lambda one: one == one.lower()), st.integers(), max_size=3),
    ),
    "root model": (Numbers, st.builds(Numbers, st.lists(st.integers(), max_size=3))),
    "anything": (
        Annotated[Any, Body()],
        st.recursive(
            st.one_of(text, st.integers(), floats, st.booleans()),
            lambda one: st.one_of(st.lists(one, max_size=3), st.dictionaries(text, one, max_size=3)),
        ),
    ),
}
BODIES = PLAIN | BY_ROUND_TRIP


@cache
def worker(kind: str) -> Worker:
    return worker_of(BODIES[kind][0])


@pytest.mark.parametrize("kind", BODIES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_body_arrives_as_it_was_given(kind: str, data: st.DataObject) -> None:
    value = data.draw(BODIES[kind][1])
    got = worker(kind).carry(value=value)["value"]
    assert got == value
    assert kind == "list of floats" or alike(value, got)


@pytest.mark.parametrize("kind", BODIES)
def test_the_kind_of_check_is_decided_at_registration(kind: str) -> None:
    [parameter] = parameters(worker(kind).route)
    assert Reading(parameter.adapter).is_plain() == (kind in PLAIN)


@cache
def several() -> Worker:
    def endpoint(
        first: Inner,
        second: Annotated[int, Body(alias="2nd")],
        third: Annotated[list[str] | None, Body()] = None,
        fourth: Annotated[float, Body()] = 1.5,
    ) -> None:
        made.received.append({"first": first, "second": second, "third": third, "fourth": fourth})

    made = Worker(endpoint)
    return made


@settings(max_examples=60, deadline=None)
@given(first=inner, second=st.integers(), third=st.one_of(st.none(), st.lists(text, max_size=3)), fourth=floats)
def test_several_bodies_arrive_as_they_were_given(
    first: Inner, second: int, third: list[str] | None, fourth: float
) -> None:
    values = {"first": first, "second": second, "third": third, "fourth": fourth}
    assert several().carry(**values) == values


def test_a_body_that_is_not_given_takes_its_default() -> None:
    sent = several().encode(first=Inner(number=1), second=2)
    assert sent.body == b'{"first":{"number":1},"2nd":2}'
    assert several().carry(first=Inner(number=1), second=2)["fourth"] == 1.5


def test_an_embedded_body_is_a_member_of_an_object() -> None:
    def endpoint(item: Annotated[Inner, Body(embed=True, alias="the item")]) -> None:
        target.received.append({"item": item})

    target = Worker(endpoint)
    assert target.encode(item=Inner(number=1)).body == b'{"the item":{"number":1}}'
    assert target.carry(item=Inner(number=1)) == {"item": Inner(number=1)}


@pytest.mark.parametrize("embed", [True, False])
def test_an_optional_body_arrives_as_none_or_as_itself(embed: bool) -> None:
    def endpoint(item: Annotated[Inner | None, Body(embed=embed)] = None) -> None:
        target.received.append({"item": item})

    target = Worker(endpoint)
    assert target.encode(item=None) == target.encode() == ("/task", (), None)
    assert target.carry(item=None) == {"item": None}
    assert target.carry(item=Inner(number=3)) == {"item": Inner(number=3)}


def test_a_body_says_that_it_is_json() -> None:
    assert several().encode(first=Inner(number=1), second=2).headers == (("content-type", "application/json"),)
