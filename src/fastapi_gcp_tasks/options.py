"""Options in layers, the builder's under the endpoint's own under the call's; and those that tasks have.

A new option is one field of its record, its check in the table below the record, one line in `protocols`, and one test.
One that the builder does not take has its default there as well. The options of jobs stand in `job_options`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from fastapi_gcp_tasks import option_checks as check
from gcptasks.base.names import parse_queue
from gcptasks.base.unset import UNSET, merged
from gcptasks.client.api import TASKS

R = TypeVar("R", bound=NamedTuple)

_UNSET: Any = UNSET
_URL_NAMES = frozenset(("callback_base_url", "base_url"))


class Kind(Generic[R]):
    """The options of one kind: of tasks, or of jobs."""

    def __init__(self, *, checks: Mapping[str, check.Check], defaults: R) -> None:
        self.checks = checks
        """Of each field."""
        self.defaults = defaults
        """Under the builder's layer: what a builder does not take."""
        self.layer: Callable[..., R] = type(defaults)
        """What nobody set is UNSET, whatever the annotation says: a layer is read once it is merged over the builder's,
        where everything is set."""


class TaskOptions(NamedTuple):
    """One layer of the options of tasks."""

    queue_path: str = _UNSET
    callback_base_url: str = _UNSET
    """Without a slash at its end."""
    task_create_timeout: float | None = _UNSET
    pre_create_hook: Callable[[Any], Any] | None = _UNSET
    client: Any = _UNSET
    countdown: float | None = _UNSET
    task_id: str | None = _UNSET


TASK_OPTIONS = Kind(
    checks={
        "queue_path": check.path(parse_queue),
        "callback_base_url": check.url,
        "task_create_timeout": check.timeout,
        "pre_create_hook": check.hook,
        "client": check.client(TASKS, "DelayedRouteBuilder"),
        "countdown": check.countdown,
        "task_id": check.task_id,
    },
    defaults=TaskOptions(countdown=None, task_id=None),
)
NO_OPTIONS = TaskOptions()


def options_layer(kind: Kind[R], given: Mapping[str, Any]) -> R:
    """The layer of these options, checked. `TypeError` for one that this kind does not have."""
    if "base_url" in given:
        given = _with_newer_name(given)
    return kind.layer(**{name: _check(kind, name)(name, value) for name, value in given.items()})


def builder_layer(kind: Kind[R], given: Mapping[str, Any]) -> R:
    """The layer under all others, of what a builder was given. A base URL must be; one that is None is not."""
    given = {name: value for name, value in given.items() if value is not None or name not in _URL_NAMES}
    if not given.keys() & _URL_NAMES:
        raise TypeError("callback_base_url is missing: the URL at which the worker serves the router")
    return merged(kind.defaults, options_layer(kind, given))


def _with_newer_name(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "callback_base_url" in given:
        raise TypeError("callback_base_url and base_url are two names of one option: give one of them")
    return {"callback_base_url" if name == "base_url" else name: value for name, value in given.items()}


def _check(kind: Kind[R], name: str) -> check.Check:
    try:
        return kind.checks[name]
    except KeyError:
        known = ", ".join([*kind.checks, "base_url"])
        raise TypeError(f"there is no option {name!r}; the options are {known}") from None
