"""Whether a job is as it should be.

The service fills in what a request leaves out, spells some of it otherwise, and adds what only it knows. So both jobs
are compared as it would keep them: what was left out is what it would fill in, and its own output counts for nothing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gcptasks.engine.headers import is_dropped, mended, stored

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import Job

_OUTPUT = ("state", "status", "schedule_time", "last_attempt_time", "user_update_time")
_UTC = ("", "utc", "etc/utc")
_OCTETS = "application/octet-stream"
_APP_ENGINE_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
_IN_TIMEDELTA = 1000
"""Nanoseconds of the shortest time that the local service keeps."""
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def needs_update(current: object, wanted: "Job") -> bool:
    """Whether the service's job has to be written, so that it is as it is wanted.

    An answer that is no job, as a mock gives, is not known to be right.
    """
    from google.cloud.scheduler_v1 import Job

    if not isinstance(current, Job):
        return True
    # Only another update repairs a job in this state (CS-049).
    return current.state is Job.State.UPDATE_FAILED or as_kept(current) != as_kept(wanted)


def as_kept(job: "Job") -> Any:
    """The job as the service would keep it, without what only the service knows."""
    from google.cloud.scheduler_v1 import Job

    raw: Any = Job.pb(job)
    kept = type(raw)()
    kept.CopyFrom(raw)
    # What the service knows and the installed client does not.
    kept.DiscardUnknownFields()
    for name in _OUTPUT:
        kept.ClearField(name)
    # Another spelling of one zone (CS-023, CS-106).
    if kept.time_zone.lower() in _UTC:
        kept.time_zone = "UTC"
    _fill_retries(kept.retry_config)
    if target := kept.WhichOneof("target"):
        _FILL[target](kept)
    return kept


def _fill_retries(config: Any) -> None:
    """Google's defaults (CS-025), which stand for 0 as well (CS-141, CS-142). Left out altogether they are the same."""
    if not config.max_retry_duration.ToNanoseconds():
        config.ClearField("max_retry_duration")
    _fill(config.min_backoff_duration, 5)
    _fill(config.max_backoff_duration, 3600)
    config.max_doublings = config.max_doublings or 5


def _fill_http(job: Any) -> None:
    target = job.http_target
    _fill_request(target)
    _fill_deadline(job, 180)
    # Whichever of the two tokens it has, if any (CS-167, CS-168).
    match target.WhichOneof("authorization_header"):
        case "oidc_token":
            target.oidc_token.audience = target.oidc_token.audience or target.uri
        case "oauth_token":
            target.oauth_token.scope = target.oauth_token.scope or _CLOUD_SCOPE
        case _:
            pass


def _fill_app_engine(job: Any) -> None:
    target = job.app_engine_http_target
    # Unlike to others, a caller's own goes to App Engine, and the service appends Google's (CS-182).
    agents = [mended(value) for name, value in target.headers.items() if name.lower() == "user-agent"]
    own = "".join(agents).removesuffix(_APP_ENGINE_AGENT).strip()
    _fill_request(target)
    if own:
        target.headers["user-agent"] = own
    _fill_deadline(job, 0)
    target.relative_uri = target.relative_uri or "/"  # CS-178
    target.app_engine_routing.host = ""  # only the service knows it


def _fill_pubsub(job: Any) -> None:
    job.ClearField("attempt_deadline")  # the service shows none (CS-027)


_FILL: dict[str, Callable[[Any], None]] = {
    "http_target": _fill_http,
    "app_engine_http_target": _fill_app_engine,
    "pubsub_target": _fill_pubsub,
}


def _fill_deadline(job: Any, seconds: int) -> None:
    """What a job has that names none (CS-026, CS-184); 0 is none as well."""
    _fill(job.attempt_deadline, seconds)


def _fill(duration: Any, seconds: int) -> None:
    duration.nanos -= duration.nanos % _IN_TIMEDELTA
    if not duration.ToNanoseconds():
        duration.FromSeconds(seconds)


def _fill_request(target: Any) -> None:
    """What requests over HTTP and to App Engine have in common."""
    from google.cloud.scheduler_v1 import HttpMethod

    target.http_method = target.http_method or HttpMethod.POST.value  # CS-028
    # Names are the same in any letter case, and protobuf has them in no order. What the service sets, drops or mends
    # counts for nothing (CS-029, CS-162, CT-290, CT-291).
    headers = {name.lower(): value for name, value in sorted(stored(target.headers).items())}
    target.headers.clear()
    for name, value in headers.items():
        # The type that a body has which names none (CS-161).
        if not (is_dropped(name) or name.startswith("x-cloudscheduler") or (name, value) == ("content-type", _OCTETS)):
            target.headers[name] = value
