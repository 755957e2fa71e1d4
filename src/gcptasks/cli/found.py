"""What is found in an application, as the application's process tells it to the command that started it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self


class TaskRow(NamedTuple):
    """One route that is a task, in words to be shown."""

    name: str
    methods: str
    url: str
    """At which the queue calls it."""
    queue: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a command says of an application."""

    tasks: tuple[TaskRow, ...]
    embedded: bool
    """Whether it carries a LocalService."""

    def as_json(self) -> dict[str, Any]:
        """The same for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` gave, after `json.loads`."""
        return cls(tuple(TaskRow(*row) for row in value["tasks"]), value["embedded"])
