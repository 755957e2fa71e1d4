"""`task_default_options`: options for every task of one endpoint."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.options import NO_OPTIONS, TASK_OPTIONS, TaskOptions, options_layer
from fastapi_gcp_tasks.registration import registration_of
from gcptasks.base.unset import merged

if TYPE_CHECKING:
    from fastapi_gcp_tasks.protocols import AsyncDelayOptions, TaskDefaultOptions

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULTS = "__gcp_task_defaults__"


@overload
def task_default_options(**options: Unpack["TaskDefaultOptions"]) -> Callable[[F], F]: ...
@overload
def task_default_options(**options: Unpack["AsyncDelayOptions"]) -> Callable[[F], F]: ...
def task_default_options(**options: Any) -> Callable[[F], F]:
    """Options for every task of the endpoint.

    They replace the builder's options, and the options of a call replace them. The decorator may stand above or below
    the router's decorator and the cast. Where two set the same option, the upper one counts.
    """
    layer = options_layer(TASK_OPTIONS, options)

    def decorate(endpoint: F) -> F:
        defaults = merged(defaults_of(endpoint), layer)
        if registration := registration_of(endpoint):
            registration.task.settle(defaults)
        try:
            setattr(endpoint, _DEFAULTS, defaults)
        except AttributeError:
            raise TypeError(f"{endpoint_label(endpoint)} cannot carry default options: make it a function") from None
        return endpoint

    return decorate


def defaults_of(endpoint: Callable[..., Any]) -> TaskOptions:
    """The layer that `task_default_options` put on the endpoint."""
    return getattr(endpoint, _DEFAULTS, NO_OPTIONS)
