"""What an attempt of a job sends, and how its outcome is written down."""

import json
from base64 import b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gcptasks.engine import app_engine
from gcptasks.engine.delivery import Outgoing, to_app_engine
from gcptasks.engine.job_model import Execution, Job, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, HttpRequest

PUBSUB = "https://pubsub.googleapis.com/v1/"
"""Where messages are published."""

_DEADLINE = timedelta(minutes=3)
_PUBLISH_DEADLINE = timedelta(minutes=1)
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14, 504: 4}
_UNKNOWN = 2


def outgoing(job: Job, execution: Execution, app_address: str | None = None) -> Outgoing:
    """What is sent for an attempt of that execution.

    `app_address` is where App Engine apps are; `Unreachable` if one is meant and it is None.
    """
    match job.target:
        case HttpRequest():
            return _request(job, job.target, execution)
        case AppEngineRequest() as request:
            host = app_engine.host(request.routing, job.name.location)
            deadline = job.attempt_deadline or timedelta(0)
            return to_app_engine(request, host, app_address, _own_headers(job, execution), deadline)
        case PubsubMessage():
            return _publish(job.target)


def status_code(status: int) -> int:
    """The gRPC code that stands for an attempt with that HTTP status (CS-125 to CS-128)."""
    return 0 if 200 <= status <= 299 else _CODES.get(status, _UNKNOWN)


@lru_cache(maxsize=64)
def schedule_time(when: datetime) -> str:
    """The time as Google tells workers: in Los Angeles, with its offset, whatever the job's zone (CS-158, CS-159)."""
    local = when.astimezone(ZoneInfo("America/Los_Angeles"))
    text = local.replace(microsecond=0).isoformat()
    fraction = f".{local.microsecond:06}".rstrip("0") if local.microsecond else ""
    return f"{text[:19]}{fraction}{text[19:]}"


def _request(job: Job, request: HttpRequest, execution: Execution) -> Outgoing:
    headers = [*request.headers.items()]
    if request.body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/octet-stream"))  # (CS-161)
    headers += _own_headers(job, execution)
    return Outgoing(
        method=request.method,
        url=request.url,
        headers=headers,
        body=request.body,
        deadline=job.attempt_deadline or _DEADLINE,
        token=request.token,
    )


def _own_headers(job: Job, execution: Execution) -> list[tuple[str, str]]:
    """Every attempt of an execution has the same (CS-150); the name is the short one (CS-157)."""
    return [
        ("X-CloudScheduler", "true"),
        ("X-CloudScheduler-JobName", job.name.job),
        ("X-CloudScheduler-ScheduleTime", schedule_time(execution.scheduled_at)),
    ]


def _publish(message: PubsubMessage) -> Outgoing:
    """Pub/Sub's Publish call over REST, with exactly this message (CS-174, CS-175)."""
    published: dict[str, object] = {}
    if message.data:
        published["data"] = b64encode(message.data).decode()
    if message.attributes:
        published["attributes"] = dict(message.attributes)
    return Outgoing(
        method="POST",
        url=f"{PUBSUB}{quote(message.topic)}:publish",
        headers=[("Content-Type", "application/json")],
        body=json.dumps({"messages": [published]}).encode(),
        deadline=_PUBLISH_DEADLINE,
    )
