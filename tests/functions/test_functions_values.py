"""Whatever a call accepts arrives equal: by hypothesis, through the app."""

import asyncio
import enum
import math
import string
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, ValidationError
from typing_extensions import TypedDict

from cloudtask import Task
from fastapi_gcp_tasks.exception import WrongTypeError
from functions.functions_shop import make_app, make_client, post


class Color(enum.Enum):
    RED = "red"
    BLUE = 3


class Level(enum.StrEnum):
    LOW = "low"
    HIGH = "high"


class Item(BaseModel):
    name: str
    price: Decimal
    tags: frozenset[str] = frozenset()


class Cart(BaseModel):
    items: list[Item]
    at: datetime | None = None
    by: dict[UUID, Item] = {}


@dataclass
class Point:
    x: float
    y: int = 0


class Options(TypedDict, total=False):
    level: Level
    sizes: tuple[int, ...]


class Pair(NamedTuple):
    left: int
    right: str


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
items = st.builds(Item, name=texts, price=decimals, tags=st.frozensets(texts, max_size=3))
years = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2900-01-01")
moments = st.datetimes(*years) | st.datetimes(*years, timezones=st.timezones())
floats = st.floats(allow_nan=False, allow_infinity=False)

KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, floats),
    (bool, st.booleans()),
    (str, texts),
    (bytes, texts.map(str.encode)),
    (Decimal, decimals),
    (UUID, st.uuids()),
    (date, st.dates()),
    (datetime, moments),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(-9_999), timedelta(9_999))),
    (Color, st.sampled_from(Color)),
    (Level, st.sampled_from(Level)),
    (Item, items),
    (
        Cart,
        st.builds(
            Cart, items=st.lists(items, max_size=2), at=moments, by=st.dictionaries(st.uuids(), items, max_size=2)
        ),
    ),
    (Point, st.builds(Point, x=floats, y=st.integers())),
    (Options, st.fixed_dictionaries({}, optional={"level": st.sampled_from(Level), "sizes": st.tuples(st.integers())})),
    (Pair, st.builds(Pair, st.integers(), texts)),
    (
        Pet,
        st.builds(Cat, kind=st.just("cat"), lives=st.integers())
        | st.builds(Dog, kind=st.just("dog"), barks=st.booleans()),
    ),
    (int | str | None, st.integers() | texts | st.none()),
    (set[UUID], st.sets(st.uuids(), max_size=4)),
    (frozenset[Level], st.frozensets(st.sampled_from(Level))),
    (
        dict[str, list[tuple[int, date]]],
        st.dictionaries(texts, st.lists(st.tuples(st.integers(), st.dates()), max_size=2), max_size=2),
    ),
    (list[set[Decimal]], st.lists(st.sets(decimals, max_size=3), max_size=3)),
    (
        Any,
        st.recursive(
            st.none() | st.booleans() | st.integers() | texts,
            lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
            max_leaves=5,
        ),
    ),
]


class Arrived:
    """What functions were called with."""

    def __init__(self) -> None:
        self.client = make_client()
        self.app = make_app(self.client)
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.declared: dict[Any, tuple[Callable[..., Task[Any]], ...]] = {}

    def take(self, /, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def of(self, kind: Any) -> tuple[Callable[..., Task[Any]], ...]:
        """Functions that take values of that kind, one for each way to take them."""
        if kind not in self.declared:

            def named(x: Any, *, y: Any) -> None:
                self.take(x=x, y=y)

            def placed(x: Any, /, *more: Any) -> None:
                self.take(x, *more)

            def keyed(**more: Any) -> None:
                self.take(**more)

            async def wrapped(x: Any, y: Any = None) -> None:
                self.take(x=x, y=y)

            named.__annotations__ = {"x": kind, "y": kind}
            placed.__annotations__ = {"x": kind, "more": kind}
            keyed.__annotations__ = {"more": kind}
            wrapped.__annotations__ = {"x": GenericAlias(list, (kind,)), "y": kind | None}

            functions: list[Callable[..., Any]] = [named, placed, keyed, wrapped]
            self.declared[kind] = tuple(
                self.client.task(name=f"{one.__name__} {len(self.declared)}")(one) for one in functions
            )
        return self.declared[kind]

    def carry(self, task: Task[Any]) -> None:
        said = _run(post(self.app, task.body))
        assert said.status == 200, said.body


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


@pytest.fixture(scope="module")
def arrived() -> Arrived:
    return Arrived()


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda kind: getattr(kind, "__name__", None) or "kind")
@settings(max_examples=20)
@given(data=st.data())
def test_what_a_call_accepts_arrives(arrived: Arrived, kind: Any, values: st.SearchStrategy[Any], data: Any) -> None:
    named, placed, keyed, wrapped = arrived.of(kind)
    first, second = data.draw(values), data.draw(values)
    task: Callable[..., Task[Any]]
    for task, args, kwargs in (
        (named, (), {"x": first, "y": second}),
        (placed, (first, second, first), {}),
        (keyed, (), {"a": first, "self": second, "é": first}),
        (wrapped, (), {"x": [first, second], "y": second}),
    ):
        try:
            made = task(*args, **kwargs)
        except ValueError:
            continue  # what is refused need not arrive
        arrived.carry(made)
        assert (arrived.args, arrived.kwargs) == (args, kwargs)
        _same_kinds((arrived.args, arrived.kwargs), (args, kwargs))


def _same_kinds(got: Any, sent: Any) -> None:
    """`True` is not 1, and a set is not a frozenset."""
    assert type(got) is type(sent)
    kind = type(got).__name__
    pairs: list[Any] = []
    if kind == "dict":
        pairs = [(got[key], sent[key]) for key in sent]
    elif kind in ("list", "tuple"):
        pairs = list(zip(got, sent, strict=True))
    for one, other in pairs:
        _same_kinds(one, other)


@pytest.mark.parametrize(("kind", "values"), KINDS[:17], ids=lambda kind: getattr(kind, "__name__", None) or "kind")
@settings(max_examples=20)
@given(data=st.data())
def test_plain_kinds_are_accepted(arrived: Arrived, kind: Any, values: st.SearchStrategy[Any], data: Any) -> None:
    value = data.draw(values.filter(lambda value: not _is_odd(value)))
    named, placed, keyed, wrapped = arrived.of(kind)
    assert all((named(value, y=value), placed(value, value), keyed(k=value), wrapped([value])))


def _is_odd(value: Any) -> bool:
    """Offsets with seconds, which pydantic does not write, and an hour that comes twice."""
    at: Any = getattr(value, "at", value)
    if not isinstance(at, datetime):
        return False
    offset = at.utcoffset()
    return at.fold == 1 or bool(offset and offset.seconds % 60)


@settings(max_examples=20)
@given(args=st.lists(st.integers(), max_size=3), kwargs=st.dictionaries(st.sampled_from("abc"), st.integers()))
def test_a_call_is_bound_as_python_binds_it(args: list[int], kwargs: dict[str, int]) -> None:
    """By each kind of signature: what Python accepts is accepted, and the function is called with the same."""
    got: list[Any] = []

    def plain(a: int, b: int = 5, *, c: int = 7) -> None:
        got.append((a, b, c))

    def placed(a: int, /, b: int = 5, *c: int) -> None:
        got.append((a, b, c))

    def open_(a: int, /, b: int = 5, **c: int) -> None:
        got.append((a, b, c))

    client = make_client()
    app = make_app(client)
    functions: list[Callable[..., Any]] = [plain, placed, open_]
    for function in functions:
        declared: Any = client.task(name=function.__name__)(function)
        try:
            function(*args, **kwargs)
        except TypeError:
            with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) cannot be called so: "):
                declared(*args, **kwargs)
            continue
        expected = got.pop()
        task = declared(*args, **kwargs)
        task.execute()
        assert got.pop() == expected
        assert _run(post(app, task.body)).status == 200
        assert got.pop() == expected


def test_a_parameter_may_have_any_name() -> None:
    def take(self: int, /, UNSET: int = 2, *args: int, lambda_: int = 4, dict: int, **kwargs: int) -> tuple[Any, ...]:
        return self, UNSET, args, lambda_, dict, kwargs

    declared: Any = make_client().task(name="take")(take)
    assert declared(1, dict=5).execute() == (1, 2, (), 4, 5, {})
    assert declared(1, 9, 3, dict=5, self=6, args=7).execute() == (1, 9, (3,), 4, 5, {"self": 6, "args": 7})


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (float, math.nan, "nan cannot be written"),
        (float, -math.inf, "-inf cannot be written"),
        (SecretStr, SecretStr("x"), "x: "),
        (bytes, b"\xff", "invalid utf-8"),
        (str, "\ud800", "surrogate"),
        (int, True, "valid integer"),
        (int, "5", "valid integer"),
        (date, datetime.fromisoformat("2030-01-01"), "x: "),
        (list[int], (1, 2), "valid list"),
        (Item, {"name": "a", "price": 1}, "it takes (a )?Item, not"),
        (set[int], [1], "valid set"),
        (Level, "low", "x: "),
        (int, None, "x: None is not accepted"),
        (Any, object(), "x: "),
        (Any, {1: 2}, "x: "),
    ],
)
def test_what_would_not_arrive_is_refused_at_the_call(kind: Any, value: Any, text: str) -> None:
    def take(x: Any, *more: Any, **named: Any) -> None: ...

    take.__annotations__ = {"x": kind}
    declared: Any = make_client().task(name="take")(take)
    with pytest.raises((WrongTypeError, ValidationError), match=text):
        declared(value)


def test_keys_that_are_no_text_are_refused() -> None:
    def take(**named: int) -> None: ...

    declared: Any = make_client().task(name="take")(take)
    with pytest.raises(WrongTypeError, match="named: a lone surrogate cannot be written in UTF-8"):
        declared(**{"\ud800": 1})


def test_defaults_travel_and_are_made_anew(arrived: Arrived) -> None:
    tags = ["a"]
    seen: list[Any] = []

    def take(x: int = 1, tags: list[str] = tags, *, level: Level = Level.LOW) -> None:
        seen.append((x, tags, level))

    task = arrived.client.task(name="with defaults")(take)()
    assert task.body == b'{"path":"with defaults","args":[],"kwargs":{"x":1,"tags":["a"],"level":"low"}}'
    arrived.carry(task)
    assert seen == [(1, ["a"], Level.LOW)]
    assert seen[0][1] is not tags
    assert seen[0][2] is Level.LOW


@settings(max_examples=20)
@given(name=st.text(string.printable, min_size=1))
def test_a_task_of_any_name_finds_its_function(name: str) -> None:
    client, ran = make_client(), list[int]()
    task = client.task(name=name)(lambda: ran.append(1))()
    assert _run(post(make_app(client), task.body)).status == 200
    assert ran == [1]
