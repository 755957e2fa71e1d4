"""The verb that drops everything."""

from collections.abc import Sequence
from datetime import datetime

from gcptasks.base.events import ServiceReset
from gcptasks.engine.model import NewQueue
from gcptasks.service.policy import Policy
from gcptasks.service.queues import create_queue
from gcptasks.store.tx import Tx


def reset(tx: Tx, queues: Sequence[NewQueue], now: datetime, policy: Policy) -> None:
    """Have nothing but these queues, as after a first start."""
    tx.drop_all()
    tx.happened([ServiceReset(now)])
    for queue in queues:
        create_queue(tx, queue, now, policy)
