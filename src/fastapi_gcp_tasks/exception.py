"""What `.delay` and `.schedule` raise when a call or a route does not fit."""

from gcptasks.base.errors import MissingParamError as MissingParamError
from gcptasks.base.errors import SetupError
from gcptasks.base.errors import WrongTypeError as WrongTypeError


class BadMethodError(SetupError):
    """The route of a task must have exactly one HTTP method."""


class TaskRouteError(SetupError):
    """An app does not serve a task in a way in which it can run."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        """What is wrong, a line for each fault."""
        super().__init__()
        self.args = faults  # for pickle, which makes the error anew of them

    def __str__(self) -> str:
        faults = self.faults
        return "\n".join(faults if len(faults) == 1 else (f"{len(faults)} faults of tasks:", *faults))
