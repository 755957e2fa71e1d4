"""The records of tasks whose worker is in this process: begun with the lease, ended with the acknowledgement."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.engine.model import HttpRequest, Reply, Task
from gcptasks.engine.task_records import RECORD_HEADER, AttemptFailed, ErrorInfo, parse_record_tag
from gcptasks.service.task_records import change_record
from gcptasks.store.leases import Leased
from gcptasks.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Workers:
    """Those of this process."""

    endpoints: Collection[str]
    """Those of which they record attempts in this database."""
    serve: Callable[[str], bool]
    """Whether a URL leads to them."""


def begin_records(tx: Tx, leased: Iterable[Leased], workers: Workers, now: datetime) -> None:
    """Give each of these attempts its record, as far as it is for these workers, and record that it begins.

    What is cancelled or done, or was begun anew, does not begin: that is for the worker to find out.
    """
    served: dict[str, Leased] = {}
    names: dict[tuple[str, int], str] = {}
    for one in leased:
        tag = _tag_of(one.task)
        # A body that is read later may never be sent, and its attempt counts for none then.
        if tag is not None and not one.unread and workers.serve(_url_of(one)):
            name = names[tag] = str(one.task.name)
            served[name] = one
    if names:
        for record in tx.records.begin(names, workers.endpoints, now):
            served[record.task_name].record = record


def end_records(tx: Tx, ended: Iterable[tuple[LeasedRecord, Reply, datetime]]) -> None:
    """Keep what the workers left in these. Of an attempt that none took, as the app refused it, the status counts."""
    succeeded: list[tuple[LeasedRecord, datetime]] = []
    for record, reply, at in ended:
        if record.result is not None:
            succeeded.append((record, at))
        elif not record.taken and not reply.ok:
            error = ErrorInfo("", reply.reason or f"the worker answered with {reply.status}")
            failed = AttemptFailed(record.number, error, for_good=False, task_id=record.task_name.rpartition("/")[2])
            change_record(tx, record.id, record.run, failed, at)
    tx.records.succeed_many(succeeded)


def _tag_of(task: Task) -> tuple[str, int] | None:
    tag = task.request.headers.get(RECORD_HEADER)
    return None if tag is None else parse_record_tag(tag)


def _url_of(leased: Leased) -> str:
    """Where the attempt leads, unless that is for its queue to say."""
    request = leased.task.request
    return request.url if isinstance(request, HttpRequest) and leased.queue.http_target is None else ""
