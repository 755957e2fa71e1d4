"""What the caller of `.delay` and `.schedule` meets when a call or a route does not fit."""

from gcptasks.base.errors import ArgumentError, SetupError


class MissingParamError(ArgumentError, ValueError):
    """A required argument of the endpoint was not given."""


class WrongTypeError(ArgumentError, ValueError):
    """An argument would not reach the endpoint as the value that was given."""


class BadMethodError(SetupError):
    """A task needs exactly one HTTP method: give the route one."""
