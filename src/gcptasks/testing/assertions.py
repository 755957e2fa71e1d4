"""What a test asserts about the tasks that wait."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gcptasks.testing.called import CallFinder
from gcptasks.testing.enqueued import EnqueuedTask, described
from gcptasks.testing.matching import Match, Wanted, check_target


class Assertions:
    """Which tasks wait: asked for by endpoint, by function, or by the name of either."""

    def __init__(self, finder: CallFinder, waiting: Callable[[], list[Any]], wanted: Wanted | None = None) -> None:
        self._finder = finder
        self._waiting = waiting
        self._wanted = wanted or Wanted()

    def enqueued(self, target: object = None, /, **arguments: Any) -> list[EnqueuedTask]:
        """The tasks that wait, the earliest first: those of an endpoint or function, with these arguments.

        They may have more arguments. Of an argument that is a model, a dict gives the fields that it has.
        """
        match = self._match(target, arguments)
        return [task for task in self._all() if match.fits(task)]

    def assert_enqueued(self, target: object = None, /, **arguments: Any) -> EnqueuedTask:
        """The first such task; `AssertionError`, which lists what waits instead, if there is none."""
        __tracebackhide__ = True
        match = self._match(target, arguments)
        waiting = self._all()
        for task in waiting:
            if match.fits(task):
                return task
        raise AssertionError(f"{match} is not enqueued. {_listed(waiting)}")

    def refute_enqueued(self, target: object = None, /, **arguments: Any) -> None:
        """`AssertionError`, which lists them, if such tasks wait."""
        __tracebackhide__ = True
        match = self._match(target, arguments)
        found = [task for task in self._all() if match.fits(task)]
        if found:
            raise AssertionError(f"{match} is enqueued. {_listed(found)}")

    def _all(self) -> list[EnqueuedTask]:
        return described(self._finder, self._waiting())

    def _match(self, target: object, arguments: Mapping[str, Any]) -> Match:
        check_target(target, arguments, self._finder.tasks)
        self._finder.know(target)
        return Match(target, arguments, self._wanted)

    def where(
        self,
        *,
        queue: str | None = None,
        task_id: str | None = None,
        schedule_time: datetime | None = None,
        countdown: float | None = None,
        dispatch_deadline: float | timedelta | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Assertions":
        """The same assertions, of tasks with these options alone.

        `queue`: its id, or its full name. `schedule_time`: when it is due, to the second. `countdown`: how many seconds
        after it was created. `headers`: it has these, and may have more.
        """
        wanted = Wanted(
            queue=queue,
            task_id=task_id,
            schedule_time=schedule_time,
            countdown=countdown,
            dispatch_deadline=dispatch_deadline,
            headers=headers,
        )
        return Assertions(self._finder, self._waiting, wanted)


def _listed(tasks: list[EnqueuedTask]) -> str:
    return "\n".join(["These wait:", *(f"  {task}" for task in tasks)]) if tasks else "No task waits."
