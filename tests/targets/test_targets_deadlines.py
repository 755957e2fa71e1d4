"""When attempts straight into an app are cut off, whatever else is under way."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gcptasks.runtime.targets.asgi import AsgiTarget
from still_loop import run_still
from targets.targets_workers import outgoing

_seconds = st.floats(min_value=0.001, max_value=30) | st.integers(1, 30).map(float)
_begun_after = st.floats(min_value=0, max_value=3)


async def hang_or_answer(scope: Any, receive: Any, send: Any) -> None:
    """An app that takes as many seconds as the body says."""
    await asyncio.sleep(float((await receive())["body"]))
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


async def ended_after(target: AsgiTarget, deadline: float, takes: float) -> tuple[int, float]:
    """The status of one attempt, and how long it took to come."""
    loop = asyncio.get_running_loop()
    began, ended = loop.time(), list[tuple[int, float]]()
    request = outgoing("http://app.local/", body=repr(takes).encode(), deadline=deadline)
    await target.send(request, lambda reply: ended.append((reply.status, loop.time() - began)))
    [(status, after)] = ended
    return status, after


@given(attempts=st.lists(st.tuples(_begun_after, _seconds, _seconds), min_size=1, max_size=12))
def test_each_attempt_has_its_own_deadline(attempts: list[tuple[float, float, float]]) -> None:
    """CT-179: it is cut off then, and neither before nor because of another one."""

    async def attempt(target: AsgiTarget, wait: float, deadline: float, takes: float) -> tuple[int, float]:
        await asyncio.sleep(wait)
        return await ended_after(target, deadline, takes)

    async def run() -> None:
        target = AsgiTarget(hang_or_answer)
        outcomes = await asyncio.gather(*(attempt(target, *one) for one in attempts))
        for (_, deadline, takes), (status, after) in zip(attempts, outcomes, strict=True):
            assert abs(after - min(deadline, takes)) < 1e-3
            if abs(deadline - takes) > 1e-3:
                assert status == (200 if takes < deadline else 504)

    run_still(run())


def test_a_target_cuts_off_on_the_next_event_loop_too() -> None:
    """What the first loop was to do at a time is gone with it, also for the same time of the next."""
    target = AsgiTarget(hang_or_answer)
    assert run_still(ended_after(target, 20, 1)) == (200, 1)
    assert run_still(ended_after(target, 20, 1000)) == (504, 20)
