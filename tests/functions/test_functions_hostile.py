"""Whatever a request brings: an answer, of a known kind, that tells nothing of the worker's own."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastapi import Depends, FastAPI
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from cloudtask import CloudTaskClient, injected
from functions.functions_shop import make_app, make_client, message, post

SECRET = "sesame-4711"
INTERNAL = "internal-0815"
NAMES = ("work", "fail", "fail_later", "resolve")

# What stands in a traceback, in a path, and in what no caller may know.
UNTOLD = (SECRET, INTERNAL, "Traceback", 'File "', "site-packages", ".py", str(Path(__file__).parent))


class Order(BaseModel):
    number: int
    kind: Literal["a", "b"] = "a"
    more: dict[str, list[float]] = {}


@pytest.fixture(scope="module")
def client() -> CloudTaskClient:
    client = make_client(secret=SECRET)

    def session() -> Iterator[str]:
        yield INTERNAL
        raise OSError(INTERNAL)

    @client.task(name="work")
    def work(order: Order, /, *numbers: int, note: str = "", **more: Any) -> None: ...

    @client.task(name="fail")
    def fail(order: Any = None) -> None:
        raise RuntimeError(f"{INTERNAL} {SECRET}")

    @client.task(name="fail_later")
    async def fail_later(order: Any = None) -> None:
        raise SystemExit(INTERNAL)

    @client.task(name="resolve")
    def resolve(order: Any = None, session: Annotated[str, Depends(session)] = injected) -> None: ...

    return client


@pytest.fixture(scope="module")
def app(client: CloudTaskClient) -> FastAPI:
    return make_app(client)


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """The log has the tracebacks, thousands of them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


texts = st.text(max_size=8) | st.sampled_from(["order", "note", "self", "session", "__class__", "number", "__file__"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
orders = st.fixed_dictionaries({"number": st.integers() | json_values}, optional={"kind": texts, "more": json_values})
messages = st.fixed_dictionaries(
    {"path": st.sampled_from(NAMES) | texts},
    optional={
        "args": st.lists(orders | json_values, max_size=3) | json_values,
        "kwargs": st.dictionaries(texts, json_values, max_size=3) | json_values,
        "more": json_values,
    },
)


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message of which a part is missing or another."""
    body = draw(messages.map(as_bytes))
    start, end = sorted(draw(st.tuples(st.integers(0, len(body)), st.integers(0, len(body)))))
    return body[:start] + draw(st.binary(max_size=4)) + body[end:]


bodies = messages.map(as_bytes) | json_values.map(as_bytes) | damaged() | st.binary(max_size=40)
secrets = st.sampled_from([SECRET, SECRET, SECRET.upper(), "", SECRET + "x"]) | texts
some_headers = st.dictionaries(
    st.sampled_from(["x-pyct-secret", "X-PYCT-Secret", "x-other", "content-type", "content-encoding", "host"]), secrets
)


@settings(max_examples=150, deadline=None)
@given(body=bodies, headers=some_headers)
@example(body=message("fail"), headers={"x-pyct-secret": SECRET})
@example(body=message("fail_later"), headers={"x-pyct-secret": SECRET})
@example(body=message("resolve"), headers={"x-pyct-secret": SECRET})
@example(body=message("work"), headers={})
def test_every_request_gets_an_answer_that_tells_nothing(
    client: CloudTaskClient, app: FastAPI, body: bytes, headers: dict[str, str]
) -> None:
    knows = next((value for name, value in headers.items() if name.lower() == "x-pyct-secret"), None) == SECRET
    on_the_wire = {name: value.encode(errors="surrogatepass").decode("latin-1") for name, value in headers.items()}
    untold = [text for text in UNTOLD if text.encode() not in body]  # what the caller knows, it may hear
    for answer in (
        client.sync_execute(body, headers),
        asyncio.run(client.execute(body, list(headers.items()))),
        asyncio.run(post(app, body, on_the_wire)),
    ):
        assert answer.status in ((200, 404, 422, 500) if knows else (403,))
        assert not [text for text in untold if text in answer.body.decode()]
        assert not [text for text in untold if text in repr(dict(answer.headers))]
        if answer.status == 200:
            assert answer.body == b""
        else:
            assert list(json.loads(answer.body)) == ["detail"]
        if not knows:
            assert answer.body == b'{"detail":"not permitted"}'
