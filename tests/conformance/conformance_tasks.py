"""Cloud Tasks by a clock that the test moves."""

from datetime import timedelta
from typing import TypeGuard

from conformance.conformance_world import Clocked
from gcptasks.base.events import AttemptFailed, AttemptStarted, Event
from gcptasks.store.tx import Tx
from service.service_world import Place


class TaskApi(Clocked):
    """Google's client of Cloud Tasks."""

    _probe: str | None = None

    def pass_time(self, seconds: float) -> None:
        self.at(self.now + timedelta(seconds=seconds))

    def shorten_deadlines(self) -> None:
        """Give workers a tenth of a second for the tasks that are there; a caller can give 15 s at least (CT-097)."""
        self._backend._store.write_sync(_shorten_deadlines)

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


def _shorten_deadlines(tx: Tx) -> None:
    tx._sql.execute("UPDATE tasks SET deadline_us = 100000")
