"""What the service does of itself, now and then."""

from datetime import datetime, timedelta

from gcptasks.base.events import TaskExpired
from gcptasks.engine.tasks import NAME_BLOCK, RETENTION
from gcptasks.service.task_records import DELETED, sweep_records, tasks_dropped
from gcptasks.store.tx import Tx

_AT_A_TIME = 100
"""So few that no event loop is held for more than some milliseconds."""
_OPERATIONS_KEPT = timedelta(days=1)
"""How long a batch can be asked for, and its id not used again: how long Google does it, nobody recorded."""
_TOO_OLD = "the task was older than 31 days"


def sweep(tx: Tx, now: datetime, certain: datetime | None) -> bool:
    """Drop some of what was too old at `certain`, a time that has come beyond doubt; whether more is left.

    That is what purges and deletions left, tasks (CT-145), name blocks that have ended, operations, and records.
    """
    # Alone, and first: they would stand in the way of those who look for the old.
    purged = tx.leftovers.drop(now, _AT_A_TIME)
    if purged is not None:
        tasks_dropped(tx, purged, DELETED, now)
        return True
    if certain is None:
        return False
    old = tx.tasks.created_before(certain - RETENTION, _AT_A_TIME)
    tagged = tx.records.tagged(list(old))
    tx.tasks.delete(list(old), now + NAME_BLOCK)
    tasks_dropped(tx, tagged, _TOO_OLD, now)
    tx.happened(TaskExpired(name, now) for name in old.values())
    unblocked = tx.tasks.unblock(certain, _AT_A_TIME)
    unblocked += tx.queues.unblock(certain, _AT_A_TIME - unblocked)
    dropped = tx.operations.drop_before(certain - _OPERATIONS_KEPT, _AT_A_TIME)
    forgotten = sweep_records(tx, certain, _AT_A_TIME, now)
    return _AT_A_TIME in (len(old), unblocked, dropped, forgotten)
