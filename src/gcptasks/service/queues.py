"""The verbs on queues."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gcptasks.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from gcptasks.base.events import QueueChange, QueueChanged
from gcptasks.base.names import QueueName
from gcptasks.engine import queues
from gcptasks.engine.model import GivenQueues, NewQueue, Queue
from gcptasks.engine.tasks import NAME_BLOCK
from gcptasks.service.policy import Policy
from gcptasks.store.queues import StoredQueue
from gcptasks.store.tx import Tx
from gcptasks.wire import paging
from gcptasks.wire.cloud_tasks.queues import ListQueues, UpdateQueue, changed

NO_QUEUE = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
_LARGEST_PAGE = 9800
_LOOKED_AT = 1000
"""Queues among which a page by a filter is found, so that none holds an event loop for long.

So it may be short, or empty before the last, as the client reference says of Google's."""


@dataclass(frozen=True, slots=True)
class QueuePage:
    queues: list[Queue]
    next_token: str


def existing(tx: Tx, name: QueueName) -> StoredQueue:
    """The queue; `NotFound`, with Google's text for a queue that is not there (CT-051), if there is none."""
    stored = tx.queues.find(name)
    if stored is None:
        raise NotFound(NO_QUEUE)
    return stored


def is_blocked(tx: Tx, name: QueueName, now: datetime, policy: Policy) -> bool:
    """Whether no queue may have that name, since one had it a short time ago (CT-032)."""
    return not policy.reuse_names and tx.queues.blocked(name, now)


def create_queue(tx: Tx, request: NewQueue, now: datetime, policy: Policy) -> Queue:
    queue = queues.create(request, policy.quotas)
    if tx.queues.find(queue.name) is not None:
        raise AlreadyExists("Queue already exists")
    return _inserted(tx, queue, now, policy)


def get_queue(tx: Tx, request: QueueName, now: datetime, policy: Policy) -> Queue:
    return existing(tx, request).queue


def list_queues(tx: Tx, request: ListQueues, now: datetime, policy: Policy) -> QueuePage:
    scope = _scope(request)
    if request.page_size < 0:
        raise InvalidArgument("ListQueuesRequest.pageSize cannot be negative.")
    after = str(paging.cursor_of(request.page_token, "queues", scope, now)) if request.page_token else ""
    limit = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
    if request.matches is None:
        found = tx.queues.page(request.parent, after, limit)
        last = found[-1].name if found else None
    else:
        found, last = _filtered(tx.queues.page(request.parent, after, _LOOKED_AT), request.matches, limit)
    # A page with anything on it has a token, the last one too (CT-054).
    return QueuePage(found, "" if last is None else paging.token("queues", scope, str(last), now))


def _scope(request: ListQueues) -> str:
    """What a page token is of: the list of a location by a filter (CT-055)."""
    return f"{request.parent} {sha256(request.filter.encode()).hexdigest()}" if request.matches else str(request.parent)


def _filtered(
    queues: list[Queue], matches: Callable[[Queue], bool], limit: int
) -> tuple[list[Queue], QueueName | None]:
    """Up to `limit` of these queues, and the name of the last that was looked at; None if the list is at its end."""
    found: list[Queue] = []
    for queue in queues:
        if matches(queue):
            found.append(queue)
            if len(found) == limit:
                return found, queue.name
    return found, queues[-1].name if found or len(queues) == _LOOKED_AT else None


def update_queue(tx: Tx, request: UpdateQueue, now: datetime, policy: Policy) -> Queue:
    stored = tx.queues.find(request.name)
    before = queues.defaults(request.name) if stored is None else stored.queue
    queue = queues.update(before, changed(before, request), request.http_target, policy.quotas)
    if stored is None:  # then the call makes it (CT-060)
        return _inserted(tx, queue, now, policy)
    return queue if queue == before else _saved(tx, queue, QueueChange.UPDATED, now)


def have_queues(tx: Tx, request: GivenQueues, now: datetime, policy: Policy) -> None:
    """Have these queues, all of them or none; others stay as they are."""
    for name in request.names:
        if tx.queues.find(name) is None:
            _inserted(tx, queues.defaults(name), now, policy)
    for new in request.imported:
        stored = tx.queues.find(new.name)
        queue = queues.imported(None if stored is None else stored.queue, new)
        if stored is None:
            _inserted(tx, queue, now, policy)
        elif queue != stored.queue:
            _saved(tx, queue, QueueChange.UPDATED, now)


def beside_imported(tx: Tx, request: GivenQueues, limit: int) -> list[QueueName]:
    """Up to `limit` queues that stand in the location of those that were imported, and are not given."""
    given = {*request.names, *(queue.name for queue in request.imported)}
    locations = dict.fromkeys(queue.name.location for queue in request.imported)
    found = (queue.name for location in locations for queue in tx.queues.page(location, "", len(given) + limit))
    return [name for name in found if name not in given][:limit]


def delete_queue(tx: Tx, request: QueueName, now: datetime, policy: Policy) -> None:
    stored = tx.queues.find(request)
    if stored is None:
        raise NotFound("Requested entity was not found.")
    dropped = tx.queues.delete(stored, now + queues.QUEUE_NAME_BLOCK)
    _changed(tx, request, QueueChange.DELETED, now, dropped)


def pause_queue(tx: Tx, request: QueueName, now: datetime, policy: Policy) -> Queue:
    return _saved(tx, queues.paused(existing(tx, request).queue), QueueChange.PAUSED, now)


def resume_queue(tx: Tx, request: QueueName, now: datetime, policy: Policy) -> Queue:
    return _saved(tx, queues.resumed(existing(tx, request).queue), QueueChange.RESUMED, now)


def purge_queue(tx: Tx, request: QueueName, now: datetime, policy: Policy) -> Queue:
    stored = existing(tx, request)
    queue = queues.purged(stored.queue, now)
    dropped = tx.queues.purge(stored, queue, now + NAME_BLOCK)
    _changed(tx, queue.name, QueueChange.PURGED, now, dropped)
    return queue


def _inserted(tx: Tx, queue: Queue, now: datetime, policy: Policy) -> Queue:
    if is_blocked(tx, queue.name, now, policy):
        raise FailedPrecondition("The queue cannot be created because a queue with this name existed too recently.")
    tx.queues.insert(queue)
    _changed(tx, queue.name, QueueChange.CREATED, now)
    return queue


def _saved(tx: Tx, queue: Queue, change: QueueChange, now: datetime) -> Queue:
    tx.queues.save(queue)
    _changed(tx, queue.name, change, now)
    return queue


def _changed(tx: Tx, name: QueueName, change: QueueChange, now: datetime, dropped: int = 0) -> None:
    tx.changes.queues.append(name)
    tx.happened([QueueChanged(name, change, now, dropped)])
