"""Cloud Tasks by a clock that the test moves."""

from datetime import timedelta
from typing import TypeGuard

from conformance.conformance_world import Clocked
from gcptasks.base.events import AttemptFailed, AttemptStarted, Event, TaskExpired
from gcptasks.store.tx import Tx
from service.service_world import Place


class TaskApi(Clocked):
    """Google's client of Cloud Tasks."""

    _probe: str | None = None

    def pass_time(self, seconds: float) -> None:
        self.at(self.now + timedelta(seconds=seconds))

    def set_deadlines(self, seconds: float) -> None:
        """Give workers so long for attempts that are to come; a caller can give 15 s at least."""
        self._backend._store.write_sync(_set_deadlines, seconds)

    def begun(self, queue: str, count: int, place: Place) -> list[str]:
        """The ids of the tasks of that queue whose attempts have begun, in order, once there are `count` or more.

        `place` is where nothing but this asks: a task of another queue, which comes behind all that may begin now.
        """
        if count:
            self.heard.nth(count, lambda event: _is_of(event, queue))
        if self._probe is None:
            self._probe = str(self.queue("probe", rate_limits={"max_dispatches_per_second": 500}).name)
        self.finished(self.task(self._probe, url=place.url).name)
        place.received()
        return [event.task.task for event in self.heard.events if _is_of(event, queue)]

    def expired(self) -> list[str]:
        """The tasks that went by their age so far."""
        return [str(event.task) for event in self.heard.events if isinstance(event, TaskExpired)]

    def retries(self, name: str) -> list[float]:
        """The seconds from each attempt of that task to the next, all of which fail, until it is given up."""
        gaps, count = list[float](), 1
        while (next_at := self.heard.wait(AttemptFailed, name, count).next_at) is not None:
            gaps.append((next_at - self.now).total_seconds())
            self.at(next_at)
            count += 1
        return gaps


def _is_of(event: Event, queue: str) -> TypeGuard[AttemptStarted]:
    return isinstance(event, AttemptStarted) and str(event.task.queue) == queue


def _set_deadlines(tx: Tx, seconds: float) -> None:
    tx._sql.execute("UPDATE tasks SET deadline_us = ?", (int(seconds * 1_000_000),))
