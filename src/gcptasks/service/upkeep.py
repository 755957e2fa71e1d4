"""What the service does of itself, now and then."""

from datetime import datetime

from gcptasks.base.events import TaskExpired
from gcptasks.engine.tasks import NAME_BLOCK, RETENTION
from gcptasks.store.tx import Tx

_AT_A_TIME = 1000


def sweep(tx: Tx, now: datetime) -> bool:
    """Drop some of the tasks that are too old (CT-145) and of the name blocks that have ended; whether more is left."""
    old = tx.tasks.created_before(now - RETENTION, _AT_A_TIME)
    tx.tasks.delete(list(old), now + NAME_BLOCK)
    tx.happened(TaskExpired(name, now) for name in old.values())
    unblocked = tx.tasks.unblock(now, _AT_A_TIME)
    tx.queues.unblock(now)
    return len(old) == _AT_A_TIME or unblocked == _AT_A_TIME
