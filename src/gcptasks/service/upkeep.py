"""What the service does of itself, now and then."""

from datetime import datetime, timedelta

from gcptasks.base.events import TaskExpired
from gcptasks.engine.tasks import NAME_BLOCK, RETENTION
from gcptasks.store.tx import Tx

_AT_A_TIME = 100
"""So few that no event loop is held for more than some milliseconds."""
_OPERATIONS_KEPT = timedelta(days=1)
"""How long a batch can be asked for, and its id not used again: how long Google does it, nobody recorded."""


def sweep(tx: Tx, now: datetime) -> bool:
    """Drop some of what is too old; whether more is left.

    That is what purges and deletions left, tasks (CT-145), name blocks that have ended, and operations.
    """
    if tx.leftovers.drop(
        now, _AT_A_TIME
    ):  # alone, and first: they would stand in the way of those who look for the old
        return True
    old = tx.tasks.created_before(now - RETENTION, _AT_A_TIME)
    tx.tasks.delete(list(old), now + NAME_BLOCK)
    tx.happened(TaskExpired(name, now) for name in old.values())
    unblocked = tx.tasks.unblock(now, _AT_A_TIME)
    unblocked += tx.queues.unblock(now, _AT_A_TIME - unblocked)
    dropped = tx.operations.drop_before(now - _OPERATIONS_KEPT, _AT_A_TIME)
    return _AT_A_TIME in (len(old), unblocked, dropped)
