"""The options that jobs have, in layers as those of tasks."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi_gcp_tasks import option_checks as check
from fastapi_gcp_tasks.options import Kind
from gcptasks.base.names import parse_location
from gcptasks.base.unset import UNSET
from gcptasks.client.api import SCHEDULER

_UNSET: Any = UNSET


class JobOptions(NamedTuple):
    """One layer of the options of jobs."""

    location_path: str = _UNSET
    callback_base_url: check.BaseUrl = _UNSET
    """Without a slash at its end, or what returns one."""
    job_create_timeout: float | None = _UNSET
    pre_create_hook: Callable[[Any], Any] | None = _UNSET
    client: Any = _UNSET
    retry_config: Any = _UNSET
    """Google's `RetryConfig`; None is the default of jobs."""
    time_zone: str = _UNSET
    force: bool = _UNSET
    """Write the job even when nothing changed."""

    @property
    def parent(self) -> str:
        """Where its jobs are."""
        return self.location_path


JOB_OPTIONS = Kind(
    checks={
        "location_path": check.path(parse_location),
        "callback_base_url": check.url,
        "job_create_timeout": check.timeout,
        "pre_create_hook": check.hook,
        "client": check.client(SCHEDULER, "ScheduledRouteBuilder"),
        "retry_config": check.retry_config,
        "time_zone": check.time_zone,
        "force": check.flag,
    },
    defaults=JobOptions(retry_config=None, time_zone="UTC", force=False),
)
