"""The verb that drops everything."""

from datetime import datetime

from gcptasks.base.events import ServiceReset
from gcptasks.engine.model import GivenQueues
from gcptasks.service.policy import Policy
from gcptasks.service.queues import have_queues
from gcptasks.store.tx import Tx


def reset(tx: Tx, given: GivenQueues, now: datetime, policy: Policy) -> None:
    """Have nothing but these queues, as after a first start."""
    tx.drop_all()
    tx.happened([ServiceReset(now)])
    have_queues(tx, given, now, policy)
