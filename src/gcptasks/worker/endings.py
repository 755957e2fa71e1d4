"""What is recorded of how an attempt ended."""

import logging
from dataclasses import dataclass

from gcptasks.engine.task_records import AttemptFailed, ErrorInfo, Succeeded
from gcptasks.results.errors import ResultTooLarge
from gcptasks.results.store import StoreSettings
from gcptasks.worker.failures import error_info

_log = logging.getLogger("gcptasks")


@dataclass(slots=True)
class Answered:
    """How an attempt was answered."""

    status: int
    result: bytes
    """The JSON of the answer."""
    error: BaseException | None
    """What the endpoint raised."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def is_usual(self, settings: StoreSettings) -> bool:
        """Whether it is a success whose result the store takes."""
        return self.ok and self.error is None and len(self.result) <= settings.max_bytes

    def ending(
        self, number: int, task_id: str | None, endpoint: str, settings: StoreSettings, *, is_last: bool
    ) -> Succeeded | AttemptFailed:
        """What it means for the record. `is_last`: whether no attempt follows one that failed."""
        error = self.error
        if not self.ok:
            failure = ErrorInfo("", f"the worker answered with {self.status}")
            if error is not None:
                failure = error_info(error, with_traceback=settings.tracebacks)
            return AttemptFailed(number, failure, is_last, task_id)
        if error is None and not self.is_usual(settings):
            error = ResultTooLarge(
                f"the result has {len(self.result)} bytes, and of one {settings.max_bytes} are kept: return less, such "
                "as where the rest is, or give the store a larger max_bytes"
            )
            _log.error("%s: %s", endpoint, error)
        if error is not None:
            # As `DoNotRetry` does: the queue is told to be done with it.
            return AttemptFailed(number, error_info(error, with_traceback=settings.tracebacks), True, task_id)
        return Succeeded(number, self.result, task_id)
