"""What a rule decides: what should be, and what happened."""

from dataclasses import dataclass

from gcptasks.base.events import Event
from gcptasks.engine.model import Task


@dataclass(frozen=True, slots=True)
class Decision:
    """The task as it should be from now on, and the events that this makes."""

    task: Task | None
    """None: the task is gone, and its name stays blocked for a while (CT-129)."""
    events: tuple[Event, ...] = ()
