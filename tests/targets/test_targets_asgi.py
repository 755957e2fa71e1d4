"""What becomes of an attempt straight into an app."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.target import HopReply
from targets.targets_workers import answer_of, outgoing

URL = "http://app.local"


def post(path: str, body: bytes = b"", deadline: float = 600) -> Any:
    return outgoing(URL + path, body=body, deadline=deadline)


@pytest.mark.parametrize("status", [200, 204, 299, 404, 429, 500, 503])
async def test_the_status_of_the_answer_is_the_outcome(status: int) -> None:
    """CT-176, CT-177."""
    app = FastAPI()

    @app.post("/task")
    def task() -> Response:
        return Response(status_code=status, headers={"Retry-After": "7"})

    answer = await answer_of(AsgiTarget(app), post("/task"))
    assert answer.status == status
    assert answer.retry_after == (timedelta(seconds=7) if status >= 300 else None)


async def test_the_body_arrives_once_and_then_the_client_waits() -> None:
    app = FastAPI()
    seen: list[object] = []

    @app.post("/task")
    async def task(request: Request) -> None:
        seen.append(await request.body())
        seen.append(await request.is_disconnected())

    await answer_of(AsgiTarget(app), post("/task", body=b"\x00\xff"))
    assert seen == [b"\x00\xff", False]


async def test_what_the_lifespan_yielded_is_in_the_state_of_each_request() -> None:
    app = FastAPI()
    seen: list[object] = []

    @app.post("/task")
    async def task(request: Request) -> None:
        seen.append(request.state.db)
        request.state.db = "changed by a request"

    state = {"db": "pool"}
    target = AsgiTarget(app, state)
    await answer_of(target, post("/task"))
    state["db"] = "another pool"
    await answer_of(target, post("/task"))
    assert seen == ["pool", "another pool"]
    assert state == {"db": "another pool"}


class TestWhatRaises:
    async def test_an_exception_is_a_500_with_a_reason_and_one_traceback(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = FastAPI()

        @app.post("/task")
        async def task() -> None:
            raise ZeroDivisionError("by zero")

        answer = await answer_of(AsgiTarget(app), post("/task"))
        assert (answer.status, answer.reason) == (500, "ZeroDivisionError: by zero")
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("gcptasks", logging.ERROR)
        assert record.getMessage() == "exception in the app on POST /task"
        assert record.exc_info is not None

    @pytest.mark.parametrize("answered", [[], [{"type": "http.response.start", "status": 200, "headers": []}]])
    async def test_an_app_that_raises_before_its_answer_is_whole(self, answered: list[dict[str, Any]]) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in answered:
                await send(message)
            raise ValueError("half-way")

        answer = await answer_of(AsgiTarget(app), post("/"))
        assert (answer.status, answer.reason) == (500, "ValueError: half-way")

    @pytest.mark.parametrize("answered", [[], [{"type": "http.response.start", "status": 200, "headers": []}]])
    async def test_an_app_that_returns_before_its_answer_is_whole(
        self, answered: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in answered:
                await send(message)

        answer = await answer_of(AsgiTarget(app), post("/x"))
        assert (answer.status, answer.reason) == (500, "the app ended without a whole answer")
        assert [record.getMessage() for record in caplog.records] == ["no whole answer from the app on POST /x"]

    async def test_an_endpoint_that_exits_ends_only_itself(self) -> None:
        app = FastAPI()

        @app.post("/task")
        async def task() -> None:
            sys.exit(3)

        answer = await answer_of(AsgiTarget(app), post("/task"))
        assert (answer.status, answer.reason) == (500, "SystemExit: 3")

    @pytest.mark.parametrize(
        "messages",
        [
            [{"type": "http.response.body"}],
            [{"type": "http.response.start", "status": 200}] * 2,
            [{"type": "websocket.accept"}],
        ],
    )
    async def test_messages_out_of_order_are_refused_as_uvicorn_does(self, messages: list[dict[str, Any]]) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)

        answer = await answer_of(AsgiTarget(app), post("/"))
        assert answer.status == 500
        assert answer.reason.startswith("RuntimeError: Expected ASGI message")

    async def test_a_message_after_the_whole_answer_does_not_undo_it(self, caplog: pytest.LogCaptureFixture) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            await send({"type": "http.response.body"})

        answer = await answer_of(AsgiTarget(app), post("/"))
        assert (answer.status, answer.reason) == (200, "")
        assert len(caplog.records) == 1

    @pytest.mark.parametrize(
        ("status", "headers", "reason"),
        [
            (10**30, [], f"RuntimeError: {10**30} is no HTTP status."),
            (0, [], "RuntimeError: 0 is no HTTP status."),
            (503, None, "TypeError: 'NoneType' object is not iterable"),
            (503, [(b"retry-after", "7")], "AttributeError: 'str' object has no attribute 'decode'"),
            (307, (1 / 0 for _ in "x"), "ZeroDivisionError: division by zero"),
        ],
    )
    async def test_an_answer_that_cannot_be_read_is_refused_as_uvicorn_does(
        self, status: int, headers: Any, reason: str
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body"})

        answer = await asyncio.wait_for(answer_of(AsgiTarget(app), post("/", deadline=0.1)), 5)
        assert (answer.status, answer.reason) == (500, reason)

    @pytest.mark.parametrize("url", ["http://app.local/%zz", "http://app.local:x/"])
    async def test_a_url_that_leads_nowhere(self, url: str) -> None:
        """It was accepted when the task was made (CT-095)."""
        answer = await answer_of(AsgiTarget(FastAPI()), outgoing(url))
        assert answer.status == 0
        assert answer.reason


class TestDeadline:
    """The endpoint is cancelled (CT-179), and the status is 504 (CT-312)."""

    async def test_an_endpoint_that_hangs_is_cancelled(self, caplog: pytest.LogCaptureFixture) -> None:
        app = FastAPI()
        cancelled = asyncio.Event()

        @app.post("/task")
        async def task() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        target = AsgiTarget(app)
        answer = await answer_of(target, post("/task", deadline=0.05))
        assert (answer.status, answer.reason) == (504, "no answer within 0.05 s")
        await cancelled.wait()
        await target.close()
        assert caplog.records == []

    async def test_an_answer_without_end_is_cancelled(self) -> None:
        """Although the app never waits for anything."""
        app = FastAPI()

        @app.post("/task")
        async def task() -> StreamingResponse:
            async def endless() -> AsyncIterator[bytes]:
                while True:
                    yield b"more"

            return StreamingResponse(endless())

        target = AsgiTarget(app)
        assert (await answer_of(target, post("/task", deadline=0.05))).status == 504
        await target.close()

    async def test_an_app_that_answers_to_being_cancelled_is_too_late(self, caplog: pytest.LogCaptureFixture) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body"})
                seen.append(await receive())
                seen.append(await receive())

        seen: list[dict[str, Any]] = []
        target = AsgiTarget(app)
        answer = await answer_of(target, post("/", deadline=0.05))
        await target.close()
        assert answer.status == 504
        assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
        assert caplog.records == []

    async def test_cancelling_the_attempt_cancels_the_app(self) -> None:
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        attempt = asyncio.create_task(answer_of(AsgiTarget(app), post("/")))
        await begun.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await cancelled.wait()


class TestAfterTheAnswer:
    def app(self, go: asyncio.Event, seen: list[str]) -> FastAPI:
        app = FastAPI()

        async def later() -> None:
            try:
                await go.wait()
                seen.append("done")
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        @app.post("/task")
        async def task(background: BackgroundTasks) -> None:
            background.add_task(later)

        return app

    async def test_background_tasks_do_not_delay_it_and_are_waited_for(self) -> None:
        go, seen = asyncio.Event(), list[str]()
        answers: asyncio.Queue[HopReply] = asyncio.Queue()
        sending = asyncio.create_task(AsgiTarget(self.app(go, seen)).send(post("/task"), answers.put_nowait))
        assert (await answers.get()).status == 200
        assert seen == []
        assert not sending.done()
        go.set()
        await sending
        assert seen == ["done"]
        assert answers.empty()

    async def test_background_tasks_end_with_the_attempt(self) -> None:
        go, seen = asyncio.Event(), list[str]()
        answers: asyncio.Queue[HopReply] = asyncio.Queue()
        sending = asyncio.create_task(AsgiTarget(self.app(go, seen)).send(post("/task"), answers.put_nowait))
        assert (await answers.get()).status == 200
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert seen == ["cancelled"]
        assert answers.empty()

    async def test_the_deadline_is_for_the_answer_alone(self) -> None:
        go, seen = asyncio.Event(), list[str]()
        asyncio.get_running_loop().call_later(0.2, go.set)
        assert (await answer_of(AsgiTarget(self.app(go, seen)), post("/task", deadline=0.1))).status == 200
        assert seen == ["done"]

    async def test_one_that_fails_does_not_undo_it(self, caplog: pytest.LogCaptureFixture) -> None:
        app = FastAPI()

        @app.post("/task")
        async def task(background: BackgroundTasks) -> None:
            def fail() -> None:
                raise ValueError("too late")

            background.add_task(fail)

        target = AsgiTarget(app)
        answer = await answer_of(target, post("/task"))
        await target.close()
        assert (answer.status, answer.reason) == (200, "")
        assert [record.name for record in caplog.records] == ["gcptasks"]

    async def test_who_listens_hears_that_the_client_has_its_answer(self) -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            listening = asyncio.Event()

            async def listen() -> None:
                await receive()
                listening.set()
                seen.append((await receive())["type"])

            listener = asyncio.create_task(listen())
            await listening.wait()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            await listener

        target = AsgiTarget(app)
        assert (await answer_of(target, post("/"))).status == 200
        await target.close()
        assert seen == ["http.disconnect"]


async def test_middleware_that_wraps_the_app_sees_the_attempt() -> None:
    """Starlette's own kind, which asks `receive` a second time and streams the answer through."""
    app = FastAPI()

    @app.middleware("http")
    async def tag(request: Request, following: Any) -> Response:
        response: Response = await following(request)
        response.status_code = 202
        return response

    @app.post("/task")
    async def task(request: Request) -> int:
        return len(await request.body())

    answer = await answer_of(AsgiTarget(app), post("/task", body=b"x" * 100_000))
    assert answer.status == 202
