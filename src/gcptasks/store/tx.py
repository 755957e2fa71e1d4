"""What a verb is given: the database within one transaction, and a place to say what happened."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gcptasks.base.events import Event
from gcptasks.base.names import QueueName
from gcptasks.store.cache import Cache
from gcptasks.store.cmek_configs import CmekConfigs
from gcptasks.store.due import Due
from gcptasks.store.executions import Executions
from gcptasks.store.iam_policies import IamPolicies
from gcptasks.store.jobs import Jobs
from gcptasks.store.leases import Leased, Leases
from gcptasks.store.leftovers import Leftovers
from gcptasks.store.locations import Locations
from gcptasks.store.operations import Operations
from gcptasks.store.outstanding import Outstanding
from gcptasks.store.queues import Queues
from gcptasks.store.reset import Reset
from gcptasks.store.signing_keys import SigningKeys
from gcptasks.store.statements import Statements
from gcptasks.store.task_numbers import TaskNumbers
from gcptasks.store.task_records import TaskRecords
from gcptasks.store.tasks import Tasks
from gcptasks.store.times import to_us


class Arrival(NamedTuple):
    """A task that is new, or due at another time."""

    queue: QueueName
    due: Due


@dataclass(slots=True)
class Changes:
    """What a dispatcher may want to know of a transaction. Hints: the file decides."""

    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    queues: list[QueueName] = field(default_factory=list[QueueName])
    """These were changed, added or deleted."""
    forced: bool = False
    """RunTask was called."""
    jobs: bool = False
    """A job is due at another time than before, or an execution is."""

    def __bool__(self) -> bool:
        return bool(self.arrivals) or bool(self.queues) or self.forced or self.jobs

    def mark(self) -> tuple[int, int, bool, bool]:
        """What there is so far, for `back_to`."""
        return len(self.arrivals), len(self.queues), self.forced, self.jobs

    def back_to(self, mark: tuple[int, int, bool, bool]) -> None:
        """Take back what was added since `mark`."""
        arrivals, queues, self.forced, self.jobs = mark
        del self.arrivals[arrivals:]
        del self.queues[queues:]


class Tx:
    """One transaction. Verbs load, ask a rule, apply; what they raise undoes what they did."""

    def __init__(self, connection: sqlite3.Connection, cache: Cache) -> None:
        self._sql = statements = Statements(connection)
        self._cache = cache
        self._numbers = TaskNumbers(statements, cache)
        self.changes = Changes()
        self.queues = Queues(statements, cache.queues)
        self.tasks = Tasks(statements, self._numbers)
        self.leases = Leases(statements, self._numbers)
        self.events: list[Event] = []
        self.begun: list[Leased] = []
        """New tasks whose first attempts begin with them."""
        self.begins_alone = False
        """Whether nothing else is under way where they begin."""
        self.changed_records: list[str] = []
        """Their ids. Hints: those of a verb that is undone stay."""
        self._events_before, self._changes_before = 0, self.changes.mark()
        self._numbers_before = self._numbers.mark()

    @property
    def leftovers(self) -> Leftovers:
        return Leftovers(self._sql, self.records.tagged)

    @property
    def operations(self) -> Operations:
        return Operations(self._sql)

    @property
    def cmek_configs(self) -> CmekConfigs:
        return CmekConfigs(self._sql)

    @property
    def iam_policies(self) -> IamPolicies:
        return IamPolicies(self._sql)

    @property
    def locations(self) -> Locations:
        return Locations(self._sql)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self._sql)

    @property
    def executions(self) -> Executions:
        return Executions(self._sql)

    @property
    def records(self) -> TaskRecords:
        return TaskRecords(self._sql, self.changed_records)

    @property
    def outstanding(self) -> Outstanding:
        return Outstanding(self._sql)

    @property
    def signing_keys(self) -> SigningKeys:
        return SigningKeys(self._sql)

    def happened(self, events: Iterable[Event]) -> None:
        """Have these events told once the transaction is committed; those of a verb that is undone never are.

        Every event passes here, whichever process makes it, within the transaction that makes it true. So this is the
        place to keep what happened, as a history would: it is kept if and only if it happened.
        """
        self.events.extend(events)

    def drop_all(self) -> None:
        """Empty the database."""
        Reset(self._sql, self.changed_records).drop_all()
        self._cache.forget()

    def arrived(self, queue: QueueName, number: int, at: datetime) -> None:
        """A task is new, or due at another time."""
        self.changes.arrivals.append(Arrival(queue, Due(to_us(at), number)))

    def savepoint(self) -> None:
        """Begin a verb."""
        self._sql.begin_verb()
        self._events_before, self._changes_before = len(self.events), self.changes.mark()
        self._numbers_before = self._numbers.mark()

    def keep(self) -> None:
        """Keep what was done and said since the savepoint."""
        self._sql.keep_verb()

    def undo(self) -> None:
        """Undo what was done and said since the savepoint."""
        self._sql.undo_verb()
        self._cache.forget()
        del self.events[self._events_before :]
        self.changes.back_to(self._changes_before)
        self._numbers.back_to(self._numbers_before)

    def begin(self, leased: list[Leased]) -> None:
        """The first attempts of these new tasks begin with them, so they do not arrive."""
        numbers = {one.number for one in leased}
        self.changes.arrivals = [one for one in self.changes.arrivals if one.due.number not in numbers]
        self.begun = leased

    def finish(self) -> None:
        """Write what is written once per transaction."""
        self._sql.write_tasks()
        self._numbers.flush()
