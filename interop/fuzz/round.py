"""One round: random requests to a service on a file, which is looked through at the end."""

import fcntl
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Protocol

from interop.fuzz.calls import Calls
from interop.fuzz.content import Content, Rows
from interop.fuzz.everything import unreadable
from interop.fuzz.own import TOKEN, Own
from interop.fuzz.raw import Raw
from interop.fuzz.rest import Rest
from interop.fuzz.verdict import Verdict
from interop.service import Service, serving

_APP_ENGINE = ("--app-engine", "http://localhost:1")
_OPTIONS = [
    (),
    ("--create-queues", "--run-paused-jobs", *_APP_ENGINE),
    ("--quotas", "none", "--manual-clock", "2026-01-01T00:00:00Z", *_APP_ENGINE),
]
_MOST_MEMORY = 512 * 1024 * 1024
"""What docs/local-service.md promises."""
_ENOUGH = 5
"""Problems, after which a round ends."""
_LONGEST = 2000
"""Characters of a request that are shown; its seed has the rest."""


class Sender(Protocol):
    """Sends random requests of one kind."""

    def send(self) -> Verdict: ...

    def close(self) -> None: ...


SENDERS: Mapping[str, Callable[[Service, Random], Sender]] = {"calls": Calls, "rest": Rest, "own": Own, "raw": Raw}
_WEIGHTS = {"calls": 40, "rest": 40, "own": 10, "raw": 10}


class Round:
    """What came of the requests of one seed."""

    def __init__(self, seed: int, kinds: Sequence[str]) -> None:
        self.seed = seed
        self.counts = Counter[str]()
        """By what became of them: accepted, refused, wrong."""
        self.problems: list[str] = []
        self._kinds = kinds

    def run(self, requests: int, tick: Callable[[], None]) -> None:
        """Send so many; `tick` is called after each."""
        random = Random(self.seed)
        options = ("--admin-token", TOKEN, *random.choice(_OPTIONS))
        with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
            database = Path(folder) / "tasks.db"
            # Who holds this lock delivers: nothing is sent to the URLs of random tasks, and only calls change the file.
            lock = opened.enter_context(Path(f"{database}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            with serving("--db", str(database), *options) as service:
                self._send(service, database, random, requests, tick)
                self._note(unreadable(service), "at the end")
                self._look_at(service)
            with serving("--db", str(database), *options) as service:
                self._note(unreadable(service), "after a restart")
                self._look_at(service)
            with Content(database) as content:
                self._note([damage] if (damage := content.damage()) else [], "in the database")

    def _send(self, service: Service, database: Path, random: Random, requests: int, tick: Callable[[], None]) -> None:
        with ExitStack() as opened:
            senders = [opened.enter_context(closing(SENDERS[kind](service, random))) for kind in self._kinds]
            weights = [_WEIGHTS[kind] for kind in self._kinds]
            content = opened.enter_context(Content(database))
            rows, version = content.rows(), content.version()
            for number in range(requests):
                verdict = random.choices(senders, weights)[0].send()
                problem, now = verdict.problem, content.version()
                if now != version:
                    # Which does not mean that anything is another than before: SQLite writes what was undone, too.
                    before, rows, version = rows, content.rows(), now
                    if rows != before and not verdict.may_write:
                        problem = problem or f"it was refused, and has changed {_difference(before, rows)}"
                self.counts["wrong" if problem else "accepted" if verdict.may_write else "refused or read"] += 1
                self._note([f"{problem}\n    {verdict.request[:_LONGEST]}"] if problem else [], f"request {number + 1}")
                tick()
                if len(self.problems) >= _ENOUGH or not service.is_up:
                    return

    def _look_at(self, service: Service) -> None:
        if not service.is_up:
            self._note(["it ended by itself"], "the service")
        elif (memory := service.memory()) > _MOST_MEMORY:
            self._note([f"it has {memory >> 20} MiB in memory"], "the service")
        if trouble := service.trouble():
            self._note([trouble], "the log")

    def _note(self, problems: Iterator[str] | Sequence[str], where: str) -> None:
        self.problems += [f"seed {self.seed}, {where}: {problem}" for problem in problems]


def _difference(before: Rows, after: Rows) -> str:
    changed = {table: (before.get(table, frozenset()), rows) for table, rows in after.items()}
    return "; ".join(f"{name}: {old - new} → {new - old}" for name, (old, new) in changed.items() if old != new)
