"""What is found in an application, as the application's process tells it to the command that started it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self


class TaskRow(NamedTuple):
    """One route, or function, that is a task, in words to be shown."""

    name: str
    methods: str
    url: str
    """At which the queue calls it."""
    queue: str
    """Empty for a scheduled route."""
    location: str
    """Where the jobs of a scheduled route are; empty for one whose endpoint is enqueued."""
    url_checked: bool
    """Whether its URL leads into the application, where its endpoint has to answer."""
    faults: tuple[str, ...]
    """Why it cannot run as the application serves it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What is shown of it in a line."""
        return self.name, self.methods, self.url, self.queue or self.location


@dataclass(frozen=True, slots=True)
class Found:
    """What a command says of an application."""

    tasks: tuple[TaskRow, ...]
    embedded: bool
    """Whether it carries a LocalService."""
    functions: tuple[TaskRow, ...]
    """Those of `cloudtask` that it serves."""
    idle_workers: tuple[str, ...]
    """Where it serves the functions of a client that has none."""

    @property
    def all_tasks(self) -> tuple[TaskRow, ...]:
        """Routes and functions."""
        return self.tasks + self.functions

    @property
    def faults(self) -> list[str]:
        """What is wrong with its tasks."""
        return [fault for task in self.all_tasks for fault in task.faults]

    def as_json(self) -> dict[str, Any]:
        """The same for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` gave, after `json.loads`."""
        return cls(_rows(value["tasks"]), value["embedded"], _rows(value["functions"]), tuple(value["idle_workers"]))


def _rows(values: Iterable[Iterable[Any]]) -> tuple[TaskRow, ...]:
    rows = (TaskRow(*row) for row in values)
    return tuple(row._replace(faults=tuple(row.faults)) for row in rows)
