"""Options in layers, the builder's under the endpoint's own under the call's; and those that tasks have.

A new option is one field of its record, its check in the table below the record, one line in `protocols`, and one test.
One that the builder does not take has its default there as well. The options of jobs stand in `job_options`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from fastapi_gcp_tasks import option_checks as check
from gcptasks.base.names import parse_queue
from gcptasks.base.unset import UNSET, merged
from gcptasks.client.api import TASKS

R = TypeVar("R", bound=NamedTuple)

_UNSET: Any = UNSET
_URL_NAMES = frozenset(("callback_base_url", "base_url"))


class Kind(Generic[R]):
    """The options of one kind: of tasks, or of jobs."""

    def __init__(self, *, checks: Mapping[str, check.Check], defaults: R, alternatives: tuple[str, ...] = ()) -> None:
        self.checks = checks
        """Of each field."""
        self.alternatives = alternatives
        """Those of which only one can be set: it replaces the others of the layers below."""
        self.defaults = defaults
        """Under the builder's layer: what a builder does not take."""
        self.layer: Callable[..., R] = type(defaults)
        """What nobody set is UNSET, whatever the annotation says: a layer is read once it is merged over the builder's,
        where everything is set."""


class EndpointOptions(Protocol):
    """What options of every kind have."""

    @property
    def callback_base_url(self) -> check.BaseUrl: ...

    @property
    def client(self) -> Any: ...

    @property
    def parent(self) -> str: ...


class TaskOptions(NamedTuple):
    """One layer of the options of tasks."""

    queue_path: str = _UNSET
    callback_base_url: check.BaseUrl = _UNSET
    """Without a slash at its end, or what returns one."""
    task_create_timeout: float | None = _UNSET
    pre_create_hook: Callable[[Any], Any] | None = _UNSET
    client: Any = _UNSET
    countdown: float | None = _UNSET
    task_id: str | None = _UNSET
    schedule_time: datetime | None = _UNSET
    """In UTC."""
    dispatch_deadline: timedelta | None = _UNSET
    headers: Mapping[str, str] = _UNSET
    """By their names in lower case."""
    dependency_arguments: Mapping[str, Any] = _UNSET
    labels: Mapping[str, str] = _UNSET
    key: str | None = _UNSET
    rerun: bool = _UNSET

    @property
    def parent(self) -> str:
        """Where its tasks are."""
        return self.queue_path


TASK_OPTIONS = Kind(
    checks={
        "queue_path": check.path(parse_queue),
        "callback_base_url": check.url,
        "task_create_timeout": check.timeout,
        "pre_create_hook": check.hook,
        "client": check.client(TASKS, "DelayedRouteBuilder"),
        "countdown": check.countdown,
        "task_id": check.task_id,
        "schedule_time": check.schedule_time,
        "dispatch_deadline": check.dispatch_deadline,
        "headers": check.headers,
        "dependency_arguments": check.arguments,
        "labels": check.labels,
        "key": check.key,
        "rerun": check.flag,
    },
    defaults=TaskOptions(
        countdown=None,
        task_id=None,
        schedule_time=None,
        dispatch_deadline=None,
        headers={},
        dependency_arguments={},
        labels={},
        key=None,
        rerun=False,
    ),
    alternatives=("countdown", "schedule_time"),
)
NO_OPTIONS = TaskOptions()


def options_layer(kind: Kind[R], given: Mapping[str, Any]) -> R:
    """The layer of these options, checked. `TypeError` for one that this kind does not have."""
    if "base_url" in given:
        given = _with_newer_name(given)
    if kind.alternatives:
        given = _with_one_alternative(kind.alternatives, given)
    return kind.layer(**{name: _check(kind, name)(name, value) for name, value in given.items()})


def builder_layer(kind: Kind[R], given: Mapping[str, Any]) -> R:
    """The layer under all others, of what a builder was given. A base URL must be; one that is None is not."""
    given = {name: value for name, value in given.items() if value is not None or name not in _URL_NAMES}
    if not given.keys() & _URL_NAMES:
        raise TypeError(
            "callback_base_url is missing, or None: the URL at which the worker serves the router; "
            "base_url is its older name"
        )
    return merged(kind.defaults, options_layer(kind, given))


def url_of(options: EndpointOptions) -> str:
    """The base URL, asked for if it is to be asked for; `TypeError` or `ValueError` if it is none."""
    return check.url_now("callback_base_url", options.callback_base_url)


def check_together(options: TaskOptions, verb: str, *, recorded: bool) -> None:
    """`TypeError` for options that go together with neither each other nor what is called."""
    submits = verb.endswith(".submit")
    if options.labels and not recorded:
        raise TypeError(f"{verb}: labels are kept in the record of a task, so the builder must have results=")
    if not submits and (options.key is not None or options.rerun):
        raise TypeError(f"{verb}: key and rerun are options of .submit, which returns the handle of the one task")
    if options.rerun and options.key is None:
        raise TypeError(f"{verb}: rerun starts the task of a key anew: give it the key as well")
    if options.key is not None and options.task_id is not None:
        raise TypeError(f"{verb}: a key names the task, so it can have no task_id")


def _with_newer_name(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "callback_base_url" in given:
        raise TypeError("callback_base_url and base_url are two names of one option: give one of them")
    return {"callback_base_url" if name == "base_url" else name: value for name, value in given.items()}


def _with_one_alternative(alternatives: tuple[str, ...], given: Mapping[str, Any]) -> Mapping[str, Any]:
    chosen = [name for name in alternatives if given.get(name) is not None]
    if len(chosen) > 1:
        raise TypeError(f"{' and '.join(chosen)} say the same in two ways: give one of them")
    return {**dict.fromkeys(alternatives), **given} if chosen else given


def _check(kind: Kind[R], name: str) -> check.Check:
    try:
        return kind.checks[name]
    except KeyError:
        known = ", ".join([*kind.checks, "base_url"])
        raise TypeError(f"there is no option {name!r}; the options are {known}") from None
