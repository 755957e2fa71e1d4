"""A queue's due tasks in memory, held against a database that has them all."""

from bisect import insort
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.engine.model import Queue, RateLimits
from gcptasks.runtime import lane
from gcptasks.runtime.lane import Horizon, Lane
from gcptasks.store.due import Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.times import to_us
from runtime.runtime_doubles import START
from store.store_verbs import QUEUE

FAST = RateLimits(max_dispatches_per_second=1e9, max_concurrent_dispatches=10**9)
MOST = 8
ARRIVALS = st.lists(st.integers(0, 8) | st.integers(0, 40), max_size=20)
"""Tasks that are created together: in how many seconds each is due."""
TURNS = st.lists(st.tuples(ARRIVALS, st.integers(0, 4), st.integers(1, 5)), min_size=3, max_size=25)
"""What arrives, how many seconds pass, and how many tasks there is room for."""


@pytest.fixture(autouse=True, scope="module")
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lane, "_BATCH", MOST // 2)
        patch.setattr(lane, "_MOST", MOST)
        yield


class Held:
    """A lane, and the database behind it."""

    def __init__(self) -> None:
        self.horizon = Horizon()
        self.lane = Lane(StoredQueue(1, 1, Queue(name=QUEUE, rate_limits=FAST)), self.horizon, START)
        self.horizon.move(START)
        self.stored: list[Due] = []
        self.made = 0

    def create(self, at: datetime) -> None:
        self.made += 1
        due = Due(to_us(at), self.made)
        insort(self.stored, due)
        self.lane.arrived(due)

    def turn(self, now: datetime, most: int) -> list[Due]:
        """The tasks that start now."""
        before = self.horizon.end
        self.horizon.move(now)
        if any(before.at < due.at <= self.horizon.end.at for due in self.stored):
            self.lane.fall_behind(before)
        if (window := self.lane.wants()) is not None:
            found = [due for due in self.stored if window.after < due and due.at <= window.until]
            self.lane.loaded(found[: window.most], window)
        by_number = {due.number: due for due in self.stored}
        started = [by_number[number] for number in self.lane.take(now, most)]
        for due in started:
            self.stored.remove(due)
            self.lane.ended(due.number, forced=False)
        return started


@given(TURNS)
def test_every_task_starts_once_oldest_first_and_few_are_in_memory(turns: list[tuple[list[int], int, int]]) -> None:
    held, now = Held(), START
    for arrivals, seconds, room in turns:
        for offset in arrivals:
            held.create(now + timedelta(seconds=offset))
            assert len(held.lane._due) <= MOST
        now += timedelta(seconds=seconds)
        started = held.turn(now, room)
        first = sorted(due for due in [*held.stored, *started] if due.at <= to_us(now))[: len(started)]
        assert started == first
    now += timedelta(minutes=1)
    for _ in range(held.made):
        held.turn(now, 1)
    assert not held.stored
