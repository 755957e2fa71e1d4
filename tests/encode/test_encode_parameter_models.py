"""Parameter models: their fields are parameters, and the model arrives equal to the one that was passed."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Cookie, Depends, Form, Header, Query, UploadFile
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, Json, RootModel, SecretStr, field_serializer, model_validator

from encode.encode_worker import Worker, refused, worker_of
from encode.test_encode_scalars import ascii_text, datetimes, text
from fastapi_gcp_tasks.exception import MissingParamError, WrongTypeError
from gcptasks.values.equality import alike

# FastAPI 0.115 makes an adapter of each field of a model when a request arrives, and newer pydantic minds.
pytestmark = pytest.mark.filterwarnings("ignore:The .* attribute with value:UserWarning")


class Order(StrEnum):
    UP = "up"
    DOWN = "down"


class Scalars(BaseModel, populate_by_name=True):
    page_size: int = Field(7, gt=0)
    the_name: str = Field(alias="theName")
    price: Decimal | None = None
    order: Order = Order.UP
    when: datetime | None = None
    key: UUID | None = None
    exact: Json[int] = 0  # FastAPI 0.115 reads the default as JSON
    lowered: Annotated[str, AfterValidator(str.lower)] = "x"


class WithLists(Scalars):
    tags: list[str] = []
    numbers: list[int] = [1]
    some: set[int] | None = None


class Open(BaseModel, extra="allow"):
    page: int = 1


class Closed(BaseModel, extra="forbid"):
    page: int = 1
    tags: list[str] = []


PLACES: dict[str, tuple[Callable[..., Any], type[Scalars]]] = {
    "query": (Query, WithLists),
    "form": (Form, WithLists),
    "header": (Header, Scalars),
    "cookie": (Cookie, Scalars),
}


@cache
def worker(place: str) -> Worker:
    marker, model = PLACES[place]
    return worker_of(Annotated[model, marker()])


scalars: dict[str, Any] = {
    "page_size": st.integers(1),
    "price": st.one_of(st.none(), st.decimals(allow_nan=False, allow_infinity=False)),
    "order": st.sampled_from(Order),
    "when": st.one_of(st.none(), datetimes),
    "key": st.one_of(st.none(), st.uuids()),
    "exact": st.integers().map(str),
    "lowered": st.text("abc", min_size=1),
}
lists: dict[str, Any] = {
    "tags": st.lists(text, max_size=3),
    "numbers": st.lists(st.integers(), min_size=1, max_size=3),
    "some": st.one_of(st.none(), st.sets(st.integers(), min_size=1, max_size=3)),
}
printable = ascii_text.filter(lambda one: one.strip() == one != "")


def models_of(place: str) -> st.SearchStrategy[Scalars]:
    in_url = place in ("query", "form")
    required = {"the_name": text.filter(bool) if in_url else printable}
    drawn = st.fixed_dictionaries(required, optional=scalars | (lists if in_url else {}))
    return drawn.map(PLACES[place][1].model_validate)


MODELS = {place: (PLACES[place][1], models_of(place)) for place in PLACES}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=80)
@given(data=st.data())
def test_a_parameter_model_arrives_as_it_was_given(place: str, data: st.DataObject) -> None:
    sent = data.draw(MODELS[place][1])
    assert alike(sent, worker(place).carry(value=sent)["value"])


def test_each_field_has_its_key() -> None:
    sent = WithLists.model_validate({"the_name": "a b", "tags": ["x", "y"], "page_size": 2, "exact": "0"})
    assert worker("query").encode(value=sent).path == "/task?page_size=2&theName=a%20b&exact=0&tags=x&tags=y"
    assert worker("form").encode(value=sent).body == b"page_size=2&theName=a%20b&exact=0&tags=x&tags=y"
    few = Scalars.model_validate({"the_name": "a", "page_size": 2, "exact": "0"})
    headers = worker("header").encode(value=few).headers
    assert headers == (("page-size", "2"), ("thename", "a"), ("exact", "0"))
    cookies = worker("cookie").encode(value=few).headers
    assert cookies == (("cookie", "page_size=2; theName=a; exact=0"),)


def test_a_form_model_has_aliases_without_names() -> None:
    class Login(BaseModel):
        the_user: str = Field(alias="user")

    target = worker_of(Annotated[Login, Form()])
    assert target.encode(value=Login(user="a")).body == b"user=a"
    assert target.carry(value=Login(user="a")) == {"value": Login(user="a")}


def test_a_model_without_required_fields_need_not_be_given() -> None:
    assert worker_of(Annotated[Closed, Query()]).carry() == {"value": Closed()}
    with refused(MissingParamError, "value"):
        worker("query").encode()


def test_extra_fields_arrive_where_the_model_takes_them() -> None:
    target = worker_of(Annotated[Open, Query()])
    assert alike(target.carry(value=Open(page=2, more="x"))["value"], Open(page=2, more="x"))  # type: ignore[call-arg]
    with refused(WrongTypeError, "value: ", "more"):
        target.encode(value=Open(more=5))  # type: ignore[call-arg]
    closed = worker_of(Annotated[Closed, Query()])
    assert closed.carry(value=Closed(page=2, tags=["a"])) == {"value": Closed(page=2, tags=["a"])}


class Tagged(BaseModel):
    tags: list[str] = ["a"]
    note: str | None = "x"


class Invalid(BaseModel):
    name: str = Field("", min_length=1)


class Inner(BaseModel):
    inner: Closed


@pytest.mark.parametrize("marker", [Query, Form])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Tagged(tags=[]), "tags: list [] would arrive as list ['a']"),
        (Tagged(note=None), "note: NoneType None would arrive as str 'x'"),
        # FastAPI 0.115 validates the defaults that the newest only fills in.
        (Invalid.model_validate({}), "name: the worker would refuse str ''"),
        (Inner(inner=Closed()), "inner: dict {'page': 1, 'tags': []} has no text form outside a body"),
    ],
    ids=repr,
)
def test_a_model_that_would_not_arrive_is_refused(marker: Any, value: BaseModel, reason: str) -> None:
    with refused(WrongTypeError, "value: ", reason):
        worker_of(Annotated[type(value), marker()]).encode(value=value)


def test_a_subclass_a_dict_and_none_are_refused() -> None:
    class More(Closed): ...

    for value in (More(), {"page": 1}, None):
        with refused(ValueError, "value"):
            worker_of(Annotated[Closed, Query()]).encode(value=value)


class Aliased(BaseModel):
    page: int = Field(1, alias="p")


class Secret(BaseModel):
    key: SecretStr


class Files(BaseModel):
    file: UploadFile


class Agent(BaseModel):
    user_agent: str | None = None


class Listed(BaseModel):
    tags: list[str] = []


class Odd(BaseModel, populate_by_name=True):
    page: int = Field(1, alias="p;q")


class Read(BaseModel):
    page: int = Field(1, validation_alias="p")


class JsonList(BaseModel):
    numbers: Json[list[int]]


class Twice(BaseModel, populate_by_name=True):
    first: int = Field(1, alias="k")
    second: int = Field(1, alias="k")


class Root(RootModel[dict[str, int]]): ...


def aliased(value: Annotated[Aliased, Query()]) -> None: ...
def beside(value: Annotated[Closed, Query()], more: int) -> None: ...
def form_beside(value: Annotated[Closed, Form()], more: Annotated[int, Form()]) -> None: ...
def optional(value: Annotated[Closed | None, Header()] = None) -> None: ...
def secret(value: Annotated[Secret, Query()]) -> None: ...
def files(value: Annotated[Files, Form()]) -> None: ...
def agent(value: Annotated[Agent, Header()]) -> None: ...
def header_list(value: Annotated[Listed, Header()]) -> None: ...
def cookie_list(value: Annotated[Listed, Cookie()]) -> None: ...
def open_headers(value: Annotated[Open, Header()]) -> None: ...
def odd_cookie(value: Annotated[Odd, Cookie()]) -> None: ...
def odd_header(value: Annotated[Odd, Header()]) -> None: ...
def read_name(value: Annotated[Read, Query()]) -> None: ...
def json_list(value: Annotated[JsonList, Query()]) -> None: ...
def twice(value: Annotated[Twice, Query()]) -> None: ...
def underscores(value: Annotated[Scalars, Header(convert_underscores=False)]) -> None: ...


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (
            aliased,
            "its field 'page': FastAPI 0.115 reads no alias in a parameter model, unless it has populate_by_name",
        ),
        (beside, "FastAPI 0.115 reads a parameter model only where no other query parameter is declared beside it"),
        (form_beside, "FastAPI 0.115 reads a parameter model only where no other form parameter is declared beside it"),
        (optional, "FastAPI 0.115 reads a parameter model only as it is: not one that is optional, or one of several"),
        (secret, "secrets (SecretStr and its kin) do not belong in a task"),
        (files, "an UploadFile is carried as a parameter of its own"),
        (agent, "its field 'user_agent': the header 'user-agent' is not the caller's alone; declare it by itself"),
        (header_list, "its field 'tags': a task has one value for each header"),
        (cookie_list, "its field 'tags': a task has one value for each cookie"),
        (open_headers, "its model allows extra fields, and a request has other headers too"),
        (odd_cookie, "its field 'page': 'p;q' is not a name that a cookie can have"),
        (odd_header, "its field 'page': 'p;q' is not a name that a header can have"),
        (read_name, "its field 'page': FastAPI versions differ in how they read validation_alias; use alias"),
        (json_list, "its field 'numbers': FastAPI 0.115 does not take it for one value"),
        (twice, "its model has two fields 'k'"),
        (underscores, "its field 'page_size': FastAPI 0.115 converts its underscores; give it an alias"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_model_that_cannot_be_carried_is_refused_at_registration(endpoint: Callable[..., Any], reason: str) -> None:
    with refused(TypeError, "the parameter 'value' cannot be carried by a task: ", reason):
        Worker(endpoint)


def test_a_root_model_is_refused() -> None:
    with refused(TypeError, "'value'", "a RootModel has no fields of its own"):
        worker_of(Annotated[Root, Form()])


@pytest.mark.parametrize(
    ("model", "declared", "reason"),
    [
        (Closed, "other", "its model forbids extra fields, and 'given' would be one"),
        (Open, "other", "its model allows extra fields, and 'given' would be one"),
        (Tagged, "tags", "its field 'tags' is 'given' too"),
    ],
)
def test_what_a_dependency_reads_beside_a_model_may_not_meet_it(model: Any, declared: str, reason: str) -> None:
    def needed(given: Annotated[str, Query(alias=declared)] = "") -> None: ...

    def endpoint(value: Any, needs: Annotated[None, Depends(needed)]) -> None: ...

    endpoint.__annotations__["value"] = Annotated[model, Query()]
    with refused(TypeError, "'value'", reason):
        Worker(endpoint)


def test_a_dependency_and_its_endpoint_may_read_one_model() -> None:
    def checked(filters: Annotated[Tagged, Query()]) -> Tagged:
        return filters

    def endpoint(
        filters: Annotated[Tagged, Query()], again: Annotated[Tagged, Depends(checked)], page: int = 1
    ) -> None:
        target.received.append({"filters": filters, "again": again})

    with refused(TypeError, "no other query parameter is declared beside it"):
        Worker(endpoint)

    def alone(filters: Annotated[Tagged, Query()], again: Annotated[Tagged, Depends(checked)]) -> None:
        target.received.append({"filters": filters, "again": again})

    target = Worker(alone)
    sent = Tagged(tags=["b"])
    assert target.carry(filters=sent) == {"filters": sent, "again": sent}


def test_which_fields_were_set_arrives_where_fastapi_leaves_them_unset() -> None:
    sent = Tagged(note="x")
    assert worker_of(Annotated[Tagged, Query()]).encode(value=sent).path == "/task?note=x"
    assert worker_of(Annotated[Tagged, Form()]).encode(value=Tagged()) == ("/task", (), None)


def test_a_form_model_beside_a_field_of_a_dependency_is_refused() -> None:
    def needed(given: Annotated[str, Form()] = "") -> None: ...

    def endpoint(value: Annotated[Tagged, Form()], needs: Annotated[None, Depends(needed)]) -> None: ...

    with refused(TypeError, "'value'", "FastAPI 0.115 does not read a form model beside 'given'"):
        Worker(endpoint)


class Own(BaseModel):
    first: int = 0
    second: int = 0

    @field_serializer("first")
    def write(self, first: int) -> str:
        return f"0{first}"

    @model_validator(mode="after")
    def ordered(self) -> "Own":
        if self.first > self.second:
            raise ValueError("not in order")
        return self


def test_validators_and_serializers_of_the_model_count() -> None:
    target = worker_of(Annotated[Own, Query()])
    assert target.encode(value=Own(first=1, second=2)).path == "/task?first=01&second=2"
    assert target.carry(value=Own(first=1, second=2)) == {"value": Own(first=1, second=2)}
    changed = Own(first=1, second=2)
    changed.first = 9
    with refused(ValueError, "value", "not in order"):
        target.encode(value=changed)
