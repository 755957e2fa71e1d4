"""Creating a task that is recorded: first its record, then the task, so that no attempt comes before its record.

Where a call says nothing of a key, the task counts more than its record: a store that is down is passed over. With a
key the record comes first, as it alone knows whether there is such a task.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gcptasks.client.call_flows import CallsFlow
from gcptasks.client.handle_flows import Store
from gcptasks.engine.task_records import Confirmed, Restarted, TaskRecord, record_tag
from gcptasks.results.errors import KeyConflict
from gcptasks.results.guarded import AsyncQuietStore, QuietStore
from gcptasks.results.store import Change, NewRecord

QuietCalls = QuietStore | AsyncQuietStore


def new_id() -> str:
    """The id of a new record."""
    return secrets.token_hex(16)


def id_of_key(endpoint: str, key: str) -> str:
    """The id of the record of the endpoint's task with that key."""
    return hashlib.sha256(f"{endpoint}\0{key}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request for a task, and the record that the task is to have."""

    request: Any
    record: NewRecord
    named_here: bool
    """Whether the task has the name that was made for it, and nobody else's: that it exists is success then."""


MakeRequest = Callable[[str, str], tuple[Any, str]]
"""Makes the request for a task, of its full name and the tag of its record; and the name that it has in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTasks:
    """What the recorded tasks of one endpoint have in common, under one set of options."""

    endpoint: str
    names: str
    """What the full names of tasks in their queue begin with."""
    task_id: str | None
    """Its caller's own."""
    labels: Mapping[str, str]
    rerun: bool
    """Whether one with a key starts anew, once it is done."""

    def new(self, make: MakeRequest) -> RecordedRequest:
        """A task, with a record of its own."""
        id = new_id()
        made = f"{self.names}{self.task_id or id}"
        request, name = make(made, record_tag(id, 1))
        record = NewRecord(id=id, endpoint=self.endpoint, task_name=name, labels=self.labels)
        return RecordedRequest(request, record, named_here=self.task_id is None and name == made)

    def submit_once(
        self,
        key: str,
        make: MakeRequest,
        arguments: Callable[[], bytes],
        store: Store,
        quiet: QuietCalls,
        send: Callable[[Any], Any],
    ) -> CallsFlow[tuple[str, str]]:
        """The id and the name of the task with that key, a new one unless there is one. `arguments` is their digest."""
        id = id_of_key(self.endpoint, key)

        def request_of(name: str, run: int) -> Any:
            request, own = make(name, record_tag(id, run))
            if own != name:
                raise ValueError(f"the key names the task, so pre_create_hook cannot name it {own!r}")
            return request

        # A name of its own: that of an earlier task with this key, whose record is gone, may still be taken.
        record = NewRecord(
            id=id,
            endpoint=self.endpoint,
            task_name=f"{self.names}{id}-{secrets.token_hex(8)}",
            labels=self.labels,
            arguments=arguments(),
            confirmed=False,
        )
        new = RecordedRequest(request_of(record.task_name, 1), record, named_here=True)
        found = yield from create_once(store, quiet, new, request_of, send, rerun=self.rerun)
        return found.id, found.task_name


def create_recorded(quiet: QuietStore, new: RecordedRequest, send: Callable[[Any], Any]) -> Any:
    """The task that the service answers with."""
    # Its id is new; and so the record and the task may be written together.
    quiet.add_many((new.record,))
    try:
        return send(new.request)
    except Exception as error:
        if new.named_here and exists(error):
            return new.request.task
        if refused(error):
            quiet.remove(new.record.id)
        raise


async def async_create_recorded(
    quiet: AsyncQuietStore, new: RecordedRequest, send: Callable[[Any], Awaitable[Any]]
) -> Any:
    """The same, awaited. No flow, as it is what every task comes through."""
    await quiet.add_many((new.record,))
    try:
        return await send(new.request)
    except Exception as error:
        if new.named_here and exists(error):
            return new.request.task
        if refused(error):
            await quiet.remove(new.record.id)
        raise


def create_once(
    store: Store,
    quiet: QuietCalls,
    new: RecordedRequest,
    request_of: Callable[[str, int], Any],
    send: Callable[[Any], Any],
    *,
    rerun: bool,
) -> CallsFlow[TaskRecord]:
    """The record of the task with that key, which is created unless it was before.

    `request_of` makes the request for a task of that name, in that run of the record.
    """
    record = yield from _claimed(store, new.record, rerun)
    if record.confirmed or record.status.final:
        return record
    made_here = record.task_name == new.record.task_name
    request = new.request if made_here and record.run == 1 else request_of(record.task_name, record.run)
    try:
        yield lambda: send(request)
    except Exception as error:
        # The call that made the record may have created the task, and died. The name is no other task's.
        if not exists(error):
            # A refusal of this call says nothing of what another one has created.
            if made_here and refused(error):
                yield from _withdraw(quiet, record)
            raise
    # Should that fail, the first attempt confirms it, or the next call with this key.
    change: Change | None = yield lambda: quiet.change(record.id, record.run, Confirmed())
    if change is None and record.run == 1:
        # The call that made the record was refused meanwhile, and has removed it.
        there = replace(new.record, task_name=record.task_name, labels=record.labels, confirmed=True)
        yield lambda: quiet.add(there)
    return record


def _claimed(store: Store, new: NewRecord, rerun: bool) -> CallsFlow[TaskRecord]:
    """The record under that key; `KeyConflict` if it is of another task."""
    record: TaskRecord = yield lambda: store.add(new)
    if rerun and record.status.final:
        restarted = Restarted(new.task_name, new.arguments, new.labels)
        change: Change | None = yield lambda: store.change(record.id, record.run, restarted)
        if change is None:  # it has expired meanwhile
            return (yield from _claimed(store, new, rerun))
        record = change.record
    if record.arguments != new.arguments:
        raise KeyConflict(
            f"{new.endpoint} has a task with this key already, with other arguments: {record.id}. "
            "Give them another key, or rerun=True once that one is done"
        )
    return record


def _withdraw(quiet: QuietCalls, record: TaskRecord) -> CallsFlow[None]:
    """Remove the record of a task that was not accepted, unless another call has created it."""
    now: TaskRecord | None = yield lambda: quiet.get(record.id)
    if now is not None and now.run == record.run and not now.confirmed:
        yield lambda: quiet.remove(record.id)


def exists(error: Exception) -> bool:
    """Whether there is a task of that name, or was."""
    from google.api_core.exceptions import AlreadyExists

    return isinstance(error, AlreadyExists)


def refused(error: Exception) -> bool:
    """Whether there is no such task for sure: what went wrong on the way, or in the service, tells nothing."""
    from google.api_core.exceptions import Cancelled, ClientError
    from google.auth.exceptions import GoogleAuthError

    if isinstance(error, Cancelled):
        return False
    # TypeError and ValueError: the request, or the client, was none.
    return isinstance(error, ClientError | GoogleAuthError | TypeError | ValueError)
