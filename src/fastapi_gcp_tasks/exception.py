"""What `.delay` and `.schedule` raise when a call or a route does not fit."""

from gcptasks.base.errors import ArgumentError, SetupError


class MissingParamError(ArgumentError, ValueError):
    """A required argument of the endpoint is missing."""


class WrongTypeError(ArgumentError, ValueError):
    """An argument has the wrong type, or would reach the endpoint as another value."""


class BadMethodError(SetupError):
    """The route of a task must have exactly one HTTP method."""
