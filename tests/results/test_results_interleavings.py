"""Two attempts at a task and two cancels of it, in any order of their calls on the store."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException
from hypothesis import given, settings
from hypothesis import strategies as st

from gcptasks.engine.task_records import Cancelled
from gcptasks.results.store import ResultStore
from results.results_worker import CANCELLED, SUCCEEDED, WAITING, Answered, Worker

_TURNS = 25
"""Of the event loop, after which everybody stands at the store, or is done."""


class SteppedStore:
    """The store, each of whose calls waits to be let in, and with its answer to be let out."""

    remote = False

    def __init__(self, store: ResultStore) -> None:
        self.settings = store.settings
        self.gates: list[asyncio.Event] = []
        self._store = store

    def blocking(self) -> Any:
        raise AssertionError("everybody awaits")

    def awaiting(self) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store.awaiting(), name)

        async def stepped(*args: Any) -> Any:
            await self._gate()
            answer = await call(*args)
            await self._gate()
            return answer

        return stepped

    async def _gate(self) -> None:
        gate = asyncio.Event()
        self.gates.append(gate)
        await gate.wait()

    async def let(self, order: Sequence[int], actors: Sequence["asyncio.Task[Any]"]) -> None:
        """Let one of those who wait go on after the other, in that order, until all are done."""
        picks = iter(order)
        while not all(actor.done() for actor in actors):
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self.gates:
                self.gates.pop(next(picks, 0) % len(self.gates)).set()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 11), max_size=24),
    st.tuples(st.booleans(), st.booleans()),
    st.integers(0, 2),
)
def test_attempts_and_cancels_agree_with_the_record(order: list[int], fails: tuple[bool, bool], cancels: int) -> None:
    asyncio.run(_race(order, fails, cancels))


async def _race(order: list[int], fails: tuple[bool, bool], cancels: int) -> None:
    worker = Worker()
    store = SteppedStore(worker.store)
    tasks = worker.router(store=store)
    ran: list[int] = []

    @tasks.post("/attempt/{number}")
    async def attempt(number: int, fails: bool) -> int:
        ran.append(number)
        await asyncio.sleep(0)
        if fails:
            raise HTTPException(500)
        return number

    worker.app.include_router(tasks)
    id = worker.record(attempt)

    def tried(number: int, fails: bool) -> "asyncio.Task[Answered]":
        return asyncio.create_task(worker.attempt(f"/attempt/{number}?fails={fails}", id))

    attempts = [tried(number, fails[number]) for number in range(2)]
    cancelling = [asyncio.create_task(store.change(id, 1, Cancelled())) for _ in range(cancels)]
    await store.let(order, [*attempts, *cancelling])
    record = worker.now(id)
    answers = [one.result() for one in attempts]
    made = [one.result().made for one in cancelling]
    assert sum(made) == (record.status is CANCELLED)
    assert record.status in (CANCELLED, SUCCEEDED, WAITING)
    assert record.status is not WAITING or cancels == 0
    if record.status is SUCCEEDED:
        assert record.result is not None
        assert (200, record.result) in answers
        assert not fails[int(record.result)]
    else:
        assert record.result is None
    for number, answer in enumerate(answers):
        # Only what failed is answered so; a success is answered as itself, or, like what did not run, with the reason.
        assert answer.status == 200 or (answer.status, fails[number], number in ran) == (500, True, True)
        if record.status is WAITING:
            assert answer.status == 500
    # Whoever is delivered afterwards finds what all were told.
    before = len(ran)
    late = tried(2, False)
    await store.let([], [late])
    assert late.result().status == 200
    assert (len(ran) > before) == (record.status is WAITING)
