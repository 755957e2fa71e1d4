"""`injected`: what FastAPI fills in has a default, so that a call may leave it out."""

from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, Response, Security
from fastapi.security import SecurityScopes

from fastapi_gcp_tasks import as_delayed_task, injected
from routes.routes_fakes import FakeClient, delayed_router, exchange


class Session:
    user = "me"


async def test_fastapi_fills_in_every_kind_and_the_call_leaves_them_out() -> None:
    client, app, seen = FakeClient(), FastAPI(), dict[str, Any]()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/task/{number}")
    async def task(
        number: int,
        session: Annotated[Session, Depends(Session)] = injected,
        secure: Annotated[Session, Security(Session)] = injected,
        request: Request = injected,
        background: BackgroundTasks = injected,
        response: Response = injected,
        scopes: SecurityScopes = injected,
        note: str = "none",
    ) -> None:
        seen.update(locals())

    app.include_router(router)
    task.delay(number=3)
    assert client.requests[0].task.http_request.url.endswith("/task/3")
    assert (await exchange(app, "POST", "/task/3"))[0] == 200
    kinds = (Session, Session, Request, BackgroundTasks, Response, SecurityScopes)
    names = ("session", "secure", "request", "background", "response", "scopes")
    assert [isinstance(seen[name], kind) for name, kind in zip(names, kinds, strict=True)] == [True] * 6
    assert (seen["number"], seen["note"]) == (3, "none")


async def test_a_direct_call_without_it_fails_where_the_value_is_used() -> None:
    router = delayed_router(FakeClient())

    @router.post("/task")
    async def task(session: Annotated[Session, Depends(Session)] = injected) -> str:
        return session.user

    assert await task(session=Session()) == "me"
    with pytest.raises(TypeError, match=r"^session is injected by FastAPI; pass it in a direct call$"):
        await task()


def test_what_fastapi_reads_from_the_request_cannot_have_it() -> None:
    router = delayed_router(FakeClient())

    async def task(number: int = injected) -> None: ...

    with pytest.raises(TypeError, match="'number' cannot be carried by a task: `injected` stands for what FastAPI"):
        router.post("/task")(task)
