"""What `.delay` and `.schedule` raise when a call or a route does not fit."""

from gcptasks.base.errors import ArgumentError, SetupError


class MissingParamError(ArgumentError, ValueError):
    """A required argument of the endpoint is missing."""


class WrongTypeError(ArgumentError, ValueError):
    """An argument has the wrong type, or would reach the endpoint as another value."""


class BadMethodError(SetupError):
    """The route of a task must have exactly one HTTP method."""


class TaskRouteError(SetupError):
    """An app does not serve a task in a way in which it can run."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        """What is wrong, a line for each fault."""
        lines = faults if len(faults) == 1 else (f"{len(faults)} faults of tasks:", *faults)
        super().__init__("\n".join(lines))
