"""What FastAPI resolves for a task, and that nothing of it can be given by a caller."""

import asyncio
import contextvars
import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    WebSocket,
)
from fastapi.security import APIKeyHeader, SecurityScopes
from pydantic import BaseModel, TypeAdapter
from starlette.requests import HTTPConnection
from starlette.types import Message
from typing_extensions import TypeAliasType

from cloudtask import CloudTaskClient, DoNotRetry, RetryLater, injected
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders, max_retries
from functions.functions_shop import SECRET, make_app, make_client, message, post


@pytest.fixture
def client() -> CloudTaskClient:
    return make_client()


@pytest.fixture
def ran() -> list[Any]:
    return []


async def run(client: CloudTaskClient, name: str, *args: Any, headers: dict[str, str] = SECRET, **kwargs: Any) -> int:
    return (await post(make_app(client), message(name, *args, **kwargs), headers)).status


async def test_dependencies_are_cached_within_a_task_and_made_anew_for_the_next(
    client: CloudTaskClient, ran: list[Any]
) -> None:
    def number() -> object:
        made = object()
        ran.append(made)
        return made

    def double(one: Annotated[object, Depends(number)]) -> tuple[object, object]:
        return one, one

    @client.task(name="work")
    def work(
        one: Annotated[object, Depends(number)] = injected,
        both: Annotated[tuple[object, object], Depends(double)] = injected,
        other: Annotated[object, Depends(number, use_cache=False)] = injected,
    ) -> None:
        assert both == (one, one)
        assert other is not one

    assert await run(client, "work") == 200
    assert len(ran) == 2
    assert await run(client, "work") == 200
    assert len(set(ran)) == 4


async def test_everything_that_fastapi_injects_is_injected(client: CloudTaskClient, ran: list[Any]) -> None:
    key = APIKeyHeader(name="x-key")

    def who(scopes: SecurityScopes, given: Annotated[str, Depends(key)]) -> tuple[str, str]:
        return scopes.scope_str, given

    @client.task(name="work")
    async def work(
        request: Request,
        /,
        number: int,
        user: Annotated[tuple[str, str], Security(who, scopes=["mail", "sms"])] = injected,
        background: BackgroundTasks = injected,
        response: Response = injected,
        scopes: SecurityScopes = injected,
        *,
        attempt: Annotated[CloudTasksHeaders, Depends()] = injected,
    ) -> None:
        assert isinstance(response, Response)
        assert scopes.scopes == []
        background.add_task(ran.append, "afterwards")
        ran.append((number, user, request.url.path, attempt.retry_count, await request.json()))

    body: dict[str, Any] = {"path": "work", "args": [], "kwargs": {"number": 3}}
    headers = {**SECRET, "x-key": "mine", "X-CloudTasks-TaskRetryCount": "2"}
    assert await run(client, "work", headers=headers, number=3) == 200
    assert ran == [(3, ("mail sms", "mine"), "/tasks/run", 2, body), "afterwards"]
    assert await run(client, "work", number=3) in (401, 403)


async def test_generators_are_closed_in_order_before_the_answer(client: CloudTaskClient, ran: list[Any]) -> None:
    def outer() -> Iterator[str]:
        yield "outer"
        ran.append("outer closed")

    async def inner(outer: Annotated[str, Depends(outer)]) -> AsyncIterator[str]:
        yield f"inner of {outer}"
        ran.append("inner closed")

    @client.task(name="work")
    def work(given: Annotated[str, Depends(inner)] = injected) -> None:
        ran.append(given)

    app = make_app(client)

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        async def noting(sent: Message) -> None:
            ran.append(sent["type"])
            await send(sent)

        await app(scope, receive, noting)

    assert (await post(answering, message("work"))).status == 200
    assert ran == ["inner of outer", "inner closed", "outer closed", "http.response.start", "http.response.body"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_error_reaches_generators_before_it_is_the_answer(
    client: CloudTaskClient, ran: list[Any], is_async: bool
) -> None:
    async def session() -> AsyncIterator[str]:
        try:
            yield "session"
        except LookupError as error:
            ran.append(f"rolled back for {error}")
            raise
        else:
            ran.append("committed")

    def work(session: Annotated[str, Depends(session)] = injected) -> None:
        raise LookupError("this")

    async def work_async(session: Annotated[str, Depends(session)] = injected) -> None:
        raise LookupError("this")

    client.task(name="work")(work_async if is_async else work)
    assert await run(client, "work") == 500
    assert ran == ["rolled back for this"]


async def test_a_commit_that_fails_fails_the_task(client: CloudTaskClient, caplog: pytest.LogCaptureFixture) -> None:
    def session() -> Iterator[None]:
        yield
        raise OSError("the database is gone")

    @client.task(name="work")
    def work(session: Annotated[None, Depends(session)] = injected) -> None: ...

    assert await run(client, "work") == 500
    assert "the database is gone" in caplog.text


async def test_a_background_task_that_fails_fails_the_task(client: CloudTaskClient) -> None:
    def fail() -> None:
        raise OSError

    @client.task(name="work")
    def work(background: BackgroundTasks = injected) -> None:
        background.add_task(fail)

    assert await run(client, "work") == 500


@pytest.mark.parametrize("raised_by", ["dependency", "function"])
@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (HTTPException(409, "in use", {"x-why": "lock"}), 409, "in use"),
        (RetryLater(30), 503, "to be tried again later"),
        (DoNotRetry("gone"), 200, None),
        (ValueError("internal"), 500, "the task failed"),
    ],
)
async def test_what_is_raised_makes_the_answer_whatever_handlers_the_app_has(
    client: CloudTaskClient, raised_by: str, error: Exception, status: int, detail: str | None
) -> None:
    def needed() -> None:
        if raised_by == "dependency":
            raise error

    @client.task(name="work")
    def work(needed: Annotated[None, Depends(needed)] = injected) -> None:
        raise error

    app = make_app(client)

    def all_is_well(request: Request, error: Exception) -> Response:
        return Response(f"{error}", 200)

    for kind in (ValueError, HTTPException, RetryLater, Exception):
        app.add_exception_handler(kind, all_is_well)
    said = await post(app, message("work"))
    assert said.status == status
    assert said.body == b"" if detail is None else said.detail == detail
    assert said.headers.get("x-why") == ("lock" if status == 409 else None)
    assert said.headers.get("retry-after") == ("30" if status == 503 else None)


async def test_a_dependency_that_lacks_something_is_refused_without_what_was_sent(client: CloudTaskClient) -> None:
    def page(number: Annotated[int, Query(ge=1)], x_token: Annotated[str, Header()]) -> int:
        return number

    @client.task(name="work")
    def work(page: Annotated[int, Depends(page)] = injected) -> None: ...

    app = make_app(client)
    said = await post(app, message("work"), path="/tasks/run?number=0")
    assert said.status == 422
    assert said.detail.startswith("query.number: Input should be greater than or equal to 1; header.x-token: ")
    assert (await post(app, message("work"), {**SECRET, "x-token": "t"}, "/tasks/run?number=3")).status == 200


async def test_max_retries_gives_a_task_up(client: CloudTaskClient, ran: list[Any]) -> None:
    @client.task(name="work")
    def work(limit: Annotated[None, Depends(max_retries(3))] = injected) -> None:
        ran.append("ran")

    assert await run(client, "work", headers={**SECRET, "X-CloudTasks-TaskRetryCount": "2"}) == 200
    assert await run(client, "work", headers={**SECRET, "X-CloudTasks-TaskRetryCount": "3"}) == 200
    assert ran == ["ran"]


@pytest.mark.parametrize("takes_more", [False, True])
async def test_a_caller_never_overrides_what_is_injected(
    client: CloudTaskClient, ran: list[Any], takes_more: bool
) -> None:
    def work(session: Annotated[str, Depends(lambda: "real")] = injected) -> None:
        ran.append(session)

    def work_with_more(session: Annotated[str, Depends(lambda: "real")] = injected, **more: str) -> None:
        ran.append(session)

    declared: Any = client.task(name="work")(work_with_more if takes_more else work)
    said = await post(make_app(client), message("work", session="forged"))
    assert (said.status, ran) == (422, [])
    assert said.detail == "work() takes no 'session': FastAPI injects it on the worker"
    with pytest.raises(TypeError, match=r"^work\(\) takes no 'session': FastAPI injects it on the worker$"):
        declared(session="forged")
    with pytest.raises(TypeError, match=r"^work\(\) cannot be called so: too many positional arguments; FastAPI inj"):
        declared("forged")


async def test_two_apps_override_the_dependencies_of_one_router_each_for_itself(
    client: CloudTaskClient, ran: list[Any]
) -> None:
    def name() -> str:
        return "real"

    def other(name: str) -> Callable[[], str]:
        return lambda: name

    @client.task(name="work")
    async def work(name: Annotated[str, Depends(name)] = injected) -> None:
        await asyncio.sleep(0)
        ran.append(name)

    router = CloudTaskRouter(client)
    apps = [FastAPI() for _ in range(3)]
    for number, app in enumerate(apps):
        app.include_router(router, prefix="/tasks")
        if number:
            app.dependency_overrides[name] = other(f"override {number}")
    said = await asyncio.gather(*(post(app, message("work")) for app in apps for _ in range(3)))
    assert [one.status for one in said] == [200] * 9
    assert sorted(ran) == ["override 1"] * 3 + ["override 2"] * 3 + ["real"] * 3


async def test_both_paths_are_served_and_none_shows_in_the_schema(client: CloudTaskClient) -> None:
    client.task(name="work")(_nothing)
    app = make_app(client)
    assert [(await post(app, message("work"), path=path)).status for path in ("/tasks/run", "/tasks")] == [200, 200]
    assert app.openapi()["paths"] == {}


async def test_a_router_without_a_check_runs_what_its_platform_lets_through(ran: list[Any]) -> None:
    client = make_client(secret="")

    @client.task(name="work")
    def work(number: int) -> None:
        ran.append(number)

    assert (await post(make_app(client, verify=False), message("work", 3), {})).status == 200
    assert ran == [3]
    # A secret is asked for all the same.
    app = make_app(make_client(), verify=False)
    assert (await post(app, message("nothing"), {})).status == 403


async def test_a_prefix_may_be_the_routers_own(client: CloudTaskClient) -> None:
    client.task(name="work")(_nothing)
    app = FastAPI()
    app.include_router(CloudTaskRouter(client, prefix="/own", tags=["tasks"]), prefix="/tasks")
    for path in ("/tasks/own/run", "/tasks/own"):
        assert (await post(app, message("work"), path=path)).status == 200


async def test_what_a_function_takes_is_found_out_once(
    client: CloudTaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def signature(function: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(function)
        return real(function, *args, **kwargs)

    def schema(adapter: TypeAdapter[Any], *args: Any, **kwargs: Any) -> None:
        asked.append(adapter)
        made(adapter, *args, **kwargs)

    def session() -> str:
        return "made"

    @client.task(name="work")
    def work(number: int, session: Annotated[str, Depends(session)] = injected) -> None: ...

    app = make_app(client)
    real: Any = inspect.signature
    adapter: Any = TypeAdapter
    made: Any = adapter.__init__
    assert await run_in(app, "work", 1) == 200
    monkeypatch.setattr(inspect, "signature", signature)
    monkeypatch.setattr(TypeAdapter, "__init__", schema)
    for number in range(3):
        assert work(number).body
        assert await run_in(app, "work", number) == 200
    assert asked == []
    client.task(name="other")(_nothing)
    assert asked  # so a plan that was made anew would be seen


async def run_in(app: FastAPI, name: str, *args: Any) -> int:
    return (await post(app, message(name, *args))).status


async def test_options_of_the_router_and_its_verification_apply(client: CloudTaskClient, ran: list[Any]) -> None:
    def verify(request: Request) -> None:
        ran.append("verified")
        if "x-friend" not in request.headers:
            raise HTTPException(401)

    client.task(name="work")(_nothing)
    app = make_app(client, verify=verify, dependencies=[Depends(lambda: ran.append("dependency"))])
    assert (await post(app, message("work"))).status == 401
    assert (await post(app, message("work"), {"x-friend": "1"})).status == 403
    ran.clear()
    assert (await post(app, message("work"), {**SECRET, "x-friend": "1"})).status == 200
    assert ran == ["verified", "dependency"]


@pytest.mark.parametrize("name", ["self", "args", "kwargs", "values", "cloudtask_asked", "request_", "function"])
async def test_a_parameter_may_have_any_name(client: CloudTaskClient, ran: list[Any], name: str) -> None:
    scope: dict[str, Any] = {"ran": ran, "Annotated": Annotated, "Depends": Depends, "injected": injected}
    exec(f"def data({name}: int) -> None: ran.append({name})", scope)
    exec(f"def made({name}: Annotated[int, Depends(lambda: 5)] = injected) -> None: ran.append({name})", scope)
    declared = client.task(name="data")(scope["data"])
    client.task(name="made")(scope["made"])
    assert (await post(make_app(client), declared(**{name: 4}).body)).status == 200
    assert await run(client, "made") == 200
    assert ran == [4, 5]


async def test_a_task_sees_what_a_middleware_has_set(client: CloudTaskClient, ran: list[Any]) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")

    @client.task(name="work")
    def work(request: Request = injected) -> None:
        ran.append((tenant.get(), request.state.mark))

    app = make_app(client)

    @app.middleware("http")
    async def mark(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        tenant.set("acme")
        request.state.mark = "marked"
        return await go_on(request)

    assert (await post(app, message("work"))).status == 200
    assert ran == [("acme", "marked")]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def work(x: Annotated[str, Header()]): ...", "the parameter 'x' would be read from the request"),
        ("def work(x: int = Query(1)): ...", "the parameter 'x' would be read from the request"),
        ("def work(x: WebSocket): ...", "the parameter 'x' is a WebSocket, and no task has one"),
        ("def work(x: int = injected): ...", "the parameter 'x' has the default injected, and nothing says"),
        ("def work(*x: Annotated[int, Depends(int)]): ...", "FastAPI cannot inject"),
        ("def work(x: 'Missing'): ...", "its annotations cannot be read: name 'Missing' is not defined"),
    ],
)
def test_a_parameter_that_is_neither_data_nor_injected_is_refused(
    client: CloudTaskClient, source: str, text: str
) -> None:
    scope: dict[str, Any] = {
        "Annotated": Annotated,
        "Depends": Depends,
        "Header": Header,
        "Query": Query,
        "WebSocket": WebSocket,
        "injected": injected,
    }
    exec(source, scope)
    with pytest.raises(TypeError, match=f"^work: {text}"):
        client.task(name="work")(scope["work"])


@pytest.mark.parametrize("alias_of", [TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType)])
async def test_what_a_type_alias_injects_no_caller_overrides(
    client: CloudTaskClient, ran: list[Any], alias_of: Any
) -> None:
    alias = alias_of("alias", alias_of("inner", Annotated[int, Depends(lambda: 5)]))

    def work(number: int = injected) -> None:
        ran.append(number)

    work.__annotations__["number"] = alias
    client.task(name="work")(work)
    assert await run(client, "work") == 200
    assert await run(client, "work", number=6) == 422
    assert ran == [5]


async def test_an_http_connection_is_injected(client: CloudTaskClient, ran: list[Any]) -> None:
    @client.task(name="work")
    def work(connection: HTTPConnection = injected) -> None:
        ran.append(connection.url.path)

    assert await run(client, "work") == 200
    assert ran == ["/tasks/run"]


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_an_answer_that_can_have_no_body_has_none(client: CloudTaskClient, status: int) -> None:
    @client.task(name="work")
    def work() -> None:
        raise HTTPException(status, headers={"x-why": "known"})

    said = await post(make_app(client), message("work"))
    assert (said.status, said.body, said.headers["x-why"]) == (status, b"", "known")
    assert "content-type" not in said.headers


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(400, ["\ud800"]),  # in a list, as the log shows it escaped
        HTTPException(400, {"raw": b"\xff"}),
        HTTPException(400, headers={"x-why": "é€"}),
        HTTPException(400, headers={"x-why": "a\r\nx-other: b"}),
        HTTPException(400, headers={"x why": "a"}),
        HTTPException(400, headers={"x-why": 3}),  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]  # as a user may
    ],
)
async def test_an_answer_that_no_response_can_be_is_a_failure(
    client: CloudTaskClient, error: HTTPException, caplog: pytest.LogCaptureFixture
) -> None:
    @client.task(name="work")
    def work() -> None:
        raise error

    said = await post(make_app(client), message("work"))
    assert (said.status, said.detail) == (500, "the task failed")
    assert "work failed" in caplog.text


async def test_a_dependency_that_swallows_the_error_has_not_made_it_well(
    client: CloudTaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def session() -> Iterator[None]:
        try:
            yield
        except Exception:
            pass

    @client.task(name="work")
    def work(session: Annotated[None, Depends(session)] = injected) -> None:
        raise LookupError("this")

    assert await run(client, "work") == 500
    assert "work failed" in caplog.text


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
async def test_what_is_no_exception_reaches_dependencies_and_ends_the_attempt_alone(
    client: CloudTaskClient, ran: list[Any], kind: type[BaseException]
) -> None:
    def session() -> Iterator[None]:
        try:
            yield
        except BaseException:
            ran.append("rolled back")
            raise

    @client.task(name="work")
    def work(session: Annotated[None, Depends(session)] = injected) -> None:
        raise kind

    assert await run(client, "work") == 500
    assert ran == ["rolled back"]


async def test_a_request_that_ends_before_its_body_runs_nothing(client: CloudTaskClient, ran: list[Any]) -> None:
    @client.task(name="work")
    def work() -> None:
        ran.append(1)

    app = make_app(client)

    async def cut_off(scope: Any, receive: Any, send: Any) -> None:
        parts: list[Any] = [
            {"type": "http.request", "body": message("work"), "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive_parts() -> Any:
            return parts.pop(0)

        await app(scope, receive_parts, send)

    said = await post(cut_off, b"")
    assert (said.status, said.detail, ran) == (400, "the request has ended before its body", [])


async def test_a_body_may_come_in_parts(client: CloudTaskClient, ran: list[Any]) -> None:
    @client.task(name="work")
    async def work(text: str, request: Request = injected) -> None:
        ran.append((text, (await request.json())["args"]))

    app = make_app(client)
    body = message("work", "é" * 10)

    async def in_parts(scope: Any, receive: Any, send: Any) -> None:
        left = [body[at : at + 1] for at in range(len(body))]

        async def receive_parts() -> Any:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        await app(scope, receive_parts, send)

    assert (await post(in_parts, b"")).status == 200
    assert ran == [("é" * 10, ["é" * 10])]


async def test_more_functions_than_threads_block_one_after_another(client: CloudTaskClient, ran: list[Any]) -> None:
    @client.task(name="work")
    def work(number: int, made: Annotated[int, Depends(lambda: 1)] = injected) -> None:
        ran.append(number)

    app = make_app(client)
    said = await asyncio.gather(*(post(app, message("work", number)) for number in range(200)))
    assert {one.status for one in said} == {200}
    assert sorted(ran) == list(range(200))


def test_what_it_returns_need_not_be_known_at_run_time(client: CloudTaskClient) -> None:
    scope: dict[str, Any] = {"__name__": "somewhere"}
    exec("from __future__ import annotations\ndef work(x: int) -> Unknown: ...", scope)
    assert client.task()(scope["work"])(1).body == b'{"path":"somewhere.work","args":[],"kwargs":{"x":1}}'


async def test_a_router_compiles_the_functions_that_are_declared_later_too(
    client: CloudTaskClient, ran: list[Any]
) -> None:
    app = make_app(client)

    @client.task(name="work")
    def work(name: Annotated[str, Depends(lambda: "made")] = injected) -> None:
        ran.append(name)

    assert (await post(app, message("work"))).status == 200
    assert ran == ["made"]


async def test_a_function_with_injected_parameters_needs_the_router(
    client: CloudTaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    @client.task(name="work")
    def work(request: Request = injected) -> None: ...

    assert (await client.execute(message("work"), SECRET)).status == 500
    assert client.sync_execute(message("work"), SECRET).status == 500
    assert "work() needs request, which FastAPI injects. Serve it with cloudtask.fastapi.CloudTaskRouter" in caplog.text


def test_a_model_of_the_users_may_be_named_like_one_of_fastapis(client: CloudTaskClient) -> None:
    class Users:
        class Response(BaseModel):
            text: str

    @client.task(name="work")
    def work(response: Users.Response) -> None: ...

    assert b'"response":{"text":"a"}' in work(Users.Response(text="a")).body


def _nothing() -> None: ...
