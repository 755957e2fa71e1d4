"""What a task says itself of how far it has come."""

import math
from decimal import Decimal
from numbers import Real
from typing import Any, ClassVar, NamedTuple

from gcptasks.engine.task_records import ProgressInfo
from gcptasks.worker.failures import shortened
from gcptasks.worker.recording import Recording


class CurrentTask(NamedTuple):
    """The task that runs, and which attempt at it."""

    id: str
    attempt: int


class Reporter:
    """Reports the progress of a recorded attempt; without one it does nothing."""

    awaited_progress: ClassVar[bool]
    """Whether it is for `async def`."""

    def __init__(self, recording: Recording | None) -> None:
        self._recording = recording
        self._reports = None if recording is None else recording.reports()

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the task. It is known a second or two later."""
        return self._recording is not None and self._recording.cancelled

    @property
    def task(self) -> CurrentTask | None:
        """The id of the task's record and the number of the attempt; None where nothing is recorded."""
        recording = self._recording
        if recording is None or not recording.runs:
            return None
        return CurrentTask(recording.attempt.id, recording.attempt.number)

    def _report(self, done: float, of: float | None, note: str | None) -> None:
        progress = ProgressInfo(
            _number("done", done),
            None if of is None else _number("of", of),
            None if note is None else _text(note),
        )
        if self._reports is not None and self._recording is not None and self._recording.runs:
            self._reports.report(progress)


def _number(name: str, given: Any) -> float:
    """The number, as int or float; those of other libraries count too."""
    if isinstance(given, bool) or not isinstance(given, Real | Decimal):
        raise TypeError(f"{name} of progress must be a number, not {given!r}")
    try:
        number = float(given)
    except (ValueError, OverflowError):  # a signaling NaN, an int that no float can be
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} of progress must be a finite number that a float can be, not {given!r:.80}")
    return int(given) if isinstance(given, int) else number


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(f"note of progress must be a text, not {given!r}")
    return shortened(given)
