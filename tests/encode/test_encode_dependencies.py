"""What dependencies declare: defaults, or a keyword at the call; the endpoint's own names win."""

from typing import Annotated

import pytest
from fastapi import Body, Depends, Header, Query
from pydantic import BaseModel

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


@pytest.mark.parametrize("other", [int, Annotated[str, Query(max_length=3)]], ids=["type", "constraint"])
def test_one_key_of_two_types_is_refused(other: type) -> None:
    def dependency(q: object) -> None: ...

    dependency.__annotations__["q"] = other

    def endpoint(q: str, other: Annotated[None, Depends(dependency)]) -> None: ...

    with refused(TypeError, "'q'", "the query 'q' is declared twice, with different types"):
        Worker(endpoint)
