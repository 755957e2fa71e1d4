"""What a rule decides: what should be, and what happened."""

from gcptasks.base.events import Event
from gcptasks.base.frozen import frozen
from gcptasks.engine.model import Task


@frozen
class Decision:
    """The task as it should be from now on, and the events that this makes."""

    task: Task | None
    """None: the task is gone, and its name stays blocked for a while (CT-129)."""
    events: tuple[Event, ...] = ()
