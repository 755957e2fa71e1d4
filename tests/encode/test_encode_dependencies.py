"""What dependencies declare: defaults, or a keyword at the call; the endpoint's own names win."""

from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Body, Depends, Header, Path, Query
from pydantic import BaseModel, Field
from typing_extensions import Doc

from encode.encode_worker import Worker, refused
from fastapi_gcp_tasks.exception import MissingParamError, WrongTypeError


class Item(BaseModel):
    name: str


def paging(limit: int = 10, offset: Annotated[int, Query(alias="skip")] = 0) -> tuple[int, int]:
    return limit, offset


def deeper(pages: Annotated[tuple[int, int], Depends(paging)], lang: Annotated[str, Header()] = "en") -> str:
    return f"{lang} {pages}"


def test_a_dependency_takes_its_defaults_or_a_keyword() -> None:
    def endpoint(q: str, seen: Annotated[str, Depends(deeper)]) -> None:
        target.received.append({"q": q, "seen": seen})

    target = Worker(endpoint)
    assert target.carry(q="a") == {"q": "a", "seen": "en (10, 0)"}
    assert target.carry(q="a", limit=3, offset=4, lang="de") == {"q": "a", "seen": "de (3, 4)"}


def test_a_dependency_of_the_route_takes_a_keyword_too() -> None:
    seen: list[tuple[int, int]] = []

    def note(pages: Annotated[tuple[int, int], Depends(paging)]) -> None:
        seen.append(pages)

    def endpoint() -> None:
        target.received.append({})

    target = Worker(endpoint, dependencies=[Depends(note)])
    target.carry(limit=7)
    assert seen == [(7, 0)]


def test_what_a_dependency_requires_is_required() -> None:
    def tenant(x_tenant: Annotated[str, Header()]) -> str:
        return x_tenant

    def endpoint(of: Annotated[str, Depends(tenant)]) -> None:
        target.received.append({"of": of})

    target = Worker(endpoint)
    with refused(MissingParamError, "missing required argument: x_tenant"):
        target.encode()
    assert target.carry(x_tenant="t") == {"of": "t"}


def test_a_path_parameter_may_be_a_dependencys_alone() -> None:
    def tenant(name: str) -> str:
        return name

    def endpoint(of: Annotated[str, Depends(tenant)]) -> None:
        target.received.append({"of": of})

    target = Worker(endpoint, "/{name}/run")
    assert target.encode(name="a b").path == "/a%20b/run"
    assert target.carry(name="a b") == {"of": "a b"}


def test_a_name_that_clashes_means_the_endpoints_own() -> None:
    def endpoint(limit: Annotated[str, Header()], pages: Annotated[tuple[int, int], Depends(paging)]) -> None:
        target.received.append({"limit": limit, "pages": pages})

    target = Worker(endpoint)
    assert target.carry(limit="own") == {"limit": "own", "pages": (10, 0)}


def test_a_parameter_that_both_declare_is_one_and_required_if_either_requires_it() -> None:
    def tenant(x_tenant: Annotated[str, Header()]) -> str:
        return x_tenant

    def endpoint(of: Annotated[str, Depends(tenant)], x_tenant: Annotated[str | None, Header()] = None) -> None:
        target.received.append({"of": of, "x_tenant": x_tenant})

    target = Worker(endpoint)
    assert target.carry(x_tenant="t") == {"of": "t", "x_tenant": "t"}
    with refused(MissingParamError, "x_tenant"):
        target.encode()
    with refused(WrongTypeError, "x_tenant: None cannot be carried"):
        target.encode(x_tenant=None)


def test_a_body_of_a_dependency_makes_the_body_an_object() -> None:
    def noted(note: Annotated[str, Body()] = "none") -> str:
        return note

    def endpoint(item: Item, note_of: Annotated[str, Depends(noted)]) -> None:
        target.received.append({"item": item, "note_of": note_of})

    target = Worker(endpoint)
    assert target.encode(item=Item(name="a")).body == b'{"item":{"name":"a"}}'
    assert target.carry(item=Item(name="a"), note="n") == {"item": Item(name="a"), "note_of": "n"}
    assert target.carry(item=Item(name="a")) == {"item": Item(name="a"), "note_of": "none"}


def test_one_body_that_both_declare_stays_whole() -> None:
    def named(item: Item) -> str:
        return item.name

    def endpoint(item: Item, name: Annotated[str, Depends(named)]) -> None:
        target.received.append({"item": item, "name": name})

    target = Worker(endpoint)
    assert target.encode(item=Item(name="a")).body == b'{"name":"a"}'
    assert target.carry(item=Item(name="a")) == {"item": Item(name="a"), "name": "a"}


def test_what_no_keyword_can_reach_is_refused_if_it_is_required() -> None:
    def dependency(name: Annotated[str, Header()]) -> str:
        return name

    def endpoint(name: int, other: Annotated[str, Depends(dependency)]) -> None: ...

    with refused(TypeError, "'name'", "a dependency declares the header 'name' under a name that is taken"):
        Worker(endpoint)


@pytest.mark.parametrize(
    ("own", "other", "accepted", "refused_value", "reason"),
    [
        (str, UUID, "12345678-1234-5678-1234-567812345678", "x", "should be a valid UUID"),
        (UUID, str, UUID(int=5), None, ""),
        (str, Annotated[str, Query(max_length=3)], "abc", "abcd", "at most 3 characters"),
        (int, Annotated[int, Query(ge=1)], 1, 0, "greater than or equal to 1"),
        (Annotated[int, Query(le=9)], Annotated[int, Query(ge=1)], 5, 0, "greater than or equal to 1"),
        (Annotated[list[int], Query()], int, [1, 2], None, ""),
        (str, Annotated[list[int], Query()], "1", "x", "0: Input should be a valid integer"),
        (Annotated[str, Doc("one text")], Annotated[str, Doc("another")], "a", None, ""),
    ],
    ids=str,
)
def test_one_key_of_two_types_is_one_text_that_both_must_take(
    own: Any, other: Any, accepted: Any, refused_value: Any, reason: str
) -> None:
    seen: list[Any] = []

    def dependency(q: object) -> None:
        seen.append(q)

    def endpoint(q: object, noted: Annotated[None, Depends(dependency)]) -> None:
        target.received.append({"q": q})

    dependency.__annotations__["q"] = other
    endpoint.__annotations__["q"] = own
    target = Worker(endpoint)
    assert target.carry(q=accepted) == {"q": accepted}
    assert len(seen) == 1
    if refused_value is not None:
        with refused(WrongTypeError, "q: a dependency declares the query 'q' too, and would refuse ", reason):
            target.encode(q=refused_value)


def test_a_path_parameter_that_a_dependency_constrains_is_checked_against_both() -> None:
    def positive(number: Annotated[int, Path(ge=1)]) -> int:
        return number

    def endpoint(number: int, same: Annotated[int, Depends(positive)]) -> None:
        target.received.append({"number": number, "same": same})

    target = Worker(endpoint, "/items/{number}")
    assert target.carry(number=3) == {"number": 3, "same": 3}
    with refused(WrongTypeError, "number: a dependency declares the path 'number' too, and would refuse str '0'"):
        target.encode(number=0)


class Short(BaseModel):
    name: Annotated[str, Field(max_length=2)]


def test_a_body_of_two_types_is_one_that_both_must_take() -> None:
    def short(item: Short) -> str:
        return item.name

    def endpoint(item: Item, name: Annotated[str, Depends(short)]) -> None:
        target.received.append({"item": item, "name": name})

    target = Worker(endpoint)
    assert target.carry(item=Item(name="ab")) == {"item": Item(name="ab"), "name": "ab"}
    with refused(WrongTypeError, "item: a dependency declares the body 'item' too", "name: String should have at most"):
        target.encode(item=Item(name="abc"))


def test_one_body_that_is_embedded_once_is_refused() -> None:
    def named(item: Annotated[Item, Body(embed=True)]) -> str:
        return item.name

    def endpoint(item: Item, name: Annotated[str, Depends(named)]) -> None: ...

    with refused(TypeError, "'item'", "the body 'item' is declared twice, once with embed=True and once without"):
        Worker(endpoint)
