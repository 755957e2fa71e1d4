"""Rows of jobs and their executions, and the values that they stand for."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pydantic_core import from_json, to_json

from gcptasks.base.names import parse_job
from gcptasks.engine.job_model import Execution, Job, JobRetryConfig, JobState, JobTarget, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, AppEngineRouting, HttpRequest
from gcptasks.store.rows import token_of, token_text
from gcptasks.store.times import from_us, maybe_from_us, maybe_us, to_us

Row = tuple[Any, ...]

JOB_COLUMNS = (
    "name, description, state, schedule, time_zone, interval_us, target, retry, deadline_us, updated_at, next_at, "
    "last_attempt_at, status"
)
EXECUTION_COLUMNS = "scheduled_at, forced, attempts, first_attempt_at"

_MICROSECOND = timedelta(microseconds=1)


def job_row(job: Job) -> tuple[Row, bytes]:
    """The values of `JOB_COLUMNS`, and the body."""
    target, body = _target_row(job.target)
    row = (
        str(job.name),
        job.description,
        job.state.value,
        job.schedule,
        job.time_zone,
        _maybe_span_us(job.interval),
        target,
        None if job.retry_config is None else to_json(asdict(job.retry_config)).decode(),
        _maybe_span_us(job.attempt_deadline),
        to_us(job.updated_at),
        maybe_us(job.next_at),
        maybe_us(job.last_attempt_at),
        job.status_code,
    )
    return row, body


def job_of(row: Row, body: bytes | None, retry_at: int | None) -> Job:
    """The job of a row of `JOB_COLUMNS`, of its body, and of the time at which it is tried again."""
    name, description, state, schedule, zone, interval, target, retry, deadline, updated, next_at, last, code = row
    return Job(
        name=parse_job(name),
        target=_target_of(from_json(target), body or b""),
        schedule=schedule,
        time_zone=zone,
        description=description,
        retry_config=None if retry is None else JobRetryConfig(**from_json(retry)),
        attempt_deadline=_maybe_span(deadline),
        state=JobState(state),
        updated_at=from_us(updated),
        interval=_maybe_span(interval),
        next_at=maybe_from_us(next_at),
        retry_at=maybe_from_us(retry_at),
        last_attempt_at=maybe_from_us(last),
        status_code=code,
    )


def execution_of(row: Row) -> Execution:
    """The execution of a row of `EXECUTION_COLUMNS`."""
    scheduled, forced, attempts, first = row
    return Execution(
        scheduled_at=from_us(scheduled),
        forced=bool(forced),
        attempts=attempts,
        first_attempt_at=maybe_from_us(first),
    )


def _target_row(target: JobTarget) -> tuple[str, bytes]:
    match target:
        case HttpRequest(url=url, method=method, headers=headers, body=body, token=token):
            token_column = None if token is None else token_text(token)
            values: dict[str, object] = {"url": url, "method": method, "headers": headers, "token": token_column}
            return _target_text("http", values), body
        case AppEngineRequest(relative_uri=uri, method=method, routing=routing, headers=headers, body=body):
            values = {"relative_uri": uri, "method": method, "routing": asdict(routing), "headers": headers}
            return _target_text("app_engine", values), body
        case PubsubMessage(topic=topic, data=data, attributes=attributes):
            return _target_text("pubsub", {"topic": topic, "attributes": attributes}), data


def _target_text(kind: str, values: dict[str, object]) -> str:
    return to_json({"kind": kind, **values}).decode()


def _target_of(values: dict[str, Any], body: bytes) -> JobTarget:
    match values.pop("kind"):
        case "pubsub":
            return PubsubMessage(data=body, **values)
        case "app_engine":
            routing = AppEngineRouting(**values.pop("routing"))
            return AppEngineRequest(body=body, routing=routing, **values)
        case _:
            token = values.pop("token")
            return HttpRequest(body=body, token=None if token is None else token_of(token), **values)


def _maybe_span_us(span: timedelta | None) -> int | None:
    return None if span is None else span // _MICROSECOND


def _maybe_span(us: int | None) -> timedelta | None:
    return None if us is None else timedelta(microseconds=us)
