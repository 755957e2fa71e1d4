"""Which tasks a test means: by endpoint, by arguments, by options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel

from cloudtask.functions import TaskFunction
from fastapi_gcp_tasks.encode.parameters import parameters
from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.registration import registration_of
from gcptasks.testing.clock import in_utc
from gcptasks.testing.enqueued import EnqueuedTask

NEAR = timedelta(seconds=1)
"""How far two times may lie apart that a test takes for the same: what a program calls now is a moment later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tasks a test asks for, beside the endpoint and its arguments."""

    queue: str | None = None
    """Its id, or its full name."""
    task_id: str | None = None
    schedule_time: datetime | None = None
    countdown: float | None = None
    """Seconds from when the task was created."""
    dispatch_deadline: float | timedelta | None = None
    headers: Mapping[str, str] | None = None
    """The task has these, and may have more."""

    def __post_init__(self) -> None:
        if self.schedule_time is not None:
            in_utc(self.schedule_time)
        for name in ("countdown", "dispatch_deadline"):
            if not isinstance(given := getattr(self, name), int | float | timedelta | None):
                raise TypeError(f"{name} must be a number of seconds, not {given!r}")

    def __str__(self) -> str:
        given = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return ", ".join(f"{name}={value!r}" for name, value in given if value is not None)

    def fits(self, task: EnqueuedTask) -> bool:
        """Whether the task is such a one."""
        return (
            (self.queue is None or self.queue in (task.queue, task.queue.rpartition("/")[2]))
            and self.task_id in (None, task.task_id)
            and (self.schedule_time is None or _near(task.schedule_time, in_utc(self.schedule_time)))
            and (self.countdown is None or _near(task.schedule_time, task.create_time + _span(self.countdown)))
            and (self.dispatch_deadline is None or task.dispatch_deadline == _span(self.dispatch_deadline))
            and _has_headers(task, self.headers or {})
        )


@dataclass(frozen=True, slots=True)
class Match:
    """Which tasks are meant."""

    target: object = None
    """Their endpoint, their function, or the name of either; None for any."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """They have these, and may have more."""
    wanted: Wanted = Wanted()

    def fits(self, task: EnqueuedTask) -> bool:
        """Whether this task is meant."""
        return self.fits_call(task.called, task.full_name, task.arguments) and self.wanted.fits(task)

    def fits_call(self, called: object, name: str, given: Mapping[str, Any] | None) -> bool:
        """Whether a call of that endpoint or function is meant, whose full name that is, with these arguments."""
        target = self.target
        is_it = _is_named(name, target) if isinstance(target, str) else target is None or called is target
        return is_it and _has_arguments(given or {}, self.arguments)

    def __str__(self) -> str:
        what = "a task" if self.target is None else _label(self.target)
        if self.arguments:
            what += f"({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"
        return f"{what} with {self.wanted}" if str(self.wanted) else what


def check_target(target: object, arguments: Mapping[str, Any], tasks: Callable[[], list[tuple[str, object]]]) -> None:
    """`TypeError` or `ValueError` for what can be no task, so that no test looks for it in vain.

    `tasks` gives those of the app, each with its full name. Several may have the name that a test gives.
    """
    takes = [_takes(one) for one in (_named(target, tasks()) if isinstance(target, str) else [target])]
    for name in arguments:
        if all(one is not None and name not in one for one in takes):
            known = ", ".join(dict.fromkeys(argument for one in takes for argument in one or ()))
            raise TypeError(f"{_label(target)} takes no argument {name!r}; it takes {known or 'none'}")


def _named(name: str, tasks: list[tuple[str, object]]) -> list[object]:
    """Those of that name, in full or by its end."""
    found = [task for full, task in tasks if _is_named(full, name)]
    if not found:
        known = ", ".join(sorted({full for full, _ in tasks}))
        raise ValueError(f"the app has no task {name!r}; its tasks are {known or 'none'}")
    return found


def _is_named(full: str, name: str) -> bool:
    return full == name or full.endswith(f".{name}")


def _takes(target: object) -> list[str] | None:
    """The names of its arguments; None if any may be meant."""
    if target is None:
        return None
    if isinstance(target, TaskFunction):
        return list(target.arguments.data.parameters)
    registration = registration_of(target) if callable(target) else None
    if registration is None:
        raise TypeError(
            f"{_label(target)} is no task: give an endpoint that is registered as one, a function of @client.task, or "
            "the name of either"
        )
    return sorted(one.name for one in parameters(registration.route) if one.can_be_sent())


def _label(target: object) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, TaskFunction):
        return str(target.name).rpartition(".")[2]
    return endpoint_label(target) if callable(target) else repr(target)


def _has_arguments(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in given and _fits(given[name], value) for name, value in wanted.items())


def _fits(given: Any, wanted: Any) -> bool:
    """Whether it is equal; of a model or a dataclass, whether it has these fields."""
    if isinstance(wanted, Mapping) and (isinstance(given, BaseModel) or is_dataclass(given)):
        of_fields = cast("Mapping[str, Any]", wanted)
        return all(hasattr(given, name) and _fits(getattr(given, name), value) for name, value in of_fields.items())
    return bool(given == wanted)


def _has_headers(task: EnqueuedTask, wanted: Mapping[str, str]) -> bool:
    given = {name.lower(): value for name, value in task.headers.items()}
    return all(given.get(name.lower()) == value for name, value in wanted.items())


def _near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < NEAR


def _span(seconds: float | timedelta) -> timedelta:
    return seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
