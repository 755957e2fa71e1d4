"""Models of any make: what arrives is equal, what was not set stays unset, and nothing of the caller's is changed."""

import copy
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

import pytest
from fastapi import Body, Query
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)

from encode.encode_worker import Worker, refused, worker_of
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.values.equality import alike

# Names of fields, aliases that pydantic warns of, and FastAPI 0.115, which makes an adapter of each field of a body.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def class_name(one: Any) -> str:
    return str(one.__class__.__name__)


class Base(BaseModel):
    number: int = 1


class Derived(Base):
    more: int = 2


class Patch(BaseModel):
    """As FastAPI's own page on partial updates has it."""

    name: str | None = None
    description: str | None = None
    price: float = 10.5
    tags: list[str] = []
    made: list[int] = Field(default_factory=list[int])


PATCH = worker_of(Patch)


# What was not set.


def test_what_was_not_set_is_not_set_at_the_worker() -> None:
    got = PATCH.carry(value=Patch(price=1.5, name=None))["value"]
    assert got == Patch(price=1.5, name=None)
    assert {"description", "tags"}.isdisjoint(got.model_fields_set)
    assert {"price", "name"} <= got.model_fields_set
    assert PATCH.encode(value=Patch(price=1.5)).body == b'{"price":1.5,"made":[]}'


def test_what_was_set_to_its_default_is_sent() -> None:
    got = PATCH.carry(value=Patch(price=10.5, tags=[]))["value"]
    assert got.model_fields_set >= {"price", "tags"}


def test_a_default_that_was_changed_is_sent() -> None:
    patch = Patch()
    patch.tags.append("new")
    patch.made.append(1)
    assert PATCH.carry(value=patch) == {"value": patch}


def test_an_unset_field_that_does_not_hold_its_default_is_sent() -> None:
    odd = Patch.model_construct(_fields_set={"price"}, price=1.0, name="odd", made=[])
    assert PATCH.carry(value=odd) == {"value": odd}


class Flat(BaseModel):
    name: str = ""
    price: float = 0


class Point(BaseModel):
    x: int
    y: int


class Places(BaseModel):
    points: list[Point]
    flats: list[Flat] = []
    note: str | None = None


def test_a_required_field_is_sent_even_if_it_counts_as_unset() -> None:
    places = Places(points=[Point.model_construct(_fields_set={"x"}, x=1, y=2)])
    flat = Flat.model_construct(_fields_set={"price", "odd"}, name="sent", price=1.0)
    assert worker_of(Places).carry(value=places)["value"] == places
    assert worker_of(list[Flat]).carry(value=[Flat(), flat])["value"] == [Flat(), flat]
    assert worker_of(Flat).carry(value=flat)["value"] == flat


class Nested(BaseModel):
    one: Patch = Patch(price=3)
    several: list[Patch] = []
    by_name: dict[str, Patch] = {}
    pair: tuple[int, Patch] = (1, Patch())
    maybe: Patch | None = None


@pytest.mark.parametrize("around", [False, True], ids=["alone", "in a list"])
@pytest.mark.parametrize("more", [Nested, int], ids=["plain", "union"])
def test_models_in_models_keep_what_was_not_set(more: Any, around: bool) -> None:
    nested = Nested(
        several=[Patch(price=1), Patch()],
        by_name={"a": Patch(name="x"), "__all__": Patch(price=1)},
        pair=(2, Patch(description="d")),
        maybe=Patch(tags=["t"]),
    )
    kind: Any = Nested | more
    if around:
        [got] = worker_of(list[kind]).carry(value=[nested])["value"]
    else:
        got = worker_of(Annotated[kind, Body()]).carry(value=nested)["value"]
    assert got == nested
    assert "one" not in got.model_fields_set
    for sent, arrived in zip(nested.several, got.several, strict=True):
        assert arrived.model_fields_set - {"made"} == sent.model_fields_set


@pytest.mark.parametrize(
    "annotation", [dict[str, Flat], Annotated[dict[str, Flat] | int, Body()]], ids=["plain", "union"]
)
def test_a_key_that_pydantic_takes_for_all_is_a_key_like_others(annotation: Any) -> None:
    flats = {"a": Flat(name="x"), "__all__": Flat(price=1)}
    assert worker_of(annotation).carry(value=flats) == {"value": flats}


def test_what_a_factory_made_is_sent_if_it_is_set_or_not() -> None:
    for patch in (Patch(), Patch(made=[]), Patch(made=[1])):
        got = PATCH.carry(value=patch)["value"]
        assert got == patch
        assert got.model_fields_set == {"made"}


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str | None = None


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str | None = None


def test_what_tells_the_choices_of_a_union_apart_is_sent() -> None:
    pet = Annotated[Cat | Dog, Field(discriminator="kind"), Body()]
    assert worker_of(pet).encode(value=Dog()).body == b'{"kind":"dog"}'
    assert worker_of(pet).carry(value=Dog()) == {"value": Dog()}


# Defaults, which pydantic does not validate.


WRONG: Any = "text"  # pydantic lets them pass, checkers do not
NOTHING: Any = None


class Short(BaseModel):
    name: str = Field(default="", min_length=1)
    number: int = Field(default=WRONG)


class MadeShort(BaseModel):
    names: list[str] = Field(default_factory=list, min_length=1)


class MadeWrong(BaseModel):
    number: int = Field(default_factory=lambda: WRONG)


class MadeNothing(BaseModel):
    base: Base = Field(default_factory=lambda: NOTHING)
    number: int = 1


class Holding(BaseModel):
    held: list[Short] = []


class HoldingMade(BaseModel):
    held: list[MadeShort] = []


class OtherClass(BaseModel):
    one: Base = Derived()


class MadeOtherClass(BaseModel):
    one: Base = Field(default_factory=Derived)


class Made(BaseModel):
    key: UUID = Field(default_factory=uuid4)
    base: Base = Field(default_factory=Base)


class Text(BaseModel):
    text: Annotated[str, AfterValidator(str.lower)] = "TEXT"


@pytest.mark.parametrize("value", [Short(), Holding(held=[Short()]), Text(), Made(), Holding()], ids=class_name)
def test_a_default_that_breaks_its_type_arrives(value: Any) -> None:
    assert worker_of(type(value)).carry(value=value) == {"value": value}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (MadeShort(), "value: names: the worker would refuse list []: List should have at least 1 item"),
        (HoldingMade(held=[MadeShort()]), "value: held.0.names: the worker would refuse list []"),
        (MadeWrong(), "value: "),
        (MadeNothing(), "value: base: the worker would refuse NoneType None"),
        (OtherClass(), "value: one: a Derived stands where Base is declared; it would arrive as that"),
        (MadeOtherClass(), "value: one: Derived Derived(number=1, more=2) would arrive as Base Base(number=1)"),
    ],
    ids=class_name,
)
def test_a_default_that_the_worker_would_refuse_or_change_is_refused(value: Any, reason: str) -> None:
    with refused(WrongTypeError, reason):
        worker_of(type(value)).encode(value=value)


# Keys.


class StrictKeys(BaseModel):
    held: dict[Annotated[int, Strict()], str] = {}


class TextKeys(BaseModel):
    held: dict[str, int] = {}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict[Annotated[int, Strict()], str], {1: "a"}),
        (dict[Annotated[UUID, Strict()], str], {UUID(int=1): "a"}),
        (StrictKeys, StrictKeys(held={1: "a"})),
        (dict[str, int], {"\ud800": 1}),
        (dict[str, dict[str, int]], {"a": {"b\udfff": 1}}),
        (TextKeys, TextKeys(held={"\ud800": 1})),
        (list[TextKeys], [TextKeys(held={"\ud800": 1})]),
        (dict[Annotated[str, AfterValidator(str.lower)], int], {"A": 1}),
        (dict[Annotated[str, Field(max_length=1)], int], {"ab": 1}),
        (dict[int | str, int], {1: 1, "1": 2}),
    ],
    ids=ascii,
)
def test_a_key_that_would_not_arrive_is_refused(annotation: Any, value: Any) -> None:
    with refused(WrongTypeError, "value: "):
        worker_of(Annotated[annotation, Body()]).encode(value=value)


def test_a_replacement_character_is_no_surrogate() -> None:
    assert worker_of(dict[str, int]).carry(value={"\ufffd": 1}) == {"value": {"\ufffd": 1}}


# Two names.


class TwoUnderOne(BaseModel):
    first: int = Field(1, alias="key")
    second: int = Field(2, alias="key")


class NameOfTheOther(BaseModel, populate_by_name=True):
    first: int = Field(1, alias="second")
    second: int = Field(2, alias="third")


def test_two_fields_under_one_alias_arrive_if_they_are_equal_and_are_refused_if_not() -> None:
    target = worker_of(TwoUnderOne)
    same = TwoUnderOne.model_validate({"key": 5})
    assert target.carry(value=same) == {"value": same}
    same.second = 7
    with refused(WrongTypeError, "first: int 5 would arrive as int 7"):
        target.encode(value=same)


def test_an_alias_that_is_another_fields_name_is_not_taken_for_it() -> None:
    one = NameOfTheOther.model_validate({"second": 5})
    assert worker_of(NameOfTheOther).carry(value=one) == {"value": one}
    one = NameOfTheOther.model_validate({"second": 5, "third": 2})
    one.__pydantic_fields_set__.discard("second")
    assert worker_of(NameOfTheOther).carry(value=one) == {"value": one}


class Generated(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=lambda name: f"in_{name}", serialization_alias=lambda name: f"out_{name}"
        )
    )
    number: int
    text: str = "x"


class Paths(BaseModel):
    first: int = Field(validation_alias=AliasPath("deep", "list", 1))
    second: int = Field(validation_alias=AliasPath("deep", "list", 0))
    third: int = Field(validation_alias=AliasChoices("third one", AliasPath("x", 0)))
    fourth: Generated = Field(validation_alias=AliasChoices(AliasPath("deep", "in"), "4"), serialization_alias="out")
    fifth: list[Generated] = Field([], alias="5")


def test_a_model_that_reads_by_one_name_and_writes_by_another_is_written_as_the_worker_reads_it() -> None:
    one = Generated.model_validate({"in_number": 1})
    assert worker_of(Generated).encode(value=one).body == b'{"in_number":1}'
    assert worker_of(Generated).carry(value=one) == {"value": one}
    paths = Paths.model_construct(first=1, second=2, third=3, fourth=one, fifth=[one])
    assert worker_of(Paths).carry(value=paths) == {"value": paths}
    assert worker_of(dict[str, list[Paths]]).carry(value={"a": [paths]}) == {"value": {"a": [paths]}}


class Cached(BaseModel):
    number: int
    numbers: list[int] = []

    @cached_property
    def double(self) -> int:
        return self.number * 2


def test_a_cached_property_that_was_read_is_no_field() -> None:
    one = Cached(number=2)
    assert one.double == 4
    got = worker_of(Cached).carry(value=one)["value"]
    assert (got.number, got.double) == (2, 4)


# Code of the user's.


class Counting(BaseModel):
    count: int = 0
    seen: list[int] = []

    @model_validator(mode="after")
    def add(self) -> "Counting":
        self.count += 1
        self.seen.append(self.count)
        return self


class Sorting(BaseModel):
    numbers: list[int]

    @model_validator(mode="after")
    def sort(self) -> "Sorting":
        self.numbers.sort()
        return self


class Emptying(BaseModel):
    numbers: list[int]

    @field_serializer("numbers")
    def write(self, numbers: list[int]) -> list[int]:
        taken = list(numbers)
        numbers.clear()
        return taken


def sort(numbers: list[int]) -> list[int]:
    numbers.sort()
    return numbers


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Counting, Counting(count=1)),
        (list[Counting], [Counting(count=1)]),
        (Sorting, Sorting.model_construct(numbers=[3, 1, 2])),
        (Sorting, Sorting(numbers=[3, 1, 2])),
        (Emptying, Emptying(numbers=[1])),
        (Annotated[list[int], BeforeValidator(sort)], [2, 1]),
        (Annotated[list[int], AfterValidator(sort)], [2, 1]),
        (Annotated[dict[str, Any], PlainSerializer(lambda held: held.popitem() and {})], {"a": [1]}),
    ],
    ids=class_name,
)
def test_nothing_of_the_callers_is_changed_whether_it_is_carried_or_refused(annotation: Any, value: Any) -> None:
    before = copy.deepcopy(value)
    target = worker_of(Annotated[annotation, Body()])
    carried_or_refused(target, value, before)
    assert alike(before, value)


@pytest.mark.parametrize("validator", [BeforeValidator(sort), AfterValidator(sort)], ids=class_name)
def test_nothing_of_the_callers_is_changed_by_a_query(validator: Any) -> None:
    numbers = [2, 1]
    target = worker_of(Annotated[list[int], validator, Query()])
    with refused(WrongTypeError, "value: 0: int 2 would arrive as int 1"):
        target.encode(value=numbers)
    assert numbers == [2, 1]
    assert target.carry(value=[1, 2]) == {"value": [1, 2]}


def carried_or_refused(target: Worker, value: Any, before: Any) -> Any:
    """What arrived, or None where the call was refused."""
    try:
        request = target.encode(value=value)
    except WrongTypeError as error:
        if not str(error).startswith("value: "):
            raise
        return None
    status, answer = target.deliver(request)
    assert status == 200, (request, answer)
    got = target.received.pop()["value"]
    assert alike(before, got)
    return got


class Failing(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def look_up(cls, number: int) -> int:
        return {1: 1}[number]


class Initialised(BaseModel):
    number: int

    def __init__(self, number: int) -> None:
        if number > 1:
            raise RuntimeError("no more")
        super().__init__(number=number)


class NoTruth:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("it has no truth value")

    __hash__ = None  # type: ignore[assignment]  # as of any class that can be compared and changed

    def __deepcopy__(self, memo: object) -> "NoTruth":
        return NoTruth()


class Odd(BaseModel, arbitrary_types_allowed=True):
    held: Annotated[NoTruth, BeforeValidator(lambda held: NoTruth()), PlainSerializer(lambda held: "x")]


class MadeOdd(BaseModel):
    number: Decimal = Field(default_factory=lambda: Decimal("sNaN"))


class Uncopied:
    def __deepcopy__(self, memo: object) -> "Uncopied":
        raise RuntimeError("one of a kind")


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Failing, Failing.model_construct(number=2), "it cannot be checked: KeyError: 2"),
        (Initialised, Initialised.model_construct(number=2), "it cannot be checked: RuntimeError: no more"),
        (Odd, Odd(held=NoTruth()), "it cannot be checked: RuntimeError: it has no truth value"),
        (MadeOdd, MadeOdd(), "number: the worker would refuse Decimal Decimal('sNaN')"),
        (Annotated[Any, AfterValidator(repr)], Uncopied(), "it cannot be copied to be checked: RuntimeError: one of a"),
    ],
    ids=class_name,
)
def test_an_error_of_the_users_own_code_becomes_a_refusal(annotation: Any, value: Any, reason: str) -> None:
    with refused(WrongTypeError, f"value: {reason}"):
        worker_of(Annotated[annotation, Body()]).encode(value=value)


def test_a_refusal_shows_the_values_where_they_differ() -> None:
    text = "a" * 200 + "X" + "b" * 200
    with refused(WrongTypeError, "aaaX", "aaax", "bbb…"):
        worker_of(Text).encode(value=Text.model_construct(text=text))


# Models drawn at random.


class Kind(NamedTuple):
    annotation: Any
    values: st.SearchStrategy[Any]
    defaults: list[Callable[[], Any]]
    """Sound ones and others; each is made anew, as some can be changed."""


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
KINDS = {
    "int": Kind(int, st.integers(-9, 9), [lambda: 0, lambda: "x", lambda: True, lambda: None, lambda: 1.5]),
    "positive": Kind(Annotated[int, Field(gt=0)], st.integers(1, 9), [lambda: 0, lambda: 1]),
    "str": Kind(str, words, [lambda: "", lambda: "\ud800", lambda: 5, lambda: b"x"]),
    "long": Kind(Annotated[str, Field(min_length=2)], st.text("ab", min_size=2), [lambda: "", lambda: "ab"]),
    "float": Kind(float, st.floats(-9, 9), [lambda: 0.0, lambda: float("nan"), lambda: 1, lambda: "1"]),
    "optional": Kind(int | None, st.none() | st.integers(), [lambda: None, lambda: 1, lambda: "x"]),
    "lowered": Kind(Annotated[str, AfterValidator(str.lower)], words, [lambda: "UP", lambda: "low"]),
    "list": Kind(list[int], st.lists(st.integers(), max_size=2), [list, lambda: [1], lambda: (1,), lambda: ["x"]]),
    "filled": Kind(Annotated[list[int], Field(min_length=1)], st.just([1]), [list, lambda: [1]]),
    "sorted": Kind(Annotated[list[int], AfterValidator(sort)], st.lists(st.integers(0, 3)), [lambda: [2, 1], list]),
    "dict": Kind(dict[str, int], st.dictionaries(words, st.integers(), max_size=2), [dict, lambda: {1: 1}]),
    "int keys": Kind(dict[int, int], st.dictionaries(st.integers(), st.integers()), [dict, lambda: {"1": 1}]),
    "strict": Kind(dict[Annotated[int, Strict()], int], st.sampled_from([{}, {1: 1}]), [dict]),
    "any key": Kind(dict[Any, int], st.dictionaries(words | st.integers(0, 2), st.integers()), [dict]),
    "surrogate": Kind(dict[str, int], st.sampled_from([{"\ud800": 1}, {"\ufffd": 1}]), [dict]),
    "model": Kind(Base, st.builds(Base, number=st.integers()), [Base, Derived, lambda: Base(number=5), dict]),
    "models": Kind(list[Patch], st.lists(st.builds(Patch, name=words), max_size=2), [list, lambda: [Patch(price=2)]]),
    "union": Kind(Cat | Dog, st.sampled_from([Cat(), Dog(name="x")]), [Cat, Dog]),
    "counting": Kind(Counting, st.builds(Counting, count=st.integers(0, 3)), [Counting]),
}
ALIASES = ["f_0", "f_1", "alias", "other alias", AliasPath("deep", 0), AliasPath("deep", "in"), AliasChoices("c", "d")]


@st.composite
def field(draw: st.DrawFn) -> tuple[Kind, Any]:
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    options: dict[str, Any] = {}
    match draw(st.sampled_from(["", "", "alias", "validation", "both"])):
        case "alias":
            options["alias"] = draw(st.sampled_from(["f_0", "f_1", "alias", "other alias"]))
        case "validation":
            options["validation_alias"] = draw(st.sampled_from(ALIASES))
        case "both":
            options["validation_alias"] = draw(st.sampled_from(ALIASES))
            options["serialization_alias"] = draw(st.sampled_from(["f_0", "out"]))
        case _:
            pass
    make = draw(st.sampled_from(kind.defaults))
    match draw(st.sampled_from(["required", "default", "factory"])):
        case "default":
            options["default"] = make()
        case "factory":
            options["default_factory"] = make
        case _:
            pass
    return kind, Field(**options)


AROUND: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "alone": (lambda made: made, lambda one: one, lambda got: got),
    "in a union": (lambda made: made | int, lambda one: one, lambda got: got),
    "in a list": (lambda made: list.__class_getitem__(made), lambda one: [one], lambda got: got[0]),
    "in a dict": (lambda made: dict.__class_getitem__((str, made)), lambda one: {"a": one}, lambda got: got["a"]),
    "by a key that pydantic takes for all": (
        lambda made: dict.__class_getitem__((str, made)),
        lambda one: {"__all__": one},
        lambda got: Base(),  # what is under it may be sent whole
    ),
}


@settings(max_examples=200)
@given(data=st.data())
def test_a_model_of_any_make_arrives_or_is_refused(data: st.DataObject) -> None:
    drawn = {f"f_{number}": one for number, one in enumerate(data.draw(st.lists(field(), min_size=1, max_size=4)))}
    made = model_of(drawn, data.draw(st.booleans()), data.draw(st.sampled_from(["ignore", "forbid", "allow"])))
    given_names = {name for name, (_, info) in drawn.items() if info.is_required() or data.draw(st.booleans())}
    value = made.model_construct(_fields_set=given_names)
    vars(value).update({name: data.draw(drawn[name][0].values) for name in sorted(given_names)})
    before = copy.deepcopy(value)
    declare, wrap, unwrap = AROUND[data.draw(st.sampled_from(sorted(AROUND)))]
    got = carried_or_refused(worker_of(Annotated[declare(made), Body()]), wrap(value), wrap(before))
    # Where names are shared a field may have to be sent lest another's value is taken for its own.
    if got is not None and all(info.validation_alias is None for _, info in drawn.values()):
        unset = {name for name, (_, info) in drawn.items() if name not in given_names and is_scalar(info.default)}
        assert unset.isdisjoint(unwrap(got).model_fields_set)
    # In text, where a NaN or a class of no equality is itself.
    assert repr(before) == repr(value)
    assert before.model_fields_set == value.model_fields_set


def model_of(drawn: dict[str, tuple[Kind, Any]], by_name: bool, extra: Any) -> type[BaseModel]:
    config = ConfigDict(populate_by_name=by_name, extra=extra)
    fields: dict[str, Any] = {name: (kind.annotation, info) for name, (kind, info) in drawn.items()}
    create: Any = create_model  # its overloads take no fields by a dict
    made: type[BaseModel] = create("Drawn", __config__=config, **fields)
    return made


def is_scalar(default: Any) -> bool:
    return isinstance(default, str | bytes | int | float | None)
