"""What workers catch and answer themselves, for whoever wants to see it: a test."""

from contextvars import ContextVar

raised: ContextVar[list[BaseException] | None] = ContextVar("raised", default=None)
"""A list that gets what is caught in this context; None if nobody wants to know."""


def note_raised(error: BaseException) -> None:
    """The task that runs now has raised this."""
    kept = raised.get()
    if kept is not None:
        kept.append(error)
