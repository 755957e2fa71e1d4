"""What asking for the result of a task raises."""


class TaskNotFound(LookupError):
    """There is no such task: nobody made it, it is another endpoint's, or its record has expired."""


class TaskFailed(Exception):
    """The task failed for good."""

    def __init__(self, error_type: str, message: str, attempts: int) -> None:
        self.error_type = error_type
        """The qualified name of the exception's class."""
        self.message = message
        self.attempts = attempts
        """How many attempts were made."""
        super().__init__(f"{error_type}: {message}" if error_type else message)


class TaskCancelled(Exception):
    """The task was cancelled. In a `def` endpoint `progress(…)` raises it when that has happened."""


class ResultMismatch(ValueError):
    """The result does not fit the type that the endpoint returns now."""

    def __init__(self, message: str, raw: bytes) -> None:
        self.raw = raw
        """The JSON that is stored."""
        super().__init__(message)


class ResultTooLarge(ValueError):
    """The result has more bytes than the store keeps of one."""


class KeyConflict(ValueError):
    """There is a task with this key, and with other arguments."""
