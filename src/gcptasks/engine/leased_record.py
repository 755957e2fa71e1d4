"""The record of a task whose worker is in this process: what the lease tells the worker, and what it leaves for later.

Such an attempt is recorded as begun with its lease, and as succeeded with its acknowledgement. So the record and the
task always agree, and recording costs no transaction of its own.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(slots=True)
class LeasedRecord:
    """A record as the lease of its task left it."""

    id: str
    run: int
    number: int
    """Of the attempt that begins."""
    endpoint: str
    task_name: str
    age: timedelta
    """How long ago the first attempt began."""
    taken: bool = False
    """Whether the worker records the attempt. It need not: the app may have refused the request."""
    over: bool = False
    """Whether it is known how the attempt ended: the acknowledgement takes nothing more from here."""
    result: bytes | None = None
    """What the worker ended the task with, for the acknowledgement to write."""
