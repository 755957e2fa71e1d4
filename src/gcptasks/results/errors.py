"""What asking for the result of a task raises.

Each names the module that users import it from: tracebacks show that name, and so do the records of tasks.
"""


class TaskNotFound(LookupError):
    """There is no such task: nobody made it, it is another endpoint's, or its record has expired."""

    __module__ = "fastapi_gcp_tasks.results"


class TaskFailed(Exception):
    """The task failed for good."""

    __module__ = "fastapi_gcp_tasks.results"

    def __init__(self, error_type: str, message: str, attempts: int) -> None:
        self.error_type = error_type
        """The qualified name of the exception's class."""
        self.message = message
        self.attempts = attempts
        """How many attempts were made."""
        super().__init__(error_type, message, attempts)  # all of them, so that it can be pickled

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}" if self.error_type else self.message


class TaskCancelled(Exception):
    """The task was cancelled. In a `def` endpoint `progress(…)` raises it when that has happened."""

    __module__ = "fastapi_gcp_tasks.results"


class ResultMismatch(ValueError):
    """The result does not fit the type that the endpoint returns now."""

    __module__ = "fastapi_gcp_tasks.results"

    def __init__(self, message: str, raw: bytes) -> None:
        self.raw = raw
        """The JSON that is stored."""
        super().__init__(message, raw)  # both, so that it can be pickled

    def __str__(self) -> str:
        return str(self.args[0])


class ResultTooLarge(ValueError):
    """The result has more bytes than the store keeps of one."""

    __module__ = "fastapi_gcp_tasks.results"


class KeyConflict(ValueError):
    """There is a task with this key, and with other arguments."""

    __module__ = "fastapi_gcp_tasks.results"
