"""What `results_router` tells of tasks, whom, and what it lets them do."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request

from fastapi_gcp_tasks import LocalService, results_router
from fastapi_gcp_tasks.result_events import PING_EVERY
from gcptasks.engine.task_records import (
    AttemptFailed,
    ErrorInfo,
    Heard,
    ProgressInfo,
    Started,
    Succeeded,
    TaskStatus,
)
from gcptasks.results.task_info import TaskInfo
from results.results_app import URL, App, started
from routes.routes_fakes import exchange

NINE = b'{"number":3,"square":9}'


@pytest.fixture
def local() -> LocalService:
    return LocalService("memory:", app_url=URL)


@pytest.fixture
def app(local: LocalService) -> App:
    return App("awaited", local)


def served(app: App, **options: Any) -> FastAPI:
    """An app that tells of these tasks."""
    api = FastAPI()
    options = {"public": True, **options}
    api.include_router(results_router(app.results, **options), prefix="/tasks")
    return api


async def ask(
    api: FastAPI, path: str, method: str = "GET", headers: dict[str, str] | None = None, **query: Any
) -> tuple[int, Any]:
    """The status, and the JSON, of what it answers."""
    query_string = urlencode(query, doseq=True).encode()
    status, _, body = await exchange(api, method, path, headers, query_string=query_string)
    return status, json.loads(body) if body else None


class Events:
    """A browser's stream of events, until it goes away."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self._gone = asyncio.Event()
        self._chunks = asyncio.Queue[str]()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.ended = not message.get("more_body", False)
            self._chunks.put_nowait(message.get("body", b"").decode())

    async def next(self) -> str:
        """What comes next."""
        return await asyncio.wait_for(self._chunks.get(), 20)

    async def event(self) -> tuple[str, Any]:
        """The id and the data of the next event."""
        id, data = (await self.next()).removesuffix("\n\n").split("\n")
        return id.removeprefix("id: "), json.loads(data.removeprefix("data: "))

    def go_away(self) -> None:
        self._gone.set()


@asynccontextmanager
async def events_of(api: FastAPI, id: str, last: str | None = None) -> AsyncGenerator[Events]:
    """The events of that task, as a browser asks for them that had this one last."""
    events = Events()
    headers = [] if last is None else [(b"last-event-id", last.encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": f"/tasks/{id}/events",
        "query_string": b"",
        "headers": headers,
    }
    serving = asyncio.create_task(api(scope, events.receive, events.send))
    try:
        yield events
    finally:
        events.go_away()
        await asyncio.wait_for(serving, 20)


async def test_it_tells_what_is_known_of_a_task(app: App) -> None:
    handle = await app.square.options(labels={"owner": "ada"}).submit(3)
    await app.happen(handle.id, started(), Heard(1, ProgressInfo(1, of=2, note="half")))
    status, told = await ask(served(app), f"/tasks/{handle.id}")
    info = await handle.info()
    assert status == 200
    assert told == {
        "id": handle.id,
        "endpoint": started().endpoint,
        "labels": {"owner": "ada"},
        "status": "running",
        "attempt": 1,
        "created_at": info.created_at.isoformat().replace("+00:00", "Z"),
        "started_at": info.started_at.isoformat().replace("+00:00", "Z"),
        "finished_at": None,
        "progress": {"done": 1, "of": 2, "note": "half"},
        "error": None,
    }


async def test_results_and_tracebacks_are_told_to_nobody_unless_asked_for(app: App) -> None:
    good, bad = [await app.square.submit(3) for _ in range(2)]
    await app.succeed(good.id, NINE)
    error = ErrorInfo("a.B", "no", "Traceback: secret")
    await app.happen(bad.id, started(), AttemptFailed(1, error, for_good=True))
    told = (await ask(served(app), f"/tasks/{good.id}"))[1]
    assert (told["status"], "result" in told) == ("succeeded", False)
    assert (await ask(served(app), f"/tasks/{bad.id}"))[1]["error"] == {"type": "a.B", "message": "no"}
    telling = served(app, include_result=True)
    assert (await ask(telling, f"/tasks/{good.id}"))[1]["result"] == json.loads(NINE)
    assert (await ask(telling, f"/tasks/{bad.id}"))[1]["result"] is None
    html = await app.anything.submit()
    await app.succeed(html.id, b"<html>", "anything")
    assert (await ask(telling, f"/tasks/{html.id}"))[1]["result"] is None


@pytest.mark.parametrize("id", ["0" * 32, "x", "%00", "0" * 31 + "A", "a" * 5000])
async def test_what_nobody_knows_is_not_found(app: App, id: str) -> None:
    api = served(app)
    for method, path in [("GET", f"/tasks/{id}"), ("GET", f"/tasks/{id}/events"), ("DELETE", f"/tasks/{id}")]:
        assert (await ask(api, path, method))[0] == 404


async def test_it_cancels(app: App) -> None:
    handle = await app.square.submit(3)
    assert await ask(served(app), f"/tasks/{handle.id}", "DELETE") == (200, {"cancelled": True})
    assert await handle.status() is TaskStatus.CANCELLED
    assert await ask(served(app), f"/tasks/{handle.id}", "DELETE") == (200, {"cancelled": False})


async def test_it_pages_through_tasks_the_newest_first(app: App) -> None:
    api = served(app)
    ids = [(await app.square.options(labels={"n": str(n % 2), "a": "b"}).submit(n)).id for n in range(7)]
    other = (await app.nothing.submit()).id
    await app.succeed(ids[0], NINE)
    seen: list[str] = []
    after: dict[str, Any] = {}
    while True:
        status, page = await ask(api, "/tasks/", limit=3, **after)
        assert status == 200
        seen += [one["id"] for one in page["tasks"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == [other, *reversed(ids)]

    async def found(**query: Any) -> list[str]:
        return [one["id"] for one in (await ask(api, "/tasks/", **query))[1]["tasks"]]

    assert await found(endpoint=started("nothing").endpoint) == [other]
    assert await found(status="succeeded") == [ids[0]]
    assert await found(label=["n=1", "a=b"]) == [ids[5], ids[3], ids[1]]
    assert await found(label="n=7") == []
    assert await found(label=["n=0", "n=1"]) == []
    assert await found(label="n=\0") == []
    assert await found(endpoint="\0") == []


@pytest.mark.parametrize(
    "query",
    [
        {"after": "x"},
        {"after": "9" * 30},
        {"after": "9" * 5000},
        {"after": "\0"},
        {"status": "lost"},
        {"limit": 0},
        {"limit": 101},
        {"label": "a"},
        {"label": [f"n={n}" for n in range(51)]},
    ],
)
async def test_a_query_that_says_nothing_is_refused(app: App, query: dict[str, Any]) -> None:
    await app.square.submit(3)
    assert (await ask(served(app), "/tasks/", **query))[0] == 422


def test_it_is_not_public_by_mistake(app: App) -> None:
    with pytest.raises(ValueError, match=r"needs dependencies= that say who may .* public=True lets everybody"):
        results_router(app.results)
    with pytest.raises(ValueError, match="needs dependencies="):
        results_router(app.results, dependencies=[])
    with pytest.raises(TypeError, match="results must be a store"):
        results_router("redis://", public=True)  # type: ignore[arg-type]  # on purpose


def signed_in(request: Request, user: str | None = Header(None)) -> None:
    if user is None:
        raise HTTPException(401)


async def test_its_dependencies_say_who_may_ask(app: App) -> None:
    api = served(app, public=False, dependencies=[Depends(signed_in)])
    handle = await app.square.submit(3)
    for method, path in PATHS:
        assert (await ask(api, path.format(handle.id), method))[0] == 401
    assert await handle.status() is TaskStatus.QUEUED
    assert (await ask(api, f"/tasks/{handle.id}", headers={"user": "ada"}))[0] == 200


PATHS = [("GET", "/tasks/{}"), ("GET", "/tasks/{}/events"), ("DELETE", "/tasks/{}"), ("GET", "/tasks/")]


def mine(request: Request, info: TaskInfo) -> bool:
    return info.labels.get("owner") == request.headers["user"]


async def mine_awaited(request: Request, info: TaskInfo) -> bool:
    await asyncio.sleep(0)
    return mine(request, info)


class MineAwaited:
    async def __call__(self, request: Request, info: TaskInfo) -> bool:
        return await mine_awaited(request, info)


@pytest.mark.parametrize("visible", [mine, mine_awaited, MineAwaited()], ids=["plain", "async", "async object"])
async def test_what_is_not_visible_is_not_there(app: App, visible: Callable[..., Any]) -> None:
    api = served(app, visible=visible)
    ids = {owner: (await app.square.options(labels={"owner": owner}).submit(3)).id for owner in ("ada", "bob")}
    ada = {"user": "ada"}
    for method, path in PATHS[:3]:
        assert (await ask(api, path.format(ids["bob"]), method, ada))[0] == 404
    assert await app.square.handle(ids["bob"]).status() is TaskStatus.QUEUED
    page = (await ask(api, "/tasks/", headers=ada))[1]
    assert [one["id"] for one in page["tasks"]] == [ids["ada"]]
    assert (await ask(api, f"/tasks/{ids['ada']}", headers=ada))[0] == 200
    assert (await ask(api, f"/tasks/{ids['ada']}", "DELETE", headers=ada))[1] == {"cancelled": True}


async def test_a_page_is_filled_with_what_is_visible(app: App) -> None:
    api = served(app, visible=mine)
    owners = ["ada", *["bob"] * 8, "ada", "bob", "ada"]
    for owner in owners:
        await app.square.options(labels={"owner": owner}).submit(3)
    first = (await ask(api, "/tasks/", headers={"user": "ada"}, limit=2))[1]
    second = (await ask(api, "/tasks/", headers={"user": "ada"}, limit=2, after=first["next"]))[1]
    assert (len(first["tasks"]), len(second["tasks"]), second["next"]) == (2, 1, None)


async def test_events_tell_each_change_until_the_end(app: App) -> None:
    handle = await app.square.submit(3)
    async with events_of(served(app), handle.id) as events:
        first = await events.event()
        assert (events.status, events.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert events.headers["cache-control"] == "no-cache"
        assert "content-length" not in events.headers
        assert (first[1]["id"], first[1]["status"]) == (handle.id, "queued")
        await app.happen(handle.id, started())
        second = await events.event()
        await app.happen(handle.id, Heard(1), Heard(1, ProgressInfo(1)))
        third = await events.event()
        await app.happen(handle.id, Succeeded(1, NINE))
        last = await events.event()
        assert [one[1]["status"] for one in (second, third, last)] == ["running", "running", "succeeded"]
        assert third[1]["progress"] == {"done": 1, "of": None, "note": None}
        assert len({one[0] for one in (first, second, third, last)}) == 4
        assert await events.next() == ""
        assert events.ended


async def test_who_comes_back_is_told_what_is_new_alone(app: App) -> None:
    api = served(app, include_result=True)
    handle = await app.square.submit(3)
    async with events_of(api, handle.id) as events:
        id, _ = await events.event()
    async with events_of(api, handle.id, last=id) as events:
        await app.happen(handle.id, started())
        id, told = await events.event()
        assert told["status"] == "running"
    await app.happen(handle.id, Succeeded(1, NINE))
    async with events_of(api, handle.id, last=id) as events:
        id, told = await events.event()
        assert (told["status"], told["result"]) == ("succeeded", json.loads(NINE))
        assert await events.next() == ""
    async with events_of(api, handle.id, last=id) as events:
        assert await events.next() == ""
        assert (events.status, events.ended) == (204, True)
    async with events_of(api, handle.id, last="of another task") as events:
        assert (await events.event())[0] == id


async def test_silence_is_broken_by_comments(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PING_EVERY == 15
    monkeypatch.setattr("fastapi_gcp_tasks.result_events.PING_EVERY", 0.01)
    handle = await app.square.submit(3)
    async with events_of(served(app), handle.id) as events:
        assert (await events.event())[1]["status"] == "queued"
        assert [await events.next() for _ in range(3)] == [": ping\n\n"] * 3


async def test_who_goes_away_leaves_nothing(app: App) -> None:
    handle = await app.square.submit(3)
    before = asyncio.all_tasks()
    async with events_of(served(app), handle.id) as events:
        await events.event()
    assert asyncio.all_tasks() == before


async def test_events_end_with_the_record_or_when_it_is_hidden(app: App) -> None:
    hidden: list[bool] = []

    def visible(request: Request, info: TaskInfo) -> bool:
        return not hidden

    api = served(app, visible=visible)
    forgotten, task = [await app.square.submit(3) for _ in range(2)]
    async with events_of(api, forgotten.id) as events:
        await events.event()
        await forgotten.forget()
        assert await events.next() == ""
    async with events_of(api, task.id) as events:
        await events.event()
        hidden.append(True)
        await app.happen(task.id, Started(started().endpoint))
        assert await events.next() == ""


def test_openapi_says_what_it_answers(app: App) -> None:
    paths = served(app).openapi()["paths"]
    schemas = served(app).openapi()["components"]["schemas"]
    answer = paths["/tasks/{id}"]["get"]["responses"]
    assert answer["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/TaskAnswer"}
    assert "404" in answer
    assert set(schemas["TaskStatus"]["enum"]) == set(TaskStatus)
    assert "result" not in schemas["TaskAnswer"]["properties"]
    assert set(paths["/tasks/{id}/events"]["get"]["responses"]) >= {"200", "204", "404"}
    assert "text/event-stream" in paths["/tasks/{id}/events"]["get"]["responses"]["200"]["content"]
    assert "TaskResultAnswer" in served(app, include_result=True).openapi()["components"]["schemas"]
    json.dumps(served(app).openapi())
