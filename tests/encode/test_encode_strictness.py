"""Types are taken strictly at the call: what is refused, and what is accepted because it compares equal."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import Body, Query
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PlainSerializer, PrivateAttr, ValidationError, computed_field, field_validator

from encode.encode_worker import Worker, refused, worker_of
from fastapi_gcp_tasks.exception import WrongTypeError


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 2


class Name(str):
    __slots__ = ()


class Base(BaseModel):
    number: int = 1


class Derived(Base):
    more: int = 2


class Holder(BaseModel):
    one: Base = Base()
    many: list[Base] = []
    by_name: dict[str, Base | None] = {}


class Measured(BaseModel):
    weight: float = 1.0
    note: str | None = None
    at: datetime | None = None


class Simple(BaseModel):
    """As most bodies are: scalars and lists of scalars."""

    word: str = "x"
    number: int = 1
    share: float | None = None
    colour: Colour = Colour.RED
    sizes: list[int] = []
    names: list[str | None] | None = None


class Upper(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def upper(cls, word: str) -> str:
        return word if word.isupper() else f"not upper: {word}"


class Branch(BaseModel):
    """Refers to itself, and has a field whose type does not say what arrives."""

    held: Any = None
    branches: list["Branch"] = []


class Trunk(BaseModel):
    first: Branch
    second: Branch


class Ring(BaseModel):
    """Refers to itself. It is used with a serializer alone, as pydantic keeps that in the schema of the class."""

    number: int = 0
    inner: list["Ring"] = []


class Secretive(BaseModel):
    number: int
    _kept: int = PrivateAttr(default=0)


class Excluding(BaseModel):
    number: int
    left_out: int = Field(default=0, exclude=True)


class Computing(BaseModel, extra="forbid"):
    number: int

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorator above a property
    @property
    def double(self) -> int:
        return self.number * 2


SIMPLE_WORKER = worker_of(Simple)


def shown(one: Any) -> str:
    try:
        return ascii(one)[:60]
    except ValueError:
        return "long"


REFUSED: list[tuple[Any, Any]] = [
    (int, True),
    (int, "5"),
    (int, 1.0),
    (float, True),
    (float, "1"),
    (float, 2**53 + 1),
    (bool, 1),
    (str, 5),
    (str, b"x"),
    (bytes, "x"),
    (date, datetime(2024, 1, 1, tzinfo=UTC)),
    (datetime, date(2024, 1, 1)),
    (datetime, "2024-01-01T00:00:00"),
    (timedelta, 5),
    (Decimal, 1),
    (Decimal, Decimal("NaN")),
    (UUID, str(UUID(int=1))),
    (Colour, "red"),
    (Size, 2),
    (Literal["a"], "b"),
    (Literal[1], True),
    (Annotated[int, Field(gt=0)], 0),
    (Annotated[str, Field(max_length=2)], "abc"),
    (Annotated[str, Field(pattern="^a")], "b"),
    (int | None, "5"),
    (list[int], (1,)),
    (list[int], [True]),
    (list[int], {1}),
    (set[int], [1]),
    (tuple[int, ...], [1]),
    (list[float], [2**53 + 1]),
]


@pytest.mark.parametrize(("annotation", "value"), REFUSED, ids=shown)
def test_a_value_of_another_type_is_refused_in_a_query(annotation: Any, value: Any) -> None:
    with refused(ValueError, "value"):
        worker_of(Annotated[annotation, Query()]).encode(value=value)


@pytest.mark.parametrize(("annotation", "value"), REFUSED, ids=shown)
def test_a_value_of_another_type_is_refused_in_a_body(annotation: Any, value: Any) -> None:
    with refused(WrongTypeError, "value: "):
        worker_of(Annotated[annotation, Body()]).encode(value=value)


def test_the_error_outside_a_body_is_pydantics_and_names_the_parameter() -> None:
    with pytest.raises(ValidationError) as raised:
        worker_of(Annotated[int, Query(gt=3, alias="other")]).encode(value=3)
    assert raised.value.title == "value"
    [error] = raised.value.errors()
    assert (error["type"], error["loc"], error["input"]) == ("greater_than", ("value",), 3)


@pytest.mark.parametrize(
    ("annotation", "value", "arrives"),
    [
        (float, 1, 1.0),
        (str, Colour.RED, "red"),
        (int, Size.BIG, 2),
        (str, Name("n"), "n"),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (list[str], [Colour.RED], ["red"]),
        (float | None, 1, 1.0),
    ],
    ids=shown,
)
@pytest.mark.parametrize("marker", [Query(), Body()], ids=["query", "body"])
def test_a_value_that_compares_equal_is_accepted(marker: Any, annotation: Any, value: Any, arrives: Any) -> None:
    got = worker_of(Annotated[annotation, marker]).carry(value=value)["value"]
    assert got == arrives == value
    assert type(got) is type(arrives)


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Base, {"number": 1}, "it takes Base, not dict"),
        (Base, Derived(), "it takes Base, and not its subclass Derived"),
        (list[Base], [{"number": 1}], "value: 0: dict {'number': 1} would arrive as Base Base(number=1)"),
        (list[Base], [Derived()], "a Derived stands where Base is declared"),
        (Holder, Holder(one=Derived()), "a Derived stands where Base is declared"),
        (Holder, Holder(many=[Derived()]), "a Derived stands where Base is declared"),
        (Holder, Holder(by_name={"a": None, "b": Derived()}), "value: by_name.b: a Derived stands where Base"),
        (Base | int, Derived(), "would arrive as Base Base(number=1)"),
        (Any, (1, 2), "tuple (1, 2) would arrive as list [1, 2]"),
        (Any, Colour.RED, "would arrive as str 'red'"),
        (Any, {1: 2}, "would arrive as dict {'1': 2}"),
        (dict[str, Any], {"a": {1}}, "would arrive as"),
        (Annotated[Ring, PlainSerializer(lambda ring: {"number": 7})], Ring(number=1), "number: int 1 would arrive as"),
        (
            Trunk,
            Trunk(first=Branch(), second=Branch(branches=[Branch(held=(1, 2))])),
            "value: second.branches.0.held: tuple (1, 2) would arrive as list [1, 2]",
        ),
        (Upper, Upper.model_construct(word="low"), "word: str 'low' would arrive as str 'not upper: low'"),
        (Excluding, Excluding(number=1, left_out=5), "would arrive as"),
    ],
    ids=shown,
)
def test_what_would_arrive_changed_is_refused_saying_what_would_arrive(
    annotation: Any, value: Any, reason: str
) -> None:
    with refused(WrongTypeError, "value: ", reason):
        worker_of(Annotated[annotation, Body()]).encode(value=value)


def test_a_computed_field_is_not_sent() -> None:
    assert worker_of(Computing).carry(value=Computing(number=2)) == {"value": Computing(number=2)}


def test_a_private_attribute_that_would_be_lost_is_refused() -> None:
    kept = Secretive(number=1)
    assert worker_of(Secretive).carry(value=kept) == {"value": kept}
    kept._kept = 5
    with refused(WrongTypeError, "would arrive as"):
        worker_of(Secretive).encode(value=kept)


@pytest.mark.parametrize("value", ["five", [1], 1.5, {}])
def test_a_nested_value_replaced_by_one_of_another_type_is_refused(value: Any) -> None:
    held = Holder(many=[Base()])
    held.many[0].number = value
    with refused(WrongTypeError, "value: it cannot be written as JSON"):
        worker_of(Holder).encode(value=held)


@pytest.mark.parametrize(
    "replaced",
    [
        *({"word": value} for value in (None, 1, b"x", ["x"])),
        *({"number": value} for value in (None, "1", True, 1.0)),
        *({"share": value} for value in ("1", b"1")),
        *({"colour": value} for value in (1, None, Size.BIG)),
        *({"sizes": value} for value in (None, ["1"], [1, None], (1,), [[1]], [True], [*range(100), "1"])),
        *({"names": value} for value in ("x", [1], [b"x"], [None, ["x"]])),
        {"word": 1, "number": "x"},
    ],
    ids=shown,
)
def test_a_value_replaced_by_one_of_another_type_is_refused(replaced: dict[str, Any]) -> None:
    one = Simple()
    for name, value in replaced.items():
        setattr(one, name, value)
    with refused(WrongTypeError, "value: "):
        worker_of(Simple).encode(value=one)


@pytest.mark.parametrize("replaced", [{"number": Size.BIG}, {"share": 5}, {"word": Name("x")}, {"sizes": [Size.BIG]}])
def test_a_value_replaced_by_one_that_compares_equal_is_accepted(replaced: dict[str, Any]) -> None:
    one = Simple()
    for name, value in replaced.items():
        setattr(one, name, value)
    assert worker_of(Simple).carry(value=one) == {"value": one}


def test_a_model_that_lost_a_field_is_refused() -> None:
    one = Simple()
    del one.number
    with refused(WrongTypeError, "value: ", "would arrive as"):
        worker_of(Simple).encode(value=one)


SIMPLE = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=2), st.sampled_from([Colour.RED]))


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Simple.model_fields, SIMPLE | st.lists(SIMPLE, max_size=30))))
def test_a_model_made_without_validation_arrives_equal_or_not_at_all(values: dict[str, Any]) -> None:
    one = Simple.model_construct(**values)
    try:
        request = SIMPLE_WORKER.encode(value=one)
    except WrongTypeError:
        return
    assert SIMPLE_WORKER.deliver(request)[0] == 200
    assert SIMPLE_WORKER.received.pop() == {"value": one}


class Line(BaseModel):
    """Scalars alone, as in most lists of models."""

    word: str
    number: int = Field(0, alias="Number")
    share: float | None = None
    colour: Colour = Colour.RED


class LongLine(Line):
    more: int = 1


ODD = SIMPLE | st.sampled_from(
    [Name("x"), Size.BIG, 1.5, float("nan"), float("inf"), "\ud800", b"\xff", Decimal("NaN"), "NaN"]
)
GOOD: dict[Any, st.SearchStrategy[Any]] = {
    Line: st.builds(Line, word=st.text(), Number=st.integers()),
    int: st.integers(),
    str: st.text(max_size=3),
    str | None: st.none() | st.text(max_size=3),
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    Colour: st.just(Colour.RED),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    bytes: st.text().map(str.encode),
}
ITEMS = {item: worker_of(Annotated[list[item], Body()]) for item in GOOD}  # type: ignore[valid-type]  # a variable
MEMBERS = {
    (key, item): worker_of(Annotated[dict[key, item], Body()])  # type: ignore[valid-type]  # a variable
    for key in (str, int)
    for item in (int, str | None, float | None, Colour, Decimal)
}


def arrives_equal_or_not_at_all(worker: Worker, value: Any) -> None:
    try:
        request = worker.encode(value=value)
    except WrongTypeError:
        return
    status, answer = worker.deliver(request)
    assert status == 200, answer
    assert worker.received.pop() == {"value": value}


@given(st.sampled_from(list(ITEMS)), ODD, st.sampled_from([list, tuple, set]), st.data())
def test_a_list_with_anything_in_it_arrives_equal_or_not_at_all(
    item: Any, odd: Any, kind: Any, data: st.DataObject
) -> None:
    good = data.draw(st.lists(GOOD[item], max_size=3))
    arrives_equal_or_not_at_all(ITEMS[item], good)
    arrives_equal_or_not_at_all(ITEMS[item], [*good, odd])
    if item is not Line:
        arrives_equal_or_not_at_all(ITEMS[item], kind(good))


@given(GOOD[Line], st.sampled_from([*Line.model_fields, None]), ODD)
def test_a_list_with_a_model_that_was_changed_arrives_equal_or_not_at_all(
    line: Line, name: str | None, odd: Any
) -> None:
    changed = line.model_copy()
    if name is None:
        del changed.number
    else:
        setattr(changed, name, odd)
    arrives_equal_or_not_at_all(ITEMS[Line], [line, changed])


@given(st.sampled_from(list(MEMBERS)), ODD, ODD, st.data())
def test_a_dict_with_anything_in_it_arrives_equal_or_not_at_all(
    kinds: tuple[Any, Any], odd_key: Any, odd: Any, data: st.DataObject
) -> None:
    key, item = kinds
    good = data.draw(st.dictionaries(GOOD[key], GOOD[item], max_size=3))
    worker = MEMBERS[kinds]
    arrives_equal_or_not_at_all(worker, good)
    arrives_equal_or_not_at_all(worker, OrderedDict(good))
    arrives_equal_or_not_at_all(worker, good | {data.draw(GOOD[key]): odd})
    if isinstance(odd_key, Hashable):
        arrives_equal_or_not_at_all(worker, good | {odd_key: data.draw(GOOD[item])})


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Measured, Measured(weight=float("nan")), "nan cannot be written in JSON"),
        (Measured, Measured(weight=float("-inf")), "-inf cannot be written in JSON"),
        (list[Measured], [Measured(weight=float("inf"))], "value: 0.weight: inf cannot be written in JSON"),
        (list[float], [float("inf")], "inf cannot be written in JSON"),
        (float, float("inf"), "inf cannot be written in JSON"),
        (float | str, float("inf"), "inf"),
        (Any, [float("nan")], "nan"),
        (str, "\ud800", "surrogate"),
        (list[str], ["a\udfff"], "surrogate"),
        (Any, {"\ud800": 1}, "surrogate"),
        (bytes, b"\xff", "utf-8"),
        (int, 10**5000, "4300"),
        (Base, Base(number=10**5000), "4300"),
        (Measured, Measured(at=datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3601)))), "seconds"),
        (datetime, datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3601))), "seconds"),
        (datetime | int, datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3601))), "would arrive as"),
    ],
    ids=shown,
)
def test_what_json_cannot_hold_is_refused(annotation: Any, value: Any, reason: str) -> None:
    with refused(WrongTypeError, "value: ", reason):
        worker_of(Annotated[annotation, Body()]).encode(value=value)


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (float, float("nan"), "NaN"),
        (str, "\ud800", "surrogate"),
        (bytes, b"\xff", "not UTF-8"),
        (int, 10**5000, "4300"),
        (datetime, datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3601))), "seconds"),
        (int | str, 5, "int 5 would arrive as str '5'"),
        (Literal[1, 2], 1, "the worker would refuse int 1"),
        (list[int | None], [None], "no text form"),
    ],
    ids=shown,
)
def test_what_a_query_cannot_hold_is_refused(annotation: Any, value: Any, reason: str) -> None:
    with refused(WrongTypeError, "value: ", reason):
        worker_of(Annotated[annotation, Query()]).encode(value=value)


def test_a_long_text_of_digits_is_no_long_number() -> None:
    assert worker_of(Annotated[list[str], Body()]).carry(value=["1" * 9000]) == {"value": ["1" * 9000]}


def test_a_model_nested_too_deeply_is_refused() -> None:
    deep: Any = []
    for _ in range(2000):
        deep = [deep]
    with refused(WrongTypeError, "value: "):
        worker_of(Annotated[Any, Body()]).encode(value=deep)


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with refused(WrongTypeError, "value: "):
        worker_of(Annotated[Any, Body()]).encode(value=circle)


# What FastAPI 0.115 and the newest make of these differs, or neither delivers it.


@pytest.mark.parametrize(
    ("annotation", "default", "value", "reason"),
    [
        (
            Annotated[int | None, Body()],
            ...,
            None,
            "None cannot be carried: no value would arrive, though one is required",
        ),
        (Annotated[int | None, Body()], 5, None, "None cannot be carried: its default would arrive"),
        (Annotated[int | None, Body(embed=True)], ..., None, "None cannot be carried"),
        (Annotated[int | None, Body(embed=True)], 5, None, "None cannot be carried"),
        (Annotated[Base | None, Body()], Base(), None, "None cannot be carried"),
        (Annotated[int | None, Query()], ..., None, "None cannot be carried"),
        (Annotated[int | None, Query()], 5, None, "None cannot be carried"),
        (Annotated[int, Query()], 5, None, "None cannot be carried"),
        (Annotated[list[int], Query()], ..., [], "an empty list cannot be carried"),
        (Annotated[list[int], Query()], [1], [], "an empty list cannot be carried"),
        (Annotated[list[int] | None, Query()], None, [], "an empty list cannot be carried"),
        (Annotated[set[int], Query()], ..., set[int](), "an empty set cannot be carried"),
    ],
    ids=shown,
)
def test_nothing_is_refused_where_something_else_would_arrive(
    annotation: Any, default: Any, value: Any, reason: str
) -> None:
    with refused(WrongTypeError, "value: " + reason):
        worker_of(annotation, default=default).encode(value=value)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (Annotated[int | None, Body()], None),
        (Annotated[int | None, Body(embed=True)], None),
        (Annotated[int | None, Query()], None),
        (Annotated[list[int], Query()], []),
        (Annotated[set[int], Query()], set[int]()),
    ],
    ids=repr,
)
def test_nothing_is_carried_by_leaving_it_out_where_it_is_the_default(annotation: Any, default: Any) -> None:
    made = worker_of(annotation, default=default)
    assert made.encode(value=default) == ("/task", (), None)
    assert made.carry(value=default) == {"value": default}


@pytest.mark.parametrize(
    ("annotation", "factory", "empty"), [(list[int], list, []), (set[int], set, set[int]()), (list[int], list[int], [])]
)
def test_nothing_is_carried_by_leaving_it_out_where_the_default_factory_makes_it(
    annotation: Any, factory: Any, empty: Any
) -> None:
    made = worker_of(Annotated[annotation, Query(default_factory=factory)])
    assert made.encode(value=empty) == ("/task", (), None)
    assert made.carry(value=empty) == {"value": empty}
    unknown: Any = Query(default_factory=lambda: factory())
    with refused(WrongTypeError, "value: an empty"):
        worker_of(Annotated[annotation, unknown]).encode(value=empty)


class Node(BaseModel):
    value: float = 0.0
    below: "dict[str, Node]" = {}
    last: "Node | None" = None


class Leaf(Node):
    pass


class Row(BaseModel):
    cells: tuple[float, ...]
    pair: tuple[float, str] = (0.0, "")


@pytest.mark.parametrize(
    "value",
    [
        Node(below={"a": Node(last=Node(value=float("inf")))}),
        Node(last=Node(below={"a": Node(), "b": Leaf()})),
        Row(cells=(1.0, float("nan"))),
        Row(cells=(), pair=(float("nan"), "b")),
    ],
    ids=["deep infinity", "deep subclass", "endless tuple", "tuple"],
)
def test_what_would_be_lost_is_found_wherever_it_stands(value: Any) -> None:
    with refused(WrongTypeError, "value: "):
        worker_of(type(value)).encode(value=value)


@pytest.mark.parametrize(
    "value",
    [Node(below={"a": Node(last=Node(value=1.5))}), Row(cells=(1.0, 2.0))],
    ids=["recursive", "tuple"],
)
def test_what_a_walk_lets_pass_arrives(value: Any) -> None:
    assert worker_of(type(value)).carry(value=value) == {"value": value}
