"""A stop that comes at the very moment of a deadline."""

import asyncio
from typing import Any

import pytest

from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.target import HopReply
from still_loop import run_still
from targets.targets_workers import outgoing


@pytest.mark.parametrize("stop_first", [True, False])
def test_who_cancels_an_attempt_at_its_deadline_sees_it_cancelled(stop_first: bool) -> None:
    """The deadline cancels the app too, but that is its own affair; the other cancellation must not be swallowed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        loop, replies = asyncio.get_running_loop(), list[HopReply]()
        send = AsgiTarget(app).send(outgoing("http://app.local/", deadline=15), replies.append)
        attempt = loop.create_task(send)
        if not stop_first:
            await asyncio.sleep(0)  # its deadline is the first timer then
        loop.call_at(loop.time() + 15, attempt.cancel)
        await asyncio.wait([attempt])
        assert attempt.cancelled()
        assert [reply.status for reply in replies] == [504]

    run_still(run())
